// RUN: deeploy-opt %s -p deeploy-fuse-epilogues --split-input-file | filecheck %s

// Bias, a splat constant and a residual through a reshape move into the product's epilogue.
builtin.module {
  ml_program.global private @two(dense<2.0> : tensor<1xf32>) : tensor<1xf32>
  func.func @epilogue(%a: tensor<6x4xf32>, %b: tensor<4x5xf32>, %bias: tensor<5xf32>, %r: tensor<2x3x5xf32>) -> tensor<2x3x5xf32> {
    %two = ml_program.global_load_const @two : tensor<1xf32>
    %e = tensor.empty() : tensor<6x5xf32>
    %y = kernel.matmul ins(%a, %b : tensor<6x4xf32>, tensor<4x5xf32>) outs(%e : tensor<6x5xf32>) {layer = "mm"} -> tensor<6x5xf32>
    %s = kernel.reshape %y : tensor<6x5xf32> to tensor<2x3x5xf32>
    %f = tensor.empty() : tensor<2x3x5xf32>
    %z = kernel.map ins(%s, %bias, %r, %two : tensor<2x3x5xf32>, tensor<5xf32>, tensor<2x3x5xf32>, tensor<1xf32>) outs(%f : tensor<2x3x5xf32>) {layer = "add", maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (0)>]} {
    ^bb0(%v: f32, %w: f32, %x: f32, %t: f32):
      %0 = arith.addf %v, %w : f32
      %1 = arith.mulf %0, %t : f32
      %2 = arith.addf %1, %x : f32
      kernel.yield %2 : f32
    } -> tensor<2x3x5xf32>
    func.return %z : tensor<2x3x5xf32>
  }
}
// CHECK-LABEL: func.func @epilogue
// CHECK: kernel.reshape %r : tensor<2x3x5xf32> to tensor<6x5xf32>
// CHECK: kernel.matmul ins(%a, %b
// CHECK-SAME: extras(%bias, %{{.*}} : tensor<5xf32>, tensor<6x5xf32>)
// CHECK-SAME: extra_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>]
// CHECK: arith.constant 2.000000e+00 : f32
// CHECK-NOT: kernel.map
// CHECK: kernel.reshape %{{.*}} : tensor<6x5xf32> to tensor<2x3x5xf32>

// -----

// A result with two readers stays, and an element is never computed twice.
func.func @kept(%a: tensor<4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>) {
  %e = tensor.empty() : tensor<4xf32>
  %x = kernel.map ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) {layer = "exp", maps = [affine_map<(d0) -> (d0)>]} {
  ^bb0(%v: f32):
    %0 = math.exp %v : f32
    kernel.yield %0 : f32
  } -> tensor<4xf32>
  %f = tensor.empty() : tensor<4xf32>
  %y = kernel.map ins(%x : tensor<4xf32>) outs(%f : tensor<4xf32>) {layer = "neg", maps = [affine_map<(d0) -> (d0)>]} {
  ^bb0(%v: f32):
    %0 = arith.negf %v : f32
    kernel.yield %0 : f32
  } -> tensor<4xf32>
  %g = tensor.empty() : tensor<3x4xf32>
  %z = kernel.map ins(%x : tensor<4xf32>) outs(%g : tensor<3x4xf32>) {layer = "rows", maps = [affine_map<(d0, d1) -> (d1)>]} {
  ^bb0(%v: f32):
    %0 = arith.negf %v : f32
    kernel.yield %0 : f32
  } -> tensor<3x4xf32>
  func.return %y, %z : tensor<4xf32>, tensor<3x4xf32>
}
// CHECK-LABEL: func.func @kept
// CHECK-COUNT-3: kernel.map
// CHECK-NOT: kernel.map

// -----

// Maps of maps become one, read through a copy.
func.func @maps(%a: tensor<4x2xf32>) -> tensor<2x4xf32> {
  %e = tensor.empty() : tensor<2x4xf32>
  %t = kernel.map ins(%a : tensor<4x2xf32>) outs(%e : tensor<2x4xf32>) {layer = "t", maps = [affine_map<(d0, d1) -> (d1, d0)>]} {
  ^bb0(%v: f32):
    kernel.yield %v : f32
  } -> tensor<2x4xf32>
  %f = tensor.empty() : tensor<2x4xf32>
  %x = kernel.map ins(%t : tensor<2x4xf32>) outs(%f : tensor<2x4xf32>) {layer = "exp", maps = [affine_map<(d0, d1) -> (d0, d1)>]} {
  ^bb0(%v: f32):
    %0 = math.exp %v : f32
    kernel.yield %0 : f32
  } -> tensor<2x4xf32>
  %g = tensor.empty() : tensor<2x4xf32>
  %y = kernel.map ins(%x, %t : tensor<2x4xf32>, tensor<2x4xf32>) outs(%g : tensor<2x4xf32>) {layer = "mul", maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]} {
  ^bb0(%v: f32, %w: f32):
    %0 = arith.mulf %v, %w : f32
    kernel.yield %0 : f32
  } -> tensor<2x4xf32>
  func.return %y : tensor<2x4xf32>
}
// CHECK-LABEL: func.func @maps
// CHECK: kernel.map ins(%a : tensor<4x2xf32>)
// CHECK-SAME: maps = [affine_map<(d0, d1) -> (d1, d0)>]
// CHECK-NEXT: ^bb0(%[[V:.*]]: f32):
// CHECK-NEXT: %[[X:.*]] = math.exp %[[V]]
// CHECK-NEXT: arith.mulf %[[X]], %[[V]]
// CHECK-NOT: kernel.map
