#include <stddef.h>
#include <stdint.h>
#include "add_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t add_int8_l1[600];
DM_L2_NOINIT DM_ALIGN(4) int8_t add_int8_input_0[200];
DM_L2_NOINIT DM_ALIGN(4) int8_t add_int8_input_1[200];
DM_L2_NOINIT DM_ALIGN(4) int8_t add_int8_output_0[200];

static inline __attribute__((unused)) int32_t dm_xpulpv2_p_min(int32_t a, int32_t b) {
    int32_t result;
#if defined(__riscv) && __riscv_xlen == 32
    __asm__(".insn r 0x33, 4, 0x2, %[d], %[a], %[b]" : [d] "=&r"(result) : [a] "r"(a), [b] "r"(b));
#else
    result = a < b ? a : b;
#endif
    return result;
}

static DM_KERNEL void add_int8_map_1(const int8_t *restrict in0, const int8_t *restrict in1,
        int8_t *restrict out) {
    for (int32_t d1 = 0; d1 < 25; d1++) {
        const int8_t t = (int8_t)dm_xpulpv2_p_min((int32_t)((uint32_t)(in0 + d1)[0] * 5223416u +
                (uint32_t)(in1 + d1)[0] * 481523u + 454170670u + 4194304u) >> 23, 127);
        (out + d1)[0] = t;
    }
}

// QuantizeLinear_t12
// map: 4x50 i8 x 4x50 i8 -> 4x50 i8
// planned: 1420 cycles
static DM_STEP void add_int8_00_quantizelinear_t12(int32_t core) {
    int8_t *in0_tile = (int8_t *)add_int8_l1;
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, add_int8_input_0, 200u, 0u, NULL);
    }
    int8_t *in1_tile = (int8_t *)(add_int8_l1 + 200);
    dm_token token_1 = DM_NO_TOKEN;
    if (core == 0) {
        token_1 = dm_dma_start_in(DM_DMA_MCHAN, in1_tile, add_int8_input_1, 200u, 0u, NULL);
    }
    int8_t *out_tile = (int8_t *)(add_int8_l1 + 400);
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_dma_wait(DM_DMA_MCHAN, token_1);
    dm_barrier();
    const int32_t t = core / 2;
    const int32_t t_1 = core % 2 * 25;
    add_int8_map_1(in0_tile + (t * 50 + t_1), in1_tile + (t * 50 + t_1), out_tile + (t * 50 + t_1));
    dm_barrier();
    dm_token token_2 = DM_NO_TOKEN;
    if (core == 0) {
        token_2 = dm_dma_start_out(DM_DMA_MCHAN, add_int8_output_0, out_tile, 200u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token_2);
}

static void add_int8_cluster(void) {
    const uint32_t t = dm_core_id();
    add_int8_00_quantizelinear_t12((int32_t)t);
}

void add_int8_run(void) {
    dm_cluster_run(add_int8_cluster);
}
