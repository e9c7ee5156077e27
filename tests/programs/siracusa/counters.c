/* Work whose counters the test knows, between region markers. */
#include "deeploy/platform.h"

#define WORDS 4096

static DM_L1 uint32_t DM_ALIGN(64) words[WORDS];
static DM_L2 uint32_t outer[WORDS];
static DM_L1 volatile uint32_t sink[DM_CORES];

/* n times: an addition and a taken branch */
static void spin(uint32_t n) { __asm__ volatile(".balign 16\n1: addi %0, %0, -1\n bnez %0, 1b" : "+r"(n)); }

/* n loads of one address, then a branch */
static void load(const volatile uint32_t *p, uint32_t n) {
  uint32_t v;
  __asm__ volatile(".balign 16\n1: lw %0, 0(%2)\n addi %1, %1, -1\n bnez %1, 1b"
                   : "=&r"(v), "+r"(n)
                   : "r"(p)
                   : "memory");
}

static void entry(void) {
  uint32_t id = dm_core_id();
  for (int warm = 0; warm < 2; warm++) { /* the second time through, code is in the caches */
    dm_barrier();
    dm_region_begin(1);
    spin(1000);
    dm_region_end(1);
    dm_barrier();
    dm_region_begin(2); /* all cores in one bank */
    load(words, 100);
    dm_region_end(2);
    dm_barrier();
    dm_region_begin(3); /* each in its own */
    load(words + id, 100);
    dm_region_end(3);
    dm_barrier();
    if (id == 0) {
      dm_region_begin(4);
      dm_token t = dm_dma_start_in(DM_DMA_MCHAN, words, outer, 4096, 0, 0);
      dm_token u = dm_dma_start_out(DM_DMA_MCHAN, outer + 2048, words + 2048, 2048, 0, 0);
      dm_dma_wait(DM_DMA_MCHAN, t);
      dm_dma_wait(DM_DMA_MCHAN, u);
      dm_region_end(4);
    }
    dm_barrier();
    dm_region_begin(5); /* nested in itself and around another */
    dm_region_begin(5);
    dm_region_begin(6 + id);
    if (id == 1) spin(500); /* the others wait for it */
    dm_region_end(6 + id);
    dm_region_end(5);
    dm_barrier();
    dm_region_end(5);
  }
  sink[id] = id;
}

int main(void) {
  dm_region_begin(0);
  dm_cluster_run(entry);
  dm_region_end(0);
  dm_cluster_run(entry);
  dm_region_begin(1023); /* never ended */
  for (const char *s = "one\ntwo"; *s; s++) dm_putchar(*s);
  return 0;
}
