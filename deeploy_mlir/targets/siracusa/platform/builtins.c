/* SPDX-License-Identifier: Apache-2.0 */
/* What compilers call for 64-bit division and for double, for those that bring no library of it (-DDM_BUILTINS; gcc's
   libgcc and zig's compiler_rt have the same functions under the same names). Rounding is to nearest, ties to even. */
#include <stdint.h>

#ifdef DM_BUILTINS

/* ---- 64-bit integers, from 32-bit operations ---- */

typedef union {
  uint64_t all;
  struct {
    uint32_t low, high;
  } half;
} words;

static uint64_t join(uint32_t high, uint32_t low) {
  words w = {.half = {low, high}};
  return w.all;
}

uint64_t __ashldi3(uint64_t x, int32_t n) {
  words w = {x};
  if (n == 0) return x;
  if (n >= 32) return join(w.half.low << (n - 32), 0);
  return join(w.half.high << n | w.half.low >> (32 - n), w.half.low << n);
}

uint64_t __lshrdi3(uint64_t x, int32_t n) {
  words w = {x};
  if (n == 0) return x;
  if (n >= 32) return join(0, w.half.high >> (n - 32));
  return join(w.half.high >> n, w.half.low >> n | w.half.high << (32 - n));
}

int64_t __ashrdi3(int64_t x, int32_t n) {
  words w = {(uint64_t)x};
  int32_t high = (int32_t)w.half.high;
  if (n == 0) return x;
  if (n >= 32) return (int64_t)join((uint32_t)(high >> 31), (uint32_t)(high >> (n - 32)));
  return (int64_t)join((uint32_t)(high >> n), w.half.low >> n | w.half.high << (32 - n));
}

static int32_t leading_zeros(uint64_t x) { /* of x != 0 */
  uint32_t high = (uint32_t)(x >> 32);
  return high ? __builtin_clz(high) : 32 + __builtin_clz((uint32_t)x);
}

/* Quotient and remainder, bit by bit; by 0 as RISC-V's divu and remu: all ones, and the dividend. */
static uint64_t divide(uint64_t n, uint64_t d, uint64_t *remainder) {
  *remainder = n;
  if (d == 0) return UINT64_MAX;
  if (d > n) return 0;
  if (n >> 32 == 0) {
    *remainder = (uint32_t)n % (uint32_t)d;
    return (uint32_t)n / (uint32_t)d;
  }
  uint64_t quotient = 0;
  int32_t shift = leading_zeros(d) - leading_zeros(n);
  for (d <<= shift; shift >= 0; shift--, d >>= 1) {
    quotient <<= 1;
    if (n >= d) {
      n -= d;
      quotient |= 1;
    }
  }
  *remainder = n;
  return quotient;
}

uint64_t __udivdi3(uint64_t a, uint64_t b) {
  uint64_t remainder;
  return divide(a, b, &remainder);
}

uint64_t __umoddi3(uint64_t a, uint64_t b) {
  uint64_t remainder;
  divide(a, b, &remainder);
  return remainder;
}

static uint64_t magnitude(int64_t x) { return x < 0 ? 0 - (uint64_t)x : (uint64_t)x; }

static int64_t with_sign(uint64_t x, int negative) { return (int64_t)(negative ? 0 - x : x); }

int64_t __divdi3(int64_t a, int64_t b) {
  uint64_t remainder;
  return with_sign(divide(magnitude(a), magnitude(b), &remainder), (a < 0) != (b < 0));
}

int64_t __moddi3(int64_t a, int64_t b) {
  uint64_t remainder;
  divide(magnitude(a), magnitude(b), &remainder);
  return with_sign(remainder, a < 0);
}

/* ---- double: a number is sign, exponent and significand; a significand in work has its leading bit at 62, the lowest
   of its 10 bits beyond the result's 53 is set if anything was lost ---- */

typedef union {
  double f;
  uint64_t u;
} number;

#define SIGN 0x8000000000000000u
#define INFINITE 0x7ff0000000000000u
#define QUIET 0x7ff8000000000000u
#define HIDDEN 0x0010000000000000u

static uint64_t bits_of(double x) {
  number n = {.f = x};
  return n.u;
}

static double of_bits(uint64_t u) {
  number n = {.u = u};
  return n.f;
}

static uint64_t shift_right(uint64_t x, int32_t n) { return n > 63 ? x != 0 : n ? x >> n | (x << (64 - n) != 0) : x; }

/* significand * 2^(exponent - 1085), which is not 0, rounded */
static double rounded(uint64_t sign, int32_t exponent, uint64_t significand) {
  int32_t shift = leading_zeros(significand) - 1;
  if (shift < 0) {
    significand = shift_right(significand, 1);
  } else {
    significand <<= shift;
  }
  exponent -= shift;
  if (exponent > 2046) return of_bits(sign | INFINITE);
  if (exponent < 1) {
    significand = shift_right(significand, 1 - exponent);
    exponent = 0;
  }
  uint64_t beyond = significand & 0x3ffu;
  significand >>= 10;
  significand += beyond > 0x200u || (beyond == 0x200u && (significand & 1u));
  return of_bits(sign | (exponent ? ((uint64_t)(exponent - 1) << 52) + significand : significand));
}

/* Exponent and significand, its leading bit at 62, of bits without sign that are neither 0 nor infinite nor NaN. */
static uint64_t taken_apart(uint64_t bits, int32_t *exponent) {
  int32_t e = (int32_t)(bits >> 52);
  uint64_t significand = e ? (bits & (HIDDEN - 1)) | HIDDEN : bits;
  int32_t shift = leading_zeros(significand) - 1;
  *exponent = (e ? e : 1) + 10 - shift;
  return significand << shift;
}

double __adddf3(double x, double y) {
  uint64_t a = bits_of(x), b = bits_of(y);
  if ((a & ~SIGN) < (b & ~SIGN)) {
    uint64_t t = a;
    a = b;
    b = t;
  }
  uint64_t sign = a & SIGN, differ = (a ^ b) & SIGN;
  a &= ~SIGN;
  b &= ~SIGN;
  if (a > INFINITE || (b == INFINITE && differ)) return of_bits(QUIET);
  if (a == INFINITE || b == 0) return of_bits(a == 0 && differ ? 0 : sign | a);
  int32_t ea, eb;
  uint64_t ma = taken_apart(a, &ea), mb = taken_apart(b, &eb);
  mb = shift_right(mb, ea - eb);
  if (!differ) return rounded(sign, ea, ma + mb);
  return ma == mb ? 0.0 : rounded(sign, ea, ma - mb);
}

double __subdf3(double x, double y) { return __adddf3(x, of_bits(bits_of(y) ^ SIGN)); }

double __muldf3(double x, double y) {
  uint64_t a = bits_of(x), b = bits_of(y), sign = (a ^ b) & SIGN;
  a &= ~SIGN;
  b &= ~SIGN;
  if (a > INFINITE || b > INFINITE) return of_bits(QUIET);
  if (a == INFINITE || b == INFINITE) return of_bits(a == 0 || b == 0 ? QUIET : sign | INFINITE);
  if (a == 0 || b == 0) return of_bits(sign);
  int32_t ea, eb;
  uint64_t ma = taken_apart(a, &ea), mb = taken_apart(b, &eb);
  uint64_t a0 = (uint32_t)ma, a1 = ma >> 32, b0 = (uint32_t)mb, b1 = mb >> 32;
  uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (uint32_t)middle;
  uint64_t high = a1 * b1 + (middle >> 32) + (other >> 32); /* bits 64 and up: the leading one is 60 or 61 */
  uint64_t lost = (uint32_t)low | other << 32;
  return rounded(sign, ea + eb - 1021, high | (lost != 0));
}

double __divdf3(double x, double y) {
  uint64_t a = bits_of(x), b = bits_of(y), sign = (a ^ b) & SIGN;
  a &= ~SIGN;
  b &= ~SIGN;
  if (a > INFINITE || b > INFINITE) return of_bits(QUIET);
  if (a == INFINITE) return of_bits(b == INFINITE ? QUIET : sign | INFINITE);
  if (b == 0) return of_bits(a == 0 ? QUIET : sign | INFINITE);
  if (a == 0 || b == INFINITE) return of_bits(sign);
  int32_t ea, eb;
  uint64_t rest = taken_apart(a, &ea), d = taken_apart(b, &eb), quotient = 0;
  for (int32_t i = 0; i < 63; i++) { /* of (a / b) * 2^62 */
    quotient <<= 1;
    if (rest >= d) {
      rest -= d;
      quotient |= 1;
    }
    rest <<= 1;
  }
  return rounded(sign, ea - eb + 1023, quotient | (rest != 0));
}

/* -1, 0 or 1 as x is less than, equal to or greater than y; `unordered` if one is NaN */
static int32_t compared(double x, double y, int32_t unordered) {
  uint64_t a = bits_of(x), b = bits_of(y);
  if ((a & ~SIGN) > INFINITE || (b & ~SIGN) > INFINITE) return unordered;
  if (((a | b) & ~SIGN) == 0) return 0;
  int64_t p = a & SIGN ? -(int64_t)(a & ~SIGN) : (int64_t)a, q = b & SIGN ? -(int64_t)(b & ~SIGN) : (int64_t)b;
  return (p > q) - (p < q);
}

int32_t __eqdf2(double x, double y) { return compared(x, y, 1); }
int32_t __nedf2(double x, double y) { return compared(x, y, 1); }
int32_t __ltdf2(double x, double y) { return compared(x, y, 1); }
int32_t __ledf2(double x, double y) { return compared(x, y, 1); }
int32_t __gtdf2(double x, double y) { return compared(x, y, -1); }
int32_t __gedf2(double x, double y) { return compared(x, y, -1); }
int32_t __unorddf2(double x, double y) { return compared(x, y, 2) == 2; }

/* ---- conversions; out of range they give the nearest value, as the hardware's do, and NaN the largest ---- */

double __floatundidf(uint64_t x) { return x ? rounded(0, 1085, x) : 0.0; }

double __floatdidf(int64_t x) { return x ? rounded(x < 0 ? SIGN : 0, 1085, magnitude(x)) : 0.0; }

double __floatsidf(int32_t x) { return __floatdidf(x); }

double __floatunsidf(uint32_t x) { return __floatundidf(x); }

/* The integer part of x, at most `largest` or, of a negative x, at least -`smallest`. */
static int64_t truncated(double x, uint64_t largest, uint64_t smallest) {
  uint64_t bits = bits_of(x), size = bits & ~SIGN;
  int negative = (bits & SIGN) != 0 && size <= INFINITE;
  uint64_t limit = negative ? smallest : largest;
  int32_t exponent = (int32_t)(size >> 52) - 1075;
  uint64_t significand = (size & (HIDDEN - 1)) | HIDDEN;
  if (exponent < -52) return 0;
  uint64_t value = exponent > 11 ? UINT64_MAX : exponent >= 0 ? significand << exponent : significand >> -exponent;
  return with_sign(value < limit ? value : limit, negative);
}

int64_t __fixdfdi(double x) { return truncated(x, INT64_MAX, SIGN); }

uint64_t __fixunsdfdi(double x) { return (uint64_t)truncated(x, UINT64_MAX, 0); }

int32_t __fixdfsi(double x) { return (int32_t)truncated(x, INT32_MAX, 0x80000000u); }

uint32_t __fixunsdfsi(double x) { return (uint32_t)truncated(x, UINT32_MAX, 0); }

typedef union {
  float f;
  uint32_t u;
} single;

double __extendsfdf2(float x) {
  single s = {.f = x};
  uint64_t sign = (uint64_t)(s.u >> 31) << 63;
  uint32_t size = s.u & 0x7fffffffu, exponent = size >> 23;
  if (exponent == 255) return of_bits(sign | (size == 0x7f800000u ? INFINITE : QUIET));
  if (exponent == 0) return size ? rounded(sign, 1085 - 149, size) : of_bits(sign);
  return of_bits(sign | (((uint64_t)size << 29) + ((uint64_t)896 << 52)));
}

float __truncdfsf2(double x) {
  uint64_t bits = bits_of(x), size = bits & ~SIGN;
  single result = {.u = (uint32_t)(bits >> 32) & 0x80000000u};
  int32_t exponent = (int32_t)(size >> 52) - 896;
  if (size > INFINITE) {
    result.u = 0x7fc00000u;
  } else if (exponent > 254) {
    result.u |= 0x7f800000u;
  } else if (exponent > -24) {
    uint64_t significand = (size & (HIDDEN - 1)) | HIDDEN; /* 29 bits more than the result's */
    if (exponent < 1) {
      significand = shift_right(significand, 1 - exponent);
      exponent = 0;
    }
    uint32_t beyond = (uint32_t)significand & 0x1fffffffu, kept = (uint32_t)(significand >> 29);
    kept += beyond > 0x10000000u || (beyond == 0x10000000u && (kept & 1u));
    result.u |= exponent ? ((uint32_t)(exponent - 1) << 23) + kept : kept;
  }
  return result.f;
}

/* 64-bit integers and float: what is below the 53 bits of a double is kept as one bit, so that nothing is rounded twice */
static float single_of(uint64_t x) {
  uint64_t lost = x & 0x7ffu;
  return __truncdfsf2(__floatundidf(x >> 53 ? (x & ~(uint64_t)0x7ffu) | (lost ? 0x800u : 0) : x));
}

float __floatundisf(uint64_t x) { return single_of(x); }

float __floatdisf(int64_t x) { return x < 0 ? -single_of(magnitude(x)) : single_of((uint64_t)x); }

int64_t __fixsfdi(float x) { return __fixdfdi(__extendsfdf2(x)); }

uint64_t __fixunssfdi(float x) { return __fixunsdfdi(__extendsfdf2(x)); }

#endif
