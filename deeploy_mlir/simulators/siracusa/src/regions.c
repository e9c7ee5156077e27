/* Counters of cores, and of the regions of a program that its marker instructions delimit. */
#include <stdlib.h>

#include "internal.h"

/* From t on the actor is at work, or is not. Changes come in the order of time but for a few cycles. */
void set_acting(Sim *s, u64 t, u32 actor, u32 is_acting) {
  if (t > s->acting_since) {
    s->acting_cycles[s->acting] += t - s->acting_since;
    s->acting_since = t;
  }
  s->acting = is_acting ? s->acting | actor : s->acting & ~actor;
}

void wake_core(Sim *s, Core *c, u64 t) {
  c->asleep = 0;
  if (!c->is_host && s->awake++ == 0) set_acting(s, t, DMSIM_CORES, 1);
}

void put_to_sleep(Sim *s, Core *c, u64 t) {
  c->asleep = 1;
  if (!c->is_host && --s->awake == 0) set_acting(s, t, DMSIM_CORES, 0);
}

void snapshot(const Sim *s, const Core *c, u64 t, u64 counters[DMSIM_COUNTERS]) {
  memcpy(counters, c->counters, sizeof c->counters);
  counters[DMSIM_CYCLES] = t - c->started;
  counters[DMSIM_DMA_IN] = s->dma_bytes[1];
  counters[DMSIM_DMA_OUT] = s->dma_bytes[0];
  counters[DMSIM_DMA_BUSY] = s->dma_busy_cycles;
  counters[DMSIM_L3DMA_IN] = s->l3dma_bytes[1];
  counters[DMSIM_L3DMA_OUT] = s->l3dma_bytes[0];
  memcpy(counters + DMSIM_ACTING, s->acting_cycles, sizeof s->acting_cycles);
  if (t > s->acting_since) counters[DMSIM_ACTING + s->acting] += t - s->acting_since;
}

/* which: 1 begin, 2 end (the immediate of the marker) */
void region_mark(Sim *s, Core *c, u32 which, u32 id, u64 t) {
  if (id >= DMSIM_MAX_REGIONS) {
    fault(s, c, DMSIM_FAULT_REGION, id, "region %u: ids go to %u", id, DMSIM_MAX_REGIONS - 1);
    return;
  }
  if (!s->regions[c->id]) {
    s->regions[c->id] = calloc(DMSIM_MAX_REGIONS, sizeof(Region));
    if (!s->regions[c->id]) {
      fault(s, c, DMSIM_FAULT_REGION, id, "out of memory for region counters");
      return;
    }
  }
  Region *r = s->regions[c->id] + id;
  if (which == 1) {
    if (r->depth++ == 0) snapshot(s, c, t, r->begin);
  } else if (r->depth == 0) {
    fault(s, c, DMSIM_FAULT_REGION, id, "region %u ends on a core where it did not begin", id);
  } else if (--r->depth == 0) {
    u64 end[DMSIM_COUNTERS];
    snapshot(s, c, t, end);
    for (u32 i = 0; i < DMSIM_COUNTERS; i++) r->total[i] += end[i] - r->begin[i];
    r->runs++;
  }
}

void dmsim_core(const Sim *s, uint32_t core, uint64_t counters[DMSIM_COUNTERS]) {
  memset(counters, 0, DMSIM_COUNTERS * sizeof *counters);
  if (core <= s->cores)
    snapshot(s, s->core + core, s->core[core].on ? s->core[core].t : s->core[core].started, counters);
}

uint64_t dmsim_region(const Sim *s, uint32_t core, uint32_t region, uint64_t counters[DMSIM_COUNTERS]) {
  memset(counters, 0, DMSIM_COUNTERS * sizeof *counters);
  if (core > s->cores || region >= DMSIM_MAX_REGIONS || !s->regions[core]) return 0;
  const Region *r = s->regions[core] + region;
  memcpy(counters, r->total, sizeof r->total);
  if (!r->depth) return r->runs;
  u64 now[DMSIM_COUNTERS];
  snapshot(s, s->core + core, s->core[core].t, now);
  for (u32 i = 0; i < DMSIM_COUNTERS; i++) counters[i] += now[i] - r->begin[i];
  return r->runs + 1;
}

uint32_t dmsim_next_region(const Sim *s, uint32_t from) {
  for (u32 id = from; id < DMSIM_MAX_REGIONS; id++)
    for (u32 i = 0; i <= s->cores; i++)
      if (s->regions[i] && (s->regions[i][id].runs || s->regions[i][id].depth)) return id;
  return DMSIM_MAX_REGIONS;
}
