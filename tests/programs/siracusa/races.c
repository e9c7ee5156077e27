/* Host threads: one mistake a run, given as the argument; 0 is the right program. */
#include <stdlib.h>

#include "deeploy/platform.h"

static DM_L1 uint8_t tile[2][4096];
static DM_L2 uint8_t source[2][4096], result[4096];
static int mistake;

static void increment(uint8_t *p) {
  uint32_t n = 4096 / DM_CORES, id = dm_core_id();
  for (uint32_t i = id * n; i < (id + 1) * n; i++) p[i]++;
}

static void entry(void) {
  uint32_t id = dm_core_id();
  dm_token in[2] = {0, 0}, out = 0;
  if (id == 0) {
    in[0] = dm_dma_start_in(DM_DMA_MCHAN, tile[0], source[0], 4096, 0, 0);
    dm_dma_wait(DM_DMA_MCHAN, in[0]);
    in[1] = dm_dma_start_in(DM_DMA_MCHAN, mistake == 5 ? tile[0] : tile[1], source[1], 4096, 0, 0); /* 5: under the cores' hands */
  }
  dm_barrier();
  increment(tile[0]);
  if (mistake != 1) dm_barrier(); /* 1: core 0 sends out what others are still writing */
  if (id == 0) {
    out = dm_dma_start_out(DM_DMA_MCHAN, result, tile[0], 4096, 0, 0);
    if (mistake != 2) dm_dma_wait(DM_DMA_MCHAN, in[1]); /* 2: the cores read before the transfer is complete */
  }
  dm_barrier();
  increment(mistake == 3 ? tile[0] : tile[1]); /* 3: written while it is being sent out */
  dm_barrier();
  if (id == 0 && mistake != 4) dm_dma_wait(DM_DMA_MCHAN, out); /* 4: never waited for */
  if (id == 0 && mistake == 2) dm_dma_wait(DM_DMA_MCHAN, in[1]);
  if (id == 0 && mistake == 6) dm_dma_wait(DM_DMA_MCHAN, out);
  if (id == 1 && mistake == 7) dm_dma_start_in(DM_DMA_MCHAN, tile[0], source[0], 4096, 0, 0);
}

int main(int argc, char **argv) {
  mistake = argc > 1 ? atoi(argv[1]) : 0;
  for (int run = 0; run < 3; run++) {
    for (int i = 0; i < 4096; i++) source[0][i] = source[1][i] = (uint8_t)(i + run);
    dm_cluster_run(entry);
    for (int i = 0; i < 4096; i++)
      if (result[i] != (uint8_t)(i + run + 1)) dm_exit(1);
  }
  dm_exit(0);
}
