// RUN: deeploy-opt %s -p deeploy-pipeline-dma | filecheck %s

// The DMA takes three transfers: two of the double buffered output, one of the input, so none is left to start ahead.
soc.system @narrow {
  soc.memory @l1 {size = 4096}
  soc.memory @l2 {size = 65536}
  soc.dma @mover from @l2 to @l1 {bytes_per_cycle = 8, channels = 3}
  soc.host @host {memory = @l2}
}
mem.arena @net_l1 {network = @net, memory = @l1, size = 128 : i64, align = 8 : i64}
func.func @double(%in: memref<64xi8, #soc.memory<@l2>>, %out: memref<64xi8, #soc.memory<@l2>>) {
  mem.step "copy" {tiles = array<i64: 16>} do {
    %zero = arith.constant 0 : index
    %four = arith.constant 4 : index
    %one = arith.constant 1 : index
    scf.for %tile = %zero to %four step %one {
      %size = arith.constant 16 : index
      %low = arith.muli %tile, %size : index
      %two = arith.constant 2 : index
      %phase = arith.remui %tile, %two : index
      %part = memref.subview %in[%low] [16] [1] : memref<64xi8, #soc.memory<@l2>> to memref<16xi8, strided<[1], offset: ?>, #soc.memory<@l2>>
      %local = mem.view @net_l1 which %phase {offsets = array<i64: 0, 16>} : memref<16xi8, #soc.memory<@l1>>
      %arriving = dma.start @mover %part to %local : memref<16xi8, strided<[1], offset: ?>, #soc.memory<@l2>> to memref<16xi8, #soc.memory<@l1>>
      dma.wait %arriving : !dma.token<@mover>
      %result = mem.view @net_l1 which %phase {offsets = array<i64: 32, 48>} : memref<16xi8, #soc.memory<@l1>>
      kernel.map ins(%local : memref<16xi8, #soc.memory<@l1>>) outs(%result : memref<16xi8, #soc.memory<@l1>>) {layer = "copy", maps = [affine_map<(d0) -> (d0)>], local} {
      ^bb0(%e: i8):
        kernel.yield %e : i8
      }
      %place = memref.subview %out[%low] [16] [1] : memref<64xi8, #soc.memory<@l2>> to memref<16xi8, strided<[1], offset: ?>, #soc.memory<@l2>>
      %leaving = dma.start @mover %result to %place : memref<16xi8, #soc.memory<@l1>> to memref<16xi8, strided<[1], offset: ?>, #soc.memory<@l2>>
      dma.wait %leaving : !dma.token<@mover>
      scf.yield
    }
  }
  func.return
}

// The fourth operand has to wait for the first.
func.func @four(%a: memref<16xi8, #soc.memory<@l2>>, %b: memref<16xi8, #soc.memory<@l2>>, %c: memref<16xi8, #soc.memory<@l2>>, %d: memref<16xi8, #soc.memory<@l2>>) {
  mem.step "four" {tiles = array<i64: 16>} do {
    %v = mem.view @net_l1 {offsets = array<i64: 0>} : memref<16xi8, #soc.memory<@l1>>
    %ta = dma.start @mover %a to %v : memref<16xi8, #soc.memory<@l2>> to memref<16xi8, #soc.memory<@l1>>
    dma.wait %ta : !dma.token<@mover>
    %w = mem.view @net_l1 {offsets = array<i64: 16>} : memref<16xi8, #soc.memory<@l1>>
    %tb = dma.start @mover %b to %w : memref<16xi8, #soc.memory<@l2>> to memref<16xi8, #soc.memory<@l1>>
    dma.wait %tb : !dma.token<@mover>
    %x = mem.view @net_l1 {offsets = array<i64: 32>} : memref<16xi8, #soc.memory<@l1>>
    %tc = dma.start @mover %c to %x : memref<16xi8, #soc.memory<@l2>> to memref<16xi8, #soc.memory<@l1>>
    dma.wait %tc : !dma.token<@mover>
    %y = mem.view @net_l1 {offsets = array<i64: 48>} : memref<16xi8, #soc.memory<@l1>>
    %td = dma.start @mover %d to %y : memref<16xi8, #soc.memory<@l2>> to memref<16xi8, #soc.memory<@l1>>
    dma.wait %td : !dma.token<@mover>
    %z = mem.view @net_l1 {offsets = array<i64: 64>} : memref<16xi8, #soc.memory<@l1>>
    kernel.map ins(%v, %w, %x, %y : memref<16xi8, #soc.memory<@l1>>, memref<16xi8, #soc.memory<@l1>>, memref<16xi8, #soc.memory<@l1>>, memref<16xi8, #soc.memory<@l1>>) outs(%z : memref<16xi8, #soc.memory<@l1>>) {layer = "four", maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]} {
    ^bb0(%e: i8, %f: i8, %g: i8, %h: i8):
      kernel.yield %e : i8
    }
  }
  func.return
}

// CHECK-LABEL: func.func @double
// CHECK-NOT:   dma.start
// CHECK:       scf.for {{.*}} iter_args([[OLD:%[^ ]+]] = %{{[^ ]+}}, [[NEW:%[^ ]+]] = %{{[^ ]+}})
// CHECK:       [[ARRIVING:%[^ ]+]] = dma.start @mover %part to %local :
// CHECK-NOT:   dma.start
// CHECK:       dma.wait [[OLD]]
// CHECK-NEXT:  dma.wait [[ARRIVING]]
// CHECK-NEXT:  kernel.map
// CHECK:       [[LEAVING:%[^ ]+]] = dma.start
// CHECK-NEXT:  scf.yield [[NEW]], [[LEAVING]]

// CHECK-LABEL: func.func @four
// CHECK:       [[A:%[^ ]+]] = dma.start @mover %a
// CHECK:       [[B:%[^ ]+]] = dma.start @mover %b
// CHECK:       [[C:%[^ ]+]] = dma.start @mover %c
// CHECK:       dma.wait [[A]]
// CHECK-NEXT:  [[D:%[^ ]+]] = dma.start @mover %d
// CHECK-NOT:   dma.start
// CHECK:       dma.wait [[B]]
// CHECK-NEXT:  dma.wait [[C]]
// CHECK-NEXT:  dma.wait [[D]]
// CHECK-NEXT:  kernel.map
