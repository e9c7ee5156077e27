// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa l1=65536}' | filecheck %s
// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa sizes="l1=16384,l2=8192"}' | filecheck %s --check-prefix=SIZES
// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=siracusa wmem=0}' | filecheck %s --check-prefix=NOWMEM
// RUN: deeploy-opt %s -p 'deeploy-attach-soc{target=generic}' | filecheck %s --check-prefix=GENERIC

builtin.module @net {
  func.func private @f() -> ()
}

// CHECK:      builtin.module @net {
// CHECK-NEXT:   soc.system @siracusa {
// CHECK-NEXT:     soc.memory @l1 {size = 65536
// CHECK-NEXT:     soc.memory @l2 {size = 2031616
// CHECK:          soc.engine @cluster {cores = 8, memory = @l1
// CHECK:        func.func private @f

// SIZES:      soc.memory @l1 {size = 16384
// SIZES-NEXT: soc.memory @l2 {size = 8192

// NOWMEM:     soc.memory @l2 {size = 2031616
// NOWMEM-NOT: wmem
// NOWMEM:     soc.host @fabric_controller {memory = @l2, program_bytes = 131072}

// GENERIC:      soc.system @generic {
// GENERIC-NEXT:   soc.memory @ram
