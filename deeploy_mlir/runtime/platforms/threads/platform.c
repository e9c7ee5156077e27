/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster on host threads: one thread a core, one for each direction of each DMA, so that a missing barrier or a
   missing wait is a data race that ThreadSanitizer reports. To keep it from being hidden, a transfer is ordered with
   nothing but its own start and its own wait: rings of atomics, no lock that core 0 and the DMA share. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deeploy/dma_jobs.h"

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "deeploy runtime: %s\n", what);
  abort();
}

/* ---- DMA ---- */

#define TOKENS 32u /* of an engine: at most so many channels are made use of */
#define ENGINES (DM_DMAS ? DM_DMAS : 1)

typedef struct {
  unsigned char *to;
  const unsigned char *from;
  uint32_t dma, line, rank;
  dm_dma_dim dims[DM_DMA_MAX_RANK];
  dm_token token;
} transfer;

typedef struct {
  transfer transfers[TOKENS]; /* a ring: a token is in use for each, so it cannot overflow */
  atomic_uint started;        /* by core 0 */
} queue;

#ifdef DM_DMA_LIMITS
static const dm_dma_limits limits[] = DM_DMA_LIMITS;
#else
static const dm_dma_limits limits[] = {{0, 0, 0}};
#endif
static queue queues[ENGINES][2];              /* out, in: all of them run side by side as on the SoC */
static atomic_uint complete[ENGINES][TOKENS]; /* set by the DMA, cleared by core 0 */
static uint32_t open_tokens[ENGINES];         /* core 0's */
static atomic_uint cluster_running;           /* the DMA threads spin while it is set */
static pthread_mutex_t idle_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;

static void copy(void *context, const dm_dma_job *j) {
  (void)context;
  for (uint32_t i = 0; i < j->count; i++)
    memcpy(j->to + (ptrdiff_t)i * j->to_stride, j->from + (ptrdiff_t)i * j->from_stride, j->line);
}

static void *dma_thread(void *argument) {
  queue *q = argument;
  uint32_t taken = 0;
  for (;;) {
    if (atomic_load_explicit(&q->started, memory_order_acquire) == taken) {
      if (!atomic_load_explicit(&cluster_running, memory_order_relaxed)) {
        pthread_mutex_lock(&idle_mutex);
        while (!atomic_load_explicit(&cluster_running, memory_order_relaxed)) pthread_cond_wait(&idle, &idle_mutex);
        pthread_mutex_unlock(&idle_mutex);
      }
      sched_yield();
      continue;
    }
    transfer *t = &q->transfers[taken++ % TOKENS];
    uint32_t dma = t->dma;
    dm_token token = t->token;
    sched_yield(); /* let the cores run ahead */
    dm_dma_jobs(&limits[dma], t->to, t->from, t->line, t->rank, t->dims, copy, NULL);
    atomic_store_explicit(&complete[dma][token], 1, memory_order_release);
  }
  return NULL;
}

static dm_token start(uint32_t dma, int in, void *to, const void *from, uint32_t line, uint32_t rank,
                      const dm_dma_dim *dims) {
  if (dm_core_id() != 0) fail("DMA used by another core than core 0");
  if (dma >= ENGINES) fail("no such DMA");
  if (rank > DM_DMA_MAX_RANK) fail("DMA rank");
  uint32_t tokens = limits[dma].channels < TOKENS ? limits[dma].channels : TOKENS;
  dm_token token = 0;
  while (token < tokens && (open_tokens[dma] >> token & 1u)) token++;
  if (token == tokens) fail("more DMA transfers open than the DMA has channels");
  open_tokens[dma] |= 1u << token;
  queue *q = &queues[dma][in];
  uint32_t n = atomic_load_explicit(&q->started, memory_order_relaxed);
  transfer *t = &q->transfers[n % TOKENS];
  t->to = to;
  t->from = from;
  t->dma = dma;
  t->line = line;
  t->rank = rank;
  t->token = token;
  for (uint32_t k = 0; k < rank; k++) t->dims[k] = dims[k];
  atomic_store_explicit(&complete[dma][token], 0, memory_order_relaxed);
  atomic_store_explicit(&q->started, n + 1, memory_order_release);
  return token;
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
  if (dma >= ENGINES || token >= TOKENS || !(open_tokens[dma] >> token & 1u))
    fail("wait for a DMA transfer that is not open");
  while (!atomic_load_explicit(&complete[dma][token], memory_order_acquire)) sched_yield();
  open_tokens[dma] &= ~(1u << token);
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

static void create(void *(*function)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, function, argument) != 0) fail("cannot create a thread");
  pthread_detach(thread);
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
    for (uint32_t dma = 0; dma < ENGINES; dma++)
      for (int in = 0; in < 2; in++) create(dma_thread, &queues[dma][in]);
  }
  pthread_mutex_lock(&cores_mutex);
  while (cores_finished != DM_CORES) pthread_cond_wait(&cores_changed, &cores_mutex);
  pthread_mutex_unlock(&cores_mutex);
  atomic_store_explicit(&cluster_running, 0, memory_order_relaxed);
  for (uint32_t dma = 0; dma < ENGINES; dma++)
    if (open_tokens[dma]) fail("a DMA transfer was never waited for");
}

uint32_t dm_cycles(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (uint32_t)now.tv_sec * 1000000000u + (uint32_t)now.tv_nsec;
}

void dm_region_begin(uint32_t id) { (void)id; }

void dm_region_end(uint32_t id) { (void)id; }

void dm_putchar(char c) { putchar(c); }

_Noreturn void dm_exit(int code) {
  fflush(stdout);
  _Exit(code); /* the other threads are still running: no destructors under them */
}
