/* The event queue of the devices, and the event unit: events, sleeping cores, hardware barriers. */
#include "internal.h"

#define EVENT_DMA 8
#define EVENT_BARRIER 16

u64 next_event(const Sim *s) { return s->event_count ? s->events[0].t : NEVER; }

/* Sorted by time, then by order of posting. The queue cannot overflow: DMA_JOBS and L3DMA_JOBS transfers and
   one N-EUREKA job. */
void post_event(Sim *s, u64 t, u32 kind, u32 argument) {
  u32 i = s->event_count;
  if (i == MAX_EVENTS) {
    fault(s, s->core + s->cores, DMSIM_FAULT_DEVICE, 0, "simulator: event queue full");
    return;
  }
  s->event_count++;
  for (; i && s->events[i - 1].t > t; i--) s->events[i] = s->events[i - 1];
  s->events[i] = (Event){t, kind, argument};
}

void run_event(Sim *s) {
  Event e = s->events[0];
  memmove(s->events, s->events + 1, --s->event_count * sizeof e);
  if (e.kind == EVENT_DMA_DONE)
    mchan_done(s, e.argument, e.t);
  else if (e.kind == EVENT_L3DMA_DONE)
    l3dma_done(s, e.argument, e.t);
  else
    neureka_done(s, e.t);
}

static void wake(Sim *s, Core *c, u64 t) {
  u32 pending = c->events & c->event_mask;
  if (!c->waiting || !pending) return;
  c->waiting = 0;
  wake_core(s, c, t);
  c->x[c->wait_rd] = pending;
  if (c->wait_clear) c->events &= ~pending;
  if (c->t < t + T_WAKE) c->t = t + T_WAKE;
  c->counters[c->wait_kind] += c->t - c->sleep_since - 1;
}

void raise_event(Sim *s, u32 cores, u32 number, u64 t) {
  for (u32 i = 0; i < s->cores; i++)
    if (cores >> i & 1) {
      s->core[i].events |= 1u << number;
      wake(s, s->core + i, t);
    }
}

static void arrive(Sim *s, u32 n, u32 who, u64 t) {
  s->barrier[n].arrived |= who;
  if (!s->barrier[n].mask || (s->barrier[n].arrived & s->barrier[n].mask) != s->barrier[n].mask) return;
  s->barrier[n].arrived = 0;
  raise_event(s, s->barrier[n].target, EVENT_BARRIER, t);
}

int event_load_word(Sim *s, Core *c, u32 address, u32 rd, u64 *t) {
  u32 base = address >= 0x10200000u ? address - 0x10000000u : address, o = base - 0x00204000u;
  u32 barrier = o >= 0x200 && o < 0x200 + BARRIERS * 32, kind = o & 31;
  if (c->is_host || !(o == 0x38 || o == 0x3c || (barrier && (kind == 0x18 || kind == 0x1c)))) {
    fault(s, c, DMSIM_FAULT_DEVICE, address, "p.elw from 0x%08x: no event register of this core there", address);
    return -1;
  }
  u64 begin = *t;
  *t += T_ELW;
  c->t = *t;
  c->wait_clear = barrier ? kind == 0x1c : o == 0x3c;
  c->wait_kind = barrier ? DMSIM_STALL_BARRIER : DMSIM_STALL_EVENT;
  if (barrier) arrive(s, (o - 0x200) >> 5, 1u << c->id, begin);
  u32 pending = c->events & c->event_mask; /* also an event from before, even at a barrier */
  if (pending) {
    c->x[rd] = pending;
    if (c->wait_clear) c->events &= ~pending;
    c->counters[c->wait_kind] += T_ELW;
    return 1;
  }
  c->wait_rd = (u8)rd;
  c->sleep_since = begin;
  c->waiting = 1;
  put_to_sleep(s, c, begin);
  return 0;
}

int event_unit_load(Sim *s, Core *c, u32 o, u32 *value) {
  if (o == 0)
    *value = c->event_mask;
  else if (o == 0x1c)
    *value = c->events;
  else if (o == 0x20)
    *value = c->events & c->event_mask;
  else if (o >= 0x200 && o < 0x200 + BARRIERS * 32) {
    u32 n = (o - 0x200) >> 5;
    switch (o & 31) {
    case 0: *value = s->barrier[n].mask; break;
    case 4: *value = s->barrier[n].arrived; break;
    case 12: *value = s->barrier[n].target; break;
    default: return 0;
    }
  } else {
    return 0;
  }
  return 1;
}

int event_unit_store(Sim *s, Core *c, u32 o, u32 value, u64 t) {
  if (o == 0)
    c->event_mask = value;
  else if (o == 4)
    c->event_mask &= ~value;
  else if (o == 8)
    c->event_mask |= value;
  else if (o == 0x28)
    c->events &= ~value;
  else if (o >= 0x200 && o < 0x200 + BARRIERS * 32) {
    u32 n = (o - 0x200) >> 5;
    switch (o & 31) {
    case 0: s->barrier[n].mask = value; break;
    case 12: s->barrier[n].target = value; break;
    case 16: arrive(s, n, value, t); break;
    default: return 0;
    }
  } else {
    return 0;
  }
  return 1;
}
