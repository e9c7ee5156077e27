// RUN: deeploy-opt %s | deeploy-opt | filecheck %s
// RUN: deeploy-opt %s --print-op-generic | deeploy-opt | filecheck %s

builtin.module @net {
  ml_program.global private @w(dense<"0x0102030405060708090A0B0C0D0E0F1011121314"> : tensor<5x4xi8>) : tensor<5x4xi8>
  // CHECK: ml_program.global private @w
  func.func @net(%x: tensor<1x3x8x8xf32>, %k: tensor<4x3x3x3xf32>, %i: tensor<2x5xui8>, %low: tensor<f32>) -> tensor<1x4x4x4xf32> {
    // An optional operand that is absent at the end is left out.
    // CHECK: "onnx.Conv"(%x, %k) <{pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>}> {onnx_node_name = "conv"} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x4x4xf32>
    %0 = "onnx.Conv"(%x, %k) <{pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>}> {onnx_node_name = "conv"} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x4x4xf32>
    // With several optional operands, segment sizes say which are there: here `max`, but no `min`.
    // CHECK-NEXT: "onnx.Clip"(%0, %low) <{operandSegmentSizes = array<i32: 1, 0, 1>}>
    %1 = "onnx.Clip"(%0, %low) <{operandSegmentSizes = array<i32: 1, 0, 1>}> : (tensor<1x4x4x4xf32>, tensor<f32>) -> tensor<1x4x4x4xf32>
    // CHECK-NEXT: ml_program.global_load_const @w : tensor<5x4xi8>
    %w = ml_program.global_load_const @w : tensor<5x4xi8>
    // CHECK-NEXT: "onnx.MatMulInteger"(%i, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0>}> : (tensor<2x5xui8>, tensor<5x4xi8>) -> tensor<2x4xi32>
    %2 = "onnx.MatMulInteger"(%i, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0>}> : (tensor<2x5xui8>, tensor<5x4xi8>) -> tensor<2x4xi32>
    // Variadic operands and results.
    // CHECK-NEXT: "onnx.Concat"(%2, %2, %2) <{axis = 0 : i64}>
    %3 = "onnx.Concat"(%2, %2, %2) <{axis = 0 : i64}> : (tensor<2x4xi32>, tensor<2x4xi32>, tensor<2x4xi32>) -> tensor<6x4xi32>
    // CHECK-NEXT: %{{.*}}, %{{.*}} = "onnx.Split"(%3) <{num_outputs = 2 : i64}>
    %4, %5 = "onnx.Split"(%3) <{num_outputs = 2 : i64}> : (tensor<6x4xi32>) -> (tensor<3x4xi32>, tensor<3x4xi32>)
    // Every kind of attribute.
    // CHECK-NEXT: "onnx.Elu"(%1) <{alpha = 5.000000e-01 : f32}>
    %6 = "onnx.Elu"(%1) <{alpha = 0.5 : f32}> : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
    // CHECK-NEXT: "onnx.Gelu"(%6) <{approximate = "tanh"}>
    %7 = "onnx.Gelu"(%6) <{approximate = "tanh"}> : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
    // CHECK: "onnx.ConstantOfShape"(%{{.*}}) <{value = dense<1.000000e+00> : tensor<1xf32>}>
    %s = "onnx.Shape"(%7) : (tensor<1x4x4x4xf32>) -> tensor<4xi64>
    %8 = "onnx.ConstantOfShape"(%s) <{value = dense<1.0> : tensor<1xf32>}> : (tensor<4xi64>) -> tensor<1x4x4x4xf32>
    func.return %7 : tensor<1x4x4x4xf32>
  }
}
