// RUN: deeploy-opt %s --verify-diagnostics --split-input-file | filecheck %s

// CHECK: offload.start: a job is one kernel
%t = offload.start @accelerator do {
  %c = arith.constant 0 : index
} : !offload.token<@accelerator>

// -----

%x, %y = "test.op"() : () -> (tensor<8xi8>, tensor<8xi8>)
// CHECK: offload.start: a job works on memrefs
%t = offload.start @accelerator do {
  %z = kernel.map ins(%x : tensor<8xi8>) outs(%y : tensor<8xi8>) {layer = "copy", maps = [affine_map<(d0) -> (d0)>]} {
  ^bb0(%e: i8):
    kernel.yield %e : i8
  } -> tensor<8xi8>
} : !offload.token<@accelerator>

// -----

%x, %y = "test.op"() : () -> (memref<8xi8, #soc.memory<@l1>>, memref<8xi8, #soc.memory<@l1>>)
// CHECK: offload.start: a kernel of @cluster cannot run on @accelerator
%t = offload.start @accelerator do {
  kernel.map ins(%x : memref<8xi8, #soc.memory<@l1>>) outs(%y : memref<8xi8, #soc.memory<@l1>>) {layer = "copy", engine = @cluster, maps = [affine_map<(d0) -> (d0)>]} {
  ^bb0(%e: i8):
    kernel.yield %e : i8
  }
} : !offload.token<@accelerator>

// -----

%x, %y = "test.op"() : () -> (memref<8xi8, #soc.memory<@l1>>, memref<8xi8, #soc.memory<@l1>>)
// CHECK: offload.start: !offload.token<@other> is no token of @accelerator
%t = offload.start @accelerator do {
  kernel.map ins(%x : memref<8xi8, #soc.memory<@l1>>) outs(%y : memref<8xi8, #soc.memory<@l1>>) {layer = "copy", maps = [affine_map<(d0) -> (d0)>]} {
  ^bb0(%e: i8):
    kernel.yield %e : i8
  }
} : !offload.token<@other>
