// RUN: deeploy-opt %s -p deeploy-fold-constants --split-input-file | filecheck %s
// RUN: deeploy-opt %s -p 'deeploy-fold-constants{dequantize=true}' --split-input-file | filecheck %s --check-prefix=ALL

// The sum of two constants is one; the constants it was made of go.
builtin.module {
  ml_program.global private @a(dense<[1.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
  ml_program.global private @b(dense<[10.0, 20.0]> : tensor<2xf32>) : tensor<2xf32>
  ml_program.global private @unused(dense<[0.0, 0.0]> : tensor<2xf32>) : tensor<2xf32>
  // CHECK: ml_program.global private @sum_value(dense<[1.100000e+01, 2.200000e+01]> : tensor<2xf32>)
  // CHECK-NOT: @unused
  // CHECK-LABEL: func.func @arithmetic
  func.func @arithmetic(%x: tensor<2xf32>) -> tensor<2xf32> {
    %a = ml_program.global_load_const @a : tensor<2xf32>
    %b = ml_program.global_load_const @b : tensor<2xf32>
    %c = "onnx.Add"(%a, %b) {onnx_node_name = "sum"} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    // CHECK: "onnx.Mul"(%x, %{{.*}})
    // CHECK-NOT: "onnx.Add"
    %d = "onnx.Mul"(%x, %c) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    func.return %d : tensor<2xf32>
  }
}

// -----
// Quantised weights stay as they are written, unless asked otherwise.
// CHECK: "onnx.DequantizeLinear"
// ALL-NOT: "onnx.DequantizeLinear"
builtin.module {
  ml_program.global private @w(dense<[2, -4]> : tensor<2xi8>) : tensor<2xi8>
  ml_program.global private @s(dense<0.5> : tensor<f32>) : tensor<f32>
  // ALL: dense<[1.000000e+00, -2.000000e+00]> : tensor<2xf32>
  func.func @weights(%x: tensor<2xf32>) -> tensor<2xf32> {
    %w = ml_program.global_load_const @w : tensor<2xi8>
    %s = ml_program.global_load_const @s : tensor<f32>
    %d = "onnx.DequantizeLinear"(%w, %s) : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
    %y = "onnx.Mul"(%x, %d) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    func.return %y : tensor<2xf32>
  }
}
