// Siracusa: a fabric controller and eight RI5CY cores on 256 KiB of L1 (16 banks of 4 bytes a cycle).
// L2 is the private and the shared part in one, 0x1c000000 to 0x1c200000, less what the image's code and stacks take.
// The MCHAN DMA moves 8 bytes a cycle in each direction and has 16 transfer ids; a job has 17 bits of length, and is
// one- or two-dimensional on the L2 side. About 15 cycles fixed when its issuing code is warm; some 100 with the issue.
soc.system @siracusa {
  soc.memory @l1 {size = 262144, align = 4, address = 0x10000000}
  soc.memory @l2 {size = 2031616, align = 4, address = 0x1c010000}
  soc.dma @mchan from @l2 to @l1 {bytes_per_cycle = 8, startup_cycles = 100, max_dims = 2, max_bytes = 131071, channels = 16}
  soc.engine @cluster {cores = 8, memory = @l1, stack_bytes = 640}
  soc.host @fabric_controller {memory = @l2}
}
