// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa l1=8192 l2=14000},deeploy-plan' | filecheck %s
// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa l1=8192 l2=14000},deeploy-plan,convert-tiled-to-mem,deeploy-insert-dma,deeploy-pipeline-dma,convert-mem-to-cluster,deeploy-verify-plan,convert-cluster-to-c' -t c | filecheck %s --check-prefix=C
// RUN: not deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa l1=8192 l2=14000 wmem=0},deeploy-plan' 2>&1 | filecheck %s --check-prefix=NONE
// RUN: not deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa l1=8192 l2=14000 wmem=512},deeploy-plan' 2>&1 | filecheck %s --check-prefix=NONE

// Input, output and the tensor between take 13,824 bytes of L2, which leaves no room for the weights: they live in the
// weight memory, and the DMA brings them from there.

// CHECK: traffic = [{source = "l1", destination = "l2"
// CHECK-SAME: {source = "wmem", destination = "l1"
// CHECK: tiled.constant @w {home = #tiled.home<@wmem>}

// C: const DM_WMEM DM_ALIGN(4) int8_t net_weight_w[576]
// C: {{net_weight_w,|= net_weight_w}}
// C: dm_dma_start_in(

// NONE: the smallest l2 that would do is 14400 bytes

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
