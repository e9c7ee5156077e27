/* A SoC from start to end: memories, scheduling of cores and events, reports. */
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

/* Fresh memory is garbage, different in each memory, so that what nobody has written shows. */
#define GARBAGE_L1 0x57
#define GARBAGE_L2 0xa7
#define GARBAGE_WMEM 0xc3
#define GARBAGE_L3 0x9b

/* cycles that the host core may run while the cluster waits for what cannot come */
#define MAX_STUCK 20000000u

static u8 *fresh_memory(u32 bytes, int garbage) {
  u8 *memory = malloc((size_t)bytes + PAD);
  if (memory) memset(memory, garbage, (size_t)bytes + PAD);
  return memory;
}

static int has_size(u32 bytes, u32 least, u32 most) { return bytes >= least && bytes <= most && bytes % 256 == 0; }

Sim *dmsim_new(const DmsimMachine *m) {
  u32 cores = m->cores;
  if (cores == 0 || cores > DMSIM_MAX_CORES) return NULL;
  if (!has_size(m->l1_bytes, 256, DMSIM_MAX_L1) || !has_size(m->l2_bytes, 256, DMSIM_MAX_L2) ||
      !has_size(m->wmem_bytes, 0, DMSIM_MAX_WMEM) || !has_size(m->l3_bytes, 0, DMSIM_MAX_L3))
    return NULL;
  Sim *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->l1 = fresh_memory(s->l1_size = m->l1_bytes, GARBAGE_L1);
  s->l2 = fresh_memory(s->l2_size = m->l2_bytes, GARBAGE_L2);
  s->wmem = fresh_memory(s->wmem_size = m->wmem_bytes, GARBAGE_WMEM);
  s->l3 = fresh_memory(s->l3_size = m->l3_bytes, GARBAGE_L3);
  s->slots = calloc(SLOTS, sizeof *s->slots); /* O_UNDECODED is 0 */
  if (!s->l1 || !s->l2 || !s->wmem || !s->l3 || !s->slots) {
    dmsim_free(s);
    return NULL;
  }
  for (u32 i = 0; i < 8; i++) memset(s->icache[i].tag, 0xff, sizeof s->icache[i].tag);
  s->cores = cores;
  s->flags = m->flags;
  s->random = 0xdeadbeef;
  s->stuck_since = NEVER;
  for (u32 i = 0; i <= cores; i++) {
    Core *c = s->core + i;
    c->id = i;
    c->is_host = i == cores;
    c->hart = c->is_host ? 0x3e0 : i;
    c->line = ~0u;
    c->boot = L2_BASE;
    memset(c->l0_tag, 0xff, sizeof c->l0_tag);
    for (u32 r = 1; r < 32; r++) c->x[r] = 0x57575757u;
    for (u32 r = 0; r < 32; r++) c->f[r] = 0x57575757u;
    c->ip = s->slots + SLOT_BAD;
  }
  return s;
}

void dmsim_free(Sim *s) {
  if (!s) return;
  for (u32 i = 0; i <= DMSIM_MAX_CORES; i++) free(s->regions[i]);
  free(s->output);
  free(s->slots);
  free(s->l3);
  free(s->wmem);
  free(s->l2);
  free(s->l1);
  free(s);
}

int dmsim_write(Sim *s, uint32_t address, const void *from, uint32_t n) {
  u8 *p = memory_at(s, address, n);
  if (!p) p = l3_at(s, address, n);
  if (!p) return -1;
  if (n) memcpy(p, from, n);
  if (n) invalidate_code(s, address, n);
  return 0;
}

int dmsim_read(Sim *s, uint32_t address, void *to, uint32_t n) {
  const u8 *p = memory_at(s, address, n);
  if (!p) p = l3_at(s, address, n);
  if (!p) return -1;
  if (n) memcpy(to, p, n);
  return 0;
}

void dmsim_start(Sim *s, uint32_t entry) {
  Core *host = s->core + s->cores;
  host->on = 1;
  host->ip = slot_at(s, entry);
}

/* Does some core wait for an event that can no longer come, since only the host core is left running? It may be polling
   for what the cluster will never do, or be at work on its own. */
static int cluster_is_stuck(const Sim *s) {
  int waits = 0;
  for (u32 i = 0; i < s->cores; i++) {
    const Core *c = s->core + i;
    if (c->on && !c->asleep) return 0;
    waits |= c->on && c->waiting;
  }
  return waits && next_event(s) == NEVER;
}

static int run_until(Sim *s, u64 until) {
  while (s->status == DMSIM_RUNNING) {
    Core *next = NULL;
    u64 event = next_event(s), limit = NEVER;
    for (u32 i = 0; i <= s->cores; i++) {
      Core *c = s->core + i;
      if (c->on && !c->asleep && (!next || c->t < next->t)) next = c;
    }
    if (event != NEVER && (!next || event <= next->t)) {
      s->now = event;
      run_event(s);
      continue;
    }
    if (!next) {
      s->status = DMSIM_DEADLOCK;
      break;
    }
    if (next->t > until) return DMSIM_RUNNING;
    for (u32 i = 0; i <= s->cores; i++) { /* of two cores at the same time the lower goes first */
      const Core *c = s->core + i;
      if (c == next || !c->on || c->asleep) continue;
      u64 l = next->id < i ? c->t : c->t - 1;
      if (l < limit) limit = l;
    }
    if (event != NEVER && event - 1 < limit) limit = event - 1;
    if (limit > until) limit = until;
    if (!next->is_host || !cluster_is_stuck(s)) {
      s->stuck_since = NEVER;
    } else {
      if (s->stuck_since == NEVER) s->stuck_since = next->t;
      if (next->t - s->stuck_since > MAX_STUCK) {
        s->status = DMSIM_DEADLOCK;
        break;
      }
      if (limit > s->stuck_since + MAX_STUCK) limit = s->stuck_since + MAX_STUCK;
    }
    run_core(s, next, limit);
  }
  return s->status;
}

/* The simulated FPU uses the host's: in the default mode, whatever the caller has set (libraries that were compiled for
   speed switch subnormals off for the whole thread), and without leaving exception flags behind. */
int dmsim_run(Sim *s, uint64_t until) {
  fenv_t callers;
  fegetenv(&callers);
  fesetenv(FE_DFL_ENV);
  int status = run_until(s, until);
  fesetenv(&callers);
  return status;
}

void dmsim_flush(Sim *s) {
  for (u32 i = 0; i <= s->cores; i++) flush_line(s, s->core + i);
}

int32_t dmsim_exit_code(const Sim *s) { return s->exit_code; }

const DmsimFault *dmsim_fault(const Sim *s) { return &s->fault; }

const char *dmsim_output(const Sim *s, uint64_t *n) {
  *n = s->output_length;
  return s->output;
}

void dmsim_report(const Sim *s, char *to, uint32_t n) {
  u32 used = 0;
  if (n) to[0] = 0;
  for (u32 i = 0; i <= s->cores && used + 1 < n; i++) {
    const Core *c = s->core + i;
    char state[128], name[16];
    if (!c->on)
      snprintf(state, sizeof state, "not started");
    else if (!c->asleep)
      snprintf(state, sizeof state, "running");
    else if (!c->waiting)
      snprintf(state, sizeof state, "stopped by wfi");
    else
      snprintf(state, sizeof state, "asleep at %s, events 0x%x, mask 0x%x",
               c->wait_kind == DMSIM_STALL_BARRIER ? "a barrier" : "an event wait", c->events, c->event_mask);
    if (c->is_host)
      snprintf(name, sizeof name, "host");
    else
      snprintf(name, sizeof name, "core %u", i);
    int k = snprintf(to + used, n - used, "%s: pc 0x%08x, cycle %llu, %s\n", name, c->on ? pc_of(s, c->ip) : 0,
                     (unsigned long long)c->t, state);
    if (k < 0) return;
    used += (u32)k;
  }
  if (used >= n) return;
  for (u32 i = 0; i < BARRIERS && used + 1 < n; i++) {
    if (!s->barrier[i].arrived) continue;
    int k = snprintf(to + used, n - used, "barrier %u: arrived 0x%x of 0x%x\n", i, s->barrier[i].arrived,
                     s->barrier[i].mask);
    if (k < 0) return;
    used += (u32)k;
  }
}
