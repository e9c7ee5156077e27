/* Memories, decoded-code bookkeeping, instruction caches, faults. */
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

u8 *memory_at(Sim *s, u32 address, u32 n) {
  if (within(address - L1_BASE, n, s->l1_size)) return s->l1 + (address - L1_BASE);
  if (within(address - L2_BASE, n, s->l2_size)) return s->l2 + (address - L2_BASE);
  if (within(address - WMEM_BASE, n, s->wmem_size)) return s->wmem + (address - WMEM_BASE);
  return NULL;
}

u8 *l3_at(Sim *s, u32 address, u32 n) {
  return within(address - L3_BASE, n, s->l3_size) ? s->l3 + (address - L3_BASE) : NULL;
}

/* Decoded slots that cover the n bytes, or looked at them as the next instruction, are decoded again. */
void invalidate_code(Sim *s, u32 address, u32 n) {
  u32 in_l1 = address - L1_BASE < s->l1_size, offset = address - (in_l1 ? L1_BASE : L2_BASE);
  if (!in_l1 && offset >= s->l2_size) return;
  u8 *pages = in_l1 ? s->code_l1 : s->code_l2;
  Slot *slots = s->slots + (in_l1 ? SLOT_L1 : 0);
  u32 first = offset < 8 ? 0 : offset - 8, last = offset + n - 1, top = (in_l1 ? s->l1_size : s->l2_size) - 1;
  if (last > top) last = top;
  for (u32 page = first >> 8; page <= last >> 8; page++) {
    if (!pages[page]) continue;
    u32 a = page << 8, b = a + 255;
    if (a < first) a = first;
    if (b > last) b = last;
    for (u32 i = a >> 1; i <= b >> 1; i++) slots[i].op = O_UNDECODED;
  }
}

Slot *slot_at(Sim *s, u32 pc) {
  if (pc - L2_BASE < s->l2_size) return s->slots + ((pc - L2_BASE) >> 1);
  if (pc - L1_BASE < s->l1_size) return s->slots + SLOT_L1 + ((pc - L1_BASE) >> 1);
  s->bad_pc = pc;
  return s->slots + SLOT_BAD;
}

u32 pc_of(const Sim *s, const Slot *slot) {
  u32 i = (u32)(slot - s->slots);
  if (i >= SLOT_BAD) return s->bad_pc;
  return i < SLOT_L1 ? L2_BASE + 2 * i : L1_BASE + 2 * (i - SLOT_L1);
}

static u32 random_way(Sim *s) {
  s->random ^= s->random << 13;
  s->random ^= s->random >> 17;
  s->random ^= s->random << 5;
  return s->random >> 9 & 3;
}

/* which of the four lines of a set goes, empty or not: a shift register of each bank says */
static u32 victim(u8 *shift) {
  u32 v = *shift;
  *shift = (u8)(v << 1 | (~(v >> 7 ^ v >> 3 ^ v >> 2 ^ v >> 1) & 1));
  return *shift >> 1 & 3;
}

/* Cycles to fetch a 16-byte line; tags only. A core has 8 sets x 4 ways, the shared cache 8 banks x 8 sets x 4 ways.
 */
static u32 fetch_cycles(Sim *s, Core *c, u32 line, u64 t) {
  u32 set = line & 7, k;
  if (c->is_host) return T_FC_LINE;
  for (k = 0; k < 4; k++)
    if (c->l0_tag[set][k] == line) return 0;
  c->l0_tag[set][random_way(s)] = line;
  SharedBank *bank = s->icache + (line & 7);
  set = line >> 3 & 7;
  for (k = 0; k < 4; k++)
    if (bank->tag[set][k] == line) {
      u64 ready = bank->ready[set][k];
      return (u32)(ready > t ? ready - t : 0) + T_L0_MISS;
    }
  k = victim(&bank->shift);
  bank->tag[set][k] = line;
  bank->ready[set][k] = t + T_L1_MISS;
  return T_L1_MISS + T_L0_MISS;
}

u32 icache_fetch(Sim *s, Core *c, u32 line, u64 t) {
  c->line = line;
  if (s->flags & DMSIM_NO_ICACHE) return 0;
  u32 cycles = fetch_cycles(s, c, line, t);
  c->counters[DMSIM_STALL_ICACHE] += cycles;
  return cycles;
}

/* Ends the run; the first fault is the one that is reported. c->ip is the instruction concerned. */
void fault(Sim *s, Core *c, int kind, u32 address, const char *format, ...) {
  if (s->status == DMSIM_FAULTED) return;
  s->status = DMSIM_FAULTED;
  s->fault.kind = kind;
  s->fault.core = (i32)c->id;
  s->fault.pc = pc_of(s, c->ip);
  s->fault.address = address;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(s->fault.message, sizeof s->fault.message, format, arguments);
  va_end(arguments);
}
