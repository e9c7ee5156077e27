/* The DMA between L3 and L2, of machines with an L3: like MCHAN, with L3 as the far side, which alone has strides. The
   copy is made when the transfer completes, so that a missing wait shows. docs/simulator.md describes the registers. */
#include "internal.h"

#define BYTES(command) ((command) & 0xffffffu)
#define TO_L2(command) ((command) >> 24 & 1)
#define IS_2D(command) ((command) >> 25 & 1)
#define HAS_EVENT(command) ((command) >> 26 & 1)
#define EVENT_NUMBER 13
#define COMMAND 0x1a10d000u
#define STATUS 0x1a10d004u

int l3dma_load(Sim *s, Core *c, u32 offset, u32 *value) {
  if (offset == 4) {
    *value = dma_busy_ids(&s->l3dma, L3DMA_IDS) | s->l3dma.allocated << 16;
    return 1;
  }
  return offset == 0 ? dma_allocate(s, c, &s->l3dma, L3DMA_IDS, COMMAND, "L3 DMA", value) : 0;
}

static u32 line_of(const DmaJob *j) { return IS_2D(j->command) && j->length ? j->length : BYTES(j->command); }

static int check_job(Sim *s, Core *c, const DmaJob *j) {
  u32 n = BYTES(j->command), line = line_of(j);
  if (n == 0) {
    fault(s, c, DMSIM_FAULT_DMA, j->l1, "L3 DMA transfer of 0 bytes");
    return 0;
  }
  if (j->command >> 27) {
    fault(s, c, DMSIM_FAULT_DMA, COMMAND, "L3 DMA command 0x%08x: bits 27 and up are 0", j->command);
    return 0;
  }
  if (!within(j->l1 - L2_BASE, n, s->l2_size)) {
    fault(s, c, DMSIM_FAULT_DMA, j->l1, "L3 DMA: %u bytes at 0x%08x are not all in L2", n, j->l1);
    return 0;
  }
  for (u32 done = 0, ext = j->ext; done < n; done += line, ext += j->stride) {
    u32 m = n - done < line ? n - done : line;
    if (l3_at(s, ext, m)) continue;
    fault(s, c, DMSIM_FAULT_DMA, ext, "L3 DMA: %u bytes at 0x%08x are not all in L3", m, ext);
    return 0;
  }
  return 1;
}

static void issue(Sim *s, Core *c, u32 slot, u64 t) {
  DmaJob *j = s->l3dma.jobs + slot;
  DmaPort *port = s->l3dma.port + c->id;
  *j = (DmaJob){port->words[0], port->words[1], port->words[2], port->words[3], port->words[4], port->id, c->id};
  if (!check_job(s, c, j)) return;
  s->l3dma.used |= 1u << slot;
  s->l3dma.left[j->id]++;
  set_acting(s, t, DMSIM_L3DMA, 1);
  if (s->l3dma_free < t) s->l3dma_free = t;
  s->l3dma_free += T_L3DMA_START + BYTES(j->command); /* one job after the other */
  post_event(s, s->l3dma_free, EVENT_L3DMA_DONE, slot);
}

int l3dma_store(Sim *s, Core *c, u32 offset, u32 value, u64 *t) {
  if (offset == 4) return dma_free_ids(s, c, &s->l3dma, L3DMA_IDS, STATUS, "L3 DMA", value);
  if (offset != 0) return 0;
  DmaPort *port = s->l3dma.port + c->id;
  if (!port->has_id) {
    fault(s, c, DMSIM_FAULT_DMA, COMMAND, "L3 DMA command without an id: read the command register first");
    return 0;
  }
  if (port->n == 0 && s->l3dma.used == (1u << L3DMA_JOBS) - 1) { /* the queue is full: the core waits */
    u64 next = next_event(s);
    *t = next > *t ? next : *t + 1;
    return -1;
  }
  port->words[port->n++] = value;
  u32 needed = IS_2D(port->words[0]) ? 5 : 3;
  if (port->n < needed) return 1;
  port->n = 0;
  if (needed == 3) port->words[3] = port->words[4] = 0;
  issue(s, c, (u32)__builtin_ctz(~s->l3dma.used), *t);
  return s->status == DMSIM_RUNNING;
}

void l3dma_done(Sim *s, u32 slot, u64 t) {
  DmaJob *j = s->l3dma.jobs + slot;
  u32 n = BYTES(j->command), line = line_of(j), in = TO_L2(j->command);
  for (u32 done = 0, ext = j->ext; done < n; done += line, ext += j->stride) {
    u32 m = n - done < line ? n - done : line;
    u8 *near = memory_at(s, j->l1 + done, m), *far = l3_at(s, ext, m);
    memcpy(in ? near : far, in ? far : near, m);
    if (in) invalidate_code(s, j->l1 + done, m);
  }
  s->l3dma.used &= ~(1u << slot);
  s->l3dma.left[j->id]--;
  set_acting(s, t, DMSIM_L3DMA, s->l3dma.used != 0);
  s->l3dma_bytes[in] += n;
  if (HAS_EVENT(j->command)) raise_event(s, 1u << j->core, EVENT_NUMBER, t);
}
