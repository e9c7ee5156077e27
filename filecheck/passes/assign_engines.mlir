// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa},deeploy-assign-engines' | filecheck %s
// RUN: not deeploy-opt %s -p deeploy-assign-engines 2>&1 | filecheck %s --check-prefix=REFUSED

// CHECK: kernel.reduce {{.*}} {layer = "sum", combiner = #kernel<combiner sum>, axes = array<i64: 1>, engine = @cluster}
// An engine that is given stays.
// CHECK: kernel.reduce {{.*}} {layer = "given", combiner = #kernel<combiner sum>, axes = array<i64: 1>, engine = @other}

// REFUSED: deeploy-opt: error: the module names no SoC: run deeploy-attach-soc first

func.func @net(%x: tensor<4x8xi32>) -> (tensor<4xi32>, tensor<4xi32>) {
  %e = tensor.empty() : tensor<4xi32>
  %y = kernel.reduce ins(%x : tensor<4x8xi32>) outs(%e : tensor<4xi32>) {layer = "sum", combiner = #kernel<combiner sum>, axes = array<i64: 1>} -> tensor<4xi32>
  %z = kernel.reduce ins(%x : tensor<4x8xi32>) outs(%e : tensor<4xi32>) {layer = "given", combiner = #kernel<combiner sum>, axes = array<i64: 1>, engine = @other} -> tensor<4xi32>
  func.return %y, %z : tensor<4xi32>, tensor<4xi32>
}
