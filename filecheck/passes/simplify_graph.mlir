// RUN: deeploy-opt %s -p deeploy-simplify-graph --split-input-file | filecheck %s

// Two transposes that undo each other, identities and a cast to the same type: nothing is left.
// CHECK-LABEL: func.func @nothing
func.func @nothing(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  // CHECK-NEXT: func.return %x
  %0 = "onnx.Transpose"(%x) <{perm = array<i64: 1, 2, 0>}> : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = "onnx.Identity"(%0) : (tensor<3x4x2xf32>) -> tensor<3x4x2xf32>
  %2 = "onnx.Cast"(%1) <{to = 1 : i64}> : (tensor<3x4x2xf32>) -> tensor<3x4x2xf32>
  %3 = "onnx.Transpose"(%2) <{perm = array<i64: 2, 0, 1>}> : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  func.return %3 : tensor<2x3x4xf32>
}

// -----
// Transposes compose.
// CHECK-LABEL: func.func @composed
func.func @composed(%x: tensor<2x3x4xf32>) -> tensor<4x3x2xf32> {
  // CHECK-NEXT: "onnx.Transpose"(%x) <{perm = array<i64: 2, 1, 0>}>
  // CHECK-NEXT: func.return
  %0 = "onnx.Transpose"(%x) <{perm = array<i64: 1, 2, 0>}> : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = "onnx.Transpose"(%0) <{perm = array<i64: 1, 0, 2>}> : (tensor<3x4x2xf32>) -> tensor<4x3x2xf32>
  func.return %1 : tensor<4x3x2xf32>
}

// -----
// A chain of reshapes is one; a transpose that moves only dimensions of size 1 is a reshape as well.
builtin.module {
  // CHECK: dense<[1, 6, 4]> : tensor<3xi64>
  // CHECK-NOT: ml_program.global private @axes
  ml_program.global private @axes(dense<[0]> : tensor<1xi64>) : tensor<1xi64>
  func.func @reshapes(%x: tensor<2x3x4xf32>) -> tensor<1x6x4xf32> {
    %axes = ml_program.global_load_const @axes : tensor<1xi64>
    // CHECK: "onnx.Reshape"(%x, %{{.*}}){{.*}} : (tensor<2x3x4xf32>, tensor<3xi64>) -> tensor<1x6x4xf32>
    // CHECK-NEXT: func.return
    %0 = "onnx.Flatten"(%x) <{axis = 2 : i64}> : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
    %1 = "onnx.Unsqueeze"(%0, %axes) : (tensor<6x4xf32>, tensor<1xi64>) -> tensor<1x6x4xf32>
    %2 = "onnx.Transpose"(%1) <{perm = array<i64: 1, 0, 2>}> : (tensor<1x6x4xf32>) -> tensor<6x1x4xf32>
    %3 = "onnx.Transpose"(%2) <{perm = array<i64: 1, 0, 2>}> : (tensor<6x1x4xf32>) -> tensor<1x6x4xf32>
    func.return %3 : tensor<1x6x4xf32>
  }
}

// -----
// Zeros around the image go into the pads of the convolution.
builtin.module {
  ml_program.global private @pads(dense<[0, 0, 1, 2, 0, 0, 3, 4]> : tensor<8xi64>) : tensor<8xi64>
  func.func @padded(%x: tensor<1x3x4x4xf32>, %w: tensor<2x3x3x3xf32>) -> tensor<1x2x8x10xf32> {
    %pads = ml_program.global_load_const @pads : tensor<8xi64>
    %0 = "onnx.Pad"(%x, %pads) <{operandSegmentSizes = array<i32: 1, 1, 0, 0>}> : (tensor<1x3x4x4xf32>, tensor<8xi64>) -> tensor<1x3x8x10xf32>
    // CHECK: "onnx.Conv"(%x, %w) <{pads = array<i64: 2, 3, 4, 5>}> {{.*}} : (tensor<1x3x4x4xf32>, tensor<2x3x3x3xf32>) -> tensor<1x2x8x10xf32>
    // CHECK-NEXT: func.return
    %1 = "onnx.Conv"(%0, %w) <{pads = array<i64: 1, 1, 1, 1>}> : (tensor<1x3x8x10xf32>, tensor<2x3x3x3xf32>) -> tensor<1x2x8x10xf32>
    func.return %1 : tensor<1x2x8x10xf32>
  }
}

// -----
// Widening and narrowing again gives the operand; through a type without sign it does not.
// CHECK-LABEL: func.func @casts
func.func @casts(%x: tensor<4xi8>) -> (tensor<4xi8>, tensor<4xi64>, tensor<4xi64>) {
  %0 = "onnx.Cast"(%x) <{to = 6 : i64}> : (tensor<4xi8>) -> tensor<4xi32>
  %1 = "onnx.Cast"(%0) <{to = 3 : i64}> : (tensor<4xi32>) -> tensor<4xi8>
  // CHECK-NEXT: [[WIDE:%.*]] = "onnx.Cast"(%x) <{to = 7 : i64}> {{.*}} : (tensor<4xi8>) -> tensor<4xi64>
  %2 = "onnx.Cast"(%0) <{to = 7 : i64}> : (tensor<4xi32>) -> tensor<4xi64>
  // CHECK-NEXT: [[U:%.*]] = "onnx.Cast"(%x) <{to = 12 : i64}> : (tensor<4xi8>) -> tensor<4xui32>
  // CHECK-NEXT: [[V:%.*]] = "onnx.Cast"([[U]]) <{to = 7 : i64}>
  %3 = "onnx.Cast"(%x) <{to = 12 : i64}> : (tensor<4xi8>) -> tensor<4xui32>
  %4 = "onnx.Cast"(%3) <{to = 7 : i64}> : (tensor<4xui32>) -> tensor<4xi64>
  // CHECK-NEXT: func.return %x, [[WIDE]], [[V]]
  func.return %1, %2, %4 : tensor<4xi8>, tensor<4xi64>, tensor<4xi64>
}
