/* SPDX-License-Identifier: Apache-2.0 */
/* A machine on the threads of this one, so that ThreadSanitizer finds what hardware would only do now and then: a missing
   barrier, a missing wait. threads.c has the cores, their barrier and the DMA engines of `deeploy/platform.h`; a platform
   that builds on it adds what is its own, such as an engine, as units. */
#ifndef DM_THREADS_H
#define DM_THREADS_H

#include <stdatomic.h>
#include <stdint.h>

#define DM_UNIT_JOBS 32u       /* started and not yet waited for, at any time */
#define DM_UNIT_JOB_BYTES 128u /* of the largest description of a job */

/* A unit works beside the cores, on a thread of its own: one job after another, in the order in which core 0 started
   them. Zeroed, but for `work`, it is ready; `work` does not change once it was used. */
typedef struct dm_unit {
  void (*work)(const void *job); /* does one job: what a program sees of it may happen at any time until its wait */
  /* what follows is threads.c's */
  struct dm_unit *next;
  int created;
  atomic_uint started;
  uint32_t open; /* core 0's: one bit for each job that was not waited for */
  struct {
    _Alignas(16) unsigned char job[DM_UNIT_JOB_BYTES];
    uint32_t number;
  } ring[DM_UNIT_JOBS]; /* a number is in use for each, so it cannot overflow */
  atomic_uint complete[DM_UNIT_JOBS];
} dm_unit;

/* Starts a job that `bytes` (<= DM_UNIT_JOB_BYTES) at `job` describe; they are copied. Returns its number, which is
   free for another one after the wait. By core 0 only; more than DM_UNIT_JOBS jobs end the program. */
uint32_t dm_unit_start(dm_unit *unit, const void *job, uint32_t bytes);

/* Returns when that job is done; once for each. */
void dm_unit_wait(dm_unit *unit, uint32_t number);

/* How many jobs were started and not waited for. */
uint32_t dm_unit_open(const dm_unit *unit);

#endif
