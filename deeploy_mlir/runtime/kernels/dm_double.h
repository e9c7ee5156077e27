/* SPDX-License-Identifier: Apache-2.0 */
/* Elementary functions on double, for networks that are declared so: targets without a double unit compute them in
   software. Relative errors are below 1e-15; of dm_pow below 1e-15 times the exponent of its result. */
#ifndef DM_DOUBLE_H
#define DM_DOUBLE_H

double dm_exp(double x);
double dm_expm1(double x);
double dm_log(double x);
double dm_log1p(double x);
double dm_tanh(double x);
double dm_pow(double x, double y);

double dm_sqrt(double x);
double dm_fmod(double x, double y); /* exact; time grows with the difference of the exponents */

#endif
