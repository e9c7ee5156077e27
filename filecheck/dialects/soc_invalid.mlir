// RUN: deeploy-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// CHECK: soc.memory @l1: size must be positive, not 0
soc.system @board {
  soc.memory @l1 {size = 0}
  soc.host @h {memory = @l1}
}

// -----

// CHECK: soc.memory @l1: align must be a power of two, not 3
soc.system @board {
  soc.memory @l1 {size = 8, align = 3}
  soc.host @h {memory = @l1}
}

// -----

// CHECK: soc.dma @d has to @l2, which is no memory of the system (it has @l1)
soc.system @board {
  soc.memory @l1 {size = 8}
  soc.dma @d from @l1 to @l2 {bytes_per_cycle = 8}
  soc.host @h {memory = @l1}
}

// -----

// CHECK: soc.dma @d goes from @l1 to itself
soc.system @board {
  soc.memory @l1 {size = 8}
  soc.dma @d from @l1 to @l1 {bytes_per_cycle = 8}
  soc.host @h {memory = @l1}
}

// -----

// CHECK: soc.engine @e has weights @e, which is no memory of the system (it has @l1)
soc.system @board {
  soc.memory @l1 {size = 8}
  soc.engine @e {memory = @l1, weights = @e}
  soc.host @h {memory = @l1}
}

// -----

// CHECK: soc.system @board needs one soc.host, it has 0
soc.system @board {
  soc.memory @l1 {size = 8}
}

// -----

// CHECK: memories @l1 (0x100 to 0x200) and @l2 (from 0x180) overlap
soc.system @board {
  soc.memory @l2 {size = 256, address = 0x180}
  soc.memory @l1 {size = 256, address = 0x100}
  soc.host @h {memory = @l1}
}

// -----

// CHECK: soc.memory has no option bytes; it has size, align, address, weights_only
soc.system @board {
  soc.memory @l1 {bytes = 8}
}

// -----

// CHECK: the stacks of @e take 8192 bytes, @l1 has 4096
soc.system @board {
  soc.memory @l1 {size = 4096}
  soc.engine @e {cores = 8, memory = @l1, stack_bytes = 1024}
  soc.host @h {memory = @l1}
}

// -----

// CHECK: soc.system @board holds memories, DMAs, engines and a host, not test.op
soc.system @board {
  soc.memory @l1 {size = 4096}
  soc.host @h {memory = @l1}
  "test.op"() : () -> ()
}

// -----

// CHECK: soc.dma @second: channels is stated by @first
soc.system @s {
  soc.memory @l1 {size = 1024}
  soc.memory @l2 {size = 4096}
  soc.dma @first from @l2 to @l1 {bytes_per_cycle = 8, channels = 2}
  soc.dma @second from @l1 to @l2 {bytes_per_cycle = 8, channels = 2, same_as = @first, one_way}
  soc.host @host {memory = @l2}
}

// -----

// CHECK: soc.dma @second: there is no engine @third
soc.system @s {
  soc.memory @l1 {size = 1024}
  soc.memory @l2 {size = 4096}
  soc.dma @second from @l2 to @l1 {bytes_per_cycle = 8, same_as = @third}
  soc.host @host {memory = @l2}
}
