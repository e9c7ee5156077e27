/* SPDX-License-Identifier: Apache-2.0 */
/* One host core: a cluster of one, transfers that are complete when they start. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deeploy/platform.h"

static uint32_t open_tokens; /* one bit for each token in use */

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "deeploy runtime: %s\n", what);
  abort();
}

uint32_t dm_core_id(void) { return 0; }

void dm_barrier(void) {}

void dm_cluster_run(void (*entry)(void)) {
  entry();
  if (open_tokens) fail("a DMA transfer was never waited for");
}

static dm_token copy(unsigned char *to, const unsigned char *from, uint32_t line, uint32_t rank,
                     const dm_dma_dim *dims) {
  dm_dma_dim d[DM_DMA_MAX_RANK] = {{1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 0, 0}};
  if (rank > DM_DMA_MAX_RANK) fail("DMA rank");
  for (uint32_t k = 0; k < rank; k++) d[DM_DMA_MAX_RANK - rank + k] = dims[k];
  for (uint32_t a = 0; a < d[0].count; a++)
    for (uint32_t b = 0; b < d[1].count; b++)
      for (uint32_t c = 0; c < d[2].count; c++)
        for (uint32_t e = 0; e < d[3].count; e++) {
#define AT(field) \
  ((ptrdiff_t)a * d[0].field + (ptrdiff_t)b * d[1].field + (ptrdiff_t)c * d[2].field + (ptrdiff_t)e * d[3].field)
          if (line) memcpy(to + AT(dst_stride), from + AT(src_stride), line);
#undef AT
        }
  for (dm_token t = 0; t < DM_DMA_MAX_TOKENS; t++)
    if (!(open_tokens >> t & 1u)) {
      open_tokens |= 1u << t;
      return t;
    }
  fail("more DMA transfers open than there are tokens");
}

dm_token dm_dma_start_in(void *l1, const void *ext, uint32_t line, uint32_t rank, const dm_dma_dim *dims) {
  return copy(l1, ext, line, rank, dims);
}

dm_token dm_dma_start_out(void *ext, const void *l1, uint32_t line, uint32_t rank, const dm_dma_dim *dims) {
  return copy(ext, l1, line, rank, dims);
}

void dm_dma_wait(dm_token token) {
  if (token == DM_NO_TOKEN) return;
  if (token >= DM_DMA_MAX_TOKENS || !(open_tokens >> token & 1u)) fail("wait for a DMA transfer that is not open");
  open_tokens &= ~(1u << token);
}

uint32_t dm_cycles(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (uint32_t)now.tv_sec * 1000000000u + (uint32_t)now.tv_nsec;
}

void dm_region_begin(uint32_t id) { (void)id; }

void dm_region_end(uint32_t id) { (void)id; }

void dm_putchar(char c) { putchar(c); }

_Noreturn void dm_exit(int code) { exit(code); }
