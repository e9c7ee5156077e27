/* Jobs of N-EUREKA through the platform's driver, as the test sets them. */
#include "deeploy/platform.h"
#include "neureka.h"

enum { ROOM = 32768 };
DM_L1_NOINIT uint8_t in[ROOM] DM_ALIGN(4);
DM_L1_NOINIT uint8_t weights[ROOM] DM_ALIGN(4);
DM_L1_NOINIT int32_t scales[256], biases[256];
DM_L1_NOINIT uint8_t out[ROOM] DM_ALIGN(4);
DM_WMEM uint8_t far_weights[ROOM] = {1};
int32_t rows = 1, columns = 1, channels_in = 1, channels_out = 1, packed = 32, shift = 1, requantize = 1;
int32_t in_signed = 1, out_signed = 1, far = 1;
uint32_t cycles = 1;

static void work(void) {
  if (dm_core_id() != 0) return;
  dm_neureka_job job = dm_neureka_1x1(rows, columns, channels_in, channels_out);
  dm_neureka_input(&job, in, channels_in, columns * channels_in, in_signed);
  dm_neureka_weights(&job, far ? far_weights : weights, packed);
  int32_t bytes = channels_out * (requantize ? 1 : 4);
  dm_neureka_output(&job, out, bytes, columns * bytes);
  if (requantize) dm_neureka_requantize(&job, scales, biases, shift, out_signed);
  else dm_neureka_sums(&job);
  uint32_t start = dm_cycles();
  dm_job running = dm_neureka_start(&job);
  dm_neureka_wait(running);
  cycles = dm_cycles() - start;
  dm_neureka_wait(DM_NO_JOB);
}

int main(void) {
  dm_cluster_run(work);
  dm_cluster_run(work);
  return 0;
}
