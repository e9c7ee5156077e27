/* SPDX-License-Identifier: Apache-2.0 */
/* N-EUREKA, the convolution engine: a job is described by the functions below, started, and waited for.

       dm_neureka_job job = dm_neureka_1x1(rows, columns, channels_in, channels_out);
       dm_neureka_input(&job, in, pixel_bytes, row_bytes, 0);
       dm_neureka_weights(&job, weights, 64);
       dm_neureka_output32(&job, out, pixel_bytes, row_bytes);
       dm_job running = dm_neureka_start(&job);
       ...
       dm_neureka_wait(running);

   Feature maps have their channels innermost and lie in L1, as scales and biases do; weights may lie in L1 or in the
   weight memory (those of 1x1 and dense 3x3 filters: so many bytes for each output channel), packed as `deeploy_mlir.targets.siracusa.neureka_weights` says. To be called by core 0. */
#ifndef DM_NEUREKA_H
#define DM_NEUREKA_H

#include "deeploy/platform.h"

#define DM_NEUREKA_REGISTERS 24u

/* The job's registers. */
typedef struct {
  uint32_t word[DM_NEUREKA_REGISTERS];
} dm_neureka_job;

enum {
  DM_NEUREKA_WEIGHTS = 0,
  DM_NEUREKA_IN = 1,
  DM_NEUREKA_OUT = 2,
  DM_NEUREKA_SCALE = 3,
  DM_NEUREKA_BIAS = 5,
  DM_NEUREKA_IN_STRIDES = 6, /* pixel, row, and one that is not used */
  DM_NEUREKA_OUT_STRIDES = 9, /* 32 channels, pixel, row */
  DM_NEUREKA_WEIGHT_STRIDES = 12, /* tile of input channels, output channel, and one that is not used */
  DM_NEUREKA_REST_CHANNELS = 15, /* of the last tiles: outputs above, inputs below */
  DM_NEUREKA_REST_OUT = 16, /* rows above, columns below */
  DM_NEUREKA_REST_IN = 17,
  DM_NEUREKA_TILES_CHANNELS = 18,
  DM_NEUREKA_TILES_OUT = 19,
  DM_NEUREKA_PADDING = 20, /* top, right, bottom, left, of 4 bits, and the value */
  DM_NEUREKA_WEIGHT_OFFSET = 21,
  DM_NEUREKA_CONFIG = 23
};

#define DM_NEUREKA_BITS_8 7u /* of a weight, less 1 */
#define DM_NEUREKA_NORMALISE (1u << 4)
#define DM_NEUREKA_DEPTHWISE (1u << 5)
#define DM_NEUREKA_ONE_BY_ONE (2u << 5)
#define DM_NEUREKA_WEIGHT_MEMORY (1u << 9)
#define DM_NEUREKA_SCALE_32 (2u << 12)
#define DM_NEUREKA_ACTIVATION (1u << 15)
#define DM_NEUREKA_SHIFT(n) ((uint32_t)(n) << 16)
#define DM_NEUREKA_OUT_32 (2u << 21)
#define DM_NEUREKA_NO_RELU (1u << 23)
#define DM_NEUREKA_HAS_BIAS (1u << 25)
#define DM_NEUREKA_SIGNED_IN (1u << 26)

#define DM_NEUREKA_SIDE 6u /* of a tile of output pixels */
#define DM_NEUREKA_CHANNELS 32u /* of a tile: outputs, and inputs of a 1x1 convolution */
#define DM_NEUREKA_CHANNELS_3X3 28u /* of a tile: inputs of a 3x3 convolution, and outputs of a depthwise one */
#define DM_NEUREKA_WEIGHT_BASE 0x10400000u /* addresses of weights count from here, those in L1 too */
#define DM_NEUREKA_WEIGHT_END 0x10c00000u

static inline uint32_t dm_neureka_tiles(uint32_t n, uint32_t tile) { return (n + tile - 1u) / tile; }

static inline uint32_t dm_neureka_rest(uint32_t n, uint32_t tile) { return (n - 1u) % tile + 1u; }

static inline uint32_t dm_neureka_pair(uint32_t high, uint32_t low) { return high << 16 | low; }

static inline dm_neureka_job dm_neureka_filter(uint32_t filter, int32_t rows, int32_t columns, int32_t channels_in,
                                               uint32_t tile_in, int32_t channels_out, uint32_t tile_out) {
  uint32_t h = (uint32_t)rows, w = (uint32_t)columns, in = (uint32_t)channels_in, out = (uint32_t)channels_out;
  uint32_t more = filter == DM_NEUREKA_ONE_BY_ONE ? 0 : 2; /* rows and columns of inputs than of outputs */
  uint32_t rest_h = dm_neureka_rest(h, DM_NEUREKA_SIDE), rest_w = dm_neureka_rest(w, DM_NEUREKA_SIDE);
  dm_neureka_job job = {{0}};
  job.word[DM_NEUREKA_REST_CHANNELS] = dm_neureka_pair(dm_neureka_rest(out, tile_out), dm_neureka_rest(in, tile_in));
  job.word[DM_NEUREKA_REST_OUT] = dm_neureka_pair(rest_h, rest_w);
  job.word[DM_NEUREKA_REST_IN] = dm_neureka_pair(rest_h + more, rest_w + more);
  job.word[DM_NEUREKA_TILES_CHANNELS] = dm_neureka_pair(dm_neureka_tiles(out, tile_out), dm_neureka_tiles(in, tile_in));
  job.word[DM_NEUREKA_TILES_OUT] =
      dm_neureka_pair(dm_neureka_tiles(h, DM_NEUREKA_SIDE), dm_neureka_tiles(w, DM_NEUREKA_SIDE));
  job.word[DM_NEUREKA_CONFIG] = DM_NEUREKA_BITS_8 | filter | DM_NEUREKA_ACTIVATION;
  return job;
}

/* A 1x1 convolution of `rows` x `columns` pixels; all sizes are positive. */
static inline dm_neureka_job dm_neureka_1x1(int32_t rows, int32_t columns, int32_t channels_in, int32_t channels_out) {
  return dm_neureka_filter(DM_NEUREKA_ONE_BY_ONE, rows, columns, channels_in, DM_NEUREKA_CHANNELS, channels_out,
                           DM_NEUREKA_CHANNELS);
}

/* A 3x3 convolution that makes `rows` x `columns` pixels. */
static inline dm_neureka_job dm_neureka_3x3(int32_t rows, int32_t columns, int32_t channels_in, int32_t channels_out) {
  return dm_neureka_filter(0, rows, columns, channels_in, DM_NEUREKA_CHANNELS_3X3, channels_out, DM_NEUREKA_CHANNELS);
}

/* The same, each channel by itself. */
static inline dm_neureka_job dm_neureka_depthwise_3x3(int32_t rows, int32_t columns, int32_t channels) {
  return dm_neureka_filter(DM_NEUREKA_DEPTHWISE, rows, columns, channels, DM_NEUREKA_CHANNELS_3X3, channels,
                           DM_NEUREKA_CHANNELS_3X3);
}

/* Where the input is, and bytes from pixel to pixel and from row to row of it; its elements are signed or not. */
static inline void dm_neureka_input(dm_neureka_job *job, const void *in, int32_t pixel, int32_t row, int32_t is_signed) {
  job->word[DM_NEUREKA_IN] = (uint32_t)(uintptr_t)in;
  job->word[DM_NEUREKA_IN_STRIDES] = (uint32_t)pixel;
  job->word[DM_NEUREKA_IN_STRIDES + 1] = (uint32_t)row;
  if (is_signed) job->word[DM_NEUREKA_CONFIG] |= DM_NEUREKA_SIGNED_IN;
}

/* After dm_neureka_input, for 3x3: the window of the first pixel begins at a row and column of an input of so many rows
   and columns, at most one before its first; it reads 0 outside of it, by at most one row and column. */
static inline void dm_neureka_window(dm_neureka_job *job, int32_t first_row, int32_t first_column, int32_t in_rows,
                                     int32_t in_columns) {
  uint32_t tiles = job->word[DM_NEUREKA_TILES_OUT] - 0x10001u, rest = job->word[DM_NEUREKA_REST_OUT];
  int32_t rows = (int32_t)((tiles >> 16) * DM_NEUREKA_SIDE + (rest >> 16));
  int32_t columns = (int32_t)((tiles & 0xffffu) * DM_NEUREKA_SIDE + (rest & 0xffffu));
  uint32_t top = first_row < 0, left = first_column < 0;
  uint32_t bottom = first_row + rows + 2 > in_rows, right = first_column + columns + 2 > in_columns;
  job->word[DM_NEUREKA_IN] += (uint32_t)first_row * job->word[DM_NEUREKA_IN_STRIDES + 1] +
                              (uint32_t)first_column * job->word[DM_NEUREKA_IN_STRIDES];
  job->word[DM_NEUREKA_REST_IN] -= dm_neureka_pair(bottom, right);
  job->word[DM_NEUREKA_PADDING] = top << 28 | right << 24 | bottom << 20 | left << 16;
}

/* Packed weights of 8 bits, signed, and bytes from output channel to output channel of them. */
static inline void dm_neureka_weights(dm_neureka_job *job, const void *weights, int32_t channel) {
  uint32_t address = (uint32_t)(uintptr_t)weights, depthwise = job->word[DM_NEUREKA_CONFIG] & DM_NEUREKA_DEPTHWISE;
  job->word[DM_NEUREKA_WEIGHTS] = address - DM_NEUREKA_WEIGHT_BASE;
  job->word[DM_NEUREKA_WEIGHT_STRIDES] = DM_NEUREKA_CHANNELS;
  job->word[DM_NEUREKA_WEIGHT_STRIDES + 1] = depthwise ? 0 : (uint32_t)channel;
  job->word[DM_NEUREKA_WEIGHT_OFFSET] = (uint32_t)-128;
  if (address >= DM_NEUREKA_WEIGHT_BASE && address < DM_NEUREKA_WEIGHT_END)
    job->word[DM_NEUREKA_CONFIG] |= DM_NEUREKA_WEIGHT_MEMORY;
}

/* Where the output goes, and bytes from pixel to pixel and from row to row of it. */
static inline void dm_neureka_output(dm_neureka_job *job, void *out, int32_t pixel, int32_t row) {
  job->word[DM_NEUREKA_OUT] = (uint32_t)(uintptr_t)out;
  job->word[DM_NEUREKA_OUT_STRIDES] = DM_NEUREKA_CHANNELS;
  job->word[DM_NEUREKA_OUT_STRIDES + 1] = (uint32_t)pixel;
  job->word[DM_NEUREKA_OUT_STRIDES + 2] = (uint32_t)row;
}

/* The output is the sums, of 32 bits. */
static inline void dm_neureka_sums(dm_neureka_job *job) {
  job->word[DM_NEUREKA_CONFIG] |= DM_NEUREKA_OUT_32 | DM_NEUREKA_NO_RELU;
}

/* The output is (sum * scale + bias) >> shift of 8 bits, saturated to int8 where it is signed, to uint8 where not: a
   scale and a bias for each output channel. The shifted number has to be one of 32 bits. */
static inline void dm_neureka_requantize(dm_neureka_job *job, const int32_t *scales, const int32_t *biases,
                                         int32_t shift, int32_t is_signed) {
  job->word[DM_NEUREKA_SCALE] = (uint32_t)(uintptr_t)scales;
  job->word[DM_NEUREKA_BIAS] = (uint32_t)(uintptr_t)biases;
  job->word[DM_NEUREKA_CONFIG] |=
      DM_NEUREKA_NORMALISE | DM_NEUREKA_SCALE_32 | DM_NEUREKA_HAS_BIAS | DM_NEUREKA_SHIFT(shift);
  if (is_signed) job->word[DM_NEUREKA_CONFIG] |= DM_NEUREKA_NO_RELU;
}

#define DM_NEUREKA_BASE 0x00201000u
#define DM_NEUREKA_REGISTER(offset) (*(volatile uint32_t *)(uintptr_t)(DM_NEUREKA_BASE + (offset)))

/* Starts the job, as soon as one of the engine's two contexts is free. */
static inline dm_job dm_neureka_start(const dm_neureka_job *job) {
  int32_t id;
  do id = (int32_t)DM_NEUREKA_REGISTER(0x04);
  while (id < 0);
  for (uint32_t i = 0; i < DM_NEUREKA_REGISTERS; i++) DM_NEUREKA_REGISTER(0x20 + 4 * i) = job->word[i];
  __asm__ volatile("fence" ::: "memory");
  DM_NEUREKA_REGISTER(0x00) = 0;
  return (dm_job)id;
}

/* Returns when the job is complete; at once for DM_NO_JOB. */
void dm_neureka_wait(dm_job job);

#endif
