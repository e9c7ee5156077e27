// RUN: deeploy-opt %s -p convert-mem-to-cluster | filecheck %s

// A cluster of one core is still not the host: what it runs is a region, with the DMA. There is nothing to share, and
// nobody to wait for.

builtin.module @net {
  soc.system @small {
    soc.memory @l1 {size = 4096}
    soc.memory @l2 {size = 65536}
    soc.dma @mover from @l2 to @l1 {bytes_per_cycle = 8, max_dims = 2, channels = 4}
    soc.engine @cluster {cores = 1, memory = @l1}
    soc.host @host {memory = @l2}
  }
  mem.arena @net_l1 {network = @net, memory = @l1, size = 256 : i64, align = 8 : i64}
  func.func @net(%in: memref<8x4xi8, #soc.memory<@l2>>, %out: memref<8x4xi8, #soc.memory<@l2>>) {
    mem.step "relu" {tiles = array<i64: 8, 4>} do {
      %x = mem.view @net_l1 {offsets = array<i64: 0>} : memref<8x4xi8, #soc.memory<@l1>>
      %s = dma.start @mover %in to %x : memref<8x4xi8, #soc.memory<@l2>> to memref<8x4xi8, #soc.memory<@l1>>
      %y = mem.view @net_l1 {offsets = array<i64: 32>} : memref<8x4xi8, #soc.memory<@l1>>
      dma.wait %s : !dma.token<@mover>
      kernel.map ins(%x : memref<8x4xi8, #soc.memory<@l1>>) outs(%y : memref<8x4xi8, #soc.memory<@l1>>) {layer = "relu", engine = @cluster, maps = [affine_map<(d0, d1) -> (d0, d1)>]} {
      ^bb0(%e: i8):
        %zero = arith.constant 0 : i8
        %f = arith.maxsi %e, %zero : i8
        kernel.yield %f : i8
      }
      %t = dma.start @mover %y to %out : memref<8x4xi8, #soc.memory<@l1>> to memref<8x4xi8, #soc.memory<@l2>>
      dma.wait %t : !dma.token<@mover>
    }
    func.return
  }
}

// CHECK-LABEL: func.func @net
// CHECK:         cluster.run @cluster do {
// CHECK-NEXT:    ^bb0(%core: index):
// CHECK-NEXT:      mem.step "relu"
// CHECK-NOT:         cluster.barrier
// CHECK:             dma.start @mover %in to %x : memref
// CHECK:             kernel.map ins(%x : memref<8x4xi8, #soc.memory<@l1>>)
// CHECK-NOT:         cluster.barrier
// CHECK:             dma.start @mover %y to %out : memref
