// RUN: deeploy-opt %s -p convert-cluster-to-c -t c | filecheck %s

// Each step becomes a function of the core's number, an arena a static array in its memory, a transfer a call with its
// geometry (here lines of 8 bytes, 32 apart in L2), a kernel a call of a function made for its shapes.

builtin.module @net {
  soc.system @small {
    soc.memory @l1 {size = 4096}
    soc.memory @l2 {size = 65536}
    soc.dma @mover from @l2 to @l1 {bytes_per_cycle = 8, max_dims = 2, channels = 4}
    soc.engine @cluster {cores = 8, memory = @l1, kernels = ["siracusa"]}
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
        cluster.barrier
        kernel.map ins(%xs : memref<2x8xi8, strided<[8, 1], offset: ?>, #soc.memory<@l1>>) outs(%ys : memref<2x8xi8, strided<[8, 1], offset: ?>, #soc.memory<@l1>>) {layer = "relu", engine = @cluster, binding = "generated_rv32", maps = [affine_map<(d0, d1) -> (d0, d1)>], local} {
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

// CHECK:      extern DM_ALIGN(4) int8_t net_input_0[512];
// CHECK:      extern DM_ALIGN(4) int8_t net_output_0[128];
// CHECK:      void net_run(void);
// CHECK:      static DM_L1_NOINIT DM_ALIGN(8) uint8_t net_l1[256];
// CHECK:      static DM_KERNEL void [[KERNEL:\w+]](const int8_t *restrict in0, int8_t *restrict out) {
// CHECK:      // relu
// CHECK-NEXT: // map: 16x8 i8 -> 16x8 i8
// CHECK-NEXT: // planned: 321 cycles
// CHECK-NEXT: static DM_STEP void [[STEP:\w+]](int32_t core) {
// CHECK-NEXT:     const bool first = core == 0;
// CHECK-NEXT:     int8_t *part = net_input_0 + 4;
// CHECK:          if (first) {
// CHECK-NEXT:         const dm_dma_dim dims[1] = {{[{][{]}}16u, 8, 32{{[}][}]}};
// CHECK-NEXT:         s = dm_dma_start_in(DM_DMA_MOVER, x, part, 8u, 1u, dims);
// CHECK-NEXT:     }
// CHECK-NEXT:     int8_t *y = (int8_t *)(net_l1 + 128);
// CHECK-NEXT:     dm_dma_wait(DM_DMA_MOVER, s);
// CHECK-NEXT:     dm_barrier();
// CHECK-NEXT:     [[KERNEL]](x + core * 16, y + core * 16);
// CHECK-NEXT:     dm_barrier();
// CHECK:          t = dm_dma_start_out(DM_DMA_MOVER, net_output_0, y, 128u, 0u, NULL);
// CHECK:          dm_dma_wait(DM_DMA_MOVER, t);
// CHECK:      static void net_cluster(void) {
// CHECK:          [[STEP]](
// CHECK:      void net_run(void) {
// CHECK-NEXT:     dm_cluster_run(net_cluster);
