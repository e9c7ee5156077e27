// RUN: deeploy-opt %s -p deeploy-narrow-arithmetic,deeploy-remove-dead-globals --split-input-file | filecheck %s

// |acc| <= 255 * 6 for channel 0 and 255 * 60 for channel 1: 32 bits are enough, and the rounding term joins the offset.
builtin.module {
  ml_program.global private @w(dense<[[1, 2, 3], [10, -20, 30]]> : tensor<2x3xi8>) : tensor<2x3xi8>
  ml_program.global private @mul(dense<[1000, 2000]> : tensor<2xi32>) : tensor<2xi32>
  ml_program.global private @add(dense<[7, -7]> : tensor<2xi32>) : tensor<2xi32>
  func.func @fits(%x: tensor<4x3xui8>) -> tensor<4x2xui8> {
    %w = ml_program.global_load_const @w : tensor<2x3xi8>
    %m = ml_program.global_load_const @mul : tensor<2xi32>
    %a = ml_program.global_load_const @add : tensor<2xi32>
    %e = tensor.empty() : tensor<4x2xui8>
    %y = kernel.matmul ins(%x, %w : tensor<4x3xui8>, tensor<2x3xi8>) extras(%m, %a : tensor<2xi32>, tensor<2xi32>) outs(%e : tensor<4x2xui8>) {layer = "fc", transpose_b, extra_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1)>]} {
    ^bb0(%acc: i32, %mi: i32, %ai: i32):
      %0 = kernel.cast %acc : i32 to i64
      %1 = kernel.cast %mi : i32 to i64
      %2 = kernel.cast %ai : i32 to i64
      %3 = arith.muli %0, %1 : i64
      %4 = arith.addi %3, %2 : i64
      %5 = arith.constant 32768 : i64
      %6 = arith.addi %4, %5 : i64
      %7 = arith.constant 16 : i64
      %8 = arith.shrsi %6, %7 : i64
      %9 = arith.constant 0 : i64
      %10 = arith.maxsi %8, %9 : i64
      %11 = arith.constant 500 : i64
      %12 = arith.minsi %10, %11 : i64
      %13 = kernel.cast %12 : i64 to ui8
      kernel.yield %13 : ui8
    } -> tensor<4x2xui8>
    func.return %y : tensor<4x2xui8>
  }
}
// CHECK-NOT: @add(
// CHECK: @add_sum(dense<[32775, 32761]>
// CHECK-LABEL: func.func @fits
// CHECK: ^bb0(%[[ACC:.*]]: i32, %[[M:.*]]: i32, %[[A:.*]]: i32):
// CHECK-NEXT: %[[P:.*]] = arith.muli %[[ACC]], %[[M]] : i32
// CHECK-NEXT: %[[S:.*]] = arith.addi %[[P]], %[[A]] : i32
// CHECK-NEXT: arith.constant 16 : i32
// CHECK-NEXT: arith.shrsi %[[S]]
// CHECK-NEXT: arith.constant 0 : i32
// CHECK-NEXT: %[[MAX:.*]] = arith.maxsi
// The result is at most (30 * 255 + 10 * 255) * 2000 >> 16 = 311: the minimum with 500 goes.
// CHECK-NEXT: kernel.cast %[[MAX]] : i32 to ui8

// -----

// Nothing is known of the accumulator: the product needs 64 bits, but not the clamped result.
func.func @wide(%x: tensor<4xi32>, %m: tensor<4xi32>) -> tensor<4xi8> {
  %e = tensor.empty() : tensor<4xi8>
  %y = kernel.map ins(%x, %m : tensor<4xi32>, tensor<4xi32>) outs(%e : tensor<4xi8>) {layer = "rq", maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]} {
  ^bb0(%v: i32, %w: i32):
    %0 = kernel.cast %v : i32 to i64
    %1 = kernel.cast %w : i32 to i64
    %2 = arith.muli %0, %1 : i64
    %3 = arith.constant 40 : i64
    %4 = arith.shrsi %2, %3 : i64
    %5 = arith.constant 127 : i64
    %6 = arith.minsi %4, %5 : i64
    %7 = kernel.cast %6 : i64 to i8
    kernel.yield %7 : i8
  } -> tensor<4xi8>
  func.return %y : tensor<4xi8>
}
// CHECK-LABEL: func.func @wide
// CHECK: arith.muli %{{.*}}, %{{.*}} : i64
// CHECK: arith.shrsi %{{.*}}, %{{.*}} : i64
// CHECK: arith.minsi %{{.*}}, %{{.*}} : i32
