// RUN: deeploy-opt %s -p convert-onnx-to-kernel --split-input-file --verify-diagnostics | filecheck %s

ml_program.global private @w(dense<1> : tensor<4x3x3x3xi8>) : tensor<4x3x3x3xi8>
ml_program.global private @m(dense<3> : tensor<4x1x1xi32>) : tensor<4x1x1xi32>
ml_program.global private @a(dense<5> : tensor<4x1x1xi32>) : tensor<4x1x1xi32>
func.func @conv(%x: tensor<1x3x8x8xui8>) -> tensor<1x4x4x4xi8> {
  %w = ml_program.global_load_const @w : tensor<4x3x3x3xi8>
  %m = ml_program.global_load_const @m : tensor<4x1x1xi32>
  %a = ml_program.global_load_const @a : tensor<4x1x1xi32>
  %0 = "onnx.ConvInteger"(%x, %w) <{strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, operandSegmentSizes = array<i32: 1, 1, 0, 0>}> {onnx_node_name = "Conv_0"} : (tensor<1x3x8x8xui8>, tensor<4x3x3x3xi8>) -> tensor<1x4x4x4xi32>
  %1 = "qnn.RequantShift"(%0, %m, %a) <{div = 256 : i64, n_levels = 256 : i64, signed = 1 : i64}> : (tensor<1x4x4x4xi32>, tensor<4x1x1xi32>, tensor<4x1x1xi32>) -> tensor<1x4x4x4xi8>
  func.return %1 : tensor<1x4x4x4xi8>
}
// CHECK-LABEL: func.func @conv
// CHECK: kernel.conv ins(%x, %w : tensor<1x3x8x8xui8>, tensor<4x3x3x3xi8>) outs(%{{.*}} : tensor<1x4x4x4xi32>)
// CHECK-SAME: layer = "Conv_0"
// CHECK-SAME: channels_first
// CHECK-SAME: pads = array<i64: 1, 1, 1, 1>
// CHECK: kernel.map
// CHECK-SAME: affine_map<(d0, d1, d2, d3) -> (d1, 0, 0)>
// CHECK: arith.muli %{{.*}}, %{{.*}} : i64
// CHECK: arith.constant 128 : i64
// CHECK: arith.constant 8 : i64
// CHECK-NEXT: arith.shrsi
// CHECK: kernel.cast %{{.*}} : i64 to i8

// -----

func.func @matmul(%a: tensor<2x5x8xf32>, %b: tensor<8x3xf32>) -> tensor<2x5x3xf32> {
  %0 = "onnx.MatMul"(%a, %b) : (tensor<2x5x8xf32>, tensor<8x3xf32>) -> tensor<2x5x3xf32>
  func.return %0 : tensor<2x5x3xf32>
}
// CHECK-LABEL: func.func @matmul
// CHECK: kernel.reshape %a : tensor<2x5x8xf32> to tensor<10x8xf32>
// CHECK: kernel.matmul
// CHECK-SAME: outs(%{{.*}} : tensor<10x3xf32>)
// CHECK: kernel.reshape %{{.*}} : tensor<10x3xf32> to tensor<2x5x3xf32>

// -----

func.func @concat(%a: tensor<2x3xf32>, %b: tensor<2x5xf32>) -> tensor<2x8xf32> {
  %0 = "onnx.Concat"(%a, %b) <{axis = 1 : i64}> : (tensor<2x3xf32>, tensor<2x5xf32>) -> tensor<2x8xf32>
  func.return %0 : tensor<2x8xf32>
}
// CHECK-LABEL: func.func @concat
// CHECK: %[[E:.*]] = tensor.empty() : tensor<2x8xf32>
// CHECK: %[[P:.*]] = kernel.map ins(%a : tensor<2x3xf32>) outs(%[[E]] : tensor<2x8xf32>)
// CHECK-SAME: out_offsets = array<i64: 0, 0>, sizes = array<i64: 2, 3>
// CHECK: kernel.map ins(%b : tensor<2x5xf32>) outs(%[[P]] : tensor<2x8xf32>)
// CHECK-SAME: out_offsets = array<i64: 0, 3>, sizes = array<i64: 2, 5>

// -----

func.func @softmax(%a: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = "onnx.Softmax"(%a) <{axis = 1 : i64}> : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  func.return %0 : tensor<2x3x4xf32>
}
// CHECK-LABEL: func.func @softmax
// CHECK: kernel.map
// CHECK-SAME: affine_map<(d0, d1, d2) -> (d0, d2, d1)>
// CHECK: kernel.row ins(%{{.*}} : tensor<2x4x3xf32>)
// CHECK-SAME: function = #kernel<row_function softmax>
// CHECK: kernel.map

// -----

func.func @pad(%a: tensor<2x3xf32>) -> tensor<4x3xf32> {
  %p = ml_program.global_load_const @p : tensor<4xi64>
  %v = ml_program.global_load_const @v : tensor<f32>
  %0 = "onnx.Pad"(%a, %p, %v) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> : (tensor<2x3xf32>, tensor<4xi64>, tensor<f32>) -> tensor<4x3xf32>
  func.return %0 : tensor<4x3xf32>
}
ml_program.global private @p(dense<[1, 0, 1, 0]> : tensor<4xi64>) : tensor<4xi64>
ml_program.global private @v(dense<7.0> : tensor<f32>) : tensor<f32>
// CHECK-LABEL: func.func @pad
// CHECK: kernel.map ins(%a : tensor<2x3xf32>)
// CHECK-SAME: affine_map<(d0, d1) -> ((d0 + -1), d1)>
// CHECK-SAME: padded = array<i64: 0, 0>, padding = 7.000000e+00 : f32
