// A computer as C sees it: one core that computes in one memory, as large as a 32-bit offset reaches.
soc.system @generic {
  soc.memory @ram {size = 2147483647, align = 8}
  soc.engine @core {cores = 1, memory = @ram}
  soc.host @host {memory = @ram}
}
