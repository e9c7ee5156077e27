// A fictional SoC: four cores and a 16x16 matrix engine on tightly coupled memory; SRAM; external RAM; flash.
soc.system @board {
  soc.memory @tcm {size = 65536, align = 8, address = 0x10000000}
  soc.memory @sram {size = 524288, align = 8, address = 0x20000000}
  soc.memory @ext {size = 8388608, align = 8, address = 0x60000000}
  soc.memory @flash {size = 2097152, align = 8, address = 0x08000000, weights_only}
  soc.dma @fast from @sram to @tcm {bytes_per_cycle = 4, startup_cycles = 30, max_dims = 2, channels = 8}
  soc.dma @slow from @ext to @sram {bytes_per_cycle = 1, startup_cycles = 60, max_dims = 2, channels = 4}
  soc.dma @weights from @flash to @tcm {bytes_per_cycle = 4, startup_cycles = 30, max_dims = 2, channels = 8, one_way}
  soc.engine @cluster {cores = 4, memory = @tcm, stack_bytes = 1024, kernels = ["board"]}
  soc.engine @matrix {memory = @tcm, kernels = ["board"], asynchronous}
  soc.host @host {memory = @sram, program_bytes = 65536}
}
