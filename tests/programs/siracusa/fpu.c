/* Cycles of float operations: regions of 1,024 each, on the first ACTIVE of the cores, warm. */
#include <stdint.h>

#include "deeploy/platform.h"

#define TIMES8(text) text text text text text text text text
#define REGION(id, text) \
  dm_barrier(); \
  dm_region_begin(id); \
  for (int i = rounds; i; i--) __asm__ volatile(TIMES8(text) TIMES8(text)); \
  dm_region_end(id)

static volatile int rounds = 64; /* not for the compiler to unroll */

static void work(void) {
  __asm__ volatile("fcvt.s.w fa0, %0\n fmv.s fa1, fa0\n fmv.s fa2, fa0\n fmv.s fa3, fa0" : : "r"(3));
  for (int warm = 0; warm < 2; warm++) {
    int busy = dm_core_id() < ACTIVE;
    dm_barrier();
    if (!busy) {
      for (int i = 0; i < 5; i++) dm_barrier();
      continue;
    }
    int first = warm ? 0 : 8;
    REGION(first + 0, "fadd.s fa2, fa0, fa1\n");
    REGION(first + 1, "fadd.s fa2, fa2, fa1\n");
    REGION(first + 2, "fmadd.s fa3, fa0, fa1, fa3\n");
    REGION(first + 3, "fdiv.s fa2, fa0, fa1\n");
    REGION(first + 4, "fsqrt.s fa2, fa0\n");
  }
}

int main(void) {
  dm_cluster_run(work);
  return 0;
}
