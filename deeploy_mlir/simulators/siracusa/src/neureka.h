/* What the register side and the execution of N-EUREKA's jobs share. */
#ifndef DMSIM_NEUREKA_H
#define DMSIM_NEUREKA_H

#include "internal.h"

/* job registers, and the first of groups of three */
enum {
  WEIGHTS,
  IN,
  OUT,
  SCALE,
  SHIFT,
  BIAS,
  IN_STRIDE,
  OUT_STRIDE = 9,
  WEIGHT_STRIDE = 12,
  REM_K = 15,
  REM_O,
  REM_I,
  NUM_K,
  NUM_O,
  PADDING,
  OFFSET,
  FILTER,
  CONFIG
};

#define TILE 6u      /* outputs of a tile in each direction */
#define TILE_OUT 32u /* its output channels, but for depthwise */

/* A job's registers in words. Of rows and columns [0] is rows, [1] columns. */
typedef struct {
  const u32 *r;
  u32 one_by_one, depthwise, side, bits, wmem, normalise, scale32, out32, relu, bias, shift_each, shift, is_signed;
  u32 tile_in, tile_out, tiles_in, tiles_out, k_in, k_out, last_in, last_out; /* channels: of a tile, tiles, all, last */
  u32 tiles[2], last[2], size[2]; /* outputs: tiles, of the last tile, all */
  u32 before[2], after[2], last_input[2]; /* padding; inputs that the last tile loads */
  i32 offset, padding_value;
} Job;

Job neureka_job(const u32 *r);
int neureka_check(Sim *s, Core *c, const Job *j);
u64 neureka_cycles(const Job *j);
void neureka_execute(Sim *s, Core *c, const Job *j);

#endif
