/* A dot product on one core: C, post-increment loads with pv.sdotsp.b, and the same in a hardware loop. */
#include "rt.h"
#define N 256
L1 int8_t a[N], b[N];
L1 volatile uint32_t r[16];
static volatile uint32_t cl_done;
__attribute__((noinline)) int dot(const int8_t* x, const int8_t* y, int n) {
  int s = 0;
  for (int i = 0; i < n; i++) s += x[i] * y[i];
  return s;
}
int dot_hw(const int8_t* x, const int8_t* y, int nw);
int dot_pi(const int8_t* x, const int8_t* y, int nw);
void pe_main(int id) {
  if (id) return;
  for (int i = 0; i < N; i++) {
    a[i] = i * 3 + 1;
    b[i] = i * 7 - 5;
  }
  uint32_t t;
  for (int k = 0; k < 2; k++) {
    t = cyc();
    r[0] = dot(a, b, N);
    r[1] = cyc() - t;
    t = cyc();
    r[2] = dot_pi(a, b, N / 4);
    r[3] = cyc() - t;
    t = cyc();
    r[4] = dot_hw(a, b, N / 4);
    r[5] = cyc() - t;
  }
  cl_done = 1;
}
extern char _start[];
int main(void) {
  REG(CL_ICACHE) = 0xffffffff;
  REG(CL_BOOT(0)) = (uint32_t)_start;
  REG(CL_FETCHEN) = 1;
  while (!cl_done);
  printf_("dot %d: C %d in %u cyc; post-inc+sdotsp %d in %u; +hwloop %d in %u\n", N, r[0], r[1], r[2], r[3], r[4],
          r[5]);
  return 0;
}
