// Siracusa with a 16 MiB L3 behind L2, which no core reaches: constants, and activations that L2 has no room for, live there.
// The DMA between L3 and L2 takes 200 cycles for a job and one for each byte (docs/simulator.md has its registers).
soc.system @"siracusa-l3" {
  soc.memory @l1 {size = 262144, align = 4, address = 0x10000000}
  soc.memory @l2 {size = 2031616, align = 4, address = 0x1c010000}
  soc.memory @wmem {size = 4194288, align = 4, address = 0x10800010, weights_only}
  soc.memory @l3 {size = 16777200, align = 4, address = 0x80000010}
  soc.dma @mchan from @l2 to @l1 {bytes_per_cycle = 8, startup_cycles = 100, max_dims = 2, max_bytes = 131071, channels = 16}
  soc.dma @mchan_weights from @wmem to @l1 {bytes_per_cycle = 8, startup_cycles = 100, same_as = @mchan, one_way}
  soc.dma @l3_dma from @l3 to @l2 {bytes_per_cycle = 1, startup_cycles = 200, max_dims = 2, max_bytes = 16777215, channels = 8}
  soc.engine @cluster {cores = 8, memory = @l1, stack_bytes = 640, kernels = ["siracusa"], instructions = ["xpulpv2"]}
  soc.engine @neureka {memory = @l1, kernels = ["siracusa"], asynchronous}
  soc.host @fabric_controller {memory = @l2, program_bytes = 131072}
}
