// RUN: deeploy-opt %s | deeploy-opt | filecheck %s
// RUN: deeploy-opt %s --print-op-generic | deeploy-opt | filecheck %s

%x, %mul, %scale, %zero = "test.op"() : () -> (tensor<1x4x2x3xi32>, tensor<4x1x1xi32>, tensor<4x1x1xf64>, tensor<i8>)
%a, %s, %v = "test.op"() : () -> (tensor<2x8xi8>, tensor<f32>, tensor<8xi32>)

// CHECK: "qnn.RequantShift"(%x, %mul, %mul) <{div = 256 : i64, n_levels = 256 : i64, signed = 0 : i64}> : (tensor<1x4x2x3xi32>, tensor<4x1x1xi32>, tensor<4x1x1xi32>) -> tensor<1x4x2x3xui8>
%0 = "qnn.RequantShift"(%x, %mul, %mul) <{div = 256 : i64, n_levels = 256 : i64, signed = 0 : i64}> : (tensor<1x4x2x3xi32>, tensor<4x1x1xi32>, tensor<4x1x1xi32>) -> tensor<1x4x2x3xui8>
// More levels take a wider type.
// CHECK: "qnn.RequantShift"({{.*}}-> tensor<1x4x2x3xi16>
%1 = "qnn.RequantShift"(%x, %mul, %mul) <{div = 1 : i64, n_levels = 512 : i64, signed = 1 : i64}> : (tensor<1x4x2x3xi32>, tensor<4x1x1xi32>, tensor<4x1x1xi32>) -> tensor<1x4x2x3xi16>
// CHECK: "qnn.Requantize"(%x, %scale, %zero) <{high = 127 : i64, low = -128 : i64, y_scale = 2.500000e-01 : f64}> : (tensor<1x4x2x3xi32>, tensor<4x1x1xf64>, tensor<i8>) -> tensor<1x4x2x3xi8>
%2 = "qnn.Requantize"(%x, %scale, %zero) <{high = 127 : i64, low = -128 : i64, y_scale = 2.500000e-01 : f64}> : (tensor<1x4x2x3xi32>, tensor<4x1x1xf64>, tensor<i8>) -> tensor<1x4x2x3xi8>
// CHECK: "qnn.Requantize"(%x, %scale, %zero, %scale)
%8 = "qnn.Requantize"(%x, %scale, %zero, %scale) <{high = 127 : i64, low = 3 : i64, y_scale = 2.500000e-01 : f64}> : (tensor<1x4x2x3xi32>, tensor<4x1x1xf64>, tensor<i8>, tensor<4x1x1xf64>) -> tensor<1x4x2x3xi8>
// CHECK: "qnn.RequantizeAdd"(%a, %a, %s, %s, %zero) <{a_zero_point = 3 : i64, b_zero_point = -4 : i64}>
%3 = "qnn.RequantizeAdd"(%a, %a, %s, %s, %zero) <{a_zero_point = 3 : i64, b_zero_point = -4 : i64}> : (tensor<2x8xi8>, tensor<2x8xi8>, tensor<f32>, tensor<f32>, tensor<i8>) -> tensor<2x8xi8>
// CHECK: "qnn.iSoftmax"(%a)
%4 = "qnn.iSoftmax"(%a) <{coeffA = 2 : i64, coeffB = 3 : i64, coeffC = 4 : i64, log2 = 5 : i64, n_levels = 256 : i64}> : (tensor<2x8xi8>) -> tensor<2x8xui8>
// CHECK: "qnn.iLayerNorm"(%a, %v, %v)
%5 = "qnn.iLayerNorm"(%a, %v, %v) <{D = 64 : i64, n_levels = 256 : i64}> : (tensor<2x8xi8>, tensor<8xi32>, tensor<8xi32>) -> tensor<2x8xi8>
// CHECK: "qnn.IntegerMean"(%a) <{axes = array<i64: 1>, keepdims = 0 : i64}> : (tensor<2x8xi8>) -> tensor<2xi8>
%6 = "qnn.IntegerMean"(%a) <{axes = array<i64: 1>, keepdims = 0 : i64}> : (tensor<2x8xi8>) -> tensor<2xi8>
// CHECK: "qnn.iGELU"(%a) <{b = -10 : i64, one = 20 : i64}> : (tensor<2x8xi8>) -> tensor<2x8xi32>
%7 = "qnn.iGELU"(%a) <{b = -10 : i64, one = 20 : i64}> : (tensor<2x8xi8>) -> tensor<2x8xi32>

// What the integers of a function's arguments and results mean.
// CHECK: func.func @net{{.*}}arg_quantization = [#qnn.quantization<5.000000e-02 : f32, -128 : i64>, unit]
func.func @net(%q: tensor<4xi8>, %f: tensor<4xf32>) attributes {arg_quantization = [#qnn.quantization<0.05 : f32, -128 : i64>, unit]} {
  func.return
}
