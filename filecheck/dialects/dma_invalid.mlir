// RUN: deeploy-opt %s --verify-diagnostics --split-input-file | filecheck %s

%0, %1 = "test.op"() : () -> (memref<8xi8, #soc.memory<@l1>>, memref<8xi8, #soc.memory<@l1>>)
// CHECK: dma.start: memref<8xi8, #soc.memory<@l1>> and memref<8xi8, #soc.memory<@l1>> lie in the same memory
%t = dma.start @mchan %0 to %1 : memref<8xi8, #soc.memory<@l1>> to memref<8xi8, #soc.memory<@l1>>

// -----

%0, %1 = "test.op"() : () -> (memref<8xi8, #soc.memory<@l2>>, memref<8xi8>)
// CHECK: dma.start: memref<8xi8> names no memory
%t = dma.start @mchan %0 to %1 : memref<8xi8, #soc.memory<@l2>> to memref<8xi8>

// -----

%0, %1 = "test.op"() : () -> (memref<8xi8, #soc.memory<@l2>>, memref<2x4xi8, #soc.memory<@l1>>)
// CHECK: dma.start: memref<8xi8, #soc.memory<@l2>> does not fit memref<2x4xi8, #soc.memory<@l1>>
%t = dma.start @mchan %0 to %1 : memref<8xi8, #soc.memory<@l2>> to memref<2x4xi8, #soc.memory<@l1>>

// -----

soc.system @small {
  soc.memory @l1 {size = 1024}
  soc.memory @l2 {size = 4096}
  soc.memory @l3 {size = 8192}
  soc.dma @near from @l2 to @l1 {bytes_per_cycle = 8}
  soc.dma @far from @l3 to @l2 {bytes_per_cycle = 1, one_way}
  soc.host @host {memory = @l2}
}
%0, %1 = "test.op"() : () -> (memref<8xi8, #soc.memory<@l2>>, memref<8xi8, #soc.memory<@l1>>)
// CHECK: dma.start: @far does not copy from @l2 to @l1
%t = dma.start @far %0 to %1 : memref<8xi8, #soc.memory<@l2>> to memref<8xi8, #soc.memory<@l1>>

// -----

soc.system @small {
  soc.memory @l1 {size = 1024}
  soc.memory @l2 {size = 4096}
  soc.dma @near from @l2 to @l1 {bytes_per_cycle = 8}
  soc.host @host {memory = @l2}
}
%0, %1 = "test.op"() : () -> (memref<8xi8, #soc.memory<@l2>>, memref<8xi8, #soc.memory<@l1>>)
// CHECK: dma.start: @nearer is no DMA of the system, to copy from @l2 to @l1
%t = dma.start @nearer %0 to %1 : memref<8xi8, #soc.memory<@l2>> to memref<8xi8, #soc.memory<@l1>>
