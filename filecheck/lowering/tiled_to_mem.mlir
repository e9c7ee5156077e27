// RUN: deeploy-opt %s -p convert-tiled-to-mem --split-input-file | filecheck %s

// Whole operators: places in arenas become views, arrays of their own become globals, staged operands are copied.

ml_program.global private @w(dense<1> : tensor<8x16xi8>) : tensor<8x16xi8>
func.func @whole(%x: tensor<4x8xi8> {tiled.home = #tiled.home<@l2>}) -> tensor<4x16xi32> {
  %w = tiled.constant @w {home = #tiled.home<@l2>} : tensor<8x16xi8>
  %e = tiled.empty {home = #tiled.home<@l2>} : tensor<4x16xi32>
  %y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc", tiles = array<i64: 4, 16, 8>, loop_order = array<i64>, buffers = [#tiled.buffers<@l1 at 256>, #tiled.buffers<in_place>, #tiled.buffers<@l1 at 0>], cycles = #builtin.int<500>} do {
  ^bb0(%xt: tensor<4x8xi8>, %wt: tensor<8x16xi8>, %yt: tensor<4x16xi32>):
    %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xi8>, tensor<8x16xi8>) outs(%yt : tensor<4x16xi32>) {layer = "fc", engine = @cluster} -> tensor<4x16xi32>
    tiled.yield %0 : tensor<4x16xi32>
  } -> tensor<4x16xi32>
  func.return %y : tensor<4x16xi32>
}

// CHECK:      mem.arena @whole_l1 {network = @whole, memory = @l1, size = 288 : i64, align = 8 : i64}
// CHECK:      "memref.global"() <{sym_name = "whole_input_0", type = memref<4x8xi8, #soc.memory<@l2>>, initial_value, sym_visibility = "public"}>
// CHECK-NEXT: "memref.global"() <{sym_name = "whole_output_0", type = memref<4x16xi32, #soc.memory<@l2>>, initial_value, sym_visibility = "public"}>
// CHECK-NEXT: "memref.global"() <{sym_name = "whole_w", type = memref<8x16xi8, #soc.memory<@l2>>, initial_value = dense<1> : tensor<8x16xi8>, sym_visibility = "private", constant}>
// CHECK-NEXT: func.func @whole() {
// CHECK-NEXT:   mem.step "fc" {tiles = array<i64: 4, 16, 8>, note = "matmul: 4x8 i8 x 8x16 i8 -> 4x16 i32", cycles = #builtin.int<500>} do {
// CHECK:          [[X:%[^ ]+]] = memref.get_global @whole_input_0
// CHECK:          [[W:%[^ ]+]] = memref.get_global @whole_w
// CHECK:          [[Y:%[^ ]+]] = memref.get_global @whole_output_0
// CHECK:          [[XT:%[^ ]+]] = mem.view @whole_l1 {offsets = array<i64: 256>} : memref<4x8xi8, #soc.memory<@l1>>
// CHECK:          mem.copy [[X]] to [[XT]]
// CHECK:          [[YT:%[^ ]+]] = mem.view @whole_l1 {offsets = array<i64: 0>} : memref<4x16xi32, #soc.memory<@l1>>
// CHECK:          kernel.matmul ins([[XT]], [[W]] : {{.*}}) outs([[YT]] : {{.*}}) {layer = "fc", engine = @cluster}
// CHECK:          mem.copy [[YT]] to [[Y]]

// -----

// Tiles of a padded convolution: a loop over tiles, the input's part with its halo clipped to the image, the origin of
// what was clipped, the weights once before the loop, double buffers chosen by the tile's number.

ml_program.global private @w(dense<1> : tensor<4x3x3x2xi8>) : tensor<4x3x3x2xi8>
func.func @tiles(%x: tensor<1x10x8x2xi8> {tiled.home = #tiled.home<@l2>}) -> tensor<1x10x8x4xi32> {
  %w = tiled.constant @w {home = #tiled.home<@l2>} : tensor<4x3x3x2xi8>
  %e = tiled.empty {home = #tiled.home<@l2>} : tensor<1x10x8x4xi32>
  %y = tiled.nest ins(%x, %w : tensor<1x10x8x2xi8>, tensor<4x3x3x2xi8>) outs(%e : tensor<1x10x8x4xi32>) {layer = "conv", tiles = array<i64: 1, 4, 8, 4, 3, 3, 2>, loop_order = array<i64: 1>, buffers = [#tiled.buffers<@l1 at 0, 96>, #tiled.buffers<@l1 at 192>, #tiled.buffers<@l1 at 264>]} do {
  ^bb0(%xt: tensor<1x10x8x2xi8>, %wt: tensor<4x3x3x2xi8>, %yt: tensor<1x10x8x4xi32>):
    %0 = kernel.conv ins(%xt, %wt : tensor<1x10x8x2xi8>, tensor<4x3x3x2xi8>) outs(%yt : tensor<1x10x8x4xi32>) {layer = "conv", engine = @cluster, layout = #kernel<layout channels_last>, window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>} -> tensor<1x10x8x4xi32>
    tiled.yield %0 : tensor<1x10x8x4xi32>
  } -> tensor<1x10x8x4xi32>
  func.return %y : tensor<1x10x8x4xi32>
}

// CHECK:      mem.arena @tiles_l1 {network = @tiles, memory = @l1, size = 776 : i64, align = 8 : i64}
// CHECK:      func.func @tiles() {
// CHECK:        note = "conv: 1x10x8x2 i8 x 4x3x3x2 i8 -> 1x10x8x4 i32; 3 tiles: o0 10 by 4"
// CHECK:        [[WT:%[^ ]+]] = mem.view @tiles_l1 {offsets = array<i64: 192>} : memref<4x3x3x2xi8, #soc.memory<@l1>>
// CHECK:        mem.copy %{{[^ ]+}} to [[WT]]
// CHECK:        scf.for %tile = %{{[^ ]+}} to %{{[^ ]+}} step %{{[^ ]+}} {
// The last tile has two rows.
// CHECK:          [[LOW:%[^ ]+]] = arith.muli %tile, %{{[^ ]+}} : index
// CHECK:          [[LEFT:%[^ ]+]] = arith.subi %{{[^ ]+}}, [[LOW]] : index
// CHECK:          [[ROWS:%[^ ]+]] = arith.minsi %{{[^ ]+}}, [[LEFT]] : index
// CHECK:          [[FROM:%[^ ]+]] = arith.addi %{{[^ ]+}}, [[LOW]] : index
// CHECK:          [[CLIPPED:%[^ ]+]] = arith.maxsi [[FROM]], %{{[^ ]+}} : index
// CHECK:          [[ORIGIN:%[^ ]+]] = arith.subi [[FROM]], %{{[^ ]+}} : index
// CHECK:          [[PART:%[^ ]+]] = memref.subview %{{[^ ]+}}[0, %{{[^ ]+}}, 0, 0] [1, [[SIZE:%[^ ]+]], 8, 2] [1, 1, 1, 1] : memref<1x10x8x2xi8, #soc.memory<@l2>> to memref<1x?x8x2xi8, strided<[160, 16, 2, 1], offset: ?>, #soc.memory<@l2>>
// CHECK:          [[PHASE:%[^ ]+]] = arith.remui %tile
// CHECK:          [[BUFFER:%[^ ]+]] = mem.view @tiles_l1 which [[PHASE]] {offsets = array<i64: 0, 96>} : memref<1x6x8x2xi8, #soc.memory<@l1>>
// CHECK:          [[XT:%[^ ]+]] = memref.subview [[BUFFER]][0, 0, 0, 0] [1, [[SIZE]], 8, 2]
// CHECK:          mem.copy [[PART]] to [[XT]]
// CHECK:          [[YPART:%[^ ]+]] = memref.subview %{{[^ ]+}}[0, [[LOW]], 0, 0] [1, [[ROWS]], 8, 4]
// CHECK:          kernel.conv ins([[XT]], [[WT]] : {{.*}}) outs([[YT:%[^ ]+]] : {{.*}}) origins([[ORIGIN]], %{{[^ ]+}}) {{.*}}local
// CHECK:          mem.copy [[YT]] to [[YPART]]
