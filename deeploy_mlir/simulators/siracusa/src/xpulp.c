/* Xpulpv2 ALU and packed-SIMD operations that have no handler of their own. a, b: operands, d: old value of rd.
   Which encodings exist, and corner cases, are as the SoC's public simulator has them; the decoder asks `..._is_legal`
   once, so that the functions below see nothing else. */
#include "internal.h"

/* opcode 0x33, beside the base instructions */
int xpulp_alu_is_legal(u32 w) {
  u32 f3 = BITS(w, 14, 12), f7 = BITS(w, 31, 25), second = BITS(w, 24, 20);
  if (f7 == 0x40 || f7 >= 0x60) return f3 <= 4;             /* bit fields */
  if (f7 == 2) return f3 != 0 || second == 0;               /* p.abs has one operand */
  if (f7 == 4) return f3 == 5;                              /* p.ror */
  if (f7 == 8) return second == 0;                          /* counts and extensions */
  if (f7 == 10) return (f3 & 3) == 1 || (f3 & 3) == 2;      /* clips */
  return 0;
}

/* opcode 0x5b: a shift amount in a register leaves none in the word */
int xpulp_mul_is_legal(u32 w) { return (BITS(w, 14, 12) & 3) < 2 || !(w >> 30 & 1) || BITS(w, 29, 25) == 0; }

/* opcode 0x57; bit 25 is the last of an immediate, and 0 elsewhere */
int xpulp_simd_is_legal(u32 w) {
  enum { VECTORS = 0x03, IMMEDIATES = 0xc0, ALL = VECTORS | 0x30 | IMMEDIATES, HALVES = 1, BYTES = 2 };
  static const u8 forms[64] = {
      /* arithmetic and comparisons */
      [0x00] = ALL, [0x01] = ALL, [0x02] = ALL, [0x03] = ALL, [0x04] = ALL, [0x05] = ALL, [0x06] = ALL, [0x07] = ALL,
      [0x08] = ALL, [0x09] = ALL, [0x0a] = ALL, [0x0b] = ALL, [0x0c] = ALL, [0x0d] = ALL, [0x0e] = ALL, [0x0f] = ALL,
      [0x10] = ALL, [0x11] = ALL, [0x12] = ALL, [0x13] = ALL, [0x14] = ALL, [0x16] = ALL, [0x18] = ALL, [0x1a] = ALL,
      [0x1c] = VECTORS, /* abs */
      /* dot products */
      [0x20] = ALL, [0x22] = ALL, [0x26] = ALL, [0x28] = ALL, [0x2a] = ALL, [0x2e] = ALL,
      /* extract, extractu, insert; shuffle, shuffle2; pack.h, packhi.b, packlo.b; shuffleI1.b to shuffleI3.b */
      [0x1e] = IMMEDIATES, [0x24] = IMMEDIATES, [0x2c] = IMMEDIATES, [0x30] = VECTORS | IMMEDIATES, [0x32] = VECTORS,
      [0x34] = HALVES, [0x36] = BYTES, [0x38] = BYTES, [0x3a] = 0x80, [0x3c] = 0x80, [0x3e] = 0x80};
  u32 f3 = BITS(w, 14, 12);
  return (forms[w >> 26] >> f3 & 1) && (f3 >= 6 || !(w >> 25 & 1));
}

/* bit fields: length - 1 and position are immediates (29:25, 24:20) or come from rs2 (9:5, 4:0); a signed one that
   reaches over the top ends there */
static u32 bit_field(u32 w, u32 a, u32 b, u32 d) {
  u32 immediate = (w >> 30) == 3, n = immediate ? BITS(w, 29, 25) : b >> 5 & 31,
      at = immediate ? BITS(w, 24, 20) : b & 31;
  u32 mask = n == 31 ? ~0u : (1u << (n + 1)) - 1;
  switch (BITS(w, 14, 12)) {
  case 0: return (u32)SIGN_EXTEND((i32)a >> at, n + 1);
  case 1: return a >> at & mask;
  case 2: return (d & ~(mask << at)) | (a & mask) << at;
  case 3: return a & ~(mask << at);
  default: return a | mask << at;
  }
}

static u32 compare_select(u32 f3, u32 a, u32 b) {
  i32 sa = (i32)a, sb = (i32)b;
  switch (f3) {
  case 0: return sa < 0 ? 0u - a : a;
  case 1: return (a + b) >> 1;
  case 2: return sa <= sb;
  case 3: return a <= b;
  case 4: return sa < sb ? a : b;
  case 5: return a < b ? a : b;
  case 6: return sa > sb ? a : b;
  default: return a > b ? a : b;
  }
}

static u32 count_extend(u32 f3, u32 a) {
  switch (f3) {
  case 0: return a ? (u32)__builtin_ctz(a) : 32;
  case 1: return a ? 31 - (u32)__builtin_clz(a) : 32;
  case 2: return a ? (u32)__builtin_clrsb((i32)a) : 0;
  case 3: return (u32)__builtin_popcount(a);
  case 4: return (u32)(int16_t)a;
  case 5: return a & 0xffff;
  case 6: return (u32)(int8_t)a;
  default: return a & 0xff;
  }
}

/* f3: 1 clip, 2 clipu, 5 and 6 with the bound in a register; it matters which side is looked at first where the register
   is negative */
static u32 clip(u32 f3, u32 bits, u32 a, u32 b) {
  i32 v = (i32)a, high = f3 >= 4 ? (i32)b : bits ? (i32)((1u << (bits - 1)) - 1) : 0;
  if ((f3 & 3) == 1) return (u32)(v < -1 - high ? -1 - high : v > high ? high : v);
  return (u32)(v > high ? high : v < 0 ? 0 : v);
}

u32 xpulp_alu(u32 w, u32 a, u32 b, u32 d) {
  u32 f3 = BITS(w, 14, 12);
  switch (BITS(w, 31, 25)) {
  case 2: return compare_select(f3, a, b);
  case 4: return b & 31 ? a >> (b & 31) | a << (32 - (b & 31)) : a;
  case 8: return count_extend(f3, a);
  case 10: return clip(f3, BITS(w, 24, 20), a, b);
  default: return bit_field(w, a, b, d);
  }
}

/* opcode 0x5b: 16x16 multiplies (and accumulates), additions and subtractions with shift and rounding. A product and its
   accumulation are rounded in more than 32 bits, sums are not. */
u32 xpulp_mul(u32 w, u32 a, u32 b, u32 d) {
  u32 f3 = BITS(w, 14, 12), kind = w >> 30, n = BITS(w, 29, 25), rounds = f3 >> 2 & 1;
  if ((f3 & 3) < 2) {
    u32 is_signed = kind >> 1, high = kind & 1, p;
    u32 u = high ? a >> 16 : a & 0xffff, v = high ? b >> 16 : b & 0xffff;
    p = (is_signed ? (u32)((int16_t)u * (int16_t)v) : u * v) + (f3 & 1 ? d : 0);
    u64 half = rounds && n ? 1u << (n - 1) : 0;
    return is_signed ? (u32)(((i64)(i32)p + (i64)half) >> n) : (u32)((p + half) >> n);
  }
  u32 u = a, v = b;
  if (kind & 1) { /* shift amount in a register: rd op= rs1 */
    n = b & 31;
    u = d;
    v = a;
  }
  u32 sum = f3 & 1 ? u - v : u + v;
  if (rounds && n) sum += 1u << (n - 1);
  return kind & 2 ? sum >> n : (u32)((i32)sum >> n);
}

/* dot products: f 0x20 unsigned, 0x22 unsigned x signed, 0x26 signed; + 8 accumulates */
static u32 dot_product(u32 f, u32 a, u32 b, u32 d, u32 lanes, u32 bits, u32 mask) {
  u32 sum = f & 8 ? d : 0, kind = f & 7;
  for (u32 e = 0; e < lanes; e++) {
    u32 u = a >> e * bits & mask, v = b >> e * bits & mask;
    u32 x = kind == 6 ? (u32)SIGN_EXTEND(u, bits) : u, y = kind == 0 ? v : (u32)SIGN_EXTEND(v, bits);
    sum += x * y;
  }
  return sum;
}

/* moves of lanes, by f */
static u32 shuffle(u32 f, u32 f3, u32 a, u32 b, u32 d, u32 i6) {
  u32 by = f3 & 1, lanes = by ? 4 : 2, bits = by ? 8 : 16, mask = by ? 0xff : 0xffff, r = 0, e;
  switch (f) {
  case 0x1e: return (u32)SIGN_EXTEND(a >> (i6 & (lanes - 1)) * bits & mask, bits); /* extract */
  case 0x24: return a >> (i6 & (lanes - 1)) * bits & mask;
  case 0x2c: /* insert */ e = (i6 & (lanes - 1)) * bits; return (d & ~(mask << e)) | (a & mask) << e;
  case 0x30:
  case 0x3a:
  case 0x3c:
  case 0x3e: /* shuffle; with an immediate for bytes, the top lane comes from f */
    if (f3 == 7) {
      u32 from[4] = {i6 & 3, i6 >> 2 & 3, i6 >> 4 & 3, f == 0x30 ? 0 : (f - 0x38) >> 1};
      for (e = 0; e < 4; e++) r |= (a >> 8 * from[e] & 255) << 8 * e;
      return r;
    }
    for (e = 0; e < lanes; e++) {
      u32 from = f3 == 6 ? i6 >> e & 1 : b >> e * bits & (lanes - 1);
      r |= (a >> bits * from & mask) << bits * e;
    }
    return r;
  case 0x32: /* shuffle2 */
    for (e = 0; e < lanes; e++) {
      u32 k = b >> e * bits, from = k >> (by ? 2 : 1) & 1 ? a : d;
      r |= (from >> bits * (k & (lanes - 1)) & mask) << bits * e;
    }
    return r;
  case 0x34: return a << 16 | (b & 0xffff); /* pack.h */
  case 0x36: return (d & 0xffff) | (a & 255) << 24 | (b & 255) << 16;
  default: return (d & 0xffff0000u) | (a & 255) << 8 | (b & 255); /* 0x38: packlo.b */
  }
}

static u32 lane_operation(u32 f, u32 u, u32 v, u32 bits, u32 mask) {
  i32 x = SIGN_EXTEND(u, bits), y = SIGN_EXTEND(v, bits);
  switch (f) {
  case 0: return u + v;
  case 2: return u - v;
  case 4: return (u32)(SIGN_EXTEND(u + v, bits) >> 1);
  case 6: return ((u + v) & mask) >> 1;
  case 8: return (u32)(x < y ? x : y);
  case 10: return u < v ? u : v;
  case 12: return (u32)(x > y ? x : y);
  case 14: return u > v ? u : v;
  case 16: return u >> (v & (bits - 1));
  case 18: return (u32)(x >> (v & (bits - 1)));
  case 20: return u << (v & (bits - 1));
  case 22: return u | v;
  case 24: return u ^ v;
  case 26: return u & v;
  case 28: return (u32)(x < 0 ? -x : x);
  case 1: return 0u - (u == v);
  case 3: return 0u - (u != v);
  case 5: return 0u - (x > y);
  case 7: return 0u - (x >= y);
  case 9: return 0u - (x < y);
  case 11: return 0u - (x <= y);
  case 13: return 0u - (u > v);
  case 15: return 0u - (u >= v);
  case 17: return 0u - (u < v);
  default: return 0u - (u <= v); /* 19 */
  }
}

/* opcode 0x57; f3 odd: bytes, even: halfwords; 4, 5: scalar in rs2, 6, 7: immediate */
u32 xpulp_simd(u32 w, u32 a, u32 b, u32 d) {
  u32 f = w >> 26, f3 = BITS(w, 14, 12), i6 = BITS(w, 24, 20) << 1 | BITS(w, 25, 25);
  u32 by = f3 & 1, lanes = by ? 4 : 2, bits = by ? 8 : 16, mask = by ? 0xff : 0xffff, r = 0;
  u32 is_unsigned = f == 6 || f == 10 || f == 14 || f == 16 || f == 20 || f == 32 || f == 40 || f == 13 || f == 15 ||
                    f == 17 || f == 19;
  u32 spread = by ? 0x01010101u : 0x00010001u;
  if (f == 0x1e || f == 0x24 || f == 0x2c || f >= 0x30) return shuffle(f, f3, a, b, d, i6);
  if (f3 >= 6)
    b = ((is_unsigned ? i6 : (u32)SIGN_EXTEND(i6, 6)) & mask) * spread;
  else if (f3 == 4 || f3 == 5)
    b = (b & mask) * spread;
  if (f >= 0x20) return dot_product(f, a, b, d, lanes, bits, mask);
  for (u32 e = 0; e < lanes; e++)
    r |= (lane_operation(f, a >> e * bits & mask, b >> e * bits & mask, bits, mask) & mask) << e * bits;
  return r;
}
