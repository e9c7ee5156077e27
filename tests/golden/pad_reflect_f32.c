#include <stddef.h>
#include <stdint.h>
#include "pad_reflect_f32.h"
#include "deeploy/platform.h"
#include "dm_math.h"

DM_RAM_NOINIT DM_ALIGN(4) float pad_reflect_f32_input_0[60];
DM_RAM_NOINIT DM_ALIGN(4) float pad_reflect_f32_output_0[84];

static DM_KERNEL void pad_reflect_f32_map_1(const float *restrict in0, float *restrict out) {
    for (int32_t d0 = 0; d0 < 3; d0++) {
        (out + d0 * 28)[0] = (in0 + d0 * 20)[0];
    }
}

// Pad_0
// map: 3x20 f32 -> 3x28 f32
// planned: 78 cycles
static DM_STEP void pad_reflect_f32_00_pad_0(void) {
    pad_reflect_f32_map_1(pad_reflect_f32_input_0 + 4, pad_reflect_f32_output_0);
}

static DM_KERNEL void pad_reflect_f32_map_2(const float *restrict in0, float *restrict out) {
    for (int32_t d0 = 0; d0 < 3; d0++) {
        (out + d0 * 28)[0] = (in0 + d0 * 20)[0];
    }
}

// Pad_0
// map: 3x20 f32 -> 3x28 f32
// planned: 78 cycles
static DM_STEP void pad_reflect_f32_01_pad_0(void) {
    pad_reflect_f32_map_2(pad_reflect_f32_input_0 + 3, pad_reflect_f32_output_0 + 1);
}

static DM_KERNEL void pad_reflect_f32_map_3(const float *restrict in0, float *restrict out) {
    for (int32_t d0 = 0; d0 < 3; d0++) {
        (out + d0 * 28)[0] = (in0 + d0 * 20)[0];
    }
}

// Pad_0
// map: 3x20 f32 -> 3x28 f32
// planned: 78 cycles
static DM_STEP void pad_reflect_f32_02_pad_0(void) {
    pad_reflect_f32_map_3(pad_reflect_f32_input_0 + 2, pad_reflect_f32_output_0 + 2);
}

static DM_KERNEL void pad_reflect_f32_map_4(const float *restrict in0, float *restrict out) {
    for (int32_t d0 = 0; d0 < 3; d0++) {
        (out + d0 * 28)[0] = (in0 + d0 * 20)[0];
    }
}

// Pad_0
// map: 3x20 f32 -> 3x28 f32
// planned: 78 cycles
static DM_STEP void pad_reflect_f32_03_pad_0(void) {
    pad_reflect_f32_map_4(pad_reflect_f32_input_0 + 1, pad_reflect_f32_output_0 + 3);
}

static DM_KERNEL void pad_reflect_f32_map_5(const float *restrict in0, float *restrict out) {
    for (int32_t d0 = 0; d0 < 3; d0++) {
        const float *restrict x = in0 + d0 * 20;
        float *restrict y = out + d0 * 28;
        for (int32_t d1 = 0; d1 < 20; d1++) {
            (y + d1)[0] = (x + d1)[0];
        }
    }
}

// Pad_0
// map: 3x20 f32 -> 3x28 f32
// planned: 232 cycles
static DM_STEP void pad_reflect_f32_04_pad_0(void) {
    pad_reflect_f32_map_5(pad_reflect_f32_input_0, pad_reflect_f32_output_0 + 4);
}

static DM_KERNEL void pad_reflect_f32_map_6(const float *restrict in0, float *restrict out) {
    for (int32_t d0 = 0; d0 < 3; d0++) {
        (out + d0 * 28)[0] = (in0 + d0 * 20)[0];
    }
}

// Pad_0
// map: 3x20 f32 -> 3x28 f32
// planned: 78 cycles
static DM_STEP void pad_reflect_f32_05_pad_0(void) {
    pad_reflect_f32_map_6(pad_reflect_f32_input_0 + 18, pad_reflect_f32_output_0 + 24);
}

static DM_KERNEL void pad_reflect_f32_map_7(const float *restrict in0, float *restrict out) {
    for (int32_t d0 = 0; d0 < 3; d0++) {
        (out + d0 * 28)[0] = (in0 + d0 * 20)[0];
    }
}

// Pad_0
// map: 3x20 f32 -> 3x28 f32
// planned: 78 cycles
static DM_STEP void pad_reflect_f32_06_pad_0(void) {
    pad_reflect_f32_map_7(pad_reflect_f32_input_0 + 17, pad_reflect_f32_output_0 + 25);
}

static DM_KERNEL void pad_reflect_f32_map_8(const float *restrict in0, float *restrict out) {
    for (int32_t d0 = 0; d0 < 3; d0++) {
        (out + d0 * 28)[0] = (in0 + d0 * 20)[0];
    }
}

// Pad_0
// map: 3x20 f32 -> 3x28 f32
// planned: 78 cycles
static DM_STEP void pad_reflect_f32_07_pad_0(void) {
    pad_reflect_f32_map_8(pad_reflect_f32_input_0 + 16, pad_reflect_f32_output_0 + 26);
}

static DM_KERNEL void pad_reflect_f32_map_9(const float *restrict in0, float *restrict out) {
    for (int32_t d0 = 0; d0 < 3; d0++) {
        (out + d0 * 28)[0] = (in0 + d0 * 20)[0];
    }
}

// Pad_0
// map: 3x20 f32 -> 3x28 f32
// planned: 78 cycles
static DM_STEP void pad_reflect_f32_08_pad_0(void) {
    pad_reflect_f32_map_9(pad_reflect_f32_input_0 + 15, pad_reflect_f32_output_0 + 27);
}

void pad_reflect_f32_run(void) {
    pad_reflect_f32_00_pad_0();
    pad_reflect_f32_01_pad_0();
    pad_reflect_f32_02_pad_0();
    pad_reflect_f32_03_pad_0();
    pad_reflect_f32_04_pad_0();
    pad_reflect_f32_05_pad_0();
    pad_reflect_f32_06_pad_0();
    pad_reflect_f32_07_pad_0();
    pad_reflect_f32_08_pad_0();
}
