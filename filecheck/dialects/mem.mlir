// RUN: deeploy-opt %s | deeploy-opt | filecheck %s
// RUN: deeploy-opt %s --print-op-generic | deeploy-opt | filecheck %s

// CHECK: mem.arena @net_l1 {network = @net, memory = @l1, size = 128 : i64, align = 8 : i64}
mem.arena @net_l1 {network = @net, memory = @l1, size = 128 : i64, align = 8 : i64}

// What an array is for, in which network, and its name in the ONNX file, which may be any text.
// CHECK-NEXT: "memref.global"() <{{.*}}> {mem.role = #mem.role<input 0 of @net "in/put\22 0">} : () -> ()
"memref.global"() <{sym_name = "x", type = memref<4xi8, #soc.memory<@l2>>, initial_value, sym_visibility = "public"}> {mem.role = #mem.role<input 0 of @net "in/put\22 0">} : () -> ()

func.func @net(%which: index, %changed: i1) {
  // CHECK: mem.step "conv" {note = "all of it", tiles = array<i64: 4, 4>, cycles = #builtin.int<12>} do {
  mem.step "conv" {note = "all of it", tiles = array<i64: 4, 4>, cycles = #builtin.int<12>} do {
    // CHECK-NEXT: mem.view @net_l1 {offsets = array<i64: 0>} : memref<4x4xi8, #soc.memory<@l1>>
    %0 = mem.view @net_l1 {offsets = array<i64: 0>} : memref<4x4xi8, #soc.memory<@l1>>
    // CHECK-NEXT: mem.view @net_l1 which %which {offsets = array<i64: 16, 32>} : memref<4x4xi8, #soc.memory<@l1>>
    %1 = mem.view @net_l1 which %which {offsets = array<i64: 16, 32>} : memref<4x4xi8, #soc.memory<@l1>>
    // CHECK-NEXT: mem.reshape %{{.*}} : memref<4x4xi8, #soc.memory<@l1>> to memref<16xi8, #soc.memory<@l1>>
    %2 = mem.reshape %0 : memref<4x4xi8, #soc.memory<@l1>> to memref<16xi8, #soc.memory<@l1>>
    // CHECK-NEXT: mem.copy %{{.*}} to %{{.*}} : memref<4x4xi8, #soc.memory<@l1>> to memref<4x4xi8, #soc.memory<@l1>>
    mem.copy %0 to %1 : memref<4x4xi8, #soc.memory<@l1>> to memref<4x4xi8, #soc.memory<@l1>>
    // CHECK-NEXT: mem.copy %{{.*}} to %{{.*}} if %changed : memref<4x4xi8, #soc.memory<@l1>> to memref<4x4xi8, #soc.memory<@l1>>
    mem.copy %0 to %1 if %changed : memref<4x4xi8, #soc.memory<@l1>> to memref<4x4xi8, #soc.memory<@l1>>
  }
  func.return
}
