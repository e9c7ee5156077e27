// RUN: deeploy-opt %s -p 'deeploy-qdq-to-integer,deeploy-fold-constants' --split-input-file | filecheck %s
// RUN: deeploy-opt %s -p 'deeploy-qdq-to-integer{fixed-point=true},deeploy-fold-constants' --split-input-file | filecheck %s --check-prefix=FIXED

// Convolution with Relu: integers, the zero point of the image, bias in the accumulator, one requantisation.
builtin.module {
  ml_program.global private @sx(dense<0.5> : tensor<f32>) : tensor<f32>
  ml_program.global private @zx(dense<3> : tensor<i8>) : tensor<i8>
  ml_program.global private @sw(dense<[0.25, 0.125]> : tensor<2xf32>) : tensor<2xf32>
  ml_program.global private @w(dense<[[[[1]]], [[[2]]]]> : tensor<2x1x1x1xi8>) : tensor<2x1x1x1xi8>
  ml_program.global private @sb(dense<[0.125, 0.0625]> : tensor<2xf32>) : tensor<2xf32>
  ml_program.global private @b(dense<[7, -9]> : tensor<2xi32>) : tensor<2xi32>
  ml_program.global private @sy(dense<0.0625> : tensor<f32>) : tensor<f32>
  ml_program.global private @zy(dense<-4> : tensor<i8>) : tensor<i8>
  // CHECK-DAG: dense<[{{\[\[}}7]], {{\[\[}}-9]]]> : tensor<2x1x1xi32>
  // CHECK-DAG: dense<[{{\[\[}}1.250000e-01]], {{\[\[}}6.250000e-02]]]> : tensor<2x1x1xf64>
  func.func @conv(%x: tensor<1x1x4x4xi8>) -> tensor<1x2x4x4xi8> {
    %sx = ml_program.global_load_const @sx : tensor<f32>
    %zx = ml_program.global_load_const @zx : tensor<i8>
    %w = ml_program.global_load_const @w : tensor<2x1x1x1xi8>
    %sw = ml_program.global_load_const @sw : tensor<2xf32>
    %b = ml_program.global_load_const @b : tensor<2xi32>
    %sb = ml_program.global_load_const @sb : tensor<2xf32>
    %sy = ml_program.global_load_const @sy : tensor<f32>
    %zy = ml_program.global_load_const @zy : tensor<i8>
    %dx = "onnx.DequantizeLinear"(%x, %sx, %zx) : (tensor<1x1x4x4xi8>, tensor<f32>, tensor<i8>) -> tensor<1x1x4x4xf32>
    %dw = "onnx.DequantizeLinear"(%w, %sw) <{axis = 0 : i64}> : (tensor<2x1x1x1xi8>, tensor<2xf32>) -> tensor<2x1x1x1xf32>
    %db = "onnx.DequantizeLinear"(%b, %sb) <{axis = 0 : i64}> : (tensor<2xi32>, tensor<2xf32>) -> tensor<2xf32>
    // CHECK: [[ACC:%.*]] = "onnx.ConvInteger"(%x, %w, %{{.*}}) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}>
    // CHECK-SAME: -> tensor<1x2x4x4xi32>
    // CHECK-NEXT: [[SUM:%.*]] = "onnx.Add"([[ACC]], %{{.*}}) {{.*}} tensor<2x1x1xi32>
    // Relu: nothing below the zero point.
    // CHECK-NEXT: "qnn.Requantize"([[SUM]], %{{.*}}, %{{.*}}) <{y_scale = 6.250000e-02 : f64, low = -4 : i64, high = 127 : i64}> {{.*}} tensor<2x1x1xf64>, tensor<i8>) -> tensor<1x2x4x4xi8>
    // CHECK-NEXT: func.return
    // FIXED: "qnn.Requantize"
    %c = "onnx.Conv"(%dx, %dw, %db) : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
    %r = "onnx.Relu"(%c) : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
    %q = "onnx.QuantizeLinear"(%r, %sy, %zy) : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<i8>) -> tensor<1x2x4x4xi8>
    func.return %q : tensor<1x2x4x4xi8>
  }
}

// -----
// What only moves elements is done on the integers, and a quantisation that changes nothing goes.
builtin.module {
  ml_program.global private @s(dense<0.5> : tensor<f32>) : tensor<f32>
  ml_program.global private @z(dense<3> : tensor<ui8>) : tensor<ui8>
  func.func @moved(%x: tensor<1x1x4x4xui8>) -> tensor<1x1x2x2xui8> {
    %s = ml_program.global_load_const @s : tensor<f32>
    %z = ml_program.global_load_const @z : tensor<ui8>
    // CHECK: [[M:%.*]] = "onnx.MaxPool"(%x)
    // CHECK-SAME: (tensor<1x1x4x4xui8>) -> tensor<1x1x2x2xui8>
    // CHECK-NEXT: func.return [[M]]
    %0 = "onnx.DequantizeLinear"(%x, %s, %z) : (tensor<1x1x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x1x4x4xf32>
    %1 = "onnx.MaxPool"(%0) <{kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>}> : (tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32>
    %2 = "onnx.QuantizeLinear"(%1, %s, %z) : (tensor<1x1x2x2xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x1x2x2xui8>
    func.return %2 : tensor<1x1x2x2xui8>
  }
}

// -----
// Elementwise operators on one tensor are a table of their 256 results.
builtin.module {
  ml_program.global private @s(dense<0.03125> : tensor<f32>) : tensor<f32>
  ml_program.global private @z(dense<0> : tensor<i8>) : tensor<i8>
  // CHECK: tensor<256xi8>
  func.func @table(%x: tensor<1x4xi8>) -> tensor<1x4xi8> {
    %s = ml_program.global_load_const @s : tensor<f32>
    %z = ml_program.global_load_const @z : tensor<i8>
    // CHECK: [[I:%.*]] = "onnx.Cast"(%x) <{to = 6 : i64}>
    // CHECK-NEXT: "onnx.Gather"(%{{.*}}, [[I]]) <{axis = 0 : i64}>
    // CHECK-NEXT: func.return
    %0 = "onnx.DequantizeLinear"(%x, %s, %z) : (tensor<1x4xi8>, tensor<f32>, tensor<i8>) -> tensor<1x4xf32>
    %1 = "onnx.Sigmoid"(%0) : (tensor<1x4xf32>) -> tensor<1x4xf32>
    %2 = "onnx.Mul"(%0, %1) : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
    %3 = "onnx.QuantizeLinear"(%2, %s, %z) : (tensor<1x4xf32>, tensor<f32>, tensor<i8>) -> tensor<1x4xi8>
    func.return %3 : tensor<1x4xi8>
  }
}

// -----
// Softmax has no integer form here: it stays, between the two.
builtin.module {
  ml_program.global private @s(dense<0.5> : tensor<f32>) : tensor<f32>
  func.func @float(%x: tensor<1x4xui8>) -> tensor<1x4xui8> {
    %s = ml_program.global_load_const @s : tensor<f32>
    // CHECK: "onnx.DequantizeLinear"
    // CHECK-NEXT: "onnx.Softmax"
    // CHECK-NEXT: "onnx.QuantizeLinear"
    %0 = "onnx.DequantizeLinear"(%x, %s) : (tensor<1x4xui8>, tensor<f32>) -> tensor<1x4xf32>
    %1 = "onnx.Softmax"(%0) : (tensor<1x4xf32>) -> tensor<1x4xf32>
    %2 = "onnx.QuantizeLinear"(%1, %s) : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xui8>
    func.return %2 : tensor<1x4xui8>
  }
}
