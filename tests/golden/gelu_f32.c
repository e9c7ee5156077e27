#include <stddef.h>
#include <stdint.h>
#include "gelu_f32.h"
#include "deeploy/platform.h"
#include "dm_math.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t gelu_f32_l1[1600];
DM_L2_NOINIT DM_ALIGN(4) float gelu_f32_input_0[200];
DM_L2_NOINIT DM_ALIGN(4) float gelu_f32_output_0[200];

static DM_KERNEL void gelu_f32_map_1(const float *restrict in0, float *restrict out) {
    for (int32_t d1 = 0; d1 < 25; d1++) {
        const float x_value = (in0 + d1)[0];
        (out + d1)[0] = 0.5f * x_value * (1.0f + dm_erff(x_value * 0.70710677f));
    }
}

// Gelu_0
// map: 4x50 f32 -> 4x50 f32
// planned: 3918 cycles
static DM_STEP void gelu_f32_00_gelu_0(int32_t core) {
    float *in0_tile = (float *)gelu_f32_l1;
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, gelu_f32_input_0, 800u, 0u, NULL);
    }
    float *out_tile = (float *)(gelu_f32_l1 + 800);
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    const int32_t t = core / 2;
    const int32_t t_1 = core % 2 * 25;
    gelu_f32_map_1(in0_tile + (t * 50 + t_1), out_tile + (t * 50 + t_1));
    dm_barrier();
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_out(DM_DMA_MCHAN, gelu_f32_output_0, out_tile, 800u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token_1);
}

static void gelu_f32_cluster(void) {
    const uint32_t t = dm_core_id();
    gelu_f32_00_gelu_0((int32_t)t);
}

void gelu_f32_run(void) {
    dm_cluster_run(gelu_f32_cluster);
}
