/* Each core writes columns of its own of a small matrix, as a kernel does that shares its inner dimension. A compiler that
   reads elements beyond them and writes them back undoes what another core wrote. Exit status: elements that are wrong. */
#include "deeploy/platform.h"

#define COLUMNS 4
#define ROWS 4

static DM_L1 float in[ROWS * 4], weights[COLUMNS * 4], out[ROWS * COLUMNS];

static DM_KERNEL void columns(const float *restrict x0, const float *restrict x1, float *restrict y0, int32_t count) {
  for (int32_t m = 0; m < count; m++) {
    const float *restrict w = x1 + m * 4;
    float *restrict y = y0 + m;
    for (int32_t row = 0; row < ROWS; row += 2) {
      const float *restrict x = x0 + row * 4;
      float a = 0.0f, b = 0.0f;
      for (int32_t c = 0; c < 4; c++) {
        a += x[c] * w[c];
        b += x[c + 4] * w[c];
      }
      y[row * COLUMNS] = a;
      y[(row + 1) * COLUMNS] = b;
    }
  }
}

static volatile int32_t wrong;

static void work(void) {
  int32_t core = (int32_t)dm_core_id();
  if (core == 0) {
    for (int32_t i = 0; i < ROWS * 4; i++) in[i] = (float)(i + 1);
    for (int32_t i = 0; i < COLUMNS * 4; i++) weights[i] = (float)(i % 7 - 3);
    for (int32_t i = 0; i < ROWS * COLUMNS; i++) out[i] = -999.0f;
  }
  dm_barrier();
  int32_t first = core * COLUMNS / DM_CORES, last = (core + 1) * COLUMNS / DM_CORES;
  if (last > first) columns(in, weights + first * 4, out + first, last - first);
  dm_barrier();
  if (core != 0) return;
  for (int32_t row = 0; row < ROWS; row++)
    for (int32_t m = 0; m < COLUMNS; m++) {
      float sum = 0.0f;
      for (int32_t c = 0; c < 4; c++) sum += in[row * 4 + c] * weights[m * 4 + c];
      if (out[row * COLUMNS + m] != sum) wrong++;
    }
}

int main(void) {
  dm_cluster_run(work);
  return (int)wrong;
}
