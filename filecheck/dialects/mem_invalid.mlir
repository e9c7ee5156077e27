// RUN: deeploy-opt %s --verify-diagnostics --split-input-file | filecheck %s

mem.arena @a {network = @net, memory = @l1, size = 64 : i64, align = 8 : i64}
// CHECK: mem.view: 32 bytes at 40 exceed arena @a of 64 bytes
%0 = mem.view @a {offsets = array<i64: 40>} : memref<8xi32, #soc.memory<@l1>>

// -----

mem.arena @a {network = @net, memory = @l1, size = 64 : i64, align = 8 : i64}
// CHECK: mem.view: offset 6 is not aligned for i32
%0 = mem.view @a {offsets = array<i64: 6>} : memref<8xi32, #soc.memory<@l1>>

// -----

mem.arena @a {network = @net, memory = @l1, size = 64 : i64, align = 8 : i64}
// CHECK: mem.view: memref<8xi8, #soc.memory<@l2>> is not in @l1
%0 = mem.view @a {offsets = array<i64: 0>} : memref<8xi8, #soc.memory<@l2>>

// -----

mem.arena @a {network = @net, memory = @l1, size = 64 : i64, align = 8 : i64}
// CHECK: mem.view: 2 offsets need an index
%0 = mem.view @a {offsets = array<i64: 0, 8>} : memref<8xi8, #soc.memory<@l1>>

// -----

// CHECK: mem.copy: memref<8xi8> does not fit memref<9xi8>
%0, %1 = "test.op"() : () -> (memref<8xi8>, memref<9xi8>)
mem.copy %0 to %1 : memref<8xi8> to memref<9xi8>

// -----

// CHECK: mem.copy: memref<8xi8> does not fit memref<8xi16>
%0, %1 = "test.op"() : () -> (memref<8xi8>, memref<8xi16>)
mem.copy %0 to %1 : memref<8xi8> to memref<8xi16>

// -----

// CHECK: mem.reshape: memref<8xi8> and memref<3x3xi8> hold different elements
%0 = "test.op"() : () -> memref<8xi8>
%1 = mem.reshape %0 : memref<8xi8> to memref<3x3xi8>

// -----

// CHECK: mem.role: there is no weight 0
"test.op"() {role = #mem.role<weight 0 of @net "w">} : () -> ()

// -----

// CHECK: mem.role: there is no input -1
"test.op"() {role = #mem.role<input -1 of @net "x">} : () -> ()
