/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster on host threads: one thread a core, one for each direction of the DMA, so that a missing barrier or a
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

#include "deeploy/platform.h"

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "deeploy runtime: %s\n", what);
  abort();
}

/* ---- DMA ---- */

typedef struct {
  unsigned char *to;
  const unsigned char *from;
  uint32_t line;
  dm_dma_dim dims[DM_DMA_MAX_RANK];
  dm_token token;
} job;

typedef struct {
  job jobs[DM_DMA_MAX_TOKENS]; /* a ring: a token is in use for each, so it cannot overflow */
  atomic_uint started;         /* by core 0 */
} queue;

static queue queues[2];                         /* out, in: they run side by side as on the SoC */
static atomic_uint complete[DM_DMA_MAX_TOKENS]; /* set by the DMA, cleared by core 0 */
static uint32_t open_tokens;                    /* core 0's */
static atomic_uint cluster_running;             /* the DMA threads spin while it is set */
static pthread_mutex_t idle_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;

static void copy(const job *j) {
  const dm_dma_dim *d = j->dims;
  for (uint32_t a = 0; a < d[0].count; a++)
    for (uint32_t b = 0; b < d[1].count; b++)
      for (uint32_t c = 0; c < d[2].count; c++)
        for (uint32_t e = 0; e < d[3].count; e++) {
#define AT(field) \
  ((ptrdiff_t)a * d[0].field + (ptrdiff_t)b * d[1].field + (ptrdiff_t)c * d[2].field + (ptrdiff_t)e * d[3].field)
          if (j->line) memcpy(j->to + AT(dst_stride), j->from + AT(src_stride), j->line);
#undef AT
        }
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
    job *j = &q->jobs[taken++ % DM_DMA_MAX_TOKENS];
    dm_token token = j->token;
    sched_yield(); /* let the cores run ahead */
    copy(j);
    atomic_store_explicit(&complete[token], 1, memory_order_release);
  }
  return NULL;
}

static dm_token start(int in, void *to, const void *from, uint32_t line, uint32_t rank, const dm_dma_dim *dims) {
  if (dm_core_id() != 0) fail("DMA used by another core than core 0");
  if (rank > DM_DMA_MAX_RANK) fail("DMA rank");
  dm_token token = 0;
  while (token < DM_DMA_MAX_TOKENS && (open_tokens >> token & 1u)) token++;
  if (token == DM_DMA_MAX_TOKENS) fail("more DMA transfers open than there are tokens");
  open_tokens |= 1u << token;
  queue *q = &queues[in];
  uint32_t n = atomic_load_explicit(&q->started, memory_order_relaxed);
  job *j = &q->jobs[n % DM_DMA_MAX_TOKENS];
  j->to = to;
  j->from = from;
  j->line = line;
  j->token = token;
  for (uint32_t k = 0; k < DM_DMA_MAX_RANK; k++) {
    dm_dma_dim one = {1, 0, 0};
    j->dims[k] = k + rank < DM_DMA_MAX_RANK ? one : dims[k + rank - DM_DMA_MAX_RANK];
  }
  atomic_store_explicit(&complete[token], 0, memory_order_relaxed);
  atomic_store_explicit(&q->started, n + 1, memory_order_release);
  return token;
}

dm_token dm_dma_start_in(void *l1, const void *ext, uint32_t line, uint32_t rank, const dm_dma_dim *dims) {
  return start(1, l1, ext, line, rank, dims);
}

dm_token dm_dma_start_out(void *ext, const void *l1, uint32_t line, uint32_t rank, const dm_dma_dim *dims) {
  return start(0, ext, l1, line, rank, dims);
}

void dm_dma_wait(dm_token token) {
  if (token == DM_NO_TOKEN) return;
  if (token >= DM_DMA_MAX_TOKENS || !(open_tokens >> token & 1u)) fail("wait for a DMA transfer that is not open");
  while (!atomic_load_explicit(&complete[token], memory_order_acquire)) sched_yield();
  open_tokens &= ~(1u << token);
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
    create(dma_thread, &queues[0]);
    create(dma_thread, &queues[1]);
  }
  pthread_mutex_lock(&cores_mutex);
  while (cores_finished != DM_CORES) pthread_cond_wait(&cores_changed, &cores_mutex);
  pthread_mutex_unlock(&cores_mutex);
  atomic_store_explicit(&cluster_running, 0, memory_order_relaxed);
  if (open_tokens) fail("a DMA transfer was never waited for");
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
