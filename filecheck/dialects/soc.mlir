// RUN: deeploy-opt %s | deeploy-opt | filecheck %s
// RUN: deeploy-opt %s --print-op-generic | deeploy-opt | filecheck %s

soc.system @board {
  soc.memory @l1 {size = 262144, align = 4, address = 0x10000000}
  soc.memory @l2 {size = 2031616}
  soc.memory @l3 {size = 16777216}
  soc.memory @wmem {size = 4194304, weights_only}
  soc.dma @mchan from @l2 to @l1 {bytes_per_cycle = 8, startup_cycles = 100, max_dims = 2, channels = 16}
  soc.dma @udma from @l3 to @l2 {bytes_per_cycle = 1, one_way}
  soc.engine @cluster {cores = 8, memory = @l1, stack_bytes = 1024, kernels = ["a", "b"], instructions = ["x"]}
  soc.engine @neureka {memory = @l1, weights = @wmem, asynchronous}
  soc.host @fabric_controller {memory = @l2}
}
func.func private @f(memref<4xi8, #soc.memory<@l1>>, memref<2x2xi8, strided<[4, 1], offset: 3>, #soc.memory<@l2>>) -> ()

// CHECK:      soc.system @board {
// CHECK-NEXT:   soc.memory @l1 {size = 262144, align = 4, address = 268435456}
// CHECK-NEXT:   soc.memory @l2 {size = 2031616}
// CHECK-NEXT:   soc.memory @l3 {size = 16777216}
// CHECK-NEXT:   soc.memory @wmem {size = 4194304, weights_only}
// CHECK-NEXT:   soc.dma @mchan from @l2 to @l1 {bytes_per_cycle = 8, startup_cycles = 100, max_dims = 2, channels = 16}
// CHECK-NEXT:   soc.dma @udma from @l3 to @l2 {bytes_per_cycle = 1, one_way}
// CHECK-NEXT:   soc.engine @cluster {cores = 8, memory = @l1, stack_bytes = 1024, kernels = ["a", "b"], instructions = ["x"]}
// CHECK-NEXT:   soc.engine @neureka {memory = @l1, weights = @wmem, asynchronous}
// CHECK-NEXT:   soc.host @fabric_controller {memory = @l2}
// CHECK-NEXT: }
// CHECK-NEXT: func.func private @f(memref<4xi8, #soc.memory<@l1>>, memref<2x2xi8, strided<[4, 1], offset: 3>, #soc.memory<@l2>>)
