#include <stddef.h>
#include <stdint.h>
#include "sigmoid_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "sigmoid_int8_weights.h"

static DM_L1 DM_ALIGN(8) uint8_t sigmoid_int8_l1[1256];
DM_L2_NOINIT DM_ALIGN(4) int8_t sigmoid_int8_input_0[200];
DM_L2_NOINIT DM_ALIGN(4) int8_t sigmoid_int8_output_0[200];

static DM_KERNEL void sigmoid_int8_map_1(const int8_t *restrict in0, int32_t *restrict out,
        int32_t size1_1) {
    for (int32_t d0 = 0; d0 < 4; d0++) {
        const int8_t *restrict x = in0 + d0 * 50;
        int32_t *restrict y = out + d0 * 50;
        const int32_t t = size1_1 / 4 * 4;
        for (int32_t d1 = 0; d1 < t; d1 += 4) {
            const int32_t x_value = (x + d1)[0];
            const int32_t t_1 = x_value < 0 ? (int32_t)((uint32_t)x_value + 256u) : x_value;
            const int32_t max = t_1 > 0 ? t_1 : 0;
            (y + d1)[0] = max < 255 ? max : 255;
            const int32_t t_2 = d1 + 1;
            const int32_t x_value_1 = (x + t_2)[0];
            const int32_t t_3 = x_value_1 < 0 ? (int32_t)((uint32_t)x_value_1 + 256u) : x_value_1;
            const int32_t max_1 = t_3 > 0 ? t_3 : 0;
            (y + t_2)[0] = max_1 < 255 ? max_1 : 255;
            const int32_t t_4 = d1 + 2;
            const int32_t x_value_2 = (x + t_4)[0];
            const int32_t t_5 = x_value_2 < 0 ? (int32_t)((uint32_t)x_value_2 + 256u) : x_value_2;
            const int32_t max_2 = t_5 > 0 ? t_5 : 0;
            (y + t_4)[0] = max_2 < 255 ? max_2 : 255;
            const int32_t t_6 = d1 + 3;
            const int32_t x_value_3 = (x + t_6)[0];
            const int32_t t_7 = x_value_3 < 0 ? (int32_t)((uint32_t)x_value_3 + 256u) : x_value_3;
            const int32_t max_3 = t_7 > 0 ? t_7 : 0;
            (y + t_6)[0] = max_3 < 255 ? max_3 : 255;
        }
        for (int32_t d1 = t; d1 < size1_1; d1++) {
            const int32_t x_value = (x + d1)[0];
            const int32_t t_1 = x_value < 0 ? (int32_t)((uint32_t)x_value + 256u) : x_value;
            const int32_t max = t_1 > 0 ? t_1 : 0;
            (y + d1)[0] = max < 255 ? max : 255;
        }
    }
}

// QuantizeLinear_t8
// map: 4x50 i8 -> 4x50 i32
// planned: 1187 cycles
static DM_STEP void sigmoid_int8_00_quantizelinear_t8(int32_t core) {
    int8_t *in0_tile = (int8_t *)(sigmoid_int8_l1 + 800);
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(in0_tile, sigmoid_int8_input_0, 200u, 0u, NULL);
    }
    dm_dma_wait(token);
    dm_barrier();
    const int32_t t = core * 50 / 8;
    sigmoid_int8_map_1(in0_tile + t, (int32_t *)sigmoid_int8_l1 + t, (core + 1) * 50 / 8 - t);
}

static DM_KERNEL void sigmoid_int8_map_2(const int8_t *restrict in0, const int32_t *restrict in1,
        int8_t *restrict out, int32_t size2_1) {
    for (int32_t d0 = 0; d0 < 4; d0++) {
        const int32_t *restrict w = in1 + d0 * 50;
        int8_t *restrict y = out + d0 * 50;
        const int32_t t = size2_1 / 4 * 4;
        for (int32_t d1 = 0; d1 < t; d1 += 4) {
            (y + d1)[0] = in0[(w + d1)[0]];
            const int32_t t_1 = d1 + 1;
            (y + t_1)[0] = in0[(w + t_1)[0]];
            const int32_t t_2 = d1 + 2;
            (y + t_2)[0] = in0[(w + t_2)[0]];
            const int32_t t_3 = d1 + 3;
            (y + t_3)[0] = in0[(w + t_3)[0]];
        }
        for (int32_t d1 = t; d1 < size2_1; d1++) {
            (y + d1)[0] = in0[(w + d1)[0]];
        }
    }
}

// QuantizeLinear_t8
// map: 256 i8 x 4x50 i32 -> 4x50 i8
// planned: 1073 cycles
static DM_STEP void sigmoid_int8_01_quantizelinear_t8(int32_t core) {
    int8_t *in0_tile = (int8_t *)(sigmoid_int8_l1 + 800);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(in0_tile, sigmoid_int8_weight_QuantizeLinear_t8_table, 256u, 0u,
                NULL);
    }
    int8_t *out_tile = (int8_t *)(sigmoid_int8_l1 + 1056);
    dm_dma_wait(token);
    dm_barrier();
    const int32_t t = core * 50 / 8;
    sigmoid_int8_map_2(in0_tile, (int32_t *)sigmoid_int8_l1 + t, out_tile + t, (core + 1) * 50 / 8 -
            t);
    dm_barrier();
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_out(sigmoid_int8_output_0, out_tile, 200u, 0u, NULL);
    }
    dm_dma_wait(token_1);
}

static void sigmoid_int8_cluster(void) {
    const uint32_t t = dm_core_id();
    const int32_t core = (int32_t)t;
    sigmoid_int8_00_quantizelinear_t8(core);
    sigmoid_int8_01_quantizelinear_t8(core);
}

void sigmoid_int8_run(void) {
    dm_cluster_run(sigmoid_int8_cluster);
}
