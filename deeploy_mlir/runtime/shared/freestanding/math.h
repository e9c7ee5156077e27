/* SPDX-License-Identifier: Apache-2.0 */
/* What generated constants need of the standard's math.h, where there is no C library; functions are in dm_math.h. */
#ifndef DM_FREESTANDING_MATH_H
#define DM_FREESTANDING_MATH_H

#define INFINITY (__builtin_inff())
#define NAN (__builtin_nanf(""))

#endif
