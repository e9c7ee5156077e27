/* One N-EUREKA job that the test has written as registers, on random data: a checksum of the output region. Sizes in
   bytes; pointers in the registers are offsets to the arrays made here. */
#include "deeploy/platform.h"

#define REG(a) (*(volatile uint32_t *)(uintptr_t)(a))
#define ENGINE 0x00201000u
#define EVENT_UNIT 0x00204000u
#define WEIGHT_MEMORY 0x10800000u
#define WEIGHT_BASE 0x10400000u
#define ARENA_BYTES 253000u

DM_L2_NOINIT uint32_t registers[24];
DM_L2_NOINIT uint32_t seed, input_bytes, output_bytes, weight_bytes, channels, scales_are_words, scale_max, shift;
DM_L2_NOINIT volatile uint32_t checksum;
static DM_L1 uint8_t DM_ALIGN(32) arena[ARENA_BYTES];
static uint32_t used;

static uint32_t next_random(void) {
  seed = seed * 1664525u + 1013904223u;
  return seed >> 8;
}

static uint8_t *allocate(uint32_t bytes) {
  uint8_t *p = arena + used;
  used = (used + bytes + 31u) & ~31u;
  if (used > ARENA_BYTES) dm_exit(3);
  return p;
}

static void run(uint8_t *output) {
  uint32_t v, hash = 2166136261u;
  while ((int32_t)REG(ENGINE + 4) < 0) {
  }
  for (uint32_t i = 0; i < 24; i++) REG(ENGINE + 0x20 + 4 * i) = registers[i];
  REG(EVENT_UNIT) = 1u << 12; /* the mask */
  dm_region_begin(1);
  REG(ENGINE) = 0;
  __asm__ volatile(".insn i 0x03, 6, %0, %1, 0x3c" : "=r"(v) : "r"(EVENT_UNIT) : "memory");
  dm_region_end(1);
  (void)v;
  REG(EVENT_UNIT) = 1u << 16;
  for (uint32_t i = 0; i < output_bytes; i++) hash = (hash ^ output[i]) * 16777619u;
  checksum = hash;
}

static void entry(void) {
  if (dm_core_id() == 0) {
    uint8_t *input = allocate(input_bytes), *output = allocate(output_bytes), *weights = allocate(weight_bytes);
    uint32_t *scales = (uint32_t *)(void *)allocate(4 * channels + 128);
    uint32_t *biases = (uint32_t *)(void *)allocate(4 * channels + 128);
    uint8_t *shifts = allocate(channels + 32), *weight_memory = (uint8_t *)(uintptr_t)WEIGHT_MEMORY;
    for (uint32_t i = 0; i < input_bytes; i++) input[i] = (uint8_t)(next_random() >> 3);
    for (uint32_t i = 0; i < weight_bytes; i++) weight_memory[i] = weights[i] = (uint8_t)(next_random() >> 3);
    for (uint32_t i = 0; i < channels; i++) {
      biases[i] = next_random() % 200001u - 100000u;
      shifts[i] = (uint8_t)(shift - 2 + next_random() % 5u);
      if (scales_are_words) scales[i] = 1 + next_random() % scale_max;
      else ((uint8_t *)scales)[i] = (uint8_t)(1 + next_random() % scale_max);
    }
    for (uint32_t i = 0; i < output_bytes; i++) output[i] = 0xa5;
    registers[0] += (registers[23] >> 9 & 1 ? WEIGHT_MEMORY : (uint32_t)(uintptr_t)weights) - WEIGHT_BASE;
    registers[1] += (uint32_t)(uintptr_t)input;
    registers[2] += (uint32_t)(uintptr_t)output;
    registers[3] += (uint32_t)(uintptr_t)scales;
    registers[4] += (uint32_t)(uintptr_t)shifts;
    registers[5] += (uint32_t)(uintptr_t)biases;
    run(output);
  }
  dm_barrier();
}

int main(void) {
  dm_cluster_run(entry);
  return 0;
}
