// RUN: deeploy-opt %s -p 'deeploy-plan' | filecheck %s
// RUN: deeploy-opt %s -p 'deeploy-plan{double-buffer=false}' | filecheck %s --check-prefix=SINGLE

// A slow DMA: two buffers hide its transfers behind computation.

// CHECK: tiled.nest
// CHECK: tiled.nest
// CHECK-SAME: #tiled.buffers<@l1 at {{[0-9]+}}, {{[0-9]+}}>], cycles

// SINGLE: tiled.nest
// SINGLE: tiled.nest
// SINGLE-SAME: buffers = [#tiled.buffers<@l1 at {{[0-9]+}}>, #tiled.buffers<@l1 at {{[0-9]+}}>, #tiled.buffers<@l1 at {{[0-9]+}}>], cycles

builtin.module @net {
  soc.system @siracusa {
    soc.memory @l1 {size = 9216, align = 4}
    soc.memory @l2 {size = 2031616, align = 4}
    soc.dma @mchan from @l2 to @l1 {bytes_per_cycle = 1, startup_cycles = 100, max_dims = 2, channels = 16}
    soc.engine @cluster {cores = 8, memory = @l1, stack_bytes = 640, kernels = ["siracusa"]}
    soc.host @fabric_controller {memory = @l2}
  }
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
