/* SPDX-License-Identifier: Apache-2.0 */
/* More functions for the bodies of kernels, beside those of dm_math.h: further elementary functions on float (errors of a
   few units in the last place), rounding of double, and conversions of 16-bit floats, which are stored as uint16_t. */
#ifndef DM_MORE_H
#define DM_MORE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

float dm_expm1f(float x);
float dm_log1pf(float x);
float dm_tanf(float x);
float dm_asinf(float x);
float dm_acosf(float x);
float dm_atanf(float x);
float dm_sinhf(float x);
float dm_coshf(float x);
float dm_asinhf(float x);
float dm_acoshf(float x);
float dm_atanhf(float x);

/* exact */
double dm_rint(double x); /* to nearest, ties to even */
double dm_floor(double x);
double dm_ceil(double x);
double dm_trunc(double x);
double dm_round(double x); /* to nearest, ties away from zero */

float dm_bf16_to_f32(uint16_t x);
float dm_f16_to_f32(uint16_t x);
/* rounded to nearest, ties to even; a NaN stays one */
uint16_t dm_f32_to_bf16(float x);
uint16_t dm_f32_to_f16(float x);

#ifdef __cplusplus
}
#endif

#endif
