#include <stddef.h>
#include <stdint.h>
#include "resize_f32.h"
#include "deeploy/platform.h"
#include "dm_math.h"

static DM_L1_NOINIT DM_ALIGN(8) uint8_t resize_f32_l1[1152];
DM_L2_NOINIT DM_ALIGN(4) float resize_f32_input_0[108];
DM_L2_NOINIT DM_ALIGN(4) float resize_f32_output_0[432];

static DM_KERNEL void resize_f32_map_1(const float *restrict in0, float *restrict out,
        int32_t size1_3) {
    for (int32_t d1 = 0; d1 < 3; d1++) {
        const float *restrict x = in0 + d1 * 6;
        float *restrict y = out + d1 * 72;
        for (int32_t d2 = 0; d2 < 2; d2++) {
            float *restrict y_1 = y + d2 * 6;
            const int32_t t = size1_3 / 4 * 4;
            for (int32_t d3 = 0; d3 < t; d3 += 4) {
                (y_1 + d3)[0] = (x + d3)[0];
                const int32_t t_1 = d3 + 1;
                (y_1 + t_1)[0] = (x + t_1)[0];
                const int32_t t_2 = d3 + 2;
                (y_1 + t_2)[0] = (x + t_2)[0];
                const int32_t t_3 = d3 + 3;
                (y_1 + t_3)[0] = (x + t_3)[0];
            }
            for (int32_t d3 = t; d3 < size1_3; d3++) {
                (y_1 + d3)[0] = (x + d3)[0];
            }
        }
    }
}

// Resize_0
// map: 1x3x6x6 f32 -> 1x3x12x6 f32
// planned: 781 cycles
static DM_STEP void resize_f32_00_resize_0(int32_t core) {
    float *out_part = (float *)resize_f32_l1;
    float *in0_tile = (float *)(resize_f32_l1 + 864);
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        const dm_dma_dim dims[1] = {{3u, 24, 144}};
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, resize_f32_input_0, 24u, 1u, dims);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    const int32_t t = core * 6 / 8;
    const int32_t t_1 = (core + 1) * 6 / 8 - t;
    if (t_1 > 0) {
        resize_f32_map_1(in0_tile + t, out_part + t, t_1);
    }
}

static DM_KERNEL void resize_f32_map_2(const float *restrict in0, float *restrict out,
        int32_t size1_3) {
    for (int32_t d1 = 0; d1 < 3; d1++) {
        const float *restrict x = in0 + d1 * 6;
        float *restrict y = out + d1 * 72;
        for (int32_t d2 = 0; d2 < 2; d2++) {
            float *restrict y_1 = y + d2 * 6;
            const int32_t t = size1_3 / 4 * 4;
            for (int32_t d3 = 0; d3 < t; d3 += 4) {
                (y_1 + d3)[0] = (x + d3)[0];
                const int32_t t_1 = d3 + 1;
                (y_1 + t_1)[0] = (x + t_1)[0];
                const int32_t t_2 = d3 + 2;
                (y_1 + t_2)[0] = (x + t_2)[0];
                const int32_t t_3 = d3 + 3;
                (y_1 + t_3)[0] = (x + t_3)[0];
            }
            for (int32_t d3 = t; d3 < size1_3; d3++) {
                (y_1 + d3)[0] = (x + d3)[0];
            }
        }
    }
}

// Resize_0
// map: 1x3x6x6 f32 -> 1x3x12x6 f32
// planned: 781 cycles
static DM_STEP void resize_f32_01_resize_0(int32_t core) {
    float *in0_part = resize_f32_input_0 + 6;
    float *in0_tile = (float *)(resize_f32_l1 + 864);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        const dm_dma_dim dims[1] = {{3u, 24, 144}};
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, in0_part, 24u, 1u, dims);
    }
    float *out_part = (float *)resize_f32_l1 + 12;
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    const int32_t t = core * 6 / 8;
    const int32_t t_1 = (core + 1) * 6 / 8 - t;
    if (t_1 > 0) {
        resize_f32_map_2(in0_tile + t, out_part + t, t_1);
    }
}

static DM_KERNEL void resize_f32_map_3(const float *restrict in0, float *restrict out,
        int32_t size1_3) {
    for (int32_t d1 = 0; d1 < 3; d1++) {
        const float *restrict x = in0 + d1 * 6;
        float *restrict y = out + d1 * 72;
        for (int32_t d2 = 0; d2 < 2; d2++) {
            float *restrict y_1 = y + d2 * 6;
            const int32_t t = size1_3 / 4 * 4;
            for (int32_t d3 = 0; d3 < t; d3 += 4) {
                (y_1 + d3)[0] = (x + d3)[0];
                const int32_t t_1 = d3 + 1;
                (y_1 + t_1)[0] = (x + t_1)[0];
                const int32_t t_2 = d3 + 2;
                (y_1 + t_2)[0] = (x + t_2)[0];
                const int32_t t_3 = d3 + 3;
                (y_1 + t_3)[0] = (x + t_3)[0];
            }
            for (int32_t d3 = t; d3 < size1_3; d3++) {
                (y_1 + d3)[0] = (x + d3)[0];
            }
        }
    }
}

// Resize_0
// map: 1x3x6x6 f32 -> 1x3x12x6 f32
// planned: 781 cycles
static DM_STEP void resize_f32_02_resize_0(int32_t core) {
    float *in0_part = resize_f32_input_0 + 12;
    float *in0_tile = (float *)(resize_f32_l1 + 864);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        const dm_dma_dim dims[1] = {{3u, 24, 144}};
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, in0_part, 24u, 1u, dims);
    }
    float *out_part = (float *)resize_f32_l1 + 24;
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    const int32_t t = core * 6 / 8;
    const int32_t t_1 = (core + 1) * 6 / 8 - t;
    if (t_1 > 0) {
        resize_f32_map_3(in0_tile + t, out_part + t, t_1);
    }
}

static DM_KERNEL void resize_f32_map_4(const float *restrict in0, float *restrict out,
        int32_t size1_3) {
    for (int32_t d1 = 0; d1 < 3; d1++) {
        const float *restrict x = in0 + d1 * 6;
        float *restrict y = out + d1 * 72;
        for (int32_t d2 = 0; d2 < 2; d2++) {
            float *restrict y_1 = y + d2 * 6;
            const int32_t t = size1_3 / 4 * 4;
            for (int32_t d3 = 0; d3 < t; d3 += 4) {
                (y_1 + d3)[0] = (x + d3)[0];
                const int32_t t_1 = d3 + 1;
                (y_1 + t_1)[0] = (x + t_1)[0];
                const int32_t t_2 = d3 + 2;
                (y_1 + t_2)[0] = (x + t_2)[0];
                const int32_t t_3 = d3 + 3;
                (y_1 + t_3)[0] = (x + t_3)[0];
            }
            for (int32_t d3 = t; d3 < size1_3; d3++) {
                (y_1 + d3)[0] = (x + d3)[0];
            }
        }
    }
}

// Resize_0
// map: 1x3x6x6 f32 -> 1x3x12x6 f32
// planned: 781 cycles
static DM_STEP void resize_f32_03_resize_0(int32_t core) {
    float *in0_part = resize_f32_input_0 + 18;
    float *in0_tile = (float *)(resize_f32_l1 + 864);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        const dm_dma_dim dims[1] = {{3u, 24, 144}};
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, in0_part, 24u, 1u, dims);
    }
    float *out_part = (float *)resize_f32_l1 + 36;
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    const int32_t t = core * 6 / 8;
    const int32_t t_1 = (core + 1) * 6 / 8 - t;
    if (t_1 > 0) {
        resize_f32_map_4(in0_tile + t, out_part + t, t_1);
    }
}

static DM_KERNEL void resize_f32_map_5(const float *restrict in0, float *restrict out,
        int32_t size1_3) {
    for (int32_t d1 = 0; d1 < 3; d1++) {
        const float *restrict x = in0 + d1 * 6;
        float *restrict y = out + d1 * 72;
        for (int32_t d2 = 0; d2 < 2; d2++) {
            float *restrict y_1 = y + d2 * 6;
            const int32_t t = size1_3 / 4 * 4;
            for (int32_t d3 = 0; d3 < t; d3 += 4) {
                (y_1 + d3)[0] = (x + d3)[0];
                const int32_t t_1 = d3 + 1;
                (y_1 + t_1)[0] = (x + t_1)[0];
                const int32_t t_2 = d3 + 2;
                (y_1 + t_2)[0] = (x + t_2)[0];
                const int32_t t_3 = d3 + 3;
                (y_1 + t_3)[0] = (x + t_3)[0];
            }
            for (int32_t d3 = t; d3 < size1_3; d3++) {
                (y_1 + d3)[0] = (x + d3)[0];
            }
        }
    }
}

// Resize_0
// map: 1x3x6x6 f32 -> 1x3x12x6 f32
// planned: 781 cycles
static DM_STEP void resize_f32_04_resize_0(int32_t core) {
    float *in0_part = resize_f32_input_0 + 24;
    float *in0_tile = (float *)(resize_f32_l1 + 864);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        const dm_dma_dim dims[1] = {{3u, 24, 144}};
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, in0_part, 24u, 1u, dims);
    }
    float *out_part = (float *)resize_f32_l1 + 48;
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    const int32_t t = core * 6 / 8;
    const int32_t t_1 = (core + 1) * 6 / 8 - t;
    if (t_1 > 0) {
        resize_f32_map_5(in0_tile + t, out_part + t, t_1);
    }
}

static DM_KERNEL void resize_f32_map_6(const float *restrict in0, float *restrict out,
        int32_t size1_3) {
    for (int32_t d1 = 0; d1 < 3; d1++) {
        const float *restrict x = in0 + d1 * 6;
        float *restrict y = out + d1 * 72;
        for (int32_t d2 = 0; d2 < 2; d2++) {
            float *restrict y_1 = y + d2 * 6;
            const int32_t t = size1_3 / 4 * 4;
            for (int32_t d3 = 0; d3 < t; d3 += 4) {
                (y_1 + d3)[0] = (x + d3)[0];
                const int32_t t_1 = d3 + 1;
                (y_1 + t_1)[0] = (x + t_1)[0];
                const int32_t t_2 = d3 + 2;
                (y_1 + t_2)[0] = (x + t_2)[0];
                const int32_t t_3 = d3 + 3;
                (y_1 + t_3)[0] = (x + t_3)[0];
            }
            for (int32_t d3 = t; d3 < size1_3; d3++) {
                (y_1 + d3)[0] = (x + d3)[0];
            }
        }
    }
}

// Resize_0
// map: 1x3x6x6 f32 -> 1x3x12x6 f32
// planned: 781 cycles
static DM_STEP void resize_f32_05_resize_0(int32_t core) {
    float *in0_part = resize_f32_input_0 + 30;
    float *in0_tile = (float *)(resize_f32_l1 + 864);
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        const dm_dma_dim dims[1] = {{3u, 24, 144}};
        token = dm_dma_start_in(DM_DMA_MCHAN, in0_tile, in0_part, 24u, 1u, dims);
    }
    float *out_part = (float *)resize_f32_l1 + 60;
    dm_dma_wait(DM_DMA_MCHAN, token);
    dm_barrier();
    const int32_t t = core * 6 / 8;
    const int32_t t_1 = (core + 1) * 6 / 8 - t;
    if (t_1 > 0) {
        resize_f32_map_6(in0_tile + t, out_part + t, t_1);
    }
}

static DM_KERNEL void resize_f32_map_7(const float *restrict in0, float *restrict out) {
    for (int32_t d1 = 0; d1 < 3; d1++) {
        const float *restrict x = in0 + d1 * 72;
        float *restrict y = out + d1 * 24;
        y[0] = x[0];
        (y + 2)[0] = (x + 6)[0];
        (y + 4)[0] = (x + 12)[0];
    }
}

// Resize_0
// map: 1x3x12x6 f32 -> 1x3x12x12 f32
// planned: 819 cycles
static DM_STEP void resize_f32_06_resize_0(int32_t core) {
    float *out_tile = (float *)(resize_f32_l1 + 864);
    dm_barrier();
    const int32_t t = core / 2;
    resize_f32_map_7((float *)resize_f32_l1 + t * 18, out_tile + (t * 6 + core % 2));
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        const dm_dma_dim dims[1] = {{36u, 48, 8}};
        token = dm_dma_start_out(DM_DMA_MCHAN, resize_f32_output_0, out_tile, 8u, 1u, dims);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
}

static DM_KERNEL void resize_f32_map_8(const float *restrict in0, float *restrict out) {
    for (int32_t d1 = 0; d1 < 3; d1++) {
        const float *restrict x = in0 + d1 * 72;
        float *restrict y = out + d1 * 24;
        y[0] = x[0];
        (y + 2)[0] = (x + 6)[0];
        (y + 4)[0] = (x + 12)[0];
    }
}

// Resize_0
// map: 1x3x12x6 f32 -> 1x3x12x12 f32
// planned: 819 cycles
static DM_STEP void resize_f32_07_resize_0(int32_t core) {
    float *out_part = resize_f32_output_0 + 2;
    float *out_tile = (float *)(resize_f32_l1 + 864);
    dm_barrier();
    const int32_t t = core / 2;
    resize_f32_map_8((float *)resize_f32_l1 + 1 + t * 18, out_tile + (t * 6 + core % 2));
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        const dm_dma_dim dims[1] = {{36u, 48, 8}};
        token = dm_dma_start_out(DM_DMA_MCHAN, out_part, out_tile, 8u, 1u, dims);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
}

static DM_KERNEL void resize_f32_map_9(const float *restrict in0, float *restrict out) {
    for (int32_t d1 = 0; d1 < 3; d1++) {
        const float *restrict x = in0 + d1 * 72;
        float *restrict y = out + d1 * 24;
        y[0] = x[0];
        (y + 2)[0] = (x + 6)[0];
        (y + 4)[0] = (x + 12)[0];
    }
}

// Resize_0
// map: 1x3x12x6 f32 -> 1x3x12x12 f32
// planned: 819 cycles
static DM_STEP void resize_f32_08_resize_0(int32_t core) {
    float *out_part = resize_f32_output_0 + 4;
    float *out_tile = (float *)(resize_f32_l1 + 864);
    dm_barrier();
    const int32_t t = core / 2;
    resize_f32_map_9((float *)resize_f32_l1 + 2 + t * 18, out_tile + (t * 6 + core % 2));
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        const dm_dma_dim dims[1] = {{36u, 48, 8}};
        token = dm_dma_start_out(DM_DMA_MCHAN, out_part, out_tile, 8u, 1u, dims);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
}

static DM_KERNEL void resize_f32_map_10(const float *restrict in0, float *restrict out) {
    for (int32_t d1 = 0; d1 < 3; d1++) {
        const float *restrict x = in0 + d1 * 72;
        float *restrict y = out + d1 * 24;
        y[0] = x[0];
        (y + 2)[0] = (x + 6)[0];
        (y + 4)[0] = (x + 12)[0];
    }
}

// Resize_0
// map: 1x3x12x6 f32 -> 1x3x12x12 f32
// planned: 819 cycles
static DM_STEP void resize_f32_09_resize_0(int32_t core) {
    float *out_part = resize_f32_output_0 + 6;
    float *out_tile = (float *)(resize_f32_l1 + 864);
    dm_barrier();
    const int32_t t = core / 2;
    resize_f32_map_10((float *)resize_f32_l1 + 3 + t * 18, out_tile + (t * 6 + core % 2));
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        const dm_dma_dim dims[1] = {{36u, 48, 8}};
        token = dm_dma_start_out(DM_DMA_MCHAN, out_part, out_tile, 8u, 1u, dims);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
}

static DM_KERNEL void resize_f32_map_11(const float *restrict in0, float *restrict out) {
    for (int32_t d1 = 0; d1 < 3; d1++) {
        const float *restrict x = in0 + d1 * 72;
        float *restrict y = out + d1 * 24;
        y[0] = x[0];
        (y + 2)[0] = (x + 6)[0];
        (y + 4)[0] = (x + 12)[0];
    }
}

// Resize_0
// map: 1x3x12x6 f32 -> 1x3x12x12 f32
// planned: 819 cycles
static DM_STEP void resize_f32_10_resize_0(int32_t core) {
    float *out_part = resize_f32_output_0 + 8;
    float *out_tile = (float *)(resize_f32_l1 + 864);
    dm_barrier();
    const int32_t t = core / 2;
    resize_f32_map_11((float *)resize_f32_l1 + 4 + t * 18, out_tile + (t * 6 + core % 2));
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        const dm_dma_dim dims[1] = {{36u, 48, 8}};
        token = dm_dma_start_out(DM_DMA_MCHAN, out_part, out_tile, 8u, 1u, dims);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
}

static DM_KERNEL void resize_f32_map_12(const float *restrict in0, float *restrict out) {
    for (int32_t d1 = 0; d1 < 3; d1++) {
        const float *restrict x = in0 + d1 * 72;
        float *restrict y = out + d1 * 24;
        y[0] = x[0];
        (y + 2)[0] = (x + 6)[0];
        (y + 4)[0] = (x + 12)[0];
    }
}

// Resize_0
// map: 1x3x12x6 f32 -> 1x3x12x12 f32
// planned: 819 cycles
static DM_STEP void resize_f32_11_resize_0(int32_t core) {
    float *out_part = resize_f32_output_0 + 10;
    float *out_tile = (float *)(resize_f32_l1 + 864);
    dm_barrier();
    const int32_t t = core / 2;
    resize_f32_map_12((float *)resize_f32_l1 + 5 + t * 18, out_tile + (t * 6 + core % 2));
    dm_barrier();
    dm_token token = DM_NO_TOKEN;
    if (core == 0) {
        const dm_dma_dim dims[1] = {{36u, 48, 8}};
        token = dm_dma_start_out(DM_DMA_MCHAN, out_part, out_tile, 8u, 1u, dims);
    }
    dm_dma_wait(DM_DMA_MCHAN, token);
}

static void resize_f32_cluster(void) {
    const uint32_t t = dm_core_id();
    const int32_t core = (int32_t)t;
    resize_f32_00_resize_0(core);
    resize_f32_01_resize_0(core);
    resize_f32_02_resize_0(core);
    resize_f32_03_resize_0(core);
    resize_f32_04_resize_0(core);
    resize_f32_05_resize_0(core);
    resize_f32_06_resize_0(core);
    resize_f32_07_resize_0(core);
    resize_f32_08_resize_0(core);
    resize_f32_09_resize_0(core);
    resize_f32_10_resize_0(core);
    resize_f32_11_resize_0(core);
}

void resize_f32_run(void) {
    dm_cluster_run(resize_f32_cluster);
}
