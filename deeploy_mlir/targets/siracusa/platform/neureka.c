/* SPDX-License-Identifier: Apache-2.0 */
#include "neureka.h"

#include "event_unit.h"

#define NEUREKA_STATUS (DM_NEUREKA_BASE + 0x0cu)

/* The engine does not say reliably which job it is at: a job is complete when there is none. */
void dm_neureka_wait(dm_job job) {
  if (job == DM_NO_JOB) return;
  if (REG(NEUREKA_STATUS)) {
    REG(EU_MASK) = EVENT_NEUREKA; /* an old event may be pending: look again */
    do event_load_word(EU_WAIT_CLEAR);
    while (REG(NEUREKA_STATUS));
    REG(EU_MASK) = EVENT_BARRIER;
  }
  __asm__ volatile("fence" ::: "memory");
}
