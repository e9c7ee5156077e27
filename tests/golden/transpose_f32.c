#include <stddef.h>
#include <stdint.h>
#include "transpose_f32.h"
#include "deeploy/platform.h"
#include "dm_math.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t transpose_f32_l1[960];
DM_L2_NOINIT DM_ALIGN(4) float transpose_f32_input_0[120];
DM_L2_NOINIT DM_ALIGN(4) float transpose_f32_output_0[120];

static DM_KERNEL void transpose_f32_map_1(const float *restrict in0, float *restrict out) {
    for (int32_t d1d2 = 0; d1d2 < 15; d1d2 += 3) {
        (out + d1d2)[0] = (in0 + d1d2 * 4)[0];
        const int32_t t = d1d2 + 1;
        (out + t)[0] = (in0 + t * 4)[0];
        const int32_t t_1 = d1d2 + 2;
        (out + t_1)[0] = (in0 + t_1 * 4)[0];
    }
}

// Transpose_0
// map: 6x5x4 f32 -> 4x6x5 f32
// planned: 1046 cycles
static DM_STEP void transpose_f32_00_transpose_0(int32_t core) {
    float *in0_tile = (float *)transpose_f32_l1;
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, transpose_f32_input_0, 480u, 0u, NULL);
    }
    float *out_tile = (float *)(transpose_f32_l1 + 480);
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    const int32_t t = core / 2;
    const int32_t t_1 = core % 2;
    transpose_f32_map_1(in0_tile + (t_1 * 60 + t), out_tile + (t * 30 + t_1 * 15));
    dm_barrier();
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_out(DM_DMA_MCHAN, transpose_f32_output_0, out_tile, 480u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token_1);
}

static void transpose_f32_cluster(void) {
    const uint32_t t = dm_core_id();
    transpose_f32_00_transpose_0((int32_t)t);
}

void transpose_f32_run(void) {
    dm_cluster_run(transpose_f32_cluster);
}
