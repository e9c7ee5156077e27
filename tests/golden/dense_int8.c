#include <stddef.h>
#include <stdint.h>
#include "dense_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "dense_int8_weights.h"

static DM_L1 DM_ALIGN(8) uint8_t dense_int8_l1[456];
DM_L2_NOINIT DM_ALIGN(4) int8_t dense_int8_input_0[96];
DM_L2_NOINIT DM_ALIGN(4) int8_t dense_int8_output_0[40];

static DM_KERNEL void dense_int8_matmul_1(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, int8_t *restrict out,
        int32_t size4_1) {
    const int32_t full = size4_1 / 4 * 4;
    for (int32_t n = 0; n < full; n += 4) {
        const int8_t *restrict w0 = in1 + n;
        const int32_t *restrict e0 = extra0 + n;
        const int32_t *restrict e1 = extra1 + n;
        int8_t *restrict y = out + n;
        for (int32_t m = 0; m < 4; m += 2) {
            const int8_t *restrict x0 = in0 + m * 24;
            int8_t *restrict y_1 = y + m * 10;
            int32_t acc00 = 0;
            int32_t acc01 = 0;
            int32_t acc10 = 0;
            int32_t acc11 = 0;
            int32_t acc20 = 0;
            int32_t acc21 = 0;
            int32_t acc30 = 0;
            int32_t acc31 = 0;
            const int8_t *restrict x1 = x0 + 24;
            const int8_t *restrict w1 = w0 + 1;
            const int8_t *restrict w2 = w0 + 2;
            const int8_t *restrict w3 = w0 + 3;
            _Pragma("GCC unroll 1")
            for (int32_t k = 0; k < 24; k += 2) {
                const int32_t x0_value = x0[k];
                const int32_t w0_value = w0[k * 10];
                acc00 += x0_value * w0_value;
                const int32_t x1_value = x1[k];
                acc01 += x1_value * w0_value;
                const int32_t w1_value = w1[k * 10];
                acc10 += x0_value * w1_value;
                acc11 += x1_value * w1_value;
                const int32_t w2_value = w2[k * 10];
                acc20 += x0_value * w2_value;
                acc21 += x1_value * w2_value;
                const int32_t w3_value = w3[k * 10];
                acc30 += x0_value * w3_value;
                acc31 += x1_value * w3_value;
                const int32_t x0_value_1 = x0[k + 1];
                const int32_t w0_value_1 = w0[(k + 1) * 10];
                acc00 += x0_value_1 * w0_value_1;
                const int32_t x1_value_1 = x1[k + 1];
                acc01 += x1_value_1 * w0_value_1;
                const int32_t w1_value_1 = w1[(k + 1) * 10];
                acc10 += x0_value_1 * w1_value_1;
                acc11 += x1_value_1 * w1_value_1;
                const int32_t w2_value_1 = w2[(k + 1) * 10];
                acc20 += x0_value_1 * w2_value_1;
                acc21 += x1_value_1 * w2_value_1;
                const int32_t w3_value_1 = w3[(k + 1) * 10];
                acc30 += x0_value_1 * w3_value_1;
                acc31 += x1_value_1 * w3_value_1;
            }
            const int32_t e0_value = e0[0];
            const int32_t e1_value = e1[0];
            const int32_t t = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00 +
                    (uint32_t)e0_value) * (uint64_t)e1_value + 29137058136064ull) >> 40);
            const int32_t max = t > -128 ? t : -128;
            y_1[0] = (int8_t)(max < 127 ? max : 127);
            const int32_t t_1 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01 +
                    (uint32_t)e0_value) * (uint64_t)e1_value + 29137058136064ull) >> 40);
            const int32_t max_1 = t_1 > -128 ? t_1 : -128;
            y_1[10] = (int8_t)(max_1 < 127 ? max_1 : 127);
            const int32_t e0_value_1 = e0[1];
            const int32_t e1_value_1 = e1[1];
            const int32_t t_2 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10 +
                    (uint32_t)e0_value_1) * (uint64_t)e1_value_1 + 29137058136064ull) >> 40);
            const int32_t max_2 = t_2 > -128 ? t_2 : -128;
            y_1[1] = (int8_t)(max_2 < 127 ? max_2 : 127);
            const int32_t t_3 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc11 +
                    (uint32_t)e0_value_1) * (uint64_t)e1_value_1 + 29137058136064ull) >> 40);
            const int32_t max_3 = t_3 > -128 ? t_3 : -128;
            y_1[11] = (int8_t)(max_3 < 127 ? max_3 : 127);
            const int32_t e0_value_2 = e0[2];
            const int32_t e1_value_2 = e1[2];
            const int32_t t_4 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20 +
                    (uint32_t)e0_value_2) * (uint64_t)e1_value_2 + 29137058136064ull) >> 40);
            const int32_t max_4 = t_4 > -128 ? t_4 : -128;
            y_1[2] = (int8_t)(max_4 < 127 ? max_4 : 127);
            const int32_t t_5 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc21 +
                    (uint32_t)e0_value_2) * (uint64_t)e1_value_2 + 29137058136064ull) >> 40);
            const int32_t max_5 = t_5 > -128 ? t_5 : -128;
            y_1[12] = (int8_t)(max_5 < 127 ? max_5 : 127);
            const int32_t e0_value_3 = e0[3];
            const int32_t e1_value_3 = e1[3];
            const int32_t t_6 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30 +
                    (uint32_t)e0_value_3) * (uint64_t)e1_value_3 + 29137058136064ull) >> 40);
            const int32_t max_6 = t_6 > -128 ? t_6 : -128;
            y_1[3] = (int8_t)(max_6 < 127 ? max_6 : 127);
            const int32_t t_7 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc31 +
                    (uint32_t)e0_value_3) * (uint64_t)e1_value_3 + 29137058136064ull) >> 40);
            const int32_t max_7 = t_7 > -128 ? t_7 : -128;
            y_1[13] = (int8_t)(max_7 < 127 ? max_7 : 127);
        }
    }
    for (int32_t n = full; n < size4_1; n++) {
        const int8_t *restrict w = in1 + n;
        const int32_t *restrict e0 = extra0 + n;
        const int32_t *restrict e1 = extra1 + n;
        int8_t *restrict y = out + n;
        for (int32_t m = 0; m < 4; m += 2) {
            const int8_t *restrict x = in0 + m * 24;
            int8_t *restrict y_1 = y + m * 10;
            int32_t acc00 = 0;
            int32_t acc01 = 0;
            const int32_t w_value = w[0];
            acc00 += x[0] * w_value;
            acc01 += x[24] * w_value;
            const int32_t w_value_1 = w[10];
            acc00 += x[1] * w_value_1;
            acc01 += x[25] * w_value_1;
            const int32_t w_value_2 = w[20];
            acc00 += x[2] * w_value_2;
            acc01 += x[26] * w_value_2;
            const int32_t w_value_3 = w[30];
            acc00 += x[3] * w_value_3;
            acc01 += x[27] * w_value_3;
            const int32_t w_value_4 = w[40];
            acc00 += x[4] * w_value_4;
            acc01 += x[28] * w_value_4;
            const int32_t w_value_5 = w[50];
            acc00 += x[5] * w_value_5;
            acc01 += x[29] * w_value_5;
            const int32_t w_value_6 = w[60];
            acc00 += x[6] * w_value_6;
            acc01 += x[30] * w_value_6;
            const int32_t w_value_7 = w[70];
            acc00 += x[7] * w_value_7;
            acc01 += x[31] * w_value_7;
            const int32_t w_value_8 = w[80];
            acc00 += x[8] * w_value_8;
            acc01 += x[32] * w_value_8;
            const int32_t w_value_9 = w[90];
            acc00 += x[9] * w_value_9;
            acc01 += x[33] * w_value_9;
            const int32_t w_value_10 = w[100];
            acc00 += x[10] * w_value_10;
            acc01 += x[34] * w_value_10;
            const int32_t w_value_11 = w[110];
            acc00 += x[11] * w_value_11;
            acc01 += x[35] * w_value_11;
            const int32_t w_value_12 = w[120];
            acc00 += x[12] * w_value_12;
            acc01 += x[36] * w_value_12;
            const int32_t w_value_13 = w[130];
            acc00 += x[13] * w_value_13;
            acc01 += x[37] * w_value_13;
            const int32_t w_value_14 = w[140];
            acc00 += x[14] * w_value_14;
            acc01 += x[38] * w_value_14;
            const int32_t w_value_15 = w[150];
            acc00 += x[15] * w_value_15;
            acc01 += x[39] * w_value_15;
            const int32_t w_value_16 = w[160];
            acc00 += x[16] * w_value_16;
            acc01 += x[40] * w_value_16;
            const int32_t w_value_17 = w[170];
            acc00 += x[17] * w_value_17;
            acc01 += x[41] * w_value_17;
            const int32_t w_value_18 = w[180];
            acc00 += x[18] * w_value_18;
            acc01 += x[42] * w_value_18;
            const int32_t w_value_19 = w[190];
            acc00 += x[19] * w_value_19;
            acc01 += x[43] * w_value_19;
            const int32_t w_value_20 = w[200];
            acc00 += x[20] * w_value_20;
            acc01 += x[44] * w_value_20;
            const int32_t w_value_21 = w[210];
            acc00 += x[21] * w_value_21;
            acc01 += x[45] * w_value_21;
            const int32_t w_value_22 = w[220];
            acc00 += x[22] * w_value_22;
            acc01 += x[46] * w_value_22;
            const int32_t w_value_23 = w[230];
            acc00 += x[23] * w_value_23;
            acc01 += x[47] * w_value_23;
            const int32_t e0_value = e0[0];
            const int32_t e1_value = e1[0];
            const int32_t t = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00 +
                    (uint32_t)e0_value) * (uint64_t)e1_value + 29137058136064ull) >> 40);
            const int32_t max = t > -128 ? t : -128;
            y_1[0] = (int8_t)(max < 127 ? max : 127);
            const int32_t t_1 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01 +
                    (uint32_t)e0_value) * (uint64_t)e1_value + 29137058136064ull) >> 40);
            const int32_t max_1 = t_1 > -128 ? t_1 : -128;
            y_1[10] = (int8_t)(max_1 < 127 ? max_1 : 127);
        }
    }
}

// QuantizeLinear_t14
// matmul: 4x24 i8 x 24x10 i8 -> 4x10 i8
// planned: 2738 cycles
static DM_STEP void dense_int8_00_quantizelinear_t14(int32_t core) {
    int8_t *in0_tile = (int8_t *)(dense_int8_l1 + 240);
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(in0_tile, dense_int8_input_0, 96u, 0u, NULL);
    }
    int8_t *in1_tile = (int8_t *)dense_int8_l1;
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(in1_tile, dense_int8_weight_t5, 240u, 0u, NULL);
    }
    int32_t *extra0_tile = (int32_t *)(dense_int8_l1 + 336);
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_in(extra0_tile, dense_int8_weight_t5_zero_point_sum, 40u, 0u, NULL);
    }
    int32_t *extra1_tile = (int32_t *)(dense_int8_l1 + 376);
    dm_token token_3 = DM_NO_TOKEN;
    if (core == 0) {
        token_3 = dm_dma_start_in(extra1_tile, dense_int8_weight_QuantizeLinear_t14_requantization,
                40u, 0u, NULL);
    }
    int8_t *out_tile = (int8_t *)(dense_int8_l1 + 416);
    dm_dma_wait(token);
    dm_dma_wait(token_1);
    dm_dma_wait(token_2);
    dm_dma_wait(token_3);
    dm_barrier();
    const int32_t t = core * 10 / 8;
    dense_int8_matmul_1(in0_tile, in1_tile + t, extra0_tile + t, extra1_tile + t, out_tile + t,
            (core + 1) * 10 / 8 - t);
    dm_barrier();
    dm_token token_4 = DM_NO_TOKEN;
    if (core == 0) {
        token_4 = dm_dma_start_out(dense_int8_output_0, out_tile, 40u, 0u, NULL);
    }
    dm_dma_wait(token_4);
}

static void dense_int8_cluster(void) {
    const uint32_t t = dm_core_id();
    dense_int8_00_quantizelinear_t14((int32_t)t);
}

void dense_int8_run(void) {
    dm_cluster_run(dense_int8_cluster);
}
