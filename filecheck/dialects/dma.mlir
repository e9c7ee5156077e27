// RUN: deeploy-opt %s | deeploy-opt | filecheck %s
// RUN: deeploy-opt %s --print-op-generic | deeploy-opt | filecheck %s

%in, %tile, %more = "test.op"() : () -> (memref<?x8xi8, strided<[16, 1], offset: ?>, #soc.memory<@l2>>, memref<?x8xi8, #soc.memory<@l1>>, i1)
// CHECK: %t = dma.start @mchan %in to %tile : memref<?x8xi8, strided<[16, 1], offset: ?>, #soc.memory<@l2>> to memref<?x8xi8, #soc.memory<@l1>>
%t = dma.start @mchan %in to %tile : memref<?x8xi8, strided<[16, 1], offset: ?>, #soc.memory<@l2>> to memref<?x8xi8, #soc.memory<@l1>>
// CHECK-NEXT: dma.wait %t : !dma.token<@mchan>
dma.wait %t : !dma.token<@mchan>
// CHECK-NEXT: %u = dma.start @mchan %tile to %in if %more : memref<?x8xi8, #soc.memory<@l1>> to memref<?x8xi8, strided<[16, 1], offset: ?>, #soc.memory<@l2>>
%u = dma.start @mchan %tile to %in if %more : memref<?x8xi8, #soc.memory<@l1>> to memref<?x8xi8, strided<[16, 1], offset: ?>, #soc.memory<@l2>>
// CHECK-NEXT: %n = dma.none : !dma.token<@mchan>
%n = dma.none : !dma.token<@mchan>
// CHECK-NEXT: "test.op"(%u, %n) : (!dma.token<@mchan>, !dma.token<@mchan>) -> ()
"test.op"(%u, %n) : (!dma.token<@mchan>, !dma.token<@mchan>) -> ()
