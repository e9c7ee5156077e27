// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa},convert-kernel-to-tiled' | filecheck %s

ml_program.global private @w(dense<1> : tensor<8x16xi8>) : tensor<8x16xi8>

// A nest around every kernel, with a tensor of its own to write, and one constant for each global.
func.func @net(%x: tensor<4x8xi8>) -> (tensor<4x16xi32>, tensor<4x8xi8>) {
  %w = ml_program.global_load_const @w : tensor<8x16xi8>
  %e = tensor.empty() : tensor<4x16xi32>
  %y = kernel.matmul ins(%x, %w : tensor<4x8xi8>, tensor<8x16xi8>) outs(%e : tensor<4x16xi32>) {layer = "fc"} -> tensor<4x16xi32>
  func.return %y, %x : tensor<4x16xi32>, tensor<4x8xi8>
}

// CHECK:      func.func @net(%x: tensor<4x8xi8>) -> (tensor<4x16xi32>, tensor<4x8xi8>) {
// CHECK-NEXT:   [[W:%[^ ]+]] = tiled.constant @w : tensor<8x16xi8>
// CHECK-NEXT:   [[E:%[^ ]+]] = tiled.empty : tensor<4x16xi32>
// CHECK-NEXT:   [[Y:%[^ ]+]] = tiled.nest ins(%x, [[W]] : tensor<4x8xi8>, tensor<8x16xi8>) outs([[E]] : tensor<4x16xi32>) {layer = "fc"} do {
// CHECK-NEXT:   ^bb0([[A:%[^ ]+]]: tensor<4x8xi8>, [[B:%[^ ]+]]: tensor<8x16xi8>, [[C:%[^ ]+]]: tensor<4x16xi32>):
// CHECK-NEXT:     [[R:%[^ ]+]] = kernel.matmul ins([[A]], [[B]] : tensor<4x8xi8>, tensor<8x16xi8>) outs([[C]] : tensor<4x16xi32>)
// CHECK-NEXT:     tiled.yield [[R]] : tensor<4x16xi32>
// CHECK-NEXT:   } -> tensor<4x16xi32>
// A result is never an input: it is copied into a tensor of its own.
// CHECK-NEXT:   [[F:%[^ ]+]] = tiled.empty : tensor<4x8xi8>
// CHECK-NEXT:   [[Z:%[^ ]+]] = tiled.nest ins(%x : tensor<4x8xi8>) outs([[F]] : tensor<4x8xi8>) {layer = "output_1"} do {
// CHECK:          kernel.map {{.*}} maps = [affine_map<(d0, d1) -> (d0, d1)>]
// CHECK:        func.return [[Y]], [[Z]] : tensor<4x16xi32>, tensor<4x8xi8>
