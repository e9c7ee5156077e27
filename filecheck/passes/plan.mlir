// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa l1=10240},deeploy-plan' | filecheck %s
// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa l1=10240},deeploy-plan{double-buffer=false}' | filecheck %s --check-prefix=SINGLE
// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa},deeploy-plan' | filecheck %s --check-prefix=ROOMY

// 5 KiB are left beside the stacks of the cores: the operators are cut into tiles. With all of L1, the tensor between
// the two operators never leaves it.

// CHECK: deeploy.plan = {memory = [{name = "l1"
// CHECK-SAME: capacity = 10240 : i64
// CHECK-SAME: traffic = [{source = "l1", destination = "l2"
// CHECK-SAME: solver = {objective
// CHECK: func.func @net(%x: tensor<1x24x24x8xi8> {tiled.home = #tiled.home<@l2>})
// CHECK-NEXT: tiled.constant @w {home = #tiled.home<@l2>}
// CHECK-NEXT: tiled.empty {home = #tiled.home<@l{{[12]}} at {{[0-9]+}}>}
// CHECK-NEXT: tiled.empty {home = #tiled.home<@l2>}
// CHECK-NEXT: tiled.nest
// CHECK-SAME: loop_order = array<i64: {{[0-9]}}
// CHECK-SAME: buffers = [#tiled.buffers<@l1 at {{[0-9]+}}
// CHECK-SAME: cycles = #builtin.int<

// SINGLE: tiled.nest
// SINGLE-SAME: buffers = [#tiled.buffers<@l1 at {{[0-9]+}}>, #tiled.buffers<@l1 at {{[0-9]+}}>

// ROOMY: tiled.empty {home = #tiled.home<@l1 at {{[0-9]+}}>}
// ROOMY-NEXT: tiled.empty {home = #tiled.home<@l2>}
// ROOMY-NEXT: tiled.nest
// ROOMY-SAME: #tiled.buffers<in_place>], cycles
// ROOMY: tiled.nest
// ROOMY-SAME: buffers = [#tiled.buffers<in_place>, #tiled.buffers<@l1

builtin.module @net {
  ml_program.global private @w(dense<1> : tensor<8x3x3x8xi8>) : tensor<8x3x3x8xi8>
  func.func @net(%x: tensor<1x24x24x8xi8>) -> tensor<1x24x24x8xi8> {
    %w = tiled.constant @w : tensor<8x3x3x8xi8>
    %e = tiled.empty : tensor<1x24x24x8xi8>
    %f = tiled.empty : tensor<1x24x24x8xi8>
    %y = tiled.nest ins(%x, %w : tensor<1x24x24x8xi8>, tensor<8x3x3x8xi8>) outs(%e : tensor<1x24x24x8xi8>) {layer = "conv"} do {
    ^bb0(%a: tensor<1x24x24x8xi8>, %b: tensor<8x3x3x8xi8>, %c: tensor<1x24x24x8xi8>):
      %d = kernel.conv ins(%a, %b : tensor<1x24x24x8xi8>, tensor<8x3x3x8xi8>) outs(%c : tensor<1x24x24x8xi8>) {layer = "conv", engine = @cluster, layout = #kernel<layout channels_last>, window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>} {
      ^bb1(%s: i32):
        %t = kernel.cast %s : i32 to i8
        kernel.yield %t : i8
      } -> tensor<1x24x24x8xi8>
      tiled.yield %d : tensor<1x24x24x8xi8>
    } -> tensor<1x24x24x8xi8>
    %z = tiled.nest ins(%y, %x : tensor<1x24x24x8xi8>, tensor<1x24x24x8xi8>) outs(%f : tensor<1x24x24x8xi8>) {layer = "add"} do {
    ^bb0(%a: tensor<1x24x24x8xi8>, %b: tensor<1x24x24x8xi8>, %c: tensor<1x24x24x8xi8>):
      %d = kernel.map ins(%a, %b : tensor<1x24x24x8xi8>, tensor<1x24x24x8xi8>) outs(%c : tensor<1x24x24x8xi8>) {layer = "add", engine = @cluster, maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>]} {
      ^bb1(%p: i8, %q: i8):
        %r = arith.addi %p, %q : i8
        kernel.yield %r : i8
      } -> tensor<1x24x24x8xi8>
      tiled.yield %d : tensor<1x24x24x8xi8>
    } -> tensor<1x24x24x8xi8>
    func.return %z : tensor<1x24x24x8xi8>
  }
}
