/* SPDX-License-Identifier: Apache-2.0 */
/* Values as the bits that hold them, and back. */
#ifndef DM_BITS_H
#define DM_BITS_H

#include <stdint.h>

static inline uint32_t dm_bits_of_f32(float x) {
  union {
    float f;
    uint32_t u;
  } bits = {.f = x};
  return bits.u;
}

static inline float dm_f32_from_bits(uint32_t u) {
  union {
    uint32_t u;
    float f;
  } bits = {.u = u};
  return bits.f;
}

static inline uint64_t dm_bits_of_f64(double x) {
  union {
    double f;
    uint64_t u;
  } bits = {.f = x};
  return bits.u;
}

static inline double dm_f64_from_bits(uint64_t u) {
  union {
    uint64_t u;
    double f;
  } bits = {.u = u};
  return bits.f;
}

/* Four bytes of memory, wherever they lie, as they stand there. */
static inline int32_t dm_word(const void *p) {
  int32_t word;
  __builtin_memcpy(&word, p, sizeof word);
  return word;
}

#endif
