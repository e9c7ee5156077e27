// RUN: deeploy-opt %s | deeploy-opt | filecheck %s
// RUN: deeploy-opt %s --print-op-generic | deeploy-opt | filecheck %s

%x, %y, %more = "test.op"() : () -> (memref<?x8xi8, #soc.memory<@l1>>, memref<?x8xi8, #soc.memory<@l1>>, i1)
// CHECK: %t = offload.start @accelerator do {
// CHECK-NEXT: kernel.map ins(%x : memref<?x8xi8, #soc.memory<@l1>>) outs(%y : memref<?x8xi8, #soc.memory<@l1>>)
// CHECK: } : !offload.token<@accelerator>
%t = offload.start @accelerator do {
  kernel.map ins(%x : memref<?x8xi8, #soc.memory<@l1>>) outs(%y : memref<?x8xi8, #soc.memory<@l1>>) {layer = "copy", maps = [affine_map<(d0, d1) -> (d0, d1)>], local} {
  ^bb0(%e: i8):
    kernel.yield %e : i8
  }
} : !offload.token<@accelerator>
// CHECK-NEXT: offload.wait %t : !offload.token<@accelerator>
offload.wait %t : !offload.token<@accelerator>
// CHECK-NEXT: %u = offload.start @accelerator if %more do {
%u = offload.start @accelerator if %more do {
  kernel.map ins(%x : memref<?x8xi8, #soc.memory<@l1>>) outs(%y : memref<?x8xi8, #soc.memory<@l1>>) {layer = "copy", maps = [affine_map<(d0, d1) -> (d0, d1)>], local} {
  ^bb0(%e: i8):
    kernel.yield %e : i8
  }
} : !offload.token<@accelerator>
// CHECK: %n = offload.none : !offload.token<@accelerator>
%n = offload.none : !offload.token<@accelerator>
// CHECK-NEXT: "test.op"(%u, %n) : (!offload.token<@accelerator>, !offload.token<@accelerator>) -> ()
"test.op"(%u, %n) : (!offload.token<@accelerator>, !offload.token<@accelerator>) -> ()
