/* SPDX-License-Identifier: Apache-2.0 */
/* N-EUREKA for the cluster on host threads: the functions of platform/neureka.h, where they are described, and a model
   that reads packed weights as the engine does. A job runs on a thread of its own, ordered with nothing but its start
   and its wait, so that ThreadSanitizer sees who else touches what it works on. */
#ifndef DM_NEUREKA_H
#define DM_NEUREKA_H

#include "deeploy/platform.h"

typedef struct {
  const uint8_t *in, *weights;
  const int32_t *scales, *biases; /* NULL: the output is the sums */
  uint8_t *out;
  int32_t rows, columns, channels_in, channels_out, in_pixel, in_row, out_pixel, out_row, weight_channel, shift;
  int32_t in_signed, out_signed, side, depthwise;
  int32_t first_row, first_column, in_rows, in_columns; /* of 3x3 filters: outside of the input is 0 */
} dm_neureka_job;

static inline dm_neureka_job dm_neureka_1x1(int32_t rows, int32_t columns, int32_t channels_in, int32_t channels_out) {
  dm_neureka_job job = {0};
  job.rows = rows;
  job.columns = columns;
  job.channels_in = channels_in;
  job.channels_out = channels_out;
  job.side = 1;
  job.in_rows = rows;
  job.in_columns = columns;
  return job;
}

static inline dm_neureka_job dm_neureka_3x3(int32_t rows, int32_t columns, int32_t channels_in, int32_t channels_out) {
  dm_neureka_job job = dm_neureka_1x1(rows, columns, channels_in, channels_out);
  job.side = 3;
  job.in_rows = rows + 2;
  job.in_columns = columns + 2;
  return job;
}

static inline dm_neureka_job dm_neureka_depthwise_3x3(int32_t rows, int32_t columns, int32_t channels) {
  dm_neureka_job job = dm_neureka_3x3(rows, columns, channels, channels);
  job.depthwise = 1;
  return job;
}

static inline void dm_neureka_input(dm_neureka_job *job, const void *in, int32_t pixel, int32_t row, int32_t is_signed) {
  job->in = (const uint8_t *)in;
  job->in_pixel = pixel;
  job->in_row = row;
  job->in_signed = is_signed;
}

static inline void dm_neureka_window(dm_neureka_job *job, int32_t first_row, int32_t first_column, int32_t in_rows,
                                     int32_t in_columns) {
  job->first_row = first_row;
  job->first_column = first_column;
  job->in_rows = in_rows;
  job->in_columns = in_columns;
}

static inline void dm_neureka_weights(dm_neureka_job *job, const void *weights, int32_t channel) {
  job->weights = (const uint8_t *)weights;
  job->weight_channel = channel;
}

static inline void dm_neureka_output(dm_neureka_job *job, void *out, int32_t pixel, int32_t row) {
  job->out = (uint8_t *)out;
  job->out_pixel = pixel;
  job->out_row = row;
}

static inline void dm_neureka_sums(dm_neureka_job *job) { job->scales = job->biases = 0; }

static inline void dm_neureka_requantize(dm_neureka_job *job, const int32_t *scales, const int32_t *biases,
                                         int32_t shift, int32_t is_signed) {
  job->scales = scales;
  job->biases = biases;
  job->shift = shift;
  job->out_signed = is_signed;
}

dm_job dm_neureka_start(const dm_neureka_job *job);

void dm_neureka_wait(dm_job job);

#endif
