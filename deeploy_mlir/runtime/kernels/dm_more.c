/* SPDX-License-Identifier: Apache-2.0 */
/* See dm_more.h. Built on dm_math.h by the usual identities, arranged so that nothing cancels near zero. */
#include "dm_more.h"

#include "dm_math.h"

typedef union {
  float f;
  uint32_t u;
} bits;

static uint32_t word_of(float x) {
  bits b = {.f = x};
  return b.u;
}

static float float_of(uint32_t u) {
  bits b = {.u = u};
  return b.f;
}

static float absolute(float x) { return float_of(word_of(x) & 0x7fffffffu); }

static float with_sign(float magnitude, float sign) {
  return float_of((word_of(magnitude) & 0x7fffffffu) | (word_of(sign) & 0x80000000u));
}

/* Kahan: the rounding error of u = 1 + x or exp(x) cancels in the quotient. */
float dm_expm1f(float x) {
  if (x < -20.0f) return -1.0f + float_of(0x33000000u);
  if (absolute(x) > 20.0f || x != x) return dm_expf(x);
  float u = dm_expf(x);
  if (u == 1.0f) return x;
  float less = u - 1.0f;
  return less == -1.0f ? -1.0f : less * x / dm_logf(u);
}

float dm_log1pf(float x) {
  float u = 1.0f + x;
  if (u == 1.0f) return x;
  if (!(u > 0.0f) || u > 3e38f) return dm_logf(u);
  return dm_logf(u) * x / (u - 1.0f);
}

float dm_tanf(float x) { return x == 0.0f ? x : dm_sinf(x) / dm_cosf(x); }

/* Reduced to |x| <= tan(pi/8); the polynomial is that of Cephes. */
float dm_atanf(float x) {
  float t = absolute(x), offset = 0.0f;
  if (t > 2.414213562f) {
    offset = 1.570796327f;
    t = -1.0f / t;
  } else if (t > 0.4142135624f) {
    offset = 0.7853981634f;
    t = (t - 1.0f) / (t + 1.0f);
  }
  float z = t * t;
  float p = ((8.05374449538e-2f * z - 1.38776856032e-1f) * z + 1.99777106478e-1f) * z - 3.33329491539e-1f;
  return with_sign(offset + (p * z * t + t), x);
}

float dm_asinf(float x) {
  float t = absolute(x);
  if (t == 1.0f) return with_sign(1.570796327f, x);
  return with_sign(dm_atanf(t / dm_sqrtf((1.0f - t) * (1.0f + t))), x) + (t > 1.0f ? float_of(0x7fc00000u) : 0.0f);
}

float dm_acosf(float x) {
  if (absolute(x) > 1.0f) return float_of(0x7fc00000u);
  if (x == -1.0f) return 3.141592654f;
  return 2.0f * dm_atanf(dm_sqrtf((1.0f - x) / (1.0f + x)));
}

float dm_sinhf(float x) {
  float t = absolute(x);
  if (t > 80.0f) {
    float half = dm_expf(t * 0.5f);
    return with_sign(0.5f * half * half, x);
  }
  float e = dm_expm1f(t);
  return with_sign(0.5f * (e + e / (e + 1.0f)), x);
}

float dm_coshf(float x) {
  float half = dm_expf(absolute(x) * 0.5f);
  return absolute(x) > 80.0f ? 0.5f * half * half : 0.5f * (dm_expf(x) + dm_expf(-x));
}

float dm_asinhf(float x) {
  float t = absolute(x);
  if (t > 1e9f) return with_sign(dm_logf(t) + 0.6931471806f, x);
  return with_sign(dm_log1pf(t + t * t / (1.0f + dm_sqrtf(t * t + 1.0f))), x);
}

float dm_acoshf(float x) {
  if (x > 1e9f) return dm_logf(x) + 0.6931471806f;
  float t = x - 1.0f;
  return dm_log1pf(t + dm_sqrtf(2.0f * t + t * t));
}

float dm_atanhf(float x) {
  float t = absolute(x);
  return with_sign(0.5f * dm_log1pf(2.0f * t / (1.0f - t)), x) + (t > 1.0f ? float_of(0x7fc00000u) : 0.0f);
}

/* ---- double ---- */

#define WHOLE 4503599627370496.0 /* 2^52: from here on a double has no fraction */

double dm_rint(double x) {
  if (!(x < WHOLE && x > -WHOLE)) return x;
  /* volatile: the sum must be rounded to double */
  volatile double shifted = x < 0 ? x - WHOLE : x + WHOLE;
  double r = x < 0 ? shifted + WHOLE : shifted - WHOLE;
  return r == 0 ? x * 0.0 : r;
}

double dm_floor(double x) {
  double r = dm_rint(x);
  return r > x ? r - 1.0 : r;
}

double dm_ceil(double x) {
  double r = dm_rint(x);
  return r < x ? r + 1.0 : r;
}

double dm_trunc(double x) { return x < 0 ? dm_ceil(x) : dm_floor(x); }

double dm_round(double x) {
  double t = dm_trunc(x), rest = x - t;
  return rest >= 0.5 ? t + 1.0 : rest <= -0.5 ? t - 1.0 : t;
}

/* ---- 16-bit floats ---- */

float dm_bf16_to_f32(uint16_t x) { return float_of((uint32_t)x << 16); }

uint16_t dm_f32_to_bf16(float x) {
  uint32_t u = word_of(x);
  if (x != x) return (uint16_t)((u >> 16) | 0x40u);
  return (uint16_t)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

float dm_f16_to_f32(uint16_t x) {
  uint32_t sign = (uint32_t)(x & 0x8000u) << 16, rest = x & 0x7fffu;
  if (rest >= 0x7c00u) return float_of(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  /* As if normal, then scaled by 2^112: exact for subnormals too. */
  return float_of(sign | word_of(float_of(rest << 13) * 0x1p+112f));
}

uint16_t dm_f32_to_f16(float x) {
  uint32_t u = word_of(x), sign = (u >> 16) & 0x8000u, rest = u & 0x7fffffffu;
  if (rest > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
  if (rest >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);
  if (rest < 0x38800000u) {
    /* Subnormal or zero: adding 0.5 puts the last bit where it is rounded. */
    float shifted = float_of(rest) + 0.5f;
    return (uint16_t)(sign | (word_of(shifted) - 0x3f000000u));
  }
  return (uint16_t)(sign | ((rest + 0xfffu + ((rest >> 13) & 1u) - 0x38000000u) >> 13));
}
