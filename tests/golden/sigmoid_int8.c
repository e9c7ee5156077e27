#include <stddef.h>
#include <stdint.h>
#include "sigmoid_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "sigmoid_int8_weights.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t sigmoid_int8_l1[1256];
DM_L2_NOINIT DM_ALIGN(4) int8_t sigmoid_int8_input_0[200];
DM_L2_NOINIT DM_ALIGN(4) int8_t sigmoid_int8_output_0[200];

static inline __attribute__((unused)) int32_t dm_xpulpv2_p_clipu_9(int32_t a) {
    int32_t result;
#if defined(__riscv) && __riscv_xlen == 32
    __asm__(".insn r 0x33, 2, 0xa, %[d], %[a], x9" : [d] "=&r"(result) : [a] "r"(a));
#else
    const int32_t max = a > 0 ? a : 0;
    result = max < 255 ? max : 255;
#endif
    return result;
}

static DM_KERNEL void sigmoid_int8_map_1(const int8_t *restrict in0, int32_t *restrict out) {
    for (int32_t d1 = 0; d1 < 25; d1++) {
        const int32_t x_value = (in0 + d1)[0];
        (out + d1)[0] = dm_xpulpv2_p_clipu_9(x_value < 0 ? (int32_t)((uint32_t)x_value + 256u) :
                x_value);
    }
}

// QuantizeLinear_t8
// map: 4x50 i8 -> 4x50 i32
// planned: 1017 cycles
static DM_STEP void sigmoid_int8_00_quantizelinear_t8(int32_t core) {
    int8_t *in0_tile = (int8_t *)(sigmoid_int8_l1 + 800);
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, sigmoid_int8_input_0, 200u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    const int32_t t = core / 2;
    const int32_t t_1 = core % 2 * 25;
    sigmoid_int8_map_1(in0_tile + (t * 50 + t_1), (int32_t *)sigmoid_int8_l1 + (t * 50 + t_1));
}

static DM_KERNEL void sigmoid_int8_map_2(const int8_t *restrict in0, const int32_t *restrict in1,
        int8_t *restrict out) {
    for (int32_t d1 = 0; d1 < 25; d1++) {
        (out + d1)[0] = in0[(in1 + d1)[0]];
    }
}

// QuantizeLinear_t8
// map: 256 i8 x 4x50 i32 -> 4x50 i8
// planned: 1057 cycles
static DM_STEP void sigmoid_int8_01_quantizelinear_t8(int32_t core) {
    int8_t *in0_tile = (int8_t *)(sigmoid_int8_l1 + 800);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, sigmoid_int8_weight_QuantizeLinear_t8_table,
                256u, 0u, NULL);
    }
    int8_t *out_tile = (int8_t *)(sigmoid_int8_l1 + 1056);
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    const int32_t t = core / 2;
    const int32_t t_1 = core % 2 * 25;
    sigmoid_int8_map_2(in0_tile, (int32_t *)sigmoid_int8_l1 + (t * 50 + t_1), out_tile +
            (t * 50 + t_1));
    dm_barrier();
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_out(DM_DMA_MCHAN, sigmoid_int8_output_0, out_tile, 200u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token_1);
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
