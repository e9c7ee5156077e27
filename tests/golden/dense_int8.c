#include <stddef.h>
#include <stdint.h>
#include "dense_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "dense_int8_weights.h"

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

static inline __attribute__((unused)) int32_t dm_xpulpv2_p_mac(int32_t a, int32_t b, int32_t d) {
    int32_t result = d;
#if defined(__riscv) && __riscv_xlen == 32
    __asm__(".insn r 0x33, 0, 0x21, %[d], %[a], %[b]" : [d] "+r"(result) : [a] "r"(a), [b] "r"(b));
#else
    result = (int32_t)((uint32_t)d + (uint32_t)a * (uint32_t)b);
#endif
    return result;
}

static DM_KERNEL void dense_int8_matmul_1(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, int8_t *restrict out) {
    int32_t acc00 = 0;
    int32_t acc10 = 0;
    int32_t acc20 = 0;
    int32_t acc30 = 0;
    int32_t acc40 = 0;
    const int8_t *restrict w1 = in1 + 1;
    const int8_t *restrict w2 = in1 + 2;
    const int8_t *restrict w3 = in1 + 3;
    const int8_t *restrict w4 = in1 + 4;
    _Pragma("GCC unroll 1")
    for (int32_t k = 0; k < 24; k += 2) {
        const int32_t x0_value = in0[k];
        acc00 = dm_xpulpv2_p_mac(x0_value, in1[k * 10], acc00);
        acc10 = dm_xpulpv2_p_mac(x0_value, w1[k * 10], acc10);
        acc20 = dm_xpulpv2_p_mac(x0_value, w2[k * 10], acc20);
        acc30 = dm_xpulpv2_p_mac(x0_value, w3[k * 10], acc30);
        acc40 = dm_xpulpv2_p_mac(x0_value, w4[k * 10], acc40);
        const int32_t x0_value_1 = in0[k + 1];
        acc00 = dm_xpulpv2_p_mac(x0_value_1, in1[(k + 1) * 10], acc00);
        acc10 = dm_xpulpv2_p_mac(x0_value_1, w1[(k + 1) * 10], acc10);
        acc20 = dm_xpulpv2_p_mac(x0_value_1, w2[(k + 1) * 10], acc20);
        acc30 = dm_xpulpv2_p_mac(x0_value_1, w3[(k + 1) * 10], acc30);
        acc40 = dm_xpulpv2_p_mac(x0_value_1, w4[(k + 1) * 10], acc40);
    }
    const int32_t t = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00 +
            (uint32_t)extra0[0]) * (uint64_t)extra1[0] + 29137058136064ull) >> 40));
    out[0] = (int8_t)t;
    const int32_t t_1 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10
            + (uint32_t)extra0[1]) * (uint64_t)extra1[1] + 29137058136064ull) >> 40));
    out[1] = (int8_t)t_1;
    const int32_t t_2 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20
            + (uint32_t)extra0[2]) * (uint64_t)extra1[2] + 29137058136064ull) >> 40));
    out[2] = (int8_t)t_2;
    const int32_t t_3 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30
            + (uint32_t)extra0[3]) * (uint64_t)extra1[3] + 29137058136064ull) >> 40));
    out[3] = (int8_t)t_3;
    const int32_t t_4 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc40
            + (uint32_t)extra0[4]) * (uint64_t)extra1[4] + 29137058136064ull) >> 40));
    out[4] = (int8_t)t_4;
}

// QuantizeLinear_t14
// matmul: 4x24 i8 x 24x10 i8 -> 4x10 i8
// planned: 1679 cycles
static DM_STEP void dense_int8_00_quantizelinear_t14(int32_t core) {
    int8_t *in0_tile = (int8_t *)(dense_int8_l1 + 240);
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, dense_int8_input_0, 96u, 0u, NULL);
    }
    int8_t *in1_tile = (int8_t *)dense_int8_l1;
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, dense_int8_weight_t5, 240u, 0u, NULL);
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
    const int32_t t_1 = core % 2 * 5;
    dense_int8_matmul_1(in0_tile + t * 24, in1_tile + t_1, extra0_tile + t_1, extra1_tile + t_1,
            out_tile + (t * 10 + t_1));
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
