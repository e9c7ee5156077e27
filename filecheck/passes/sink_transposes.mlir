// RUN: deeploy-opt %s -p deeploy-sink-transposes --split-input-file | filecheck %s

// A transpose before a flatten and constant weights goes into the weights.
builtin.module {
  ml_program.global private @w(dense<[[1], [2], [3], [4]]> : tensor<4x1xi8>) : tensor<4x1xi8>
  func.func @flatten(%x: tensor<1x1x2x2xi8>) -> tensor<1x1xi32> {
    %w = ml_program.global_load_const @w : tensor<4x1xi8>
    %e = tensor.empty() : tensor<1x2x1x2xi8>
    %t = kernel.map ins(%x : tensor<1x1x2x2xi8>) outs(%e : tensor<1x2x1x2xi8>) {layer = "t", maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, d1)>]} {
    ^bb0(%v: i8):
      kernel.yield %v : i8
    } -> tensor<1x2x1x2xi8>
    %r = kernel.reshape %t : tensor<1x2x1x2xi8> to tensor<1x4xi8>
    %o = tensor.empty() : tensor<1x1xi32>
    %y = kernel.matmul ins(%r, %w : tensor<1x4xi8>, tensor<4x1xi8>) outs(%o : tensor<1x1xi32>) {layer = "fc"} -> tensor<1x1xi32>
    func.return %y : tensor<1x1xi32>
  }
}
// CHECK: @w_permuted(dense<{{\[\[}}1], [3], [2], [4]]>
// CHECK-LABEL: func.func @flatten
// CHECK-NOT: kernel.map
// CHECK: kernel.reshape %x : tensor<1x1x2x2xi8> to tensor<1x4xi8>
// CHECK: kernel.matmul

// -----

// A transpose of an operand's last two axes becomes the product's flag; moving an axis of size 1 is a reshape.
func.func @product(%a: tensor<3x4xf32>, %b: tensor<5x4xf32>) -> tensor<3x1x5xf32> {
  %e = tensor.empty() : tensor<4x5xf32>
  %t = kernel.map ins(%b : tensor<5x4xf32>) outs(%e : tensor<4x5xf32>) {layer = "t", maps = [affine_map<(d0, d1) -> (d1, d0)>]} {
  ^bb0(%v: f32):
    kernel.yield %v : f32
  } -> tensor<4x5xf32>
  %o = tensor.empty() : tensor<3x5xf32>
  %y = kernel.matmul ins(%a, %t : tensor<3x4xf32>, tensor<4x5xf32>) outs(%o : tensor<3x5xf32>) {layer = "mm"} -> tensor<3x5xf32>
  %r = kernel.reshape %y : tensor<3x5xf32> to tensor<1x3x5xf32>
  %f = tensor.empty() : tensor<3x1x5xf32>
  %z = kernel.map ins(%r : tensor<1x3x5xf32>) outs(%f : tensor<3x1x5xf32>) {layer = "u", maps = [affine_map<(d0, d1, d2) -> (d1, d0, d2)>]} {
  ^bb0(%v: f32):
    kernel.yield %v : f32
  } -> tensor<3x1x5xf32>
  func.return %z : tensor<3x1x5xf32>
}
// CHECK-LABEL: func.func @product
// CHECK-NOT: kernel.map
// CHECK: kernel.matmul ins(%a, %b : tensor<3x4xf32>, tensor<5x4xf32>)
// CHECK-SAME: transpose_b
// CHECK-NEXT: kernel.reshape %{{.*}} : tensor<3x5xf32> to tensor<3x1x5xf32>

// -----

// Pieces of a concatenation that read transposes fill a transposed tensor.
func.func @concat(%a: tensor<2x3xf32>, %b: tensor<2x3xf32>) -> tensor<3x4xf32> {
  %e = tensor.empty() : tensor<3x2xf32>
  %t = kernel.map ins(%a : tensor<2x3xf32>) outs(%e : tensor<3x2xf32>) {layer = "t", maps = [affine_map<(d0, d1) -> (d1, d0)>]} {
  ^bb0(%v: f32):
    kernel.yield %v : f32
  } -> tensor<3x2xf32>
  %f = tensor.empty() : tensor<3x2xf32>
  %u = kernel.map ins(%b : tensor<2x3xf32>) outs(%f : tensor<3x2xf32>) {layer = "u", maps = [affine_map<(d0, d1) -> (d1, d0)>]} {
  ^bb0(%v: f32):
    kernel.yield %v : f32
  } -> tensor<3x2xf32>
  %o = tensor.empty() : tensor<3x4xf32>
  %p = kernel.map ins(%t : tensor<3x2xf32>) outs(%o : tensor<3x4xf32>) {layer = "c", maps = [affine_map<(d0, d1) -> (d0, d1)>], out_offsets = array<i64: 0, 0>, sizes = array<i64: 3, 2>} {
  ^bb0(%v: f32):
    kernel.yield %v : f32
  } -> tensor<3x4xf32>
  %q = kernel.map ins(%u : tensor<3x2xf32>) outs(%p : tensor<3x4xf32>) {layer = "c", maps = [affine_map<(d0, d1) -> (d0, d1)>], out_offsets = array<i64: 0, 2>, sizes = array<i64: 3, 2>} {
  ^bb0(%v: f32):
    kernel.yield %v : f32
  } -> tensor<3x4xf32>
  func.return %q : tensor<3x4xf32>
}
// CHECK-LABEL: func.func @concat
// CHECK: kernel.map ins(%a : tensor<2x3xf32>) outs(%{{.*}} : tensor<4x3xf32>)
// CHECK-SAME: out_offsets = array<i64: 0, 0>, sizes = array<i64: 2, 3>
// CHECK: kernel.map ins(%b : tensor<2x3xf32>) outs(%{{.*}} : tensor<4x3xf32>)
// CHECK-SAME: out_offsets = array<i64: 2, 0>, sizes = array<i64: 2, 3>
// CHECK: kernel.map ins(%{{.*}} : tensor<4x3xf32>) outs(%{{.*}} : tensor<3x4xf32>)
// CHECK-NOT: kernel.map
// CHECK: func.return
