// RUN: deeploy-opt %s -p deeploy-insert-offload | filecheck %s

builtin.module @net {
  soc.system @small {
    soc.memory @l1 {size = 4096}
    soc.memory @l2 {size = 65536}
    soc.dma @mover from @l2 to @l1 {bytes_per_cycle = 8, max_dims = 2, channels = 4}
    soc.engine @cluster {cores = 8, memory = @l1}
    soc.engine @accelerator {memory = @l1, asynchronous}
    soc.host @host {memory = @l2}
  }
  func.func @net(%x: memref<16xi8, #soc.memory<@l1>>, %y: memref<16xi8, #soc.memory<@l1>>) {
    kernel.map ins(%x : memref<16xi8, #soc.memory<@l1>>) outs(%y : memref<16xi8, #soc.memory<@l1>>) {layer = "a", engine = @accelerator, maps = [affine_map<(d0) -> (d0)>]} {
    ^bb0(%e: i8):
      kernel.yield %e : i8
    }
    kernel.map ins(%y : memref<16xi8, #soc.memory<@l1>>) outs(%x : memref<16xi8, #soc.memory<@l1>>) {layer = "b", engine = @cluster, maps = [affine_map<(d0) -> (d0)>]} {
    ^bb0(%e: i8):
      kernel.yield %e : i8
    }
    func.return
  }
}

// CHECK:      func.func @net
// CHECK-NEXT:   [[T:%\d+]] = offload.start @accelerator do {
// CHECK-NEXT:     kernel.map ins(%x : {{.*}}) outs(%y : {{.*}}) {layer = "a", engine = @accelerator
// CHECK:        } : !offload.token<@accelerator>
// CHECK-NEXT:   offload.wait [[T]] : !offload.token<@accelerator>
// A kernel of the cores stays as it is.
// CHECK-NEXT:   kernel.map ins(%y : {{.*}}) outs(%x : {{.*}}) {layer = "b", engine = @cluster
