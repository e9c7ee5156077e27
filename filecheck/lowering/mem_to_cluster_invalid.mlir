// RUN: not deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa},convert-mem-to-cluster' 2>&1 | filecheck %s

// CHECK: deeploy-opt: error: there is no engine @other; there are: @cluster

func.func @net(%in: memref<8x4xi8, #soc.memory<@l1>>, %out: memref<8xi32, #soc.memory<@l1>>) {
  mem.step "sums" {tiles = array<i64: 8, 4>} do {
    kernel.reduce ins(%in : memref<8x4xi8, #soc.memory<@l1>>) outs(%out : memref<8xi32, #soc.memory<@l1>>) {layer = "a", engine = @cluster, combiner = #kernel<combiner sum>, axes = array<i64: 1>}
    kernel.reduce ins(%in : memref<8x4xi8, #soc.memory<@l1>>) outs(%out : memref<8xi32, #soc.memory<@l1>>) {layer = "b", engine = @other, combiner = #kernel<combiner sum>, axes = array<i64: 1>}
  }
  func.return
}
