/* SPDX-License-Identifier: Apache-2.0 */
/* What generated code needs of a platform: one host core, a cluster of DM_CORES cores on a local memory, and DMA engines
   between memories. platforms/<name>/ implements it; that folder goes on the include path for dm_port.h.

   dm_config.h   what the network was compiled for: DM_CORES, the cores of the cluster; DM_CORE_STACK_BYTES, the stack of
                 each, where the target's description reserves one; DM_DMAS, the DMA engines, and for each its number
                 (DM_DMA_MCHAN ...) and limits (DM_DMA_MCHAN_CHANNELS, _MAX_DIMS, _MAX_BYTES)
   dm_port.h     for each memory of the target's description (DM_L2, DM_RAM ...) the attribute of a static object in it:
                 initialisers and const allowed, otherwise zero at start; and with _NOINIT the same, but uninitialised at
                 start and without initialiser (arenas, inputs, outputs)                                              */
#ifndef DEEPLOY_PLATFORM_H
#define DEEPLOY_PLATFORM_H

#include <stdint.h>

#include "dm_config.h"
#include "dm_port.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DM_ALIGN(n) __attribute__((aligned(n)))

/* Of every kernel. gcc 12 may clone a kernel for its constant pointers, take the clone's stores for none at all, and drop
   the call (-fipa-cp with -fipa-modref, or -fipa-pure-const); so it is not to look across the call. For several cores gcc
   needs -fno-predictive-commoning too: else, at -O3, it reads elements beside those that a loop writes and writes them
   back, which undoes what another core wrote there. */
#if defined(__GNUC__) && !defined(__clang__)
#define DM_KERNEL __attribute__((noipa))
#else
#define DM_KERNEL
#endif

/* Of every step of a network: inlined into one function their frames would add up to more than a core's stack. */
#define DM_STEP __attribute__((noinline))

/* ---- cores ---- */

/* Index of the calling core within the cluster, 0 .. DM_CORES - 1. */
uint32_t dm_core_id(void);

/* Called by the host core: runs `entry` once on every cluster core and returns when all have returned. */
void dm_cluster_run(void (*entry)(void));

/* Called by all cluster cores: none returns before all have called. What a core wrote before it, all see after it. */
void dm_barrier(void);

/* ---- DMA: to be called by core 0 of the cluster only. `dma` is the number of an engine; the engines work side by side,
   and so do the two directions of one. ---- */

typedef uint32_t dm_token; /* a transfer of one engine: another engine's may have the same number */

/* One outer dimension of a transfer: repetitions, and the step in bytes from one to the next on either side. */
typedef struct {
  uint32_t count;
  int32_t dst_stride, src_stride;
} dm_dma_dim;

#define DM_DMA_MAX_RANK 4u
#define DM_NO_TOKEN 0xffffffffu /* never returned by a start: "nothing was started" */

/* Starts a strided copy: `line` contiguous bytes, repeated over `rank` (<= DM_DMA_MAX_RANK) outer dimensions, outermost
   first. `in` is from the memory that the engine's description names after `from` to that after `to`, `out` back. Of an
   engine at most _CHANNELS transfers are started and not yet waited for; a platform cuts a transfer into jobs of at most
   _MAX_DIMS dimensions and _MAX_BYTES bytes (deeploy/dma_jobs.h does). `dims` is read before the call returns. Until
   dm_dma_wait on the returned token neither the source may be written nor the destination read or written. Transfers
   that were started and not waited for may run in any order. */
dm_token dm_dma_start_in(uint32_t dma, void *to, const void *from, uint32_t line, uint32_t rank, const dm_dma_dim *dims);
dm_token dm_dma_start_out(uint32_t dma, void *to, const void *from, uint32_t line, uint32_t rank,
                          const dm_dma_dim *dims);

/* Returns when the transfer is complete and frees its token: exactly once for every token, but as often as one likes,
   and from any core, for DM_NO_TOKEN, which returns at once. */
void dm_dma_wait(uint32_t dma, dm_token token);

/* ---- jobs of asynchronous engines: to be called by core 0 of the cluster only ----

   A platform of a target with an engine NAME has a header that declares the functions that start its jobs, each of which
   returns at once, and `void dm_NAME_wait(dm_job job)`, which returns when that job is complete: exactly once for every
   job, but as often as one likes, and from any core, for DM_NO_JOB, which returns at once. Between the two neither what
   the job reads may be written, nor what it writes read or written. */

typedef uint32_t dm_job;

#define DM_NO_JOB 0xffffffffu /* never returned by a start: "nothing was started" */

/* ---- measuring, output, end: any core ---- */

/* A free-running counter of the calling core; wraps. Cycles on a target, nanoseconds on a host. */
uint32_t dm_cycles(void);

/* Marks that the calling core enters or leaves region `id` (< 1024): counted by the simulator, costs one instruction on
   a target without counters. Regions may nest or overlap. */
void dm_region_begin(uint32_t id);
void dm_region_end(uint32_t id);

void dm_putchar(char c);

#ifdef __cplusplus
[[noreturn]]
#else
_Noreturn
#endif
void dm_exit(int code);

#ifdef __cplusplus
}
#endif

#endif
