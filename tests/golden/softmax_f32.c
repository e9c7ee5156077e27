#include <stddef.h>
#include <stdint.h>
#include "softmax_f32.h"
#include "deeploy/platform.h"
#include "dm_math.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t softmax_f32_l1[1600];
DM_L2_NOINIT DM_ALIGN(4) float softmax_f32_input_0[200];
DM_L2_NOINIT DM_ALIGN(4) float softmax_f32_output_0[200];

static DM_KERNEL void softmax_f32_row_1(const float *restrict in0, float *restrict out,
        int32_t size1_0) {
    for (int32_t r0 = 0; r0 < size1_0; r0++) {
        const float *restrict x = in0 + r0 * 50;
        float *restrict y = out + r0 * 50;
        float top = x[0];
        for (int32_t k = 1; k < 50; k++) {
            const float x_value = x[k];
            top = top > x_value ? top : x_value;
        }
        const float top_value = top;
        float sum0 = 0.0f;
        float sum1 = 0.0f;
        float sum2 = 0.0f;
        float sum3 = 0.0f;
        for (int32_t k = 0; k < 48; k += 4) {
            y[k] = dm_expf(x[k] - top_value);
            sum0 += y[k];
            const int32_t t = k + 1;
            y[t] = dm_expf(x[t] - top_value);
            sum1 += y[t];
            const int32_t t_1 = k + 2;
            y[t_1] = dm_expf(x[t_1] - top_value);
            sum2 += y[t_1];
            const int32_t t_2 = k + 3;
            y[t_2] = dm_expf(x[t_2] - top_value);
            sum3 += y[t_2];
        }
        for (int32_t k = 48; k < 50; k++) {
            y[k] = dm_expf(x[k] - top_value);
            sum0 += y[k];
        }
        float scale = 1.0f / (sum0 + sum1 + (sum2 + sum3));
        const float scale_value = scale;
        for (int32_t k = 0; k < 50; k++) {
            y[k] = y[k] * scale_value;
        }
    }
}

// Softmax_0
// row: 4x50 f32 -> 4x50 f32
// planned: 7745 cycles
static DM_STEP void softmax_f32_00_softmax_0(int32_t core) {
    float *in0_tile = (float *)softmax_f32_l1;
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, softmax_f32_input_0, 800u, 0u, NULL);
    }
    float *out_tile = (float *)(softmax_f32_l1 + 800);
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    const int32_t t = core * 4 / 8;
    const int32_t t_1 = (core + 1) * 4 / 8 - t;
    if (t_1 > 0) {
        softmax_f32_row_1(in0_tile + t * 50, out_tile + t * 50, t_1);
    }
    dm_barrier();
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_out(DM_DMA_MCHAN, softmax_f32_output_0, out_tile, 800u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token_1);
}

static void softmax_f32_cluster(void) {
    const uint32_t t = dm_core_id();
    softmax_f32_00_softmax_0((int32_t)t);
}

void softmax_f32_run(void) {
    dm_cluster_run(softmax_f32_cluster);
}
