/* Control and status registers. */
#include "internal.h"

int csr_access(Sim *s, Core *c, u32 w, u64 t, u32 a, u32 *old) {
  (void)s;
  u32 kind = BITS(w, 13, 12), value = BITS(w, 14, 14) ? BITS(w, 19, 15) : a;
  u32 writes = kind == 1 || BITS(w, 19, 15) != 0, *reg = NULL, readable = 0;
  switch (w >> 20) {
  case 0x001:
    fpu_collect_flags(c);
    reg = &c->fflags;
    break;
  case 0x002: reg = &c->frm; break;
  case 0x003:
    fpu_collect_flags(c);
    readable = c->frm << 5 | c->fflags;
    break;
  case 0x014:
  case 0xf14: readable = c->hart; break;
  case 0x300: reg = &c->mstatus; break;
  case 0x305: reg = &c->mtvec; break;
  case 0x340: reg = &c->mscratch; break;
  case 0xb00:
  case 0xc00: readable = (u32)t; break;
  case 0xb80:
  case 0xc80: readable = (u32)(t >> 32); break;
  case 0xb02:
  case 0xc02: readable = (u32)c->counters[DMSIM_INSTRUCTIONS]; break;
  case 0xb82:
  case 0xc82: readable = (u32)(c->counters[DMSIM_INSTRUCTIONS] >> 32); break;
  case 0xc10: readable = 3; break; /* PULP's privilege level: machine mode */
  default: return 0;
  }
  *old = reg ? *reg : readable;
  if (!writes) return 1;
  u32 next = kind == 1 ? value : kind == 2 ? *old | value : *old & ~value;
  if (reg) *reg = next;
  if ((w >> 20) == 3) {
    c->frm = next >> 5 & 7;
    c->fflags = next & 31;
  }
  c->frm &= 7;
  c->fflags &= 31;
  return reg || (w >> 20) == 3;
}
