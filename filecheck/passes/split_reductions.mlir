// RUN: deeploy-opt %s -p deeploy-split-reductions | filecheck %s

soc.system @small {
  soc.memory @l1 {size = 4096, align = 4}
  soc.memory @l2 {size = 1048576, align = 4}
  soc.dma @d from @l2 to @l1 {bytes_per_cycle = 8}
  soc.engine @cluster {cores = 8, memory = @l1, stack_bytes = 128}
  soc.host @host {memory = @l2}
}

// 64 x 100 floats do not fit 3 KiB: rows of 100 come first, then the 64 sums of them, and the epilogue.
// CHECK-LABEL: func.func @reduce
// CHECK:      %[[PART:.*]] = kernel.reduce ins(%{{.*}} : tensor<2x64x100xf32>) outs(%{{.*}} : tensor<2x64xf32>)
// CHECK-SAME:   axes = array<i64: 2>
// CHECK:      kernel.reduce ins(%[[PART]] : tensor<2x64xf32>) outs(%{{.*}} : tensor<2xf32>)
// CHECK-SAME:   axes = array<i64: 1>
// CHECK:        arith.divf
func.func @reduce(%x: tensor<2x64x100xf32>) -> tensor<2xf32> {
  %0 = tensor.empty() : tensor<2xf32>
  %1 = kernel.reduce ins(%x : tensor<2x64x100xf32>) outs(%0 : tensor<2xf32>) {layer = "mean", combiner = #kernel<combiner sum>, axes = array<i64: 1, 2>} {
  ^bb0(%a: f32):
    %2 = arith.constant 6.400000e+03 : f32
    %3 = arith.divf %a, %2 : f32
    kernel.yield %3 : f32
  } -> tensor<2xf32>
  func.return %1 : tensor<2xf32>
}

// What fits stays.
// CHECK-LABEL: func.func @fits
// CHECK:      kernel.reduce ins(%{{.*}} : tensor<2x100xf32>)
// CHECK-NOT:  kernel.reduce
// CHECK:      return
func.func @fits(%x: tensor<2x100xf32>) -> tensor<2xf32> {
  %0 = tensor.empty() : tensor<2xf32>
  %1 = kernel.reduce ins(%x : tensor<2x100xf32>) outs(%0 : tensor<2xf32>) {layer = "sum", combiner = #kernel<combiner sum>, axes = array<i64: 1>} -> tensor<2xf32>
  func.return %1 : tensor<2xf32>
}

// 1009 is prime: windows of it overlap, which a maximum does not mind; a sum gets zeros at the end.
// CHECK-LABEL: func.func @prime
// CHECK:      kernel.map ins(%{{.*}} : tensor<1x1009xf32>) outs(%{{.*}} : tensor<1x10x145xf32>)
// CHECK:      kernel.reduce
// CHECK:      kernel.reduce
// CHECK:      kernel.map ins(%{{.*}} : tensor<1x1009xf32>) outs(%{{.*}} : tensor<1x6x192xf32>)
// CHECK-SAME:   padded = array<i64: 0, 1>
func.func @prime(%x: tensor<1x1009xf32>) -> (tensor<1xf32>, tensor<1xf32>) {
  %0 = tensor.empty() : tensor<1xf32>
  %1 = kernel.reduce ins(%x : tensor<1x1009xf32>) outs(%0 : tensor<1xf32>) {layer = "max", combiner = #kernel<combiner max>, axes = array<i64: 1>} -> tensor<1xf32>
  %2 = tensor.empty() : tensor<1xf32>
  %3 = kernel.reduce ins(%x : tensor<1x1009xf32>) outs(%2 : tensor<1xf32>) {layer = "sum", combiner = #kernel<combiner sum>, axes = array<i64: 1>} -> tensor<1xf32>
  func.return %1, %3 : tensor<1xf32>, tensor<1xf32>
}
