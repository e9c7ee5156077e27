// RUN: not deeploy-opt %s -p convert-cluster-to-c --split-input-file 2>&1 | filecheck %s

// An array that no network claims.
// CHECK: deeploy-opt: error: spare: has no role; give it mem.role

builtin.module @net {
  soc.system @small {
    soc.memory @l2 {size = 65536}
    soc.host @host {memory = @l2}
  }
  "memref.global"() <{sym_name = "spare", type = memref<4xi8, #soc.memory<@l2>>, initial_value, sym_visibility = "public"}> : () -> ()
  func.func @net() {
    func.return
  }
}
