#include <stddef.h>
#include <stdint.h>
#include "matmul_f32_host.h"
#include "deeploy/platform.h"
#include "dm_math.h"
#include "matmul_f32_host_weights.h"

DM_RAM_NOINIT DM_ALIGN(4) float matmul_f32_host_input_0[144];
DM_RAM_NOINIT DM_ALIGN(4) float matmul_f32_host_output_0[60];

static DM_KERNEL void matmul_f32_host_matmul_1(const float *restrict in0, const float *restrict in1,
        const float *restrict extra0, float *restrict out) {
    for (int32_t n = 0; n < 10; n += 5) {
        const float *restrict w0 = in1 + n;
        const float *restrict e0 = extra0 + n;
        float *restrict y = out + n;
        for (int32_t m = 0; m < 6; m += 3) {
            const float *restrict x0 = in0 + m * 24;
            float *restrict y_1 = y + m * 10;
            float acc00 = 0.0f;
            float acc01 = 0.0f;
            float acc02 = 0.0f;
            float acc10 = 0.0f;
            float acc11 = 0.0f;
            float acc12 = 0.0f;
            float acc20 = 0.0f;
            float acc21 = 0.0f;
            float acc22 = 0.0f;
            float acc30 = 0.0f;
            float acc31 = 0.0f;
            float acc32 = 0.0f;
            float acc40 = 0.0f;
            float acc41 = 0.0f;
            float acc42 = 0.0f;
            const float *restrict x1 = x0 + 24;
            const float *restrict x2 = x0 + 48;
            const float *restrict w1 = w0 + 1;
            const float *restrict w2 = w0 + 2;
            const float *restrict w3 = w0 + 3;
            const float *restrict w4 = w0 + 4;
            for (int32_t k = 0; k < 24; k++) {
                const float x0_value = x0[k];
                const float w0_value = w0[k * 10];
                acc00 += x0_value * w0_value;
                const float x1_value = x1[k];
                acc01 += x1_value * w0_value;
                const float x2_value = x2[k];
                acc02 += x2_value * w0_value;
                const float w1_value = w1[k * 10];
                acc10 += x0_value * w1_value;
                acc11 += x1_value * w1_value;
                acc12 += x2_value * w1_value;
                const float w2_value = w2[k * 10];
                acc20 += x0_value * w2_value;
                acc21 += x1_value * w2_value;
                acc22 += x2_value * w2_value;
                const float w3_value = w3[k * 10];
                acc30 += x0_value * w3_value;
                acc31 += x1_value * w3_value;
                acc32 += x2_value * w3_value;
                const float w4_value = w4[k * 10];
                acc40 += x0_value * w4_value;
                acc41 += x1_value * w4_value;
                acc42 += x2_value * w4_value;
            }
            const float e0_value = e0[0];
            y_1[0] = acc00 + e0_value;
            y_1[10] = acc01 + e0_value;
            y_1[20] = acc02 + e0_value;
            const float e0_value_1 = e0[1];
            y_1[1] = acc10 + e0_value_1;
            y_1[11] = acc11 + e0_value_1;
            y_1[21] = acc12 + e0_value_1;
            const float e0_value_2 = e0[2];
            y_1[2] = acc20 + e0_value_2;
            y_1[12] = acc21 + e0_value_2;
            y_1[22] = acc22 + e0_value_2;
            const float e0_value_3 = e0[3];
            y_1[3] = acc30 + e0_value_3;
            y_1[13] = acc31 + e0_value_3;
            y_1[23] = acc32 + e0_value_3;
            const float e0_value_4 = e0[4];
            y_1[4] = acc40 + e0_value_4;
            y_1[14] = acc41 + e0_value_4;
            y_1[24] = acc42 + e0_value_4;
        }
    }
}

// MatMul_0
// matmul: 6x24 f32 x 24x10 f32 -> 6x10 f32
// planned: 1770 cycles
static DM_STEP void matmul_f32_host_00_matmul_0(void) {
    matmul_f32_host_matmul_1(matmul_f32_host_input_0, matmul_f32_host_weight_c0,
            matmul_f32_host_weight_c1, matmul_f32_host_output_0);
}

void matmul_f32_host_run(void) {
    matmul_f32_host_00_matmul_0();
}
