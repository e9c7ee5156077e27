/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster of the host core alone, and transfers that are complete when they start. */
#include <stddef.h>

#include "deeploy/dma_jobs.h"
#include "deeploy/fail.h"

#define TOKENS 32u /* of an engine: at most so many channels are made use of */
#define ENGINES (DM_DMAS ? DM_DMAS : 1)

#ifdef DM_DMA_LIMITS
static const dm_dma_limits limits[] = DM_DMA_LIMITS;
#else
static const dm_dma_limits limits[] = {{0, 0, 0}};
#endif
static uint32_t open_tokens[ENGINES]; /* one bit for each token in use */

uint32_t dm_core_id(void) { return 0; }

void dm_barrier(void) {}

void dm_cluster_run(void (*entry)(void)) {
  entry();
  for (uint32_t dma = 0; dma < ENGINES; dma++)
    if (open_tokens[dma]) dm_fail("a DMA transfer was never waited for");
}

static void copy(void *context, const dm_dma_job *j) {
  (void)context;
  for (uint32_t i = 0; i < j->count; i++)
    __builtin_memcpy(j->to + (ptrdiff_t)i * j->to_stride, j->from + (ptrdiff_t)i * j->from_stride, j->line);
}

static dm_token transfer(uint32_t dma, void *to, const void *from, uint32_t line, uint32_t rank,
                         const dm_dma_dim *dims) {
  if (dma >= ENGINES) dm_fail("no such DMA");
  if (rank > DM_DMA_MAX_RANK) dm_fail("DMA rank");
  uint32_t tokens = limits[dma].channels < TOKENS ? limits[dma].channels : TOKENS;
  dm_token token = 0;
  while (token < tokens && (open_tokens[dma] >> token & 1u)) token++;
  if (token == tokens) dm_fail("more DMA transfers open than the DMA has channels");
  open_tokens[dma] |= 1u << token;
  dm_dma_jobs(&limits[dma], to, from, line, rank, dims, copy, NULL);
  return token;
}

dm_token dm_dma_start_in(uint32_t dma, void *to, const void *from, uint32_t line, uint32_t rank,
                         const dm_dma_dim *dims) {
  return transfer(dma, to, from, line, rank, dims);
}

dm_token dm_dma_start_out(uint32_t dma, void *to, const void *from, uint32_t line, uint32_t rank,
                          const dm_dma_dim *dims) {
  return transfer(dma, to, from, line, rank, dims);
}

void dm_dma_wait(uint32_t dma, dm_token token) {
  if (token == DM_NO_TOKEN) return;
  if (dma >= ENGINES || token >= TOKENS || !(open_tokens[dma] >> token & 1u))
    dm_fail("wait for a DMA transfer that is not open");
  open_tokens[dma] &= ~(1u << token);
}
