/* One RV32F operation over arrays that the test has written: results and the exception flags of each. */
#include "deeploy/platform.h"

#define N 4096

DM_L2_NOINIT uint32_t operation, rounding, count, on_core;
DM_L2_NOINIT uint32_t a[N], b[N], c[N], result[N], flags[N];

/* float operands in ft0, ft1, ft2 and an integer one in t0; the result in ft3 or t1 */
#define RUN(text, float_result) \
  for (uint32_t i = 0; i < count; i++) { \
    uint32_t r, f; \
    __asm__ volatile( \
        "fmv.w.x ft0, %2\n fmv.w.x ft1, %3\n fmv.w.x ft2, %4\n mv t0, %2\n csrw fflags, zero\n" text \
        "\n csrr %1, fflags\n" float_result \
        : "=&r"(r), "=&r"(f) \
        : "r"(a[i]), "r"(b[i]), "r"(c[i]) \
        : "t0", "t1", "ft0", "ft1", "ft2", "ft3"); \
    result[i] = r; \
    flags[i] = f; \
  } \
  break
#define FLOAT(text) RUN(text, "fmv.x.w %0, ft3")
#define INTEGER(text) RUN(text, "mv %0, t1")

static void entry(void) {
  if (dm_core_id() != on_core) return;
  __asm__ volatile("csrw frm, %0" ::"r"(rounding));
  switch (operation) {
  case 0: FLOAT("fadd.s ft3, ft0, ft1");
  case 1: FLOAT("fsub.s ft3, ft0, ft1");
  case 2: FLOAT("fmul.s ft3, ft0, ft1");
  case 3: FLOAT("fdiv.s ft3, ft0, ft1");
  case 4: FLOAT("fsqrt.s ft3, ft0");
  case 5: FLOAT("fmadd.s ft3, ft0, ft1, ft2");
  case 6: FLOAT("fmsub.s ft3, ft0, ft1, ft2");
  case 7: FLOAT("fnmsub.s ft3, ft0, ft1, ft2");
  case 8: FLOAT("fnmadd.s ft3, ft0, ft1, ft2");
  case 9: FLOAT("fmin.s ft3, ft0, ft1");
  case 10: FLOAT("fmax.s ft3, ft0, ft1");
  case 11: FLOAT("fsgnj.s ft3, ft0, ft1");
  case 12: FLOAT("fsgnjn.s ft3, ft0, ft1");
  case 13: FLOAT("fsgnjx.s ft3, ft0, ft1");
  case 14: INTEGER("feq.s t1, ft0, ft1");
  case 15: INTEGER("flt.s t1, ft0, ft1");
  case 16: INTEGER("fle.s t1, ft0, ft1");
  case 17: INTEGER("fclass.s t1, ft0");
  case 18: INTEGER("fcvt.w.s t1, ft0");
  case 19: INTEGER("fcvt.wu.s t1, ft0");
  case 20: FLOAT("fcvt.s.w ft3, t0");
  case 21: FLOAT("fcvt.s.wu ft3, t0");
  case 22: INTEGER("fcvt.w.s t1, ft0, rtz");
  case 23: INTEGER("fcvt.w.s t1, ft0, rmm");
  case 24: FLOAT("fadd.s ft3, ft0, ft1, rup");
  default: dm_exit(1);
  }
}

int main(void) {
  dm_cluster_run(entry);
  return 0;
}
