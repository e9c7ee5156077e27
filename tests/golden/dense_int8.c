#include <stddef.h>
#include <stdint.h>
#include "dense_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "dense_int8_weights.h"
#include "dm_bits.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t dense_int8_l1[456];
DM_L2_NOINIT DM_ALIGN(4) int8_t dense_int8_input_0[96];
DM_L2_NOINIT DM_ALIGN(4) int8_t dense_int8_output_0[40];

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

static DM_KERNEL void dense_int8_matmul_1(const int8_t *restrict in0, const uint8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, int8_t *restrict out) {
    const int8_t *restrict t = (const int8_t *restrict)in1;
    int32_t acc00 = 0;
    int32_t acc10 = 0;
    int32_t acc20 = 0;
    int32_t acc30 = 0;
    int32_t acc40 = 0;
    const int8_t *restrict x0 = in0;
    const int8_t *restrict w0 = t;
    const int8_t *restrict w1 = t + 24;
    const int8_t *restrict w2 = t + 48;
    const int8_t *restrict w3 = t + 72;
    const int8_t *restrict w4 = t + 96;
#if defined(__riscv) && __riscv_xlen == 32
    __asm__ volatile(
        ".option push\n"
        ".option norvc\n"
        ".insn i 0x7b, 4, x0, %[n], 22\n"
        ".insn i 0x0b, 2, t0, %[x0], 4\n"
        ".insn i 0x0b, 2, t1, %[w0], 4\n"
        ".insn i 0x0b, 2, t2, %[w1], 4\n"
        ".insn i 0x0b, 2, t3, %[w2], 4\n"
        ".insn i 0x0b, 2, t4, %[w3], 4\n"
        ".insn i 0x0b, 2, t5, %[w4], 4\n"
        ".insn r 0x57, 1, 0x5c, %[acc00], t0, t1\n"
        ".insn r 0x57, 1, 0x5c, %[acc10], t0, t2\n"
        ".insn r 0x57, 1, 0x5c, %[acc20], t0, t3\n"
        ".insn r 0x57, 1, 0x5c, %[acc30], t0, t4\n"
        ".insn r 0x57, 1, 0x5c, %[acc40], t0, t5\n"
        ".option pop\n"
        : [acc00] "+r"(acc00), [acc10] "+r"(acc10), [acc20] "+r"(acc20), [acc30] "+r"(acc30),
                [acc40] "+r"(acc40), [x0] "+r"(x0), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2),
                [w3] "+r"(w3), [w4] "+r"(w4)
        : [n] "r"(6)
        : "t0", "t1", "t2", "t3", "t4", "t5", "memory");
#else
    for (int32_t k = 0; k < 6; k++) {
        int32_t xw0 = dm_word(x0);
        int32_t ww0 = dm_word(w0);
        int32_t ww1 = dm_word(w1);
        int32_t ww2 = dm_word(w2);
        int32_t ww3 = dm_word(w3);
        int32_t ww4 = dm_word(w4);
        x0 += 4;
        w0 += 4;
        w1 += 4;
        w2 += 4;
        w3 += 4;
        w4 += 4;
        const int32_t xw0_value = xw0;
        acc00 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww0, acc00);
        acc10 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww1, acc10);
        acc20 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww2, acc20);
        acc30 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww3, acc30);
        acc40 = dm_xpulpv2_pv_sdotsp_b(xw0_value, ww4, acc40);
    }
#endif
    const int32_t t_1 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00
            + (uint32_t)extra0[0]) * (uint64_t)extra1[0] + 29137058136064ull) >> 40));
    out[0] = (int8_t)t_1;
    const int32_t t_2 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10
            + (uint32_t)extra0[1]) * (uint64_t)extra1[1] + 29137058136064ull) >> 40));
    out[1] = (int8_t)t_2;
    const int32_t t_3 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20
            + (uint32_t)extra0[2]) * (uint64_t)extra1[2] + 29137058136064ull) >> 40));
    out[2] = (int8_t)t_3;
    const int32_t t_4 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30
            + (uint32_t)extra0[3]) * (uint64_t)extra1[3] + 29137058136064ull) >> 40));
    out[3] = (int8_t)t_4;
    const int32_t t_5 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc40
            + (uint32_t)extra0[4]) * (uint64_t)extra1[4] + 29137058136064ull) >> 40));
    out[4] = (int8_t)t_5;
}

// QuantizeLinear_t14
// matmul: 4x24 i8 x 10x24 ui8 -> 4x10 i8
// planned: 1469 cycles
static DM_STEP void dense_int8_00_quantizelinear_t14(int32_t core) {
    int8_t *in0_tile = (int8_t *)(dense_int8_l1 + 240);
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, dense_int8_input_0, 96u, 0u, NULL);
    }
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, dense_int8_l1, dense_int8_weight_t5_packed, 240u,
                0u, NULL);
    }
    int32_t *extra0_tile = (int32_t *)(dense_int8_l1 + 336);
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile, dense_int8_weight_t5_zero_point_sum,
                40u, 0u, NULL);
    }
    int32_t *extra1_tile = (int32_t *)(dense_int8_l1 + 376);
    dm_token token_3 = DM_NO_TOKEN;
    if (core == 0) {
        token_3 = dm_dma_start_in(DM_DMA_MCHAN, extra1_tile,
                dense_int8_weight_QuantizeLinear_t14_requantization, 40u, 0u, NULL);
    }
    int8_t *out_tile = (int8_t *)(dense_int8_l1 + 416);
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_dma_wait(DM_DMA_MCHAN, token_2);
    dm_dma_wait(DM_DMA_MCHAN, token_3);
    dm_barrier();
    const int32_t t = core / 2;
    const int32_t t_1 = core % 2;
    const int32_t t_2 = t_1 * 5;
    dense_int8_matmul_1(in0_tile + t * 24, dense_int8_l1 + t_1 * 120, extra0_tile + t_2,
            extra1_tile + t_2, out_tile + (t * 10 + t_2));
    dm_barrier();
    dm_token token_4 = DM_NO_TOKEN;
    if (core == 0) {
        token_4 = dm_dma_start_out(DM_DMA_MCHAN, dense_int8_output_0, out_tile, 40u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token_4);
}

static void dense_int8_cluster(void) {
    const uint32_t t = dm_core_id();
    dense_int8_00_quantizelinear_t14((int32_t)t);
}

void dense_int8_run(void) {
    dm_cluster_run(dense_int8_cluster);
}
