// RUN: deeploy-opt %s -p deeploy-remove-dead-globals | filecheck %s

// CHECK-NOT: @unused
// CHECK:     ml_program.global private @used
ml_program.global private @unused(dense<1> : tensor<4xi8>) : tensor<4xi8>
ml_program.global private @used(dense<2> : tensor<4xi8>) : tensor<4xi8>
func.func @net() -> tensor<4xi8> {
  %0 = ml_program.global_load_const @used : tensor<4xi8>
  func.return %0 : tensor<4xi8>
}
