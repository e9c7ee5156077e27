/* dm_math.h over arrays: called through ctypes, or run on a core by main. */
#include "dm_math.h"

#define N 4096

typedef float (*unary)(float);

static const unary functions[] = {dm_expf,   dm_logf,  dm_tanhf, dm_erff,  dm_sinf, dm_cosf, dm_sigmoidf,
                                  dm_sqrtf, dm_floorf, dm_ceilf, dm_truncf, dm_rintf, dm_roundf};
#define UNARY ((uint32_t)(sizeof functions / sizeof functions[0]))

void apply(uint32_t function, uint32_t n, const float *x, const float *y, float *result);
void apply(uint32_t function, uint32_t n, const float *x, const float *y, float *result) {
  for (uint32_t i = 0; i < n; i++) {
    if (function < UNARY) result[i] = functions[function](x[i]);
    else result[i] = function == UNARY ? dm_powf(x[i], y[i]) : dm_fmodf(x[i], y[i]);
  }
}

#ifdef ON_TARGET
#include "deeploy/platform.h"

DM_L2_NOINIT uint32_t function, count;
DM_L2_NOINIT float x[N], y[N], result[N];

int main(void) {
  apply(function, count, x, y, result);
  return 0;
}
#endif
