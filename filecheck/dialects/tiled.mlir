// RUN: deeploy-opt %s | deeploy-opt | filecheck %s
// RUN: deeploy-opt %s --print-op-generic | deeploy-opt | filecheck %s

// CHECK: ml_program.global private @w
ml_program.global private @w(dense<1> : tensor<8x16xi8>) : tensor<8x16xi8>

// CHECK: func.func @net(%x: tensor<4x8xi8> {tiled.home = #tiled.home<@l2>})
func.func @net(%x: tensor<4x8xi8> {tiled.home = #tiled.home<@l2>}) -> tensor<4x16xi32> {
  // CHECK-NEXT: tiled.constant @w {home = #tiled.home<@l2>} : tensor<8x16xi8>
  %w = tiled.constant @w {home = #tiled.home<@l2>} : tensor<8x16xi8>
  // CHECK-NEXT: tiled.empty {home = #tiled.home<@l2 at 64>} : tensor<4x16xi32>
  %e = tiled.empty {home = #tiled.home<@l2 at 64>} : tensor<4x16xi32>
  // CHECK-NEXT: tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>)
  // CHECK-SAME: layer = "fc", tiles = array<i64: 2, 16, 8>, loop_order = array<i64: 0>
  // CHECK-SAME: buffers = [#tiled.buffers<@l1 at 0, 16>, #tiled.buffers<in_place>, #tiled.buffers<@l1 at 32>]
  // CHECK-SAME: scratch = #tiled.scratch<@l1 at 96, 8 by 16>
  // CHECK-SAME: cycles = #builtin.int<500>
  %y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc", tiles = array<i64: 2, 16, 8>, loop_order = array<i64: 0>, buffers = [#tiled.buffers<@l1 at 0, 16>, #tiled.buffers<in_place>, #tiled.buffers<@l1 at 32>], scratch = #tiled.scratch<@l1 at 96, 8 by 16>, cycles = #builtin.int<500>} do {
  ^bb0(%xt: tensor<4x8xi8>, %wt: tensor<8x16xi8>, %yt: tensor<4x16xi32>):
    %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xi8>, tensor<8x16xi8>) outs(%yt : tensor<4x16xi32>) {layer = "fc"} -> tensor<4x16xi32>
    // CHECK: tiled.yield %{{.*}} : tensor<4x16xi32>
    tiled.yield %0 : tensor<4x16xi32>
  } -> tensor<4x16xi32>
  func.return %y : tensor<4x16xi32>
}
