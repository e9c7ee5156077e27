/* SPDX-License-Identifier: Apache-2.0 */
/* See dm_small_floats.h. */
#include "dm_small_floats.h"

#include "dm_bits.h"
#include "dm_math.h"

/* A format: bits of its mantissa, bias of its exponent, code of its sign, largest number, what is beyond it, and NaN. */
typedef struct {
  uint32_t mantissa, bias, sign, largest, beyond, nan;
} format;

static const format E4M3FN = {3, 7, 0x80, 0x7e, 0x7f, 0x7f};
static const format E4M3FNUZ = {3, 8, 0x80, 0x7f, 0x80, 0x80};
static const format E5M2 = {2, 15, 0x80, 0x7b, 0x7c, 0x7e};
static const format E5M2FNUZ = {2, 16, 0x80, 0x7f, 0x80, 0x80};
static const format E2M1FN = {1, 1, 0x08, 0x07, 0x07, 0x08};

/* 2^n for a normal float */
static float power(int32_t n) { return dm_f32_from_bits((uint32_t)(n + 127) << 23); }

static float decoded(uint32_t code, const format *f) {
  uint32_t size = code & (f->sign - 1), exponent = size >> f->mantissa;
  uint32_t sign = code & f->sign ? 0x80000000u : 0;
  if (f->largest != f->beyond && (size > f->largest || code == f->nan)) {
    uint32_t infinite = f->beyond < f->nan && size == f->beyond;
    return dm_f32_from_bits(infinite ? sign | 0x7f800000u : 0x7fc00000u);
  }
  float value;
  if (exponent) {
    value = dm_f32_from_bits(((exponent + 127 - f->bias) << 23) | (size & ((1u << f->mantissa) - 1)) << (23 - f->mantissa));
  } else {
    value = (float)size * power(1 - (int32_t)(f->bias + f->mantissa));
  }
  return sign ? -value : value;
}

static uint8_t encoded(float x, const format *f) {
  if (x != x) return (uint8_t)f->nan;
  uint32_t u = dm_bits_of_f32(x), size, drop = 23 - f->mantissa;
  uint32_t sign = u >> 31 ? f->sign : 0;
  u &= 0x7fffffffu;
  if (u < (128 - f->bias) << 23) { /* subnormal: a multiple of the smallest number */
    size = (uint32_t)dm_rintf(dm_f32_from_bits(u) * power((int32_t)(f->bias + f->mantissa) - 1));
  } else {
    size = ((u + (1u << (drop - 1)) - 1 + ((u >> drop) & 1)) >> drop) - ((127 - f->bias) << f->mantissa);
  }
  if (size > f->largest) size = f->beyond;
  if (f->nan == f->sign && size == 0) return f->largest == f->beyond ? (uint8_t)sign : 0; /* no negative zero */
  return (uint8_t)(size | sign);
}

float dm_f8E4M3FN_to_f32(uint8_t x) { return decoded(x, &E4M3FN); }

float dm_f8E4M3FNUZ_to_f32(uint8_t x) { return decoded(x, &E4M3FNUZ); }

float dm_f8E5M2_to_f32(uint8_t x) { return decoded(x, &E5M2); }

float dm_f8E5M2FNUZ_to_f32(uint8_t x) { return decoded(x, &E5M2FNUZ); }

float dm_f4E2M1FN_to_f32(uint8_t x) { return decoded(x, &E2M1FN); }

uint8_t dm_f32_to_f8E4M3FN(float x) { return encoded(x, &E4M3FN); }

uint8_t dm_f32_to_f8E4M3FNUZ(float x) { return encoded(x, &E4M3FNUZ); }

uint8_t dm_f32_to_f8E5M2(float x) { return encoded(x, &E5M2); }

uint8_t dm_f32_to_f8E5M2FNUZ(float x) { return encoded(x, &E5M2FNUZ); }

uint8_t dm_f32_to_f4E2M1FN(float x) { return encoded(x, &E2M1FN); }
