/* Runs a list of commands of the L3 DMA that the test has written, on cluster core 0 (waiting for the event) or, with
   `on_host`, on the host core (polling). Commands of a group go under one id and are waited for together. */
#include "deeploy/platform.h"

#define REG(a) (*(volatile uint32_t *)(uintptr_t)(a))
#define COMMAND 0x1a10d000u
#define STATUS 0x1a10d004u
#define EVENT (1u << 13)
#define L3 0x80000000u
#define MAX_JOBS 32

typedef struct {
  uint32_t group, flags, near, far, length, stride;
} job;

DM_L2_NOINIT uint8_t DM_ALIGN(16) near[65536];
DM_L2_NOINIT job jobs[MAX_JOBS];
DM_L2_NOINIT uint32_t job_count, on_host;
DM_L2_NOINIT volatile uint32_t early[MAX_JOBS], cycles[MAX_JOBS]; /* of each group: near[0] before the wait, cycles */

static void event_wait(void) {
  uint32_t v;
  __asm__ volatile(".insn i 0x03, 6, %0, %1, 0x3c" : "=r"(v) : "r"(0x00204000u) : "memory");
  (void)v;
}

static void run(int events) {
  for (uint32_t first = 0; first < job_count;) {
    uint32_t end = first, id = REG(COMMAND), start = dm_cycles(), group = jobs[first].group;
    for (; end < job_count && jobs[end].group == group; end++) {
      REG(COMMAND) = jobs[end].flags | (events ? 1u << 26 : 0);
      REG(COMMAND) = (uint32_t)(uintptr_t)near + jobs[end].near;
      REG(COMMAND) = L3 + jobs[end].far;
      if (!(jobs[end].flags >> 25 & 1)) continue;
      REG(COMMAND) = jobs[end].length;
      REG(COMMAND) = jobs[end].stride;
    }
    early[group] = *(volatile uint8_t *)near;
    while (REG(STATUS) >> id & 1)
      if (events) event_wait();
    cycles[group] = dm_cycles() - start;
    REG(STATUS) = 1u << id;
    first = end;
  }
}

static void entry(void) {
  if (dm_core_id() == 0) {
    REG(0x00204000u) = EVENT; /* the mask */
    run(1);
    REG(0x00204000u) = 1u << 16;
  }
  dm_barrier();
}

int main(void) {
  if (on_host) run(0);
  else dm_cluster_run(entry);
  return 0;
}
