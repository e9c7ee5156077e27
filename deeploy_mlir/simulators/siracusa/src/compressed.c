/* RV32C (with the single-precision loads and stores): a 16-bit instruction as the 32-bit one that it stands for. */
#include "decode.h"

static u32 quadrant0(u32 h) {
  u32 f3 = BITS(h, 15, 13), rd = 8 + BITS(h, 4, 2), base = 8 + BITS(h, 9, 7), m;
  if (f3 == 0) { /* c.addi4spn */
    m = BITS(h, 10, 7) << 6 | BITS(h, 12, 11) << 4 | BITS(h, 5, 5) << 3 | BITS(h, 6, 6) << 2;
    return m ? m << 20 | 2 << 15 | rd << 7 | 0x13 : 0;
  }
  m = BITS(h, 5, 5) << 6 | BITS(h, 12, 10) << 3 | BITS(h, 6, 6) << 2;
  switch (f3) {
  case 2: return m << 20 | base << 15 | 2 << 12 | rd << 7 | 0x03;                         /* c.lw */
  case 3: return m << 20 | base << 15 | 2 << 12 | rd << 7 | 0x07;                         /* c.flw */
  case 6: return (m >> 5) << 25 | rd << 20 | base << 15 | 2 << 12 | (m & 31) << 7 | 0x23; /* c.sw */
  case 7: return (m >> 5) << 25 | rd << 20 | base << 15 | 2 << 12 | (m & 31) << 7 | 0x27; /* c.fsw */
  default: return 0;
  }
}

static u32 jump_immediate(u32 h) {
  u32 m = (u32)SIGN_EXTEND(BITS(h, 12, 12) << 11 | BITS(h, 8, 8) << 10 | BITS(h, 10, 9) << 8 | BITS(h, 6, 6) << 7 |
                               BITS(h, 7, 7) << 6 | BITS(h, 2, 2) << 5 | BITS(h, 11, 11) << 4 | BITS(h, 5, 3) << 1,
                           12);
  return BITS(m, 20, 20) << 31 | BITS(m, 10, 1) << 21 | BITS(m, 11, 11) << 20 | BITS(m, 19, 12) << 12;
}

static u32 quadrant1(u32 h) {
  u32 f3 = BITS(h, 15, 13), rd = BITS(h, 11, 7), low = BITS(h, 6, 2), r2 = 8 + BITS(h, 4, 2), r1 = 8 + BITS(h, 9, 7), m;
  u32 imm6 = (u32)SIGN_EXTEND(BITS(h, 12, 12) << 5 | low, 6);
  switch (f3) {
  case 0: return imm6 << 20 | rd << 15 | rd << 7 | 0x13; /* c.addi */
  case 1: return jump_immediate(h) | 1 << 7 | 0x6f;      /* c.jal */
  case 2: return imm6 << 20 | rd << 7 | 0x13;            /* c.li */
  case 5: return jump_immediate(h) | 0x6f;               /* c.j */
  case 3:
    if (!imm6) return 0;
    if (rd != 2) return imm6 << 12 | rd << 7 | 0x37; /* c.lui */
    m = (u32)SIGN_EXTEND(
        BITS(h, 12, 12) << 9 | BITS(h, 4, 3) << 7 | BITS(h, 5, 5) << 6 | BITS(h, 2, 2) << 5 | BITS(h, 6, 6) << 4, 10);
    return m << 20 | 2 << 15 | 2 << 7 | 0x13; /* c.addi16sp */
  case 4: {
    static const u32 op[4] = {1u << 30, 4 << 12, 6 << 12, 7 << 12}; /* sub, xor, or, and */
    u32 kind = BITS(h, 11, 10);
    if (kind == 2) return imm6 << 20 | r1 << 15 | 7 << 12 | r1 << 7 | 0x13; /* c.andi */
    if (h & 0x1000) return 0;
    if (kind == 3) return op[BITS(h, 6, 5)] | r2 << 20 | r1 << 15 | r1 << 7 | 0x33;
    return kind << 30 | low << 20 | r1 << 15 | 5 << 12 | r1 << 7 | 0x13; /* c.srli, c.srai */
  }
  default: /* c.beqz, c.bnez */
    m = (u32)SIGN_EXTEND(
        BITS(h, 12, 12) << 8 | BITS(h, 6, 5) << 6 | BITS(h, 2, 2) << 5 | BITS(h, 11, 10) << 3 | BITS(h, 4, 3) << 1, 9);
    return BITS(m, 12, 12) << 31 | BITS(m, 10, 5) << 25 | r1 << 15 | (f3 & 1) << 12 | BITS(m, 4, 1) << 8 |
           BITS(m, 11, 11) << 7 | 0x63;
  }
}

static u32 quadrant2(u32 h) {
  u32 f3 = BITS(h, 15, 13), rd = BITS(h, 11, 7), r2 = BITS(h, 6, 2), m;
  switch (f3) {
  case 0: return h & 0x1000 ? 0 : r2 << 20 | rd << 15 | 1 << 12 | rd << 7 | 0x13; /* c.slli */
  case 2:
  case 3: /* c.lwsp, c.flwsp */
    m = BITS(h, 3, 2) << 6 | BITS(h, 12, 12) << 5 | BITS(h, 6, 4) << 2;
    if (f3 == 2 && !rd) return 0;
    return m << 20 | 2 << 15 | 2 << 12 | rd << 7 | (f3 == 2 ? 0x03 : 0x07);
  case 6:
  case 7: /* c.swsp, c.fswsp */
    m = BITS(h, 8, 7) << 6 | BITS(h, 12, 9) << 2;
    return (m >> 5) << 25 | r2 << 20 | 2 << 15 | 2 << 12 | (m & 31) << 7 | (f3 == 6 ? 0x23 : 0x27);
  case 4:
    if (!(h & 0x1000)) return r2 ? r2 << 20 | rd << 7 | 0x33 : rd ? rd << 15 | 0x67 : 0; /* c.mv, c.jr */
    if (r2) return r2 << 20 | rd << 15 | rd << 7 | 0x33;                                 /* c.add */
    return rd ? rd << 15 | 1 << 7 | 0x67 : 0x00100073;                                   /* c.jalr, c.ebreak */
  default: return 0;
  }
}

u32 expand_compressed(u32 h) {
  switch (h & 3) {
  case 0: return quadrant0(h);
  case 1: return quadrant1(h);
  default: return quadrant2(h);
  }
}
