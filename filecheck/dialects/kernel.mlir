// RUN: deeploy-opt %s | deeploy-opt | filecheck %s
// RUN: deeploy-opt %s --print-op-generic | deeploy-opt | filecheck %s

%a, %b, %bias, %c = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<16xi32>, tensor<4x16xi8>)

// CHECK:      kernel.matmul ins(%a, %b : tensor<4x8xi8>, tensor<8x16xi8>) extras(%bias : tensor<16xi32>) outs(%c : tensor<4x16xi8>)
// CHECK-SAME: layer = "fc", extra_maps = [affine_map<(d0, d1) -> (d1)>]
// CHECK-NEXT: ^bb0(%acc: i32, %b0: i32):
// CHECK-NEXT:   arith.addi
// CHECK-NEXT:   kernel.cast %{{.*}} : i32 to i8
// CHECK-NEXT:   kernel.yield %{{.*}} : i8
// CHECK-NEXT: } -> tensor<4x16xi8>
%y = kernel.matmul ins(%a, %b : tensor<4x8xi8>, tensor<8x16xi8>) extras(%bias : tensor<16xi32>) outs(%c : tensor<4x16xi8>) {layer = "fc", extra_maps = [affine_map<(d0, d1) -> (d1)>]} {
^bb0(%acc: i32, %b0: i32):
  %0 = arith.addi %acc, %b0 : i32
  %1 = kernel.cast %0 : i32 to i8
  kernel.yield %1 : i8
} -> tensor<4x16xi8>

// CHECK: kernel.reshape %{{.*}} : tensor<4x16xi8> to tensor<2x2x16xi8>
%r = kernel.reshape %y : tensor<4x16xi8> to tensor<2x2x16xi8>

%x, %w, %o = "test.op"() : () -> (tensor<1x8x8x4xi8>, tensor<6x3x3x2xi8>, tensor<1x4x4x6xi32>)
// CHECK:      kernel.conv ins(%x, %w : tensor<1x8x8x4xi8>, tensor<6x3x3x2xi8>) outs(%o : tensor<1x4x4x6xi32>)
// CHECK-SAME: layout = #kernel<layout channels_last>, window = array<i64: 3, 3>, strides = array<i64: 2, 2>
// CHECK-SAME: pads = array<i64: 1, 1, 1, 1>, groups = 2 : i64, group_outputs = 3 : i64
%conv = kernel.conv ins(%x, %w : tensor<1x8x8x4xi8>, tensor<6x3x3x2xi8>) outs(%o : tensor<1x4x4x6xi32>) {layer = "conv", layout = #kernel<layout channels_last>, window = array<i64: 3, 3>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, groups = 2 : i64, group_outputs = 3 : i64} -> tensor<1x4x4x6xi32>

// On memrefs there is no result; a tile has an origin for each padded axis.
%tile, %wt, %ot, %low, %zero = "test.op"() : () -> (memref<1x?x8x4xi8>, memref<6x3x3x2xi8>, memref<1x2x4x6xi32>, index, index)
// CHECK: kernel.conv ins(%tile, %wt : memref<1x?x8x4xi8>, memref<6x3x3x2xi8>) outs(%ot : memref<1x2x4x6xi32>) origins(%low, %zero)
// CHECK-SAME: local}
kernel.conv ins(%tile, %wt : memref<1x?x8x4xi8>, memref<6x3x3x2xi8>) outs(%ot : memref<1x2x4x6xi32>) origins(%low, %zero) {layer = "conv", layout = #kernel<layout channels_last>, window = array<i64: 3, 3>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, groups = 2 : i64, group_outputs = 3 : i64, local}

%f, %p, %s, %t = "test.op"() : () -> (tensor<1x8x8x4xf32>, tensor<1x4x4x4xf32>, tensor<1x8x4xf32>, tensor<1x8x8x4xf32>)
// CHECK: kernel.pool {{.*}} combiner = #kernel<combiner max>
%pool = kernel.pool ins(%f : tensor<1x8x8x4xf32>) outs(%p : tensor<1x4x4x4xf32>) {layer = "pool", layout = #kernel<layout channels_last>, window = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, combiner = #kernel<combiner max>} -> tensor<1x4x4x4xf32>
// CHECK: kernel.reduce {{.*}} combiner = #kernel<combiner average>, axes = array<i64: 2>
%reduce = kernel.reduce ins(%f : tensor<1x8x8x4xf32>) outs(%s : tensor<1x8x4xf32>) {layer = "mean", combiner = #kernel<combiner average>, axes = array<i64: 2>} -> tensor<1x8x4xf32>
// CHECK: kernel.row {{.*}} function = #kernel<row_function softmax>
%row = kernel.row ins(%f : tensor<1x8x8x4xf32>) outs(%t : tensor<1x8x8x4xf32>) {layer = "softmax", function = #kernel<row_function softmax>} -> tensor<1x8x8x4xf32>
// CHECK: kernel.map {{.*}} maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d1, d3)>]
%map = kernel.map ins(%f : tensor<1x8x8x4xf32>) outs(%t : tensor<1x8x8x4xf32>) {layer = "transpose", maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d1, d3)>]} {
^bb0(%e: f32):
  kernel.yield %e : f32
} -> tensor<1x8x8x4xf32>
%indices, %positions, %updates = "test.op"() : () -> (tensor<1x2x1x1xi32>, tensor<8xi32>, tensor<1x2x8x4xf32>)
// CHECK: kernel.scatter {{.*}} axis = 1 : i64}
%scatter = kernel.scatter ins(%f, %positions, %indices, %updates : tensor<1x8x8x4xf32>, tensor<8xi32>, tensor<1x2x1x1xi32>, tensor<1x2x8x4xf32>) outs(%t : tensor<1x8x8x4xf32>) {layer = "cache", axis = 1 : i64} {
^bb0(%old: f32, %new: f32):
  kernel.yield %new : f32
} -> tensor<1x8x8x4xf32>
