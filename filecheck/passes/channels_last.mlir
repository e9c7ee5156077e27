// RUN: deeploy-opt %s -p deeploy-channels-last | filecheck %s
// RUN: deeploy-opt %s -p deeploy-channels-last,deeploy-sink-transposes,deeploy-fuse-epilogues | filecheck %s --check-prefix SUNK

builtin.module {
  ml_program.global private @w(dense<[[[[1]], [[2]]], [[[3]], [[4]]]]> : tensor<2x2x1x1xi8>) : tensor<2x2x1x1xi8>
  func.func @two(%x: tensor<1x2x3x3xi8>) -> tensor<1x2x3x3xi32> {
    %w = ml_program.global_load_const @w : tensor<2x2x1x1xi8>
    %e = tensor.empty() : tensor<1x2x3x3xi32>
    %0 = kernel.conv ins(%x, %w : tensor<1x2x3x3xi8>, tensor<2x2x1x1xi8>) outs(%e : tensor<1x2x3x3xi32>) {layer = "a", layout = #kernel<layout channels_first>, window = array<i64: 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} -> tensor<1x2x3x3xi32>
    %f = tensor.empty() : tensor<1x2x3x3xi8>
    %1 = kernel.map ins(%0 : tensor<1x2x3x3xi32>) outs(%f : tensor<1x2x3x3xi8>) {layer = "b", maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>]} {
    ^bb0(%v: i32):
      %c = kernel.cast %v : i32 to i8
      kernel.yield %c : i8
    } -> tensor<1x2x3x3xi8>
    %g = tensor.empty() : tensor<1x2x3x3xi32>
    %2 = kernel.conv ins(%1, %w : tensor<1x2x3x3xi8>, tensor<2x2x1x1xi8>) outs(%g : tensor<1x2x3x3xi32>) {layer = "c", layout = #kernel<layout channels_first>, window = array<i64: 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} -> tensor<1x2x3x3xi32>
    func.return %2 : tensor<1x2x3x3xi32>
  }
}
// Before they are sunk, every convolution stands between two transposes.
// CHECK: ml_program.global private @w_cl({{.*}}) : tensor<2x1x1x2xi8>
// CHECK: affine_map<(d0, d1, d2, d3) -> (d0, d3, d1, d2)>
// CHECK: kernel.conv
// CHECK-SAME: tensor<1x3x3x2xi8>, tensor<2x1x1x2xi8>
// CHECK-SAME: channels_last
// CHECK: affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, d1)>
// CHECK: kernel.conv
// CHECK-SAME: channels_last

// Then only those at the network's ends are left.
// SUNK: affine_map<(d0, d1, d2, d3) -> (d0, d3, d1, d2)>
// SUNK: kernel.conv
// SUNK-SAME: outs(%{{.*}} : tensor<1x3x3x2xi8>)
// SUNK: kernel.cast
// SUNK-NOT: kernel.map
// SUNK: kernel.conv
// SUNK: affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, d1)>
// SUNK: func.return
