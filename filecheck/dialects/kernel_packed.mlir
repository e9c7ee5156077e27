// RUN: deeploy-opt %s --split-input-file | deeploy-opt --split-input-file | filecheck %s

// Weights packed by a binding: two blocks of four columns, and the split over cores.

func.func @packed(%a: tensor<4x8xi8>, %b: tensor<2x32xui8>, %o: tensor<4x8xi32>) -> tensor<4x8xi32> {
  // CHECK: packed = [#kernel.packed<1, 1 by 4, tensor<8x8xi8>>]
  // CHECK-SAME: split = #kernel.split<0 by 2, 1 by 2>
  %y = kernel.matmul ins(%a, %b : tensor<4x8xi8>, tensor<2x32xui8>) outs(%o : tensor<4x8xi32>) {layer = "fc", packed = [#kernel.packed<1, 1 by 4, tensor<8x8xi8>>], split = #kernel.split<0 by 2, 1 by 2>} -> tensor<4x8xi32>
  func.return %y : tensor<4x8xi32>
}
