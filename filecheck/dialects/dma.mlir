// RUN: deeploy-opt %s | deeploy-opt | filecheck %s
// RUN: deeploy-opt %s --print-op-generic | deeploy-opt | filecheck %s

%in, %tile, %more = "test.op"() : () -> (memref<?x8xi8, strided<[16, 1], offset: ?>, #soc.memory<@l2>>, memref<?x8xi8, #soc.memory<@l1>>, i1)
// CHECK: %t = dma.start %in to %tile : memref<?x8xi8, strided<[16, 1], offset: ?>, #soc.memory<@l2>> to memref<?x8xi8, #soc.memory<@l1>>
%t = dma.start %in to %tile : memref<?x8xi8, strided<[16, 1], offset: ?>, #soc.memory<@l2>> to memref<?x8xi8, #soc.memory<@l1>>
// CHECK-NEXT: dma.wait %t
dma.wait %t
// CHECK-NEXT: %u = dma.start %tile to %in if %more : memref<?x8xi8, #soc.memory<@l1>> to memref<?x8xi8, strided<[16, 1], offset: ?>, #soc.memory<@l2>>
%u = dma.start %tile to %in if %more : memref<?x8xi8, #soc.memory<@l1>> to memref<?x8xi8, strided<[16, 1], offset: ?>, #soc.memory<@l2>>
// CHECK-NEXT: %n = dma.none
%n = dma.none
// CHECK-NEXT: "test.op"(%u, %n) : (!dma.token, !dma.token) -> ()
"test.op"(%u, %n) : (!dma.token, !dma.token) -> ()
