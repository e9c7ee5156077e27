// RUN: deeploy-opt %s --verify-diagnostics --split-input-file | filecheck %s

%x, %w, %e = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<4x16xi32>)
// CHECK: tiled.nest fc: tiles, loop_order and buffers go together
%y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc", tiles = array<i64: 4, 16, 8>} do {
^bb0(%xt: tensor<4x8xi8>, %wt: tensor<8x16xi8>, %yt: tensor<4x16xi32>):
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xi8>, tensor<8x16xi8>) outs(%yt : tensor<4x16xi32>) {layer = "fc"} -> tensor<4x16xi32>
  tiled.yield %0 : tensor<4x16xi32>
} -> tensor<4x16xi32>

// -----

%x, %w, %e = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<4x16xi32>)
// CHECK: tiled.nest fc: 2 tiles for 3 dimensions
%y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc", tiles = array<i64: 4, 16>, loop_order = array<i64>, buffers = [#tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>]} do {
^bb0(%xt: tensor<4x8xi8>, %wt: tensor<8x16xi8>, %yt: tensor<4x16xi32>):
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xi8>, tensor<8x16xi8>) outs(%yt : tensor<4x16xi32>) {layer = "fc"} -> tensor<4x16xi32>
  tiled.yield %0 : tensor<4x16xi32>
} -> tensor<4x16xi32>

// -----

%x, %w, %e = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<4x16xi32>)
// CHECK: tiled.nest fc: tile 5 of dimension m, size 4
%y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc", tiles = array<i64: 5, 16, 8>, loop_order = array<i64>, buffers = [#tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>]} do {
^bb0(%xt: tensor<4x8xi8>, %wt: tensor<8x16xi8>, %yt: tensor<4x16xi32>):
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xi8>, tensor<8x16xi8>) outs(%yt : tensor<4x16xi32>) {layer = "fc"} -> tensor<4x16xi32>
  tiled.yield %0 : tensor<4x16xi32>
} -> tensor<4x16xi32>

// -----

%x, %w, %e = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<4x16xi32>)
// CHECK: tiled.nest fc: dimension k cannot be cut
%y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc", tiles = array<i64: 4, 16, 4>, loop_order = array<i64: 2>, buffers = [#tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>]} do {
^bb0(%xt: tensor<4x8xi8>, %wt: tensor<8x16xi8>, %yt: tensor<4x16xi32>):
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xi8>, tensor<8x16xi8>) outs(%yt : tensor<4x16xi32>) {layer = "fc"} -> tensor<4x16xi32>
  tiled.yield %0 : tensor<4x16xi32>
} -> tensor<4x16xi32>

// -----

%x, %w, %e = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<4x16xi32>)
// CHECK: tiled.nest fc: loop_order [] must name the cut dimensions [0] once
%y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc", tiles = array<i64: 2, 16, 8>, loop_order = array<i64>, buffers = [#tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>]} do {
^bb0(%xt: tensor<4x8xi8>, %wt: tensor<8x16xi8>, %yt: tensor<4x16xi32>):
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xi8>, tensor<8x16xi8>) outs(%yt : tensor<4x16xi32>) {layer = "fc"} -> tensor<4x16xi32>
  tiled.yield %0 : tensor<4x16xi32>
} -> tensor<4x16xi32>

// -----

%x, %w, %e = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<4x16xi32>)
// CHECK: tiled.nest fc: buffers of 2 operands, but there are 3
%y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc", tiles = array<i64: 4, 16, 8>, loop_order = array<i64>, buffers = [#tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>]} do {
^bb0(%xt: tensor<4x8xi8>, %wt: tensor<8x16xi8>, %yt: tensor<4x16xi32>):
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xi8>, tensor<8x16xi8>) outs(%yt : tensor<4x16xi32>) {layer = "fc"} -> tensor<4x16xi32>
  tiled.yield %0 : tensor<4x16xi32>
} -> tensor<4x16xi32>

// -----

%x, %w, %e = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<4x16xi32>)
// CHECK: tiled.nest fc: the body's arguments must be the operands, in order
%y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc"} do {
^bb0(%xt: tensor<4x8xi8>, %yt: tensor<4x16xi32>, %wt: tensor<8x16xi8>):
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xi8>, tensor<8x16xi8>) outs(%yt : tensor<4x16xi32>) {layer = "fc"} -> tensor<4x16xi32>
  tiled.yield %0 : tensor<4x16xi32>
} -> tensor<4x16xi32>

// -----

%x, %w, %e = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<4x16xi32>)
// CHECK: tiled.nest fc: the kernel must work on the body's arguments
%y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc"} do {
^bb0(%xt: tensor<4x8xi8>, %wt: tensor<8x16xi8>, %yt: tensor<4x16xi32>):
  %0 = kernel.matmul ins(%x, %wt : tensor<4x8xi8>, tensor<8x16xi8>) outs(%yt : tensor<4x16xi32>) {layer = "fc"} -> tensor<4x16xi32>
  tiled.yield %0 : tensor<4x16xi32>
} -> tensor<4x16xi32>

// -----

%x, %w, %e = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<4x16xi32>)
// CHECK: tiled.nest fc: needs one kernel and a tiled.yield
%y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc"} do {
^bb0(%xt: tensor<4x8xi8>, %wt: tensor<8x16xi8>, %yt: tensor<4x16xi32>):
  %0 = tiled.empty : tensor<4x16xi32>
  tiled.yield %0 : tensor<4x16xi32>
} -> tensor<4x16xi32>
