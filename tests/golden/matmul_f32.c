#include <stddef.h>
#include <stdint.h>
#include "matmul_f32.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "matmul_f32_weights.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t matmul_f32_l1[1816];
DM_L2_NOINIT DM_ALIGN(4) float matmul_f32_input_0[144];
DM_L2_NOINIT DM_ALIGN(4) float matmul_f32_output_0[60];

static DM_KERNEL void matmul_f32_matmul_1(const float *restrict in0, const float *restrict in1,
        const float *restrict extra0, float *restrict out, int32_t size3_0) {
    for (int32_t m = 0; m < size3_0; m += 2) {
        const float *restrict x0 = in0 + m * 24;
        float *restrict y = out + m * 10;
        const int32_t t = size3_0 - m - 1;
        const int32_t min = 1 < t ? 1 : t;
        float acc00 = 0.0f;
        float acc01 = 0.0f;
        float acc10 = 0.0f;
        float acc11 = 0.0f;
        float acc20 = 0.0f;
        float acc21 = 0.0f;
        float acc30 = 0.0f;
        float acc31 = 0.0f;
        float acc40 = 0.0f;
        float acc41 = 0.0f;
        const float *restrict x1 = x0 + min * 24;
        const float *restrict w1 = in1 + 1;
        const float *restrict w2 = in1 + 2;
        const float *restrict w3 = in1 + 3;
        const float *restrict w4 = in1 + 4;
        _Pragma("GCC unroll 1")
        for (int32_t k = 0; k < 24; k += 2) {
            const float x0_value = x0[k];
            const float w0_value = in1[k * 10];
            acc00 = dm_fmaf(x0_value, w0_value, acc00);
            const float x1_value = x1[k];
            acc01 = dm_fmaf(x1_value, w0_value, acc01);
            const float w1_value = w1[k * 10];
            acc10 = dm_fmaf(x0_value, w1_value, acc10);
            acc11 = dm_fmaf(x1_value, w1_value, acc11);
            const float w2_value = w2[k * 10];
            acc20 = dm_fmaf(x0_value, w2_value, acc20);
            acc21 = dm_fmaf(x1_value, w2_value, acc21);
            const float w3_value = w3[k * 10];
            acc30 = dm_fmaf(x0_value, w3_value, acc30);
            acc31 = dm_fmaf(x1_value, w3_value, acc31);
            const float w4_value = w4[k * 10];
            acc40 = dm_fmaf(x0_value, w4_value, acc40);
            acc41 = dm_fmaf(x1_value, w4_value, acc41);
            const float x0_value_1 = x0[k + 1];
            const float w0_value_1 = in1[(k + 1) * 10];
            acc00 = dm_fmaf(x0_value_1, w0_value_1, acc00);
            const float x1_value_1 = x1[k + 1];
            acc01 = dm_fmaf(x1_value_1, w0_value_1, acc01);
            const float w1_value_1 = w1[(k + 1) * 10];
            acc10 = dm_fmaf(x0_value_1, w1_value_1, acc10);
            acc11 = dm_fmaf(x1_value_1, w1_value_1, acc11);
            const float w2_value_1 = w2[(k + 1) * 10];
            acc20 = dm_fmaf(x0_value_1, w2_value_1, acc20);
            acc21 = dm_fmaf(x1_value_1, w2_value_1, acc21);
            const float w3_value_1 = w3[(k + 1) * 10];
            acc30 = dm_fmaf(x0_value_1, w3_value_1, acc30);
            acc31 = dm_fmaf(x1_value_1, w3_value_1, acc31);
            const float w4_value_1 = w4[(k + 1) * 10];
            acc40 = dm_fmaf(x0_value_1, w4_value_1, acc40);
            acc41 = dm_fmaf(x1_value_1, w4_value_1, acc41);
        }
        const int32_t t_1 = min * 10;
        const float extra0_value = extra0[0];
        y[0] = acc00 + extra0_value;
        y[t_1] = acc01 + extra0_value;
        const float extra0_value_1 = extra0[1];
        y[1] = acc10 + extra0_value_1;
        y[1 + t_1] = acc11 + extra0_value_1;
        const float extra0_value_2 = extra0[2];
        y[2] = acc20 + extra0_value_2;
        y[2 + t_1] = acc21 + extra0_value_2;
        const float extra0_value_3 = extra0[3];
        y[3] = acc30 + extra0_value_3;
        y[3 + t_1] = acc31 + extra0_value_3;
        const float extra0_value_4 = extra0[4];
        y[4] = acc40 + extra0_value_4;
        y[4 + t_1] = acc41 + extra0_value_4;
    }
}

// MatMul_0
// matmul: 6x24 f32 x 24x10 f32 -> 6x10 f32
// planned: 1885 cycles
static DM_STEP void matmul_f32_00_matmul_0(int32_t core) {
    float *in0_tile = (float *)(matmul_f32_l1 + 960);
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, matmul_f32_input_0, 576u, 0u, NULL);
    }
    float *in1_tile = (float *)matmul_f32_l1;
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, matmul_f32_weight_c0, 960u, 0u, NULL);
    }
    float *extra0_tile = (float *)(matmul_f32_l1 + 1776);
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile, matmul_f32_weight_c1, 40u, 0u, NULL);
    }
    float *out_tile = (float *)(matmul_f32_l1 + 1536);
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_dma_wait(DM_DMA_MCHAN, token_2);
    dm_barrier();
    const int32_t t = core / 2;
    const int32_t t_1 = t * 6 / 4;
    const int32_t t_2 = core % 2 * 5;
    matmul_f32_matmul_1(in0_tile + t_1 * 24, in1_tile + t_2, extra0_tile + t_2, out_tile +
            (t_1 * 10 + t_2), (t + 1) * 6 / 4 - t_1);
    dm_barrier();
    dm_token token_3 = DM_NO_TOKEN;
    if (core == 0) {
        token_3 = dm_dma_start_out(DM_DMA_MCHAN, matmul_f32_output_0, out_tile, 240u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token_3);
}

static void matmul_f32_cluster(void) {
    const uint32_t t = dm_core_id();
    matmul_f32_00_matmul_0((int32_t)t);
}

void matmul_f32_run(void) {
    dm_cluster_run(matmul_f32_cluster);
}
