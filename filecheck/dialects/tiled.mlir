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

// Two kernels in one nest, the tensor between them a buffer of its own.
// CHECK: func.func @pair
func.func @pair(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %v: tensor<16x2xf32>) -> tensor<4x2xf32> {
  %e = tiled.empty {home = #tiled.home<@l2>} : tensor<4x2xf32>
  // CHECK: tiled.nest ins(%x, %w, %v : {{.*}}) outs(%{{[^ ]+}} : tensor<4x2xf32>) {layer = "a+b", tiles = array<i64: 1, 2, 16>, loop_order = array<i64: 0>
  // CHECK-SAME: buffers = [#tiled.buffers<@l1 at 0, 32>, #tiled.buffers<@l1 at 64>, #tiled.buffers<in_place>, #tiled.buffers<@l1 at 576>, #tiled.buffers<@l1 at 640>]} do {
  %y = tiled.nest ins(%x, %w, %v : tensor<4x8xf32>, tensor<8x16xf32>, tensor<16x2xf32>) outs(%e : tensor<4x2xf32>) {layer = "a+b", tiles = array<i64: 1, 2, 16>, loop_order = array<i64: 0>, buffers = [#tiled.buffers<@l1 at 0, 32>, #tiled.buffers<@l1 at 64>, #tiled.buffers<in_place>, #tiled.buffers<@l1 at 576>, #tiled.buffers<@l1 at 640>]} do {
  ^bb0(%xt: tensor<4x8xf32>, %wt: tensor<8x16xf32>, %vt: tensor<16x2xf32>, %yt: tensor<4x2xf32>):
    // CHECK: [[M:%[^ ]+]] = tiled.empty : tensor<4x16xf32>
    %m = tiled.empty : tensor<4x16xf32>
    // CHECK-NEXT: [[A:%[^ ]+]] = kernel.matmul ins({{.*}}) outs([[M]] : tensor<4x16xf32>)
    %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xf32>, tensor<8x16xf32>) outs(%m : tensor<4x16xf32>) {layer = "a"} -> tensor<4x16xf32>
    // CHECK-NEXT: kernel.matmul ins([[A]], %{{[^ ]+}} : {{.*}}) outs(%{{[^ ]+}} : tensor<4x2xf32>)
    %1 = kernel.matmul ins(%0, %vt : tensor<4x16xf32>, tensor<16x2xf32>) outs(%yt : tensor<4x2xf32>) {layer = "b"} -> tensor<4x2xf32>
    tiled.yield %1 : tensor<4x2xf32>
  } -> tensor<4x2xf32>
  func.return %y : tensor<4x2xf32>
}
