// RUN: deeploy-opt %s | deeploy-opt | filecheck %s
// RUN: deeploy-opt %s --print-op-generic | deeploy-opt | filecheck %s

// CHECK:      cluster.run @cluster do {
// CHECK-NEXT: ^bb0(%core: index):
// CHECK-NEXT:   "test.op"(%core) : (index) -> ()
// CHECK-NEXT:   cluster.barrier
// CHECK-NEXT: }
cluster.run @cluster do {
^bb0(%core: index):
  "test.op"(%core) : (index) -> ()
  cluster.barrier
}
