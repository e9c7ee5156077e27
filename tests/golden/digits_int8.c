#include <stddef.h>
#include <stdint.h>
#include "digits_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "digits_int8_weights.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t digits_int8_l1[10496];
DM_L2_NOINIT DM_ALIGN(4) float digits_int8_input_0[64];
DM_L2_NOINIT DM_ALIGN(4) float digits_int8_output_0[10];

static DM_KERNEL void digits_int8_map_1(const float *restrict in0, int8_t *restrict out) {
    for (int32_t d3 = 0; d3 < 8; d3++) {
        const float t = dm_rintf((in0 + d3)[0] / 0.003921569f);
        const float max = -256.0f > t ? -256.0f : t;
        const float min = 256.0f < max ? 256.0f : max;
        const int32_t t_1 = (int32_t)((uint32_t)(min >= 2.1474836e+09f ? 2147483647 :
                (int32_t)(min < 2.1474836e+09f ? (min > -2.1474836e+09f ? min : -2.1474836e+09f) :
                0.0f)) + 4294967168u);
        const int32_t max_1 = t_1 > -128 ? t_1 : -128;
        (out + d3)[0] = (int8_t)(max_1 < 127 ? max_1 : 127);
    }
}

// image_QuantizeLinear
// map: 1x1x8x8 f32 -> 1x1x8x8 i8
// planned: 1852 cycles
static DM_STEP void digits_int8_00_image_quantizelinear(int32_t core) {
    float *in0_tile = (float *)digits_int8_l1;
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, digits_int8_input_0, 256u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    digits_int8_map_1(in0_tile + core * 8, (int8_t *)(digits_int8_l1 + 1168) + core * 8);
}

static DM_KERNEL void digits_int8_conv_1(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, int8_t *restrict out,
        int32_t size0_1, int32_t origin0) {
    for (int32_t m = 0; m < 16; m += 4) {
        const int8_t *restrict w = in1 + m * 9;
        const int32_t *restrict e0 = extra0 + m;
        const int32_t *restrict e1 = extra1 + m;
        int8_t *restrict y = out + m;
        int32_t offset0 = 0;
        int32_t offset1 = 0;
        int32_t offset2 = 0;
        int32_t offset3 = 0;
        for (int32_t k0 = 0; k0 < 3; k0++) {
            const int8_t *restrict w_1 = w + k0 * 3;
            for (int32_t k1 = 0; k1 < 3; k1++) {
                const int8_t *restrict w_2 = w_1 + k1;
                offset0 += w_2[0];
                offset1 += w_2[9];
                offset2 += w_2[18];
                offset3 += w_2[27];
            }
        }
        const int32_t t = offset0 * -128;
        const int32_t t_1 = offset1 * -128;
        const int32_t t_2 = offset2 * -128;
        const int32_t t_3 = offset3 * -128;
        for (int32_t o1 = 1; o1 < 7; o1 += 3) {
            int8_t *restrict y_1 = y + o1 * 16;
            const int32_t t_4 = -1 + o1;
            int32_t acc00 = t;
            int32_t acc01 = t;
            int32_t acc02 = t;
            int32_t acc10 = t_1;
            int32_t acc11 = t_1;
            int32_t acc12 = t_1;
            int32_t acc20 = t_2;
            int32_t acc21 = t_2;
            int32_t acc22 = t_2;
            int32_t acc30 = t_3;
            int32_t acc31 = t_3;
            int32_t acc32 = t_3;
            const int32_t t_5 = size0_1 - origin0;
            const int32_t max = t_5 > 0 ? t_5 : 0;
            const int32_t min = 3 < max ? 3 : max;
            for (int32_t k0 = -origin0 > 0 ? -origin0 : 0; k0 < min; k0++) {
                const int8_t *restrict w_1 = w + k0 * 3;
                const int8_t *restrict x = in0 + (origin0 + k0) * 8 + t_4;
                const int32_t t_6 = x[0] + 128;
                const int32_t w_value = w_1[0];
                acc00 += t_6 * w_value;
                const int32_t t_7 = x[1] + 128;
                acc01 += t_7 * w_value;
                const int32_t t_8 = x[2] + 128;
                acc02 += t_8 * w_value;
                const int32_t w_value_1 = w_1[9];
                acc10 += t_6 * w_value_1;
                acc11 += t_7 * w_value_1;
                acc12 += t_8 * w_value_1;
                const int32_t w_value_2 = w_1[18];
                acc20 += t_6 * w_value_2;
                acc21 += t_7 * w_value_2;
                acc22 += t_8 * w_value_2;
                const int32_t w_value_3 = w_1[27];
                acc30 += t_6 * w_value_3;
                acc31 += t_7 * w_value_3;
                acc32 += t_8 * w_value_3;
                const int32_t w_value_4 = w_1[1];
                acc00 += t_7 * w_value_4;
                acc01 += t_8 * w_value_4;
                const int32_t t_9 = x[3] + 128;
                acc02 += t_9 * w_value_4;
                const int32_t w_value_5 = w_1[10];
                acc10 += t_7 * w_value_5;
                acc11 += t_8 * w_value_5;
                acc12 += t_9 * w_value_5;
                const int32_t w_value_6 = w_1[19];
                acc20 += t_7 * w_value_6;
                acc21 += t_8 * w_value_6;
                acc22 += t_9 * w_value_6;
                const int32_t w_value_7 = w_1[28];
                acc30 += t_7 * w_value_7;
                acc31 += t_8 * w_value_7;
                acc32 += t_9 * w_value_7;
                const int32_t w_value_8 = w_1[2];
                acc00 += t_8 * w_value_8;
                acc01 += t_9 * w_value_8;
                const int32_t t_10 = x[4] + 128;
                acc02 += t_10 * w_value_8;
                const int32_t w_value_9 = w_1[11];
                acc10 += t_8 * w_value_9;
                acc11 += t_9 * w_value_9;
                acc12 += t_10 * w_value_9;
                const int32_t w_value_10 = w_1[20];
                acc20 += t_8 * w_value_10;
                acc21 += t_9 * w_value_10;
                acc22 += t_10 * w_value_10;
                const int32_t w_value_11 = w_1[29];
                acc30 += t_8 * w_value_11;
                acc31 += t_9 * w_value_11;
                acc32 += t_10 * w_value_11;
            }
            const int32_t e0_value = e0[0];
            const int32_t e1_value = e1[0];
            const int32_t t_6 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00 +
                    (uint32_t)e0_value) * (uint64_t)e1_value + 18446673979843280896ull) >> 39);
            const int32_t max_1 = t_6 > -128 ? t_6 : -128;
            y_1[0] = (int8_t)(max_1 < 127 ? max_1 : 127);
            const int32_t t_7 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01 +
                    (uint32_t)e0_value) * (uint64_t)e1_value + 18446673979843280896ull) >> 39);
            const int32_t max_2 = t_7 > -128 ? t_7 : -128;
            y_1[16] = (int8_t)(max_2 < 127 ? max_2 : 127);
            const int32_t t_8 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc02 +
                    (uint32_t)e0_value) * (uint64_t)e1_value + 18446673979843280896ull) >> 39);
            const int32_t max_3 = t_8 > -128 ? t_8 : -128;
            y_1[32] = (int8_t)(max_3 < 127 ? max_3 : 127);
            const int32_t e0_value_1 = e0[1];
            const int32_t e1_value_1 = e1[1];
            const int32_t t_9 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10 +
                    (uint32_t)e0_value_1) * (uint64_t)e1_value_1 + 18446673979843280896ull) >> 39);
            const int32_t max_4 = t_9 > -128 ? t_9 : -128;
            y_1[1] = (int8_t)(max_4 < 127 ? max_4 : 127);
            const int32_t t_10 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc11 +
                    (uint32_t)e0_value_1) * (uint64_t)e1_value_1 + 18446673979843280896ull) >> 39);
            const int32_t max_5 = t_10 > -128 ? t_10 : -128;
            y_1[17] = (int8_t)(max_5 < 127 ? max_5 : 127);
            const int32_t t_11 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc12 +
                    (uint32_t)e0_value_1) * (uint64_t)e1_value_1 + 18446673979843280896ull) >> 39);
            const int32_t max_6 = t_11 > -128 ? t_11 : -128;
            y_1[33] = (int8_t)(max_6 < 127 ? max_6 : 127);
            const int32_t e0_value_2 = e0[2];
            const int32_t e1_value_2 = e1[2];
            const int32_t t_12 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20 +
                    (uint32_t)e0_value_2) * (uint64_t)e1_value_2 + 18446673979843280896ull) >> 39);
            const int32_t max_7 = t_12 > -128 ? t_12 : -128;
            y_1[2] = (int8_t)(max_7 < 127 ? max_7 : 127);
            const int32_t t_13 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc21 +
                    (uint32_t)e0_value_2) * (uint64_t)e1_value_2 + 18446673979843280896ull) >> 39);
            const int32_t max_8 = t_13 > -128 ? t_13 : -128;
            y_1[18] = (int8_t)(max_8 < 127 ? max_8 : 127);
            const int32_t t_14 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc22 +
                    (uint32_t)e0_value_2) * (uint64_t)e1_value_2 + 18446673979843280896ull) >> 39);
            const int32_t max_9 = t_14 > -128 ? t_14 : -128;
            y_1[34] = (int8_t)(max_9 < 127 ? max_9 : 127);
            const int32_t e0_value_3 = e0[3];
            const int32_t e1_value_3 = e1[3];
            const int32_t t_15 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30 +
                    (uint32_t)e0_value_3) * (uint64_t)e1_value_3 + 18446673979843280896ull) >> 39);
            const int32_t max_10 = t_15 > -128 ? t_15 : -128;
            y_1[3] = (int8_t)(max_10 < 127 ? max_10 : 127);
            const int32_t t_16 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc31 +
                    (uint32_t)e0_value_3) * (uint64_t)e1_value_3 + 18446673979843280896ull) >> 39);
            const int32_t max_11 = t_16 > -128 ? t_16 : -128;
            y_1[19] = (int8_t)(max_11 < 127 ? max_11 : 127);
            const int32_t t_17 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc32 +
                    (uint32_t)e0_value_3) * (uint64_t)e1_value_3 + 18446673979843280896ull) >> 39);
            const int32_t max_12 = t_17 > -128 ? t_17 : -128;
            y_1[35] = (int8_t)(max_12 < 127 ? max_12 : 127);
        }
        for (int32_t border = 0; border < 2; border++) {
            const int32_t t_4 = border < 1 ? border : border + 6;
            int8_t *restrict y_1 = y + t_4 * 16;
            const int32_t t_5 = -1 + t_4;
            int32_t acc00 = t;
            int32_t acc10 = t_1;
            int32_t acc20 = t_2;
            int32_t acc30 = t_3;
            const int32_t t_6 = size0_1 - origin0;
            const int32_t max = t_6 > 0 ? t_6 : 0;
            const int32_t min = 3 < max ? 3 : max;
            for (int32_t k0 = -origin0 > 0 ? -origin0 : 0; k0 < min; k0++) {
                const int32_t t_7 = -t_5;
                const int32_t max_1 = t_7 > 0 ? t_7 : 0;
                const int32_t t_8 = 8 - t_5;
                const int32_t max_2 = t_8 > 0 ? t_8 : 0;
                const int8_t *restrict w0 = w + k0 * 3 + max_1;
                const int8_t *restrict x0 = in0 + (origin0 + k0) * 8 + (t_5 + max_1);
                const int8_t *restrict w1 = w0 + 9;
                const int8_t *restrict w2 = w0 + 18;
                const int8_t *restrict w3 = w0 + 27;
                for (int32_t k1 = 0; k1 < (3 < max_2 ? 3 : max_2) - max_1; k1++) {
                    const int32_t t_9 = x0[k1] + 128;
                    acc00 += t_9 * w0[k1];
                    acc10 += t_9 * w1[k1];
                    acc20 += t_9 * w2[k1];
                    acc30 += t_9 * w3[k1];
                }
            }
            const int32_t t_7 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00 +
                    (uint32_t)e0[0]) * (uint64_t)e1[0] + 18446673979843280896ull) >> 39);
            const int32_t max_1 = t_7 > -128 ? t_7 : -128;
            y_1[0] = (int8_t)(max_1 < 127 ? max_1 : 127);
            const int32_t t_8 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10 +
                    (uint32_t)e0[1]) * (uint64_t)e1[1] + 18446673979843280896ull) >> 39);
            const int32_t max_2 = t_8 > -128 ? t_8 : -128;
            y_1[1] = (int8_t)(max_2 < 127 ? max_2 : 127);
            const int32_t t_9 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20 +
                    (uint32_t)e0[2]) * (uint64_t)e1[2] + 18446673979843280896ull) >> 39);
            const int32_t max_3 = t_9 > -128 ? t_9 : -128;
            y_1[2] = (int8_t)(max_3 < 127 ? max_3 : 127);
            const int32_t t_10 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30 +
                    (uint32_t)e0[3]) * (uint64_t)e1[3] + 18446673979843280896ull) >> 39);
            const int32_t max_4 = t_10 > -128 ? t_10 : -128;
            y_1[3] = (int8_t)(max_4 < 127 ? max_4 : 127);
        }
    }
}

// relu1_QuantizeLinear
// conv: 1x8x8x1 i8 x 16x3x3x1 i8 -> 1x8x8x16 i8
// planned: 10326 cycles
static DM_STEP void digits_int8_01_relu1_quantizelinear(int32_t core) {
    int8_t *in1_tile = (int8_t *)(digits_int8_l1 + 1024);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile,
                digits_int8_weight_conv1_weight_quantized_cl, 144u, 0u, NULL);
    }
    int32_t *extra0_tile = (int32_t *)(digits_int8_l1 + 1232);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile,
                digits_int8_weight_conv1_weight_quantized_zero_point_sum, 64u, 0u, NULL);
    }
    int32_t *extra1_tile = (int32_t *)(digits_int8_l1 + 1296);
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_in(DM_DMA_MCHAN, extra1_tile,
                digits_int8_weight_relu1_QuantizeLinear_requantization, 64u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_dma_wait(DM_DMA_MCHAN, token_2);
    dm_barrier();
    const int32_t t = -1 + core;
    const int32_t max = t > 0 ? t : 0;
    const int32_t min = max < 8 ? max : 8;
    const int32_t t_1 = t + 3;
    const int32_t min_1 = t_1 < 8 ? t_1 : 8;
    digits_int8_conv_1((int8_t *)(digits_int8_l1 + 1168) + min * 8, in1_tile, extra0_tile,
            extra1_tile, (int8_t *)digits_int8_l1 + core * 128, (min_1 > min ? min_1 : min) - min,
            t - min);
}

static DM_KERNEL void digits_int8_pool_1(const int8_t *restrict in0, int8_t *restrict out) {
    for (int32_t o0 = 0; o0 < 4; o0++) {
        const int8_t *restrict x = in0 + o0 * 256;
        int8_t *restrict y = out + o0 * 64;
        for (int32_t o1 = 0; o1 < 4; o1++) {
            const int8_t *restrict x_1 = x + o1 * 32;
            int8_t *restrict y_1 = y + o1 * 16;
            int8_t acc00 = -128;
            int8_t acc10 = -128;
            for (int32_t k0 = 0; k0 < 2; k0++) {
                const int8_t *restrict x_2 = x_1 + k0 * 128;
                const int8_t x_value = x_2[0];
                acc00 = acc00 > x_value ? acc00 : x_value;
                const int8_t x_value_1 = x_2[1];
                acc10 = acc10 > x_value_1 ? acc10 : x_value_1;
                const int8_t x_value_2 = x_2[16];
                acc00 = acc00 > x_value_2 ? acc00 : x_value_2;
                const int8_t x_value_3 = x_2[17];
                acc10 = acc10 > x_value_3 ? acc10 : x_value_3;
            }
            y_1[0] = acc00;
            y_1[1] = acc10;
        }
    }
}

// pool1
// pool: 1x8x8x16 i8 -> 1x4x4x16 i8
// planned: 1216 cycles
static DM_STEP void digits_int8_02_pool1(int32_t core) {
    dm_barrier();
    const int32_t t = core * 2;
    digits_int8_pool_1((int8_t *)digits_int8_l1 + t, (int8_t *)(digits_int8_l1 + 4608) + t);
}

static DM_KERNEL void digits_int8_conv_2(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, int8_t *restrict out) {
    for (int32_t o0 = 0; o0 < 4; o0++) {
        int8_t *restrict y = out + o0 * 128;
        const int32_t t = -1 + o0;
        int32_t offset0 = 0;
        int32_t offset1 = 0;
        int32_t offset2 = 0;
        int32_t offset3 = 0;
        for (int32_t k0 = 0; k0 < 3; k0++) {
            const int8_t *restrict w = in1 + k0 * 48;
            for (int32_t k1 = 0; k1 < 3; k1++) {
                const int8_t *restrict w_1 = w + k1 * 16;
                for (int32_t c = 0; c < 16; c++) {
                    const int8_t *restrict w_2 = w_1 + c;
                    offset0 += w_2[0];
                    offset1 += w_2[144];
                    offset2 += w_2[288];
                    offset3 += w_2[432];
                }
            }
        }
        const int32_t t_1 = offset0 * -128;
        const int32_t t_2 = offset1 * -128;
        const int32_t t_3 = offset2 * -128;
        const int32_t t_4 = offset3 * -128;
        int8_t *restrict y_1 = y + 32;
        int32_t acc00 = t_1;
        int32_t acc01 = t_1;
        int32_t acc10 = t_2;
        int32_t acc11 = t_2;
        int32_t acc20 = t_3;
        int32_t acc21 = t_3;
        int32_t acc30 = t_4;
        int32_t acc31 = t_4;
        const int32_t t_5 = 4 - t;
        const int32_t max = t_5 > 0 ? t_5 : 0;
        const int32_t min = 3 < max ? 3 : max;
        for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
            const int8_t *restrict w0 = in1 + k0 * 48;
            const int8_t *restrict x0 = in0 + (t + k0) * 64;
            const int8_t *restrict x1 = x0 + 16;
            const int8_t *restrict w1 = w0 + 144;
            const int8_t *restrict w2 = w0 + 288;
            const int8_t *restrict w3 = w0 + 432;
            _Pragma("GCC unroll 1")
            for (int32_t c = 0; c < 48; c += 2) {
                const int32_t t_6 = x0[c] + 128;
                const int32_t w0_value = w0[c];
                acc00 += t_6 * w0_value;
                const int32_t t_7 = x1[c] + 128;
                acc01 += t_7 * w0_value;
                const int32_t w1_value = w1[c];
                acc10 += t_6 * w1_value;
                acc11 += t_7 * w1_value;
                const int32_t w2_value = w2[c];
                acc20 += t_6 * w2_value;
                acc21 += t_7 * w2_value;
                const int32_t w3_value = w3[c];
                acc30 += t_6 * w3_value;
                acc31 += t_7 * w3_value;
                const int32_t t_8 = x0[c + 1] + 128;
                const int32_t w0_value_1 = w0[c + 1];
                acc00 += t_8 * w0_value_1;
                const int32_t t_9 = x1[c + 1] + 128;
                acc01 += t_9 * w0_value_1;
                const int32_t w1_value_1 = w1[c + 1];
                acc10 += t_8 * w1_value_1;
                acc11 += t_9 * w1_value_1;
                const int32_t w2_value_1 = w2[c + 1];
                acc20 += t_8 * w2_value_1;
                acc21 += t_9 * w2_value_1;
                const int32_t w3_value_1 = w3[c + 1];
                acc30 += t_8 * w3_value_1;
                acc31 += t_9 * w3_value_1;
            }
        }
        const int32_t extra0_value = extra0[0];
        const int32_t extra1_value = extra1[0];
        const int32_t t_6 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00 +
                (uint32_t)extra0_value) * (uint64_t)extra1_value + 18446673979843280896ull) >> 39);
        const int32_t max_1 = t_6 > -128 ? t_6 : -128;
        y_1[0] = (int8_t)(max_1 < 127 ? max_1 : 127);
        const int32_t t_7 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01 +
                (uint32_t)extra0_value) * (uint64_t)extra1_value + 18446673979843280896ull) >> 39);
        const int32_t max_2 = t_7 > -128 ? t_7 : -128;
        y_1[32] = (int8_t)(max_2 < 127 ? max_2 : 127);
        const int32_t extra0_value_1 = extra0[1];
        const int32_t extra1_value_1 = extra1[1];
        const int32_t t_8 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10 +
                (uint32_t)extra0_value_1) * (uint64_t)extra1_value_1 + 18446673979843280896ull) >>
                39);
        const int32_t max_3 = t_8 > -128 ? t_8 : -128;
        y_1[1] = (int8_t)(max_3 < 127 ? max_3 : 127);
        const int32_t t_9 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc11 +
                (uint32_t)extra0_value_1) * (uint64_t)extra1_value_1 + 18446673979843280896ull) >>
                39);
        const int32_t max_4 = t_9 > -128 ? t_9 : -128;
        y_1[33] = (int8_t)(max_4 < 127 ? max_4 : 127);
        const int32_t extra0_value_2 = extra0[2];
        const int32_t extra1_value_2 = extra1[2];
        const int32_t t_10 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20 +
                (uint32_t)extra0_value_2) * (uint64_t)extra1_value_2 + 18446673979843280896ull) >>
                39);
        const int32_t max_5 = t_10 > -128 ? t_10 : -128;
        y_1[2] = (int8_t)(max_5 < 127 ? max_5 : 127);
        const int32_t t_11 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc21 +
                (uint32_t)extra0_value_2) * (uint64_t)extra1_value_2 + 18446673979843280896ull) >>
                39);
        const int32_t max_6 = t_11 > -128 ? t_11 : -128;
        y_1[34] = (int8_t)(max_6 < 127 ? max_6 : 127);
        const int32_t extra0_value_3 = extra0[3];
        const int32_t extra1_value_3 = extra1[3];
        const int32_t t_12 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30 +
                (uint32_t)extra0_value_3) * (uint64_t)extra1_value_3 + 18446673979843280896ull) >>
                39);
        const int32_t max_7 = t_12 > -128 ? t_12 : -128;
        y_1[3] = (int8_t)(max_7 < 127 ? max_7 : 127);
        const int32_t t_13 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc31 +
                (uint32_t)extra0_value_3) * (uint64_t)extra1_value_3 + 18446673979843280896ull) >>
                39);
        const int32_t max_8 = t_13 > -128 ? t_13 : -128;
        y_1[35] = (int8_t)(max_8 < 127 ? max_8 : 127);
        for (int32_t border = 0; border < 2; border++) {
            const int32_t t_14 = border < 1 ? border : border + 2;
            int8_t *restrict y_2 = y + t_14 * 32;
            const int32_t t_15 = -1 + t_14;
            int32_t acc00_1 = t_1;
            int32_t acc10_1 = t_2;
            int32_t acc20_1 = t_3;
            int32_t acc30_1 = t_4;
            const int32_t t_16 = 4 - t;
            const int32_t max_9 = t_16 > 0 ? t_16 : 0;
            const int32_t min_1 = 3 < max_9 ? 3 : max_9;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min_1; k0++) {
                const int32_t t_17 = -t_15;
                const int32_t max_10 = t_17 > 0 ? t_17 : 0;
                const int32_t t_18 = 4 - t_15;
                const int32_t max_11 = t_18 > 0 ? t_18 : 0;
                const int8_t *restrict w0 = in1 + k0 * 48 + max_10 * 16;
                const int8_t *restrict x0 = in0 + (t + k0) * 64 + (t_15 + max_10) * 16;
                const int8_t *restrict w1 = w0 + 144;
                const int8_t *restrict w2 = w0 + 288;
                const int8_t *restrict w3 = w0 + 432;
                for (int32_t c = 0; c < ((3 < max_11 ? 3 : max_11) - max_10) * 16; c++) {
                    const int32_t t_19 = x0[c] + 128;
                    acc00_1 += t_19 * w0[c];
                    acc10_1 += t_19 * w1[c];
                    acc20_1 += t_19 * w2[c];
                    acc30_1 += t_19 * w3[c];
                }
            }
            const int32_t t_17 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00_1 +
                    (uint32_t)extra0[0]) * (uint64_t)extra1[0] + 18446673979843280896ull) >> 39);
            const int32_t max_10 = t_17 > -128 ? t_17 : -128;
            y_2[0] = (int8_t)(max_10 < 127 ? max_10 : 127);
            const int32_t t_18 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10_1 +
                    (uint32_t)extra0[1]) * (uint64_t)extra1[1] + 18446673979843280896ull) >> 39);
            const int32_t max_11 = t_18 > -128 ? t_18 : -128;
            y_2[1] = (int8_t)(max_11 < 127 ? max_11 : 127);
            const int32_t t_19 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20_1 +
                    (uint32_t)extra0[2]) * (uint64_t)extra1[2] + 18446673979843280896ull) >> 39);
            const int32_t max_12 = t_19 > -128 ? t_19 : -128;
            y_2[2] = (int8_t)(max_12 < 127 ? max_12 : 127);
            const int32_t t_20 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30_1 +
                    (uint32_t)extra0[3]) * (uint64_t)extra1[3] + 18446673979843280896ull) >> 39);
            const int32_t max_13 = t_20 > -128 ? t_20 : -128;
            y_2[3] = (int8_t)(max_13 < 127 ? max_13 : 127);
        }
    }
}

// relu2_QuantizeLinear
// conv: 1x4x4x16 i8 x 32x3x3x16 i8 -> 1x4x4x32 i8
// planned: 42537 cycles
static DM_STEP void digits_int8_03_relu2_quantizelinear(int32_t core) {
    int8_t *in1_tile = (int8_t *)digits_int8_l1;
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile,
                digits_int8_weight_conv2_weight_quantized_cl, 4608u, 0u, NULL);
    }
    int32_t *extra0_tile = (int32_t *)(digits_int8_l1 + 4864);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile,
                digits_int8_weight_conv2_weight_quantized_zero_point_sum, 128u, 0u, NULL);
    }
    int32_t *extra1_tile = (int32_t *)(digits_int8_l1 + 4992);
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_in(DM_DMA_MCHAN, extra1_tile,
                digits_int8_weight_relu2_QuantizeLinear_requantization, 128u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_dma_wait(DM_DMA_MCHAN, token_2);
    dm_barrier();
    const int32_t t = core * 4;
    digits_int8_conv_2((int8_t *)(digits_int8_l1 + 4608), in1_tile + core * 576, extra0_tile + t,
            extra1_tile + t, (int8_t *)(digits_int8_l1 + 9216) + t);
}

static DM_KERNEL void digits_int8_conv_3(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int8_t *restrict extra1,
        const int32_t *restrict extra2, int8_t *restrict out) {
    for (int32_t o0 = 0; o0 < 4; o0++) {
        const int8_t *restrict e1 = extra1 + o0 * 128;
        int8_t *restrict y = out + o0 * 128;
        const int32_t t = -1 + o0;
        int32_t offset0 = 0;
        int32_t offset1 = 0;
        int32_t offset2 = 0;
        int32_t offset3 = 0;
        for (int32_t k0 = 0; k0 < 3; k0++) {
            const int8_t *restrict w = in1 + k0 * 96;
            for (int32_t k1 = 0; k1 < 3; k1++) {
                const int8_t *restrict w_1 = w + k1 * 32;
                for (int32_t c = 0; c < 32; c++) {
                    const int8_t *restrict w_2 = w_1 + c;
                    offset0 += w_2[0];
                    offset1 += w_2[288];
                    offset2 += w_2[576];
                    offset3 += w_2[864];
                }
            }
        }
        const int32_t t_1 = offset0 * -128;
        const int32_t t_2 = offset1 * -128;
        const int32_t t_3 = offset2 * -128;
        const int32_t t_4 = offset3 * -128;
        const int8_t *restrict e1_1 = e1 + 32;
        int8_t *restrict y_1 = y + 32;
        int32_t acc00 = t_1;
        int32_t acc01 = t_1;
        int32_t acc10 = t_2;
        int32_t acc11 = t_2;
        int32_t acc20 = t_3;
        int32_t acc21 = t_3;
        int32_t acc30 = t_4;
        int32_t acc31 = t_4;
        const int32_t t_5 = 4 - t;
        const int32_t max = t_5 > 0 ? t_5 : 0;
        const int32_t min = 3 < max ? 3 : max;
        for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
            const int8_t *restrict w0 = in1 + k0 * 96;
            const int8_t *restrict x0 = in0 + (t + k0) * 128;
            const int8_t *restrict x1 = x0 + 32;
            const int8_t *restrict w1 = w0 + 288;
            const int8_t *restrict w2 = w0 + 576;
            const int8_t *restrict w3 = w0 + 864;
            _Pragma("GCC unroll 1")
            for (int32_t c = 0; c < 96; c += 2) {
                const int32_t t_6 = x0[c] + 128;
                const int32_t w0_value = w0[c];
                acc00 += t_6 * w0_value;
                const int32_t t_7 = x1[c] + 128;
                acc01 += t_7 * w0_value;
                const int32_t w1_value = w1[c];
                acc10 += t_6 * w1_value;
                acc11 += t_7 * w1_value;
                const int32_t w2_value = w2[c];
                acc20 += t_6 * w2_value;
                acc21 += t_7 * w2_value;
                const int32_t w3_value = w3[c];
                acc30 += t_6 * w3_value;
                acc31 += t_7 * w3_value;
                const int32_t t_8 = x0[c + 1] + 128;
                const int32_t w0_value_1 = w0[c + 1];
                acc00 += t_8 * w0_value_1;
                const int32_t t_9 = x1[c + 1] + 128;
                acc01 += t_9 * w0_value_1;
                const int32_t w1_value_1 = w1[c + 1];
                acc10 += t_8 * w1_value_1;
                acc11 += t_9 * w1_value_1;
                const int32_t w2_value_1 = w2[c + 1];
                acc20 += t_8 * w2_value_1;
                acc21 += t_9 * w2_value_1;
                const int32_t w3_value_1 = w3[c + 1];
                acc30 += t_8 * w3_value_1;
                acc31 += t_9 * w3_value_1;
            }
        }
        const int32_t extra0_value = extra0[0];
        const int32_t extra2_value = extra2[0];
        const int32_t t_6 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00 +
                (uint32_t)extra0_value) * (uint64_t)extra2_value + 32435593019392ull) >> 40);
        const int32_t max_1 = t_6 > -128 ? t_6 : -128;
        const int32_t t_7 = (int32_t)((uint32_t)(max_1 < 127 ? max_1 : 127) * 7304889u +
                (uint32_t)e1_1[0] * 2250098u + 3834267175u + 2097152u) >> 22;
        const int32_t max_2 = t_7 > -128 ? t_7 : -128;
        y_1[0] = (int8_t)(max_2 < 127 ? max_2 : 127);
        const int32_t t_8 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01 +
                (uint32_t)extra0_value) * (uint64_t)extra2_value + 32435593019392ull) >> 40);
        const int32_t max_3 = t_8 > -128 ? t_8 : -128;
        const int32_t t_9 = (int32_t)((uint32_t)(max_3 < 127 ? max_3 : 127) * 7304889u +
                (uint32_t)e1_1[32] * 2250098u + 3834267175u + 2097152u) >> 22;
        const int32_t max_4 = t_9 > -128 ? t_9 : -128;
        y_1[32] = (int8_t)(max_4 < 127 ? max_4 : 127);
        const int32_t extra0_value_1 = extra0[1];
        const int32_t extra2_value_1 = extra2[1];
        const int32_t t_10 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10 +
                (uint32_t)extra0_value_1) * (uint64_t)extra2_value_1 + 32435593019392ull) >> 40);
        const int32_t max_5 = t_10 > -128 ? t_10 : -128;
        const int32_t t_11 = (int32_t)((uint32_t)(max_5 < 127 ? max_5 : 127) * 7304889u +
                (uint32_t)e1_1[1] * 2250098u + 3834267175u + 2097152u) >> 22;
        const int32_t max_6 = t_11 > -128 ? t_11 : -128;
        y_1[1] = (int8_t)(max_6 < 127 ? max_6 : 127);
        const int32_t t_12 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc11 +
                (uint32_t)extra0_value_1) * (uint64_t)extra2_value_1 + 32435593019392ull) >> 40);
        const int32_t max_7 = t_12 > -128 ? t_12 : -128;
        const int32_t t_13 = (int32_t)((uint32_t)(max_7 < 127 ? max_7 : 127) * 7304889u +
                (uint32_t)e1_1[33] * 2250098u + 3834267175u + 2097152u) >> 22;
        const int32_t max_8 = t_13 > -128 ? t_13 : -128;
        y_1[33] = (int8_t)(max_8 < 127 ? max_8 : 127);
        const int32_t extra0_value_2 = extra0[2];
        const int32_t extra2_value_2 = extra2[2];
        const int32_t t_14 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20 +
                (uint32_t)extra0_value_2) * (uint64_t)extra2_value_2 + 32435593019392ull) >> 40);
        const int32_t max_9 = t_14 > -128 ? t_14 : -128;
        const int32_t t_15 = (int32_t)((uint32_t)(max_9 < 127 ? max_9 : 127) * 7304889u +
                (uint32_t)e1_1[2] * 2250098u + 3834267175u + 2097152u) >> 22;
        const int32_t max_10 = t_15 > -128 ? t_15 : -128;
        y_1[2] = (int8_t)(max_10 < 127 ? max_10 : 127);
        const int32_t t_16 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc21 +
                (uint32_t)extra0_value_2) * (uint64_t)extra2_value_2 + 32435593019392ull) >> 40);
        const int32_t max_11 = t_16 > -128 ? t_16 : -128;
        const int32_t t_17 = (int32_t)((uint32_t)(max_11 < 127 ? max_11 : 127) * 7304889u +
                (uint32_t)e1_1[34] * 2250098u + 3834267175u + 2097152u) >> 22;
        const int32_t max_12 = t_17 > -128 ? t_17 : -128;
        y_1[34] = (int8_t)(max_12 < 127 ? max_12 : 127);
        const int32_t extra0_value_3 = extra0[3];
        const int32_t extra2_value_3 = extra2[3];
        const int32_t t_18 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30 +
                (uint32_t)extra0_value_3) * (uint64_t)extra2_value_3 + 32435593019392ull) >> 40);
        const int32_t max_13 = t_18 > -128 ? t_18 : -128;
        const int32_t t_19 = (int32_t)((uint32_t)(max_13 < 127 ? max_13 : 127) * 7304889u +
                (uint32_t)e1_1[3] * 2250098u + 3834267175u + 2097152u) >> 22;
        const int32_t max_14 = t_19 > -128 ? t_19 : -128;
        y_1[3] = (int8_t)(max_14 < 127 ? max_14 : 127);
        const int32_t t_20 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc31 +
                (uint32_t)extra0_value_3) * (uint64_t)extra2_value_3 + 32435593019392ull) >> 40);
        const int32_t max_15 = t_20 > -128 ? t_20 : -128;
        const int32_t t_21 = (int32_t)((uint32_t)(max_15 < 127 ? max_15 : 127) * 7304889u +
                (uint32_t)e1_1[35] * 2250098u + 3834267175u + 2097152u) >> 22;
        const int32_t max_16 = t_21 > -128 ? t_21 : -128;
        y_1[35] = (int8_t)(max_16 < 127 ? max_16 : 127);
        for (int32_t border = 0; border < 2; border++) {
            const int32_t t_22 = border < 1 ? border : border + 2;
            const int8_t *restrict e1_2 = e1 + t_22 * 32;
            int8_t *restrict y_2 = y + t_22 * 32;
            const int32_t t_23 = -1 + t_22;
            int32_t acc00_1 = t_1;
            int32_t acc10_1 = t_2;
            int32_t acc20_1 = t_3;
            int32_t acc30_1 = t_4;
            const int32_t t_24 = 4 - t;
            const int32_t max_17 = t_24 > 0 ? t_24 : 0;
            const int32_t min_1 = 3 < max_17 ? 3 : max_17;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min_1; k0++) {
                const int32_t t_25 = -t_23;
                const int32_t max_18 = t_25 > 0 ? t_25 : 0;
                const int32_t t_26 = 4 - t_23;
                const int32_t max_19 = t_26 > 0 ? t_26 : 0;
                const int8_t *restrict w0 = in1 + k0 * 96 + max_18 * 32;
                const int8_t *restrict x0 = in0 + (t + k0) * 128 + (t_23 + max_18) * 32;
                const int8_t *restrict w1 = w0 + 288;
                const int8_t *restrict w2 = w0 + 576;
                const int8_t *restrict w3 = w0 + 864;
                for (int32_t c = 0; c < ((3 < max_19 ? 3 : max_19) - max_18) * 32; c++) {
                    const int32_t t_27 = x0[c] + 128;
                    acc00_1 += t_27 * w0[c];
                    acc10_1 += t_27 * w1[c];
                    acc20_1 += t_27 * w2[c];
                    acc30_1 += t_27 * w3[c];
                }
            }
            const int32_t t_25 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00_1 +
                    (uint32_t)extra0[0]) * (uint64_t)extra2[0] + 32435593019392ull) >> 40);
            const int32_t max_18 = t_25 > -128 ? t_25 : -128;
            const int32_t t_26 = (int32_t)((uint32_t)(max_18 < 127 ? max_18 : 127) * 7304889u +
                    (uint32_t)e1_2[0] * 2250098u + 3834267175u + 2097152u) >> 22;
            const int32_t max_19 = t_26 > -128 ? t_26 : -128;
            y_2[0] = (int8_t)(max_19 < 127 ? max_19 : 127);
            const int32_t t_27 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10_1 +
                    (uint32_t)extra0[1]) * (uint64_t)extra2[1] + 32435593019392ull) >> 40);
            const int32_t max_20 = t_27 > -128 ? t_27 : -128;
            const int32_t t_28 = (int32_t)((uint32_t)(max_20 < 127 ? max_20 : 127) * 7304889u +
                    (uint32_t)e1_2[1] * 2250098u + 3834267175u + 2097152u) >> 22;
            const int32_t max_21 = t_28 > -128 ? t_28 : -128;
            y_2[1] = (int8_t)(max_21 < 127 ? max_21 : 127);
            const int32_t t_29 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20_1 +
                    (uint32_t)extra0[2]) * (uint64_t)extra2[2] + 32435593019392ull) >> 40);
            const int32_t max_22 = t_29 > -128 ? t_29 : -128;
            const int32_t t_30 = (int32_t)((uint32_t)(max_22 < 127 ? max_22 : 127) * 7304889u +
                    (uint32_t)e1_2[2] * 2250098u + 3834267175u + 2097152u) >> 22;
            const int32_t max_23 = t_30 > -128 ? t_30 : -128;
            y_2[2] = (int8_t)(max_23 < 127 ? max_23 : 127);
            const int32_t t_31 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30_1 +
                    (uint32_t)extra0[3]) * (uint64_t)extra2[3] + 32435593019392ull) >> 40);
            const int32_t max_24 = t_31 > -128 ? t_31 : -128;
            const int32_t t_32 = (int32_t)((uint32_t)(max_24 < 127 ? max_24 : 127) * 7304889u +
                    (uint32_t)e1_2[3] * 2250098u + 3834267175u + 2097152u) >> 22;
            const int32_t max_25 = t_32 > -128 ? t_32 : -128;
            y_2[3] = (int8_t)(max_25 < 127 ? max_25 : 127);
        }
    }
}

// conv3_QuantizeLinear
// conv: 1x4x4x32 i8 x 32x3x3x32 i8 -> 1x4x4x32 i8
// planned: 82812 cycles
static DM_STEP void digits_int8_04_conv3_quantizelinear(int32_t core) {
    int8_t *in1_tile = (int8_t *)digits_int8_l1;
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile,
                digits_int8_weight_conv3_weight_quantized_cl, 9216u, 0u, NULL);
    }
    int32_t *extra0_tile = (int32_t *)(digits_int8_l1 + 10240);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile,
                digits_int8_weight_conv3_weight_quantized_zero_point_sum, 128u, 0u, NULL);
    }
    int32_t *extra2_tile = (int32_t *)(digits_int8_l1 + 10368);
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_in(DM_DMA_MCHAN, extra2_tile,
                digits_int8_weight_conv3_QuantizeLinear_requantization, 128u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_dma_wait(DM_DMA_MCHAN, token_2);
    dm_barrier();
    const int32_t t = core * 4;
    digits_int8_conv_3((int8_t *)(digits_int8_l1 + 9216), in1_tile + core * 1152, extra0_tile + t,
            (int8_t *)(digits_int8_l1 + 9216) + t, extra2_tile + t,
            (int8_t *)(digits_int8_l1 + 9728) + t);
}

static DM_KERNEL void digits_int8_pool_2(const int8_t *restrict in0, int8_t *restrict out) {
    for (int32_t o0 = 0; o0 < 2; o0++) {
        const int8_t *restrict x = in0 + o0 * 256;
        int8_t *restrict y = out + o0 * 64;
        for (int32_t o1 = 0; o1 < 2; o1++) {
            const int8_t *restrict x_1 = x + o1 * 64;
            int8_t *restrict y_1 = y + o1 * 32;
            int8_t acc00 = -128;
            int8_t acc10 = -128;
            int8_t acc20 = -128;
            int8_t acc30 = -128;
            for (int32_t k0 = 0; k0 < 2; k0++) {
                const int8_t *restrict x_2 = x_1 + k0 * 128;
                const int8_t x_value = x_2[0];
                acc00 = acc00 > x_value ? acc00 : x_value;
                const int8_t x_value_1 = x_2[1];
                acc10 = acc10 > x_value_1 ? acc10 : x_value_1;
                const int8_t x_value_2 = x_2[2];
                acc20 = acc20 > x_value_2 ? acc20 : x_value_2;
                const int8_t x_value_3 = x_2[3];
                acc30 = acc30 > x_value_3 ? acc30 : x_value_3;
                const int8_t x_value_4 = x_2[32];
                acc00 = acc00 > x_value_4 ? acc00 : x_value_4;
                const int8_t x_value_5 = x_2[33];
                acc10 = acc10 > x_value_5 ? acc10 : x_value_5;
                const int8_t x_value_6 = x_2[34];
                acc20 = acc20 > x_value_6 ? acc20 : x_value_6;
                const int8_t x_value_7 = x_2[35];
                acc30 = acc30 > x_value_7 ? acc30 : x_value_7;
            }
            y_1[0] = acc00;
            y_1[1] = acc10;
            y_1[2] = acc20;
            y_1[3] = acc30;
        }
    }
}

// pool3
// pool: 1x4x4x32 i8 -> 1x2x2x32 i8
// planned: 923 cycles
static DM_STEP void digits_int8_05_pool3(int32_t core) {
    dm_barrier();
    const int32_t t = core * 4;
    digits_int8_pool_2((int8_t *)(digits_int8_l1 + 9728) + t, (int8_t *)(digits_int8_l1 + 1280) +
            t);
}

static DM_KERNEL void digits_int8_matmul_1(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, float *restrict out,
        int32_t size4_1) {
    const int32_t full = size4_1 / 8 * 8;
    for (int32_t n = 0; n < full; n += 8) {
        const int8_t *restrict w0 = in1 + n;
        const int32_t *restrict e0 = extra0 + n;
        const int32_t *restrict e1 = extra1 + n;
        float *restrict y = out + n;
        int32_t acc00 = 0;
        int32_t acc10 = 0;
        int32_t acc20 = 0;
        int32_t acc30 = 0;
        int32_t acc40 = 0;
        int32_t acc50 = 0;
        int32_t acc60 = 0;
        int32_t acc70 = 0;
        const int8_t *restrict w1 = w0 + 1;
        const int8_t *restrict w2 = w0 + 2;
        const int8_t *restrict w3 = w0 + 3;
        const int8_t *restrict w4 = w0 + 4;
        const int8_t *restrict w5 = w0 + 5;
        const int8_t *restrict w6 = w0 + 6;
        const int8_t *restrict w7 = w0 + 7;
        _Pragma("GCC unroll 1")
        for (int32_t k = 0; k < 128; k += 2) {
            const int32_t x0_value = in0[k];
            acc00 += x0_value * w0[k * 10];
            acc10 += x0_value * w1[k * 10];
            acc20 += x0_value * w2[k * 10];
            acc30 += x0_value * w3[k * 10];
            acc40 += x0_value * w4[k * 10];
            acc50 += x0_value * w5[k * 10];
            acc60 += x0_value * w6[k * 10];
            acc70 += x0_value * w7[k * 10];
            const int32_t x0_value_1 = in0[k + 1];
            acc00 += x0_value_1 * w0[(k + 1) * 10];
            acc10 += x0_value_1 * w1[(k + 1) * 10];
            acc20 += x0_value_1 * w2[(k + 1) * 10];
            acc30 += x0_value_1 * w3[(k + 1) * 10];
            acc40 += x0_value_1 * w4[(k + 1) * 10];
            acc50 += x0_value_1 * w5[(k + 1) * 10];
            acc60 += x0_value_1 * w6[(k + 1) * 10];
            acc70 += x0_value_1 * w7[(k + 1) * 10];
        }
        const int32_t t = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00 +
                (uint32_t)e0[0]) * (uint64_t)e1[0] + 18446718235186298880ull) >> 40);
        const int32_t max = t > -128 ? t : -128;
        y[0] = (float)(int32_t)((uint32_t)(max < 127 ? max : 127) - 4294967272u) * 0.11610765f;
        const int32_t t_1 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10 +
                (uint32_t)e0[1]) * (uint64_t)e1[1] + 18446718235186298880ull) >> 40);
        const int32_t max_1 = t_1 > -128 ? t_1 : -128;
        y[1] = (float)(int32_t)((uint32_t)(max_1 < 127 ? max_1 : 127) - 4294967272u) * 0.11610765f;
        const int32_t t_2 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20 +
                (uint32_t)e0[2]) * (uint64_t)e1[2] + 18446718235186298880ull) >> 40);
        const int32_t max_2 = t_2 > -128 ? t_2 : -128;
        y[2] = (float)(int32_t)((uint32_t)(max_2 < 127 ? max_2 : 127) - 4294967272u) * 0.11610765f;
        const int32_t t_3 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30 +
                (uint32_t)e0[3]) * (uint64_t)e1[3] + 18446718235186298880ull) >> 40);
        const int32_t max_3 = t_3 > -128 ? t_3 : -128;
        y[3] = (float)(int32_t)((uint32_t)(max_3 < 127 ? max_3 : 127) - 4294967272u) * 0.11610765f;
        const int32_t t_4 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc40 +
                (uint32_t)e0[4]) * (uint64_t)e1[4] + 18446718235186298880ull) >> 40);
        const int32_t max_4 = t_4 > -128 ? t_4 : -128;
        y[4] = (float)(int32_t)((uint32_t)(max_4 < 127 ? max_4 : 127) - 4294967272u) * 0.11610765f;
        const int32_t t_5 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc50 +
                (uint32_t)e0[5]) * (uint64_t)e1[5] + 18446718235186298880ull) >> 40);
        const int32_t max_5 = t_5 > -128 ? t_5 : -128;
        y[5] = (float)(int32_t)((uint32_t)(max_5 < 127 ? max_5 : 127) - 4294967272u) * 0.11610765f;
        const int32_t t_6 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc60 +
                (uint32_t)e0[6]) * (uint64_t)e1[6] + 18446718235186298880ull) >> 40);
        const int32_t max_6 = t_6 > -128 ? t_6 : -128;
        y[6] = (float)(int32_t)((uint32_t)(max_6 < 127 ? max_6 : 127) - 4294967272u) * 0.11610765f;
        const int32_t t_7 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc70 +
                (uint32_t)e0[7]) * (uint64_t)e1[7] + 18446718235186298880ull) >> 40);
        const int32_t max_7 = t_7 > -128 ? t_7 : -128;
        y[7] = (float)(int32_t)((uint32_t)(max_7 < 127 ? max_7 : 127) - 4294967272u) * 0.11610765f;
    }
    for (int32_t n = full; n < size4_1; n++) {
        const int8_t *restrict w0 = in1 + n;
        int32_t acc = 0;
        _Pragma("GCC unroll 1")
        for (int32_t k = 0; k < 128; k += 2) {
            acc += in0[k] * w0[k * 10];
            acc += in0[k + 1] * w0[(k + 1) * 10];
        }
        const int32_t t = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc +
                (uint32_t)(extra0 + n)[0]) * (uint64_t)(extra1 + n)[0] + 18446718235186298880ull) >>
                40);
        const int32_t max = t > -128 ? t : -128;
        (out + n)[0] = (float)(int32_t)((uint32_t)(max < 127 ? max : 127) - 4294967272u) *
                0.11610765f;
    }
}

// logits_QuantizeLinear
// matmul: 1x128 i8 x 128x10 i8 -> 1x10 f32
// planned: 2972 cycles
static DM_STEP void digits_int8_06_logits_quantizelinear(int32_t core) {
    int8_t *in1_tile = (int8_t *)digits_int8_l1;
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile,
                digits_int8_weight_logits_QuantizeLinear_transposed_permuted, 1280u, 0u, NULL);
    }
    int32_t *extra0_tile = (int32_t *)(digits_int8_l1 + 1408);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile,
                digits_int8_weight_logits_QuantizeLinear_transposed_zero_point_, 40u, 0u, NULL);
    }
    int32_t *extra1_tile = (int32_t *)(digits_int8_l1 + 1448);
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_in(DM_DMA_MCHAN, extra1_tile,
                digits_int8_weight_logits_QuantizeLinear_requantization, 40u, 0u, NULL);
    }
    float *out_tile = (float *)(digits_int8_l1 + 1488);
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_dma_wait(DM_DMA_MCHAN, token_2);
    dm_barrier();
    const int32_t t = core * 10 / 8;
    digits_int8_matmul_1((int8_t *)(digits_int8_l1 + 1280), in1_tile + t, extra0_tile + t,
            extra1_tile + t, out_tile + t, (core + 1) * 10 / 8 - t);
    dm_barrier();
    dm_token token_3 = DM_NO_TOKEN;
    if (core == 0) {
        token_3 = dm_dma_start_out(DM_DMA_MCHAN, digits_int8_output_0, out_tile, 40u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token_3);
}

static void digits_int8_cluster(void) {
    const uint32_t t = dm_core_id();
    const int32_t core = (int32_t)t;
    digits_int8_00_image_quantizelinear(core);
    digits_int8_01_relu1_quantizelinear(core);
    digits_int8_02_pool1(core);
    digits_int8_03_relu2_quantizelinear(core);
    digits_int8_04_conv3_quantizelinear(core);
    digits_int8_05_pool3(core);
    digits_int8_06_logits_quantizelinear(core);
}

void digits_int8_run(void) {
    dm_cluster_run(digits_int8_cluster);
}
