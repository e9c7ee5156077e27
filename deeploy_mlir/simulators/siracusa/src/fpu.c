/* RV32F. The host computes in round-to-nearest; other rounding modes switch it for one operation. Results that are NaN
   are the canonical one. Exception flags are the host's, collected when a core leaves the simulator's inner loop. */
#include <fenv.h>
#include <math.h>

#include "fpu.h"

#define CANONICAL_NAN 0x7fc00000u

static int is_nan(u32 v) { return (v & 0x7fffffffu) > 0x7f800000u; }
static int is_signaling(u32 v) { return is_nan(v) && !(v & 0x00400000u); }
static int is_inf(u32 v) { return (v & 0x7fffffffu) == 0x7f800000u; }
static int is_zero(u32 v) { return !(v & 0x7fffffffu); }

/* fmadd of infinity and zero is invalid even if the addend is a quiet NaN, where hosts differ */
u32 fpu_nan(Core *c, u32 a, u32 b, u32 d) {
  if ((is_inf(a) && is_zero(b)) || (is_zero(a) && is_inf(b)) || is_signaling(d)) c->fflags |= FFLAG_NV;
  return CANONICAL_NAN;
}

void fpu_collect_flags(Core *c) {
  c->fflags |= host_flags();
  host_clear_flags();
}

static const int host_rounding[4] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

/* add, sub, mul, div, sqrt and the fused ones in the rounding mode that is set */
static int arithmetic(Core *c, u32 w) {
  u32 a = c->f[BITS(w, 19, 15)], b = c->f[BITS(w, 24, 20)], d = c->f[BITS(w, 31, 27)], r;
  volatile float x = as_float(a), y = as_float(b), z = as_float(d),
                 v; /* volatile: not moved across the change of mode */
  switch (w & 127) {
  case 0x43: v = fmaf(x, y, z); break;
  case 0x47: v = fmaf(x, y, -z); break;
  case 0x4b: v = fmaf(-x, y, z); break;
  case 0x4f: v = fmaf(-x, y, -z); break;
  default:
    switch (BITS(w, 31, 25)) {
    case 0x00: v = x + y; break;
    case 0x04: v = x - y; break;
    case 0x08: v = x * y; break;
    case 0x0c: v = x / y; break;
    default:
      if (BITS(w, 31, 25) != 0x2c || BITS(w, 24, 20)) return 0;
      v = sqrtf(x);
    }
  }
  r = as_word(v);
  if (is_nan(r)) r = (w & 127) == 0x53 ? CANONICAL_NAN : fpu_nan(c, a, b, d);
  c->f[BITS(w, 11, 7)] = r;
  return 1;
}

/* float to integer in rounding mode rm */
static u32 to_integer(Core *c, u32 word, int is_unsigned, u32 rm) {
  double v = (double)as_float(word), low = is_unsigned ? 0.0 : -2147483648.0,
         high = is_unsigned ? 4294967295.0 : 2147483647.0;
  u32 lowest = is_unsigned ? 0 : 0x80000000u, highest = is_unsigned ? 0xffffffffu : 0x7fffffffu;
  if (is_nan(word) || v >= high + 1.0 || v <= low - 1.0) {
    c->fflags |= FFLAG_NV;
    return is_nan(word) || v > 0 ? highest : lowest;
  }
  i64 whole = v > -1.0 && v < 1.0 ? 0 : (i64)v; /* toward zero */
  double rest = v - (double)whole, size = rest < 0 ? -rest : rest;
  i64 away = rest < 0 || v < 0 ? -1 : 1;
  if (rest != 0.0) switch (rm) {
    case 0:
      if (size > 0.5 || (size == 0.5 && (whole & 1))) whole += away;
      break;
    case 2:
      if (rest < 0) whole--;
      break;
    case 3:
      if (rest > 0) whole++;
      break;
    case 4:
      if (size >= 0.5) whole += away;
      break;
    default: break;
    }
  if ((double)whole < low || (double)whole > high) {
    c->fflags |= FFLAG_NV;
    return whole < 0 ? lowest : highest;
  }
  if (rest != 0.0) c->fflags |= FFLAG_NX;
  return (u32)whole;
}

static u32 classify(u32 v) {
  u32 negative = v >> 31, exponent = BITS(v, 30, 23), fraction = BITS(v, 22, 0);
  if (exponent == 255 && fraction) return is_signaling(v) ? 1u << 8 : 1u << 9;
  u32 kind = exponent == 255 ? 0 : exponent ? 1 : fraction ? 2 : 3; /* from infinity inwards */
  return negative ? 1u << kind : 1u << (7 - kind);
}

static u32 min_max(Core *c, u32 a, u32 b, int max) {
  if (is_signaling(a) || is_signaling(b)) c->fflags |= FFLAG_NV;
  if (is_nan(a)) return is_nan(b) ? CANONICAL_NAN : b;
  if (is_nan(b)) return a;
  if (is_zero(a) && is_zero(b)) return max ? a & b : a | b;
  int less = as_float(a) < as_float(b);
  return less != max ? a : b;
}

static int compare(Core *c, u32 f3, u32 a, u32 b, u32 *result) {
  if (f3 > 2) return 0;
  *result = 0;
  if (is_nan(a) || is_nan(b)) {
    if (f3 != 2 || is_signaling(a) || is_signaling(b)) c->fflags |= FFLAG_NV;
    return 1;
  }
  float x = as_float(a), y = as_float(b);
  *result = f3 == 0 ? x <= y : f3 == 1 ? x < y : x == y;
  return 1;
}

/* int32 or uint32 to float */
static u32 from_integer(u32 v, int is_unsigned) {
  volatile float r = is_unsigned ? (float)v : (float)(i32)v;
  return as_word(r);
}

/* The operations of opcode 0x53 that neither round nor take a rounding mode; -1 if w is not one of them. */
static int unrounded(Core *c, u32 w) {
  u32 f3 = BITS(w, 14, 12), f7 = BITS(w, 31, 25), rd = BITS(w, 11, 7), second = BITS(w, 24, 20), v;
  u32 a = c->f[BITS(w, 19, 15)], b = c->f[second], x_rd = rd ? rd : 32;
  switch (f7) {
  case 0x10: /* fsgnj, fsgnjn, fsgnjx */
    if (f3 > 2) return 0;
    c->f[rd] = (a & 0x7fffffffu) | ((f3 == 0 ? b : f3 == 1 ? ~b : a ^ b) & 0x80000000u);
    return 1;
  case 0x14:
    if (f3 > 1) return 0;
    c->f[rd] = min_max(c, a, b, (int)f3);
    return 1;
  case 0x50:
    if (!compare(c, f3, a, b, &v)) return 0;
    c->x[x_rd] = v;
    return 1;
  case 0x70: /* fmv.x.w, fclass */
    if (second || f3 > 1) return 0;
    c->x[x_rd] = f3 ? classify(a) : a;
    return 1;
  case 0x78:
    if (second || f3) return 0;
    c->f[rd] = c->x[BITS(w, 19, 15)];
    return 1;
  default: return -1;
  }
}

int fpu_execute(Core *c, u32 w) {
  u32 rm = BITS(w, 14, 12), f7 = BITS(w, 31, 25), rd = BITS(w, 11, 7), second = BITS(w, 24, 20);
  if ((w & 127) == 0x33) {
    c->f[rd] = smallfloat(w, c->f[BITS(w, 19, 15)], c->f[second]);
    return 1;
  }
  if ((w & 127) == 0x53) {
    int done = unrounded(c, w);
    if (done >= 0) return done;
  }
  if (rm == 7) rm = c->frm;
  if (rm > 4) return 0;
  if ((w & 127) == 0x53 && f7 == 0x60) {
    if (second > 1) return 0;
    c->x[rd ? rd : 32] = to_integer(c, c->f[BITS(w, 19, 15)], (int)second, rm);
    return 1;
  }
  if (rm == 4) return 0; /* nearest, ties away, of an arithmetic operation: no compiler emits it, not modelled */
  int ok = 1;
  if (rm) fesetround(host_rounding[rm]);
  if ((w & 127) == 0x53 && f7 == 0x68) {
    ok = second <= 1;
    if (ok) c->f[rd] = from_integer(c->x[BITS(w, 19, 15)], (int)second);
  } else {
    ok = arithmetic(c, w);
  }
  if (rm) fesetround(FE_TONEAREST);
  return ok;
}
