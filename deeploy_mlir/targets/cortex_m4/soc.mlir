// An Arm Cortex-M4 with FPU, with the memories of Arm's MPS2 board (AN386): 4 MiB from which code runs, 4 MiB of SRAM.
// The program's code is in the first 256 KiB of flash; the network's constants follow, and the core reads them there.
// The stack, and what the program writes beside the network's arrays, are in the 32 KiB of RAM that are kept for it.
soc.system @"cortex-m4" {
  soc.memory @ram {size = 4194304, align = 8, address = 0x20000000}
  soc.memory @flash {size = 3932160, align = 8, address = 0x00040000, weights_only}
  soc.engine @core {cores = 1, memory = @ram, weights = @flash, kernels = ["cortex-m4"], instructions = ["arm-dsp"]}
  soc.host @host {memory = @ram, program_bytes = 32768}
}
