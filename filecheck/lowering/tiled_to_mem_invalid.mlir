// RUN: not deeploy-opt %s -p convert-tiled-to-mem 2>&1 | filecheck %s
// RUN: not deeploy-opt %s -p 'convert-tiled-to-mem' --verify-each-by-running absent.npz 2>&1 | filecheck %s --check-prefix=ABSENT

// CHECK: deeploy-opt: error: fc: the nest has no plan; run deeploy-plan first
// ABSENT: deeploy-opt: error: absent.npz: there is no such file

func.func @net(%x: tensor<4x8xi8> {tiled.home = #tiled.home<@l2>}, %w: tensor<8x16xi8> {tiled.home = #tiled.home<@l2>}) -> tensor<4x16xi32> {
  %e = tiled.empty {home = #tiled.home<@l2>} : tensor<4x16xi32>
  %y = tiled.nest ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc"} do {
  ^bb0(%xt: tensor<4x8xi8>, %wt: tensor<8x16xi8>, %yt: tensor<4x16xi32>):
    %0 = kernel.matmul ins(%xt, %wt : tensor<4x8xi8>, tensor<8x16xi8>) outs(%yt : tensor<4x16xi32>) {layer = "fc", engine = @cluster} -> tensor<4x16xi32>
    tiled.yield %0 : tensor<4x16xi32>
  } -> tensor<4x16xi32>
  func.return %y : tensor<4x16xi32>
}
