// RUN: deeploy-opt %s -p deeploy-insert-dma | filecheck %s

soc.system @two {
  soc.memory @l1 {size = 4096}
  soc.memory @l2 {size = 65536}
  soc.dma @mchan from @l2 to @l1 {bytes_per_cycle = 8}
  soc.host @host {memory = @l2}
}
mem.arena @net_l1 {network = @net, memory = @l1, size = 128 : i64, align = 8 : i64}
func.func @net(%far: memref<16xi8, #soc.memory<@l2>>, %changed: i1) {
  %0 = mem.view @net_l1 {offsets = array<i64: 0>} : memref<16xi8, #soc.memory<@l1>>
  %1 = mem.view @net_l1 {offsets = array<i64: 16>} : memref<16xi8, #soc.memory<@l1>>
  mem.copy %far to %0 if %changed : memref<16xi8, #soc.memory<@l2>> to memref<16xi8, #soc.memory<@l1>>
  mem.copy %0 to %1 : memref<16xi8, #soc.memory<@l1>> to memref<16xi8, #soc.memory<@l1>>
  mem.copy %1 to %far : memref<16xi8, #soc.memory<@l1>> to memref<16xi8, #soc.memory<@l2>>
  func.return
}

// CHECK:      [[A:%\d+]] = mem.view @net_l1 {offsets = array<i64: 0>}
// CHECK-NEXT: [[B:%\d+]] = mem.view @net_l1 {offsets = array<i64: 16>}
// CHECK-NEXT: [[T:%\d+]] = dma.start @mchan %far to [[A]] if %changed : memref<16xi8, #soc.memory<@l2>> to memref<16xi8, #soc.memory<@l1>>
// CHECK-NEXT: dma.wait [[T]] : !dma.token<@mchan>
// A copy within one memory stays a copy.
// CHECK-NEXT: mem.copy [[A]] to [[B]] : memref<16xi8, #soc.memory<@l1>> to memref<16xi8, #soc.memory<@l1>>
// CHECK-NEXT: [[U:%\d+]] = dma.start @mchan [[B]] to %far : memref<16xi8, #soc.memory<@l1>> to memref<16xi8, #soc.memory<@l2>>
// CHECK-NEXT: dma.wait [[U]] : !dma.token<@mchan>
// CHECK-NEXT: func.return
