#include <stddef.h>
#include <stdint.h>
#include "residual.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "residual_weights.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t residual_l1[8736];
DM_L2_NOINIT DM_ALIGN(4) float residual_input_0[300];
DM_L2_NOINIT DM_ALIGN(4) float residual_output_0[5];

static DM_KERNEL void residual_map_1(const float *restrict in0, float *restrict out,
        int32_t size1_2) {
    for (int32_t d1 = 0; d1 < 5; d1++) {
        const float *restrict x = in0 + d1 * 10;
        float *restrict y = out + d1 * 30;
        for (int32_t d2 = 0; d2 < size1_2; d2++) {
            const float *restrict x_1 = x + d2;
            float *restrict y_1 = y + d2 * 3;
            y_1[0] = x_1[0];
            (y_1 + 1)[0] = (x_1 + 100)[0];
            (y_1 + 2)[0] = (x_1 + 200)[0];
        }
    }
}

// Conv_0
// map: 1x3x10x10 f32 -> 1x10x10x3 f32
// planned: 1066 cycles
static DM_STEP void residual_00_conv_0(int32_t core) {
    float *in0_tile = (float *)(residual_l1 + 1200);
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, residual_input_0, 1200u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    const int32_t t = core / 4;
    const int32_t t_1 = core % 4;
    const int32_t t_2 = t_1 * 10 / 4;
    residual_map_1(in0_tile + (t * 50 + t_2), (float *)residual_l1 + (t * 150 + t_2 * 3),
            (t_1 + 1) * 10 / 4 - t_2);
}

static DM_KERNEL void residual_conv_1(const float *restrict in0, const float *restrict in1,
        const float *restrict extra0, float *restrict out, int32_t size3_1, int32_t size0_1,
        int32_t origin0) {
    for (int32_t o0 = 0; o0 < size3_1; o0++) {
        float *restrict y = out + o0 * 80;
        const int32_t t = origin0 + o0;
        for (int32_t o1 = 1; o1 < 9; o1 += 2) {
            float *restrict y_1 = y + o1 * 8;
            const int32_t t_1 = -1 + o1;
            float acc00 = 0.0f;
            float acc01 = 0.0f;
            float acc10 = 0.0f;
            float acc11 = 0.0f;
            const int32_t t_2 = size0_1 - t;
            const int32_t max = t_2 > 0 ? t_2 : 0;
            const int32_t min = 3 < max ? 3 : max;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                const float *restrict w = in1 + k0 * 9;
                const float *restrict x = in0 + (t + k0) * 30 + t_1 * 3;
                const float x_value = x[0];
                const float w_value = w[0];
                acc00 = dm_fmaf(x_value, w_value, acc00);
                const float x_value_1 = x[3];
                acc01 = dm_fmaf(x_value_1, w_value, acc01);
                const float w_value_1 = w[27];
                acc10 = dm_fmaf(x_value, w_value_1, acc10);
                acc11 = dm_fmaf(x_value_1, w_value_1, acc11);
                const float x_value_2 = x[1];
                const float w_value_2 = w[1];
                acc00 = dm_fmaf(x_value_2, w_value_2, acc00);
                const float x_value_3 = x[4];
                acc01 = dm_fmaf(x_value_3, w_value_2, acc01);
                const float w_value_3 = w[28];
                acc10 = dm_fmaf(x_value_2, w_value_3, acc10);
                acc11 = dm_fmaf(x_value_3, w_value_3, acc11);
                const float x_value_4 = x[2];
                const float w_value_4 = w[2];
                acc00 = dm_fmaf(x_value_4, w_value_4, acc00);
                const float x_value_5 = x[5];
                acc01 = dm_fmaf(x_value_5, w_value_4, acc01);
                const float w_value_5 = w[29];
                acc10 = dm_fmaf(x_value_4, w_value_5, acc10);
                acc11 = dm_fmaf(x_value_5, w_value_5, acc11);
                const float w_value_6 = w[3];
                acc00 = dm_fmaf(x_value_1, w_value_6, acc00);
                const float x_value_6 = x[6];
                acc01 = dm_fmaf(x_value_6, w_value_6, acc01);
                const float w_value_7 = w[30];
                acc10 = dm_fmaf(x_value_1, w_value_7, acc10);
                acc11 = dm_fmaf(x_value_6, w_value_7, acc11);
                const float w_value_8 = w[4];
                acc00 = dm_fmaf(x_value_3, w_value_8, acc00);
                const float x_value_7 = x[7];
                acc01 = dm_fmaf(x_value_7, w_value_8, acc01);
                const float w_value_9 = w[31];
                acc10 = dm_fmaf(x_value_3, w_value_9, acc10);
                acc11 = dm_fmaf(x_value_7, w_value_9, acc11);
                const float w_value_10 = w[5];
                acc00 = dm_fmaf(x_value_5, w_value_10, acc00);
                const float x_value_8 = x[8];
                acc01 = dm_fmaf(x_value_8, w_value_10, acc01);
                const float w_value_11 = w[32];
                acc10 = dm_fmaf(x_value_5, w_value_11, acc10);
                acc11 = dm_fmaf(x_value_8, w_value_11, acc11);
                const float w_value_12 = w[6];
                acc00 = dm_fmaf(x_value_6, w_value_12, acc00);
                const float x_value_9 = x[9];
                acc01 = dm_fmaf(x_value_9, w_value_12, acc01);
                const float w_value_13 = w[33];
                acc10 = dm_fmaf(x_value_6, w_value_13, acc10);
                acc11 = dm_fmaf(x_value_9, w_value_13, acc11);
                const float w_value_14 = w[7];
                acc00 = dm_fmaf(x_value_7, w_value_14, acc00);
                const float x_value_10 = x[10];
                acc01 = dm_fmaf(x_value_10, w_value_14, acc01);
                const float w_value_15 = w[34];
                acc10 = dm_fmaf(x_value_7, w_value_15, acc10);
                acc11 = dm_fmaf(x_value_10, w_value_15, acc11);
                const float w_value_16 = w[8];
                acc00 = dm_fmaf(x_value_8, w_value_16, acc00);
                const float x_value_11 = x[11];
                acc01 = dm_fmaf(x_value_11, w_value_16, acc01);
                const float w_value_17 = w[35];
                acc10 = dm_fmaf(x_value_8, w_value_17, acc10);
                acc11 = dm_fmaf(x_value_11, w_value_17, acc11);
            }
            const float extra0_value = extra0[0];
            const float t_3 = acc00 + extra0_value;
            y_1[0] = 0.0f > t_3 ? 0.0f : t_3;
            const float t_4 = acc01 + extra0_value;
            y_1[8] = 0.0f > t_4 ? 0.0f : t_4;
            const float extra0_value_1 = extra0[1];
            const float t_5 = acc10 + extra0_value_1;
            y_1[1] = 0.0f > t_5 ? 0.0f : t_5;
            const float t_6 = acc11 + extra0_value_1;
            y_1[9] = 0.0f > t_6 ? 0.0f : t_6;
        }
        for (int32_t border = 0; border < 2; border++) {
            const int32_t t_1 = border < 1 ? border : border + 8;
            float *restrict y_1 = y + t_1 * 8;
            const int32_t t_2 = -1 + t_1;
            float acc00 = 0.0f;
            float acc10 = 0.0f;
            const int32_t t_3 = size0_1 - t;
            const int32_t max = t_3 > 0 ? t_3 : 0;
            const int32_t min = 3 < max ? 3 : max;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                const int32_t t_4 = -t_2;
                const int32_t max_1 = t_4 > 0 ? t_4 : 0;
                const int32_t t_5 = 10 - t_2;
                const int32_t max_2 = t_5 > 0 ? t_5 : 0;
                const float *restrict w0 = in1 + k0 * 9 + max_1 * 3;
                const float *restrict x0 = in0 + (t + k0) * 30 + (t_2 + max_1) * 3;
                const float *restrict w1 = w0 + 27;
                for (int32_t c = 0; c < ((3 < max_2 ? 3 : max_2) - max_1) * 3; c++) {
                    const float x0_value = x0[c];
                    acc00 = dm_fmaf(x0_value, w0[c], acc00);
                    acc10 = dm_fmaf(x0_value, w1[c], acc10);
                }
            }
            const float t_4 = acc00 + extra0[0];
            y_1[0] = 0.0f > t_4 ? 0.0f : t_4;
            const float t_5 = acc10 + extra0[1];
            y_1[1] = 0.0f > t_5 ? 0.0f : t_5;
        }
    }
}

// Conv_0
// conv: 1x10x10x3 f32 x 8x3x3x3 f32 -> 1x10x10x8 f32; 2 tiles: m 8 by 4
// planned: 11438 cycles
static DM_STEP void residual_01_conv_0(int32_t core) {
    float *in0 = (float *)residual_l1;
    float *out = (float *)(residual_l1 + 3200);
    for (int32_t tile = 0; tile < 2; tile++) {
        const int32_t m_start = tile * 4;
        const float *in1_part = residual_weight_c0_cl + tile * 108;
        float *in1_tile = (float *)(residual_l1 + 1200);
        dm_barrier();
        dm_token token = DM_NO_TOKEN;
        if (core == 0) {
            token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, in1_part, 432u, 0u, NULL);
        }
        const float *extra0_part = residual_weight_c1 + m_start;
        float *extra0_tile = (float *)(residual_l1 + 1632);
        dm_token token_1 = DM_NO_TOKEN;
        if (core == 0) {
            token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile, extra0_part, 16u, 0u, NULL);
        }
        dm_dma_wait(DM_DMA_MCHAN, token);
        dm_dma_wait(DM_DMA_MCHAN, token_1);
        dm_barrier();
        const int32_t t = core / 2;
        const int32_t t_1 = core % 2;
        const int32_t t_2 = t * 10 / 4;
        const int32_t t_3 = (t + 1) * 10 / 4 - t_2;
        const int32_t t_4 = t_1 * 2;
        const int32_t t_5 = -1 + t_2;
        const int32_t max = t_5 > 0 ? t_5 : 0;
        const int32_t min = max < 10 ? max : 10;
        const int32_t t_6 = t_5 + (-1 + t_3 + 3);
        const int32_t min_1 = t_6 < 10 ? t_6 : 10;
        residual_conv_1(in0 + min * 30, in1_tile + t_1 * 54, extra0_tile + t_4, out + m_start +
                (t_2 * 80 + t_4), t_3, (min_1 > min ? min_1 : min) - min, t_5 - min);
    }
}

static DM_KERNEL void residual_conv_2(const float *restrict in0, const float *restrict in1,
        const float *restrict extra0, const float *restrict extra1, float *restrict out) {
    for (int32_t o0 = 0; o0 < 10; o0++) {
        const float *restrict e1 = extra1 + o0 * 80;
        float *restrict y = out + o0 * 80;
        const int32_t t = -1 + o0;
        for (int32_t o1 = 1; o1 < 9; o1 += 2) {
            const float *restrict e1_1 = e1 + o1 * 8;
            float *restrict y_1 = y + o1 * 8;
            const int32_t t_1 = -1 + o1;
            float acc00 = 0.0f;
            float acc01 = 0.0f;
            const int32_t t_2 = 10 - t;
            const int32_t max = t_2 > 0 ? t_2 : 0;
            const int32_t min = 3 < max ? 3 : max;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                const float *restrict w = in1 + k0 * 24;
                const float *restrict x = in0 + (t + k0) * 80 + t_1 * 8;
                const float w_value = w[0];
                acc00 = dm_fmaf(x[0], w_value, acc00);
                const float x_value = x[8];
                acc01 = dm_fmaf(x_value, w_value, acc01);
                const float w_value_1 = w[1];
                acc00 = dm_fmaf(x[1], w_value_1, acc00);
                const float x_value_1 = x[9];
                acc01 = dm_fmaf(x_value_1, w_value_1, acc01);
                const float w_value_2 = w[2];
                acc00 = dm_fmaf(x[2], w_value_2, acc00);
                const float x_value_2 = x[10];
                acc01 = dm_fmaf(x_value_2, w_value_2, acc01);
                const float w_value_3 = w[3];
                acc00 = dm_fmaf(x[3], w_value_3, acc00);
                const float x_value_3 = x[11];
                acc01 = dm_fmaf(x_value_3, w_value_3, acc01);
                const float w_value_4 = w[4];
                acc00 = dm_fmaf(x[4], w_value_4, acc00);
                const float x_value_4 = x[12];
                acc01 = dm_fmaf(x_value_4, w_value_4, acc01);
                const float w_value_5 = w[5];
                acc00 = dm_fmaf(x[5], w_value_5, acc00);
                const float x_value_5 = x[13];
                acc01 = dm_fmaf(x_value_5, w_value_5, acc01);
                const float w_value_6 = w[6];
                acc00 = dm_fmaf(x[6], w_value_6, acc00);
                const float x_value_6 = x[14];
                acc01 = dm_fmaf(x_value_6, w_value_6, acc01);
                const float w_value_7 = w[7];
                acc00 = dm_fmaf(x[7], w_value_7, acc00);
                const float x_value_7 = x[15];
                acc01 = dm_fmaf(x_value_7, w_value_7, acc01);
                const float w_value_8 = w[8];
                acc00 = dm_fmaf(x_value, w_value_8, acc00);
                const float x_value_8 = x[16];
                acc01 = dm_fmaf(x_value_8, w_value_8, acc01);
                const float w_value_9 = w[9];
                acc00 = dm_fmaf(x_value_1, w_value_9, acc00);
                const float x_value_9 = x[17];
                acc01 = dm_fmaf(x_value_9, w_value_9, acc01);
                const float w_value_10 = w[10];
                acc00 = dm_fmaf(x_value_2, w_value_10, acc00);
                const float x_value_10 = x[18];
                acc01 = dm_fmaf(x_value_10, w_value_10, acc01);
                const float w_value_11 = w[11];
                acc00 = dm_fmaf(x_value_3, w_value_11, acc00);
                const float x_value_11 = x[19];
                acc01 = dm_fmaf(x_value_11, w_value_11, acc01);
                const float w_value_12 = w[12];
                acc00 = dm_fmaf(x_value_4, w_value_12, acc00);
                const float x_value_12 = x[20];
                acc01 = dm_fmaf(x_value_12, w_value_12, acc01);
                const float w_value_13 = w[13];
                acc00 = dm_fmaf(x_value_5, w_value_13, acc00);
                const float x_value_13 = x[21];
                acc01 = dm_fmaf(x_value_13, w_value_13, acc01);
                const float w_value_14 = w[14];
                acc00 = dm_fmaf(x_value_6, w_value_14, acc00);
                const float x_value_14 = x[22];
                acc01 = dm_fmaf(x_value_14, w_value_14, acc01);
                const float w_value_15 = w[15];
                acc00 = dm_fmaf(x_value_7, w_value_15, acc00);
                const float x_value_15 = x[23];
                acc01 = dm_fmaf(x_value_15, w_value_15, acc01);
                const float w_value_16 = w[16];
                acc00 = dm_fmaf(x_value_8, w_value_16, acc00);
                acc01 = dm_fmaf(x[24], w_value_16, acc01);
                const float w_value_17 = w[17];
                acc00 = dm_fmaf(x_value_9, w_value_17, acc00);
                acc01 = dm_fmaf(x[25], w_value_17, acc01);
                const float w_value_18 = w[18];
                acc00 = dm_fmaf(x_value_10, w_value_18, acc00);
                acc01 = dm_fmaf(x[26], w_value_18, acc01);
                const float w_value_19 = w[19];
                acc00 = dm_fmaf(x_value_11, w_value_19, acc00);
                acc01 = dm_fmaf(x[27], w_value_19, acc01);
                const float w_value_20 = w[20];
                acc00 = dm_fmaf(x_value_12, w_value_20, acc00);
                acc01 = dm_fmaf(x[28], w_value_20, acc01);
                const float w_value_21 = w[21];
                acc00 = dm_fmaf(x_value_13, w_value_21, acc00);
                acc01 = dm_fmaf(x[29], w_value_21, acc01);
                const float w_value_22 = w[22];
                acc00 = dm_fmaf(x_value_14, w_value_22, acc00);
                acc01 = dm_fmaf(x[30], w_value_22, acc01);
                const float w_value_23 = w[23];
                acc00 = dm_fmaf(x_value_15, w_value_23, acc00);
                acc01 = dm_fmaf(x[31], w_value_23, acc01);
            }
            const float extra0_value = extra0[0];
            const float t_3 = acc00 + extra0_value;
            const float t_4 = (0.0f > t_3 ? 0.0f : t_3) + e1_1[0];
            y_1[0] = 0.0f > t_4 ? 0.0f : t_4;
            const float t_5 = acc01 + extra0_value;
            const float t_6 = (0.0f > t_5 ? 0.0f : t_5) + e1_1[8];
            y_1[8] = 0.0f > t_6 ? 0.0f : t_6;
        }
        for (int32_t border = 0; border < 2; border++) {
            const int32_t t_1 = border < 1 ? border : border + 8;
            const int32_t t_2 = -1 + t_1;
            float acc = 0.0f;
            const int32_t t_3 = 10 - t;
            const int32_t max = t_3 > 0 ? t_3 : 0;
            const int32_t min = 3 < max ? 3 : max;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                const int32_t t_4 = -t_2;
                const int32_t max_1 = t_4 > 0 ? t_4 : 0;
                const int32_t t_5 = 10 - t_2;
                const int32_t max_2 = t_5 > 0 ? t_5 : 0;
                const float *restrict w0 = in1 + k0 * 24 + max_1 * 8;
                const float *restrict x0 = in0 + (t + k0) * 80 + (t_2 + max_1) * 8;
                for (int32_t c = 0; c < ((3 < max_2 ? 3 : max_2) - max_1) * 8; c++) {
                    acc = dm_fmaf(x0[c], w0[c], acc);
                }
            }
            const float t_4 = acc + extra0[0];
            const float t_5 = (0.0f > t_4 ? 0.0f : t_4) + (e1 + t_1 * 8)[0];
            (y + t_1 * 8)[0] = 0.0f > t_5 ? 0.0f : t_5;
        }
    }
}

// Conv_2
// conv: 1x10x10x8 f32 x 8x3x3x8 f32 -> 1x10x10x8 f32
// planned: 23022 cycles
static DM_STEP void residual_02_conv_2(int32_t core) {
    float *in1_tile = (float *)(residual_l1 + 6400);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, residual_weight_Conv_2_weight_cl, 2304u, 0u,
                NULL);
    }
    float *extra0_tile = (float *)(residual_l1 + 8704);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile, residual_weight_Conv_2_bias, 32u, 0u,
                NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_barrier();
    residual_conv_2((float *)(residual_l1 + 3200), in1_tile + core * 72, extra0_tile + core,
            (float *)(residual_l1 + 3200) + core, (float *)residual_l1 + core);
}

static DM_KERNEL void residual_conv_3(const float *restrict in0, const float *restrict in1,
        const float *restrict extra0, float *restrict out, int32_t size3_1, int32_t size0_1,
        int32_t origin0) {
    for (int32_t o0 = 0; o0 < size3_1; o0++) {
        float *restrict y = out + o0 * 60;
        const int32_t t = origin0 + o0 * 2;
        for (int32_t o1 = 1; o1 < 5; o1 += 2) {
            float *restrict y_1 = y + o1 * 12;
            const int32_t t_1 = -1 + o1 * 2;
            float acc00 = 0.0f;
            float acc01 = 0.0f;
            float acc10 = 0.0f;
            float acc11 = 0.0f;
            float acc20 = 0.0f;
            float acc21 = 0.0f;
            const int32_t t_2 = size0_1 - t;
            const int32_t max = t_2 > 0 ? t_2 : 0;
            const int32_t min = 3 < max ? 3 : max;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                const float *restrict w0 = in1 + k0 * 24;
                const float *restrict x0 = in0 + (t + k0) * 80 + t_1 * 8;
                const float *restrict x1 = x0 + 16;
                const float *restrict w1 = w0 + 72;
                const float *restrict w2 = w0 + 144;
                _Pragma("GCC unroll 1")
                for (int32_t c = 0; c < 24; c += 2) {
                    const float x0_value = x0[c];
                    const float w0_value = w0[c];
                    acc00 = dm_fmaf(x0_value, w0_value, acc00);
                    const float x1_value = x1[c];
                    acc01 = dm_fmaf(x1_value, w0_value, acc01);
                    const float w1_value = w1[c];
                    acc10 = dm_fmaf(x0_value, w1_value, acc10);
                    acc11 = dm_fmaf(x1_value, w1_value, acc11);
                    const float w2_value = w2[c];
                    acc20 = dm_fmaf(x0_value, w2_value, acc20);
                    acc21 = dm_fmaf(x1_value, w2_value, acc21);
                    const float x0_value_1 = x0[c + 1];
                    const float w0_value_1 = w0[c + 1];
                    acc00 = dm_fmaf(x0_value_1, w0_value_1, acc00);
                    const float x1_value_1 = x1[c + 1];
                    acc01 = dm_fmaf(x1_value_1, w0_value_1, acc01);
                    const float w1_value_1 = w1[c + 1];
                    acc10 = dm_fmaf(x0_value_1, w1_value_1, acc10);
                    acc11 = dm_fmaf(x1_value_1, w1_value_1, acc11);
                    const float w2_value_1 = w2[c + 1];
                    acc20 = dm_fmaf(x0_value_1, w2_value_1, acc20);
                    acc21 = dm_fmaf(x1_value_1, w2_value_1, acc21);
                }
            }
            const float extra0_value = extra0[0];
            y_1[0] = acc00 + extra0_value;
            y_1[12] = acc01 + extra0_value;
            const float extra0_value_1 = extra0[1];
            y_1[1] = acc10 + extra0_value_1;
            y_1[13] = acc11 + extra0_value_1;
            const float extra0_value_2 = extra0[2];
            y_1[2] = acc20 + extra0_value_2;
            y_1[14] = acc21 + extra0_value_2;
        }
        float acc00 = 0.0f;
        float acc10 = 0.0f;
        float acc20 = 0.0f;
        const int32_t t_1 = size0_1 - t;
        const int32_t max = t_1 > 0 ? t_1 : 0;
        const int32_t min = 3 < max ? 3 : max;
        for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
            const float *restrict x = in0 + (t + k0) * 80;
            const float *restrict w = in1 + k0 * 24 + 8;
            const float x_value = x[0];
            acc00 = dm_fmaf(x_value, w[0], acc00);
            acc10 = dm_fmaf(x_value, w[72], acc10);
            acc20 = dm_fmaf(x_value, w[144], acc20);
            const float x_value_1 = x[1];
            acc00 = dm_fmaf(x_value_1, w[1], acc00);
            acc10 = dm_fmaf(x_value_1, w[73], acc10);
            acc20 = dm_fmaf(x_value_1, w[145], acc20);
            const float x_value_2 = x[2];
            acc00 = dm_fmaf(x_value_2, w[2], acc00);
            acc10 = dm_fmaf(x_value_2, w[74], acc10);
            acc20 = dm_fmaf(x_value_2, w[146], acc20);
            const float x_value_3 = x[3];
            acc00 = dm_fmaf(x_value_3, w[3], acc00);
            acc10 = dm_fmaf(x_value_3, w[75], acc10);
            acc20 = dm_fmaf(x_value_3, w[147], acc20);
            const float x_value_4 = x[4];
            acc00 = dm_fmaf(x_value_4, w[4], acc00);
            acc10 = dm_fmaf(x_value_4, w[76], acc10);
            acc20 = dm_fmaf(x_value_4, w[148], acc20);
            const float x_value_5 = x[5];
            acc00 = dm_fmaf(x_value_5, w[5], acc00);
            acc10 = dm_fmaf(x_value_5, w[77], acc10);
            acc20 = dm_fmaf(x_value_5, w[149], acc20);
            const float x_value_6 = x[6];
            acc00 = dm_fmaf(x_value_6, w[6], acc00);
            acc10 = dm_fmaf(x_value_6, w[78], acc10);
            acc20 = dm_fmaf(x_value_6, w[150], acc20);
            const float x_value_7 = x[7];
            acc00 = dm_fmaf(x_value_7, w[7], acc00);
            acc10 = dm_fmaf(x_value_7, w[79], acc10);
            acc20 = dm_fmaf(x_value_7, w[151], acc20);
            const float x_value_8 = x[8];
            acc00 = dm_fmaf(x_value_8, w[8], acc00);
            acc10 = dm_fmaf(x_value_8, w[80], acc10);
            acc20 = dm_fmaf(x_value_8, w[152], acc20);
            const float x_value_9 = x[9];
            acc00 = dm_fmaf(x_value_9, w[9], acc00);
            acc10 = dm_fmaf(x_value_9, w[81], acc10);
            acc20 = dm_fmaf(x_value_9, w[153], acc20);
            const float x_value_10 = x[10];
            acc00 = dm_fmaf(x_value_10, w[10], acc00);
            acc10 = dm_fmaf(x_value_10, w[82], acc10);
            acc20 = dm_fmaf(x_value_10, w[154], acc20);
            const float x_value_11 = x[11];
            acc00 = dm_fmaf(x_value_11, w[11], acc00);
            acc10 = dm_fmaf(x_value_11, w[83], acc10);
            acc20 = dm_fmaf(x_value_11, w[155], acc20);
            const float x_value_12 = x[12];
            acc00 = dm_fmaf(x_value_12, w[12], acc00);
            acc10 = dm_fmaf(x_value_12, w[84], acc10);
            acc20 = dm_fmaf(x_value_12, w[156], acc20);
            const float x_value_13 = x[13];
            acc00 = dm_fmaf(x_value_13, w[13], acc00);
            acc10 = dm_fmaf(x_value_13, w[85], acc10);
            acc20 = dm_fmaf(x_value_13, w[157], acc20);
            const float x_value_14 = x[14];
            acc00 = dm_fmaf(x_value_14, w[14], acc00);
            acc10 = dm_fmaf(x_value_14, w[86], acc10);
            acc20 = dm_fmaf(x_value_14, w[158], acc20);
            const float x_value_15 = x[15];
            acc00 = dm_fmaf(x_value_15, w[15], acc00);
            acc10 = dm_fmaf(x_value_15, w[87], acc10);
            acc20 = dm_fmaf(x_value_15, w[159], acc20);
        }
        y[0] = acc00 + extra0[0];
        y[1] = acc10 + extra0[1];
        y[2] = acc20 + extra0[2];
    }
}

// Conv_7
// conv: 1x10x10x8 f32 x 12x3x3x8 f32 -> 1x5x5x12 f32
// planned: 9952 cycles
static DM_STEP void residual_03_conv_7(int32_t core) {
    float *in1_tile = (float *)(residual_l1 + 4400);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, residual_weight_c8_cl, 3456u, 0u, NULL);
    }
    float *extra0_tile = (float *)(residual_l1 + 7856);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile, residual_weight_c9, 48u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_barrier();
    const int32_t t = core / 4;
    const int32_t t_1 = core % 4;
    const int32_t t_2 = t * 5 / 2;
    const int32_t t_3 = (t + 1) * 5 / 2 - t_2;
    const int32_t t_4 = t_1 * 3;
    const int32_t t_5 = -1 + 2 * t_2;
    const int32_t max = t_5 > 0 ? t_5 : 0;
    const int32_t min = max < 10 ? max : 10;
    const int32_t t_6 = t_5 + (-2 + 2 * t_3 + 3);
    const int32_t min_1 = t_6 < 10 ? t_6 : 10;
    residual_conv_3((float *)residual_l1 + min * 80, in1_tile + t_1 * 216, extra0_tile + t_4,
            (float *)(residual_l1 + 3200) + (t_2 * 60 + t_4), t_3, (min_1 > min ? min_1 : min) -
            min, t_5 - min);
}

static DM_KERNEL void residual_conv_4(const float *restrict in0, const float *restrict in1,
        const float *restrict extra0, const float *restrict extra1, float *restrict out,
        int32_t size4_1) {
    for (int32_t o0 = 0; o0 < size4_1; o0++) {
        const float *restrict x = in0 + o0 * 160;
        const float *restrict e1 = extra1 + o0 * 60;
        float *restrict y = out + o0 * 60;
        for (int32_t o1 = 0; o1 < 5; o1 += 2) {
            const float *restrict x_1 = x + o1 * 16;
            const float *restrict e1_1 = e1 + o1 * 12;
            float *restrict y_1 = y + o1 * 12;
            const int32_t t = 5 - o1 - 1;
            const int32_t min = 1 < t ? 1 : t;
            float acc00 = 0.0f;
            float acc01 = 0.0f;
            float acc10 = 0.0f;
            float acc11 = 0.0f;
            float acc20 = 0.0f;
            float acc21 = 0.0f;
            const int32_t t_1 = min * 16;
            const float x_value = x_1[0];
            const float in1_value = in1[0];
            acc00 = dm_fmaf(x_value, in1_value, acc00);
            const float x_value_1 = x_1[t_1];
            acc01 = dm_fmaf(x_value_1, in1_value, acc01);
            const float in1_value_1 = in1[8];
            acc10 = dm_fmaf(x_value, in1_value_1, acc10);
            acc11 = dm_fmaf(x_value_1, in1_value_1, acc11);
            const float in1_value_2 = in1[16];
            acc20 = dm_fmaf(x_value, in1_value_2, acc20);
            acc21 = dm_fmaf(x_value_1, in1_value_2, acc21);
            const float x_value_2 = x_1[1];
            const float in1_value_3 = in1[1];
            acc00 = dm_fmaf(x_value_2, in1_value_3, acc00);
            const float x_value_3 = x_1[1 + t_1];
            acc01 = dm_fmaf(x_value_3, in1_value_3, acc01);
            const float in1_value_4 = in1[9];
            acc10 = dm_fmaf(x_value_2, in1_value_4, acc10);
            acc11 = dm_fmaf(x_value_3, in1_value_4, acc11);
            const float in1_value_5 = in1[17];
            acc20 = dm_fmaf(x_value_2, in1_value_5, acc20);
            acc21 = dm_fmaf(x_value_3, in1_value_5, acc21);
            const float x_value_4 = x_1[2];
            const float in1_value_6 = in1[2];
            acc00 = dm_fmaf(x_value_4, in1_value_6, acc00);
            const float x_value_5 = x_1[2 + t_1];
            acc01 = dm_fmaf(x_value_5, in1_value_6, acc01);
            const float in1_value_7 = in1[10];
            acc10 = dm_fmaf(x_value_4, in1_value_7, acc10);
            acc11 = dm_fmaf(x_value_5, in1_value_7, acc11);
            const float in1_value_8 = in1[18];
            acc20 = dm_fmaf(x_value_4, in1_value_8, acc20);
            acc21 = dm_fmaf(x_value_5, in1_value_8, acc21);
            const float x_value_6 = x_1[3];
            const float in1_value_9 = in1[3];
            acc00 = dm_fmaf(x_value_6, in1_value_9, acc00);
            const float x_value_7 = x_1[3 + t_1];
            acc01 = dm_fmaf(x_value_7, in1_value_9, acc01);
            const float in1_value_10 = in1[11];
            acc10 = dm_fmaf(x_value_6, in1_value_10, acc10);
            acc11 = dm_fmaf(x_value_7, in1_value_10, acc11);
            const float in1_value_11 = in1[19];
            acc20 = dm_fmaf(x_value_6, in1_value_11, acc20);
            acc21 = dm_fmaf(x_value_7, in1_value_11, acc21);
            const float x_value_8 = x_1[4];
            const float in1_value_12 = in1[4];
            acc00 = dm_fmaf(x_value_8, in1_value_12, acc00);
            const float x_value_9 = x_1[4 + t_1];
            acc01 = dm_fmaf(x_value_9, in1_value_12, acc01);
            const float in1_value_13 = in1[12];
            acc10 = dm_fmaf(x_value_8, in1_value_13, acc10);
            acc11 = dm_fmaf(x_value_9, in1_value_13, acc11);
            const float in1_value_14 = in1[20];
            acc20 = dm_fmaf(x_value_8, in1_value_14, acc20);
            acc21 = dm_fmaf(x_value_9, in1_value_14, acc21);
            const float x_value_10 = x_1[5];
            const float in1_value_15 = in1[5];
            acc00 = dm_fmaf(x_value_10, in1_value_15, acc00);
            const float x_value_11 = x_1[5 + t_1];
            acc01 = dm_fmaf(x_value_11, in1_value_15, acc01);
            const float in1_value_16 = in1[13];
            acc10 = dm_fmaf(x_value_10, in1_value_16, acc10);
            acc11 = dm_fmaf(x_value_11, in1_value_16, acc11);
            const float in1_value_17 = in1[21];
            acc20 = dm_fmaf(x_value_10, in1_value_17, acc20);
            acc21 = dm_fmaf(x_value_11, in1_value_17, acc21);
            const float x_value_12 = x_1[6];
            const float in1_value_18 = in1[6];
            acc00 = dm_fmaf(x_value_12, in1_value_18, acc00);
            const float x_value_13 = x_1[6 + t_1];
            acc01 = dm_fmaf(x_value_13, in1_value_18, acc01);
            const float in1_value_19 = in1[14];
            acc10 = dm_fmaf(x_value_12, in1_value_19, acc10);
            acc11 = dm_fmaf(x_value_13, in1_value_19, acc11);
            const float in1_value_20 = in1[22];
            acc20 = dm_fmaf(x_value_12, in1_value_20, acc20);
            acc21 = dm_fmaf(x_value_13, in1_value_20, acc21);
            const float x_value_14 = x_1[7];
            const float in1_value_21 = in1[7];
            acc00 = dm_fmaf(x_value_14, in1_value_21, acc00);
            const float x_value_15 = x_1[7 + t_1];
            acc01 = dm_fmaf(x_value_15, in1_value_21, acc01);
            const float in1_value_22 = in1[15];
            acc10 = dm_fmaf(x_value_14, in1_value_22, acc10);
            acc11 = dm_fmaf(x_value_15, in1_value_22, acc11);
            const float in1_value_23 = in1[23];
            acc20 = dm_fmaf(x_value_14, in1_value_23, acc20);
            acc21 = dm_fmaf(x_value_15, in1_value_23, acc21);
            const int32_t t_2 = min * 12;
            const int32_t t_3 = min * 12;
            const float extra0_value = extra0[0];
            y_1[0] = e1_1[0] + (acc00 + extra0_value);
            y_1[t_3] = e1_1[t_2] + (acc01 + extra0_value);
            const float extra0_value_1 = extra0[1];
            y_1[1] = e1_1[1] + (acc10 + extra0_value_1);
            y_1[1 + t_3] = e1_1[1 + t_2] + (acc11 + extra0_value_1);
            const float extra0_value_2 = extra0[2];
            y_1[2] = e1_1[2] + (acc20 + extra0_value_2);
            y_1[2 + t_3] = e1_1[2 + t_2] + (acc21 + extra0_value_2);
        }
    }
}

// Conv_8
// conv: 1x10x10x8 f32 x 12x1x1x8 f32 -> 1x5x5x12 f32
// planned: 2212 cycles
static DM_STEP void residual_04_conv_8(int32_t core) {
    float *in1_tile = (float *)(residual_l1 + 5600);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, residual_weight_c10_cl, 384u, 0u, NULL);
    }
    float *extra0_tile = (float *)(residual_l1 + 5984);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile, residual_weight_c11, 48u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_barrier();
    const int32_t t = core / 4;
    const int32_t t_1 = core % 4;
    const int32_t t_2 = t * 5 / 2;
    const int32_t t_3 = t_1 * 3;
    residual_conv_4((float *)residual_l1 + 2 * t_2 * 80, in1_tile + t_1 * 24, extra0_tile + t_3,
            (float *)(residual_l1 + 3200) + (t_2 * 60 + t_3), (float *)(residual_l1 + 4400) +
            (t_2 * 60 + t_3), (t + 1) * 5 / 2 - t_2);
}

static DM_KERNEL void residual_reduce_1(const float *restrict in0, float *restrict out,
        int32_t size1_1) {
    const int32_t full = size1_1 / 4 * 4;
    for (int32_t d3 = 0; d3 < full; d3 += 4) {
        const float *restrict x0 = in0 + d3;
        float *restrict y = out + d3;
        float acc00 = 0.0f;
        float acc10 = 0.0f;
        float acc20 = 0.0f;
        float acc30 = 0.0f;
        const float *restrict x1 = x0 + 1;
        const float *restrict x2 = x0 + 2;
        const float *restrict x3 = x0 + 3;
        _Pragma("GCC unroll 1")
        for (int32_t d1d2 = 0; d1d2 < 25; d1d2++) {
            acc00 += x0[d1d2 * 12];
            acc10 += x1[d1d2 * 12];
            acc20 += x2[d1d2 * 12];
            acc30 += x3[d1d2 * 12];
        }
        y[0] = acc00 / 25.0f;
        y[1] = acc10 / 25.0f;
        y[2] = acc20 / 25.0f;
        y[3] = acc30 / 25.0f;
    }
    for (int32_t d3 = full; d3 < size1_1; d3++) {
        const float *restrict x = in0 + d3;
        float acc = 0.0f;
        float acc_1 = 0.0f;
        float acc_2 = 0.0f;
        float acc_3 = 0.0f;
        acc += x[0];
        acc_1 += x[12];
        acc_2 += x[24];
        acc_3 += x[36];
        acc += x[48];
        acc_1 += x[60];
        acc_2 += x[72];
        acc_3 += x[84];
        acc += x[96];
        acc_1 += x[108];
        acc_2 += x[120];
        acc_3 += x[132];
        acc += x[144];
        acc_1 += x[156];
        acc_2 += x[168];
        acc_3 += x[180];
        acc += x[192];
        acc_1 += x[204];
        acc_2 += x[216];
        acc_3 += x[228];
        acc += x[240];
        acc_1 += x[252];
        acc_2 += x[264];
        acc_3 += x[276];
        acc += x[288];
        (out + d3)[0] = (acc + acc_1 + (acc_2 + acc_3)) / 25.0f;
    }
}

// GlobalAveragePool_10
// reduce: 1x5x5x12 f32 -> 1x12 f32
// planned: 825 cycles
static DM_STEP void residual_05_globalaveragepool_10(int32_t core) {
    dm_barrier();
    const int32_t t = core * 12 / 8;
    residual_reduce_1((float *)(residual_l1 + 4400) + t, (float *)residual_l1 + t, (core + 1) * 12 /
            8 - t);
}

static DM_KERNEL void residual_matmul_1(const float *restrict in0, const float *restrict in1,
        const float *restrict extra0, float *restrict out, int32_t size3_1) {
    const int32_t full = size3_1 / 8 * 8;
    for (int32_t n = 0; n < full; n += 8) {
        const float *restrict w0 = in1 + n * 12;
        const float *restrict e0 = extra0 + n;
        float *restrict y = out + n;
        float acc00 = 0.0f;
        float acc10 = 0.0f;
        float acc20 = 0.0f;
        float acc30 = 0.0f;
        float acc40 = 0.0f;
        float acc50 = 0.0f;
        float acc60 = 0.0f;
        float acc70 = 0.0f;
        const float *restrict w1 = w0 + 12;
        const float *restrict w2 = w0 + 24;
        const float *restrict w3 = w0 + 36;
        const float *restrict w4 = w0 + 48;
        const float *restrict w5 = w0 + 60;
        const float *restrict w6 = w0 + 72;
        const float *restrict w7 = w0 + 84;
        _Pragma("GCC unroll 1")
        for (int32_t k = 0; k < 12; k += 2) {
            const float x0_value = in0[k];
            acc00 = dm_fmaf(x0_value, w0[k], acc00);
            acc10 = dm_fmaf(x0_value, w1[k], acc10);
            acc20 = dm_fmaf(x0_value, w2[k], acc20);
            acc30 = dm_fmaf(x0_value, w3[k], acc30);
            acc40 = dm_fmaf(x0_value, w4[k], acc40);
            acc50 = dm_fmaf(x0_value, w5[k], acc50);
            acc60 = dm_fmaf(x0_value, w6[k], acc60);
            acc70 = dm_fmaf(x0_value, w7[k], acc70);
            const float x0_value_1 = in0[k + 1];
            acc00 = dm_fmaf(x0_value_1, w0[k + 1], acc00);
            acc10 = dm_fmaf(x0_value_1, w1[k + 1], acc10);
            acc20 = dm_fmaf(x0_value_1, w2[k + 1], acc20);
            acc30 = dm_fmaf(x0_value_1, w3[k + 1], acc30);
            acc40 = dm_fmaf(x0_value_1, w4[k + 1], acc40);
            acc50 = dm_fmaf(x0_value_1, w5[k + 1], acc50);
            acc60 = dm_fmaf(x0_value_1, w6[k + 1], acc60);
            acc70 = dm_fmaf(x0_value_1, w7[k + 1], acc70);
        }
        y[0] = acc00 + e0[0];
        y[1] = acc10 + e0[1];
        y[2] = acc20 + e0[2];
        y[3] = acc30 + e0[3];
        y[4] = acc40 + e0[4];
        y[5] = acc50 + e0[5];
        y[6] = acc60 + e0[6];
        y[7] = acc70 + e0[7];
    }
    for (int32_t n = full; n < size3_1; n++) {
        const float *restrict w = in1 + n * 12;
        float acc = 0.0f;
        acc = dm_fmaf(in0[0], w[0], acc);
        acc = dm_fmaf(in0[1], w[1], acc);
        acc = dm_fmaf(in0[2], w[2], acc);
        acc = dm_fmaf(in0[3], w[3], acc);
        acc = dm_fmaf(in0[4], w[4], acc);
        acc = dm_fmaf(in0[5], w[5], acc);
        acc = dm_fmaf(in0[6], w[6], acc);
        acc = dm_fmaf(in0[7], w[7], acc);
        acc = dm_fmaf(in0[8], w[8], acc);
        acc = dm_fmaf(in0[9], w[9], acc);
        acc = dm_fmaf(in0[10], w[10], acc);
        acc = dm_fmaf(in0[11], w[11], acc);
        (out + n)[0] = acc + (extra0 + n)[0];
    }
}

// Gemm_12
// matmul: 1x12 f32 x 5x12 f32 -> 1x5 f32
// planned: 1075 cycles
static DM_STEP void residual_06_gemm_12(int32_t core) {
    float *in0 = (float *)residual_l1;
    float *in1_tile = (float *)(residual_l1 + 48);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, residual_weight_c12, 240u, 0u, NULL);
    }
    float *extra0_tile = (float *)(residual_l1 + 288);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile, residual_weight_c13, 20u, 0u, NULL);
    }
    float *out_tile = (float *)(residual_l1 + 312);
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_barrier();
    const int32_t t = core * 5 / 8;
    const int32_t t_1 = (core + 1) * 5 / 8 - t;
    if (t_1 > 0) {
        residual_matmul_1(in0, in1_tile + t * 12, extra0_tile + t, out_tile + t, t_1);
    }
    dm_barrier();
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_out(DM_DMA_MCHAN, residual_output_0, out_tile, 20u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token_2);
}

static void residual_cluster(void) {
    const uint32_t t = dm_core_id();
    const int32_t core = (int32_t)t;
    residual_00_conv_0(core);
    residual_01_conv_0(core);
    residual_02_conv_2(core);
    residual_03_conv_7(core);
    residual_04_conv_8(core);
    residual_05_globalaveragepool_10(core);
    residual_06_gemm_12(core);
}

void residual_run(void) {
    dm_cluster_run(residual_cluster);
}
