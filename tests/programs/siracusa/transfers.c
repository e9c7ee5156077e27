/* Runs a list of DMA transfers that the test has written: all of a group are started, then waited for in order. */
#include "deeploy/platform.h"

#ifdef DM_RAM /* the host platform has one memory */
#define DM_L1
#define DM_L2_NOINIT
#endif

#define LOCAL_BYTES 204800
#define OUTER_BYTES 262144
#define MAX_JOBS 64

typedef struct {
  uint32_t out, group, local, outer, line, rank; /* offsets in bytes into the two arrays */
  dm_dma_dim dims[DM_DMA_MAX_RANK];
} job;

DM_L1 uint8_t DM_ALIGN(16) local[LOCAL_BYTES];
DM_L2_NOINIT uint8_t DM_ALIGN(16) outer[OUTER_BYTES];
DM_L2_NOINIT job jobs[MAX_JOBS];
DM_L2_NOINIT uint32_t job_count;
DM_L1 static dm_token tokens[MAX_JOBS];

static void entry(void) {
  if (dm_core_id() == 0) {
    for (uint32_t first = 0; first < job_count;) {
      uint32_t end = first;
      dm_region_begin(jobs[first].group);
      for (; end < job_count && jobs[end].group == jobs[first].group; end++) {
        const job *j = jobs + end;
        if (j->out) tokens[end] = dm_dma_start_out(DM_DMA_MCHAN, outer + j->outer, local + j->local, j->line, j->rank, j->dims);
        else tokens[end] = dm_dma_start_in(DM_DMA_MCHAN, local + j->local, outer + j->outer, j->line, j->rank, j->dims);
      }
      for (uint32_t i = first; i < end; i++) dm_dma_wait(DM_DMA_MCHAN, tokens[i]);
      dm_region_end(jobs[first].group);
      first = end;
    }
  }
  dm_barrier();
}

void run_jobs(void);
void run_jobs(void) { dm_cluster_run(entry); }

#ifndef NO_MAIN
int main(void) {
  run_jobs();
  return 0;
}
#endif
