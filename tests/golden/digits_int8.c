#include <stddef.h>
#include <stdint.h>
#include "digits_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "digits_int8_weights.h"
#include "dm_bits.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t digits_int8_l1[10496];
DM_L2_NOINIT DM_ALIGN(4) float digits_int8_input_0[64];
DM_L2_NOINIT DM_ALIGN(4) float digits_int8_output_0[10];

static inline __attribute__((unused)) int32_t dm_xpulpv2_p_clip_8(int32_t a) {
    int32_t result;
#if defined(__riscv) && __riscv_xlen == 32
    __asm__(".insn r 0x33, 1, 0xa, %[d], %[a], x8" : [d] "=&r"(result) : [a] "r"(a));
#else
    const int32_t max = a > -128 ? a : -128;
    result = max < 127 ? max : 127;
#endif
    return result;
}

static DM_KERNEL void digits_int8_map_1(const float *restrict in0, int8_t *restrict out) {
    for (int32_t d3 = 0; d3 < 8; d3++) {
        const float t = dm_rintf((in0 + d3)[0] / 0.003921569f);
        const float max = -256.0f > t ? -256.0f : t;
        const float min = 256.0f < max ? 256.0f : max;
        const int32_t t_1 = (int32_t)((uint32_t)(min >= 2.1474836e+09f ? 2147483647 :
                (int32_t)(min < 2.1474836e+09f ? (min > -2.1474836e+09f ? min : -2.1474836e+09f) :
                0.0f)) + 4294967168u);
        (out + d3)[0] = (int8_t)dm_xpulpv2_p_clip_8(t_1);
    }
}

// image_QuantizeLinear
// map: 1x1x8x8 f32 -> 1x1x8x8 i8
// planned: 1812 cycles
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

static inline __attribute__((unused)) int32_t dm_xpulpv2_p_mac(int32_t a, int32_t b, int32_t d) {
    int32_t result = d;
#if defined(__riscv) && __riscv_xlen == 32
    __asm__(".insn r 0x33, 0, 0x21, %[d], %[a], %[b]" : [d] "+r"(result) : [a] "r"(a), [b] "r"(b));
#else
    result = (int32_t)((uint32_t)d + (uint32_t)a * (uint32_t)b);
#endif
    return result;
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
                acc00 = dm_xpulpv2_p_mac(t_6, w_value, acc00);
                const int32_t t_7 = x[1] + 128;
                acc01 = dm_xpulpv2_p_mac(t_7, w_value, acc01);
                const int32_t t_8 = x[2] + 128;
                acc02 = dm_xpulpv2_p_mac(t_8, w_value, acc02);
                const int32_t w_value_1 = w_1[9];
                acc10 = dm_xpulpv2_p_mac(t_6, w_value_1, acc10);
                acc11 = dm_xpulpv2_p_mac(t_7, w_value_1, acc11);
                acc12 = dm_xpulpv2_p_mac(t_8, w_value_1, acc12);
                const int32_t w_value_2 = w_1[18];
                acc20 = dm_xpulpv2_p_mac(t_6, w_value_2, acc20);
                acc21 = dm_xpulpv2_p_mac(t_7, w_value_2, acc21);
                acc22 = dm_xpulpv2_p_mac(t_8, w_value_2, acc22);
                const int32_t w_value_3 = w_1[27];
                acc30 = dm_xpulpv2_p_mac(t_6, w_value_3, acc30);
                acc31 = dm_xpulpv2_p_mac(t_7, w_value_3, acc31);
                acc32 = dm_xpulpv2_p_mac(t_8, w_value_3, acc32);
                const int32_t w_value_4 = w_1[1];
                acc00 = dm_xpulpv2_p_mac(t_7, w_value_4, acc00);
                acc01 = dm_xpulpv2_p_mac(t_8, w_value_4, acc01);
                const int32_t t_9 = x[3] + 128;
                acc02 = dm_xpulpv2_p_mac(t_9, w_value_4, acc02);
                const int32_t w_value_5 = w_1[10];
                acc10 = dm_xpulpv2_p_mac(t_7, w_value_5, acc10);
                acc11 = dm_xpulpv2_p_mac(t_8, w_value_5, acc11);
                acc12 = dm_xpulpv2_p_mac(t_9, w_value_5, acc12);
                const int32_t w_value_6 = w_1[19];
                acc20 = dm_xpulpv2_p_mac(t_7, w_value_6, acc20);
                acc21 = dm_xpulpv2_p_mac(t_8, w_value_6, acc21);
                acc22 = dm_xpulpv2_p_mac(t_9, w_value_6, acc22);
                const int32_t w_value_7 = w_1[28];
                acc30 = dm_xpulpv2_p_mac(t_7, w_value_7, acc30);
                acc31 = dm_xpulpv2_p_mac(t_8, w_value_7, acc31);
                acc32 = dm_xpulpv2_p_mac(t_9, w_value_7, acc32);
                const int32_t w_value_8 = w_1[2];
                acc00 = dm_xpulpv2_p_mac(t_8, w_value_8, acc00);
                acc01 = dm_xpulpv2_p_mac(t_9, w_value_8, acc01);
                const int32_t t_10 = x[4] + 128;
                acc02 = dm_xpulpv2_p_mac(t_10, w_value_8, acc02);
                const int32_t w_value_9 = w_1[11];
                acc10 = dm_xpulpv2_p_mac(t_8, w_value_9, acc10);
                acc11 = dm_xpulpv2_p_mac(t_9, w_value_9, acc11);
                acc12 = dm_xpulpv2_p_mac(t_10, w_value_9, acc12);
                const int32_t w_value_10 = w_1[20];
                acc20 = dm_xpulpv2_p_mac(t_8, w_value_10, acc20);
                acc21 = dm_xpulpv2_p_mac(t_9, w_value_10, acc21);
                acc22 = dm_xpulpv2_p_mac(t_10, w_value_10, acc22);
                const int32_t w_value_11 = w_1[29];
                acc30 = dm_xpulpv2_p_mac(t_8, w_value_11, acc30);
                acc31 = dm_xpulpv2_p_mac(t_9, w_value_11, acc31);
                acc32 = dm_xpulpv2_p_mac(t_10, w_value_11, acc32);
            }
            const int32_t e0_value = e0[0];
            const int32_t e1_value = e1[0];
            const int32_t t_6 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00
                    + (uint32_t)e0_value) * (uint64_t)e1_value + 18446673979843280896ull) >> 39));
            y_1[0] = (int8_t)t_6;
            const int32_t t_7 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01
                    + (uint32_t)e0_value) * (uint64_t)e1_value + 18446673979843280896ull) >> 39));
            y_1[16] = (int8_t)t_7;
            const int32_t t_8 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc02
                    + (uint32_t)e0_value) * (uint64_t)e1_value + 18446673979843280896ull) >> 39));
            y_1[32] = (int8_t)t_8;
            const int32_t e0_value_1 = e0[1];
            const int32_t e1_value_1 = e1[1];
            const int32_t t_9 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10
                    + (uint32_t)e0_value_1) * (uint64_t)e1_value_1 + 18446673979843280896ull) >>
                    39));
            y_1[1] = (int8_t)t_9;
            const int32_t t_10 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc11
                    + (uint32_t)e0_value_1) * (uint64_t)e1_value_1 + 18446673979843280896ull) >>
                    39));
            y_1[17] = (int8_t)t_10;
            const int32_t t_11 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc12
                    + (uint32_t)e0_value_1) * (uint64_t)e1_value_1 + 18446673979843280896ull) >>
                    39));
            y_1[33] = (int8_t)t_11;
            const int32_t e0_value_2 = e0[2];
            const int32_t e1_value_2 = e1[2];
            const int32_t t_12 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20
                    + (uint32_t)e0_value_2) * (uint64_t)e1_value_2 + 18446673979843280896ull) >>
                    39));
            y_1[2] = (int8_t)t_12;
            const int32_t t_13 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc21
                    + (uint32_t)e0_value_2) * (uint64_t)e1_value_2 + 18446673979843280896ull) >>
                    39));
            y_1[18] = (int8_t)t_13;
            const int32_t t_14 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc22
                    + (uint32_t)e0_value_2) * (uint64_t)e1_value_2 + 18446673979843280896ull) >>
                    39));
            y_1[34] = (int8_t)t_14;
            const int32_t e0_value_3 = e0[3];
            const int32_t e1_value_3 = e1[3];
            const int32_t t_15 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30
                    + (uint32_t)e0_value_3) * (uint64_t)e1_value_3 + 18446673979843280896ull) >>
                    39));
            y_1[3] = (int8_t)t_15;
            const int32_t t_16 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc31
                    + (uint32_t)e0_value_3) * (uint64_t)e1_value_3 + 18446673979843280896ull) >>
                    39));
            y_1[19] = (int8_t)t_16;
            const int32_t t_17 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc32
                    + (uint32_t)e0_value_3) * (uint64_t)e1_value_3 + 18446673979843280896ull) >>
                    39));
            y_1[35] = (int8_t)t_17;
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
                    acc00 = dm_xpulpv2_p_mac(t_9, w0[k1], acc00);
                    acc10 = dm_xpulpv2_p_mac(t_9, w1[k1], acc10);
                    acc20 = dm_xpulpv2_p_mac(t_9, w2[k1], acc20);
                    acc30 = dm_xpulpv2_p_mac(t_9, w3[k1], acc30);
                }
            }
            const int32_t t_7 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00
                    + (uint32_t)e0[0]) * (uint64_t)e1[0] + 18446673979843280896ull) >> 39));
            y_1[0] = (int8_t)t_7;
            const int32_t t_8 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10
                    + (uint32_t)e0[1]) * (uint64_t)e1[1] + 18446673979843280896ull) >> 39));
            y_1[1] = (int8_t)t_8;
            const int32_t t_9 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20
                    + (uint32_t)e0[2]) * (uint64_t)e1[2] + 18446673979843280896ull) >> 39));
            y_1[2] = (int8_t)t_9;
            const int32_t t_10 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30
                    + (uint32_t)e0[3]) * (uint64_t)e1[3] + 18446673979843280896ull) >> 39));
            y_1[3] = (int8_t)t_10;
        }
    }
}

// relu1_QuantizeLinear
// conv: 1x8x8x1 i8 x 16x3x3x1 i8 -> 1x8x8x16 i8
// planned: 7382 cycles
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

static inline __attribute__((unused)) int32_t dm_xpulpv2_pv_sdotsp_b(int32_t a, int32_t b,
        int32_t d) {
    int32_t result = d;
#if defined(__riscv) && __riscv_xlen == 32
    __asm__(".insn r 0x57, 1, 0x5c, %[d], %[a], %[b]" : [d] "+r"(result) : [a] "r"(a), [b] "r"(b));
#else
    const int32_t t = (int32_t)((uint32_t)d + (uint32_t)(int8_t)a * (uint32_t)(int8_t)b +
            (uint32_t)(int8_t)(a >> 8) * (uint32_t)(int8_t)(b >> 8) + (uint32_t)(int8_t)(a >> 16) *
            (uint32_t)(int8_t)(b >> 16));
    result = (int32_t)((uint32_t)t + (uint32_t)(int8_t)(a >> 24) * (uint32_t)(int8_t)(b >> 24));
#endif
    return result;
}

static DM_KERNEL void digits_int8_conv_2(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, int8_t *restrict out) {
    for (int32_t o0 = 0; o0 < 4; o0++) {
        int8_t *restrict y = out + o0 * 128;
        const int32_t t = -1 + o0;
        int32_t all0 = 0;
        int32_t all1 = 0;
        int32_t all2 = 0;
        int32_t all3 = 0;
        for (int32_t k0 = 0; k0 < 3; k0++) {
            const int8_t *restrict w = in1 + k0 * 48;
            const int8_t *restrict w0 = w;
            const int8_t *restrict w1 = w + 144;
            const int8_t *restrict w2 = w + 288;
            const int8_t *restrict w3 = w + 432;
#if defined(__riscv) && __riscv_xlen == 32
            __asm__ volatile(
                ".option push\n"
                ".option norvc\n"
                ".insn i 0x7b, 4, x0, %[n], 16\n"
                ".insn i 0x0b, 2, t0, %[w0], 4\n"
                ".insn i 0x0b, 2, t1, %[w1], 4\n"
                ".insn i 0x0b, 2, t2, %[w2], 4\n"
                ".insn i 0x0b, 2, t3, %[w3], 4\n"
                ".insn r 0x57, 1, 0x5c, %[acc00], %[x], t0\n"
                ".insn r 0x57, 1, 0x5c, %[acc10], %[x], t1\n"
                ".insn r 0x57, 1, 0x5c, %[acc20], %[x], t2\n"
                ".insn r 0x57, 1, 0x5c, %[acc30], %[x], t3\n"
                ".option pop\n"
                : [acc00] "+r"(all0), [acc10] "+r"(all1), [acc20] "+r"(all2), [acc30] "+r"(all3),
                        [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3)
                : [x] "r"(16843009), [n] "r"(12)
                : "t0", "t1", "t2", "t3", "memory");
#else
            for (int32_t k = 0; k < 12; k++) {
                int32_t ww0 = dm_word(w0);
                int32_t ww1 = dm_word(w1);
                int32_t ww2 = dm_word(w2);
                int32_t ww3 = dm_word(w3);
                w0 += 4;
                w1 += 4;
                w2 += 4;
                w3 += 4;
                all0 = dm_xpulpv2_pv_sdotsp_b(16843009, ww0, all0);
                all1 = dm_xpulpv2_pv_sdotsp_b(16843009, ww1, all1);
                all2 = dm_xpulpv2_pv_sdotsp_b(16843009, ww2, all2);
                all3 = dm_xpulpv2_pv_sdotsp_b(16843009, ww3, all3);
            }
#endif
        }
        const int32_t t_1 = all0 * -128;
        const int32_t t_2 = all1 * -128;
        const int32_t t_3 = all2 * -128;
        const int32_t t_4 = all3 * -128;
        int8_t *restrict y_1 = y + 32;
        const int32_t t_5 = 4 - t;
        const int32_t max = t_5 > 0 ? t_5 : 0;
        int32_t border0 = 0;
        int32_t border1 = 0;
        int32_t border2 = 0;
        int32_t border3 = 0;
        if ((3 < max ? 3 : max) - (-t > 0 ? -t : 0) < 3) {
            int32_t seen0 = 0;
            int32_t seen1 = 0;
            int32_t seen2 = 0;
            int32_t seen3 = 0;
            const int32_t t_6 = 4 - t;
            const int32_t max_1 = t_6 > 0 ? t_6 : 0;
            const int32_t min = 3 < max_1 ? 3 : max_1;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                const int8_t *restrict w = in1 + k0 * 48;
                const int8_t *restrict w0 = w;
                const int8_t *restrict w1 = w + 144;
                const int8_t *restrict w2 = w + 288;
                const int8_t *restrict w3 = w + 432;
#if defined(__riscv) && __riscv_xlen == 32
                __asm__ volatile(
                    ".option push\n"
                    ".option norvc\n"
                    ".insn i 0x7b, 4, x0, %[n], 16\n"
                    ".insn i 0x0b, 2, t0, %[w0], 4\n"
                    ".insn i 0x0b, 2, t1, %[w1], 4\n"
                    ".insn i 0x0b, 2, t2, %[w2], 4\n"
                    ".insn i 0x0b, 2, t3, %[w3], 4\n"
                    ".insn r 0x57, 1, 0x5c, %[acc00], %[x], t0\n"
                    ".insn r 0x57, 1, 0x5c, %[acc10], %[x], t1\n"
                    ".insn r 0x57, 1, 0x5c, %[acc20], %[x], t2\n"
                    ".insn r 0x57, 1, 0x5c, %[acc30], %[x], t3\n"
                    ".option pop\n"
                    : [acc00] "+r"(seen0), [acc10] "+r"(seen1), [acc20] "+r"(seen2),
                            [acc30] "+r"(seen3), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2),
                            [w3] "+r"(w3)
                    : [x] "r"(16843009), [n] "r"(12)
                    : "t0", "t1", "t2", "t3", "memory");
#else
                for (int32_t k = 0; k < 12; k++) {
                    int32_t ww0 = dm_word(w0);
                    int32_t ww1 = dm_word(w1);
                    int32_t ww2 = dm_word(w2);
                    int32_t ww3 = dm_word(w3);
                    w0 += 4;
                    w1 += 4;
                    w2 += 4;
                    w3 += 4;
                    seen0 = dm_xpulpv2_pv_sdotsp_b(16843009, ww0, seen0);
                    seen1 = dm_xpulpv2_pv_sdotsp_b(16843009, ww1, seen1);
                    seen2 = dm_xpulpv2_pv_sdotsp_b(16843009, ww2, seen2);
                    seen3 = dm_xpulpv2_pv_sdotsp_b(16843009, ww3, seen3);
                }
#endif
            }
            border0 = t_1 - seen0 * -128;
            border1 = t_2 - seen1 * -128;
            border2 = t_3 - seen2 * -128;
            border3 = t_4 - seen3 * -128;
        }
        const int32_t border0_value = border0;
        const int32_t border1_value = border1;
        const int32_t border2_value = border2;
        const int32_t border3_value = border3;
        int32_t acc00 = border0_value;
        int32_t acc01 = border0_value;
        int32_t acc10 = border1_value;
        int32_t acc11 = border1_value;
        int32_t acc20 = border2_value;
        int32_t acc21 = border2_value;
        int32_t acc30 = border3_value;
        int32_t acc31 = border3_value;
        const int32_t t_6 = 4 - t;
        const int32_t max_1 = t_6 > 0 ? t_6 : 0;
        const int32_t min = 3 < max_1 ? 3 : max_1;
        for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
            const int8_t *restrict w = in1 + k0 * 48;
            const int8_t *restrict x = in0 + (t + k0) * 64;
            const int8_t *restrict x0 = x;
            const int8_t *restrict x1 = x + 16;
            const int8_t *restrict w0 = w;
            const int8_t *restrict w1 = w + 144;
            const int8_t *restrict w2 = w + 288;
            const int8_t *restrict w3 = w + 432;
#if defined(__riscv) && __riscv_xlen == 32
            __asm__ volatile(
                ".option push\n"
                ".option norvc\n"
                ".insn i 0x7b, 4, x0, %[n], 28\n"
                ".insn i 0x0b, 2, t0, %[x0], 4\n"
                ".insn i 0x0b, 2, t1, %[x1], 4\n"
                ".insn i 0x0b, 2, t2, %[w0], 4\n"
                ".insn i 0x0b, 2, t3, %[w1], 4\n"
                ".insn i 0x0b, 2, t4, %[w2], 4\n"
                ".insn i 0x0b, 2, t5, %[w3], 4\n"
                ".insn r 0x57, 1, 0x5c, %[acc00], t0, t2\n"
                ".insn r 0x57, 1, 0x5c, %[acc01], t1, t2\n"
                ".insn r 0x57, 1, 0x5c, %[acc10], t0, t3\n"
                ".insn r 0x57, 1, 0x5c, %[acc11], t1, t3\n"
                ".insn r 0x57, 1, 0x5c, %[acc20], t0, t4\n"
                ".insn r 0x57, 1, 0x5c, %[acc21], t1, t4\n"
                ".insn r 0x57, 1, 0x5c, %[acc30], t0, t5\n"
                ".insn r 0x57, 1, 0x5c, %[acc31], t1, t5\n"
                ".option pop\n"
                : [acc00] "+r"(acc00), [acc01] "+r"(acc01), [acc10] "+r"(acc10),
                        [acc11] "+r"(acc11), [acc20] "+r"(acc20), [acc21] "+r"(acc21),
                        [acc30] "+r"(acc30), [acc31] "+r"(acc31), [x0] "+r"(x0), [x1] "+r"(x1),
                        [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3)
                : [n] "r"(12)
                : "t0", "t1", "t2", "t3", "t4", "t5", "memory");
#else
            for (int32_t k = 0; k < 12; k++) {
                int32_t xw0 = dm_word(x0);
                int32_t xw1 = dm_word(x1);
                int32_t ww0 = dm_word(w0);
                int32_t ww1 = dm_word(w1);
                int32_t ww2 = dm_word(w2);
                int32_t ww3 = dm_word(w3);
                x0 += 4;
                x1 += 4;
                w0 += 4;
                w1 += 4;
                w2 += 4;
                w3 += 4;
                const int32_t xw0_value = xw0;
                const int32_t xw1_value = xw1;
                const int32_t ww0_value = ww0;
                const int32_t ww1_value = ww1;
                const int32_t ww2_value = ww2;
                const int32_t ww3_value = ww3;
                acc00 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww0_value, acc00);
                acc01 = dm_xpulpv2_pv_sdotsp_b(xw1_value, ww0_value, acc01);
                acc10 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww1_value, acc10);
                acc11 = dm_xpulpv2_pv_sdotsp_b(xw1_value, ww1_value, acc11);
                acc20 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww2_value, acc20);
                acc21 = dm_xpulpv2_pv_sdotsp_b(xw1_value, ww2_value, acc21);
                acc30 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww3_value, acc30);
                acc31 = dm_xpulpv2_pv_sdotsp_b(xw1_value, ww3_value, acc31);
            }
#endif
        }
        const int32_t extra0_value = extra0[0];
        const int32_t extra1_value = extra1[0];
        const int32_t t_7 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00
                + (uint32_t)extra0_value) * (uint64_t)extra1_value + 18446673979843280896ull) >>
                39));
        y_1[0] = (int8_t)t_7;
        const int32_t t_8 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01
                + (uint32_t)extra0_value) * (uint64_t)extra1_value + 18446673979843280896ull) >>
                39));
        y_1[32] = (int8_t)t_8;
        const int32_t extra0_value_1 = extra0[1];
        const int32_t extra1_value_1 = extra1[1];
        const int32_t t_9 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10 +
                (uint32_t)extra0_value_1) * (uint64_t)extra1_value_1 + 18446673979843280896ull) >>
                39);
        y_1[1] = (int8_t)dm_xpulpv2_p_clip_8(t_9);
        const int32_t t_10 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc11 +
                (uint32_t)extra0_value_1) * (uint64_t)extra1_value_1 + 18446673979843280896ull) >>
                39);
        y_1[33] = (int8_t)dm_xpulpv2_p_clip_8(t_10);
        const int32_t extra0_value_2 = extra0[2];
        const int32_t extra1_value_2 = extra1[2];
        const int32_t t_11 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20 +
                (uint32_t)extra0_value_2) * (uint64_t)extra1_value_2 + 18446673979843280896ull) >>
                39);
        y_1[2] = (int8_t)dm_xpulpv2_p_clip_8(t_11);
        const int32_t t_12 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc21 +
                (uint32_t)extra0_value_2) * (uint64_t)extra1_value_2 + 18446673979843280896ull) >>
                39);
        y_1[34] = (int8_t)dm_xpulpv2_p_clip_8(t_12);
        const int32_t extra0_value_3 = extra0[3];
        const int32_t extra1_value_3 = extra1[3];
        const int32_t t_13 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30 +
                (uint32_t)extra0_value_3) * (uint64_t)extra1_value_3 + 18446673979843280896ull) >>
                39);
        y_1[3] = (int8_t)dm_xpulpv2_p_clip_8(t_13);
        const int32_t t_14 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc31 +
                (uint32_t)extra0_value_3) * (uint64_t)extra1_value_3 + 18446673979843280896ull) >>
                39);
        y_1[35] = (int8_t)dm_xpulpv2_p_clip_8(t_14);
        for (int32_t border = 0; border < 2; border++) {
            const int32_t t_15 = border < 1 ? border : border + 2;
            int8_t *restrict y_2 = y + t_15 * 32;
            const int32_t t_16 = -1 + t_15;
            const int32_t t_17 = 4 - t;
            const int32_t max_2 = t_17 > 0 ? t_17 : 0;
            const int32_t t_18 = -t_16;
            const int32_t t_19 = 4 - t_16;
            const int32_t max_3 = t_19 > 0 ? t_19 : 0;
            int32_t border0_1 = 0;
            int32_t border1_1 = 0;
            int32_t border2_1 = 0;
            int32_t border3_1 = 0;
            if ((3 < max_2 ? 3 : max_2) - (-t > 0 ? -t : 0) < 3 || (3 < max_3 ? 3 : max_3) -
                    (t_18 > 0 ? t_18 : 0) < 3) {
                int32_t seen0 = 0;
                int32_t seen1 = 0;
                int32_t seen2 = 0;
                int32_t seen3 = 0;
                const int32_t t_20 = 4 - t;
                const int32_t max_4 = t_20 > 0 ? t_20 : 0;
                const int32_t min_1 = 3 < max_4 ? 3 : max_4;
                for (int32_t k0 = -t > 0 ? -t : 0; k0 < min_1; k0++) {
                    const int32_t t_21 = -t_16;
                    const int32_t max_5 = t_21 > 0 ? t_21 : 0;
                    const int32_t t_22 = 4 - t_16;
                    const int32_t max_6 = t_22 > 0 ? t_22 : 0;
                    const int8_t *restrict w = in1 + k0 * 48 + max_5 * 16;
                    const int32_t t_23 = ((3 < max_6 ? 3 : max_6) - max_5) * 16;
                    const int32_t t_24 = t_23 / 4;
                    const int8_t *restrict w0 = w;
                    const int8_t *restrict w1 = w + 144;
                    const int8_t *restrict w2 = w + 288;
                    const int8_t *restrict w3 = w + 432;
                    if (t_24 > 0) {
#if defined(__riscv) && __riscv_xlen == 32
                        __asm__ volatile(
                            ".option push\n"
                            ".option norvc\n"
                            ".insn i 0x7b, 4, x0, %[n], 16\n"
                            ".insn i 0x0b, 2, t0, %[w0], 4\n"
                            ".insn i 0x0b, 2, t1, %[w1], 4\n"
                            ".insn i 0x0b, 2, t2, %[w2], 4\n"
                            ".insn i 0x0b, 2, t3, %[w3], 4\n"
                            ".insn r 0x57, 1, 0x5c, %[acc00], %[x], t0\n"
                            ".insn r 0x57, 1, 0x5c, %[acc10], %[x], t1\n"
                            ".insn r 0x57, 1, 0x5c, %[acc20], %[x], t2\n"
                            ".insn r 0x57, 1, 0x5c, %[acc30], %[x], t3\n"
                            ".option pop\n"
                            : [acc00] "+r"(seen0), [acc10] "+r"(seen1), [acc20] "+r"(seen2),
                                    [acc30] "+r"(seen3), [w0] "+r"(w0), [w1] "+r"(w1),
                                    [w2] "+r"(w2), [w3] "+r"(w3)
                            : [x] "r"(16843009), [n] "r"(t_24)
                            : "t0", "t1", "t2", "t3", "memory");
#else
                        for (int32_t k = 0; k < t_24; k++) {
                            int32_t ww0 = dm_word(w0);
                            int32_t ww1 = dm_word(w1);
                            int32_t ww2 = dm_word(w2);
                            int32_t ww3 = dm_word(w3);
                            w0 += 4;
                            w1 += 4;
                            w2 += 4;
                            w3 += 4;
                            seen0 = dm_xpulpv2_pv_sdotsp_b(16843009, ww0, seen0);
                            seen1 = dm_xpulpv2_pv_sdotsp_b(16843009, ww1, seen1);
                            seen2 = dm_xpulpv2_pv_sdotsp_b(16843009, ww2, seen2);
                            seen3 = dm_xpulpv2_pv_sdotsp_b(16843009, ww3, seen3);
                        }
#endif
                    }
                    const int8_t *restrict w0_value = w0;
                    const int8_t *restrict w1_value = w1;
                    const int8_t *restrict w2_value = w2;
                    const int8_t *restrict w3_value = w3;
                    for (int32_t k = 0; k < t_23 % 4; k++) {
                        seen0 = dm_xpulpv2_p_mac(1, w0_value[k], seen0);
                        seen1 = dm_xpulpv2_p_mac(1, w1_value[k], seen1);
                        seen2 = dm_xpulpv2_p_mac(1, w2_value[k], seen2);
                        seen3 = dm_xpulpv2_p_mac(1, w3_value[k], seen3);
                    }
                }
                border0_1 = t_1 - seen0 * -128;
                border1_1 = t_2 - seen1 * -128;
                border2_1 = t_3 - seen2 * -128;
                border3_1 = t_4 - seen3 * -128;
            }
            int32_t acc00_1 = border0_1;
            int32_t acc10_1 = border1_1;
            int32_t acc20_1 = border2_1;
            int32_t acc30_1 = border3_1;
            const int32_t t_20 = 4 - t;
            const int32_t max_4 = t_20 > 0 ? t_20 : 0;
            const int32_t min_1 = 3 < max_4 ? 3 : max_4;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min_1; k0++) {
                const int32_t t_21 = -t_16;
                const int32_t max_5 = t_21 > 0 ? t_21 : 0;
                const int32_t t_22 = 4 - t_16;
                const int32_t max_6 = t_22 > 0 ? t_22 : 0;
                const int8_t *restrict w = in1 + k0 * 48 + max_5 * 16;
                const int32_t t_23 = ((3 < max_6 ? 3 : max_6) - max_5) * 16;
                const int32_t t_24 = t_23 / 4;
                const int8_t *restrict x0 = in0 + (t + k0) * 64 + (t_16 + max_5) * 16;
                const int8_t *restrict w0 = w;
                const int8_t *restrict w1 = w + 144;
                const int8_t *restrict w2 = w + 288;
                const int8_t *restrict w3 = w + 432;
                if (t_24 > 0) {
#if defined(__riscv) && __riscv_xlen == 32
                    __asm__ volatile(
                        ".option push\n"
                        ".option norvc\n"
                        ".insn i 0x7b, 4, x0, %[n], 18\n"
                        ".insn i 0x0b, 2, t0, %[x0], 4\n"
                        ".insn i 0x0b, 2, t1, %[w0], 4\n"
                        ".insn i 0x0b, 2, t2, %[w1], 4\n"
                        ".insn i 0x0b, 2, t3, %[w2], 4\n"
                        ".insn i 0x0b, 2, t4, %[w3], 4\n"
                        ".insn r 0x57, 1, 0x5c, %[acc00], t0, t1\n"
                        ".insn r 0x57, 1, 0x5c, %[acc10], t0, t2\n"
                        ".insn r 0x57, 1, 0x5c, %[acc20], t0, t3\n"
                        ".insn r 0x57, 1, 0x5c, %[acc30], t0, t4\n"
                        ".option pop\n"
                        : [acc00] "+r"(acc00_1), [acc10] "+r"(acc10_1), [acc20] "+r"(acc20_1),
                                [acc30] "+r"(acc30_1), [x0] "+r"(x0), [w0] "+r"(w0), [w1] "+r"(w1),
                                [w2] "+r"(w2), [w3] "+r"(w3)
                        : [n] "r"(t_24)
                        : "t0", "t1", "t2", "t3", "t4", "memory");
#else
                    for (int32_t k = 0; k < t_24; k++) {
                        int32_t xw0 = dm_word(x0);
                        int32_t ww0 = dm_word(w0);
                        int32_t ww1 = dm_word(w1);
                        int32_t ww2 = dm_word(w2);
                        int32_t ww3 = dm_word(w3);
                        x0 += 4;
                        w0 += 4;
                        w1 += 4;
                        w2 += 4;
                        w3 += 4;
                        const int32_t xw0_value = xw0;
                        acc00_1 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww0, acc00_1);
                        acc10_1 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww1, acc10_1);
                        acc20_1 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww2, acc20_1);
                        acc30_1 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww3, acc30_1);
                    }
#endif
                }
                const int8_t *restrict x0_value = x0;
                const int8_t *restrict w0_value = w0;
                const int8_t *restrict w1_value = w1;
                const int8_t *restrict w2_value = w2;
                const int8_t *restrict w3_value = w3;
                for (int32_t k = 0; k < t_23 % 4; k++) {
                    const int32_t value = x0_value[k];
                    acc00_1 = dm_xpulpv2_p_mac(value, w0_value[k], acc00_1);
                    acc10_1 = dm_xpulpv2_p_mac(value, w1_value[k], acc10_1);
                    acc20_1 = dm_xpulpv2_p_mac(value, w2_value[k], acc20_1);
                    acc30_1 = dm_xpulpv2_p_mac(value, w3_value[k], acc30_1);
                }
            }
            const int32_t t_21 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00_1
                    + (uint32_t)extra0[0]) * (uint64_t)extra1[0] + 18446673979843280896ull) >> 39));
            y_2[0] = (int8_t)t_21;
            const int32_t t_22 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10_1
                    + (uint32_t)extra0[1]) * (uint64_t)extra1[1] + 18446673979843280896ull) >> 39));
            y_2[1] = (int8_t)t_22;
            const int32_t t_23 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20_1
                    + (uint32_t)extra0[2]) * (uint64_t)extra1[2] + 18446673979843280896ull) >> 39));
            y_2[2] = (int8_t)t_23;
            const int32_t t_24 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30_1
                    + (uint32_t)extra0[3]) * (uint64_t)extra1[3] + 18446673979843280896ull) >> 39));
            y_2[3] = (int8_t)t_24;
        }
    }
}

// relu2_QuantizeLinear
// conv: 1x4x4x16 i8 x 32x3x3x16 i8 -> 1x4x4x32 i8
// planned: 7986 cycles
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
        int32_t all0 = 0;
        int32_t all1 = 0;
        int32_t all2 = 0;
        int32_t all3 = 0;
        for (int32_t k0 = 0; k0 < 3; k0++) {
            const int8_t *restrict w = in1 + k0 * 96;
            const int8_t *restrict w0 = w;
            const int8_t *restrict w1 = w + 288;
            const int8_t *restrict w2 = w + 576;
            const int8_t *restrict w3 = w + 864;
#if defined(__riscv) && __riscv_xlen == 32
            __asm__ volatile(
                ".option push\n"
                ".option norvc\n"
                ".insn i 0x7b, 4, x0, %[n], 16\n"
                ".insn i 0x0b, 2, t0, %[w0], 4\n"
                ".insn i 0x0b, 2, t1, %[w1], 4\n"
                ".insn i 0x0b, 2, t2, %[w2], 4\n"
                ".insn i 0x0b, 2, t3, %[w3], 4\n"
                ".insn r 0x57, 1, 0x5c, %[acc00], %[x], t0\n"
                ".insn r 0x57, 1, 0x5c, %[acc10], %[x], t1\n"
                ".insn r 0x57, 1, 0x5c, %[acc20], %[x], t2\n"
                ".insn r 0x57, 1, 0x5c, %[acc30], %[x], t3\n"
                ".option pop\n"
                : [acc00] "+r"(all0), [acc10] "+r"(all1), [acc20] "+r"(all2), [acc30] "+r"(all3),
                        [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3)
                : [x] "r"(16843009), [n] "r"(24)
                : "t0", "t1", "t2", "t3", "memory");
#else
            for (int32_t k = 0; k < 24; k++) {
                int32_t ww0 = dm_word(w0);
                int32_t ww1 = dm_word(w1);
                int32_t ww2 = dm_word(w2);
                int32_t ww3 = dm_word(w3);
                w0 += 4;
                w1 += 4;
                w2 += 4;
                w3 += 4;
                all0 = dm_xpulpv2_pv_sdotsp_b(16843009, ww0, all0);
                all1 = dm_xpulpv2_pv_sdotsp_b(16843009, ww1, all1);
                all2 = dm_xpulpv2_pv_sdotsp_b(16843009, ww2, all2);
                all3 = dm_xpulpv2_pv_sdotsp_b(16843009, ww3, all3);
            }
#endif
        }
        const int32_t t_1 = all0 * -128;
        const int32_t t_2 = all1 * -128;
        const int32_t t_3 = all2 * -128;
        const int32_t t_4 = all3 * -128;
        const int8_t *restrict e1_1 = e1 + 32;
        int8_t *restrict y_1 = y + 32;
        const int32_t t_5 = 4 - t;
        const int32_t max = t_5 > 0 ? t_5 : 0;
        int32_t border0 = 0;
        int32_t border1 = 0;
        int32_t border2 = 0;
        int32_t border3 = 0;
        if ((3 < max ? 3 : max) - (-t > 0 ? -t : 0) < 3) {
            int32_t seen0 = 0;
            int32_t seen1 = 0;
            int32_t seen2 = 0;
            int32_t seen3 = 0;
            const int32_t t_6 = 4 - t;
            const int32_t max_1 = t_6 > 0 ? t_6 : 0;
            const int32_t min = 3 < max_1 ? 3 : max_1;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                const int8_t *restrict w = in1 + k0 * 96;
                const int8_t *restrict w0 = w;
                const int8_t *restrict w1 = w + 288;
                const int8_t *restrict w2 = w + 576;
                const int8_t *restrict w3 = w + 864;
#if defined(__riscv) && __riscv_xlen == 32
                __asm__ volatile(
                    ".option push\n"
                    ".option norvc\n"
                    ".insn i 0x7b, 4, x0, %[n], 16\n"
                    ".insn i 0x0b, 2, t0, %[w0], 4\n"
                    ".insn i 0x0b, 2, t1, %[w1], 4\n"
                    ".insn i 0x0b, 2, t2, %[w2], 4\n"
                    ".insn i 0x0b, 2, t3, %[w3], 4\n"
                    ".insn r 0x57, 1, 0x5c, %[acc00], %[x], t0\n"
                    ".insn r 0x57, 1, 0x5c, %[acc10], %[x], t1\n"
                    ".insn r 0x57, 1, 0x5c, %[acc20], %[x], t2\n"
                    ".insn r 0x57, 1, 0x5c, %[acc30], %[x], t3\n"
                    ".option pop\n"
                    : [acc00] "+r"(seen0), [acc10] "+r"(seen1), [acc20] "+r"(seen2),
                            [acc30] "+r"(seen3), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2),
                            [w3] "+r"(w3)
                    : [x] "r"(16843009), [n] "r"(24)
                    : "t0", "t1", "t2", "t3", "memory");
#else
                for (int32_t k = 0; k < 24; k++) {
                    int32_t ww0 = dm_word(w0);
                    int32_t ww1 = dm_word(w1);
                    int32_t ww2 = dm_word(w2);
                    int32_t ww3 = dm_word(w3);
                    w0 += 4;
                    w1 += 4;
                    w2 += 4;
                    w3 += 4;
                    seen0 = dm_xpulpv2_pv_sdotsp_b(16843009, ww0, seen0);
                    seen1 = dm_xpulpv2_pv_sdotsp_b(16843009, ww1, seen1);
                    seen2 = dm_xpulpv2_pv_sdotsp_b(16843009, ww2, seen2);
                    seen3 = dm_xpulpv2_pv_sdotsp_b(16843009, ww3, seen3);
                }
#endif
            }
            border0 = t_1 - seen0 * -128;
            border1 = t_2 - seen1 * -128;
            border2 = t_3 - seen2 * -128;
            border3 = t_4 - seen3 * -128;
        }
        const int32_t border0_value = border0;
        const int32_t border1_value = border1;
        const int32_t border2_value = border2;
        const int32_t border3_value = border3;
        int32_t acc00 = border0_value;
        int32_t acc01 = border0_value;
        int32_t acc10 = border1_value;
        int32_t acc11 = border1_value;
        int32_t acc20 = border2_value;
        int32_t acc21 = border2_value;
        int32_t acc30 = border3_value;
        int32_t acc31 = border3_value;
        const int32_t t_6 = 4 - t;
        const int32_t max_1 = t_6 > 0 ? t_6 : 0;
        const int32_t min = 3 < max_1 ? 3 : max_1;
        for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
            const int8_t *restrict w = in1 + k0 * 96;
            const int8_t *restrict x = in0 + (t + k0) * 128;
            const int8_t *restrict x0 = x;
            const int8_t *restrict x1 = x + 32;
            const int8_t *restrict w0 = w;
            const int8_t *restrict w1 = w + 288;
            const int8_t *restrict w2 = w + 576;
            const int8_t *restrict w3 = w + 864;
#if defined(__riscv) && __riscv_xlen == 32
            __asm__ volatile(
                ".option push\n"
                ".option norvc\n"
                ".insn i 0x7b, 4, x0, %[n], 28\n"
                ".insn i 0x0b, 2, t0, %[x0], 4\n"
                ".insn i 0x0b, 2, t1, %[x1], 4\n"
                ".insn i 0x0b, 2, t2, %[w0], 4\n"
                ".insn i 0x0b, 2, t3, %[w1], 4\n"
                ".insn i 0x0b, 2, t4, %[w2], 4\n"
                ".insn i 0x0b, 2, t5, %[w3], 4\n"
                ".insn r 0x57, 1, 0x5c, %[acc00], t0, t2\n"
                ".insn r 0x57, 1, 0x5c, %[acc01], t1, t2\n"
                ".insn r 0x57, 1, 0x5c, %[acc10], t0, t3\n"
                ".insn r 0x57, 1, 0x5c, %[acc11], t1, t3\n"
                ".insn r 0x57, 1, 0x5c, %[acc20], t0, t4\n"
                ".insn r 0x57, 1, 0x5c, %[acc21], t1, t4\n"
                ".insn r 0x57, 1, 0x5c, %[acc30], t0, t5\n"
                ".insn r 0x57, 1, 0x5c, %[acc31], t1, t5\n"
                ".option pop\n"
                : [acc00] "+r"(acc00), [acc01] "+r"(acc01), [acc10] "+r"(acc10),
                        [acc11] "+r"(acc11), [acc20] "+r"(acc20), [acc21] "+r"(acc21),
                        [acc30] "+r"(acc30), [acc31] "+r"(acc31), [x0] "+r"(x0), [x1] "+r"(x1),
                        [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3)
                : [n] "r"(24)
                : "t0", "t1", "t2", "t3", "t4", "t5", "memory");
#else
            for (int32_t k = 0; k < 24; k++) {
                int32_t xw0 = dm_word(x0);
                int32_t xw1 = dm_word(x1);
                int32_t ww0 = dm_word(w0);
                int32_t ww1 = dm_word(w1);
                int32_t ww2 = dm_word(w2);
                int32_t ww3 = dm_word(w3);
                x0 += 4;
                x1 += 4;
                w0 += 4;
                w1 += 4;
                w2 += 4;
                w3 += 4;
                const int32_t xw0_value = xw0;
                const int32_t xw1_value = xw1;
                const int32_t ww0_value = ww0;
                const int32_t ww1_value = ww1;
                const int32_t ww2_value = ww2;
                const int32_t ww3_value = ww3;
                acc00 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww0_value, acc00);
                acc01 = dm_xpulpv2_pv_sdotsp_b(xw1_value, ww0_value, acc01);
                acc10 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww1_value, acc10);
                acc11 = dm_xpulpv2_pv_sdotsp_b(xw1_value, ww1_value, acc11);
                acc20 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww2_value, acc20);
                acc21 = dm_xpulpv2_pv_sdotsp_b(xw1_value, ww2_value, acc21);
                acc30 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww3_value, acc30);
                acc31 = dm_xpulpv2_pv_sdotsp_b(xw1_value, ww3_value, acc31);
            }
#endif
        }
        const int32_t extra0_value = extra0[0];
        const int32_t extra2_value = extra2[0];
        const int32_t t_7 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00
                + (uint32_t)extra0_value) * (uint64_t)extra2_value + 32435593019392ull) >> 40));
        y_1[0] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((uint32_t)t_7 * 7304889u +
                (uint32_t)e1_1[0] * 2250098u + 3834267175u + 2097152u) >> 22);
        const int32_t t_8 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01
                + (uint32_t)extra0_value) * (uint64_t)extra2_value + 32435593019392ull) >> 40));
        y_1[32] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((uint32_t)t_8 * 7304889u +
                (uint32_t)e1_1[32] * 2250098u + 3834267175u + 2097152u) >> 22);
        const int32_t extra0_value_1 = extra0[1];
        const int32_t extra2_value_1 = extra2[1];
        const int32_t t_9 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10
                + (uint32_t)extra0_value_1) * (uint64_t)extra2_value_1 + 32435593019392ull) >> 40));
        y_1[1] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((uint32_t)t_9 * 7304889u +
                (uint32_t)e1_1[1] * 2250098u + 3834267175u + 2097152u) >> 22);
        const int32_t t_10 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc11
                + (uint32_t)extra0_value_1) * (uint64_t)extra2_value_1 + 32435593019392ull) >> 40));
        y_1[33] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((uint32_t)t_10 * 7304889u +
                (uint32_t)e1_1[33] * 2250098u + 3834267175u + 2097152u) >> 22);
        const int32_t extra0_value_2 = extra0[2];
        const int32_t extra2_value_2 = extra2[2];
        const int32_t t_11 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20
                + (uint32_t)extra0_value_2) * (uint64_t)extra2_value_2 + 32435593019392ull) >> 40));
        y_1[2] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((uint32_t)t_11 * 7304889u +
                (uint32_t)e1_1[2] * 2250098u + 3834267175u + 2097152u) >> 22);
        const int32_t t_12 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc21
                + (uint32_t)extra0_value_2) * (uint64_t)extra2_value_2 + 32435593019392ull) >> 40));
        y_1[34] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((uint32_t)t_12 * 7304889u +
                (uint32_t)e1_1[34] * 2250098u + 3834267175u + 2097152u) >> 22);
        const int32_t extra0_value_3 = extra0[3];
        const int32_t extra2_value_3 = extra2[3];
        const int32_t t_13 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30
                + (uint32_t)extra0_value_3) * (uint64_t)extra2_value_3 + 32435593019392ull) >> 40));
        y_1[3] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((uint32_t)t_13 * 7304889u +
                (uint32_t)e1_1[3] * 2250098u + 3834267175u + 2097152u) >> 22);
        const int32_t t_14 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc31
                + (uint32_t)extra0_value_3) * (uint64_t)extra2_value_3 + 32435593019392ull) >> 40));
        y_1[35] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((uint32_t)t_14 * 7304889u +
                (uint32_t)e1_1[35] * 2250098u + 3834267175u + 2097152u) >> 22);
        for (int32_t border = 0; border < 2; border++) {
            const int32_t t_15 = border < 1 ? border : border + 2;
            const int8_t *restrict e1_2 = e1 + t_15 * 32;
            int8_t *restrict y_2 = y + t_15 * 32;
            const int32_t t_16 = -1 + t_15;
            const int32_t t_17 = 4 - t;
            const int32_t max_2 = t_17 > 0 ? t_17 : 0;
            const int32_t t_18 = -t_16;
            const int32_t t_19 = 4 - t_16;
            const int32_t max_3 = t_19 > 0 ? t_19 : 0;
            int32_t border0_1 = 0;
            int32_t border1_1 = 0;
            int32_t border2_1 = 0;
            int32_t border3_1 = 0;
            if ((3 < max_2 ? 3 : max_2) - (-t > 0 ? -t : 0) < 3 || (3 < max_3 ? 3 : max_3) -
                    (t_18 > 0 ? t_18 : 0) < 3) {
                int32_t seen0 = 0;
                int32_t seen1 = 0;
                int32_t seen2 = 0;
                int32_t seen3 = 0;
                const int32_t t_20 = 4 - t;
                const int32_t max_4 = t_20 > 0 ? t_20 : 0;
                const int32_t min_1 = 3 < max_4 ? 3 : max_4;
                for (int32_t k0 = -t > 0 ? -t : 0; k0 < min_1; k0++) {
                    const int32_t t_21 = -t_16;
                    const int32_t max_5 = t_21 > 0 ? t_21 : 0;
                    const int32_t t_22 = 4 - t_16;
                    const int32_t max_6 = t_22 > 0 ? t_22 : 0;
                    const int8_t *restrict w = in1 + k0 * 96 + max_5 * 32;
                    const int32_t t_23 = ((3 < max_6 ? 3 : max_6) - max_5) * 32;
                    const int32_t t_24 = t_23 / 4;
                    const int8_t *restrict w0 = w;
                    const int8_t *restrict w1 = w + 288;
                    const int8_t *restrict w2 = w + 576;
                    const int8_t *restrict w3 = w + 864;
                    if (t_24 > 0) {
#if defined(__riscv) && __riscv_xlen == 32
                        __asm__ volatile(
                            ".option push\n"
                            ".option norvc\n"
                            ".insn i 0x7b, 4, x0, %[n], 16\n"
                            ".insn i 0x0b, 2, t0, %[w0], 4\n"
                            ".insn i 0x0b, 2, t1, %[w1], 4\n"
                            ".insn i 0x0b, 2, t2, %[w2], 4\n"
                            ".insn i 0x0b, 2, t3, %[w3], 4\n"
                            ".insn r 0x57, 1, 0x5c, %[acc00], %[x], t0\n"
                            ".insn r 0x57, 1, 0x5c, %[acc10], %[x], t1\n"
                            ".insn r 0x57, 1, 0x5c, %[acc20], %[x], t2\n"
                            ".insn r 0x57, 1, 0x5c, %[acc30], %[x], t3\n"
                            ".option pop\n"
                            : [acc00] "+r"(seen0), [acc10] "+r"(seen1), [acc20] "+r"(seen2),
                                    [acc30] "+r"(seen3), [w0] "+r"(w0), [w1] "+r"(w1),
                                    [w2] "+r"(w2), [w3] "+r"(w3)
                            : [x] "r"(16843009), [n] "r"(t_24)
                            : "t0", "t1", "t2", "t3", "memory");
#else
                        for (int32_t k = 0; k < t_24; k++) {
                            int32_t ww0 = dm_word(w0);
                            int32_t ww1 = dm_word(w1);
                            int32_t ww2 = dm_word(w2);
                            int32_t ww3 = dm_word(w3);
                            w0 += 4;
                            w1 += 4;
                            w2 += 4;
                            w3 += 4;
                            seen0 = dm_xpulpv2_pv_sdotsp_b(16843009, ww0, seen0);
                            seen1 = dm_xpulpv2_pv_sdotsp_b(16843009, ww1, seen1);
                            seen2 = dm_xpulpv2_pv_sdotsp_b(16843009, ww2, seen2);
                            seen3 = dm_xpulpv2_pv_sdotsp_b(16843009, ww3, seen3);
                        }
#endif
                    }
                    const int8_t *restrict w0_value = w0;
                    const int8_t *restrict w1_value = w1;
                    const int8_t *restrict w2_value = w2;
                    const int8_t *restrict w3_value = w3;
                    for (int32_t k = 0; k < t_23 % 4; k++) {
                        seen0 = dm_xpulpv2_p_mac(1, w0_value[k], seen0);
                        seen1 = dm_xpulpv2_p_mac(1, w1_value[k], seen1);
                        seen2 = dm_xpulpv2_p_mac(1, w2_value[k], seen2);
                        seen3 = dm_xpulpv2_p_mac(1, w3_value[k], seen3);
                    }
                }
                border0_1 = t_1 - seen0 * -128;
                border1_1 = t_2 - seen1 * -128;
                border2_1 = t_3 - seen2 * -128;
                border3_1 = t_4 - seen3 * -128;
            }
            int32_t acc00_1 = border0_1;
            int32_t acc10_1 = border1_1;
            int32_t acc20_1 = border2_1;
            int32_t acc30_1 = border3_1;
            const int32_t t_20 = 4 - t;
            const int32_t max_4 = t_20 > 0 ? t_20 : 0;
            const int32_t min_1 = 3 < max_4 ? 3 : max_4;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min_1; k0++) {
                const int32_t t_21 = -t_16;
                const int32_t max_5 = t_21 > 0 ? t_21 : 0;
                const int32_t t_22 = 4 - t_16;
                const int32_t max_6 = t_22 > 0 ? t_22 : 0;
                const int8_t *restrict w = in1 + k0 * 96 + max_5 * 32;
                const int32_t t_23 = ((3 < max_6 ? 3 : max_6) - max_5) * 32;
                const int32_t t_24 = t_23 / 4;
                const int8_t *restrict x0 = in0 + (t + k0) * 128 + (t_16 + max_5) * 32;
                const int8_t *restrict w0 = w;
                const int8_t *restrict w1 = w + 288;
                const int8_t *restrict w2 = w + 576;
                const int8_t *restrict w3 = w + 864;
                if (t_24 > 0) {
#if defined(__riscv) && __riscv_xlen == 32
                    __asm__ volatile(
                        ".option push\n"
                        ".option norvc\n"
                        ".insn i 0x7b, 4, x0, %[n], 18\n"
                        ".insn i 0x0b, 2, t0, %[x0], 4\n"
                        ".insn i 0x0b, 2, t1, %[w0], 4\n"
                        ".insn i 0x0b, 2, t2, %[w1], 4\n"
                        ".insn i 0x0b, 2, t3, %[w2], 4\n"
                        ".insn i 0x0b, 2, t4, %[w3], 4\n"
                        ".insn r 0x57, 1, 0x5c, %[acc00], t0, t1\n"
                        ".insn r 0x57, 1, 0x5c, %[acc10], t0, t2\n"
                        ".insn r 0x57, 1, 0x5c, %[acc20], t0, t3\n"
                        ".insn r 0x57, 1, 0x5c, %[acc30], t0, t4\n"
                        ".option pop\n"
                        : [acc00] "+r"(acc00_1), [acc10] "+r"(acc10_1), [acc20] "+r"(acc20_1),
                                [acc30] "+r"(acc30_1), [x0] "+r"(x0), [w0] "+r"(w0), [w1] "+r"(w1),
                                [w2] "+r"(w2), [w3] "+r"(w3)
                        : [n] "r"(t_24)
                        : "t0", "t1", "t2", "t3", "t4", "memory");
#else
                    for (int32_t k = 0; k < t_24; k++) {
                        int32_t xw0 = dm_word(x0);
                        int32_t ww0 = dm_word(w0);
                        int32_t ww1 = dm_word(w1);
                        int32_t ww2 = dm_word(w2);
                        int32_t ww3 = dm_word(w3);
                        x0 += 4;
                        w0 += 4;
                        w1 += 4;
                        w2 += 4;
                        w3 += 4;
                        const int32_t xw0_value = xw0;
                        acc00_1 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww0, acc00_1);
                        acc10_1 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww1, acc10_1);
                        acc20_1 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww2, acc20_1);
                        acc30_1 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww3, acc30_1);
                    }
#endif
                }
                const int8_t *restrict x0_value = x0;
                const int8_t *restrict w0_value = w0;
                const int8_t *restrict w1_value = w1;
                const int8_t *restrict w2_value = w2;
                const int8_t *restrict w3_value = w3;
                for (int32_t k = 0; k < t_23 % 4; k++) {
                    const int32_t value = x0_value[k];
                    acc00_1 = dm_xpulpv2_p_mac(value, w0_value[k], acc00_1);
                    acc10_1 = dm_xpulpv2_p_mac(value, w1_value[k], acc10_1);
                    acc20_1 = dm_xpulpv2_p_mac(value, w2_value[k], acc20_1);
                    acc30_1 = dm_xpulpv2_p_mac(value, w3_value[k], acc30_1);
                }
            }
            const int32_t t_21 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00_1
                    + (uint32_t)extra0[0]) * (uint64_t)extra2[0] + 32435593019392ull) >> 40));
            y_2[0] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((uint32_t)t_21 * 7304889u +
                    (uint32_t)e1_2[0] * 2250098u + 3834267175u + 2097152u) >> 22);
            const int32_t t_22 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10_1
                    + (uint32_t)extra0[1]) * (uint64_t)extra2[1] + 32435593019392ull) >> 40));
            y_2[1] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((uint32_t)t_22 * 7304889u +
                    (uint32_t)e1_2[1] * 2250098u + 3834267175u + 2097152u) >> 22);
            const int32_t t_23 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20_1
                    + (uint32_t)extra0[2]) * (uint64_t)extra2[2] + 32435593019392ull) >> 40));
            y_2[2] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((uint32_t)t_23 * 7304889u +
                    (uint32_t)e1_2[2] * 2250098u + 3834267175u + 2097152u) >> 22);
            const int32_t t_24 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30_1
                    + (uint32_t)extra0[3]) * (uint64_t)extra2[3] + 32435593019392ull) >> 40));
            y_2[3] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((uint32_t)t_24 * 7304889u +
                    (uint32_t)e1_2[3] * 2250098u + 3834267175u + 2097152u) >> 22);
        }
    }
}

// conv3_QuantizeLinear
// conv: 1x4x4x32 i8 x 32x3x3x32 i8 -> 1x4x4x32 i8
// planned: 13842 cycles
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

static DM_KERNEL void digits_int8_matmul_1(const int8_t *restrict in0, const uint8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, float *restrict out,
        int32_t size4_1) {
    const int8_t *restrict t = (const int8_t *restrict)in1;
    const int32_t full = size4_1 / 6 * 6;
    for (int32_t n = 0; n < full; n += 6) {
        const int8_t *restrict w = t + n * 128;
        const int32_t *restrict e0 = extra0 + n;
        const int32_t *restrict e1 = extra1 + n;
        float *restrict y = out + n;
        int32_t acc00 = 0;
        int32_t acc10 = 0;
        int32_t acc20 = 0;
        int32_t acc30 = 0;
        int32_t acc40 = 0;
        int32_t acc50 = 0;
        const int8_t *restrict x0 = in0;
        const int8_t *restrict w0 = w;
        const int8_t *restrict w1 = w + 128;
        const int8_t *restrict w2 = w + 256;
        const int8_t *restrict w3 = w + 384;
        const int8_t *restrict w4 = w + 512;
        const int8_t *restrict w5 = w + 640;
#if defined(__riscv) && __riscv_xlen == 32
        __asm__ volatile(
            ".option push\n"
            ".option norvc\n"
            ".insn i 0x7b, 4, x0, %[n], 26\n"
            ".insn i 0x0b, 2, t0, %[x0], 4\n"
            ".insn i 0x0b, 2, t1, %[w0], 4\n"
            ".insn i 0x0b, 2, t2, %[w1], 4\n"
            ".insn i 0x0b, 2, t3, %[w2], 4\n"
            ".insn i 0x0b, 2, t4, %[w3], 4\n"
            ".insn i 0x0b, 2, t5, %[w4], 4\n"
            ".insn i 0x0b, 2, t6, %[w5], 4\n"
            ".insn r 0x57, 1, 0x5c, %[acc00], t0, t1\n"
            ".insn r 0x57, 1, 0x5c, %[acc10], t0, t2\n"
            ".insn r 0x57, 1, 0x5c, %[acc20], t0, t3\n"
            ".insn r 0x57, 1, 0x5c, %[acc30], t0, t4\n"
            ".insn r 0x57, 1, 0x5c, %[acc40], t0, t5\n"
            ".insn r 0x57, 1, 0x5c, %[acc50], t0, t6\n"
            ".option pop\n"
            : [acc00] "+r"(acc00), [acc10] "+r"(acc10), [acc20] "+r"(acc20), [acc30] "+r"(acc30),
                    [acc40] "+r"(acc40), [acc50] "+r"(acc50), [x0] "+r"(x0), [w0] "+r"(w0),
                    [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [w4] "+r"(w4), [w5] "+r"(w5)
            : [n] "r"(32)
            : "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
#else
        for (int32_t k = 0; k < 32; k++) {
            int32_t xw0 = dm_word(x0);
            int32_t ww0 = dm_word(w0);
            int32_t ww1 = dm_word(w1);
            int32_t ww2 = dm_word(w2);
            int32_t ww3 = dm_word(w3);
            int32_t ww4 = dm_word(w4);
            int32_t ww5 = dm_word(w5);
            x0 += 4;
            w0 += 4;
            w1 += 4;
            w2 += 4;
            w3 += 4;
            w4 += 4;
            w5 += 4;
            const int32_t xw0_value = xw0;
            acc00 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww0, acc00);
            acc10 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww1, acc10);
            acc20 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww2, acc20);
            acc30 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww3, acc30);
            acc40 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww4, acc40);
            acc50 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww5, acc50);
        }
#endif
        const int32_t t_1 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00
                + (uint32_t)e0[0]) * (uint64_t)e1[0] + 18446718235186298880ull) >> 40));
        y[0] = (float)(int32_t)((uint32_t)t_1 - 4294967272u) * 0.11610765f;
        const int32_t t_2 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10
                + (uint32_t)e0[1]) * (uint64_t)e1[1] + 18446718235186298880ull) >> 40));
        y[1] = (float)(int32_t)((uint32_t)t_2 - 4294967272u) * 0.11610765f;
        const int32_t t_3 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20
                + (uint32_t)e0[2]) * (uint64_t)e1[2] + 18446718235186298880ull) >> 40));
        y[2] = (float)(int32_t)((uint32_t)t_3 - 4294967272u) * 0.11610765f;
        const int32_t t_4 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30
                + (uint32_t)e0[3]) * (uint64_t)e1[3] + 18446718235186298880ull) >> 40));
        y[3] = (float)(int32_t)((uint32_t)t_4 - 4294967272u) * 0.11610765f;
        const int32_t t_5 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc40
                + (uint32_t)e0[4]) * (uint64_t)e1[4] + 18446718235186298880ull) >> 40));
        y[4] = (float)(int32_t)((uint32_t)t_5 - 4294967272u) * 0.11610765f;
        const int32_t t_6 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc50
                + (uint32_t)e0[5]) * (uint64_t)e1[5] + 18446718235186298880ull) >> 40));
        y[5] = (float)(int32_t)((uint32_t)t_6 - 4294967272u) * 0.11610765f;
    }
    for (int32_t n = full; n < size4_1; n++) {
        int32_t acc = 0;
        const int8_t *restrict x0 = in0;
        const int8_t *restrict w0 = t + n * 128;
#if defined(__riscv) && __riscv_xlen == 32
        __asm__ volatile(
            ".option push\n"
            ".option norvc\n"
            ".insn i 0x7b, 4, x0, %[n], 6\n"
            ".insn i 0x0b, 2, t0, %[x0], 4\n"
            ".insn i 0x0b, 2, t1, %[w0], 4\n"
            ".insn r 0x57, 1, 0x5c, %[acc00], t0, t1\n"
            ".option pop\n"
            : [acc00] "+r"(acc), [x0] "+r"(x0), [w0] "+r"(w0)
            : [n] "r"(32)
            : "t0", "t1", "memory");
#else
        for (int32_t k = 0; k < 32; k++) {
            int32_t xw0 = dm_word(x0);
            int32_t ww0 = dm_word(w0);
            x0 += 4;
            w0 += 4;
            acc = dm_xpulpv2_pv_sdotsp_b(xw0, ww0, acc);
        }
#endif
        const int32_t t_1 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc +
                (uint32_t)(extra0 + n)[0]) * (uint64_t)(extra1 + n)[0] + 18446718235186298880ull) >>
                40);
        (out + n)[0] = (float)(int32_t)((uint32_t)dm_xpulpv2_p_clip_8(t_1) - 4294967272u) *
                0.11610765f;
    }
}

// logits_QuantizeLinear
// matmul: 1x128 i8 x 10x128 ui8 -> 1x10 f32
// planned: 1613 cycles
static DM_STEP void digits_int8_06_logits_quantizelinear(int32_t core) {
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, digits_int8_l1,
                digits_int8_weight_logits_QuantizeLinear_transposed_permuted_pa, 1280u, 0u, NULL);
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
    digits_int8_matmul_1((int8_t *)(digits_int8_l1 + 1280), digits_int8_l1 + t * 128, extra0_tile +
            t, extra1_tile + t, out_tile + t, (core + 1) * 10 / 8 - t);
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
