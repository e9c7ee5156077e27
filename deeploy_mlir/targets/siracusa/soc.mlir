// Siracusa: a fabric controller and eight RI5CY cores on 256 KiB of L1 (16 banks of 4 bytes per cycle).
// L2 is the shared part, 0x1c010000 to 0x1c200000; the program's code, data and stack are in it too. The weight memory is
// the SRAM half of 0x10400000 to 0x10c00000; constants that L2 has no room for live there, and the DMA reads them from it.
// The MCHAN DMA moves 8 bytes per cycle in each direction and has 16 transfer ids; a job has 17 bits of length, and is
// one- or two-dimensional on the L2 side; @mchan_weights is the same DMA, reading from the weight memory. About 15 cycles
// fixed when its issuing code is warm; some 100 with the issue.
soc.system @siracusa {
  soc.memory @l1 {size = 262144, align = 4, address = 0x10000000}
  soc.memory @l2 {size = 2031616, align = 4, address = 0x1c010000}
  soc.memory @wmem {size = 4194288, align = 4, address = 0x10800010, weights_only}
  soc.dma @mchan from @l2 to @l1 {bytes_per_cycle = 8, startup_cycles = 100, max_dims = 2, max_bytes = 131071, channels = 16}
  soc.dma @mchan_weights from @wmem to @l1 {bytes_per_cycle = 8, startup_cycles = 100, same_as = @mchan, one_way}
  soc.engine @cluster {cores = 8, memory = @l1, stack_bytes = 640, kernels = ["siracusa"], instructions = ["xpulpv2"]}
  soc.engine @neureka {memory = @l1, kernels = ["siracusa"], asynchronous}
  soc.host @fabric_controller {memory = @l2, program_bytes = 131072}
}
