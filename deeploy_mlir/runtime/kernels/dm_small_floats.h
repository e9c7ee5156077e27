/* SPDX-License-Identifier: Apache-2.0 */
/* Floats of 8 and 4 bits, one a byte. To them: to nearest, ties to even; what is too large becomes the format's infinity,
   else its NaN, else (f4E2M1FN) its largest number. */
#ifndef DM_SMALL_FLOATS_H
#define DM_SMALL_FLOATS_H

#include <stdint.h>

float dm_f8E4M3FN_to_f32(uint8_t x);
float dm_f8E4M3FNUZ_to_f32(uint8_t x);
float dm_f8E5M2_to_f32(uint8_t x);
float dm_f8E5M2FNUZ_to_f32(uint8_t x);
float dm_f4E2M1FN_to_f32(uint8_t x);

uint8_t dm_f32_to_f8E4M3FN(float x);
uint8_t dm_f32_to_f8E4M3FNUZ(float x);
uint8_t dm_f32_to_f8E5M2(float x);
uint8_t dm_f32_to_f8E5M2FNUZ(float x);
uint8_t dm_f32_to_f4E2M1FN(float x);

#endif
