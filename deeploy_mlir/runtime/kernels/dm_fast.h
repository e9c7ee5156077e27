/* SPDX-License-Identifier: Apache-2.0 */
/* Small approximations of some functions of dm_math.h, for `--math fast`: no calls, no branches, no tables. The stated
   errors are the largest over all floats of the range; a NaN stays one. */
#ifndef DM_FAST_H
#define DM_FAST_H

#include <stdint.h>

#include "dm_float.h"

typedef union {
  float f;
  uint32_t u;
} dm_fast_bits;

/* a * b + c, in one operation where the processor has it: the last bits of what follows are each target's own. */
static inline float dm_fast_multiply_add(float a, float b, float c) {
#if defined(DM_HAS_FMA)
  return dm_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

/* Relative error 8e-6 in -87 .. 88; beyond, the values at these ends (1.6e-38, 1.7e38). */
static inline float dm_fast_expf(float x) {
  float within = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
  float t = within * 0x1.715476p+0f;                  /* exp(x) = 2^t */
  dm_fast_bits n = {.f = t + 12582912.0f}, power;     /* 1.5 * 2^23: the low bits hold the nearest integer */
  float r = t - (n.f - 12582912.0f);                  /* -1/2 .. 1/2 */
  float p = 0x1.3997d4p-7f;
  p = dm_fast_multiply_add(p, r, 0x1.ca1442p-5f);
  p = dm_fast_multiply_add(p, r, 0x1.ec06dap-3f);
  p = dm_fast_multiply_add(p, r, 0x1.62e0dcp-1f);
  p = dm_fast_multiply_add(p, r, 0x1.ffffe8p-1f);
  power.f = p;
  power.u += n.u << 23;
  return x != x ? x : power.f;
}

/* Absolute error 4e-6. */
static inline float dm_fast_tanhf(float x) { return 1.0f - 2.0f / (dm_fast_expf(2.0f * x) + 1.0f); }

/* Absolute error 4e-6: Abramowitz and Stegun, 7.1.26. */
static inline float dm_fast_erff(float x) {
  float a = x < 0.0f ? -x : x, t = 1.0f / dm_fast_multiply_add(0.3275911f, a, 1.0f);
  float p = 1.061405429f;
  p = dm_fast_multiply_add(p, t, -1.453152027f);
  p = dm_fast_multiply_add(p, t, 1.421413741f);
  p = dm_fast_multiply_add(p, t, -0.284496736f);
  p = dm_fast_multiply_add(p, t, 0.254829592f);
  float y = dm_fast_multiply_add(-p * t, dm_fast_expf(-a * a), 1.0f);
  return x < 0.0f ? -y : y;
}

#endif
