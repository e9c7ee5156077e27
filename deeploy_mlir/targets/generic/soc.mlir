// A computer as C sees it: one core that computes in RAM and reads constants where they lie, as data that is never
// written (flash, on a microcontroller); both as large as a 32-bit offset reaches.
soc.system @generic {
  soc.memory @ram {size = 2147483647, align = 8}
  soc.memory @flash {size = 2147483647, align = 8, weights_only}
  soc.engine @core {cores = 1, memory = @ram, weights = @flash, kernels = ["generic"]}
  soc.host @host {memory = @ram}
}
