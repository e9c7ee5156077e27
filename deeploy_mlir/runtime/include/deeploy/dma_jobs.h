/* SPDX-License-Identifier: Apache-2.0 */
/* A transfer cut into the jobs that a DMA engine takes: for platforms to use. */
#ifndef DEEPLOY_DMA_JOBS_H
#define DEEPLOY_DMA_JOBS_H

#include "deeploy/platform.h"

/* What one engine takes, by number in DM_DMA_LIMITS. */
typedef struct {
  uint32_t channels, max_dims, max_bytes;
} dm_dma_limits;

/* One job: `count` lines of `line` bytes each. */
typedef struct {
  unsigned char *to;
  const unsigned char *from;
  uint32_t line, count;
  int32_t to_stride, from_stride;
} dm_dma_job;

/* Calls `job` for each job of a transfer, in order: at most two dimensions, or as many as the engine's limits say if that
   is fewer, and at most `max_bytes` bytes; none of a job's counts is 0. */
static inline void dm_dma_jobs(const dm_dma_limits *limits, void *to, const void *from, uint32_t line, uint32_t rank,
                               const dm_dma_dim *dims, void (*job)(void *context, const dm_dma_job *job),
                               void *context) {
  uint32_t index[DM_DMA_MAX_RANK] = {0, 0, 0, 0};
  uint32_t inner = rank && limits->max_dims > 1 ? 1 : 0, loops = rank - inner;
  uint32_t count = inner ? dims[loops].count : 1;
  dm_dma_job j = {0, 0, line, 0, inner ? dims[loops].dst_stride : 0, inner ? dims[loops].src_stride : 0};
  uint32_t most = line && line < limits->max_bytes ? limits->max_bytes / line : 1; /* lines in a job */
  for (uint32_t k = 0; k < rank; k++)
    if (dims[k].count == 0) return;
  if (line == 0) return;
  for (;;) {
    unsigned char *row_to = to;
    const unsigned char *row_from = from;
    for (uint32_t k = 0; k < loops; k++) {
      row_to += (int32_t)index[k] * dims[k].dst_stride;
      row_from += (int32_t)index[k] * dims[k].src_stride;
    }
    for (uint32_t done = 0; done < count; done += j.count) {
      j.count = count - done < most ? count - done : most;
      for (uint32_t at = 0; at < line; at += j.line) { /* a line that is too long goes in pieces */
        j.line = line - at < limits->max_bytes ? line - at : limits->max_bytes;
        j.to = row_to + (int32_t)done * j.to_stride + at;
        j.from = row_from + (int32_t)done * j.from_stride + at;
        job(context, &j);
      }
    }
    uint32_t k = loops;
    while (k && ++index[k - 1] == dims[k - 1].count) index[--k] = 0;
    if (k == 0) return;
  }
}

#endif
