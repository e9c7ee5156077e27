#include <stddef.h>
#include <stdint.h>
#include "pointwise_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "pointwise_int8_weights.h"
#include "neureka.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t pointwise_int8_l1[1720];
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
    int8_t *in0_tile = (int8_t *)pointwise_int8_l1;
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, pointwise_int8_input_0, 400u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    pointwise_int8_map_1(in0_tile + core * 50, (int8_t *)(pointwise_int8_l1 + 800) + core * 2);
}

static DM_KERNEL dm_job pointwise_int8_conv_1(const int8_t *in0, const uint8_t *in1, int32_t *out) {
    dm_neureka_job job = dm_neureka_1x1(5, 5, 16, 8);
    dm_neureka_job *t = &job;
    dm_neureka_input(t, in0, 16, 80, 1);
    dm_neureka_weights(t, in1, 32);
    dm_neureka_output(t, out, 32, 160);
    dm_neureka_sums(t);
    return dm_neureka_start(t);
}

static DM_KERNEL void pointwise_int8_map_2(const int32_t *restrict in0, const int32_t *restrict in1,
        const int32_t *restrict in2, int8_t *restrict out) {
    for (int32_t d1d2 = 0; d1d2 < 25; d1d2++) {
        const int32_t t = (int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)(in0 + d1d2 * 8)[0] +
                (uint32_t)in1[0]) * (uint64_t)in2[0] + 137438953472ull) >> 38);
        const int32_t max = t > -128 ? t : -128;
        (out + d1d2 * 8)[0] = (int8_t)(max < 127 ? max : 127);
    }
}

// QuantizeLinear_t14
// conv: 1x5x5x16 i8 x 8x32 ui8 -> 1x5x5x8 i8
// planned: 2030 cycles
static DM_STEP void pointwise_int8_01_quantizelinear_t14(int32_t core) {
    int8_t *in0 = (int8_t *)(pointwise_int8_l1 + 800);
    uint8_t *in1_tile = pointwise_int8_l1 + 1200;
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, pointwise_int8_weight_t5_cl_packed, 256u,
                0u, NULL);
    }
    int32_t *extra0_tile = (int32_t *)(pointwise_int8_l1 + 1656);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, extra0_tile,
                pointwise_int8_weight_t5_zero_point_sum, 32u, 0u, NULL);
    }
    int32_t *extra1_tile = (int32_t *)(pointwise_int8_l1 + 1688);
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_in(DM_DMA_MCHAN, extra1_tile,
                pointwise_int8_weight_QuantizeLinear_t14_requantization, 32u, 0u, NULL);
    }
    int32_t *sums = (int32_t *)pointwise_int8_l1;
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_job job = DM_NO_JOB;
    if (core == 0) {
        job = pointwise_int8_conv_1(in0, in1_tile, sums);
    }
    dm_neureka_wait(job);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_dma_wait(DM_DMA_MCHAN, token_2);
    dm_barrier();
    pointwise_int8_map_2(sums + core, extra0_tile + core, extra1_tile + core,
            (int8_t *)(pointwise_int8_l1 + 1456) + core);
}

static DM_KERNEL void pointwise_int8_map_3(const int8_t *restrict in0, int8_t *restrict out) {
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
    pointwise_int8_map_3((int8_t *)(pointwise_int8_l1 + 1456) + core, out_tile + core * 25);
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
