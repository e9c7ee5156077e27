// RUN: not deeploy-opt %s -p deeploy-verify-plan 2>&1 | filecheck %s

// The barrier between core 0, which waits for the input, and the others is missing.
// CHECK: deeploy-opt: error: relu: the plan is wrong: core 1 uses operand 0 of kernel.map without a barrier after the wait for the transfer from net_input_0 to the buffer at 0 of net_l1

builtin.module @net {
  soc.system @small {
    soc.memory @l1 {size = 4096}
    soc.memory @l2 {size = 65536}
    soc.dma @mover from @l2 to @l1 {bytes_per_cycle = 8, max_dims = 2, channels = 4}
    soc.engine @cluster {cores = 8, memory = @l1}
    soc.host @host {memory = @l2}
  }
  mem.arena @net_l1 {network = @net, memory = @l1, size = 256 : i64, align = 8 : i64}
  "memref.global"() <{sym_name = "net_input_0", type = memref<16x32xi8, #soc.memory<@l2>>, initial_value, sym_visibility = "public"}> {mem.role = #mem.role<input 0 of @net "image">} : () -> ()
  "memref.global"() <{sym_name = "net_output_0", type = memref<16x8xi8, #soc.memory<@l2>>, initial_value, sym_visibility = "public"}> {mem.role = #mem.role<output 0 of @net "relu">} : () -> ()
  func.func @net() attributes {arg_names = ["image"], result_names = ["relu"]} {
    cluster.run @cluster do {
    ^bb0(%core: index):
      mem.step "relu" {note = "map: 16x8 i8 -> 16x8 i8", tiles = array<i64: 16, 8>, cycles = #builtin.int<321>} do {
        %zero = arith.constant 0 : index
        %first = arith.cmpi eq, %core, %zero : index
        %image = memref.get_global @net_input_0 : memref<16x32xi8, #soc.memory<@l2>>
        %result = memref.get_global @net_output_0 : memref<16x8xi8, #soc.memory<@l2>>
        %part = memref.subview %image[0, 4] [16, 8] [1, 1] : memref<16x32xi8, #soc.memory<@l2>> to memref<16x8xi8, strided<[32, 1], offset: 4>, #soc.memory<@l2>>
        %x = mem.view @net_l1 {offsets = array<i64: 0>} : memref<16x8xi8, #soc.memory<@l1>>
        %s = dma.start @mover %part to %x if %first : memref<16x8xi8, strided<[32, 1], offset: 4>, #soc.memory<@l2>> to memref<16x8xi8, #soc.memory<@l1>>
        %y = mem.view @net_l1 {offsets = array<i64: 128>} : memref<16x8xi8, #soc.memory<@l1>>
        %two = arith.constant 2 : index
        %low = arith.muli %core, %two : index
        %xs = memref.subview %x[%low, 0] [2, 8] [1, 1] : memref<16x8xi8, #soc.memory<@l1>> to memref<2x8xi8, strided<[8, 1], offset: ?>, #soc.memory<@l1>>
        %ys = memref.subview %y[%low, 0] [2, 8] [1, 1] : memref<16x8xi8, #soc.memory<@l1>> to memref<2x8xi8, strided<[8, 1], offset: ?>, #soc.memory<@l1>>
        dma.wait %s : !dma.token<@mover>
        kernel.map ins(%xs : memref<2x8xi8, strided<[8, 1], offset: ?>, #soc.memory<@l1>>) outs(%ys : memref<2x8xi8, strided<[8, 1], offset: ?>, #soc.memory<@l1>>) {layer = "relu", engine = @cluster, maps = [affine_map<(d0, d1) -> (d0, d1)>], local} {
        ^bb0(%e: i8):
          %none = arith.constant 0 : i8
          %f = arith.maxsi %e, %none : i8
          kernel.yield %f : i8
        }
        cluster.barrier
        %t = dma.start @mover %y to %result if %first : memref<16x8xi8, #soc.memory<@l1>> to memref<16x8xi8, #soc.memory<@l2>>
        dma.wait %t : !dma.token<@mover>
      }
    }
    func.return
  }
}
