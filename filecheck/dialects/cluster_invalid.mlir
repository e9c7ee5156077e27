// RUN: deeploy-opt %s --verify-diagnostics --split-input-file | filecheck %s

// CHECK: cluster.barrier: outside of a cluster.run
cluster.barrier

// -----

// CHECK: cluster.run: the region takes the core's number, an index
cluster.run @cluster do {
  cluster.barrier
}
