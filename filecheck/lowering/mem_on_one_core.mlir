// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=generic},convert-mem-to-cluster' | filecheck %s

// A host with one core forks nothing.
// CHECK-LABEL: func.func @net
// CHECK-NEXT:    mem.step
// CHECK-NOT:     cluster

func.func @net(%in: memref<8x4xi8, #soc.memory<@ram>>, %out: memref<8xi32, #soc.memory<@ram>>) {
  mem.step "sums" {tiles = array<i64: 8, 4>} do {
    kernel.reduce ins(%in : memref<8x4xi8, #soc.memory<@ram>>) outs(%out : memref<8xi32, #soc.memory<@ram>>) {layer = "a", engine = @core, combiner = #kernel<combiner sum>, axes = array<i64: 1>}
  }
  func.return
}
