#include <stddef.h>
#include <stdint.h>
#include "conv_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "conv_int8_weights.h"
#include "dm_bits.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t conv_int8_l1[1296];
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

static inline __attribute__((unused)) int32_t dm_xpulpv2_p_mac(int32_t a, int32_t b, int32_t d) {
    int32_t result = d;
#if defined(__riscv) && __riscv_xlen == 32
    __asm__(".insn r 0x33, 0, 0x21, %[d], %[a], %[b]" : [d] "+r"(result) : [a] "r"(a), [b] "r"(b));
#else
    result = (int32_t)((uint32_t)d + (uint32_t)a * (uint32_t)b);
#endif
    return result;
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

static DM_KERNEL void conv_int8_conv_1(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, int8_t *restrict out,
        int32_t size4_1, int32_t size0_1, int32_t origin0) {
    for (int32_t o0 = 0; o0 < size4_1; o0++) {
        int8_t *restrict y = out + o0 * 72;
        const int32_t t = origin0 + o0;
        int32_t all0 = 0;
        int32_t all1 = 0;
        for (int32_t k0 = 0; k0 < 3; k0++) {
            const int8_t *restrict w = in1 + k0 * 12;
            const int8_t *restrict w0 = w;
            const int8_t *restrict w1 = w + 36;
#if defined(__riscv) && __riscv_xlen == 32
            __asm__ volatile(
                ".option push\n"
                ".option norvc\n"
                ".insn i 0x7b, 4, x0, %[n], 8\n"
                ".insn i 0x0b, 2, t0, %[w0], 4\n"
                ".insn i 0x0b, 2, t1, %[w1], 4\n"
                ".insn r 0x57, 1, 0x5c, %[acc00], %[x], t0\n"
                ".insn r 0x57, 1, 0x5c, %[acc10], %[x], t1\n"
                ".option pop\n"
                : [acc00] "+r"(all0), [acc10] "+r"(all1), [w0] "+r"(w0), [w1] "+r"(w1)
                : [x] "r"(16843009), [n] "r"(3)
                : "t0", "t1", "memory");
#else
            for (int32_t k = 0; k < 3; k++) {
                int32_t ww0 = dm_word(w0);
                int32_t ww1 = dm_word(w1);
                w0 += 4;
                w1 += 4;
                all0 = dm_xpulpv2_pv_sdotsp_b(16843009, ww0, all0);
                all1 = dm_xpulpv2_pv_sdotsp_b(16843009, ww1, all1);
            }
#endif
        }
        const int32_t t_1 = all0 * 2;
        const int32_t t_2 = all1 * 2;
        for (int32_t o1 = 1; o1 < 8; o1 += 4) {
            int8_t *restrict y_1 = y + o1 * 8;
            const int32_t t_3 = -1 + o1;
            const int32_t t_4 = 8 - o1 - 1;
            const int32_t min = 1 < t_4 ? 1 : t_4;
            const int32_t min_1 = 2 < t_4 ? 2 : t_4;
            const int32_t min_2 = 3 < t_4 ? 3 : t_4;
            const int32_t t_5 = size0_1 - t;
            const int32_t max = t_5 > 0 ? t_5 : 0;
            int32_t border0 = 0;
            int32_t border1 = 0;
            if ((3 < max ? 3 : max) - (-t > 0 ? -t : 0) < 3) {
                int32_t seen0 = 0;
                int32_t seen1 = 0;
                const int32_t t_6 = size0_1 - t;
                const int32_t max_1 = t_6 > 0 ? t_6 : 0;
                const int32_t min_3 = 3 < max_1 ? 3 : max_1;
                for (int32_t k0 = -t > 0 ? -t : 0; k0 < min_3; k0++) {
                    const int8_t *restrict w = in1 + k0 * 12;
                    const int8_t *restrict w0 = w;
                    const int8_t *restrict w1 = w + 36;
#if defined(__riscv) && __riscv_xlen == 32
                    __asm__ volatile(
                        ".option push\n"
                        ".option norvc\n"
                        ".insn i 0x7b, 4, x0, %[n], 8\n"
                        ".insn i 0x0b, 2, t0, %[w0], 4\n"
                        ".insn i 0x0b, 2, t1, %[w1], 4\n"
                        ".insn r 0x57, 1, 0x5c, %[acc00], %[x], t0\n"
                        ".insn r 0x57, 1, 0x5c, %[acc10], %[x], t1\n"
                        ".option pop\n"
                        : [acc00] "+r"(seen0), [acc10] "+r"(seen1), [w0] "+r"(w0), [w1] "+r"(w1)
                        : [x] "r"(16843009), [n] "r"(3)
                        : "t0", "t1", "memory");
#else
                    for (int32_t k = 0; k < 3; k++) {
                        int32_t ww0 = dm_word(w0);
                        int32_t ww1 = dm_word(w1);
                        w0 += 4;
                        w1 += 4;
                        seen0 = dm_xpulpv2_pv_sdotsp_b(16843009, ww0, seen0);
                        seen1 = dm_xpulpv2_pv_sdotsp_b(16843009, ww1, seen1);
                    }
#endif
                }
                border0 = t_1 - seen0 * 2;
                border1 = t_2 - seen1 * 2;
            }
            const int32_t border0_value = border0;
            const int32_t border1_value = border1;
            int32_t acc00 = border0_value;
            int32_t acc01 = border0_value;
            int32_t acc02 = border0_value;
            int32_t acc03 = border0_value;
            int32_t acc10 = border1_value;
            int32_t acc11 = border1_value;
            int32_t acc12 = border1_value;
            int32_t acc13 = border1_value;
            const int32_t t_6 = min * 4;
            const int32_t t_7 = min_1 * 4;
            const int32_t t_8 = min_2 * 4;
            const int32_t t_9 = size0_1 - t;
            const int32_t max_1 = t_9 > 0 ? t_9 : 0;
            const int32_t min_3 = 3 < max_1 ? 3 : max_1;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min_3; k0++) {
                const int8_t *restrict w = in1 + k0 * 12;
                const int8_t *restrict x = in0 + (t + k0) * 36 + t_3 * 4;
                const int8_t *restrict x0 = x;
                const int8_t *restrict x1 = x + t_6;
                const int8_t *restrict x2 = x + t_7;
                const int8_t *restrict x3 = x + t_8;
                const int8_t *restrict w0 = w;
                const int8_t *restrict w1 = w + 36;
#if defined(__riscv) && __riscv_xlen == 32
                __asm__ volatile(
                    ".option push\n"
                    ".option norvc\n"
                    ".insn i 0x7b, 4, x0, %[n], 28\n"
                    ".insn i 0x0b, 2, t0, %[x0], 4\n"
                    ".insn i 0x0b, 2, t1, %[x1], 4\n"
                    ".insn i 0x0b, 2, t2, %[x2], 4\n"
                    ".insn i 0x0b, 2, t3, %[x3], 4\n"
                    ".insn i 0x0b, 2, t4, %[w0], 4\n"
                    ".insn i 0x0b, 2, t5, %[w1], 4\n"
                    ".insn r 0x57, 1, 0x5c, %[acc00], t0, t4\n"
                    ".insn r 0x57, 1, 0x5c, %[acc01], t1, t4\n"
                    ".insn r 0x57, 1, 0x5c, %[acc02], t2, t4\n"
                    ".insn r 0x57, 1, 0x5c, %[acc03], t3, t4\n"
                    ".insn r 0x57, 1, 0x5c, %[acc10], t0, t5\n"
                    ".insn r 0x57, 1, 0x5c, %[acc11], t1, t5\n"
                    ".insn r 0x57, 1, 0x5c, %[acc12], t2, t5\n"
                    ".insn r 0x57, 1, 0x5c, %[acc13], t3, t5\n"
                    ".option pop\n"
                    : [acc00] "+r"(acc00), [acc01] "+r"(acc01), [acc02] "+r"(acc02),
                            [acc03] "+r"(acc03), [acc10] "+r"(acc10), [acc11] "+r"(acc11),
                            [acc12] "+r"(acc12), [acc13] "+r"(acc13), [x0] "+r"(x0), [x1] "+r"(x1),
                            [x2] "+r"(x2), [x3] "+r"(x3), [w0] "+r"(w0), [w1] "+r"(w1)
                    : [n] "r"(3)
                    : "t0", "t1", "t2", "t3", "t4", "t5", "memory");
#else
                for (int32_t k = 0; k < 3; k++) {
                    int32_t xw0 = dm_word(x0);
                    int32_t xw1 = dm_word(x1);
                    int32_t xw2 = dm_word(x2);
                    int32_t xw3 = dm_word(x3);
                    int32_t ww0 = dm_word(w0);
                    int32_t ww1 = dm_word(w1);
                    x0 += 4;
                    x1 += 4;
                    x2 += 4;
                    x3 += 4;
                    w0 += 4;
                    w1 += 4;
                    const int32_t xw0_value = xw0;
                    const int32_t xw1_value = xw1;
                    const int32_t xw2_value = xw2;
                    const int32_t xw3_value = xw3;
                    const int32_t ww0_value = ww0;
                    const int32_t ww1_value = ww1;
                    acc00 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww0_value, acc00);
                    acc01 = dm_xpulpv2_pv_sdotsp_b(xw1_value, ww0_value, acc01);
                    acc02 = dm_xpulpv2_pv_sdotsp_b(xw2_value, ww0_value, acc02);
                    acc03 = dm_xpulpv2_pv_sdotsp_b(xw3_value, ww0_value, acc03);
                    acc10 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww1_value, acc10);
                    acc11 = dm_xpulpv2_pv_sdotsp_b(xw1_value, ww1_value, acc11);
                    acc12 = dm_xpulpv2_pv_sdotsp_b(xw2_value, ww1_value, acc12);
                    acc13 = dm_xpulpv2_pv_sdotsp_b(xw3_value, ww1_value, acc13);
                }
#endif
            }
            const int32_t t_10 = min * 8;
            const int32_t t_11 = min_1 * 8;
            const int32_t t_12 = min_2 * 8;
            const int32_t extra0_value = extra0[0];
            const int32_t extra1_value = extra1[0];
            const int32_t t_13 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00
                    + (uint32_t)extra0_value) * (uint64_t)extra1_value + 50027779063808ull) >> 40));
            y_1[0] = (int8_t)t_13;
            const int32_t t_14 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01
                    + (uint32_t)extra0_value) * (uint64_t)extra1_value + 50027779063808ull) >> 40));
            y_1[t_10] = (int8_t)t_14;
            const int32_t t_15 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc02
                    + (uint32_t)extra0_value) * (uint64_t)extra1_value + 50027779063808ull) >> 40));
            y_1[t_11] = (int8_t)t_15;
            const int32_t t_16 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc03
                    + (uint32_t)extra0_value) * (uint64_t)extra1_value + 50027779063808ull) >> 40));
            y_1[t_12] = (int8_t)t_16;
            const int32_t extra0_value_1 = extra0[1];
            const int32_t extra1_value_1 = extra1[1];
            const int32_t t_17 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10
                    + (uint32_t)extra0_value_1) * (uint64_t)extra1_value_1 + 50027779063808ull) >>
                    40));
            y_1[1] = (int8_t)t_17;
            const int32_t t_18 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc11
                    + (uint32_t)extra0_value_1) * (uint64_t)extra1_value_1 + 50027779063808ull) >>
                    40));
            y_1[1 + t_10] = (int8_t)t_18;
            const int32_t t_19 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc12
                    + (uint32_t)extra0_value_1) * (uint64_t)extra1_value_1 + 50027779063808ull) >>
                    40));
            y_1[1 + t_11] = (int8_t)t_19;
            const int32_t t_20 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc13
                    + (uint32_t)extra0_value_1) * (uint64_t)extra1_value_1 + 50027779063808ull) >>
                    40));
            y_1[1 + t_12] = (int8_t)t_20;
        }
        for (int32_t border = 0; border < 2; border++) {
            const int32_t t_3 = border < 1 ? border : border + 7;
            int8_t *restrict y_1 = y + t_3 * 8;
            const int32_t t_4 = -1 + t_3;
            const int32_t t_5 = size0_1 - t;
            const int32_t max = t_5 > 0 ? t_5 : 0;
            const int32_t t_6 = -t_4;
            const int32_t t_7 = 9 - t_4;
            const int32_t max_1 = t_7 > 0 ? t_7 : 0;
            int32_t border0 = 0;
            int32_t border1 = 0;
            if ((3 < max ? 3 : max) - (-t > 0 ? -t : 0) < 3 || (3 < max_1 ? 3 : max_1) -
                    (t_6 > 0 ? t_6 : 0) < 3) {
                int32_t seen0 = 0;
                int32_t seen1 = 0;
                const int32_t t_8 = size0_1 - t;
                const int32_t max_2 = t_8 > 0 ? t_8 : 0;
                const int32_t min = 3 < max_2 ? 3 : max_2;
                for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                    const int32_t t_9 = -t_4;
                    const int32_t max_3 = t_9 > 0 ? t_9 : 0;
                    const int32_t t_10 = 9 - t_4;
                    const int32_t max_4 = t_10 > 0 ? t_10 : 0;
                    const int8_t *restrict w = in1 + k0 * 12 + max_3 * 4;
                    const int32_t t_11 = ((3 < max_4 ? 3 : max_4) - max_3) * 4;
                    const int32_t t_12 = t_11 / 4;
                    const int8_t *restrict w0 = w;
                    const int8_t *restrict w1 = w + 36;
                    if (t_12 > 0) {
#if defined(__riscv) && __riscv_xlen == 32
                        __asm__ volatile(
                            ".option push\n"
                            ".option norvc\n"
                            ".insn i 0x7b, 4, x0, %[n], 8\n"
                            ".insn i 0x0b, 2, t0, %[w0], 4\n"
                            ".insn i 0x0b, 2, t1, %[w1], 4\n"
                            ".insn r 0x57, 1, 0x5c, %[acc00], %[x], t0\n"
                            ".insn r 0x57, 1, 0x5c, %[acc10], %[x], t1\n"
                            ".option pop\n"
                            : [acc00] "+r"(seen0), [acc10] "+r"(seen1), [w0] "+r"(w0), [w1] "+r"(w1)
                            : [x] "r"(16843009), [n] "r"(t_12)
                            : "t0", "t1", "memory");
#else
                        for (int32_t k = 0; k < t_12; k++) {
                            int32_t ww0 = dm_word(w0);
                            int32_t ww1 = dm_word(w1);
                            w0 += 4;
                            w1 += 4;
                            seen0 = dm_xpulpv2_pv_sdotsp_b(16843009, ww0, seen0);
                            seen1 = dm_xpulpv2_pv_sdotsp_b(16843009, ww1, seen1);
                        }
#endif
                    }
                    const int8_t *restrict w0_value = w0;
                    const int8_t *restrict w1_value = w1;
                    for (int32_t k = 0; k < t_11 % 4; k++) {
                        seen0 = dm_xpulpv2_p_mac(1, w0_value[k], seen0);
                        seen1 = dm_xpulpv2_p_mac(1, w1_value[k], seen1);
                    }
                }
                border0 = t_1 - seen0 * 2;
                border1 = t_2 - seen1 * 2;
            }
            int32_t acc00 = border0;
            int32_t acc10 = border1;
            const int32_t t_8 = size0_1 - t;
            const int32_t max_2 = t_8 > 0 ? t_8 : 0;
            const int32_t min = 3 < max_2 ? 3 : max_2;
            for (int32_t k0 = -t > 0 ? -t : 0; k0 < min; k0++) {
                const int32_t t_9 = -t_4;
                const int32_t max_3 = t_9 > 0 ? t_9 : 0;
                const int32_t t_10 = 9 - t_4;
                const int32_t max_4 = t_10 > 0 ? t_10 : 0;
                const int8_t *restrict w = in1 + k0 * 12 + max_3 * 4;
                const int32_t t_11 = ((3 < max_4 ? 3 : max_4) - max_3) * 4;
                const int32_t t_12 = t_11 / 4;
                const int8_t *restrict x0 = in0 + (t + k0) * 36 + (t_4 + max_3) * 4;
                const int8_t *restrict w0 = w;
                const int8_t *restrict w1 = w + 36;
                if (t_12 > 0) {
#if defined(__riscv) && __riscv_xlen == 32
                    __asm__ volatile(
                        ".option push\n"
                        ".option norvc\n"
                        ".insn i 0x7b, 4, x0, %[n], 10\n"
                        ".insn i 0x0b, 2, t0, %[x0], 4\n"
                        ".insn i 0x0b, 2, t1, %[w0], 4\n"
                        ".insn i 0x0b, 2, t2, %[w1], 4\n"
                        ".insn r 0x57, 1, 0x5c, %[acc00], t0, t1\n"
                        ".insn r 0x57, 1, 0x5c, %[acc10], t0, t2\n"
                        ".option pop\n"
                        : [acc00] "+r"(acc00), [acc10] "+r"(acc10), [x0] "+r"(x0), [w0] "+r"(w0),
                                [w1] "+r"(w1)
                        : [n] "r"(t_12)
                        : "t0", "t1", "t2", "memory");
#else
                    for (int32_t k = 0; k < t_12; k++) {
                        int32_t xw0 = dm_word(x0);
                        int32_t ww0 = dm_word(w0);
                        int32_t ww1 = dm_word(w1);
                        x0 += 4;
                        w0 += 4;
                        w1 += 4;
                        const int32_t xw0_value = xw0;
                        acc00 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww0, acc00);
                        acc10 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww1, acc10);
                    }
#endif
                }
                const int8_t *restrict x0_value = x0;
                const int8_t *restrict w0_value = w0;
                const int8_t *restrict w1_value = w1;
                for (int32_t k = 0; k < t_11 % 4; k++) {
                    const int32_t value = x0_value[k];
                    acc00 = dm_xpulpv2_p_mac(value, w0_value[k], acc00);
                    acc10 = dm_xpulpv2_p_mac(value, w1_value[k], acc10);
                }
            }
            const int32_t t_9 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00
                    + (uint32_t)extra0[0]) * (uint64_t)extra1[0] + 50027779063808ull) >> 40));
            y_1[0] = (int8_t)t_9;
            const int32_t t_10 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10
                    + (uint32_t)extra0[1]) * (uint64_t)extra1[1] + 50027779063808ull) >> 40));
            y_1[1] = (int8_t)t_10;
        }
    }
}

// QuantizeLinear_t14
// conv: 1x9x9x4 i8 x 8x3x3x4 i8 -> 1x9x9x8 i8; 2 tiles: m 8 by 4
// planned: 7206 cycles
static DM_STEP void conv_int8_01_quantizelinear_t14(int32_t core) {
    int8_t *in0 = (int8_t *)(conv_int8_l1 + 648);
    int8_t *out = (int8_t *)conv_int8_l1;
    for (int32_t tile = 0; tile < 2; tile++) {
        const int32_t m_start = tile * 4;
        const int8_t *in1_part = conv_int8_weight_t5_cl + tile * 144;
        int8_t *in1_tile = (int8_t *)(conv_int8_l1 + 976);
        dm_barrier();
        dm_token token = DM_NO_TOKEN;
        if (core == 0) {
            token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, in1_part, 144u, 0u, NULL);
        }
        const int32_t *extra0_part = conv_int8_weight_t5_zero_point_sum + m_start;
        int32_t *extra0_tile = (int32_t *)(conv_int8_l1 + 1120);
        dm_token token_1 = DM_NO_TOKEN;
        if (core == 0) {
            token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile, extra0_part, 16u, 0u, NULL);
        }
        const int32_t *extra1_part = conv_int8_weight_QuantizeLinear_t14_requantization + m_start;
        int32_t *extra1_tile = (int32_t *)(conv_int8_l1 + 1136);
        dm_token token_2 = DM_NO_TOKEN;
        if (core == 0) {
            token_2 = dm_dma_start_in(DM_DMA_MCHAN, extra1_tile, extra1_part, 16u, 0u, NULL);
        }
        dm_dma_wait(DM_DMA_MCHAN, token);
        dm_dma_wait(DM_DMA_MCHAN, token_1);
        dm_dma_wait(DM_DMA_MCHAN, token_2);
        dm_barrier();
        const int32_t t = core / 2;
        const int32_t t_1 = core % 2;
        const int32_t t_2 = t * 9 / 4;
        const int32_t t_3 = (t + 1) * 9 / 4 - t_2;
        const int32_t t_4 = t_1 * 2;
        const int32_t t_5 = -1 + t_2;
        const int32_t max = t_5 > 0 ? t_5 : 0;
        const int32_t min = max < 9 ? max : 9;
        const int32_t t_6 = t_5 + (-1 + t_3 + 3);
        const int32_t min_1 = t_6 < 9 ? t_6 : 9;
        conv_int8_conv_1(in0 + min * 36, in1_tile + t_1 * 72, extra0_tile + t_4, extra1_tile + t_4,
                out + m_start + (t_2 * 72 + t_4), t_3, (min_1 > min ? min_1 : min) - min, t_5 -
                min);
    }
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
