#include "matrix.h"
#include "threads.h"

static void element(const dm_matrix_job *j, int32_t p, int32_t q, int32_t o) {
  const uint8_t *x = (const uint8_t *)j->x + p * j->p_x + q * j->q_x;
  const int8_t *w = (const int8_t *)j->w + o * j->o_w;
  int32_t sum = 0;
  for (int32_t i = 0; i < j->i; i++, x += j->i_x, w += j->i_w) sum += (j->x_signed ? (int8_t)*x : *x) * *w;
  int64_t y = (sum * (int64_t)j->scales[o] + j->biases[o]) >> j->shift;
  y = y < j->least ? j->least : y > j->most ? j->most : y;
  ((uint8_t *)j->out)[p * j->p_out + q * j->q_out + o * j->o_out] = (uint8_t)y;
}

static void work(const void *job) {
  const dm_matrix_job *j = job;
  for (int32_t p = 0; p < j->p; p++)
    for (int32_t q = 0; q < j->q; q++)
      for (int32_t o = 0; o < j->o; o++) element(j, p, q, o);
}

static dm_unit engine = {.work = work};

dm_job dm_matrix_start(const dm_matrix_job *job) { return (dm_job)dm_unit_start(&engine, job, sizeof *job); }

void dm_matrix_wait(dm_job job) {
  if (job != DM_NO_JOB) dm_unit_wait(&engine, (uint32_t)job);
}
