/* SPDX-License-Identifier: Apache-2.0 */
/* Siracusa: the fabric controller is the host core, the cluster's event unit gives barriers, MCHAN is the DMA. SoCs of its
   family may have an L3, and a DMA between that and L2. */
#include "deeploy/dma_jobs.h"
#include "event_unit.h"

#define CLUSTER_FETCH_ENABLE 0x10200008u
#define CLUSTER_BOOT_ADDRESS(core) (0x10200040u + 4u * (core))
#define CLUSTER_ICACHE_ENABLE 0x10201400u
#define SOC_EXIT 0x1a1040a0u
#define STDOUT(core, cluster) (0x1a10f000u + (core) * 8u + (cluster) * 128u)

#define MCHAN_COMMAND 0x00204400u
#define MCHAN_STATUS 0x00204404u
#define MCHAN_TO_L1 (1u << 17)
#define MCHAN_INCREMENT (1u << 18)
#define MCHAN_2D (1u << 19)
#define MCHAN_EVENT (1u << 20)
#define MCHAN_MAX_BYTES (DM_DMA_MCHAN_MAX_BYTES & ~7u) /* a multiple of the bus width */

#define L3_COMMAND 0x1a10d000u
#define L3_STATUS 0x1a10d004u
#define L3_TO_L2 (1u << 24)
#define L3_2D (1u << 25)
#define L3_EVENT (1u << 26)

#define ALL_CORES ((1u << DM_CORES) - 1u)
#define STACK_CANARY 0x5ac0ffeeu

extern char _start[], __dm_core_stacks[], __dm_core_stack_size[];
void dm_core_main(uint32_t core);

/* The mailbox in L2 between the host core and core 0 of the cluster. */
static volatile struct {
  void (*entry)(void);
  uint32_t posted, finished; /* runs asked for and runs completed */
} mailbox;
static uint32_t cluster_started;

static inline uint32_t hart_id(void) {
  uint32_t v;
  __asm__ volatile("csrr %0, mhartid" : "=r"(v));
  return v;
}

static inline void memory_fence(void) { __asm__ volatile("fence" ::: "memory"); }

/* A pause between two looks at the mailbox, without memory accesses. */
static inline void pause_cycles(void) {
  uint32_t n = 8;
  __asm__ volatile("1: addi %0, %0, -1\n bnez %0, 1b" : "+r"(n));
}

static void put_text(const char *s) {
  while (*s) dm_putchar(*s++);
}

uint32_t dm_core_id(void) { return hart_id() & 0x1fu; }

void dm_barrier(void) { event_load_word(EU_BARRIER_WAIT_CLEAR); }

static void check_stack(uint32_t core) {
  if (REG((uintptr_t)__dm_core_stacks + core * (uintptr_t)__dm_core_stack_size) == STACK_CANARY) return;
  put_text("stack overflow on cluster core ");
  if (core > 9) dm_putchar((char)('0' + core / 10));
  dm_putchar((char)('0' + core % 10));
  put_text(" (raise DM_CORE_STACK_BYTES)\n");
  dm_exit(121);
}

/* What every cluster core does for ever: core 0 looks into the mailbox while the others sleep at the barrier. */
void dm_core_main(uint32_t core) {
  uint32_t run = 0;
  REG((uintptr_t)__dm_core_stacks + core * (uintptr_t)__dm_core_stack_size) = STACK_CANARY;
  REG(EU_MASK) = EVENT_BARRIER;
  REG(EU_BARRIER_MASK) = ALL_CORES; /* by every core, the same value: whoever comes first to the barrier finds it set */
  REG(EU_BARRIER_TARGET) = ALL_CORES;
  for (;;) {
    if (core == 0) {
      while (mailbox.posted == run) pause_cycles();
      memory_fence();
    }
    dm_barrier();
    mailbox.entry();
    check_stack(core);
    dm_barrier();
    run++;
    if (core == 0) {
      memory_fence();
      mailbox.finished = run;
    }
  }
}

void dm_cluster_run(void (*entry)(void)) {
  mailbox.entry = entry;
  memory_fence();
  mailbox.posted++;
  if (!cluster_started) {
    cluster_started = 1;
    REG(CLUSTER_ICACHE_ENABLE) = 0xffffffffu;
    for (uint32_t i = 0; i < DM_CORES; i++) REG(CLUSTER_BOOT_ADDRESS(i)) = (uint32_t)(uintptr_t)_start;
    REG(CLUSTER_FETCH_ENABLE) = ALL_CORES;
  }
  while (mailbox.finished != mailbox.posted) pause_cycles();
  memory_fence();
}

/* ---- DMA: one MCHAN id is one token and counts all its commands ---- */

static inline void command_1d(uint32_t flags, uint32_t l1, uint32_t ext, uint32_t bytes) {
  REG(MCHAN_COMMAND) = bytes | flags;
  REG(MCHAN_COMMAND) = l1;
  REG(MCHAN_COMMAND) = ext;
}

static void copy_1d(uint32_t flags, uint32_t l1, uint32_t ext, uint32_t bytes) {
  while (bytes > MCHAN_MAX_BYTES) {
    command_1d(flags, l1, ext, MCHAN_MAX_BYTES);
    l1 += MCHAN_MAX_BYTES;
    ext += MCHAN_MAX_BYTES;
    bytes -= MCHAN_MAX_BYTES;
  }
  if (bytes) command_1d(flags, l1, ext, bytes);
}

/* `count` lines; MCHAN strides on the outer side only, so L1 has to be contiguous for one command to do several. */
static void copy_2d(uint32_t flags, uint32_t l1, uint32_t ext, uint32_t line, uint32_t count, int32_t l1_stride,
                    int32_t ext_stride) {
  uint64_t bytes = (uint64_t)line * count;
  if ((uint32_t)l1_stride == line && (uint32_t)ext_stride == line && bytes <= MCHAN_MAX_BYTES) {
    if (bytes) command_1d(flags, l1, ext, (uint32_t)bytes);
    return;
  }
  if ((uint32_t)l1_stride != line || ext_stride <= 0 || line > MCHAN_MAX_BYTES || line == 0) {
    for (; count; count--, l1 += (uint32_t)l1_stride, ext += (uint32_t)ext_stride) copy_1d(flags, l1, ext, line);
    return;
  }
  uint32_t most = bytes > MCHAN_MAX_BYTES ? MCHAN_MAX_BYTES / line : count;
  while (count) {
    uint32_t n = count < most ? count : most;
    REG(MCHAN_COMMAND) = (n * line) | flags | MCHAN_2D;
    REG(MCHAN_COMMAND) = l1;
    REG(MCHAN_COMMAND) = ext;
    REG(MCHAN_COMMAND) = line;
    REG(MCHAN_COMMAND) = (uint32_t)ext_stride;
    l1 += n * line;
    ext += n * (uint32_t)ext_stride;
    count -= n;
  }
}

static dm_token start(uint32_t flags, uint32_t l1, uint32_t ext, uint32_t line, uint32_t rank, const dm_dma_dim *dims) {
  dm_token token = REG(MCHAN_COMMAND);
  uint32_t in = flags & MCHAN_TO_L1;
  flags |= MCHAN_INCREMENT | MCHAN_EVENT;
  if (rank == 0) {
    copy_1d(flags, l1, ext, line);
    return token;
  }
  const dm_dma_dim *d = dims + (rank - 1);
  int32_t l1_stride = in ? d->dst_stride : d->src_stride, ext_stride = in ? d->src_stride : d->dst_stride;
  uint32_t index[DM_DMA_MAX_RANK] = {0, 0, 0, 0};
  for (uint32_t k = 0; k + 1 < rank; k++)
    if (dims[k].count == 0) return token;
  for (;;) {
    copy_2d(flags, l1, ext, line, d->count, l1_stride, ext_stride);
    uint32_t k = rank - 1; /* step the dimensions outside the innermost one */
    for (;;) {
      if (k == 0) return token;
      const dm_dma_dim *o = dims + --k;
      l1 += (uint32_t)(in ? o->dst_stride : o->src_stride);
      ext += (uint32_t)(in ? o->src_stride : o->dst_stride);
      if (++index[k] < o->count) break;
      index[k] = 0;
      l1 -= o->count * (uint32_t)(in ? o->dst_stride : o->src_stride);
      ext -= o->count * (uint32_t)(in ? o->src_stride : o->dst_stride);
    }
  }
}

#ifdef DM_DMA_L3_DMA
/* ---- the DMA between L3 and L2: one id is one token, too ---- */

static void l3_command(uint32_t flags, uint32_t l2, uint32_t l3, const dm_dma_job *j, uint32_t count, int32_t stride) {
  REG(L3_COMMAND) = (j->line * count) | flags | (count > 1 ? L3_2D : 0);
  REG(L3_COMMAND) = l2;
  REG(L3_COMMAND) = l3;
  if (count == 1) return;
  REG(L3_COMMAND) = j->line;
  REG(L3_COMMAND) = (uint32_t)stride;
}

/* A job whose lines follow each other in L2 is one command, any other one for each line. */
static void l3_job(void *context, const dm_dma_job *j) {
  uint32_t flags = *(const uint32_t *)context, to_l2 = flags & L3_TO_L2;
  uint32_t l2 = (uint32_t)(uintptr_t)(to_l2 ? j->to : j->from), l3 = (uint32_t)(uintptr_t)(to_l2 ? j->from : j->to);
  int32_t l2_stride = to_l2 ? j->to_stride : j->from_stride, l3_stride = to_l2 ? j->from_stride : j->to_stride;
  if (j->count == 1 || ((uint32_t)l2_stride == j->line && l3_stride > 0)) {
    l3_command(flags, l2, l3, j, j->count, l3_stride);
    return;
  }
  for (uint32_t i = 0; i < j->count; i++, l2 += (uint32_t)l2_stride, l3 += (uint32_t)l3_stride)
    l3_command(flags, l2, l3, j, 1, 0);
}

static dm_token l3_start(uint32_t flags, void *to, const void *from, uint32_t line, uint32_t rank,
                         const dm_dma_dim *dims) {
  static const dm_dma_limits limits = {DM_DMA_L3_DMA_CHANNELS, DM_DMA_L3_DMA_MAX_DIMS, DM_DMA_L3_DMA_MAX_BYTES};
  dm_token token = REG(L3_COMMAND);
  flags |= L3_EVENT;
  dm_dma_jobs(&limits, to, from, line, rank, dims, l3_job, &flags);
  return token;
}
#endif

dm_token dm_dma_start_in(uint32_t dma, void *to, const void *from, uint32_t line, uint32_t rank,
                         const dm_dma_dim *dims) {
#ifdef DM_DMA_L3_DMA
  if (dma == DM_DMA_L3_DMA) return l3_start(L3_TO_L2, to, from, line, rank, dims);
#endif
  (void)dma;
  return start(MCHAN_TO_L1, (uint32_t)(uintptr_t)to, (uint32_t)(uintptr_t)from, line, rank, dims);
}

dm_token dm_dma_start_out(uint32_t dma, void *to, const void *from, uint32_t line, uint32_t rank,
                          const dm_dma_dim *dims) {
  memory_fence();
#ifdef DM_DMA_L3_DMA
  if (dma == DM_DMA_L3_DMA) return l3_start(0, to, from, line, rank, dims);
#endif
  (void)dma;
  return start(0, (uint32_t)(uintptr_t)from, (uint32_t)(uintptr_t)to, line, rank, dims);
}

/* Until a bit of a status register is 0. An event of another transfer wakes too, an old one may be pending: look again. */
static void sleep_while(uint32_t status, dm_token token, uint32_t event) {
  if (!(REG(status) >> token & 1u)) return;
  REG(EU_MASK) = event;
  do event_load_word(EU_WAIT_CLEAR);
  while (REG(status) >> token & 1u);
  REG(EU_MASK) = EVENT_BARRIER;
}

void dm_dma_wait(uint32_t dma, dm_token token) {
  if (token == DM_NO_TOKEN) return;
  uint32_t status = MCHAN_STATUS, event = EVENT_DMA;
#ifdef DM_DMA_L3_DMA
  if (dma == DM_DMA_L3_DMA) status = L3_STATUS, event = EVENT_L3_DMA;
#endif
  (void)dma;
  sleep_while(status, token, event);
  REG(status) = 1u << token;
  memory_fence();
}

/* ---- measuring, output, end ---- */

uint32_t dm_cycles(void) {
  uint32_t v;
  __asm__ volatile("csrr %0, mcycle" : "=r"(v)::"memory");
  return v;
}

/* HINTs: instructions that do nothing on the cores and that the simulator counts by. */
void dm_region_begin(uint32_t id) { __asm__ volatile("slti x0, %0, 1" ::"r"(id) : "memory"); }

void dm_region_end(uint32_t id) { __asm__ volatile("slti x0, %0, 2" ::"r"(id) : "memory"); }

void dm_putchar(char c) {
  uint32_t h = hart_id();
  REG(STDOUT(h & 0xfu, h >> 5 & 0x3fu)) = (uint8_t)c;
}

_Noreturn void dm_exit(int code) {
  REG(SOC_EXIT) = 0x80000000u | (uint32_t)code;
  for (;;) pause_cycles();
}
