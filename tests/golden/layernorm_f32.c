#include <stddef.h>
#include <stdint.h>
#include "layernorm_f32.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "layernorm_f32_weights.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t layernorm_f32_l1[1280];
DM_L2_NOINIT DM_ALIGN(4) float layernorm_f32_input_0[128];
DM_L2_NOINIT DM_ALIGN(4) float layernorm_f32_output_0[128];

static DM_KERNEL void layernorm_f32_row_1(const float *restrict in0, const float *restrict extra0,
        const float *restrict extra1, float *restrict out, int32_t size3_0) {
    for (int32_t r0 = 0; r0 < size3_0; r0++) {
        const float *restrict x = in0 + r0 * 32;
        float *restrict y = out + r0 * 32;
        float mean_sum0 = 0.0f;
        float mean_sum1 = 0.0f;
        float mean_sum2 = 0.0f;
        float mean_sum3 = 0.0f;
        for (int32_t k = 0; k < 32; k += 4) {
            mean_sum0 += x[k];
            mean_sum1 += x[k + 1];
            mean_sum2 += x[k + 2];
            mean_sum3 += x[k + 3];
        }
        float mean = (mean_sum0 + mean_sum1 + (mean_sum2 + mean_sum3)) / 32.0f;
        const float mean_value = mean;
        float shift_sum0 = 0.0f;
        float shift_sum1 = 0.0f;
        float shift_sum2 = 0.0f;
        float shift_sum3 = 0.0f;
        float variance_sum0 = 0.0f;
        float variance_sum1 = 0.0f;
        float variance_sum2 = 0.0f;
        float variance_sum3 = 0.0f;
        for (int32_t k = 0; k < 32; k += 4) {
            const float centred = x[k] - mean_value;
            shift_sum0 += centred;
            variance_sum0 += centred * centred;
            const float centred_1 = x[k + 1] - mean_value;
            shift_sum1 += centred_1;
            variance_sum1 += centred_1 * centred_1;
            const float centred_2 = x[k + 2] - mean_value;
            shift_sum2 += centred_2;
            variance_sum2 += centred_2 * centred_2;
            const float centred_3 = x[k + 3] - mean_value;
            shift_sum3 += centred_3;
            variance_sum3 += centred_3 * centred_3;
        }
        float shift = (shift_sum0 + shift_sum1 + (shift_sum2 + shift_sum3)) / 32.0f;
        const float shift_value = shift;
        const float t = (variance_sum0 + variance_sum1 + (variance_sum2 + variance_sum3)) / 32.0f -
                shift_value * shift_value;
        float scale = 1.0f / dm_sqrtf((0.0f > t ? 0.0f : t) + 1e-05f);
        const float scale_value = scale;
        for (int32_t k = 0; k < 32; k += 4) {
            y[k] = (x[k] - mean_value - shift_value) * scale_value * extra0[k] + extra1[k];
            const int32_t t_1 = k + 1;
            y[t_1] = (x[t_1] - mean_value - shift_value) * scale_value * extra0[t_1] + extra1[t_1];
            const int32_t t_2 = k + 2;
            y[t_2] = (x[t_2] - mean_value - shift_value) * scale_value * extra0[t_2] + extra1[t_2];
            const int32_t t_3 = k + 3;
            y[t_3] = (x[t_3] - mean_value - shift_value) * scale_value * extra0[t_3] + extra1[t_3];
        }
    }
}

// LayerNormalization_0
// row: 4x32 f32 -> 4x32 f32
// planned: 1913 cycles
static DM_STEP void layernorm_f32_00_layernormalization_0(int32_t core) {
    float *in0_tile = (float *)layernorm_f32_l1;
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, layernorm_f32_input_0, 512u, 0u, NULL);
    }
    float *extra0_tile = (float *)(layernorm_f32_l1 + 1024);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile, layernorm_f32_weight_c0, 128u, 0u,
                NULL);
    }
    float *extra1_tile = (float *)(layernorm_f32_l1 + 1152);
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_in(DM_DMA_MCHAN, extra1_tile, layernorm_f32_weight_c1, 128u, 0u,
                NULL);
    }
    float *out_tile = (float *)(layernorm_f32_l1 + 512);
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_dma_wait(DM_DMA_MCHAN, token_2);
    dm_barrier();
    const int32_t t = core * 4 / 8;
    const int32_t t_1 = (core + 1) * 4 / 8 - t;
    if (t_1 > 0) {
        layernorm_f32_row_1(in0_tile + t * 32, extra0_tile, extra1_tile, out_tile + t * 32, t_1);
    }
    dm_barrier();
    dm_token token_3 = DM_NO_TOKEN;
    if (core == 0) {
        token_3 = dm_dma_start_out(DM_DMA_MCHAN, layernorm_f32_output_0, out_tile, 512u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token_3);
}

static void layernorm_f32_cluster(void) {
    const uint32_t t = dm_core_id();
    layernorm_f32_00_layernormalization_0((int32_t)t);
}

void layernorm_f32_run(void) {
    dm_cluster_run(layernorm_f32_cluster);
}
