#include <stddef.h>
#include <stdint.h>
#include "pointwise_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "pointwise_int8_weights.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t pointwise_int8_l1[800];
DM_L2_NOINIT DM_ALIGN(4) int8_t pointwise_int8_input_0[400];
DM_L2_NOINIT DM_ALIGN(4) int8_t pointwise_int8_output_0[200];

static DM_KERNEL void pointwise_int8_map_1(const int8_t *restrict in0, int8_t *restrict out) {
    for (int32_t d1d2 = 0; d1d2 < 25; d1d2++) {
        const int8_t *restrict x = in0 + d1d2;
        int8_t *restrict y = out + d1d2 * 16;
        y[0] = x[0];
        (y + 1)[0] = (x + 25)[0];
    }
}

// QuantizeLinear_t14
// map: 1x16x5x5 i8 -> 1x5x5x16 i8
// planned: 985 cycles
static DM_STEP void pointwise_int8_00_quantizelinear_t14(int32_t core) {
    int8_t *in0_tile = (int8_t *)(pointwise_int8_l1 + 400);
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, pointwise_int8_input_0, 400u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    pointwise_int8_map_1(in0_tile + core * 50, (int8_t *)pointwise_int8_l1 + core * 2);
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

static DM_KERNEL void pointwise_int8_conv_1(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, int8_t *restrict out) {
    for (int32_t o0o1 = 0; o0o1 < 25; o0o1 += 2) {
        const int8_t *restrict x = in0 + o0o1 * 16;
        int8_t *restrict y = out + o0o1 * 8;
        const int32_t t = 25 - o0o1 - 1;
        const int32_t min = 1 < t ? 1 : t;
        int32_t acc00 = 0;
        int32_t acc01 = 0;
        const int32_t t_1 = min * 16;
        const int32_t in1_value = in1[0];
        acc00 = dm_xpulpv2_p_mac(x[0], in1_value, acc00);
        acc01 = dm_xpulpv2_p_mac(x[t_1], in1_value, acc01);
        const int32_t in1_value_1 = in1[1];
        acc00 = dm_xpulpv2_p_mac(x[1], in1_value_1, acc00);
        acc01 = dm_xpulpv2_p_mac(x[1 + t_1], in1_value_1, acc01);
        const int32_t in1_value_2 = in1[2];
        acc00 = dm_xpulpv2_p_mac(x[2], in1_value_2, acc00);
        acc01 = dm_xpulpv2_p_mac(x[2 + t_1], in1_value_2, acc01);
        const int32_t in1_value_3 = in1[3];
        acc00 = dm_xpulpv2_p_mac(x[3], in1_value_3, acc00);
        acc01 = dm_xpulpv2_p_mac(x[3 + t_1], in1_value_3, acc01);
        const int32_t in1_value_4 = in1[4];
        acc00 = dm_xpulpv2_p_mac(x[4], in1_value_4, acc00);
        acc01 = dm_xpulpv2_p_mac(x[4 + t_1], in1_value_4, acc01);
        const int32_t in1_value_5 = in1[5];
        acc00 = dm_xpulpv2_p_mac(x[5], in1_value_5, acc00);
        acc01 = dm_xpulpv2_p_mac(x[5 + t_1], in1_value_5, acc01);
        const int32_t in1_value_6 = in1[6];
        acc00 = dm_xpulpv2_p_mac(x[6], in1_value_6, acc00);
        acc01 = dm_xpulpv2_p_mac(x[6 + t_1], in1_value_6, acc01);
        const int32_t in1_value_7 = in1[7];
        acc00 = dm_xpulpv2_p_mac(x[7], in1_value_7, acc00);
        acc01 = dm_xpulpv2_p_mac(x[7 + t_1], in1_value_7, acc01);
        const int32_t in1_value_8 = in1[8];
        acc00 = dm_xpulpv2_p_mac(x[8], in1_value_8, acc00);
        acc01 = dm_xpulpv2_p_mac(x[8 + t_1], in1_value_8, acc01);
        const int32_t in1_value_9 = in1[9];
        acc00 = dm_xpulpv2_p_mac(x[9], in1_value_9, acc00);
        acc01 = dm_xpulpv2_p_mac(x[9 + t_1], in1_value_9, acc01);
        const int32_t in1_value_10 = in1[10];
        acc00 = dm_xpulpv2_p_mac(x[10], in1_value_10, acc00);
        acc01 = dm_xpulpv2_p_mac(x[10 + t_1], in1_value_10, acc01);
        const int32_t in1_value_11 = in1[11];
        acc00 = dm_xpulpv2_p_mac(x[11], in1_value_11, acc00);
        acc01 = dm_xpulpv2_p_mac(x[11 + t_1], in1_value_11, acc01);
        const int32_t in1_value_12 = in1[12];
        acc00 = dm_xpulpv2_p_mac(x[12], in1_value_12, acc00);
        acc01 = dm_xpulpv2_p_mac(x[12 + t_1], in1_value_12, acc01);
        const int32_t in1_value_13 = in1[13];
        acc00 = dm_xpulpv2_p_mac(x[13], in1_value_13, acc00);
        acc01 = dm_xpulpv2_p_mac(x[13 + t_1], in1_value_13, acc01);
        const int32_t in1_value_14 = in1[14];
        acc00 = dm_xpulpv2_p_mac(x[14], in1_value_14, acc00);
        acc01 = dm_xpulpv2_p_mac(x[14 + t_1], in1_value_14, acc01);
        const int32_t in1_value_15 = in1[15];
        acc00 = dm_xpulpv2_p_mac(x[15], in1_value_15, acc00);
        acc01 = dm_xpulpv2_p_mac(x[15 + t_1], in1_value_15, acc01);
        const int32_t extra0_value = extra0[0];
        const int32_t extra1_value = extra1[0];
        const int32_t t_2 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00
                + (uint32_t)extra0_value) * (uint64_t)extra1_value + 137438953472ull) >> 38));
        y[0] = (int8_t)t_2;
        const int32_t t_3 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01
                + (uint32_t)extra0_value) * (uint64_t)extra1_value + 137438953472ull) >> 38));
        y[min * 8] = (int8_t)t_3;
    }
}

// QuantizeLinear_t14
// conv: 1x5x5x16 i8 x 8x1x1x16 i8 -> 1x5x5x8 i8
// planned: 2919 cycles
static DM_STEP void pointwise_int8_01_quantizelinear_t14(int32_t core) {
    int8_t *in1_tile = (int8_t *)(pointwise_int8_l1 + 600);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, pointwise_int8_weight_t5_cl, 128u, 0u,
                NULL);
    }
    int32_t *extra0_tile = (int32_t *)(pointwise_int8_l1 + 728);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile,
                pointwise_int8_weight_t5_zero_point_sum, 32u, 0u, NULL);
    }
    int32_t *extra1_tile = (int32_t *)(pointwise_int8_l1 + 760);
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_in(DM_DMA_MCHAN, extra1_tile,
                pointwise_int8_weight_QuantizeLinear_t14_requantization, 32u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_dma_wait(DM_DMA_MCHAN, token_2);
    dm_barrier();
    pointwise_int8_conv_1((int8_t *)pointwise_int8_l1, in1_tile + core * 16, extra0_tile + core,
            extra1_tile + core, (int8_t *)(pointwise_int8_l1 + 400) + core);
}

static DM_KERNEL void pointwise_int8_map_2(const int8_t *restrict in0, int8_t *restrict out) {
    for (int32_t d2d3 = 0; d2d3 < 25; d2d3++) {
        (out + d2d3)[0] = (in0 + d2d3 * 8)[0];
    }
}

// QuantizeLinear_t14
// map: 1x5x5x8 i8 -> 1x8x5x5 i8
// planned: 867 cycles
static DM_STEP void pointwise_int8_02_quantizelinear_t14(int32_t core) {
    int8_t *out_tile = (int8_t *)pointwise_int8_l1;
    dm_barrier();
    pointwise_int8_map_2((int8_t *)(pointwise_int8_l1 + 400) + core, out_tile + core * 25);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_out(DM_DMA_MCHAN, pointwise_int8_output_0, out_tile, 200u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
}

static void pointwise_int8_cluster(void) {
    const uint32_t t = dm_core_id();
    const int32_t core = (int32_t)t;
    pointwise_int8_00_quantizelinear_t14(core);
    pointwise_int8_01_quantizelinear_t14(core);
    pointwise_int8_02_quantizelinear_t14(core);
}

void pointwise_int8_run(void) {
    dm_cluster_run(pointwise_int8_cluster);
}
