/* MCHAN, the cluster's DMA. The copy is made when the transfer completes, so that a missing wait shows. */
#include "internal.h"

#define TO_L1(command) ((command) >> 17 & 1)
#define IS_2D(command) ((command) >> 19 & 1)
#define BYTES(command) ((command) & 0x1ffffu)
#define EVENT_NUMBER 8

u32 dma_busy_ids(const Dma *dma, u32 ids) {
  u32 busy = 0;
  for (u32 i = 0; i < ids; i++) busy |= (u32)(dma->left[i] != 0) << i;
  return busy;
}

/* An id for the commands that the core writes next. */
int dma_allocate(Sim *s, Core *c, Dma *dma, u32 ids, u32 address, const char *name, u32 *value) {
  u32 free = ~dma->allocated & ((1u << ids) - 1);
  if (!free) { /* hardware would block until another core frees one; with one core that uses the DMA, for ever */
    fault(s, c, DMSIM_FAULT_DMA, address, "all %u %s ids are in use: a transfer was never waited for", ids, name);
    return 0;
  }
  u32 id = (u32)__builtin_ctz(free);
  dma->allocated |= 1u << id;
  dma->port[c->id] = (DmaPort){.id = id, .has_id = 1};
  *value = id;
  return 1;
}

/* Takes back ids whose transfers are complete. */
int dma_free_ids(Sim *s, Core *c, Dma *dma, u32 ids, u32 address, const char *name, u32 value) {
  u32 early = value & dma_busy_ids(dma, ids);
  if (early) {
    fault(s, c, DMSIM_FAULT_DMA, address, "%s id %u freed while its transfer is under way", name,
          (u32)__builtin_ctz(early));
    return 0;
  }
  dma->allocated &= ~value;
  for (u32 i = 0; i <= s->cores; i++)
    if (value >> dma->port[i].id & 1) dma->port[i].has_id = 0;
  return 1;
}

int mchan_load(Sim *s, Core *c, u32 offset, u32 *value) {
  if (offset == 4) {
    *value = dma_busy_ids(&s->mchan, DMA_IDS) | s->mchan.allocated << 16;
    return 1;
  }
  return offset == 0 ? dma_allocate(s, c, &s->mchan, DMA_IDS, 0x00204400u, "DMA", value) : 0;
}

static u32 line_of(const DmaJob *j) { return IS_2D(j->command) && j->length ? j->length : BYTES(j->command); }

static int check_job(Sim *s, Core *c, const DmaJob *j) {
  u32 n = BYTES(j->command), line = line_of(j);
  if (n == 0) {
    fault(s, c, DMSIM_FAULT_DMA, j->l1, "DMA transfer of 0 bytes");
    return 0;
  }
  if (!within(j->l1 - L1_BASE, n, s->l1_size)) {
    fault(s, c, DMSIM_FAULT_DMA, j->l1, "DMA: %u bytes at 0x%08x are not all in L1", n, j->l1);
    return 0;
  }
  for (u32 done = 0, ext = j->ext; done < n; done += line, ext += j->stride) {
    u32 m = n - done < line ? n - done : line;
    if (memory_at(s, ext, m) && ext - L1_BASE >= s->l1_size) continue;
    fault(s, c, DMSIM_FAULT_DMA, ext, "DMA: %u bytes at 0x%08x are not all in L2 or weight memory", m, ext);
    return 0;
  }
  return 1;
}

/* 8 bytes per cycle, at least one cycle per line, one more per line or 256-byte burst on the way out */
static u32 transfer_cycles(const DmaJob *j) {
  u32 cycles = 0, line = line_of(j), out = !TO_L1(j->command);
  for (u32 rest = BYTES(j->command); rest;) {
    u32 m = rest < line ? rest : line;
    rest -= m;
    for (; m; m -= m < 256 ? m : 256)
      cycles += ((m < 256 ? m : 256) + DMA_BYTES_PER_CYCLE - 1) / DMA_BYTES_PER_CYCLE + out;
  }
  return cycles;
}

static void issue(Sim *s, Core *c, u32 slot, u64 t) {
  DmaJob *j = s->mchan.jobs + slot;
  DmaPort *port = s->mchan.port + c->id;
  *j = (DmaJob){port->words[0], port->words[1], port->words[2], port->words[3], port->words[4], port->id, c->id};
  if (!check_job(s, c, j)) return;
  s->mchan.used |= 1u << slot;
  s->mchan.left[j->id]++;
  set_acting(s, t, DMSIM_MCHAN, 1);
  u32 in = TO_L1(j->command);
  u64 start = t + T_DMA_START; /* in and out run side by side */
  if (s->dma_free[in] > start) start = s->dma_free[in];
  u64 end = start + transfer_cycles(j);
  s->dma_free[in] = end;
  if (end > s->dma_busy_until) {
    s->dma_busy_cycles += end - (start > s->dma_busy_until ? start : s->dma_busy_until);
    s->dma_busy_until = end;
  }
  post_event(s, end, EVENT_DMA_DONE, slot);
}

int mchan_store(Sim *s, Core *c, u32 offset, u32 value, u64 *t) {
  if (offset == 4) return dma_free_ids(s, c, &s->mchan, DMA_IDS, 0x00204404u, "DMA", value);
  if (offset != 0) return 0;
  DmaPort *port = s->mchan.port + c->id;
  if (!port->has_id) {
    fault(s, c, DMSIM_FAULT_DMA, 0x00204400u, "DMA command without an id: read the command register first");
    return 0;
  }
  if (port->n == 0 && s->mchan.used == ~0u) { /* the queue is full: the core waits */
    u64 next = next_event(s);
    *t = next > *t ? next : *t + 1;
    return -1;
  }
  port->words[port->n++] = value;
  u32 needed = IS_2D(port->words[0]) ? 5 : 3;
  if (port->n < needed) return 1;
  port->n = 0;
  if (needed == 3) port->words[3] = port->words[4] = 0;
  u32 slot = (u32)__builtin_ctz(~s->mchan.used);
  issue(s, c, slot, *t);
  return s->status == DMSIM_RUNNING;
}

void mchan_done(Sim *s, u32 slot, u64 t) {
  DmaJob *j = s->mchan.jobs + slot;
  u32 n = BYTES(j->command), line = line_of(j), in = TO_L1(j->command);
  for (u32 done = 0, ext = j->ext; done < n; done += line, ext += j->stride) {
    u32 m = n - done < line ? n - done : line;
    u8 *local = memory_at(s, j->l1 + done, m), *outer = memory_at(s, ext, m);
    memcpy(in ? local : outer, in ? outer : local, m);
    invalidate_code(s, in ? j->l1 + done : ext, m);
  }
  s->mchan.used &= ~(1u << slot);
  s->mchan.left[j->id]--;
  set_acting(s, t, DMSIM_MCHAN, s->mchan.used != 0);
  s->dma_bytes[in] += n;
  if (j->command >> 20 & 1) raise_event(s, j->command >> 22 & 1 ? ~0u : 1u << j->core, EVENT_NUMBER, t);
}
