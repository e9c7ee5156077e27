#include <stddef.h>
#include <stdint.h>
#include "conv_int8_tiled.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "conv_int8_tiled_weights.h"
#include "dm_bits.h"

static DM_L2_NOINIT DM_ALIGN(8) uint8_t conv_int8_tiled_l2[6176];
static DM_L1_NOINIT DM_ALIGN(8) uint8_t conv_int8_tiled_l1[992];
DM_L2_NOINIT DM_ALIGN(4) int8_t conv_int8_tiled_input_0[2304];
DM_L2_NOINIT DM_ALIGN(4) int8_t conv_int8_tiled_output_0[3872];

static DM_KERNEL void conv_int8_tiled_map_1(const int8_t *restrict in0, int8_t *restrict out) {
    for (int32_t d1 = 0; d1 < 4; d1++) {
        const int8_t *restrict x = in0 + d1 * 24;
        int8_t *restrict y = out + d1 * 96;
        for (int32_t d2 = 0; d2 < 3; d2++) {
            const int8_t *restrict x_1 = x + d2;
            int8_t *restrict y_1 = y + d2 * 4;
            y_1[0] = x_1[0];
            (y_1 + 1)[0] = (x_1 + 96)[0];
            (y_1 + 2)[0] = (x_1 + 192)[0];
            (y_1 + 3)[0] = (x_1 + 288)[0];
        }
    }
}

// QuantizeLinear_t14
// map: 1x4x24x24 i8 -> 1x24x24x4 i8; 6 tiles: d1 24 by 4
// planned: 6764 cycles
static DM_STEP void conv_int8_tiled_00_quantizelinear_t14(int32_t core) {
    int8_t *out = (int8_t *)(conv_int8_tiled_l2 + 3872);
    dm_token token = DM_NO_TOKEN;
    for (int32_t tile = 0; tile < 6; tile++) {
        int8_t *in0_part = conv_int8_tiled_input_0 + tile * 96;
        int8_t *in0_tile = (int8_t *)conv_int8_tiled_l1;
        dm_token token_1 = DM_NO_TOKEN;
        if (core == 0) {
            const dm_dma_dim dims[1] = {{4u, 96, 576}};
            token_1 = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, in0_part, 96u, 1u, dims);
        }
        int8_t *out_part = out + tile * 384;
        int8_t *out_tile = (int8_t *)(conv_int8_tiled_l1 + 384);
        dm_dma_wait(DM_DMA_MCHAN, token);
        dm_dma_wait(DM_DMA_MCHAN, token_1);
        dm_barrier();
        conv_int8_tiled_map_1(in0_tile + core * 3, out_tile + core * 12);
        dm_barrier();
        dm_token token_2 = DM_NO_TOKEN;
        if (core == 0) {
            token_2 = dm_dma_start_out(DM_DMA_MCHAN, out_part, out_tile, 384u, 0u, NULL);
        }
        token = token_2;
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
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

static DM_KERNEL void conv_int8_tiled_conv_1(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, int8_t *restrict out,
        int32_t size4_1) {
    for (int32_t m = 0; m < 8; m += 4) {
        const int8_t *restrict w = in1 + m * 36;
        const int32_t *restrict e0 = extra0 + m;
        const int32_t *restrict e1 = extra1 + m;
        int8_t *restrict y = out + m;
        for (int32_t o0 = 0; o0 < size4_1; o0 += 2) {
            const int8_t *restrict x = in0 + o0 * 12;
            int8_t *restrict y_1 = y + o0 * 8;
            const int32_t t = size4_1 - o0 - 1;
            const int32_t min = 1 < t ? 1 : t;
            int32_t acc00 = 0;
            int32_t acc01 = 0;
            int32_t acc10 = 0;
            int32_t acc11 = 0;
            int32_t acc20 = 0;
            int32_t acc21 = 0;
            int32_t acc30 = 0;
            int32_t acc31 = 0;
            const int8_t *restrict x0 = x;
            const int8_t *restrict x1 = x + min * 12;
            const int8_t *restrict w0 = w;
            const int8_t *restrict w1 = w + 36;
            const int8_t *restrict w2 = w + 72;
            const int8_t *restrict w3 = w + 108;
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
                : [n] "r"(9)
                : "t0", "t1", "t2", "t3", "t4", "t5", "memory");
#else
            for (int32_t k = 0; k < 9; k++) {
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
            const int32_t t_1 = min * 8;
            const int32_t e0_value = e0[0];
            const int32_t e1_value = e1[0];
            const int32_t t_2 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00
                    + (uint32_t)e0_value) * (uint64_t)e1_value + 1099511627776ull) >> 41));
            y_1[0] = (int8_t)t_2;
            const int32_t t_3 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01
                    + (uint32_t)e0_value) * (uint64_t)e1_value + 1099511627776ull) >> 41));
            y_1[t_1] = (int8_t)t_3;
            const int32_t e0_value_1 = e0[1];
            const int32_t e1_value_1 = e1[1];
            const int32_t t_4 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10
                    + (uint32_t)e0_value_1) * (uint64_t)e1_value_1 + 1099511627776ull) >> 41));
            y_1[1] = (int8_t)t_4;
            const int32_t t_5 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc11
                    + (uint32_t)e0_value_1) * (uint64_t)e1_value_1 + 1099511627776ull) >> 41));
            y_1[1 + t_1] = (int8_t)t_5;
            const int32_t e0_value_2 = e0[2];
            const int32_t e1_value_2 = e1[2];
            const int32_t t_6 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20
                    + (uint32_t)e0_value_2) * (uint64_t)e1_value_2 + 1099511627776ull) >> 41));
            y_1[2] = (int8_t)t_6;
            const int32_t t_7 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc21
                    + (uint32_t)e0_value_2) * (uint64_t)e1_value_2 + 1099511627776ull) >> 41));
            y_1[2 + t_1] = (int8_t)t_7;
            const int32_t e0_value_3 = e0[3];
            const int32_t e1_value_3 = e1[3];
            const int32_t t_8 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30
                    + (uint32_t)e0_value_3) * (uint64_t)e1_value_3 + 1099511627776ull) >> 41));
            y_1[3] = (int8_t)t_8;
            const int32_t t_9 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc31
                    + (uint32_t)e0_value_3) * (uint64_t)e1_value_3 + 1099511627776ull) >> 41));
            y_1[3 + t_1] = (int8_t)t_9;
        }
    }
}

// QuantizeLinear_t14
// conv: 1x24x24x4 i8 x 8x3x3x4 i8 -> 1x22x22x8 i8; 22 tiles: o1 22 by 1
// planned: 42994 cycles
static DM_STEP void conv_int8_tiled_01_quantizelinear_t14(int32_t core) {
    int8_t *in0 = (int8_t *)(conv_int8_tiled_l2 + 3872);
    int8_t *out = (int8_t *)conv_int8_tiled_l2;
    int8_t *in1_tile = (int8_t *)(conv_int8_tiled_l1 + 288);
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, conv_int8_tiled_weight_t5_cl, 288u, 0u,
                NULL);
    }
    int32_t *extra0_tile = (int32_t *)(conv_int8_tiled_l1 + 928);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile,
                conv_int8_tiled_weight_t5_zero_point_sum, 32u, 0u, NULL);
    }
    int32_t *extra1_tile = (int32_t *)(conv_int8_tiled_l1 + 960);
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_in(DM_DMA_MCHAN, extra1_tile,
                conv_int8_tiled_weight_QuantizeLinear_t14_requantization, 32u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_dma_wait(DM_DMA_MCHAN, token_2);
    dm_token token_3 = DM_NO_TOKEN;
    dm_token token_4 = DM_NO_TOKEN;
    for (int32_t o1_start = 0; o1_start < 22; o1_start++) {
        int8_t *in0_part = in0 + o1_start * 4;
        int8_t *in0_tile = (int8_t *)conv_int8_tiled_l1;
        dm_token token_5 = DM_NO_TOKEN;
        if (core == 0) {
            const dm_dma_dim dims[1] = {{24u, 12, 96}};
            token_5 = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, in0_part, 12u, 1u, dims);
        }
        int8_t *out_part = out + o1_start * 8;
        int8_t *out_tile = (int8_t *)(conv_int8_tiled_l1 + (o1_start % 2 == 1 ? 752 : 576));
        dm_dma_wait(DM_DMA_MCHAN, token_3);
        dm_dma_wait(DM_DMA_MCHAN, token_5);
        dm_barrier();
        const int32_t t = core * 22 / 8;
        conv_int8_tiled_conv_1(in0_tile + t * 12, in1_tile, extra0_tile, extra1_tile, out_tile + t *
                8, (core + 1) * 22 / 8 - t);
        dm_barrier();
        dm_token token_6 = DM_NO_TOKEN;
        if (core == 0) {
            const dm_dma_dim dims[1] = {{22u, 176, 8}};
            token_6 = dm_dma_start_out(DM_DMA_MCHAN, out_part, out_tile, 8u, 1u, dims);
        }
        token_3 = token_4;
        token_4 = token_6;
    }
    dm_dma_wait(DM_DMA_MCHAN, token_3);
    dm_dma_wait(DM_DMA_MCHAN, token_4);
}

static DM_KERNEL void conv_int8_tiled_map_2(const int8_t *restrict in0, int8_t *restrict out,
        int32_t size1_3) {
    for (int32_t d1 = 0; d1 < 2; d1++) {
        const int8_t *restrict x = in0 + d1;
        int8_t *restrict y = out + d1 * 242;
        for (int32_t d2 = 0; d2 < 11; d2++) {
            const int8_t *restrict x_1 = x + d2 * 44;
            int8_t *restrict y_1 = y + d2 * 22;
            const int32_t t = size1_3 / 4 * 4;
            for (int32_t d3 = 0; d3 < t; d3 += 4) {
                (y_1 + d3)[0] = (x_1 + d3 * 2)[0];
                const int32_t t_1 = d3 + 1;
                (y_1 + t_1)[0] = (x_1 + t_1 * 2)[0];
                const int32_t t_2 = d3 + 2;
                (y_1 + t_2)[0] = (x_1 + t_2 * 2)[0];
                const int32_t t_3 = d3 + 3;
                (y_1 + t_3)[0] = (x_1 + t_3 * 2)[0];
            }
            for (int32_t d3 = t; d3 < size1_3; d3++) {
                (y_1 + d3)[0] = (x_1 + d3 * 2)[0];
            }
        }
    }
}

// QuantizeLinear_t14
// map: 1x22x22x8 i8 -> 1x8x22x22 i8; 8 tiles: d1 8 by 2, d2 22 by 11
// planned: 11192 cycles
static DM_STEP void conv_int8_tiled_02_quantizelinear_t14(int32_t core) {
    int8_t *in0 = (int8_t *)conv_int8_tiled_l2;
    dm_token token = DM_NO_TOKEN;
    for (int32_t tile = 0; tile < 8; tile++) {
        const int32_t t = tile / 2;
        const int32_t t_1 = tile % 2;
        int8_t *in0_part = in0 + (t_1 * 1936 + t * 2);
        int8_t *in0_tile = (int8_t *)conv_int8_tiled_l1;
        dm_token token_1 = DM_NO_TOKEN;
        if (core == 0) {
            const dm_dma_dim dims[1] = {{242u, 2, 8}};
            token_1 = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, in0_part, 2u, 1u, dims);
        }
        int8_t *out_part = conv_int8_tiled_output_0 + (t * 968 + t_1 * 242);
        int8_t *out_tile = (int8_t *)(conv_int8_tiled_l1 + 488);
        dm_dma_wait(DM_DMA_MCHAN, token);
        dm_dma_wait(DM_DMA_MCHAN, token_1);
        dm_barrier();
        const int32_t t_2 = core * 22 / 8;
        conv_int8_tiled_map_2(in0_tile + t_2 * 2, out_tile + t_2, (core + 1) * 22 / 8 - t_2);
        dm_barrier();
        dm_token token_2 = DM_NO_TOKEN;
        if (core == 0) {
            const dm_dma_dim dims[1] = {{2u, 484, 242}};
            token_2 = dm_dma_start_out(DM_DMA_MCHAN, out_part, out_tile, 242u, 1u, dims);
        }
        token = token_2;
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
}

static void conv_int8_tiled_cluster(void) {
    const uint32_t t = dm_core_id();
    const int32_t core = (int32_t)t;
    conv_int8_tiled_00_quantizelinear_t14(core);
    conv_int8_tiled_01_quantizelinear_t14(core);
    conv_int8_tiled_02_quantizelinear_t14(core);
}

void conv_int8_tiled_run(void) {
    dm_cluster_run(conv_int8_tiled_cluster);
}
