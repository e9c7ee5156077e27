/* N-EUREKA, the convolution engine, as cores see it: registers, two job contexts, the queue. Results are written when a
   job completes. */
#include "neureka.h"

#define EVENT_NUMBER 12
#define BASE 0x00201000u

static void start_next(Sim *s, u64 t) {
  if (s->nk_running || !s->nk_pending) return;
  Job j = neureka_job(s->nk_regs[s->nk_run]);
  s->nk_running = 1;
  set_acting(s, t, DMSIM_NEUREKA, 1);
  post_event(s, t + neureka_cycles(&j), EVENT_NEUREKA_DONE, 0);
}

void neureka_done(Sim *s, u64 t) {
  Job j = neureka_job(s->nk_regs[s->nk_run]);
  neureka_execute(s, s->core + s->nk_core[s->nk_run], &j);
  s->nk_running = 0;
  set_acting(s, t, DMSIM_NEUREKA, 0);
  s->nk_pending--;
  s->nk_run ^= 1;
  raise_event(s, ~0u, EVENT_NUMBER, t);
  start_next(s, t);
}

/* The next context for the core that asks: negative if none is free, or another core is filling one. */
static u32 acquire(Sim *s) {
  if (s->nk_pending == 2) return ~0u;
  if (s->nk_acquired) return ~1u;
  s->nk_acquired = 1;
  return s->nk_id++ & 0xff;
}

static u32 contexts_in_use(const Sim *s) {
  static const u32 bit[2] = {1, 0x100};
  u32 used = s->nk_pending + s->nk_acquired;
  return used == 0 ? 0 : used == 2 ? 0x101 : s->nk_pending ? bit[s->nk_run] : bit[s->nk_write];
}

int neureka_load(Sim *s, u32 offset, u32 *value) {
  if (offset == 4)
    *value = acquire(s);
  else if (offset == 0xc)
    *value = contexts_in_use(s);
  else if (offset >= 0x20 && offset < 0x80)
    *value = s->nk_regs[s->nk_write][(offset - 0x20) / 4];
  else
    return 0;
  return 1;
}

static int commit(Sim *s, Core *c, u64 t) {
  if (s->nk_pending == 2 || !s->nk_acquired) {
    fault(s, c, DMSIM_FAULT_NEUREKA, BASE,
          s->nk_pending == 2 ? "N-EUREKA: both contexts are in use"
                             : "N-EUREKA: a job is started without a context: read the acquire register first");
    return 0;
  }
  Job j = neureka_job(s->nk_regs[s->nk_write]);
  if (!neureka_check(s, c, &j)) return 0;
  s->nk_core[s->nk_write] = c->id;
  s->nk_pending++;
  s->nk_acquired = 0;
  s->nk_write ^= 1;
  start_next(s, t);
  return 1;
}

int neureka_store(Sim *s, Core *c, u32 offset, u32 value, u64 t) {
  if (offset >= 0x20 && offset < 0x80) {
    s->nk_regs[s->nk_write][(offset - 0x20) / 4] = value;
    return 1;
  }
  if (offset == 0 && value == 0) return commit(s, c, t);
  if (offset != 0x14 || s->nk_running) return 0;
  s->nk_pending = s->nk_acquired = s->nk_write = s->nk_run = 0; /* soft clear, of an idle engine */
  return 1;
}
