/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster on host threads: one thread a core, one for each direction of each DMA and for each other unit, so that a
   missing barrier or a missing wait is a data race that ThreadSanitizer reports. To keep it from being hidden, a job is
   ordered with nothing but its own start and its own wait: rings of atomics, no lock that core 0 and a unit share. */
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>

#include "deeploy/dma_jobs.h"
#include "deeploy/fail.h"

static void create(void *(*function)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, function, argument) != 0) dm_fail("cannot create a thread");
  pthread_detach(thread);
}

/* ---- units ---- */

static dm_unit *units;              /* core 0's: those that were ever used */
static atomic_uint cluster_running; /* their threads spin while it is set */
static pthread_mutex_t idle_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;

static void *unit_thread(void *argument) {
  dm_unit *unit = argument;
  uint32_t taken = 0;
  for (;;) {
    if (atomic_load_explicit(&unit->started, memory_order_acquire) == taken) {
      if (!atomic_load_explicit(&cluster_running, memory_order_relaxed)) {
        pthread_mutex_lock(&idle_mutex);
        while (!atomic_load_explicit(&cluster_running, memory_order_relaxed)) pthread_cond_wait(&idle, &idle_mutex);
        pthread_mutex_unlock(&idle_mutex);
      }
      sched_yield();
      continue;
    }
    uint32_t slot = taken++ % DM_UNIT_JOBS, number = unit->ring[slot].number;
    sched_yield(); /* let the cores run ahead */
    unit->work(unit->ring[slot].job);
    atomic_store_explicit(&unit->complete[number], 1, memory_order_release);
  }
  return NULL;
}

uint32_t dm_unit_open(const dm_unit *unit) {
  uint32_t count = 0;
  for (uint32_t open = unit->open; open; open &= open - 1) count++;
  return count;
}

uint32_t dm_unit_start(dm_unit *unit, const void *job, uint32_t bytes) {
  if (dm_core_id() != 0) dm_fail("a unit used by another core than core 0");
  if (bytes > DM_UNIT_JOB_BYTES) dm_fail("a job with too large a description");
  uint32_t number = 0;
  while (number < DM_UNIT_JOBS && (unit->open >> number & 1u)) number++;
  if (number == DM_UNIT_JOBS) dm_fail("more jobs open than a unit takes");
  uint32_t n = atomic_load_explicit(&unit->started, memory_order_relaxed);
  if (!unit->created) {
    unit->created = 1;
    unit->next = units;
    units = unit;
    create(unit_thread, unit);
  }
  unit->open |= 1u << number;
  uint32_t slot = n % DM_UNIT_JOBS;
  memcpy(unit->ring[slot].job, job, bytes);
  unit->ring[slot].number = number;
  atomic_store_explicit(&unit->complete[number], 0, memory_order_relaxed);
  atomic_store_explicit(&unit->started, n + 1, memory_order_release);
  return number;
}

void dm_unit_wait(dm_unit *unit, uint32_t number) {
  if (number >= DM_UNIT_JOBS || !(unit->open >> number & 1u)) dm_fail("wait for a job that is not open");
  while (!atomic_load_explicit(&unit->complete[number], memory_order_acquire)) sched_yield();
  unit->open &= ~(1u << number);
}

/* ---- DMA ---- */

#define ENGINES (DM_DMAS ? DM_DMAS : 1)

typedef struct {
  unsigned char *to;
  const unsigned char *from;
  uint32_t dma, line, rank;
  dm_dma_dim dims[DM_DMA_MAX_RANK];
} transfer_job;

#ifdef DM_DMA_LIMITS
static const dm_dma_limits limits[] = DM_DMA_LIMITS;
#else
static const dm_dma_limits limits[] = {{0, 0, 0}};
#endif
static dm_unit directions[ENGINES][2]; /* out, in: all of them run side by side as on the SoC */

static void copy(void *context, const dm_dma_job *j) {
  (void)context;
  for (uint32_t i = 0; i < j->count; i++)
    memcpy(j->to + (ptrdiff_t)i * j->to_stride, j->from + (ptrdiff_t)i * j->from_stride, j->line);
}

static void transfer(const void *job) {
  const transfer_job *t = job;
  dm_dma_jobs(&limits[t->dma], t->to, t->from, t->line, t->rank, t->dims, copy, NULL);
}

static dm_token start(uint32_t dma, uint32_t in, void *to, const void *from, uint32_t line, uint32_t rank,
                      const dm_dma_dim *dims) {
  if (dm_core_id() != 0) dm_fail("DMA used by another core than core 0");
  if (dma >= ENGINES) dm_fail("no such DMA");
  if (rank > DM_DMA_MAX_RANK) dm_fail("DMA rank");
  if (dm_unit_open(&directions[dma][0]) + dm_unit_open(&directions[dma][1]) >= limits[dma].channels)
    dm_fail("more DMA transfers open than the DMA has channels");
  transfer_job t = {.to = to, .from = from, .dma = dma, .line = line, .rank = rank};
  for (uint32_t k = 0; k < rank; k++) t.dims[k] = dims[k];
  dm_unit *unit = &directions[dma][in];
  if (unit->work == NULL) unit->work = transfer;
  return dm_unit_start(unit, &t, sizeof t) * 2 + in;
}

dm_token dm_dma_start_in(uint32_t dma, void *to, const void *from, uint32_t line, uint32_t rank,
                         const dm_dma_dim *dims) {
  return start(dma, 1, to, from, line, rank, dims);
}

dm_token dm_dma_start_out(uint32_t dma, void *to, const void *from, uint32_t line, uint32_t rank,
                          const dm_dma_dim *dims) {
  return start(dma, 0, to, from, line, rank, dims);
}

void dm_dma_wait(uint32_t dma, dm_token token) {
  if (token == DM_NO_TOKEN) return;
  if (dma >= ENGINES || token >= 2 * DM_UNIT_JOBS || !(directions[dma][token % 2].open >> token / 2 & 1u))
    dm_fail("wait for a DMA transfer that is not open");
  dm_unit_wait(&directions[dma][token % 2], token / 2);
}

/* ---- cores ---- */

static _Thread_local uint32_t core_id;
static pthread_mutex_t cores_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cores_changed = PTHREAD_COND_INITIALIZER;
static uint32_t barrier_waiting, barrier_round, runs_posted, cores_finished;
static void (*run_entry)(void);
static int created;

uint32_t dm_core_id(void) { return core_id; }

void dm_barrier(void) {
  pthread_mutex_lock(&cores_mutex);
  uint32_t round = barrier_round;
  if (++barrier_waiting == DM_CORES) {
    barrier_waiting = 0;
    barrier_round++;
    pthread_cond_broadcast(&cores_changed);
  } else {
    while (round == barrier_round) pthread_cond_wait(&cores_changed, &cores_mutex);
  }
  pthread_mutex_unlock(&cores_mutex);
}

static void *core_thread(void *argument) {
  core_id = (uint32_t)(uintptr_t)argument;
  for (uint32_t run = 0;;) {
    pthread_mutex_lock(&cores_mutex);
    while (runs_posted == run) pthread_cond_wait(&cores_changed, &cores_mutex);
    pthread_mutex_unlock(&cores_mutex);
    run_entry();
    run++;
    pthread_mutex_lock(&cores_mutex);
    cores_finished++;
    pthread_cond_broadcast(&cores_changed);
    pthread_mutex_unlock(&cores_mutex);
  }
  return NULL;
}

void dm_cluster_run(void (*entry)(void)) {
  pthread_mutex_lock(&idle_mutex);
  atomic_store_explicit(&cluster_running, 1, memory_order_relaxed);
  pthread_cond_broadcast(&idle);
  pthread_mutex_unlock(&idle_mutex);

  pthread_mutex_lock(&cores_mutex);
  run_entry = entry;
  cores_finished = 0;
  runs_posted++;
  pthread_cond_broadcast(&cores_changed);
  pthread_mutex_unlock(&cores_mutex);
  if (!created) {
    created = 1;
    for (uintptr_t i = 0; i < DM_CORES; i++) create(core_thread, (void *)i);
  }
  pthread_mutex_lock(&cores_mutex);
  while (cores_finished != DM_CORES) pthread_cond_wait(&cores_changed, &cores_mutex);
  pthread_mutex_unlock(&cores_mutex);
  atomic_store_explicit(&cluster_running, 0, memory_order_relaxed);
  for (const dm_unit *unit = units; unit; unit = unit->next)
    if (unit->open) dm_fail(unit->work == transfer ? "a DMA transfer was never waited for" : "a job was never waited for");
}
