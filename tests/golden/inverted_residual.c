#include <stddef.h>
#include <stdint.h>
#include "inverted_residual.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "inverted_residual_weights.h"

static DM_RAM_NOINIT DM_ALIGN(8) uint8_t inverted_residual_ram[5760];
DM_RAM_NOINIT DM_ALIGN(4) float inverted_residual_input_0[432];
DM_RAM_NOINIT DM_ALIGN(4) float inverted_residual_output_0[5];

static DM_KERNEL void inverted_residual_map_1(const float *restrict in0, float *restrict out) {
    for (int32_t d1d2 = 0; d1d2 < 144; d1d2++) {
        const float *restrict x = in0 + d1d2;
        float *restrict y = out + d1d2 * 3;
        for (int32_t d3 = 0; d3 < 3; d3++) {
            (y + d3)[0] = (x + d3 * 144)[0];
        }
    }
}

// Conv_0
// map: 1x3x12x12 f32 -> 1x12x12x3 f32
// planned: 1236 cycles
static DM_STEP void inverted_residual_00_conv_0(void) {
    inverted_residual_map_1(inverted_residual_input_0, (float *)inverted_residual_ram);
}

static DM_KERNEL void inverted_residual_conv_1(const float *restrict in0, const float *restrict in1,
        const float *restrict extra0, float *restrict out) {
    for (int32_t o0 = 0; o0 < 6; o0++) {
        float *restrict y = out + o0 * 48;
        const int32_t t = -1 + o0 * 2;
        for (int32_t m = 0; m < 8; m += 4) {
            const float *restrict w = in1 + m * 27;
            const float *restrict e0 = extra0 + m;
            float *restrict y_1 = y + m;
            for (int32_t o1 = 1; o1 < 6; o1 += 2) {
                float *restrict y_2 = y_1 + o1 * 8;
                const int32_t t_1 = -1 + o1 * 2;
                const int32_t t_2 = 6 - o1 - 1;
                const int32_t min = 1 < t_2 ? 1 : t_2;
                float acc00 = 0.0f;
                float acc01 = 0.0f;
                float acc10 = 0.0f;
                float acc11 = 0.0f;
                float acc20 = 0.0f;
                float acc21 = 0.0f;
                float acc30 = 0.0f;
                float acc31 = 0.0f;
                const int32_t t_3 = min * 6;
                const int32_t t_4 = 12 - t;
                const int32_t max = t_4 > 0 ? t_4 : 0;
                const int32_t min_1 = 3 < max ? 3 : max;
                for (int32_t k0 = -t > 0 ? -t : 0; k0 < min_1; k0++) {
                    const float *restrict w0 = w + k0 * 9;
                    const float *restrict x0 = in0 + (t + k0) * 36 + t_1 * 3;
                    const float *restrict x1 = x0 + t_3;
                    const float *restrict w1 = w0 + 27;
                    const float *restrict w2 = w0 + 54;
                    const float *restrict w3 = w0 + 81;
                    for (int32_t c = 0; c < 9; c++) {
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
                const float t_6 = acc00 + e0_value;
                const float max_1 = 0.0f > t_6 ? 0.0f : t_6;
                y_2[0] = 6.0f < max_1 ? 6.0f : max_1;
                const float t_7 = acc01 + e0_value;
                const float max_2 = 0.0f > t_7 ? 0.0f : t_7;
                y_2[t_5] = 6.0f < max_2 ? 6.0f : max_2;
                const float e0_value_1 = e0[1];
                const float t_8 = acc10 + e0_value_1;
                const float max_3 = 0.0f > t_8 ? 0.0f : t_8;
                y_2[1] = 6.0f < max_3 ? 6.0f : max_3;
                const float t_9 = acc11 + e0_value_1;
                const float max_4 = 0.0f > t_9 ? 0.0f : t_9;
                y_2[1 + t_5] = 6.0f < max_4 ? 6.0f : max_4;
                const float e0_value_2 = e0[2];
                const float t_10 = acc20 + e0_value_2;
                const float max_5 = 0.0f > t_10 ? 0.0f : t_10;
                y_2[2] = 6.0f < max_5 ? 6.0f : max_5;
                const float t_11 = acc21 + e0_value_2;
                const float max_6 = 0.0f > t_11 ? 0.0f : t_11;
                y_2[2 + t_5] = 6.0f < max_6 ? 6.0f : max_6;
                const float e0_value_3 = e0[3];
                const float t_12 = acc30 + e0_value_3;
                const float max_7 = 0.0f > t_12 ? 0.0f : t_12;
                y_2[3] = 6.0f < max_7 ? 6.0f : max_7;
                const float t_13 = acc31 + e0_value_3;
                const float max_8 = 0.0f > t_13 ? 0.0f : t_13;
                y_2[3 + t_5] = 6.0f < max_8 ? 6.0f : max_8;
            }
            float acc00 = 0.0f;
            float acc10 = 0.0f;
            float acc20 = 0.0f;
            float acc30 = 0.0f;
            const int32_t t_1 = 12 - t;
            const int32_t max = t_1 > 0 ? t_1 : 0;
            const int32_t min = 3 < max ? 3 : max;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                const float *restrict w_1 = w + k0 * 9;
                const float *restrict x0 = in0 + (t + k0) * 36;
                const float *restrict w0 = w_1 + 3;
                const float *restrict w1 = w_1 + 30;
                const float *restrict w2 = w_1 + 57;
                const float *restrict w3 = w_1 + 84;
                for (int32_t c = 0; c < 6; c++) {
                    const float x0_value = x0[c];
                    acc00 += x0_value * w0[c];
                    acc10 += x0_value * w1[c];
                    acc20 += x0_value * w2[c];
                    acc30 += x0_value * w3[c];
                }
            }
            const float t_2 = acc00 + e0[0];
            const float max_1 = 0.0f > t_2 ? 0.0f : t_2;
            y_1[0] = 6.0f < max_1 ? 6.0f : max_1;
            const float t_3 = acc10 + e0[1];
            const float max_2 = 0.0f > t_3 ? 0.0f : t_3;
            y_1[1] = 6.0f < max_2 ? 6.0f : max_2;
            const float t_4 = acc20 + e0[2];
            const float max_3 = 0.0f > t_4 ? 0.0f : t_4;
            y_1[2] = 6.0f < max_3 ? 6.0f : max_3;
            const float t_5 = acc30 + e0[3];
            const float max_4 = 0.0f > t_5 ? 0.0f : t_5;
            y_1[3] = 6.0f < max_4 ? 6.0f : max_4;
        }
    }
}

// Conv_0
// conv: 1x12x12x3 f32 x 8x3x3x3 f32 -> 1x6x6x8 f32
// planned: 11302 cycles
static DM_STEP void inverted_residual_01_conv_0(void) {
    inverted_residual_conv_1((float *)inverted_residual_ram, inverted_residual_weight_c2_cl,
            inverted_residual_weight_c3, (float *)(inverted_residual_ram + 4608));
}

static DM_KERNEL void inverted_residual_conv_2(const float *restrict in0, const float *restrict in1,
        const float *restrict extra0, float *restrict out) {
    float packed[128];
    for (int32_t c = 0; c < 8; c++) {
        const float *restrict w = in1 + c;
        const int32_t t = c * 16;
        for (int32_t j = 0; j < 16; j++) {
            packed[t + j] = w[j * 8];
        }
    }
    for (int32_t o0o1 = 0; o0o1 < 36; o0o1++) {
        const float *restrict x = in0 + o0o1 * 8;
        float *restrict y = out + o0o1 * 16;
        float acc[16];
        for (int32_t j = 0; j < 16; j++) {
            acc[j] = 0.0f;
        }
        for (int32_t c = 0; c < 8; c += 4) {
            const float *w0 = packed + c * 16;
            const float *w1 = packed + (c + 1) * 16;
            const float *w2 = packed + (c + 2) * 16;
            const float *w3 = packed + (c + 3) * 16;
            float x0_value = (x + c)[0];
            const float x0_value_value = x0_value;
            float x1_value = (x + (c + 1))[0];
            const float x1_value_value = x1_value;
            float x2_value = (x + (c + 2))[0];
            const float x2_value_value = x2_value;
            float x3_value = (x + (c + 3))[0];
            const float x3_value_value = x3_value;
            for (int32_t j = 0; j < 16; j++) {
                acc[j] = acc[j] + (x0_value_value * w0[j] + x1_value_value * w1[j] +
                        (x2_value_value * w2[j] + x3_value_value * w3[j]));
            }
        }
        for (int32_t j = 0; j < 16; j++) {
            const float t = acc[j] + extra0[j];
            const float max = 0.0f > t ? 0.0f : t;
            y[j] = 6.0f < max ? 6.0f : max;
        }
    }
}

// Conv_2
// conv: 1x6x6x8 f32 x 16x1x1x8 f32 -> 1x6x6x16 f32
// planned: 9670 cycles
static DM_STEP void inverted_residual_02_conv_2(void) {
    inverted_residual_conv_2((float *)(inverted_residual_ram + 4608),
            inverted_residual_weight_c4_cl, inverted_residual_weight_c5,
            (float *)inverted_residual_ram);
}

static DM_KERNEL void inverted_residual_conv_3(const float *restrict in0, const float *restrict in1,
        const float *restrict extra0, float *restrict out) {
    float packed[144];
    for (int32_t k0 = 0; k0 < 3; k0++) {
        const float *restrict w = in1 + k0 * 3;
        const int32_t t = k0 * 48;
        for (int32_t k1 = 0; k1 < 3; k1++) {
            const float *restrict w_1 = w + k1;
            const int32_t t_1 = t + k1 * 16;
            for (int32_t j = 0; j < 16; j++) {
                packed[t_1 + j] = w_1[j * 9];
            }
        }
    }
    for (int32_t o0 = 0; o0 < 6; o0++) {
        float *restrict y = out + o0 * 96;
        const int32_t t = -1 + o0;
        for (int32_t o1 = 1; o1 < 5; o1++) {
            float *restrict y_1 = y + o1 * 16;
            const int32_t t_1 = -1 + o1;
            float acc[16];
            for (int32_t j = 0; j < 16; j++) {
                acc[j] = 0.0f;
            }
            const int32_t t_2 = 6 - t;
            const int32_t max = t_2 > 0 ? t_2 : 0;
            const int32_t min = 3 < max ? 3 : max;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                const float *w = packed + k0 * 48;
                const float *restrict x = in0 + (t + k0) * 96 + t_1 * 16;
                for (int32_t k1 = 0; k1 < 3; k1++) {
                    const float *restrict x0 = x + k1 * 16;
                    const float *w0 = w + k1 * 16;
                    for (int32_t j = 0; j < 16; j++) {
                        acc[j] = acc[j] + x0[j] * w0[j];
                    }
                }
            }
            for (int32_t j = 0; j < 16; j++) {
                const float t_3 = acc[j] + extra0[j];
                const float max_1 = 0.0f > t_3 ? 0.0f : t_3;
                y_1[j] = 6.0f < max_1 ? 6.0f : max_1;
            }
        }
        for (int32_t border = 0; border < 2; border++) {
            const int32_t t_1 = border < 1 ? border : border + 4;
            float *restrict y_1 = y + t_1 * 16;
            const int32_t t_2 = -1 + t_1;
            float acc[16];
            for (int32_t j = 0; j < 16; j++) {
                acc[j] = 0.0f;
            }
            const int32_t t_3 = 6 - t;
            const int32_t max = t_3 > 0 ? t_3 : 0;
            const int32_t min = 3 < max ? 3 : max;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                const int32_t t_4 = -t_2;
                const int32_t max_1 = t_4 > 0 ? t_4 : 0;
                const int32_t t_5 = 6 - t_2;
                const int32_t max_2 = t_5 > 0 ? t_5 : 0;
                const float *w = packed + k0 * 48 + max_1 * 16;
                const float *restrict x = in0 + (t + k0) * 96 + (t_2 + max_1) * 16;
                for (int32_t k1 = 0; k1 < (3 < max_2 ? 3 : max_2) - max_1; k1++) {
                    const float *restrict x0 = x + k1 * 16;
                    const float *w0 = w + k1 * 16;
                    for (int32_t j = 0; j < 16; j++) {
                        acc[j] = acc[j] + x0[j] * w0[j];
                    }
                }
            }
            for (int32_t j = 0; j < 16; j++) {
                const float t_4 = acc[j] + extra0[j];
                const float max_1 = 0.0f > t_4 ? 0.0f : t_4;
                y_1[j] = 6.0f < max_1 ? 6.0f : max_1;
            }
        }
    }
}

// Conv_4
// conv: 1x6x6x16 f32 x 16x3x3x1 f32 -> 1x6x6x16 f32
// planned: 14470 cycles
static DM_STEP void inverted_residual_03_conv_4(void) {
    inverted_residual_conv_3((float *)inverted_residual_ram, inverted_residual_weight_c6_cl,
            inverted_residual_weight_c7, (float *)(inverted_residual_ram + 2304));
}

static DM_KERNEL void inverted_residual_conv_4(const float *restrict in0, const float *restrict in1,
        const float *restrict extra0, const float *restrict extra1, float *restrict out) {
    for (int32_t m = 0; m < 8; m += 4) {
        const float *restrict w0 = in1 + m * 16;
        const float *restrict e0 = extra0 + m;
        const float *restrict e1 = extra1 + m;
        float *restrict y = out + m;
        for (int32_t o0o1 = 0; o0o1 < 36; o0o1 += 3) {
            const float *restrict x0 = in0 + o0o1 * 16;
            const float *restrict e1_1 = e1 + o0o1 * 8;
            float *restrict y_1 = y + o0o1 * 8;
            float acc00 = 0.0f;
            float acc01 = 0.0f;
            float acc02 = 0.0f;
            float acc10 = 0.0f;
            float acc11 = 0.0f;
            float acc12 = 0.0f;
            float acc20 = 0.0f;
            float acc21 = 0.0f;
            float acc22 = 0.0f;
            float acc30 = 0.0f;
            float acc31 = 0.0f;
            float acc32 = 0.0f;
            const float *restrict x1 = x0 + 16;
            const float *restrict x2 = x0 + 32;
            const float *restrict w1 = w0 + 16;
            const float *restrict w2 = w0 + 32;
            const float *restrict w3 = w0 + 48;
            for (int32_t c = 0; c < 16; c++) {
                const float x0_value = x0[c];
                const float w0_value = w0[c];
                acc00 += x0_value * w0_value;
                const float x1_value = x1[c];
                acc01 += x1_value * w0_value;
                const float x2_value = x2[c];
                acc02 += x2_value * w0_value;
                const float w1_value = w1[c];
                acc10 += x0_value * w1_value;
                acc11 += x1_value * w1_value;
                acc12 += x2_value * w1_value;
                const float w2_value = w2[c];
                acc20 += x0_value * w2_value;
                acc21 += x1_value * w2_value;
                acc22 += x2_value * w2_value;
                const float w3_value = w3[c];
                acc30 += x0_value * w3_value;
                acc31 += x1_value * w3_value;
                acc32 += x2_value * w3_value;
            }
            const float e0_value = e0[0];
            y_1[0] = acc00 + e0_value + e1_1[0];
            y_1[8] = acc01 + e0_value + e1_1[8];
            y_1[16] = acc02 + e0_value + e1_1[16];
            const float e0_value_1 = e0[1];
            y_1[1] = acc10 + e0_value_1 + e1_1[1];
            y_1[9] = acc11 + e0_value_1 + e1_1[9];
            y_1[17] = acc12 + e0_value_1 + e1_1[17];
            const float e0_value_2 = e0[2];
            y_1[2] = acc20 + e0_value_2 + e1_1[2];
            y_1[10] = acc21 + e0_value_2 + e1_1[10];
            y_1[18] = acc22 + e0_value_2 + e1_1[18];
            const float e0_value_3 = e0[3];
            y_1[3] = acc30 + e0_value_3 + e1_1[3];
            y_1[11] = acc31 + e0_value_3 + e1_1[11];
            y_1[19] = acc32 + e0_value_3 + e1_1[19];
        }
    }
}

// Conv_6
// conv: 1x6x6x16 f32 x 8x1x1x16 f32 -> 1x6x6x8 f32
// planned: 6598 cycles
static DM_STEP void inverted_residual_04_conv_6(void) {
    inverted_residual_conv_4((float *)(inverted_residual_ram + 2304),
            inverted_residual_weight_c8_cl, inverted_residual_weight_c9,
            (float *)(inverted_residual_ram + 4608), (float *)inverted_residual_ram);
}

static DM_KERNEL void inverted_residual_pool_1(const float *restrict in0, float *restrict out) {
    float acc[8];
    for (int32_t j = 0; j < 8; j++) {
        acc[j] = 0.0f;
    }
    for (int32_t k0k1 = 0; k0k1 < 36; k0k1 += 4) {
        const float *restrict x0 = in0 + k0k1 * 8;
        const float *restrict x1 = in0 + (k0k1 + 1) * 8;
        const float *restrict x2 = in0 + (k0k1 + 2) * 8;
        const float *restrict x3 = in0 + (k0k1 + 3) * 8;
        for (int32_t j = 0; j < 8; j++) {
            acc[j] = acc[j] + (x0[j] + x1[j] + (x2[j] + x3[j]));
        }
    }
    for (int32_t j = 0; j < 8; j++) {
        out[j] = acc[j] / 36.0f;
    }
}

// AveragePool_8
// pool: 1x6x6x8 f32 -> 1x1x1x8 f32
// planned: 398 cycles
static DM_STEP void inverted_residual_05_averagepool_8(void) {
    inverted_residual_pool_1((float *)inverted_residual_ram,
            (float *)(inverted_residual_ram + 1152));
}

static DM_KERNEL void inverted_residual_matmul_1(const float *restrict in0,
        const float *restrict in1, const float *restrict extra0, float *restrict out) {
    float acc00 = 0.0f;
    float acc10 = 0.0f;
    float acc20 = 0.0f;
    float acc30 = 0.0f;
    float acc40 = 0.0f;
    const float *restrict w1 = in1 + 1;
    const float *restrict w2 = in1 + 2;
    const float *restrict w3 = in1 + 3;
    const float *restrict w4 = in1 + 4;
    for (int32_t k = 0; k < 8; k++) {
        const float x0_value = in0[k];
        acc00 += x0_value * in1[k * 5];
        acc10 += x0_value * w1[k * 5];
        acc20 += x0_value * w2[k * 5];
        acc30 += x0_value * w3[k * 5];
        acc40 += x0_value * w4[k * 5];
    }
    out[0] = acc00 + extra0[0];
    out[1] = acc10 + extra0[1];
    out[2] = acc20 + extra0[2];
    out[3] = acc30 + extra0[3];
    out[4] = acc40 + extra0[4];
}

// MatMul_10
// matmul: 1x8 f32 x 8x5 f32 -> 1x5 f32
// planned: 145 cycles
static DM_STEP void inverted_residual_06_matmul_10(void) {
    inverted_residual_matmul_1((float *)(inverted_residual_ram + 1152),
            inverted_residual_weight_c11, inverted_residual_weight_c12,
            (float *)inverted_residual_ram);
}

static DM_KERNEL void inverted_residual_row_1(const float *restrict in0, float *restrict out) {
    float top = in0[0];
    for (int32_t k = 1; k < 5; k++) {
        const float in0_value = in0[k];
        top = top > in0_value ? top : in0_value;
    }
    const float top_value = top;
    float sum0 = 0.0f;
    float sum1 = 0.0f;
    float sum2 = 0.0f;
    float sum3 = 0.0f;
    out[0] = dm_expf(in0[0] - top_value);
    sum0 += out[0];
    out[1] = dm_expf(in0[1] - top_value);
    sum1 += out[1];
    out[2] = dm_expf(in0[2] - top_value);
    sum2 += out[2];
    out[3] = dm_expf(in0[3] - top_value);
    sum3 += out[3];
    out[4] = dm_expf(in0[4] - top_value);
    sum0 += out[4];
    float scale = 1.0f / (sum0 + sum1 + (sum2 + sum3));
    const float scale_value = scale;
    for (int32_t k = 0; k < 5; k++) {
        out[k] = out[k] * scale_value;
    }
}

// Softmax_12
// row: 1x5 f32 -> 1x5 f32
// planned: 410 cycles
static DM_STEP void inverted_residual_07_softmax_12(void) {
    inverted_residual_row_1((float *)inverted_residual_ram, inverted_residual_output_0);
}

void inverted_residual_run(void) {
    inverted_residual_00_conv_0();
    inverted_residual_01_conv_0();
    inverted_residual_02_conv_2();
    inverted_residual_03_conv_4();
    inverted_residual_04_conv_6();
    inverted_residual_05_averagepool_8();
    inverted_residual_06_matmul_10();
    inverted_residual_07_softmax_12();
}
