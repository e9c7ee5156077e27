/* Core 0 looks at a transfer's destination before and after the wait, and at its source. */
#include "deeploy/platform.h"

static DM_L1 volatile uint32_t inner[1024];
static DM_L2 volatile uint32_t outer[1024];
DM_L2_NOINIT uint32_t before, after, garbage, noinit;

static void entry(void) {
  if (dm_core_id() != 0) return;
  garbage = inner[1023];
  for (int i = 0; i < 1024; i++) inner[i] = 1;
  dm_token t = dm_dma_start_in(DM_DMA_MCHAN, (void *)inner, (const void *)outer, 4096, 0, 0);
  before = inner[1023];
  dm_dma_wait(DM_DMA_MCHAN, t);
  after = inner[1023];
}

int main(void) {
  for (int i = 0; i < 1024; i++) outer[i] = 2;
  dm_cluster_run(entry);
  return 0;
}
