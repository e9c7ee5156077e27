#include <stddef.h>
#include <stdint.h>
#include "conv_int8_host.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "conv_int8_host_weights.h"

static DM_RAM_NOINIT DM_ALIGN(8) uint8_t conv_int8_host_ram[976];
DM_RAM_NOINIT DM_ALIGN(4) int8_t conv_int8_host_input_0[324];
DM_RAM_NOINIT DM_ALIGN(4) int8_t conv_int8_host_output_0[648];

static DM_KERNEL void conv_int8_host_map_1(const int8_t *restrict in0, int8_t *restrict out) {
    for (int32_t d1d2 = 0; d1d2 < 81; d1d2++) {
        const int8_t *restrict x = in0 + d1d2;
        int8_t *restrict y = out + d1d2 * 4;
        for (int32_t d3 = 0; d3 < 4; d3++) {
            (y + d3)[0] = (x + d3 * 81)[0];
        }
    }
}

// QuantizeLinear_t14
// map: 1x4x9x9 i8 -> 1x9x9x4 i8
// planned: 945 cycles
static DM_STEP void conv_int8_host_00_quantizelinear_t14(void) {
    conv_int8_host_map_1(conv_int8_host_input_0, (int8_t *)(conv_int8_host_ram + 648));
}

static DM_KERNEL void conv_int8_host_conv_1(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, int8_t *restrict out) {
    for (int32_t o0 = 0; o0 < 9; o0++) {
        int8_t *restrict y = out + o0 * 72;
        const int32_t t = -1 + o0;
        for (int32_t m = 0; m < 8; m += 4) {
            const int8_t *restrict w = in1 + m * 36;
            const int32_t *restrict e0 = extra0 + m;
            const int32_t *restrict e1 = extra1 + m;
            int8_t *restrict y_1 = y + m;
            int32_t offset0 = 0;
            int32_t offset1 = 0;
            int32_t offset2 = 0;
            int32_t offset3 = 0;
            for (int32_t k0 = 0; k0 < 3; k0++) {
                const int8_t *restrict w_1 = w + k0 * 12;
                for (int32_t k1 = 0; k1 < 3; k1++) {
                    const int8_t *restrict w_2 = w_1 + k1 * 4;
                    for (int32_t c = 0; c < 4; c++) {
                        const int8_t *restrict w_3 = w_2 + c;
                        offset0 += w_3[0];
                        offset1 += w_3[36];
                        offset2 += w_3[72];
                        offset3 += w_3[108];
                    }
                }
            }
            const int32_t t_1 = offset0 * 2;
            const int32_t t_2 = offset1 * 2;
            const int32_t t_3 = offset2 * 2;
            const int32_t t_4 = offset3 * 2;
            for (int32_t o1 = 1; o1 < 8; o1 += 2) {
                int8_t *restrict y_2 = y_1 + o1 * 8;
                const int32_t t_5 = -1 + o1;
                const int32_t t_6 = 8 - o1 - 1;
                const int32_t min = 1 < t_6 ? 1 : t_6;
                int32_t acc00 = t_1;
                int32_t acc01 = t_1;
                int32_t acc10 = t_2;
                int32_t acc11 = t_2;
                int32_t acc20 = t_3;
                int32_t acc21 = t_3;
                int32_t acc30 = t_4;
                int32_t acc31 = t_4;
                const int32_t t_7 = min * 4;
                const int32_t t_8 = 9 - t;
                const int32_t max = t_8 > 0 ? t_8 : 0;
                const int32_t min_1 = 3 < max ? 3 : max;
                for (int32_t k0 = -t > 0 ? -t : 0; k0 < min_1; k0++) {
                    const int8_t *restrict w0 = w + k0 * 12;
                    const int8_t *restrict x0 = in0 + (t + k0) * 36 + t_5 * 4;
                    const int8_t *restrict x1 = x0 + t_7;
                    const int8_t *restrict w1 = w0 + 36;
                    const int8_t *restrict w2 = w0 + 72;
                    const int8_t *restrict w3 = w0 + 108;
                    for (int32_t c = 0; c < 12; c++) {
                        const int32_t t_9 = x0[c] - 2;
                        const int32_t w0_value = w0[c];
                        acc00 += t_9 * w0_value;
                        const int32_t t_10 = x1[c] - 2;
                        acc01 += t_10 * w0_value;
                        const int32_t w1_value = w1[c];
                        acc10 += t_9 * w1_value;
                        acc11 += t_10 * w1_value;
                        const int32_t w2_value = w2[c];
                        acc20 += t_9 * w2_value;
                        acc21 += t_10 * w2_value;
                        const int32_t w3_value = w3[c];
                        acc30 += t_9 * w3_value;
                        acc31 += t_10 * w3_value;
                    }
                }
                const int32_t t_9 = min * 8;
                const int32_t e0_value = e0[0];
                const int32_t e1_value = e1[0];
                const int32_t t_10 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00 +
                        (uint32_t)e0_value) * (uint64_t)e1_value + 50027779063808ull) >> 40);
                const int32_t max_1 = t_10 > -128 ? t_10 : -128;
                y_2[0] = (int8_t)(max_1 < 127 ? max_1 : 127);
                const int32_t t_11 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01 +
                        (uint32_t)e0_value) * (uint64_t)e1_value + 50027779063808ull) >> 40);
                const int32_t max_2 = t_11 > -128 ? t_11 : -128;
                y_2[t_9] = (int8_t)(max_2 < 127 ? max_2 : 127);
                const int32_t e0_value_1 = e0[1];
                const int32_t e1_value_1 = e1[1];
                const int32_t t_12 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10 +
                        (uint32_t)e0_value_1) * (uint64_t)e1_value_1 + 50027779063808ull) >> 40);
                const int32_t max_3 = t_12 > -128 ? t_12 : -128;
                y_2[1] = (int8_t)(max_3 < 127 ? max_3 : 127);
                const int32_t t_13 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc11 +
                        (uint32_t)e0_value_1) * (uint64_t)e1_value_1 + 50027779063808ull) >> 40);
                const int32_t max_4 = t_13 > -128 ? t_13 : -128;
                y_2[1 + t_9] = (int8_t)(max_4 < 127 ? max_4 : 127);
                const int32_t e0_value_2 = e0[2];
                const int32_t e1_value_2 = e1[2];
                const int32_t t_14 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20 +
                        (uint32_t)e0_value_2) * (uint64_t)e1_value_2 + 50027779063808ull) >> 40);
                const int32_t max_5 = t_14 > -128 ? t_14 : -128;
                y_2[2] = (int8_t)(max_5 < 127 ? max_5 : 127);
                const int32_t t_15 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc21 +
                        (uint32_t)e0_value_2) * (uint64_t)e1_value_2 + 50027779063808ull) >> 40);
                const int32_t max_6 = t_15 > -128 ? t_15 : -128;
                y_2[2 + t_9] = (int8_t)(max_6 < 127 ? max_6 : 127);
                const int32_t e0_value_3 = e0[3];
                const int32_t e1_value_3 = e1[3];
                const int32_t t_16 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30 +
                        (uint32_t)e0_value_3) * (uint64_t)e1_value_3 + 50027779063808ull) >> 40);
                const int32_t max_7 = t_16 > -128 ? t_16 : -128;
                y_2[3] = (int8_t)(max_7 < 127 ? max_7 : 127);
                const int32_t t_17 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc31 +
                        (uint32_t)e0_value_3) * (uint64_t)e1_value_3 + 50027779063808ull) >> 40);
                const int32_t max_8 = t_17 > -128 ? t_17 : -128;
                y_2[3 + t_9] = (int8_t)(max_8 < 127 ? max_8 : 127);
            }
            for (int32_t border = 0; border < 2; border++) {
                const int32_t t_5 = border < 1 ? border : border + 7;
                int8_t *restrict y_2 = y_1 + t_5 * 8;
                const int32_t t_6 = -1 + t_5;
                int32_t acc00 = t_1;
                int32_t acc10 = t_2;
                int32_t acc20 = t_3;
                int32_t acc30 = t_4;
                const int32_t t_7 = 9 - t;
                const int32_t max = t_7 > 0 ? t_7 : 0;
                const int32_t min = 3 < max ? 3 : max;
                for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                    const int32_t t_8 = -t_6;
                    const int32_t max_1 = t_8 > 0 ? t_8 : 0;
                    const int32_t t_9 = 9 - t_6;
                    const int32_t max_2 = t_9 > 0 ? t_9 : 0;
                    const int8_t *restrict w0 = w + k0 * 12 + max_1 * 4;
                    const int8_t *restrict x0 = in0 + (t + k0) * 36 + (t_6 + max_1) * 4;
                    const int8_t *restrict w1 = w0 + 36;
                    const int8_t *restrict w2 = w0 + 72;
                    const int8_t *restrict w3 = w0 + 108;
                    for (int32_t c = 0; c < ((3 < max_2 ? 3 : max_2) - max_1) * 4; c++) {
                        const int32_t t_10 = x0[c] - 2;
                        acc00 += t_10 * w0[c];
                        acc10 += t_10 * w1[c];
                        acc20 += t_10 * w2[c];
                        acc30 += t_10 * w3[c];
                    }
                }
                const int32_t t_8 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00 +
                        (uint32_t)e0[0]) * (uint64_t)e1[0] + 50027779063808ull) >> 40);
                const int32_t max_1 = t_8 > -128 ? t_8 : -128;
                y_2[0] = (int8_t)(max_1 < 127 ? max_1 : 127);
                const int32_t t_9 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10 +
                        (uint32_t)e0[1]) * (uint64_t)e1[1] + 50027779063808ull) >> 40);
                const int32_t max_2 = t_9 > -128 ? t_9 : -128;
                y_2[1] = (int8_t)(max_2 < 127 ? max_2 : 127);
                const int32_t t_10 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20 +
                        (uint32_t)e0[2]) * (uint64_t)e1[2] + 50027779063808ull) >> 40);
                const int32_t max_3 = t_10 > -128 ? t_10 : -128;
                y_2[2] = (int8_t)(max_3 < 127 ? max_3 : 127);
                const int32_t t_11 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30 +
                        (uint32_t)e0[3]) * (uint64_t)e1[3] + 50027779063808ull) >> 40);
                const int32_t max_4 = t_11 > -128 ? t_11 : -128;
                y_2[3] = (int8_t)(max_4 < 127 ? max_4 : 127);
            }
        }
    }
}

// QuantizeLinear_t14
// conv: 1x9x9x4 i8 x 8x3x3x4 i8 -> 1x9x9x8 i8
// planned: 45430 cycles
static DM_STEP void conv_int8_host_01_quantizelinear_t14(void) {
    conv_int8_host_conv_1((int8_t *)(conv_int8_host_ram + 648), conv_int8_host_weight_t5_cl,
            conv_int8_host_weight_t5_zero_point_sum,
            conv_int8_host_weight_QuantizeLinear_t14_requantization, (int8_t *)conv_int8_host_ram);
}

static DM_KERNEL void conv_int8_host_map_2(const int8_t *restrict in0, int8_t *restrict out) {
    for (int32_t d1 = 0; d1 < 8; d1++) {
        const int8_t *restrict x = in0 + d1;
        int8_t *restrict y = out + d1 * 81;
        for (int32_t d2d3 = 0; d2d3 < 81; d2d3++) {
            (y + d2d3)[0] = (x + d2d3 * 8)[0];
        }
    }
}

// QuantizeLinear_t14
// map: 1x9x9x8 i8 -> 1x8x9x9 i8
// planned: 1820 cycles
static DM_STEP void conv_int8_host_02_quantizelinear_t14(void) {
    conv_int8_host_map_2((int8_t *)conv_int8_host_ram, conv_int8_host_output_0);
}

void conv_int8_host_run(void) {
    conv_int8_host_00_quantizelinear_t14();
    conv_int8_host_01_quantizelinear_t14();
    conv_int8_host_02_quantizelinear_t14();
}
