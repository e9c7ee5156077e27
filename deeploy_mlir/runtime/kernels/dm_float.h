/* SPDX-License-Identifier: Apache-2.0 */
/* How all code of a network computes with floats: a * b + c rounds twice, however the compiler is called. One that fuses
   the two operations where the processor can gives other results for each target and each option. -ffast-math and clang's
   -ffp-contract=fast are stronger than these lines; with them nothing is promised. */
#ifndef DM_FLOAT_H
#define DM_FLOAT_H

#if defined(__GNUC__) && !defined(__clang__) /* knows no pragma STDC; fuses unless called with -std=c11 or the like */
#pragma GCC optimize("fp-contract=off")
#elif defined(_MSC_VER) && !defined(__clang__)
#pragma fp_contract(off)
#else
#pragma STDC FP_CONTRACT OFF
#endif

#if defined(__riscv_flen) || defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define DM_HAS_FMA 1 /* the processor multiplies and adds in one operation */
#endif

#if defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_fma)
#define DM_FMA __builtin_elementwise_fma
#endif
#endif

/* a * b + c, rounded once. clang makes a call of __builtin_fmaf, for the sake of errno. */
static inline float dm_fmaf(float a, float b, float c) {
#if defined(DM_FMA)
  return DM_FMA(a, b, c);
#elif defined(__clang__) && defined(DM_HAS_FMA)
#pragma STDC FP_CONTRACT ON
  return a * b + c;
#else
  return __builtin_fmaf(a, b, c);
#endif
}

#endif
