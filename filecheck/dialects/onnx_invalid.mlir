// RUN: deeploy-opt %s --verify-diagnostics --split-input-file | filecheck %s

%x = "test.op"() : () -> tensor<1x3x8x8xf32>
%0 = "onnx.Conv"(%x) {onnx_node_name = "c1"} : (tensor<1x3x8x8xf32>) -> tensor<1x4x4x4xf32>
// CHECK: c1: onnx.Conv (X, W, B?) has 1 operands; one is missing

// -----
%x, %w = "test.op"() : () -> (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>)
%0 = "onnx.Conv"(%x, %w, %w, %w) {onnx_node_name = "c2"} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>, tensor<4x3x3x3xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x4x4xf32>
// CHECK: c2: onnx.Conv takes one operand 'B', not 2

// -----
%x, %w = "test.op"() : () -> (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>)
%0 = "onnx.Conv"(%x, %w) <{stride = array<i64: 2, 2>}> {onnx_node_name = "c3"} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x4x4xf32>
// CHECK: c3: onnx.Conv has no attribute 'stride'; it has ['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides']

// -----
%x, %w = "test.op"() : () -> (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>)
%0 = "onnx.Conv"(%x, %w) {onnx_node_name = "c4", note = 1 : i64} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x4x4xf32>
// CHECK: c4: onnx.Conv has no attribute 'note'

// -----
%x, %w = "test.op"() : () -> (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>)
%0 = "onnx.Conv"(%x, %w) <{strides = 2 : i64}> {onnx_node_name = "c5"} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x4x4xf32>
// CHECK: c5: attribute 'strides' of onnx.Conv must be array<i64>, not 2 : i64

// -----
%x = "test.op"() : () -> tensor<2x3xf32>
%0 = "onnx.Concat"(%x, %x) {onnx_node_name = "cat"} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
// CHECK: cat: onnx.Concat needs the attribute 'axis'

// -----
%x, %w = "test.op"() : () -> (tensor<1x3x8x8xi8>, tensor<4x3x3x3xi8>)
%0 = "onnx.Conv"(%x, %w) {onnx_node_name = "c6"} : (tensor<1x3x8x8xi8>, tensor<4x3x3x3xi8>) -> tensor<1x4x4x4xi8>
// CHECK: c6: operand 'X' of onnx.Conv is tensor<1x3x8x8xi8>, but its element type must be one of bf16, f16, f32, f64

// -----
%x, %y = "test.op"() : () -> (tensor<4xf32>, tensor<4xi32>)
%0 = "onnx.Add"(%x, %y) {onnx_node_name = "add"} : (tensor<4xf32>, tensor<4xi32>) -> tensor<4xf32>
// CHECK: add: 'A' and 'B' of onnx.Add must have one element type, but have f32 and i32

// -----
%x = "test.op"() : () -> tensor<?xf32>
%0 = "onnx.Relu"(%x) {onnx_node_name = "relu"} : (tensor<?xf32>) -> tensor<?xf32>
// CHECK: relu: operand 'X' of onnx.Relu must be a tensor of static shape, not tensor<?xf32>

// -----
%x = "test.op"() : () -> tensor<4xf32>
%0 = "onnx.Clip"(%x) <{operandSegmentSizes = array<i32: 1, 1, 0>}> {onnx_node_name = "clip"} : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: clip: operandSegmentSizes [1, 1, 0] do not describe the 1 operands of onnx.Clip (input, min?, max?)
