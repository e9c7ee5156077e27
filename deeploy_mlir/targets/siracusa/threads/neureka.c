/* SPDX-License-Identifier: Apache-2.0 */
#include "neureka.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXTS 2 /* jobs that the engine takes at a time */
#define CHANNELS 32 /* input channels of a row of 1x1 weights */
#define CHANNELS_3X3 28
#define ROW 32 /* bytes */

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

/* 1x1: bit q of channel c of a row is bit c / 4 * 32 + q * 4 + c % 4. 3x3: a row for each bit, tap by tap. 128 is taken
   off. */
static int32_t weight(const dm_neureka_job *j, int32_t out, int32_t tap, int32_t in) {
  int32_t tile = j->side == 1 ? CHANNELS : CHANNELS_3X3, channel = in % tile, value = 0;
  const uint8_t *rows = j->weights + (j->depthwise ? 0 : (ptrdiff_t)out * j->weight_channel);
  rows += in / tile * ROW * (j->side == 1 ? 1 : 8);
  for (int32_t q = 0; q < 8; q++) {
    int32_t bit = j->side == 1 ? channel / 4 * 32 + q * 4 + channel % 4 : q * 8 * ROW + tap * CHANNELS_3X3 + channel;
    value |= (rows[bit / 8] >> bit % 8 & 1) << q;
  }
  return value - 128;
}

static int32_t input(const dm_neureka_job *j, int32_t row, int32_t column, int32_t channel) {
  if (row < 0 || row >= j->in_rows || column < 0 || column >= j->in_columns) return 0;
  const uint8_t *p = j->in + (ptrdiff_t)row * j->in_row + (ptrdiff_t)column * j->in_pixel + channel;
  return j->in_signed ? (int8_t)*p : *p;
}

static uint8_t requantized(const dm_neureka_job *j, int32_t out, int32_t sum) {
  int64_t value = (int64_t)sum * j->scales[out] + j->biases[out];
  if (value != (int32_t)value) fail("a sum times its scale plus its bias is no number of 32 bits");
  int32_t least = j->out_signed ? -128 : 0, result = (int32_t)value >> j->shift;
  return (uint8_t)(result < least ? least : result > least + 255 ? least + 255 : result);
}

/* `weights`: [out][tap][in], of which a depthwise filter has one */
static int32_t sum_of(const dm_neureka_job *j, const int32_t *weights, int32_t row, int32_t column, int32_t out) {
  int32_t sum = 0, inputs = j->depthwise ? 1 : j->channels_in;
  const int32_t *w = weights + (ptrdiff_t)out * j->side * j->side * inputs;
  for (int32_t y = 0; y < j->side; y++)
    for (int32_t x = 0; x < j->side; x++)
      for (int32_t k = 0; k < inputs; k++)
        sum += *w++ * input(j, j->first_row + row + y, j->first_column + column + x, j->depthwise ? out : k);
  return sum;
}

static void *run(void *argument) {
  const dm_neureka_job *j = argument;
  int32_t taps = j->side * j->side, inputs = j->depthwise ? 1 : j->channels_in;
  int32_t *weights = malloc(sizeof(int32_t) * (size_t)j->channels_out * (size_t)taps * (size_t)inputs), *w = weights;
  if (!weights) fail("no memory");
  for (int32_t out = 0; out < j->channels_out; out++)
    for (int32_t tap = 0; tap < taps; tap++)
      for (int32_t in = 0; in < inputs; in++) *w++ = weight(j, out, tap, j->depthwise ? out : in);
  for (int32_t row = 0; row < j->rows; row++)
    for (int32_t column = 0; column < j->columns; column++) {
      uint8_t *to = j->out + (ptrdiff_t)row * j->out_row + (ptrdiff_t)column * j->out_pixel;
      for (int32_t out = 0; out < j->channels_out; out++) {
        int32_t sum = sum_of(j, weights, row, column, out);
        if (j->scales) to[out] = requantized(j, out, sum);
        else memcpy(to + 4 * out, &sum, 4);
      }
    }
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
