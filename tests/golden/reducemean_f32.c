#include <stddef.h>
#include <stdint.h>
#include "reducemean_f32.h"
#include "deeploy/platform.h"
#include "dm_math.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t reducemean_f32_l1[1312];
DM_L2_NOINIT DM_ALIGN(4) float reducemean_f32_input_0[320];
DM_L2_NOINIT DM_ALIGN(4) float reducemean_f32_output_0[8];

static DM_KERNEL void reducemean_f32_reduce_1(const float *restrict in0, float *restrict out) {
    float acc = 0.0f;
    float acc_1 = 0.0f;
    float acc_2 = 0.0f;
    float acc_3 = 0.0f;
    acc += in0[0];
    acc_1 += in0[1];
    acc_2 += in0[2];
    acc_3 += in0[3];
    acc += in0[4];
    acc_1 += in0[5];
    acc_2 += in0[6];
    acc_3 += in0[7];
    acc += in0[8];
    acc_1 += in0[9];
    acc_2 += in0[10];
    acc_3 += in0[11];
    acc += in0[12];
    acc_1 += in0[13];
    acc_2 += in0[14];
    acc_3 += in0[15];
    acc += in0[16];
    acc_1 += in0[17];
    acc_2 += in0[18];
    acc_3 += in0[19];
    acc += in0[20];
    acc_1 += in0[21];
    acc_2 += in0[22];
    acc_3 += in0[23];
    acc += in0[24];
    acc_1 += in0[25];
    acc_2 += in0[26];
    acc_3 += in0[27];
    acc += in0[28];
    acc_1 += in0[29];
    acc_2 += in0[30];
    acc_3 += in0[31];
    acc += in0[32];
    acc_1 += in0[33];
    acc_2 += in0[34];
    acc_3 += in0[35];
    acc += in0[36];
    acc_1 += in0[37];
    acc_2 += in0[38];
    acc_3 += in0[39];
    out[0] = (acc + acc_1 + (acc_2 + acc_3)) / 40.0f;
}

// ReduceMean_0
// reduce: 8x40 f32 -> 8 f32
// planned: 1180 cycles
static DM_STEP void reducemean_f32_00_reducemean_0(int32_t core) {
    float *in0_tile = (float *)reducemean_f32_l1;
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, reducemean_f32_input_0, 1280u, 0u, NULL);
    }
    float *out_tile = (float *)(reducemean_f32_l1 + 1280);
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    reducemean_f32_reduce_1(in0_tile + core * 40, out_tile + core);
    dm_barrier();
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_out(DM_DMA_MCHAN, reducemean_f32_output_0, out_tile, 32u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token_1);
}

static void reducemean_f32_cluster(void) {
    const uint32_t t = dm_core_id();
    reducemean_f32_00_reducemean_0((int32_t)t);
}

void reducemean_f32_run(void) {
    dm_cluster_run(reducemean_f32_cluster);
}
