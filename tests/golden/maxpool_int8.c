#include <stddef.h>
#include <stdint.h>
#include "maxpool_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t maxpool_int8_l1[1024];
DM_L2_NOINIT DM_ALIGN(4) int8_t maxpool_int8_input_0[512];
DM_L2_NOINIT DM_ALIGN(4) int8_t maxpool_int8_output_0[128];

static DM_KERNEL void maxpool_int8_map_1(const int8_t *restrict in0, int8_t *restrict out) {
    for (int32_t d2 = 0; d2 < 8; d2++) {
        const int8_t *restrict x = in0 + d2;
        int8_t *restrict y = out + d2 * 8;
        for (int32_t d3 = 0; d3 < 8; d3 += 4) {
            (y + d3)[0] = (x + d3 * 64)[0];
            const int32_t t = d3 + 1;
            (y + t)[0] = (x + t * 64)[0];
            const int32_t t_1 = d3 + 2;
            (y + t_1)[0] = (x + t_1 * 64)[0];
            const int32_t t_2 = d3 + 3;
            (y + t_2)[0] = (x + t_2 * 64)[0];
        }
    }
}

// MaxPool_t5
// map: 1x8x8x8 i8 -> 1x8x8x8 i8
// planned: 1051 cycles
static DM_STEP void maxpool_int8_00_maxpool_t5(int32_t core) {
    int8_t *in0_tile = (int8_t *)(maxpool_int8_l1 + 512);
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, maxpool_int8_input_0, 512u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    maxpool_int8_map_1(in0_tile + core * 8, (int8_t *)maxpool_int8_l1 + core * 64);
}

static DM_KERNEL void maxpool_int8_pool_1(const int8_t *restrict in0, int8_t *restrict out) {
    for (int32_t o0 = 0; o0 < 4; o0++) {
        const int8_t *restrict x = in0 + o0 * 128;
        int8_t *restrict y = out + o0 * 32;
        int8_t acc00 = -128;
        int8_t acc10 = -128;
        int8_t acc20 = -128;
        int8_t acc30 = -128;
        for (int32_t k0 = 0; k0 < 2; k0++) {
            const int8_t *restrict x_1 = x + k0 * 64;
            const int8_t x_value = x_1[0];
            acc00 = acc00 > x_value ? acc00 : x_value;
            const int8_t x_value_1 = x_1[16];
            acc10 = acc10 > x_value_1 ? acc10 : x_value_1;
            const int8_t x_value_2 = x_1[32];
            acc20 = acc20 > x_value_2 ? acc20 : x_value_2;
            const int8_t x_value_3 = x_1[48];
            acc30 = acc30 > x_value_3 ? acc30 : x_value_3;
            const int8_t x_value_4 = x_1[8];
            acc00 = acc00 > x_value_4 ? acc00 : x_value_4;
            const int8_t x_value_5 = x_1[24];
            acc10 = acc10 > x_value_5 ? acc10 : x_value_5;
            const int8_t x_value_6 = x_1[40];
            acc20 = acc20 > x_value_6 ? acc20 : x_value_6;
            const int8_t x_value_7 = x_1[56];
            acc30 = acc30 > x_value_7 ? acc30 : x_value_7;
        }
        y[0] = acc00;
        y[8] = acc10;
        y[16] = acc20;
        y[24] = acc30;
    }
}

// MaxPool_t5
// pool: 1x8x8x8 i8 -> 1x4x4x8 i8
// planned: 923 cycles
static DM_STEP void maxpool_int8_01_maxpool_t5(int32_t core) {
    dm_barrier();
    maxpool_int8_pool_1((int8_t *)maxpool_int8_l1 + core, (int8_t *)(maxpool_int8_l1 + 512) + core);
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

static DM_KERNEL void maxpool_int8_map_2(const int8_t *restrict in0, int8_t *restrict out) {
    for (int32_t d2d3 = 0; d2d3 < 16; d2d3++) {
        (out + d2d3)[0] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((uint32_t)(in0 + d2d3 * 8)[0] *
                10682296u + 4273602704u + 4194304u) >> 23);
    }
}

// QuantizeLinear_t8
// map: 1x4x4x8 i8 -> 1x8x4x4 i8
// planned: 921 cycles
static DM_STEP void maxpool_int8_02_quantizelinear_t8(int32_t core) {
    int8_t *out_tile = (int8_t *)maxpool_int8_l1;
    dm_barrier();
    maxpool_int8_map_2((int8_t *)(maxpool_int8_l1 + 512) + core, out_tile + core * 16);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_out(DM_DMA_MCHAN, maxpool_int8_output_0, out_tile, 128u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
}

static void maxpool_int8_cluster(void) {
    const uint32_t t = dm_core_id();
    const int32_t core = (int32_t)t;
    maxpool_int8_00_maxpool_t5(core);
    maxpool_int8_01_maxpool_t5(core);
    maxpool_int8_02_quantizelinear_t8(core);
}

void maxpool_int8_run(void) {
    dm_cluster_run(maxpool_int8_cluster);
}
