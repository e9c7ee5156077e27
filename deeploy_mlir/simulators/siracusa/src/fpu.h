/* What the FPU and the inner loop share: bit casts and the host's exception flags. */
#ifndef DMSIM_FPU_H
#define DMSIM_FPU_H

#include "internal.h"

enum { FFLAG_NX = 1, FFLAG_UF = 2, FFLAG_OF = 4, FFLAG_DZ = 8, FFLAG_NV = 16 };

static inline float as_float(u32 v) {
  float f;
  memcpy(&f, &v, 4);
  return f;
}

static inline u32 as_word(float f) {
  u32 v;
  memcpy(&v, &f, 4);
  return v;
}

#if defined(__SSE2__) /* fenv.h's functions also save the x87's state: 20 times slower */
#include <xmmintrin.h>
static inline u32 host_flags(void) {
  u32 m = _mm_getcsr();
  return (m >> 5 & 1) | (m >> 3 & 2) | (m >> 1 & 4) | (m << 1 & 8) | (m << 4 & 16);
}
static inline void host_clear_flags(void) { _mm_setcsr(_mm_getcsr() & ~0x3fu); }
#else
#include <fenv.h>
static inline u32 host_flags(void) {
  int e = fetestexcept(FE_ALL_EXCEPT);
  return (e & FE_INEXACT ? FFLAG_NX : 0u) | (e & FE_UNDERFLOW ? FFLAG_UF : 0u) | (e & FE_OVERFLOW ? FFLAG_OF : 0u) |
         (e & FE_DIVBYZERO ? FFLAG_DZ : 0u) | (e & FE_INVALID ? FFLAG_NV : 0u);
}
static inline void host_clear_flags(void) { feclearexcept(FE_ALL_EXCEPT); }
#endif

#endif
