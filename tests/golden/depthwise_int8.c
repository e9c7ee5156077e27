#include <stddef.h>
#include <stdint.h>
#include "depthwise_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "depthwise_int8_weights.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t depthwise_int8_l1[1296];
DM_L2_NOINIT DM_ALIGN(4) int8_t depthwise_int8_input_0[648];
DM_L2_NOINIT DM_ALIGN(4) int8_t depthwise_int8_output_0[392];

static DM_KERNEL void depthwise_int8_map_1(const int8_t *restrict in0, int8_t *restrict out) {
    for (int32_t d1d2 = 0; d1d2 < 81; d1d2 += 3) {
        (out + d1d2 * 8)[0] = (in0 + d1d2)[0];
        const int32_t t = d1d2 + 1;
        (out + t * 8)[0] = (in0 + t)[0];
        const int32_t t_1 = d1d2 + 2;
        (out + t_1 * 8)[0] = (in0 + t_1)[0];
    }
}

// QuantizeLinear_t14
// map: 1x8x9x9 i8 -> 1x9x9x8 i8
// planned: 1131 cycles
static DM_STEP void depthwise_int8_00_quantizelinear_t14(int32_t core) {
    int8_t *in0_tile = (int8_t *)(depthwise_int8_l1 + 648);
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, depthwise_int8_input_0, 648u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    depthwise_int8_map_1(in0_tile + core * 81, (int8_t *)depthwise_int8_l1 + core);
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

static DM_KERNEL void depthwise_int8_conv_1(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, int8_t *restrict out) {
    for (int32_t o0 = 0; o0 < 7; o0++) {
        const int8_t *restrict x = in0 + o0 * 72;
        int8_t *restrict y = out + o0 * 56;
        for (int32_t o1 = 0; o1 < 7; o1 += 2) {
            const int8_t *restrict x_1 = x + o1 * 8;
            int8_t *restrict y_1 = y + o1 * 8;
            const int32_t t = 7 - o1 - 1;
            const int32_t min = 1 < t ? 1 : t;
            int32_t acc00 = 0;
            int32_t acc01 = 0;
            const int32_t t_1 = min * 8;
            for (int32_t k0 = 0; k0 < 3; k0++) {
                const int8_t *restrict x_2 = x_1 + k0 * 72;
                const int8_t *restrict w = in1 + k0 * 3;
                const int32_t w_value = w[0];
                acc00 = dm_xpulpv2_p_mac(x_2[0], w_value, acc00);
                acc01 = dm_xpulpv2_p_mac(x_2[t_1], w_value, acc01);
                const int32_t w_value_1 = w[1];
                acc00 = dm_xpulpv2_p_mac(x_2[8], w_value_1, acc00);
                acc01 = dm_xpulpv2_p_mac(x_2[8 + t_1], w_value_1, acc01);
                const int32_t w_value_2 = w[2];
                acc00 = dm_xpulpv2_p_mac(x_2[16], w_value_2, acc00);
                acc01 = dm_xpulpv2_p_mac(x_2[16 + t_1], w_value_2, acc01);
            }
            const int32_t extra0_value = extra0[0];
            const int32_t extra1_value = extra1[0];
            const int32_t t_2 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00
                    + (uint32_t)extra0_value) * (uint64_t)extra1_value + 137438953472ull) >> 38));
            y_1[0] = (int8_t)t_2;
            const int32_t t_3 = dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01
                    + (uint32_t)extra0_value) * (uint64_t)extra1_value + 137438953472ull) >> 38));
            y_1[min * 8] = (int8_t)t_3;
        }
    }
}

// QuantizeLinear_t14
// conv: 1x9x9x8 i8 x 8x3x3x1 i8 -> 1x7x7x8 i8
// planned: 3497 cycles
static DM_STEP void depthwise_int8_01_quantizelinear_t14(int32_t core) {
    int8_t *in1_tile = (int8_t *)(depthwise_int8_l1 + 1040);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, depthwise_int8_weight_t5_cl, 72u, 0u, NULL);
    }
    int32_t *extra0_tile = (int32_t *)(depthwise_int8_l1 + 1112);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile,
                depthwise_int8_weight_t5_zero_point_sum, 32u, 0u, NULL);
    }
    int32_t *extra1_tile = (int32_t *)(depthwise_int8_l1 + 1144);
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_in(DM_DMA_MCHAN, extra1_tile,
                depthwise_int8_weight_QuantizeLinear_t14_requantization, 32u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_dma_wait(DM_DMA_MCHAN, token_2);
    dm_barrier();
    depthwise_int8_conv_1((int8_t *)depthwise_int8_l1 + core, in1_tile + core * 9, extra0_tile +
            core, extra1_tile + core, (int8_t *)(depthwise_int8_l1 + 648) + core);
}

static DM_KERNEL void depthwise_int8_map_2(const int8_t *restrict in0, int8_t *restrict out) {
    for (int32_t d2d3 = 0; d2d3 < 49; d2d3++) {
        (out + d2d3)[0] = (in0 + d2d3 * 8)[0];
    }
}

// QuantizeLinear_t14
// map: 1x7x7x8 i8 -> 1x8x7x7 i8
// planned: 980 cycles
static DM_STEP void depthwise_int8_02_quantizelinear_t14(int32_t core) {
    int8_t *out_tile = (int8_t *)depthwise_int8_l1;
    dm_barrier();
    depthwise_int8_map_2((int8_t *)(depthwise_int8_l1 + 648) + core, out_tile + core * 49);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_out(DM_DMA_MCHAN, depthwise_int8_output_0, out_tile, 392u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
}

static void depthwise_int8_cluster(void) {
    const uint32_t t = dm_core_id();
    const int32_t core = (int32_t)t;
    depthwise_int8_00_quantizelinear_t14(core);
    depthwise_int8_01_quantizelinear_t14(core);
    depthwise_int8_02_quantizelinear_t14(core);
}

void depthwise_int8_run(void) {
    dm_cluster_run(depthwise_int8_cluster);
}
