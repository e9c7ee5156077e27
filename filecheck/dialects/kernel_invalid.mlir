// RUN: deeploy-opt %s --verify-diagnostics --split-input-file | filecheck %s

%a, %b, %c = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<4x16xi8>)
// CHECK: kernel.matmul: without an epilogue the output must be i32, not i8
%y = kernel.matmul ins(%a, %b : tensor<4x8xi8>, tensor<8x16xi8>) outs(%c : tensor<4x16xi8>) {layer = "fc"} -> tensor<4x16xi8>

// -----

%a, %b, %bias, %c = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<16xi32>, tensor<4x16xi32>)
// CHECK: kernel.matmul: 1 extras but 0 extra_maps
%y = kernel.matmul ins(%a, %b : tensor<4x8xi8>, tensor<8x16xi8>) extras(%bias : tensor<16xi32>) outs(%c : tensor<4x16xi32>) {layer = "fc"} {
^bb0(%acc: i32, %b0: i32):
  kernel.yield %acc : i32
} -> tensor<4x16xi32>

// -----

%a, %b, %bias, %c = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<16xi32>, tensor<4x16xi32>)
// CHECK: kernel.matmul: epilogue takes (i32, i8), expected (i32, i32)
%y = kernel.matmul ins(%a, %b : tensor<4x8xi8>, tensor<8x16xi8>) extras(%bias : tensor<16xi32>) outs(%c : tensor<4x16xi32>) {layer = "fc", extra_maps = [affine_map<(d0, d1) -> (d1)>]} {
^bb0(%acc: i32, %b0: i8):
  kernel.yield %acc : i32
} -> tensor<4x16xi32>

// -----

%a, %b, %c = "test.op"() : () -> (memref<4x8xi8>, memref<8x16xi8>, memref<4x16xi32>)
// CHECK: kernel.matmul: a result is needed on tensors, and none on memrefs
%y = kernel.matmul ins(%a, %b : memref<4x8xi8>, memref<8x16xi8>) outs(%c : memref<4x16xi32>) {layer = "fc"} -> tensor<4x16xi32>

// -----

%x, %w, %o = "test.op"() : () -> (tensor<1x8x8x4xi8>, tensor<6x3x3x4xi8>, tensor<1x7x7x6xi32>)
// CHECK: kernel.conv: spatial axis 0 of size 8 with pads 0, 0 is too small for 7 outputs of stride 1 and a window reaching 3
%y = kernel.conv ins(%x, %w : tensor<1x8x8x4xi8>, tensor<6x3x3x4xi8>) outs(%o : tensor<1x7x7x6xi32>) {layer = "c", layout = #kernel<layout channels_last>, window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} -> tensor<1x7x7x6xi32>

// -----

%x, %w, %o = "test.op"() : () -> (tensor<1x8x8x4xi8>, tensor<6x3x3x3xi8>, tensor<1x6x6x6xi32>)
// CHECK: kernel.conv: 4 input channels, but 1 groups of 3 in the weights
%y = kernel.conv ins(%x, %w : tensor<1x8x8x4xi8>, tensor<6x3x3x3xi8>) outs(%o : tensor<1x6x6x6xi32>) {layer = "c", layout = #kernel<layout channels_last>, window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} -> tensor<1x6x6x6xi32>

// -----

%x, %w, %o, %i = "test.op"() : () -> (memref<1x8x8x4xi8>, memref<6x3x3x4xi8>, memref<1x8x8x6xi32>, index)
// CHECK: kernel.conv: 1 origins but 2 padded axes
kernel.conv ins(%x, %w : memref<1x8x8x4xi8>, memref<6x3x3x4xi8>) outs(%o : memref<1x8x8x6xi32>) origins(%i) {layer = "c", layout = #kernel<layout channels_last>, window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, local}

// -----

%x, %o = "test.op"() : () -> (tensor<4x8xi8>, tensor<4xi32>)
// CHECK: kernel.reduce: axes [2] are not ascending axes of tensor<4x8xi8>
%y = kernel.reduce ins(%x : tensor<4x8xi8>) outs(%o : tensor<4xi32>) {layer = "r", combiner = #kernel<combiner sum>, axes = array<i64: 2>} -> tensor<4xi32>

// -----

%x, %o = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x5xi8>)
// CHECK: kernel.map: operand 0 of type tensor<4x8xi8> is accessed at index 4 of axis 0
%y = kernel.map ins(%x : tensor<4x8xi8>) outs(%o : tensor<8x5xi8>) {layer = "t", maps = [affine_map<(d0, d1) -> (d1, d0)>]} {
^bb0(%e: i8):
  kernel.yield %e : i8
} -> tensor<8x5xi8>

// -----

%x = "test.op"() : () -> tensor<4x8xi8>
// CHECK: kernel.reshape: tensor<4x8xi8> and tensor<31xi8> hold different elements
%y = kernel.reshape %x : tensor<4x8xi8> to tensor<31xi8>

// -----

%x, %p, %i, %u = "test.op"() : () -> (tensor<4x8xi8>, tensor<4xi32>, tensor<3x1xi32>, tensor<3x7xi8>)
// CHECK: kernel.scatter: axis 1 has 8 elements, 1 indices and 7 updates
%y = kernel.scatter ins(%x, %p, %i, %u : tensor<4x8xi8>, tensor<4xi32>, tensor<3x1xi32>, tensor<3x7xi8>) outs(%x : tensor<4x8xi8>) {layer = "s", axis = 0 : i64} {
^bb0(%old: i8, %new: i8):
  kernel.yield %new : i8
} -> tensor<4x8xi8>

// -----

%x, %p, %i, %u = "test.op"() : () -> (tensor<4x8xi8>, tensor<4xi64>, tensor<3x1xi32>, tensor<3x8xi8>)
// CHECK: kernel.scatter: positions and indices are i32
%y = kernel.scatter ins(%x, %p, %i, %u : tensor<4x8xi8>, tensor<4xi64>, tensor<3x1xi32>, tensor<3x8xi8>) outs(%x : tensor<4x8xi8>) {layer = "s", axis = 0 : i64} {
^bb0(%old: i8, %new: i8):
  kernel.yield %new : i8
} -> tensor<4x8xi8>

// -----

%a, %b, %c = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<4x16xi32>)
// CHECK: kernel.matmul: cores cannot share dimension 2
%y = kernel.matmul ins(%a, %b : tensor<4x8xi8>, tensor<8x16xi8>) outs(%c : tensor<4x16xi32>) {layer = "fc", split = #kernel.split<2 by 8>} -> tensor<4x16xi32>

// -----

%a, %b, %c = "test.op"() : () -> (tensor<4x8xi8>, tensor<2x32xui8>, tensor<4x12xi32>)
// CHECK: kernel.matmul: operand 1 of type tensor<2x32xui8> is accessed at index 2 of axis 0
%y = kernel.matmul ins(%a, %b : tensor<4x8xi8>, tensor<2x32xui8>) outs(%c : tensor<4x12xi32>) {layer = "fc", packed = [#kernel.packed<1, 1 by 4, tensor<8x12xi8>>]} -> tensor<4x12xi32>
