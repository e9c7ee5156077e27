/* Where loads and stores outside the memories go: registers of devices, standard output, exit. */
#include <stdlib.h>

#include "internal.h"

#define L3DMA_BASE 0x1a10d000u
#define OUTPUT_LIMIT (8u << 20)

void flush_line(Sim *s, Core *c) {
  if (!c->line_length) return;
  if (s->output_length + c->line_length > s->output_capacity) {
    u64 capacity = s->output_capacity ? 2 * s->output_capacity : 4096;
    char *bigger = capacity <= OUTPUT_LIMIT ? realloc(s->output, capacity) : NULL;
    if (!bigger) {
      fault(s, c, DMSIM_FAULT_OUTPUT, 0x1a10f000u, "the program printed more than %u MiB", OUTPUT_LIMIT >> 20);
      return;
    }
    s->output = bigger;
    s->output_capacity = capacity;
  }
  memcpy(s->output + s->output_length, c->line_buffer, c->line_length);
  s->output_length += c->line_length;
  c->line_length = 0;
}

static void put_character(Sim *s, Core *c, u32 value) {
  c->line_buffer[c->line_length++] = (char)value;
  if ((char)value == '\n' || c->line_length == sizeof c->line_buffer) flush_line(s, c);
}

/* a device's address without the offset by which the cluster is seen from outside */
static u32 local(u32 a) { return a >= 0x10200000u && a < 0x10400000u ? a - 0x10000000u : a; }

static int is_stdout(u32 a) { return a - 0x1a10f000u < 0x2000u; }

static int is_l3dma(const Sim *s, u32 a) { return s->l3_size && a - L3DMA_BASE < 0x1000u; }

static int is_device(const Sim *s, u32 a) {
  u32 b = local(a);
  return b - 0x200000u < 0x200000u || is_stdout(a) || a - 0x1a104000u < 0x1000u || is_l3dma(s, a);
}

static int refuse(Sim *s, Core *c, u32 a, u32 size, const char *verb) {
  if (s->status != DMSIM_RUNNING) return 0; /* the device has said why */
  if (!is_device(s, a))
    fault(s, c, DMSIM_FAULT_UNMAPPED, a, "%s of %u bytes at unmapped address 0x%08x%s", verb, size, a,
          a < 0x1000                    ? " (null pointer?)"
          : a - L3_BASE < s->l3_size ? ": L3 is reached by its DMA alone"
                                      : "");
  else if (!is_stdout(a) && (size != 4 || (a & 3)))
    fault(s, c, DMSIM_FAULT_MISALIGNED, a, "%s of %u bytes at device register 0x%08x: only aligned words", verb, size,
          a);
  else
    fault(s, c, DMSIM_FAULT_DEVICE, a, "%s at 0x%08x: no such device register, or not modelled", verb, a);
  return 0;
}

int device_load(Sim *s, Core *c, u32 a, u32 size, u64 *t, u32 *value) {
  u32 b = local(a), stall = c->is_host ? T_FC_DEVICE : T_PE_DEVICE;
  if (size != 4 || (a & 3)) return refuse(s, c, a, size, "load");
  u32 engine = b - 0x201000u < 0x400u && !(s->flags & DMSIM_NO_NEUREKA);
  int done = 0;
  if (engine && !c->is_host) stall += T_PE_NEUREKA;
  if (is_l3dma(s, a)) stall = c->is_host ? 0 : T_PE_L3DMA;
  if (b - 0x204000u < 0x400u && !c->is_host)
    done = event_unit_load(s, c, b - 0x204000u, value);
  else if (b - 0x204400u < 0x400u && !c->is_host)
    done = mchan_load(s, c, b - 0x204400u, value);
  else if (engine)
    done = neureka_load(s, b - 0x201000u, value);
  else if (is_l3dma(s, a))
    done = l3dma_load(s, c, a - L3DMA_BASE, value);
  *t += stall;
  c->counters[DMSIM_STALL_DEVICE] += stall;
  return done ? 1 : refuse(s, c, a, size, "load");
}

static int cluster_control(Sim *s, Core *c, u32 offset, u32 value, u64 t) {
  if (offset >= 0x40 && offset < 0x40 + 4 * DMSIM_MAX_CORES) {
    if ((offset - 0x40) / 4 < s->cores) s->core[(offset - 0x40) / 4].boot = value;
    return 1;
  }
  if (offset == 0x1400) return 1; /* instruction cache enable */
  if (offset != 8) return 0;
  for (u32 i = 0; i < s->cores; i++) {
    Core *o = s->core + i;
    if (!(value >> i & 1) || o->on) continue;
    o->on = 1;
    wake_core(s, o, t);
    o->ip = slot_at(s, o->boot);
    o->t = t + T_START;
    o->started = o->t;
  }
  if (value >> s->cores) {
    fault(s, c, DMSIM_FAULT_DEVICE, 0x10200008u, "fetch enable 0x%x: the cluster has %u cores", value, s->cores);
    return 0;
  }
  return 1;
}

int device_store(Sim *s, Core *c, u32 a, u32 size, u32 value, u64 *t) {
  u32 b = local(a);
  if (is_stdout(a)) {
    *t += c->is_host ? T_FC_DEVICE : T_PE_STDOUT;
    put_character(s, c, value & 255);
    return s->status == DMSIM_RUNNING;
  }
  if (size != 4 || (a & 3)) return refuse(s, c, a, size, "store");
  *t += is_l3dma(s, a) ? (c->is_host ? 0 : T_PE_L3DMA) : c->is_host ? T_FC_DEVICE : T_PE_DEVICE;
  int done = 0;
  if (b - 0x204000u < 0x400u && !c->is_host)
    done = event_unit_store(s, c, b - 0x204000u, value, *t);
  else if (b - 0x204400u < 0x400u && !c->is_host)
    done = mchan_store(s, c, b - 0x204400u, value, t);
  else if (is_l3dma(s, a))
    done = l3dma_store(s, c, a - L3DMA_BASE, value, t);
  else if (b - 0x201000u < 0x400u && !(s->flags & DMSIM_NO_NEUREKA)) {
    if (!c->is_host) *t += T_PE_NEUREKA;
    done = neureka_store(s, c, b - 0x201000u, value, *t);
  } else if (a == 0x1a1040a0u) {
    s->status = DMSIM_EXITED;
    s->exit_code = (i32)(value & 0x7fffffffu);
    done = 1;
  } else if (a - 0x10200000u < 0x2000u) {
    done = cluster_control(s, c, a - 0x10200000u, value, *t);
  }
  return done ? done : refuse(s, c, a, size, "store");
}
