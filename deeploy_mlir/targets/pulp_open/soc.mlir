// PULP-open, a smaller SoC of Siracusa's family: a fabric controller and eight RI5CY cores on 64 KiB of L1, 512 KiB of L2,
// the MCHAN DMA; no engine beside the cores and no weight memory. Its kernels and instruction tables are Siracusa's.
soc.system @"pulp-open" {
  soc.memory @l1 {size = 65536, align = 4, address = 0x10000000}
  soc.memory @l2 {size = 524288, align = 4, address = 0x1c000000}
  soc.dma @mchan from @l2 to @l1 {bytes_per_cycle = 8, startup_cycles = 100, max_dims = 2, max_bytes = 131071, channels = 16}
  soc.engine @cluster {cores = 8, memory = @l1, stack_bytes = 640, kernels = ["siracusa"], instructions = ["xpulpv2"]}
  soc.host @fabric_controller {memory = @l2, program_bytes = 131072}
}
