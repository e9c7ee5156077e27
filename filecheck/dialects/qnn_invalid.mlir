// RUN: deeploy-opt %s --verify-diagnostics --split-input-file | filecheck %s

%x, %m = "test.op"() : () -> (tensor<1x4x2x3xf32>, tensor<4x1x1xi32>)
%0 = "qnn.RequantShift"(%x, %m, %m) <{div = 256 : i64, n_levels = 256 : i64, signed = 0 : i64}> {onnx_node_name = "rq1"} : (tensor<1x4x2x3xf32>, tensor<4x1x1xi32>, tensor<4x1x1xi32>) -> tensor<1x4x2x3xui8>
// CHECK: rq1: operand 'x' of qnn.RequantShift must have integer elements, but is tensor<1x4x2x3xf32>; give the types of the network's inputs

// -----
%x, %m = "test.op"() : () -> (tensor<1x4x2x3xi32>, tensor<5x1x1xi32>)
%0 = "qnn.RequantShift"(%x, %m, %m) <{div = 256 : i64, n_levels = 256 : i64, signed = 0 : i64}> {onnx_node_name = "rq2"} : (tensor<1x4x2x3xi32>, tensor<5x1x1xi32>, tensor<5x1x1xi32>) -> tensor<1x4x2x3xui8>
// CHECK: rq2: operand 'mul' of qnn.RequantShift has shape [5, 1, 1], which does not broadcast to [1, 4, 2, 3]

// -----
%x, %m = "test.op"() : () -> (tensor<1x4x2x3xi32>, tensor<i32>)
%0 = "qnn.RequantShift"(%x, %m, %m) <{div = 100 : i64, n_levels = 256 : i64, signed = 0 : i64}> {onnx_node_name = "rq3"} : (tensor<1x4x2x3xi32>, tensor<i32>, tensor<i32>) -> tensor<1x4x2x3xui8>
// CHECK: rq3: attribute 'div' of qnn.RequantShift is 100, must be a power of two

// -----
%x, %m = "test.op"() : () -> (tensor<1x4x2x3xi32>, tensor<i32>)
%0 = "qnn.RequantShift"(%x, %m, %m) <{div = 256 : i64, n_levels = 256 : i64, signed = 1 : i64}> {onnx_node_name = "rq4"} : (tensor<1x4x2x3xi32>, tensor<i32>, tensor<i32>) -> tensor<1x4x2x3xui8>
// CHECK: rq4: qnn.RequantShift gives tensor<1x4x2x3xi8>, but its result is tensor<1x4x2x3xui8>

// -----
%x, %s, %z = "test.op"() : () -> (tensor<4xi32>, tensor<i32>, tensor<i8>)
%0 = "qnn.Requantize"(%x, %s, %z) <{y_scale = 1.0 : f64, low = 0 : i64, high = 9 : i64}> {onnx_node_name = "rq5"} : (tensor<4xi32>, tensor<i32>, tensor<i8>) -> tensor<4xi8>
// CHECK: rq5: 'scale' of qnn.Requantize must be f64, but is tensor<i32>

// -----
%x = "test.op"() : () -> tensor<4x5xi8>
%0 = "qnn.IntegerMean"(%x) <{axes = array<i64: 2>, keepdims = 0 : i64}> {onnx_node_name = "mean"} : (tensor<4x5xi8>) -> tensor<4x5xi8>
// CHECK: mean: axes [2] of qnn.IntegerMean are not all in a rank of 2

// -----
%p, %l = "test.op"() : () -> (tensor<4x5xf32>, tensor<5xi64>)
%0 = "qnn.SoftmaxCrossEntropyLossGrad"(%p, %l) {onnx_node_name = "loss"} : (tensor<4x5xf32>, tensor<5xi64>) -> tensor<4x5xf32>
// CHECK: loss: qnn.SoftmaxCrossEntropyLossGrad takes log_prob [B, C] and labels [B], not [4, 5] and [5]

// -----
"test.op"() {quantization = #qnn.quantization<0.0 : f32, 0 : i64>} : () -> ()
// CHECK: #qnn.quantization: a scale is positive and finite, not 0.0
