// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa},convert-mem-to-cluster' --split-input-file | filecheck %s
// RUN: not deeploy-opt %s -p convert-mem-to-cluster --split-input-file 2>&1 | filecheck %s --check-prefix=REFUSED

// REFUSED: deeploy-opt: error: the module names no SoC: run deeploy-attach-soc first

// One resident region: core 0 alone starts transfers, each core takes its share of the rows, and barriers stand between
// the wait and the kernel, and between the kernel and the transfer of its result.

mem.arena @net_l1 {network = @net, memory = @l1, size = 256 : i64, align = 8 : i64}
func.func @shares(%in: memref<20x4xi8, #soc.memory<@l2>>, %out: memref<20x4xi8, #soc.memory<@l2>>) {
  mem.step "relu" {tiles = array<i64: 20, 4>} do {
    %x = mem.view @net_l1 {offsets = array<i64: 0>} : memref<20x4xi8, #soc.memory<@l1>>
    %s = dma.start @mchan %in to %x : memref<20x4xi8, #soc.memory<@l2>> to memref<20x4xi8, #soc.memory<@l1>>
    %y = mem.view @net_l1 {offsets = array<i64: 80>} : memref<20x4xi8, #soc.memory<@l1>>
    dma.wait %s : !dma.token<@mchan>
    kernel.map ins(%x : memref<20x4xi8, #soc.memory<@l1>>) outs(%y : memref<20x4xi8, #soc.memory<@l1>>) {layer = "relu", engine = @cluster, split = #kernel.split<0 by 8>, maps = [affine_map<(d0, d1) -> (d0, d1)>]} {
    ^bb0(%e: i8):
      %zero = arith.constant 0 : i8
      %f = arith.maxsi %e, %zero : i8
      kernel.yield %f : i8
    }
    %t = dma.start @mchan %y to %out : memref<20x4xi8, #soc.memory<@l1>> to memref<20x4xi8, #soc.memory<@l2>>
    dma.wait %t : !dma.token<@mchan>
  }
  func.return
}

// CHECK-LABEL: func.func @shares
// CHECK:       cluster.run @cluster do {
// CHECK-NEXT:  ^bb0(%core: index):
// CHECK:         mem.step "relu"
// CHECK:         [[ME:%[^ ]+]] = arith.cmpi eq, %core, %{{[^ ]+}} : index
// CHECK-NEXT:    [[S:%[^ ]+]] = dma.start @mchan %in to [[X:%[^ ]+]] if [[ME]]
// CHECK:         [[Y:%[^ ]+]] = mem.view @net_l1 {offsets = array<i64: 80>}
// CHECK-NEXT:    dma.wait [[S]]
// CHECK-NEXT:    cluster.barrier
// Core i takes rows 20 i / 8 to 20 (i + 1) / 8.
// CHECK:         arith.muli %core, %{{[^ ]+}} : index
// CHECK:         [[LOW:%[^ ]+]] = arith.divui
// CHECK:         [[SHARE:%[^ ]+]] = arith.subi %{{[^ ]+}}, [[LOW]] : index
// CHECK:         [[XS:%[^ ]+]] = memref.subview [[X]]{{\[}}[[LOW]], 0] {{\[}}[[SHARE]], 4] [1, 1]
// CHECK:         [[YS:%[^ ]+]] = memref.subview [[Y]]{{\[}}[[LOW]], 0] {{\[}}[[SHARE]], 4] [1, 1]
// CHECK:         kernel.map ins([[XS]] : {{.*}}) outs([[YS]] : {{.*}}local
// CHECK:         cluster.barrier
// CHECK:         dma.start @mchan [[Y]] to %out if

// -----

// A step whose kernel has nothing to share runs on core 0.

func.func @alone(%in: memref<1x4xi8, #soc.memory<@l1>>, %out: memref<1xi32, #soc.memory<@l1>>) {
  mem.step "sum" {tiles = array<i64: 1, 4>} do {
    kernel.reduce ins(%in : memref<1x4xi8, #soc.memory<@l1>>) outs(%out : memref<1xi32, #soc.memory<@l1>>) {layer = "sum", engine = @cluster, split = #kernel.split<one_core>, combiner = #kernel<combiner sum>, axes = array<i64: 1>}
  }
  func.return
}

// CHECK-LABEL: func.func @alone
// CHECK:       scf.if
// CHECK:         kernel.reduce
