// RUN: deeploy-opt %s -p 'deeploy-expand-functions{keep=Relu}' --split-input-file | filecheck %s

// CHECK-LABEL: func.func @swish
func.func @swish(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NOT: "onnx.Swish"
  // CHECK: "onnx.Sigmoid"
  // CHECK: "onnx.Mul"
  %0 = "onnx.Swish"(%x) <{alpha = 2.0 : f32}> : (tensor<4xf32>) -> tensor<4xf32>
  // Kept although the standard defines it by Max.
  // CHECK: "onnx.Relu"
  %1 = "onnx.Relu"(%0) : (tensor<4xf32>) -> tensor<4xf32>
  func.return %1 : tensor<4xf32>
}
