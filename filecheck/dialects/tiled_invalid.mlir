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
// CHECK: tiled.nest fc: the kernels must work on the body's arguments
%y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc"} do {
^bb0(%xt: tensor<4x8xi8>, %wt: tensor<8x16xi8>, %yt: tensor<4x16xi32>):
  %0 = kernel.matmul ins(%x, %wt : tensor<4x8xi8>, tensor<8x16xi8>) outs(%yt : tensor<4x16xi32>) {layer = "fc"} -> tensor<4x16xi32>
  tiled.yield %0 : tensor<4x16xi32>
} -> tensor<4x16xi32>

// -----

%x, %w, %e = "test.op"() : () -> (tensor<4x8xi8>, tensor<8x16xi8>, tensor<4x16xi32>)
// CHECK: tiled.nest fc: needs a kernel and a tiled.yield
%y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc"} do {
^bb0(%xt: tensor<4x8xi8>, %wt: tensor<8x16xi8>, %yt: tensor<4x16xi32>):
  %0 = tiled.empty : tensor<4x16xi32>
  tiled.yield %0 : tensor<4x16xi32>
} -> tensor<4x16xi32>

// -----

%x, %w, %v, %e = "test.op"() : () -> (tensor<4x8xf32>, tensor<8x16xf32>, tensor<16x2xf32>, tensor<4x2xf32>)
// CHECK: tiled.nest a+b: the kernels must work on the body's arguments
%y = tiled.nest ins(%x, %w, %v : tensor<4x8xf32>, tensor<8x16xf32>, tensor<16x2xf32>) outs(%e : tensor<4x2xf32>) {layer = "a+b"} do {
^bb0(%xt: tensor<4x8xf32>, %wt: tensor<8x16xf32>, %vt: tensor<16x2xf32>, %yt: tensor<4x2xf32>):
  %m = tiled.empty : tensor<4x16xf32>
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xf32>, tensor<8x16xf32>) outs(%m : tensor<4x16xf32>) {layer = "a"} -> tensor<4x16xf32>
  %1 = kernel.matmul ins(%m, %vt : tensor<4x16xf32>, tensor<16x2xf32>) outs(%yt : tensor<4x2xf32>) {layer = "b"} -> tensor<4x2xf32>
  tiled.yield %1 : tensor<4x2xf32>
} -> tensor<4x2xf32>

// -----

%x, %w, %v, %e = "test.op"() : () -> (tensor<4x8xf32>, tensor<8x16xf32>, tensor<16x2xf32>, tensor<4x2xf32>)
// CHECK: tiled.nest a+b: an intermediate has buffers, but no home
%y = tiled.nest ins(%x, %w, %v : tensor<4x8xf32>, tensor<8x16xf32>, tensor<16x2xf32>) outs(%e : tensor<4x2xf32>) {layer = "a+b"} do {
^bb0(%xt: tensor<4x8xf32>, %wt: tensor<8x16xf32>, %vt: tensor<16x2xf32>, %yt: tensor<4x2xf32>):
  %m = tiled.empty {home = #tiled.home<@l2 at 0>} : tensor<4x16xf32>
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xf32>, tensor<8x16xf32>) outs(%m : tensor<4x16xf32>) {layer = "a"} -> tensor<4x16xf32>
  %1 = kernel.matmul ins(%0, %vt : tensor<4x16xf32>, tensor<16x2xf32>) outs(%yt : tensor<4x2xf32>) {layer = "b"} -> tensor<4x2xf32>
  tiled.yield %1 : tensor<4x2xf32>
} -> tensor<4x2xf32>

// -----

%x, %w, %v, %e = "test.op"() : () -> (tensor<4x8xf32>, tensor<8x16xf32>, tensor<16x2xf32>, tensor<4x2xf32>)
// CHECK: tiled.nest a+b: its last kernel must write the output
%y = tiled.nest ins(%x, %w, %v : tensor<4x8xf32>, tensor<8x16xf32>, tensor<16x2xf32>) outs(%e : tensor<4x2xf32>) {layer = "a+b"} do {
^bb0(%xt: tensor<4x8xf32>, %wt: tensor<8x16xf32>, %vt: tensor<16x2xf32>, %yt: tensor<4x2xf32>):
  %m = tiled.empty : tensor<4x16xf32>
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xf32>, tensor<8x16xf32>) outs(%m : tensor<4x16xf32>) {layer = "a"} -> tensor<4x16xf32>
  %1 = kernel.matmul ins(%0, %vt : tensor<4x16xf32>, tensor<16x2xf32>) outs(%yt : tensor<4x2xf32>) {layer = "b"} -> tensor<4x2xf32>
  tiled.yield %yt : tensor<4x2xf32>
} -> tensor<4x2xf32>

// -----

%x, %w, %v, %e = "test.op"() : () -> (tensor<4x8xf32>, tensor<8x16xf32>, tensor<16x2xf32>, tensor<4x2xf32>)
// CHECK: tiled.nest a+b: buffers of 4 operands, but there are 5
%y = tiled.nest ins(%x, %w, %v : tensor<4x8xf32>, tensor<8x16xf32>, tensor<16x2xf32>) outs(%e : tensor<4x2xf32>) {layer = "a+b", tiles = array<i64: 4, 2, 16>, loop_order = array<i64>, buffers = [#tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>]} do {
^bb0(%xt: tensor<4x8xf32>, %wt: tensor<8x16xf32>, %vt: tensor<16x2xf32>, %yt: tensor<4x2xf32>):
  %m = tiled.empty : tensor<4x16xf32>
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xf32>, tensor<8x16xf32>) outs(%m : tensor<4x16xf32>) {layer = "a"} -> tensor<4x16xf32>
  %1 = kernel.matmul ins(%0, %vt : tensor<4x16xf32>, tensor<16x2xf32>) outs(%yt : tensor<4x2xf32>) {layer = "b"} -> tensor<4x2xf32>
  tiled.yield %1 : tensor<4x2xf32>
} -> tensor<4x2xf32>

// -----

%x, %w, %v, %e = "test.op"() : () -> (tensor<4x8xf32>, tensor<8x16xf32>, tensor<16x2xf32>, tensor<4x2xf32>)
// CHECK: tiled.nest a+b: an intermediate needs one buffer
%y = tiled.nest ins(%x, %w, %v : tensor<4x8xf32>, tensor<8x16xf32>, tensor<16x2xf32>) outs(%e : tensor<4x2xf32>) {layer = "a+b", tiles = array<i64: 4, 2, 16>, loop_order = array<i64>, buffers = [#tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>, #tiled.buffers<in_place>, #tiled.buffers<@l1 at 0>]} do {
^bb0(%xt: tensor<4x8xf32>, %wt: tensor<8x16xf32>, %vt: tensor<16x2xf32>, %yt: tensor<4x2xf32>):
  %m = tiled.empty : tensor<4x16xf32>
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xf32>, tensor<8x16xf32>) outs(%m : tensor<4x16xf32>) {layer = "a"} -> tensor<4x16xf32>
  %1 = kernel.matmul ins(%0, %vt : tensor<4x16xf32>, tensor<16x2xf32>) outs(%yt : tensor<4x2xf32>) {layer = "b"} -> tensor<4x2xf32>
  tiled.yield %1 : tensor<4x2xf32>
} -> tensor<4x2xf32>

// -----

%x, %w, %v, %e = "test.op"() : () -> (tensor<4x8xf32>, tensor<8x16xf32>, tensor<16x2xf32>, tensor<4x2xf32>)
// CHECK: tiled.nest a+b: 2 tiles for 3 dimensions
%y = tiled.nest ins(%x, %w, %v : tensor<4x8xf32>, tensor<8x16xf32>, tensor<16x2xf32>) outs(%e : tensor<4x2xf32>) {layer = "a+b", tiles = array<i64: 4, 2>, loop_order = array<i64>, buffers = [#tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>, #tiled.buffers<@l1 at 0>]} do {
^bb0(%xt: tensor<4x8xf32>, %wt: tensor<8x16xf32>, %vt: tensor<16x2xf32>, %yt: tensor<4x2xf32>):
  %m = tiled.empty : tensor<4x16xf32>
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xf32>, tensor<8x16xf32>) outs(%m : tensor<4x16xf32>) {layer = "a"} -> tensor<4x16xf32>
  %1 = kernel.matmul ins(%0, %vt : tensor<4x16xf32>, tensor<16x2xf32>) outs(%yt : tensor<4x2xf32>) {layer = "b"} -> tensor<4x2xf32>
  tiled.yield %1 : tensor<4x2xf32>
} -> tensor<4x2xf32>

// -----

%x, %w, %e = "test.op"() : () -> (tensor<4x8xf32>, tensor<8x16xf32>, tensor<4x16xf32>)
// CHECK: tiled.nest a+b: a cannot run in it: no kernel behind it reads what it writes
%y = tiled.nest ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%e : tensor<4x16xf32>) {layer = "a+b"} do {
^bb0(%xt: tensor<4x8xf32>, %wt: tensor<8x16xf32>, %yt: tensor<4x16xf32>):
  %m = tiled.empty : tensor<4x16xf32>
  %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xf32>, tensor<8x16xf32>) outs(%m : tensor<4x16xf32>) {layer = "a"} -> tensor<4x16xf32>
  %1 = kernel.matmul ins(%xt, %wt : tensor<4x8xf32>, tensor<8x16xf32>) outs(%yt : tensor<4x16xf32>) {layer = "b"} -> tensor<4x16xf32>
  tiled.yield %1 : tensor<4x16xf32>
} -> tensor<4x16xf32>
