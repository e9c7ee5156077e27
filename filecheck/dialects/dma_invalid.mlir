// RUN: deeploy-opt %s --verify-diagnostics --split-input-file | filecheck %s

%0, %1 = "test.op"() : () -> (memref<8xi8, #soc.memory<@l1>>, memref<8xi8, #soc.memory<@l1>>)
// CHECK: dma.start: memref<8xi8, #soc.memory<@l1>> and memref<8xi8, #soc.memory<@l1>> lie in the same memory
%t = dma.start %0 to %1 : memref<8xi8, #soc.memory<@l1>> to memref<8xi8, #soc.memory<@l1>>

// -----

%0, %1 = "test.op"() : () -> (memref<8xi8, #soc.memory<@l2>>, memref<8xi8>)
// CHECK: dma.start: memref<8xi8> names no memory
%t = dma.start %0 to %1 : memref<8xi8, #soc.memory<@l2>> to memref<8xi8>

// -----

%0, %1 = "test.op"() : () -> (memref<8xi8, #soc.memory<@l2>>, memref<2x4xi8, #soc.memory<@l1>>)
// CHECK: dma.start: memref<8xi8, #soc.memory<@l2>> does not fit memref<2x4xi8, #soc.memory<@l1>>
%t = dma.start %0 to %1 : memref<8xi8, #soc.memory<@l2>> to memref<2x4xi8, #soc.memory<@l1>>
