/* N-EUREKA jobs one after the other and queued, alone and beside cores and DMA, each in a region of its own. */
#include "deeploy/platform.h"

#define REG(a) (*(volatile uint32_t *)(uintptr_t)(a))
#define ENGINE 0x00201000u
#define EVENT_UNIT 0x00204000u
#define BYTES 4096

DM_L2_NOINIT volatile int32_t acquired[4];
static DM_L1 uint8_t DM_ALIGN(32) local[BYTES], output[64];
static uint8_t DM_ALIGN(16) outer[BYTES];
static volatile uint32_t sink;

/* 1x1, one channel in and out, 43 x 43 outputs, all from and to one address */
static void write_job(void) {
  for (uint32_t i = 0; i < 24; i++) REG(ENGINE + 0x20 + 4 * i) = 0;
  REG(ENGINE + 0x24) = (uint32_t)(uintptr_t)local;
  REG(ENGINE + 0x28) = (uint32_t)(uintptr_t)output;
  for (uint32_t i = 15; i < 19; i++) REG(ENGINE + 0x20 + 4 * i) = 0x00010001u;
  REG(ENGINE + 0x6c) = 0x00080008u;
  REG(ENGINE + 0x7c) = 2u << 5 | 7u | 1u << 9 | 2u << 21;
}

static void wait_for_engine(void) {
  uint32_t v;
  REG(EVENT_UNIT) = 1u << 12;
  while (REG(ENGINE + 0xc)) {
    __asm__ volatile(".insn i 0x03, 6, %0, %1, 0x3c" : "=r"(v) : "r"(EVENT_UNIT) : "memory");
    (void)v;
  }
  REG(EVENT_UNIT) = 1u << 16;
}

static void one_job(void) {
  sink = REG(ENGINE + 4);
  write_job();
  REG(ENGINE) = 0;
}

static void entry(void) {
  uint32_t core = dm_core_id();
  if (core == 0) {
    dm_region_begin(1);
    one_job();
    wait_for_engine();
    dm_region_end(1);

    dm_region_begin(2);
    acquired[0] = (int32_t)REG(ENGINE + 4);
    acquired[1] = (int32_t)REG(ENGINE + 4);
    write_job();
    REG(ENGINE) = 0;
    acquired[2] = (int32_t)REG(ENGINE + 4);
    write_job();
    REG(ENGINE) = 0;
    acquired[3] = (int32_t)REG(ENGINE + 4);
    wait_for_engine();
    dm_region_end(2);
  }
  dm_barrier();
  if (core == 0) {
    dm_region_begin(3);
    one_job();
    dm_dma_wait(DM_DMA_MCHAN, dm_dma_start_in(DM_DMA_MCHAN, local, outer, BYTES, 0, 0));
    wait_for_engine();
  }
  if (core == 1)
    for (uint32_t i = 0; i < 3000; i++) sink = i;
  dm_barrier();
  if (core == 0) {
    dm_region_end(3);
    dm_region_begin(4);
    dm_dma_wait(DM_DMA_MCHAN, dm_dma_start_in(DM_DMA_MCHAN, local, outer, BYTES, 0, 0));
    dm_region_end(4);
  }
  dm_barrier();
}

int main(void) {
  dm_cluster_run(entry);
  return 0;
}
