#include <stddef.h>
#include <stdint.h>
#include "conv_f32_host.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "conv_f32_host_weights.h"

static DM_RAM_NOINIT DM_ALIGN(8) uint8_t conv_f32_host_ram[3888];
DM_RAM_NOINIT DM_ALIGN(4) float conv_f32_host_input_0[324];
DM_RAM_NOINIT DM_ALIGN(4) float conv_f32_host_output_0[648];

static DM_KERNEL void conv_f32_host_map_1(const float *restrict in0, float *restrict out) {
    for (int32_t d1d2 = 0; d1d2 < 81; d1d2++) {
        const float *restrict x = in0 + d1d2;
        float *restrict y = out + d1d2 * 4;
        for (int32_t d3 = 0; d3 < 4; d3++) {
            (y + d3)[0] = (x + d3 * 81)[0];
        }
    }
}

// Conv_0
// map: 1x4x9x9 f32 -> 1x9x9x4 f32
// planned: 945 cycles
static DM_STEP void conv_f32_host_00_conv_0(void) {
    conv_f32_host_map_1(conv_f32_host_input_0, (float *)(conv_f32_host_ram + 2592));
}

static DM_KERNEL void conv_f32_host_conv_1(const float *restrict in0, const float *restrict in1,
        const float *restrict extra0, float *restrict out) {
    for (int32_t o0 = 0; o0 < 9; o0++) {
        float *restrict y = out + o0 * 72;
        const int32_t t = -1 + o0;
        for (int32_t m = 0; m < 8; m += 4) {
            const float *restrict w = in1 + m * 36;
            const float *restrict e0 = extra0 + m;
            float *restrict y_1 = y + m;
            for (int32_t o1 = 1; o1 < 8; o1 += 2) {
                float *restrict y_2 = y_1 + o1 * 8;
                const int32_t t_1 = -1 + o1;
                const int32_t t_2 = 8 - o1 - 1;
                const int32_t min = 1 < t_2 ? 1 : t_2;
                float acc00 = 0.0f;
                float acc01 = 0.0f;
                float acc10 = 0.0f;
                float acc11 = 0.0f;
                float acc20 = 0.0f;
                float acc21 = 0.0f;
                float acc30 = 0.0f;
                float acc31 = 0.0f;
                const int32_t t_3 = min * 4;
                const int32_t t_4 = 9 - t;
                const int32_t max = t_4 > 0 ? t_4 : 0;
                const int32_t min_1 = 3 < max ? 3 : max;
                for (int32_t k0 = -t > 0 ? -t : 0; k0 < min_1; k0++) {
                    const float *restrict w0 = w + k0 * 12;
                    const float *restrict x0 = in0 + (t + k0) * 36 + t_1 * 4;
                    const float *restrict x1 = x0 + t_3;
                    const float *restrict w1 = w0 + 36;
                    const float *restrict w2 = w0 + 72;
                    const float *restrict w3 = w0 + 108;
                    for (int32_t c = 0; c < 12; c++) {
                        const float x0_value = x0[c];
                        const float w0_value = w0[c];
                        acc00 += x0_value * w0_value;
                        const float x1_value = x1[c];
                        acc01 += x1_value * w0_value;
                        const float w1_value = w1[c];
                        acc10 += x0_value * w1_value;
                        acc11 += x1_value * w1_value;
                        const float w2_value = w2[c];
                        acc20 += x0_value * w2_value;
                        acc21 += x1_value * w2_value;
                        const float w3_value = w3[c];
                        acc30 += x0_value * w3_value;
                        acc31 += x1_value * w3_value;
                    }
                }
                const int32_t t_5 = min * 8;
                const float e0_value = e0[0];
                y_2[0] = acc00 + e0_value;
                y_2[t_5] = acc01 + e0_value;
                const float e0_value_1 = e0[1];
                y_2[1] = acc10 + e0_value_1;
                y_2[1 + t_5] = acc11 + e0_value_1;
                const float e0_value_2 = e0[2];
                y_2[2] = acc20 + e0_value_2;
                y_2[2 + t_5] = acc21 + e0_value_2;
                const float e0_value_3 = e0[3];
                y_2[3] = acc30 + e0_value_3;
                y_2[3 + t_5] = acc31 + e0_value_3;
            }
            for (int32_t border = 0; border < 2; border++) {
                const int32_t t_1 = border < 1 ? border : border + 7;
                float *restrict y_2 = y_1 + t_1 * 8;
                const int32_t t_2 = -1 + t_1;
                float acc00 = 0.0f;
                float acc10 = 0.0f;
                float acc20 = 0.0f;
                float acc30 = 0.0f;
                const int32_t t_3 = 9 - t;
                const int32_t max = t_3 > 0 ? t_3 : 0;
                const int32_t min = 3 < max ? 3 : max;
                for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                    const int32_t t_4 = -t_2;
                    const int32_t max_1 = t_4 > 0 ? t_4 : 0;
                    const int32_t t_5 = 9 - t_2;
                    const int32_t max_2 = t_5 > 0 ? t_5 : 0;
                    const float *restrict w0 = w + k0 * 12 + max_1 * 4;
                    const float *restrict x0 = in0 + (t + k0) * 36 + (t_2 + max_1) * 4;
                    const float *restrict w1 = w0 + 36;
                    const float *restrict w2 = w0 + 72;
                    const float *restrict w3 = w0 + 108;
                    for (int32_t c = 0; c < ((3 < max_2 ? 3 : max_2) - max_1) * 4; c++) {
                        const float x0_value = x0[c];
                        acc00 += x0_value * w0[c];
                        acc10 += x0_value * w1[c];
                        acc20 += x0_value * w2[c];
                        acc30 += x0_value * w3[c];
                    }
                }
                y_2[0] = acc00 + e0[0];
                y_2[1] = acc10 + e0[1];
                y_2[2] = acc20 + e0[2];
                y_2[3] = acc30 + e0[3];
            }
        }
    }
}

// Conv_0
// conv: 1x9x9x4 f32 x 8x3x3x4 f32 -> 1x9x9x8 f32
// planned: 28582 cycles
static DM_STEP void conv_f32_host_01_conv_0(void) {
    conv_f32_host_conv_1((float *)(conv_f32_host_ram + 2592), conv_f32_host_weight_c0_cl,
            conv_f32_host_weight_c1, (float *)conv_f32_host_ram);
}

static DM_KERNEL void conv_f32_host_map_2(const float *restrict in0, float *restrict out) {
    for (int32_t d1 = 0; d1 < 8; d1++) {
        const float *restrict x = in0 + d1;
        float *restrict y = out + d1 * 81;
        for (int32_t d2d3 = 0; d2d3 < 81; d2d3++) {
            (y + d2d3)[0] = (x + d2d3 * 8)[0];
        }
    }
}

// Conv_0
// map: 1x9x9x8 f32 -> 1x8x9x9 f32
// planned: 1820 cycles
static DM_STEP void conv_f32_host_02_conv_0(void) {
    conv_f32_host_map_2((float *)conv_f32_host_ram, conv_f32_host_output_0);
}

void conv_f32_host_run(void) {
    conv_f32_host_00_conv_0();
    conv_f32_host_01_conv_0();
    conv_f32_host_02_conv_0();
}
