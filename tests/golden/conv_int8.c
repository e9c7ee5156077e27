#include <stddef.h>
#include <stdint.h>
#include "conv_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "conv_int8_weights.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t conv_int8_l1[1328];
DM_L2_NOINIT DM_ALIGN(4) int8_t conv_int8_input_0[324];
DM_L2_NOINIT DM_ALIGN(4) int8_t conv_int8_output_0[648];

static DM_KERNEL void conv_int8_map_1(const int8_t *restrict in0, int8_t *restrict out,
        int32_t size1_1) {
    const int32_t t = size1_1 * 9;
    const int32_t t_1 = t / 4 * 4;
    for (int32_t d1d2 = 0; d1d2 < t_1; d1d2 += 4) {
        (out + d1d2 * 4)[0] = (in0 + d1d2)[0];
        const int32_t t_2 = d1d2 + 1;
        (out + t_2 * 4)[0] = (in0 + t_2)[0];
        const int32_t t_3 = d1d2 + 2;
        (out + t_3 * 4)[0] = (in0 + t_3)[0];
        const int32_t t_4 = d1d2 + 3;
        (out + t_4 * 4)[0] = (in0 + t_4)[0];
    }
    for (int32_t d1d2 = t_1; d1d2 < t; d1d2++) {
        (out + d1d2 * 4)[0] = (in0 + d1d2)[0];
    }
}

// QuantizeLinear_t14
// map: 1x4x9x9 i8 -> 1x9x9x4 i8
// planned: 957 cycles
static DM_STEP void conv_int8_00_quantizelinear_t14(int32_t core) {
    int8_t *in0_tile = (int8_t *)conv_int8_l1;
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, conv_int8_input_0, 324u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    const int32_t t = core / 4;
    const int32_t t_1 = core % 4;
    const int32_t t_2 = t * 9 / 2;
    conv_int8_map_1(in0_tile + (t_1 * 81 + t_2 * 9), (int8_t *)(conv_int8_l1 + 648) +
            (t_2 * 36 + t_1), (t + 1) * 9 / 2 - t_2);
}

static DM_KERNEL void conv_int8_conv_1(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, int8_t *restrict out) {
    for (int32_t o0 = 0; o0 < 9; o0++) {
        int8_t *restrict y = out + o0 * 72;
        const int32_t t = -1 + o0;
        int32_t offset0 = 0;
        for (int32_t k0 = 0; k0 < 3; k0++) {
            const int8_t *restrict w = in1 + k0 * 12;
            for (int32_t k1 = 0; k1 < 3; k1++) {
                const int8_t *restrict w_1 = w + k1 * 4;
                for (int32_t c = 0; c < 4; c++) {
                    offset0 += (w_1 + c)[0];
                }
            }
        }
        const int32_t t_1 = offset0 * 2;
        for (int32_t o1 = 1; o1 < 8; o1 += 2) {
            int8_t *restrict y_1 = y + o1 * 8;
            const int32_t t_2 = -1 + o1;
            const int32_t t_3 = 8 - o1 - 1;
            const int32_t min = 1 < t_3 ? 1 : t_3;
            int32_t acc00 = t_1;
            int32_t acc01 = t_1;
            const int32_t t_4 = min * 4;
            const int32_t t_5 = 9 - t;
            const int32_t max = t_5 > 0 ? t_5 : 0;
            const int32_t min_1 = 3 < max ? 3 : max;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min_1; k0++) {
                const int8_t *restrict w = in1 + k0 * 12;
                const int8_t *restrict x = in0 + (t + k0) * 36 + t_2 * 4;
                const int32_t w_value = w[0];
                acc00 += (x[0] - 2) * w_value;
                acc01 += (x[t_4] - 2) * w_value;
                const int32_t w_value_1 = w[1];
                acc00 += (x[1] - 2) * w_value_1;
                acc01 += (x[1 + t_4] - 2) * w_value_1;
                const int32_t w_value_2 = w[2];
                acc00 += (x[2] - 2) * w_value_2;
                acc01 += (x[2 + t_4] - 2) * w_value_2;
                const int32_t w_value_3 = w[3];
                acc00 += (x[3] - 2) * w_value_3;
                acc01 += (x[3 + t_4] - 2) * w_value_3;
                const int32_t w_value_4 = w[4];
                acc00 += (x[4] - 2) * w_value_4;
                acc01 += (x[4 + t_4] - 2) * w_value_4;
                const int32_t w_value_5 = w[5];
                acc00 += (x[5] - 2) * w_value_5;
                acc01 += (x[5 + t_4] - 2) * w_value_5;
                const int32_t w_value_6 = w[6];
                acc00 += (x[6] - 2) * w_value_6;
                acc01 += (x[6 + t_4] - 2) * w_value_6;
                const int32_t w_value_7 = w[7];
                acc00 += (x[7] - 2) * w_value_7;
                acc01 += (x[7 + t_4] - 2) * w_value_7;
                const int32_t w_value_8 = w[8];
                acc00 += (x[8] - 2) * w_value_8;
                acc01 += (x[8 + t_4] - 2) * w_value_8;
                const int32_t w_value_9 = w[9];
                acc00 += (x[9] - 2) * w_value_9;
                acc01 += (x[9 + t_4] - 2) * w_value_9;
                const int32_t w_value_10 = w[10];
                acc00 += (x[10] - 2) * w_value_10;
                acc01 += (x[10 + t_4] - 2) * w_value_10;
                const int32_t w_value_11 = w[11];
                acc00 += (x[11] - 2) * w_value_11;
                acc01 += (x[11 + t_4] - 2) * w_value_11;
            }
            const int32_t extra0_value = extra0[0];
            const int32_t extra1_value = extra1[0];
            const int32_t t_6 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00 +
                    (uint32_t)extra0_value) * (uint64_t)extra1_value + 50027779063808ull) >> 40);
            const int32_t max_1 = t_6 > -128 ? t_6 : -128;
            y_1[0] = (int8_t)(max_1 < 127 ? max_1 : 127);
            const int32_t t_7 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01 +
                    (uint32_t)extra0_value) * (uint64_t)extra1_value + 50027779063808ull) >> 40);
            const int32_t max_2 = t_7 > -128 ? t_7 : -128;
            y_1[min * 8] = (int8_t)(max_2 < 127 ? max_2 : 127);
        }
        for (int32_t border = 0; border < 2; border++) {
            const int32_t t_2 = border < 1 ? border : border + 7;
            const int32_t t_3 = -1 + t_2;
            int32_t acc = t_1;
            const int32_t t_4 = 9 - t;
            const int32_t max = t_4 > 0 ? t_4 : 0;
            const int32_t min = 3 < max ? 3 : max;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                const int32_t t_5 = -t_3;
                const int32_t max_1 = t_5 > 0 ? t_5 : 0;
                const int32_t t_6 = 9 - t_3;
                const int32_t max_2 = t_6 > 0 ? t_6 : 0;
                const int8_t *restrict w0 = in1 + k0 * 12 + max_1 * 4;
                const int8_t *restrict x0 = in0 + (t + k0) * 36 + (t_3 + max_1) * 4;
                for (int32_t c = 0; c < ((3 < max_2 ? 3 : max_2) - max_1) * 4; c++) {
                    acc += (x0[c] - 2) * w0[c];
                }
            }
            const int32_t t_5 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc +
                    (uint32_t)extra0[0]) * (uint64_t)extra1[0] + 50027779063808ull) >> 40);
            const int32_t max_1 = t_5 > -128 ? t_5 : -128;
            (y + t_2 * 8)[0] = (int8_t)(max_1 < 127 ? max_1 : 127);
        }
    }
}

// QuantizeLinear_t14
// conv: 1x9x9x4 i8 x 8x3x3x4 i8 -> 1x9x9x8 i8
// planned: 18392 cycles
static DM_STEP void conv_int8_01_quantizelinear_t14(int32_t core) {
    int8_t *in1_tile = (int8_t *)(conv_int8_l1 + 976);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, conv_int8_weight_t5_cl, 288u, 0u, NULL);
    }
    int32_t *extra0_tile = (int32_t *)(conv_int8_l1 + 1264);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile, conv_int8_weight_t5_zero_point_sum,
                32u, 0u, NULL);
    }
    int32_t *extra1_tile = (int32_t *)(conv_int8_l1 + 1296);
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_in(DM_DMA_MCHAN, extra1_tile,
                conv_int8_weight_QuantizeLinear_t14_requantization, 32u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_dma_wait(DM_DMA_MCHAN, token_2);
    dm_barrier();
    conv_int8_conv_1((int8_t *)(conv_int8_l1 + 648), in1_tile + core * 36, extra0_tile + core,
            extra1_tile + core, (int8_t *)conv_int8_l1 + core);
}

static DM_KERNEL void conv_int8_map_2(const int8_t *restrict in0, int8_t *restrict out) {
    for (int32_t d2d3 = 0; d2d3 < 81; d2d3 += 3) {
        (out + d2d3)[0] = (in0 + d2d3 * 8)[0];
        const int32_t t = d2d3 + 1;
        (out + t)[0] = (in0 + t * 8)[0];
        const int32_t t_1 = d2d3 + 2;
        (out + t_1)[0] = (in0 + t_1 * 8)[0];
    }
}

// QuantizeLinear_t14
// map: 1x9x9x8 i8 -> 1x8x9x9 i8
// planned: 1131 cycles
static DM_STEP void conv_int8_02_quantizelinear_t14(int32_t core) {
    int8_t *out_tile = (int8_t *)(conv_int8_l1 + 648);
    dm_barrier();
    conv_int8_map_2((int8_t *)conv_int8_l1 + core, out_tile + core * 81);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_out(DM_DMA_MCHAN, conv_int8_output_0, out_tile, 648u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
}

static void conv_int8_cluster(void) {
    const uint32_t t = dm_core_id();
    const int32_t core = (int32_t)t;
    conv_int8_00_quantizelinear_t14(core);
    conv_int8_01_quantizelinear_t14(core);
    conv_int8_02_quantizelinear_t14(core);
}

void conv_int8_run(void) {
    dm_cluster_run(conv_int8_cluster);
}
