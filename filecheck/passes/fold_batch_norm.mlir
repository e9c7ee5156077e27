// RUN: deeploy-opt %s -p deeploy-fold-batch-norm --split-input-file | filecheck %s

// The factor is scale / sqrt(variance + epsilon) = 2, the offset B - mean * factor = 1 - 3*2 = -5; with the bias: 10*2 - 5.
builtin.module {
  ml_program.global private @w(dense<[[[[4.0]]]]> : tensor<1x1x1x1xf32>) : tensor<1x1x1x1xf32>
  ml_program.global private @b(dense<[10.0]> : tensor<1xf32>) : tensor<1xf32>
  ml_program.global private @scale(dense<[4.0]> : tensor<1xf32>) : tensor<1xf32>
  ml_program.global private @offset(dense<[1.0]> : tensor<1xf32>) : tensor<1xf32>
  ml_program.global private @mean(dense<[3.0]> : tensor<1xf32>) : tensor<1xf32>
  ml_program.global private @variance(dense<[3.0]> : tensor<1xf32>) : tensor<1xf32>
  // CHECK-DAG: @conv_weight(dense<8.000000e+00> : tensor<1x1x1x1xf32>)
  // CHECK-DAG: @conv_bias(dense<1.500000e+01> : tensor<1xf32>)
  func.func @folded(%x: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
    %w = ml_program.global_load_const @w : tensor<1x1x1x1xf32>
    %b = ml_program.global_load_const @b : tensor<1xf32>
    %scale = ml_program.global_load_const @scale : tensor<1xf32>
    %offset = ml_program.global_load_const @offset : tensor<1xf32>
    %mean = ml_program.global_load_const @mean : tensor<1xf32>
    %variance = ml_program.global_load_const @variance : tensor<1xf32>
    // CHECK: "onnx.Conv"
    // CHECK-NOT: BatchNormalization
    %0 = "onnx.Conv"(%x, %w, %b) {onnx_node_name = "conv"} : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>, tensor<1xf32>) -> tensor<1x1x2x2xf32>
    %1 = "onnx.BatchNormalization"(%0, %scale, %offset, %mean, %variance) <{epsilon = 1.0 : f32, resultSegmentSizes = array<i32: 1, 0, 0>}> : (tensor<1x1x2x2xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x2x2xf32>
    func.return %1 : tensor<1x1x2x2xf32>
  }
}

// -----
// Behind another operator it becomes a product and a sum for each channel.
builtin.module {
  ml_program.global private @one(dense<[4.0, 4.0]> : tensor<2xf32>) : tensor<2xf32>
  ml_program.global private @var(dense<[3.0, 3.0]> : tensor<2xf32>) : tensor<2xf32>
  // CHECK-DAG: @bn_factor(dense<2.000000e+00> : tensor<2x1x1xf32>)
  // CHECK-DAG: @bn_offset(dense<-4.000000e+00> : tensor<2x1x1xf32>)
  func.func @alone(%x: tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32> {
    %one = ml_program.global_load_const @one : tensor<2xf32>
    %var = ml_program.global_load_const @var : tensor<2xf32>
    // CHECK: "onnx.Mul"
    // CHECK-NEXT: "onnx.Add"
    // CHECK-NEXT: func.return
    %1 = "onnx.BatchNormalization"(%x, %one, %one, %one, %var) <{epsilon = 1.0 : f32, resultSegmentSizes = array<i32: 1, 0, 0>}> {onnx_node_name = "bn"} : (tensor<1x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
    func.return %1 : tensor<1x2x2x2xf32>
  }
}
