// RUN: not deeploy-opt %s -p deeploy-verify-plan 2>&1 | filecheck %s

// CHECK: relu: the plan is wrong: core 0 uses operand 0 of kernel.map before the job kernel.map of relu has been waited for

builtin.module @net {
  soc.system @small {
    soc.memory @l1 {size = 4096}
    soc.memory @l2 {size = 65536}
    soc.dma @mover from @l2 to @l1 {bytes_per_cycle = 8, max_dims = 2, channels = 4}
    soc.engine @cluster {cores = 8, memory = @l1}
    soc.engine @accelerator {memory = @l1, asynchronous}
    soc.host @host {memory = @l2}
  }
  "memref.global"() <{sym_name = "net_input_0", type = memref<16x8xi8, #soc.memory<@l1>>, initial_value, sym_visibility = "public"}> {mem.role = #mem.role<input 0 of @net "image">} : () -> ()
  "memref.global"() <{sym_name = "net_output_0", type = memref<16x8xi8, #soc.memory<@l1>>, initial_value, sym_visibility = "public"}> {mem.role = #mem.role<output 0 of @net "relu">} : () -> ()
  mem.arena @net_l1 {network = @net, memory = @l1, size = 256 : i64, align = 8 : i64}
  func.func @net() attributes {arg_names = ["image"], result_names = ["relu"]} {
    cluster.run @cluster do {
    ^bb0(%core: index):
      mem.step "relu" {note = "map", tiles = array<i64: 16, 8>, cycles = #builtin.int<321>} do {
        %zero = arith.constant 0 : index
        %first = arith.cmpi eq, %core, %zero : index
        %x = memref.get_global @net_input_0 : memref<16x8xi8, #soc.memory<@l1>>
        %y = mem.view @net_l1 {offsets = array<i64: 0>} : memref<16x8xi8, #soc.memory<@l1>>
        %z = memref.get_global @net_output_0 : memref<16x8xi8, #soc.memory<@l1>>
        %t = offload.start @accelerator if %first do {
          kernel.map ins(%x : memref<16x8xi8, #soc.memory<@l1>>) outs(%y : memref<16x8xi8, #soc.memory<@l1>>) {layer = "relu", engine = @accelerator, maps = [affine_map<(d0, d1) -> (d0, d1)>]} {
          ^bb0(%e: i8):
            kernel.yield %e : i8
          }
        } : !offload.token<@accelerator>
        %two = arith.constant 2 : index
        %low = arith.muli %core, %two : index
        %ys = memref.subview %y[%low, 0] [2, 8] [1, 1] : memref<16x8xi8, #soc.memory<@l1>> to memref<2x8xi8, strided<[8, 1], offset: ?>, #soc.memory<@l1>>
        %zs = memref.subview %z[%low, 0] [2, 8] [1, 1] : memref<16x8xi8, #soc.memory<@l1>> to memref<2x8xi8, strided<[8, 1], offset: ?>, #soc.memory<@l1>>
        cluster.barrier
        kernel.map ins(%ys : memref<2x8xi8, strided<[8, 1], offset: ?>, #soc.memory<@l1>>) outs(%zs : memref<2x8xi8, strided<[8, 1], offset: ?>, #soc.memory<@l1>>) {layer = "relu", engine = @cluster, maps = [affine_map<(d0, d1) -> (d0, d1)>], local} {
        ^bb0(%e: i8):
          kernel.yield %e : i8
        }
        offload.wait %t : !offload.token<@accelerator>
      }
    }
    func.return
  }
}
