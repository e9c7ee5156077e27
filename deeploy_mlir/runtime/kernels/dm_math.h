/* SPDX-License-Identifier: Apache-2.0 */
/* Elementary functions on float, so that results depend on no C library: the same bits on every IEEE-754 machine, in
   round-to-nearest and without -ffast-math. Errors, in units in the last place of the result, are the largest seen over
   all floats (dm_powf: over random arguments). Infinities, NaN and subnormals behave as in ISO C, but errno is not
   set. */
#ifndef DM_MATH_H
#define DM_MATH_H

#include <stdint.h>

#include "dm_float.h"
#include "dm_more.h"

#ifdef __cplusplus
extern "C" {
#endif

float dm_expf(float x);  /* 0.96 */
float dm_logf(float x);  /* 0.84 */
float dm_tanhf(float x); /* 1.34 */
float dm_erff(float x);  /* 0.97 */
float dm_powf(float x, float y); /* 0.95 */
float dm_sinf(float x);          /* 2.70 */
float dm_cosf(float x);          /* 2.70 */
float dm_sigmoidf(float x);      /* 2.41; 1 / (1 + exp(-x)) */

/* exact or correctly rounded */
float dm_sqrtf(float x);
float dm_floorf(float x);
float dm_ceilf(float x);
float dm_truncf(float x);
float dm_rintf(float x);  /* to nearest, ties to even */
float dm_roundf(float x); /* to nearest, ties away from zero */
float dm_fmodf(float x, float y); /* time grows with the difference of the exponents: up to 277 steps */

#ifdef __cplusplus
}
#endif

#endif
