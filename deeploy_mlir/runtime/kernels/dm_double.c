/* SPDX-License-Identifier: Apache-2.0 */
/* See dm_double.h: Cody and Waite's reductions and truncated series. */
#include "dm_double.h"

#include <stdint.h>

#include "dm_math.h"

#define LN2_HIGH 0x1.62e42feep-1 /* 32 bits: exact times an exponent */
#define LN2_LOW 0x1.a39ef35793c76p-33
#define ABSOLUTE 0x7fffffffffffffffull
#define INFINITE 0x7ff0000000000000ull
#define HIDDEN_BIT 0x0010000000000000ull

typedef union {
  double f;
  uint64_t u;
} bits;

static uint64_t word_of(double x) {
  bits b = {.f = x};
  return b.u;
}

static double double_of(uint64_t u) {
  bits b = {.u = u};
  return b.f;
}

static double infinity(void) { return double_of(INFINITE); }

static double not_a_number(void) { return double_of(0x7ff8000000000000ull); }

static double absolute(double x) { return double_of(word_of(x) & ABSOLUTE); }

static double with_sign(double magnitude, double sign) {
  return double_of((word_of(magnitude) & ABSOLUTE) | (word_of(sign) & ~ABSOLUTE));
}

/* x * 2^n for n in -2044 .. 2046 */
static double scale(double x, int32_t n) {
  int32_t half = n / 2;
  return x * double_of((uint64_t)(half + 1023) << 52) * double_of((uint64_t)(n - half + 1023) << 52);
}

/* 1/2! + r/3! + .. + r^12/14!, for |r| <= log(2) / 2 */
static double tail_of_exp(double r) {
  double p = 1.0 / 87178291200.0;
  p = p * r + 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  return p * r + 0.5;
}

double dm_exp(double x) {
  if (x != x) return x;
  if (x > 710.0) return infinity();
  if (x < -746.0) return 0.0;
  double n = dm_rint(x * 1.4426950408889634), high = x - n * LN2_HIGH, low = n * LN2_LOW, r = high - low;
  return scale(1.0 + (r * r * tail_of_exp(r) + r), (int32_t)n);
}

double dm_expm1(double x) {
  if (absolute(x) < 0.34) return x + x * x * tail_of_exp(x);
  return dm_exp(x) - 1.0;
}

double dm_log(double x) {
  if (x != x || x == infinity()) return x;
  if (x <= 0.0) return x == 0.0 ? -infinity() : not_a_number();
  int32_t k = 0;
  if (x < 0x1p-1022) {
    x *= 0x1p54;
    k = -54;
  }
  /* x = 2^k m with m in [sqrt(1/2), sqrt(2)) */
  uint64_t u = word_of(x) + (0x3ff0000000000000ull - 0x3fe6a09e667f3bcdull);
  k += (int32_t)(u >> 52) - 1023;
  double m = double_of((u & 0x000fffffffffffffull) + 0x3fe6a09e667f3bcdull), f = m - 1.0;
  /* log(1 + f) = f - s (f - R), R = 2 (s^2/3 + s^4/5 + ..) */
  double s = f / (2.0 + f), z = s * s, p = 1.0 / 23.0;
  p = p * z + 1.0 / 21.0;
  p = p * z + 1.0 / 19.0;
  p = p * z + 1.0 / 17.0;
  p = p * z + 1.0 / 15.0;
  p = p * z + 1.0 / 13.0;
  p = p * z + 1.0 / 11.0;
  p = p * z + 1.0 / 9.0;
  p = p * z + 1.0 / 7.0;
  p = p * z + 1.0 / 5.0;
  p = p * z + 1.0 / 3.0;
  double e = (double)k;
  return e * LN2_HIGH + (f - (s * (f - 2.0 * z * p) - e * LN2_LOW));
}

double dm_log1p(double x) { /* Kahan: the rounding error of 1 + x cancels in the quotient */
  double u = 1.0 + x;
  if (u == 1.0) return x;
  if (!(u > 0.0) || u > 1e308) return dm_log(u);
  return dm_log(u) * x / (u - 1.0);
}

double dm_tanh(double x) {
  double t = absolute(x);
  if (t > 20.0) return with_sign(1.0, x);
  double e = dm_expm1(-2.0 * t);
  return t == t ? with_sign(-e / (2.0 + e), x) : x;
}

double dm_sqrt(double x) {
  if (x == 0.0 || x != x || x == infinity()) return x;
  if (x < 0.0) return not_a_number();
  int32_t k = 0;
  if (x < 0x1p-1022) {
    x *= 0x1p54;
    k = -27;
  }
  /* x = 4^k m with m in [1, 4) */
  int32_t exponent = (int32_t)(word_of(x) >> 52) - 1023, half = exponent >> 1;
  double m = double_of((word_of(x) & 0x000fffffffffffffull) | (uint64_t)(exponent - 2 * half + 1023) << 52);
  double y = (double)dm_sqrtf((float)m);
  y = 0.5 * (y + m / y);
  y = 0.5 * (y + m / y);
  return scale(y, half + k);
}

/* Whether y is a whole number: 0 no, 1 odd, 2 even. */
static int32_t whole(double y) {
  if (dm_trunc(y) != y) return 0;
  return absolute(y) < 0x1p53 && dm_trunc(y * 0.5) != y * 0.5 ? 1 : 2;
}

/* x^n for 0 <= n < 2^31, exact as long as the powers are */
static double whole_power(double x, uint32_t n) {
  double power = 1.0;
  for (; n; n >>= 1) {
    if (n & 1u) power *= x;
    x *= x;
  }
  return power;
}

double dm_pow(double x, double y) {
  if (y == 0.0 || x == 1.0) return 1.0;
  if (x != x || y != y) return not_a_number();
  double t = absolute(x);
  int32_t kind = absolute(y) == infinity() ? 2 : whole(y);
  if (x < 0.0 && kind == 0 && t != infinity()) return not_a_number();
  double power;
  if (t == 1.0) {
    power = 1.0;
  } else if (kind != 0 && absolute(y) <= 64.0) {
    power = whole_power(t, (uint32_t)absolute(y));
    power = y < 0.0 ? 1.0 / power : power;
  } else if (t == 0.0 || t == infinity() || absolute(y) == infinity()) {
    power = (t > 1.0) == (y > 0.0) ? infinity() : 0.0;
  } else {
    power = dm_exp(y * dm_log(t));
  }
  return kind == 1 ? with_sign(power, x) : power;
}

/* The significand of a positive finite number, shifted to its hidden bit, and its exponent. */
static uint64_t normalised(uint64_t u, int32_t *exponent) {
  uint64_t m = u & (HIDDEN_BIT - 1);
  *exponent = (int32_t)(u >> 52);
  if (*exponent) return m | HIDDEN_BIT;
  for (*exponent = 1; m < HIDDEN_BIT; --*exponent) m <<= 1;
  return m;
}

double dm_fmod(double x, double y) {
  uint64_t ux = word_of(x) & ABSOLUTE, uy = word_of(y) & ABSOLUTE;
  if (x != x || y != y || ux >= INFINITE || uy == 0) return not_a_number();
  if (ux < uy || uy == INFINITE) return x;
  int32_t ex, ey;
  uint64_t mx = normalised(ux, &ex), my = normalised(uy, &ey);
  for (; ex > ey; ex--) {
    if (mx >= my) mx -= my;
    mx <<= 1;
  }
  if (mx >= my) mx -= my;
  if (!mx) return with_sign(0.0, x);
  for (; mx < HIDDEN_BIT; ex--) mx <<= 1;
  return with_sign(double_of(ex >= 1 ? ((uint64_t)ex << 52) + (mx - HIDDEN_BIT) : mx >> (1 - ex)), x);
}
