#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "conv_int8_tiled.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "conv_int8_tiled_weights.h"

static DM_L2_NOINIT DM_ALIGN(8) uint8_t conv_int8_tiled_l2[6176];
static DM_L1_NOINIT DM_ALIGN(8) uint8_t conv_int8_tiled_l1[976];
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

static DM_KERNEL void conv_int8_tiled_conv_1(const int8_t *restrict in0, const int8_t *restrict in1,
        const int32_t *restrict extra0, const int32_t *restrict extra1, int8_t *restrict out,
        int32_t size4_2) {
    for (int32_t o0 = 0; o0 < 2; o0++) {
        const int8_t *restrict x = in0 + o0 * 96;
        int8_t *restrict y = out + o0 * 88;
        for (int32_t o1 = 0; o1 < size4_2; o1 += 2) {
            const int8_t *restrict x_1 = x + o1 * 4;
            int8_t *restrict y_1 = y + o1 * 4;
            const int32_t t = size4_2 - o1 - 1;
            const int32_t min = 1 < t ? 1 : t;
            int32_t acc00 = 0;
            int32_t acc01 = 0;
            int32_t acc10 = 0;
            int32_t acc11 = 0;
            int32_t acc20 = 0;
            int32_t acc21 = 0;
            int32_t acc30 = 0;
            int32_t acc31 = 0;
            const int32_t t_1 = min * 4;
            for (int32_t k0 = 0; k0 < 3; k0++) {
                const int8_t *restrict x0 = x_1 + k0 * 96;
                const int8_t *restrict w0 = in1 + k0 * 12;
                const int8_t *restrict x1 = x0 + t_1;
                const int8_t *restrict w1 = w0 + 36;
                const int8_t *restrict w2 = w0 + 72;
                const int8_t *restrict w3 = w0 + 108;
                _Pragma("GCC unroll 1")
                for (int32_t k1c = 0; k1c < 12; k1c += 2) {
                    const int32_t x0_value = x0[k1c];
                    const int32_t w0_value = w0[k1c];
                    acc00 += x0_value * w0_value;
                    const int32_t x1_value = x1[k1c];
                    acc01 += x1_value * w0_value;
                    const int32_t w1_value = w1[k1c];
                    acc10 += x0_value * w1_value;
                    acc11 += x1_value * w1_value;
                    const int32_t w2_value = w2[k1c];
                    acc20 += x0_value * w2_value;
                    acc21 += x1_value * w2_value;
                    const int32_t w3_value = w3[k1c];
                    acc30 += x0_value * w3_value;
                    acc31 += x1_value * w3_value;
                    const int32_t x0_value_1 = x0[k1c + 1];
                    const int32_t w0_value_1 = w0[k1c + 1];
                    acc00 += x0_value_1 * w0_value_1;
                    const int32_t x1_value_1 = x1[k1c + 1];
                    acc01 += x1_value_1 * w0_value_1;
                    const int32_t w1_value_1 = w1[k1c + 1];
                    acc10 += x0_value_1 * w1_value_1;
                    acc11 += x1_value_1 * w1_value_1;
                    const int32_t w2_value_1 = w2[k1c + 1];
                    acc20 += x0_value_1 * w2_value_1;
                    acc21 += x1_value_1 * w2_value_1;
                    const int32_t w3_value_1 = w3[k1c + 1];
                    acc30 += x0_value_1 * w3_value_1;
                    acc31 += x1_value_1 * w3_value_1;
                }
            }
            const int32_t t_2 = min * 4;
            const int32_t extra0_value = extra0[0];
            const int32_t extra1_value = extra1[0];
            const int32_t t_3 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc00 +
                    (uint32_t)extra0_value) * (uint64_t)extra1_value + 1099511627776ull) >> 41);
            const int32_t max = t_3 > -128 ? t_3 : -128;
            y_1[0] = (int8_t)(max < 127 ? max : 127);
            const int32_t t_4 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc01 +
                    (uint32_t)extra0_value) * (uint64_t)extra1_value + 1099511627776ull) >> 41);
            const int32_t max_1 = t_4 > -128 ? t_4 : -128;
            y_1[t_2] = (int8_t)(max_1 < 127 ? max_1 : 127);
            const int32_t extra0_value_1 = extra0[1];
            const int32_t extra1_value_1 = extra1[1];
            const int32_t t_5 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc10 +
                    (uint32_t)extra0_value_1) * (uint64_t)extra1_value_1 + 1099511627776ull) >> 41);
            const int32_t max_2 = t_5 > -128 ? t_5 : -128;
            y_1[1] = (int8_t)(max_2 < 127 ? max_2 : 127);
            const int32_t t_6 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc11 +
                    (uint32_t)extra0_value_1) * (uint64_t)extra1_value_1 + 1099511627776ull) >> 41);
            const int32_t max_3 = t_6 > -128 ? t_6 : -128;
            y_1[1 + t_2] = (int8_t)(max_3 < 127 ? max_3 : 127);
            const int32_t extra0_value_2 = extra0[2];
            const int32_t extra1_value_2 = extra1[2];
            const int32_t t_7 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc20 +
                    (uint32_t)extra0_value_2) * (uint64_t)extra1_value_2 + 1099511627776ull) >> 41);
            const int32_t max_4 = t_7 > -128 ? t_7 : -128;
            y_1[2] = (int8_t)(max_4 < 127 ? max_4 : 127);
            const int32_t t_8 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc21 +
                    (uint32_t)extra0_value_2) * (uint64_t)extra1_value_2 + 1099511627776ull) >> 41);
            const int32_t max_5 = t_8 > -128 ? t_8 : -128;
            y_1[2 + t_2] = (int8_t)(max_5 < 127 ? max_5 : 127);
            const int32_t extra0_value_3 = extra0[3];
            const int32_t extra1_value_3 = extra1[3];
            const int32_t t_9 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc30 +
                    (uint32_t)extra0_value_3) * (uint64_t)extra1_value_3 + 1099511627776ull) >> 41);
            const int32_t max_6 = t_9 > -128 ? t_9 : -128;
            y_1[3] = (int8_t)(max_6 < 127 ? max_6 : 127);
            const int32_t t_10 = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc31 +
                    (uint32_t)extra0_value_3) * (uint64_t)extra1_value_3 + 1099511627776ull) >> 41);
            const int32_t max_7 = t_10 > -128 ? t_10 : -128;
            y_1[3 + t_2] = (int8_t)(max_7 < 127 ? max_7 : 127);
        }
    }
}

// QuantizeLinear_t14
// conv: 1x24x24x4 i8 x 8x3x3x4 i8 -> 1x22x22x8 i8; 22 tiles: m 8 by 4, o0 22 by 2
// planned: 118836 cycles
static DM_STEP void conv_int8_tiled_01_quantizelinear_t14(int32_t core) {
    int8_t *in0 = (int8_t *)(conv_int8_tiled_l2 + 3872);
    int8_t *out = (int8_t *)conv_int8_tiled_l2;
    dm_token token = DM_NO_TOKEN;
    dm_token token_1 = DM_NO_TOKEN;
    for (int32_t tile = 0; tile < 22; tile++) {
        const int32_t t = tile / 11;
        const int32_t m_start = t * 4;
        const int32_t t_1 = tile % 11;
        int8_t *in0_part = in0 + t_1 * 192;
        int8_t *in0_tile = (int8_t *)conv_int8_tiled_l1;
        dm_token token_2 = DM_NO_TOKEN;
        if (core == 0) {
            token_2 = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, in0_part, 384u, 0u, NULL);
        }
        const int8_t *in1_part = conv_int8_tiled_weight_t5_cl + t * 144;
        int8_t *in1_tile = (int8_t *)(conv_int8_tiled_l1 + 736);
        const bool test = t_1 == 0;
        dm_token token_3 = DM_NO_TOKEN;
        if (core == 0 && test) {
            token_3 = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, in1_part, 144u, 0u, NULL);
        }
        const int32_t *extra0_part = conv_int8_tiled_weight_t5_zero_point_sum + m_start;
        int32_t *extra0_tile = (int32_t *)(conv_int8_tiled_l1 + 880);
        dm_token token_4 = DM_NO_TOKEN;
        if (core == 0 && test) {
            token_4 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile, extra0_part, 16u, 0u, NULL);
        }
        const int32_t *extra1_part = conv_int8_tiled_weight_QuantizeLinear_t14_requantization +
                m_start;
        int32_t *extra1_tile = (int32_t *)(conv_int8_tiled_l1 + 896);
        dm_token token_5 = DM_NO_TOKEN;
        if (core == 0 && test) {
            token_5 = dm_dma_start_in(DM_DMA_MCHAN, extra1_tile, extra1_part, 16u, 0u, NULL);
        }
        int8_t *out_part = out + (t_1 * 352 + m_start);
        int8_t *out_tile = (int8_t *)(conv_int8_tiled_l1 + (tile % 2 == 1 ? 560 : 384));
        dm_dma_wait(DM_DMA_MCHAN, token);
        dm_dma_wait(DM_DMA_MCHAN, token_2);
        dm_dma_wait(DM_DMA_MCHAN, token_3);
        dm_dma_wait(DM_DMA_MCHAN, token_4);
        dm_dma_wait(DM_DMA_MCHAN, token_5);
        dm_barrier();
        const int32_t t_2 = core * 22 / 8;
        conv_int8_tiled_conv_1(in0_tile + t_2 * 4, in1_tile, extra0_tile, extra1_tile, out_tile +
                t_2 * 4, (core + 1) * 22 / 8 - t_2);
        dm_barrier();
        dm_token token_6 = DM_NO_TOKEN;
        if (core == 0) {
            const dm_dma_dim dims[1] = {{44u, 8, 4}};
            token_6 = dm_dma_start_out(DM_DMA_MCHAN, out_part, out_tile, 4u, 1u, dims);
        }
        token = token_1;
        token_1 = token_6;
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
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
