#include <stddef.h>
#include <stdint.h>
#include "averagepool_int8.h"
#include "deeploy/platform.h"
#include "dm_math.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t averagepool_int8_l1[1960];
DM_L2_NOINIT DM_ALIGN(4) int8_t averagepool_int8_input_0[392];
DM_L2_NOINIT DM_ALIGN(4) int8_t averagepool_int8_output_0[8];

static DM_KERNEL void averagepool_int8_map_1(const int8_t *restrict in0, int32_t *restrict out) {
    for (int32_t d2d3 = 0; d2d3 < 49; d2d3++) {
        (out + d2d3)[0] = (in0 + d2d3)[0];
    }
}

// QuantizeLinear_t8
// map: 1x8x7x7 i8 -> 1x8x7x7 i32
// planned: 980 cycles
static DM_STEP void averagepool_int8_00_quantizelinear_t8(int32_t core) {
    int8_t *in0_tile = (int8_t *)(averagepool_int8_l1 + 1568);
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, averagepool_int8_input_0, 392u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    averagepool_int8_map_1(in0_tile + core * 49, (int32_t *)averagepool_int8_l1 + core * 49);
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

static DM_KERNEL void averagepool_int8_reduce_1(const int32_t *restrict in0, int8_t *restrict out) {
    int32_t acc = 0;
    _Pragma("GCC unroll 1")
    for (int32_t d2d3 = 0; d2d3 < 49; d2d3++) {
        acc = (int32_t)((uint32_t)acc + (uint32_t)in0[d2d3]);
    }
    out[0] = (int8_t)dm_xpulpv2_p_clip_8((int32_t)((int64_t)((uint64_t)(int32_t)((uint32_t)acc -
            98u) * 1143141537ull + 148176371712ull) >> 32));
}

// QuantizeLinear_t8
// reduce: 1x8x7x7 i32 -> 1x8 i8
// planned: 929 cycles
static DM_STEP void averagepool_int8_01_quantizelinear_t8(int32_t core) {
    int8_t *out_tile = (int8_t *)(averagepool_int8_l1 + 1568);
    dm_barrier();
    averagepool_int8_reduce_1((int32_t *)averagepool_int8_l1 + core * 49, out_tile + core);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        token = dm_dma_start_out(DM_DMA_MCHAN, averagepool_int8_output_0, out_tile, 8u, 0u, NULL);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
}

static void averagepool_int8_cluster(void) {
    const uint32_t t = dm_core_id();
    const int32_t core = (int32_t)t;
    averagepool_int8_00_quantizelinear_t8(core);
    averagepool_int8_01_quantizelinear_t8(core);
}

void averagepool_int8_run(void) {
    dm_cluster_run(averagepool_int8_cluster);
}
