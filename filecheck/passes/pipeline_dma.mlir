// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa},deeploy-pipeline-dma' --split-input-file | filecheck %s
// RUN: not deeploy-opt %s -p deeploy-pipeline-dma --split-input-file 2>&1 | filecheck %s --check-prefix=REFUSED

// REFUSED: deeploy-opt: error: the module names no SoC: run deeploy-attach-soc first

// A transfer into a double buffer starts one tile ahead, one out of it is waited for two tiles later.

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
      %arriving = dma.start @mchan %part to %local : memref<16xi8, strided<[1], offset: ?>, #soc.memory<@l2>> to memref<16xi8, #soc.memory<@l1>>
      dma.wait %arriving : !dma.token<@mchan>
      %result = mem.view @net_l1 which %phase {offsets = array<i64: 32, 48>} : memref<16xi8, #soc.memory<@l1>>
      kernel.map ins(%local : memref<16xi8, #soc.memory<@l1>>) outs(%result : memref<16xi8, #soc.memory<@l1>>) {layer = "copy", maps = [affine_map<(d0) -> (d0)>], local} {
      ^bb0(%e: i8):
        kernel.yield %e : i8
      }
      %place = memref.subview %out[%low] [16] [1] : memref<64xi8, #soc.memory<@l2>> to memref<16xi8, strided<[1], offset: ?>, #soc.memory<@l2>>
      %leaving = dma.start @mchan %result to %place : memref<16xi8, #soc.memory<@l1>> to memref<16xi8, strided<[1], offset: ?>, #soc.memory<@l2>>
      dma.wait %leaving : !dma.token<@mchan>
      scf.yield
    }
  }
  func.return
}

// CHECK-LABEL: func.func @double
// CHECK:       mem.step "copy"
// The first tile's transfer, before the loop, and no transfer for each of the output's two buffers.
// CHECK:       [[FIRST:%[^ ]+]] = dma.start @mchan %{{.*}} to %{{.*}} : memref<16xi8, strided<[1], offset: ?>, #soc.memory<@l2>> to memref<16xi8, #soc.memory<@l1>>
// CHECK-NEXT:  [[NONE:%[^ ]+]] = dma.none : !dma.token<@mchan>
// CHECK-NEXT:  [[NONE2:%[^ ]+]] = dma.none : !dma.token<@mchan>
// CHECK-NEXT:  [[ALL:%[^ ]+]], [[LAST:%[^ ]+]], [[LAST2:%[^ ]+]] = scf.for %tile = %{{[^ ]+}} to [[UB:%[^ ]+]] step %{{[^ ]+}} iter_args([[NOW:%[^ ]+]] = [[FIRST]], [[OLD:%[^ ]+]] = [[NONE]], [[NEW:%[^ ]+]] = [[NONE2]])
// The next tile's transfer, if there is a next tile.
// CHECK:       [[NEXT:%[^ ]+]] = arith.addi %tile, %{{.*}} : index
// CHECK-NEXT:  [[MORE:%[^ ]+]] = arith.cmpi slt, [[NEXT]], [[UB]] : index
// CHECK:       arith.muli [[NEXT]]
// CHECK:       [[AHEAD:%[^ ]+]] = dma.start @mchan %{{.*}} to %{{.*}} if [[MORE]] : memref<16xi8, strided<[1], offset: ?>, #soc.memory<@l2>>
// CHECK:       dma.wait [[NOW]]
// CHECK-NEXT:  dma.wait [[OLD]]
// CHECK-NEXT:  kernel.map
// CHECK:       [[LEAVING:%[^ ]+]] = dma.start
// CHECK-NEXT:  scf.yield [[AHEAD]], [[NEW]], [[LEAVING]] : !dma.token<@mchan>, !dma.token<@mchan>, !dma.token
// CHECK-NEXT:  }
// CHECK-NEXT:  dma.wait [[LAST]]
// CHECK-NEXT:  dma.wait [[LAST2]]

// -----

// Into a single buffer nothing can be fetched ahead; what is written back is waited for before the next tile writes.

mem.arena @net_l1 {network = @net, memory = @l1, size = 128 : i64, align = 8 : i64}
func.func @single(%in: memref<64xi8, #soc.memory<@l2>>, %out: memref<64xi8, #soc.memory<@l2>>) {
  mem.step "copy" {tiles = array<i64: 16>} do {
    %zero = arith.constant 0 : index
    %four = arith.constant 4 : index
    %one = arith.constant 1 : index
    scf.for %tile = %zero to %four step %one {
      %size = arith.constant 16 : index
      %low = arith.muli %tile, %size : index
      %part = memref.subview %in[%low] [16] [1] : memref<64xi8, #soc.memory<@l2>> to memref<16xi8, strided<[1], offset: ?>, #soc.memory<@l2>>
      %local = mem.view @net_l1 {offsets = array<i64: 0>} : memref<16xi8, #soc.memory<@l1>>
      %arriving = dma.start @mchan %part to %local : memref<16xi8, strided<[1], offset: ?>, #soc.memory<@l2>> to memref<16xi8, #soc.memory<@l1>>
      dma.wait %arriving : !dma.token<@mchan>
      %result = mem.view @net_l1 {offsets = array<i64: 32>} : memref<16xi8, #soc.memory<@l1>>
      kernel.map ins(%local : memref<16xi8, #soc.memory<@l1>>) outs(%result : memref<16xi8, #soc.memory<@l1>>) {layer = "copy", maps = [affine_map<(d0) -> (d0)>], local} {
      ^bb0(%e: i8):
        kernel.yield %e : i8
      }
      %place = memref.subview %out[%low] [16] [1] : memref<64xi8, #soc.memory<@l2>> to memref<16xi8, strided<[1], offset: ?>, #soc.memory<@l2>>
      %leaving = dma.start @mchan %result to %place : memref<16xi8, #soc.memory<@l1>> to memref<16xi8, strided<[1], offset: ?>, #soc.memory<@l2>>
      dma.wait %leaving : !dma.token<@mchan>
      scf.yield
    }
  }
  func.return
}

// CHECK-LABEL: func.func @single
// CHECK:       [[NONE:%[^ ]+]] = dma.none : !dma.token<@mchan>
// CHECK-NEXT:  [[LAST:%[^ ]+]] = scf.for {{.*}} iter_args([[OLD:%[^ ]+]] = [[NONE]])
// CHECK:       [[ARRIVING:%[^ ]+]] = dma.start
// CHECK-NOT:   dma.start
// CHECK:       dma.wait [[OLD]]
// CHECK-NEXT:  dma.wait [[ARRIVING]]
// CHECK-NEXT:  kernel.map
// CHECK:       [[LEAVING:%[^ ]+]] = dma.start
// CHECK-NEXT:  scf.yield [[LEAVING]] : !dma.token
// CHECK:       dma.wait [[LAST]]

// -----

// Outside of loops a wait moves down to the first operation that touches what its transfer touches.

mem.arena @net_l1 {network = @net, memory = @l1, size = 128 : i64, align = 8 : i64}
func.func @sink(%a: memref<16xi8, #soc.memory<@l2>>, %b: memref<16xi8, #soc.memory<@l2>>, %out: memref<16xi8, #soc.memory<@l2>>) {
  mem.step "add" {tiles = array<i64: 16>} do {
    %x = mem.view @net_l1 {offsets = array<i64: 0>} : memref<16xi8, #soc.memory<@l1>>
    %s = dma.start @mchan %a to %x : memref<16xi8, #soc.memory<@l2>> to memref<16xi8, #soc.memory<@l1>>
    dma.wait %s : !dma.token<@mchan>
    %y = mem.view @net_l1 {offsets = array<i64: 16>} : memref<16xi8, #soc.memory<@l1>>
    %t = dma.start @mchan %b to %y : memref<16xi8, #soc.memory<@l2>> to memref<16xi8, #soc.memory<@l1>>
    dma.wait %t : !dma.token<@mchan>
    %z = mem.view @net_l1 {offsets = array<i64: 32>} : memref<16xi8, #soc.memory<@l1>>
    kernel.map ins(%x, %y : memref<16xi8, #soc.memory<@l1>>, memref<16xi8, #soc.memory<@l1>>) outs(%z : memref<16xi8, #soc.memory<@l1>>) {layer = "add", maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]} {
    ^bb0(%e: i8, %f: i8):
      %g = arith.addi %e, %f : i8
      kernel.yield %g : i8
    }
    %u = dma.start @mchan %z to %out : memref<16xi8, #soc.memory<@l1>> to memref<16xi8, #soc.memory<@l2>>
    dma.wait %u : !dma.token<@mchan>
  }
  func.return
}

// CHECK-LABEL: func.func @sink
// CHECK:       [[S:%[^ ]+]] = dma.start @mchan %a
// CHECK-NOT:   dma.wait
// CHECK:       [[T:%[^ ]+]] = dma.start @mchan %b
// CHECK:       dma.wait [[S]]
// CHECK-NEXT:  dma.wait [[T]]
// CHECK-NEXT:  kernel.map
// CHECK:       [[U:%[^ ]+]] = dma.start
// CHECK-NEXT:  dma.wait [[U]]
