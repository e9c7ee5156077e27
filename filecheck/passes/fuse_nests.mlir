// RUN: deeploy-opt %s -p 'convert-kernel-to-tiled,deeploy-fuse-nests{groups="scores+softmax+context"}' | filecheck %s
// RUN: not deeploy-opt %s -p 'convert-kernel-to-tiled,deeploy-fuse-nests{groups="scores+bias"}' 2>&1 | filecheck %s --check-prefix=ELSEWHERE
// RUN: not deeploy-opt %s -p 'convert-kernel-to-tiled,deeploy-fuse-nests{groups="context+last"}' 2>&1 | filecheck %s --check-prefix=OUTPUT
// RUN: not deeploy-opt %s -p 'convert-kernel-to-tiled,deeploy-fuse-nests{groups="scores"}' 2>&1 | filecheck %s --check-prefix=ALONE
// RUN: not deeploy-opt %s -p 'convert-kernel-to-tiled,deeploy-fuse-nests{groups="scores+soft"}' 2>&1 | filecheck %s --check-prefix=NAME
// RUN: not deeploy-opt %s -p 'convert-kernel-to-tiled,deeploy-fuse-nests{groups="scores+last"}' 2>&1 | filecheck %s --check-prefix=APART

// ELSEWHERE: deeploy-opt: error: there is no nest of layer 'bias' to fuse; there are: context, last, scores, softmax
// OUTPUT: deeploy-opt: error: context: cannot share a nest with last: what it writes is an output of the network
// ALONE: deeploy-opt: error: scores: a nest alone has nothing to be fused with; name two layers or more
// NAME: deeploy-opt: error: there is no nest of layer 'soft' to fuse; there are: context, last, scores, softmax
// APART: deeploy-opt: error: scores: cannot share a nest with last: softmax reads what it writes too

// One nest, where the last of the three was: what is between them is no tensor of the network any more.
func.func @net(%q: tensor<4x8xf32>, %k: tensor<6x8xf32>, %v: tensor<6x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %a = tensor.empty() : tensor<4x6xf32>
  %b = tensor.empty() : tensor<4x6xf32>
  %c = tensor.empty() : tensor<4x2xf32>
  %d = tensor.empty() : tensor<4x2xf32>
  %s = kernel.matmul ins(%q, %k : tensor<4x8xf32>, tensor<6x8xf32>) outs(%a : tensor<4x6xf32>) {layer = "scores", transpose_b} -> tensor<4x6xf32>
  %p = kernel.row ins(%s : tensor<4x6xf32>) outs(%b : tensor<4x6xf32>) {layer = "softmax", function = #kernel<row_function softmax>} -> tensor<4x6xf32>
  %y = kernel.matmul ins(%p, %v : tensor<4x6xf32>, tensor<6x2xf32>) outs(%c : tensor<4x2xf32>) {layer = "context"} -> tensor<4x2xf32>
  %z = kernel.row ins(%y : tensor<4x2xf32>) outs(%d : tensor<4x2xf32>) {layer = "last", function = #kernel<row_function softmax>} -> tensor<4x2xf32>
  func.return %y, %z : tensor<4x2xf32>, tensor<4x2xf32>
}

// CHECK:      func.func @net(%q: tensor<4x8xf32>, %k: tensor<6x8xf32>, %v: tensor<6x2xf32>)
// CHECK-NEXT:   [[E:%[^ ]+]] = tiled.empty : tensor<4x2xf32>
// CHECK-NEXT:   [[Y:%[^ ]+]] = tiled.nest ins(%q, %k, %v : tensor<4x8xf32>, tensor<6x8xf32>, tensor<6x2xf32>) outs([[E]] : tensor<4x2xf32>) {layer = "scores+softmax+context"} do {
// CHECK-NEXT:   ^bb0([[Q:%[^ ]+]]: tensor<4x8xf32>, [[K:%[^ ]+]]: tensor<6x8xf32>, [[V:%[^ ]+]]: tensor<6x2xf32>, [[O:%[^ ]+]]: tensor<4x2xf32>):
// CHECK-NEXT:     [[M:%[^ ]+]] = tiled.empty : tensor<4x6xf32>
// CHECK-NEXT:     [[S:%[^ ]+]] = kernel.matmul ins([[Q]], [[K]] : {{.*}}) outs([[M]] : tensor<4x6xf32>)
// CHECK-NEXT:     [[N:%[^ ]+]] = tiled.empty : tensor<4x6xf32>
// CHECK-NEXT:     [[P:%[^ ]+]] = kernel.row ins([[S]] : tensor<4x6xf32>) outs([[N]] : tensor<4x6xf32>)
// CHECK-NEXT:     [[R:%[^ ]+]] = kernel.matmul ins([[P]], [[V]] : {{.*}}) outs([[O]] : tensor<4x2xf32>)
// CHECK-NEXT:     tiled.yield [[R]] : tensor<4x2xf32>
// CHECK-NEXT:   } -> tensor<4x2xf32>
// CHECK-NEXT:   tiled.empty
// CHECK-NEXT:   [[Z:%[^ ]+]] = tiled.nest ins([[Y]] : tensor<4x2xf32>)
// CHECK:        func.return [[Y]], [[Z]]
