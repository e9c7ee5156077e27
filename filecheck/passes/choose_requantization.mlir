// RUN: deeploy-opt %s -p deeploy-choose-requantization,deeploy-remove-dead-globals --split-input-file | filecheck %s
// RUN: deeploy-opt %s -p deeploy-choose-requantization,deeploy-narrow-arithmetic --split-input-file | filecheck %s --check-prefix=NARROW
// RUN: deeploy-opt %s -p 'deeploy-choose-requantization{fixed-point=true},deeploy-remove-dead-globals' --split-input-file | filecheck %s --check-prefix=FIXED

// Scales that differ by channel: multipliers in their place, one addend and one shift.
builtin.module {
  ml_program.global private @w(dense<[[1, 2, 3], [10, -20, 30]]> : tensor<2x3xi8>) : tensor<2x3xi8>
  ml_program.global private @s(dense<[1.3e-02, 2.1e-03]> : tensor<2xf64>) : tensor<2xf64>
  // CHECK-NOT: @s(
  // CHECK: @fc_requantization(dense<[{{[0-9]+}}, {{[0-9]+}}]> : tensor<2xi32>)
  func.func @channels(%x: tensor<4x3xi8>) -> tensor<4x2xi8> {
    %w = ml_program.global_load_const @w : tensor<2x3xi8>
    %s = ml_program.global_load_const @s : tensor<2xf64>
    %e = tensor.empty() : tensor<4x2xi8>
    // CHECK: kernel.matmul {{.*}} extras(%{{.*}} : tensor<2xi32>)
    // CHECK: ^bb0(%[[ACC:.*]]: i32, %[[M:.*]]: i32):
    // CHECK-DAG: %[[X:.*]] = kernel.cast %[[ACC]] : i32 to i64
    // CHECK-DAG: %[[M64:.*]] = kernel.cast %[[M]] : i32 to i64
    // CHECK: %[[P:.*]] = arith.muli %[[X]], %[[M64]] : i64
    // CHECK: %[[T:.*]] = arith.addi %[[P]], %{{.*}} : i64
    // CHECK: arith.shrsi %[[T]]
    // CHECK-NOT: kernel.requantize
    // NARROW: ^bb0(%[[ACC:.*]]: i32, %[[M:.*]]: i32):
    // NARROW-NEXT: arith.muli %[[ACC]], %[[M]] : i32
    %y = kernel.matmul ins(%x, %w : tensor<4x3xi8>, tensor<2x3xi8>) extras(%s : tensor<2xf64>) outs(%e : tensor<4x2xi8>) {layer = "fc", transpose_b, extra_maps = [affine_map<(d0, d1) -> (d1)>]} {
    ^bb0(%acc: i32, %si: f64):
      %0 = kernel.requantize %acc, %si {y_scale = 0.37 : f64, zero_point = 3 : i64, low = -128 : i64, high = 127 : i64} : i32
      %1 = kernel.cast %0 : i32 to i8
      kernel.yield %1 : i8
    } -> tensor<4x2xi8>
    func.return %y : tensor<4x2xi8>
  }
}

// -----

// Half of an integer is a tie: to the even one of two.
func.func @ties(%x: tensor<4xi16>) -> tensor<4xi8> {
  %e = tensor.empty() : tensor<4xi8>
  // CHECK-LABEL: func.func @ties
  // CHECK: arith.andi
  // NARROW-LABEL: func.func @ties
  // NARROW: arith.andi %{{.*}} : i32
  %y = kernel.map ins(%x : tensor<4xi16>) outs(%e : tensor<4xi8>) {layer = "half", maps = [affine_map<(d0) -> (d0)>]} {
  ^bb0(%v: i16):
    %0 = kernel.cast %v : i16 to i32
    %s = arith.constant 0.5 : f64
    %1 = kernel.requantize %0, %s {y_scale = 1.0 : f64, zero_point = 0 : i64, low = -128 : i64, high = 127 : i64} : i32
    %2 = kernel.cast %1 : i32 to i8
    kernel.yield %2 : i8
  } -> tensor<4xi8>
  func.return %y : tensor<4xi8>
}

// -----

// A sixth has ties that no power of two meets: a division.
func.func @sixth(%x: tensor<4xi16>) -> tensor<4xi8> {
  %e = tensor.empty() : tensor<4xi8>
  // CHECK-LABEL: func.func @sixth
  // CHECK: arith.floordivsi
  %y = kernel.map ins(%x : tensor<4xi16>) outs(%e : tensor<4xi8>) {layer = "sixth", maps = [affine_map<(d0) -> (d0)>]} {
  ^bb0(%v: i16):
    %0 = kernel.cast %v : i16 to i32
    %s = arith.constant 1.0 : f64
    %1 = kernel.requantize %0, %s {y_scale = 6.0 : f64, zero_point = 0 : i64, low = -128 : i64, high = 127 : i64} : i32
    %2 = kernel.cast %1 : i32 to i8
    kernel.yield %2 : i8
  } -> tensor<4xi8>
  func.return %y : tensor<4xi8>
}

// -----

// 16 bits have too many steps to look at: double precision.
func.func @wide(%x: tensor<4xi32>) -> tensor<4xi16> {
  %e = tensor.empty() : tensor<4xi16>
  // CHECK-LABEL: func.func @wide
  // CHECK: arith.divf %{{.*}} : f64
  // With `fixed-point` integers that are within one step.
  // FIXED-LABEL: func.func @wide
  // FIXED: arith.muli
  // FIXED: arith.shrsi
  // FIXED-NOT: f64
  // FIXED: kernel.yield
  %y = kernel.map ins(%x : tensor<4xi32>) outs(%e : tensor<4xi16>) {layer = "wide", maps = [affine_map<(d0) -> (d0)>]} {
  ^bb0(%v: i32):
    %s = arith.constant 0.013 : f64
    %1 = kernel.requantize %v, %s {y_scale = 0.7 : f64, zero_point = 0 : i64, low = -32768 : i64, high = 32767 : i64} : i32
    %2 = kernel.cast %1 : i32 to i16
    kernel.yield %2 : i16
  } -> tensor<4xi16>
  func.return %y : tensor<4xi16>
}
