/* SPDX-License-Identifier: Apache-2.0 */
#include "neureka.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXTS 2 /* jobs that the engine takes at a time */
#define CHANNELS 32

typedef struct {
  dm_neureka_job job;
  pthread_t thread;
  int in_use; /* core 0's */
} context;

static context contexts[CONTEXTS];

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "deeploy runtime: N-EUREKA: %s\n", what);
  abort();
}

/* Bit q of channel c of a row is bit c / 4 * 32 + q * 4 + c % 4; 128 is taken off. */
static int32_t weight(const dm_neureka_job *j, int32_t out, int32_t in) {
  const uint8_t *row = j->weights + (ptrdiff_t)out * j->weight_channel + in / CHANNELS * CHANNELS;
  int32_t channel = in % CHANNELS, value = 0;
  for (int32_t q = 0; q < 8; q++) {
    int32_t bit = channel / 4 * 32 + q * 4 + channel % 4;
    value |= (row[bit / 8] >> bit % 8 & 1) << q;
  }
  return value - 128;
}

static uint8_t requantized(const dm_neureka_job *j, int32_t out, int32_t sum) {
  int64_t value = (int64_t)sum * j->scales[out] + j->biases[out];
  if (value != (int32_t)value) fail("a sum times its scale plus its bias is no number of 32 bits");
  int32_t least = j->out_signed ? -128 : 0, result = (int32_t)value >> j->shift;
  return (uint8_t)(result < least ? least : result > least + 255 ? least + 255 : result);
}

static void pixel(const dm_neureka_job *j, const int32_t *weights, const uint8_t *in, uint8_t *to) {
  for (int32_t out = 0; out < j->channels_out; out++) {
    int32_t sum = 0;
    for (int32_t k = 0; k < j->channels_in; k++)
      sum += (j->in_signed ? (int8_t)in[k] : in[k]) * weights[out * j->channels_in + k];
    if (j->scales) to[out] = requantized(j, out, sum);
    else memcpy(to + 4 * out, &sum, 4);
  }
}

static void *run(void *argument) {
  const dm_neureka_job *j = argument;
  int32_t *weights = malloc(sizeof(int32_t) * (size_t)j->channels_out * (size_t)j->channels_in);
  if (!weights) fail("no memory");
  for (int32_t out = 0; out < j->channels_out; out++)
    for (int32_t in = 0; in < j->channels_in; in++) weights[out * j->channels_in + in] = weight(j, out, in);
  for (int32_t row = 0; row < j->rows; row++)
    for (int32_t column = 0; column < j->columns; column++)
      pixel(j, weights, j->in + (ptrdiff_t)row * j->in_row + (ptrdiff_t)column * j->in_pixel,
            j->out + (ptrdiff_t)row * j->out_row + (ptrdiff_t)column * j->out_pixel);
  free(weights);
  return NULL;
}

dm_job dm_neureka_start(const dm_neureka_job *job) {
  if (dm_core_id() != 0) fail("used by another core than core 0");
  dm_job id = 0;
  while (id < CONTEXTS && contexts[id].in_use) id++;
  if (id == CONTEXTS) fail("more jobs than it takes at a time");
  contexts[id].job = *job;
  contexts[id].in_use = 1;
  if (pthread_create(&contexts[id].thread, NULL, run, &contexts[id].job) != 0) fail("cannot create a thread");
  return id;
}

void dm_neureka_wait(dm_job job) {
  if (job == DM_NO_JOB) return;
  if (job >= CONTEXTS || !contexts[job].in_use) fail("a wait for a job that is not running");
  pthread_join(contexts[job].thread, NULL);
  contexts[job].in_use = 0;
}
