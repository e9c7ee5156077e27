/* The matrix engine: core 0 starts a job and waits for it; the job runs beside the cores. */
#ifndef MATRIX_H
#define MATRIX_H

#include "deeploy/platform.h"

/* out[p, q, o] = clamp(((sum over i of x[p, q, i] * w[i, o]) * scales[o] + biases[o]) >> shift, least, most), computed in 64
   bits. Sizes p, q, o, i; steps in elements: p_x is the one from p to p + 1 in x. */
typedef struct {
  const void *x, *w;
  const int32_t *scales;
  const int64_t *biases;
  void *out;
  int32_t p, p_x, p_out, q, q_x, q_out, o, o_w, o_out, i, i_x, i_w, shift, x_signed, least, most;
} dm_matrix_job;

dm_job dm_matrix_start(const dm_matrix_job *job);
void dm_matrix_wait(dm_job job);

#endif
