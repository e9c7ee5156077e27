/* int8 matmul 32x32x64 on 8 cores, scalar and with pv.sdotsp.b, with DMA in, out and 2-D. */
#include "rt.h"
#define M 32
#define N 32
#define K 64
#define NC 8
static int8_t A2[M * K], B2[N * K];
static int32_t C2[M * N];
L1 int8_t A1[M * K];
L1 int8_t B1[N * K];
L1 int32_t C1[M * N];
L1 volatile uint32_t tc[NC][4];
L1 volatile uint32_t done, dmac[4];
static volatile uint32_t cl_done;
static inline int sdot(int a, int b, int c) {
  __asm__(".insn r 0x57,1,0x5c,%0,%1,%2" : "+r"(c) : "r"(a), "r"(b));
  return c;
}
static void mm(int id) {
  for (int m = id; m < M; m += NC)
    for (int n = 0; n < N; n++) {
      int s = 0;
      const int8_t *a = A1 + m * K, *b = B1 + n * K;
      for (int k = 0; k < K; k++) s += a[k] * b[k];
      C1[m * N + n] = s;
    }
}
static void mmv(int id) {
  for (int m = id; m < M; m += NC)
    for (int n = 0; n < N; n++) {
      int s = 0;
      const int *a = (const int*)(A1 + m * K), *b = (const int*)(B1 + n * K);
      for (int k = 0; k < K / 4; k++) s = sdot(a[k], b[k], s);
      C1[m * N + n] = s;
    }
}
void pe_main(int id) {
  REG(EU_DEMUX + 0x0) = 1u << 16;
  if (id == 0) {
    eu_barrier_setup((1u << NC) - 1);
    uint32_t t = cyc();
    uint32_t a = dma1d((uint32_t)A1, (uint32_t)A2, M * K, 1);
    uint32_t b = dma1d((uint32_t)B1, (uint32_t)B2, N * K, 1);
    dma_wait(a);
    dma_wait(b);
    dmac[0] = cyc() - t;
  }
  if (id >= NC) return;
  for (volatile int i = 0; i < 200; i++);
  eu_barrier();
  uint32_t t0 = cyc();
  mm(id);
  uint32_t t1 = cyc();
  eu_barrier();
  uint32_t t2 = cyc();
  uint32_t bad = 0;
  if (id == 0) {
    uint32_t t = cyc();
    uint32_t a = dma1d((uint32_t)C1, (uint32_t)C2, sizeof C1, 0);
    dma_wait(a);
    dmac[1] = cyc() - t;
  }
  eu_barrier();
  uint32_t t3 = cyc();
  mmv(id);
  uint32_t t4 = cyc();
  eu_barrier();
  uint32_t t5 = cyc();
  for (int m = id; m < M; m += NC)
    for (int n = 0; n < N; n++) bad += C1[m * N + n] != C2[m * N + n];
  tc[id][0] = t1 - t0;
  tc[id][1] = t2 - t0;
  tc[id][2] = t5 - t3;
  tc[id][3] = bad;
  (void)t4;
  eu_barrier();
  if (id == 0) {
    for (int i = 0; i < NC; i++)
      printf_("core %d: scalar mm %u cyc (+barrier %u), sdotsp mm %u cyc, mismatch %u\n", i, tc[i][0], tc[i][1],
              tc[i][2], tc[i][3]);
    uint32_t t = cyc();
    uint32_t a = dma2d((uint32_t)A1, (uint32_t)B2, 1024, K, 32, 1);
    dma_wait(a);
    dmac[2] = cyc() - t;
    int ok = 1;
    for (int r = 0; r < 32; r++)
      for (int c = 0; c < 32; c++) ok &= A1[r * 32 + c] == B2[r * K + c];
    printf_("dma in 4096B %u cyc, out 4096B %u cyc, 2d 32x32B %u cyc ok=%d\n", dmac[0], dmac[1], dmac[2], ok);
    cl_done = 1;
  }
}
extern char _start[];
int main(void) {
  for (int i = 0; i < M * K; i++) A2[i] = (int8_t)(i * 7 + 3);
  for (int i = 0; i < N * K; i++) B2[i] = (int8_t)(i * 5 - 11);
  REG(CL_ICACHE) = 0xffffffff;
  for (int i = 0; i < 9; i++) REG(CL_BOOT(i)) = (uint32_t)_start;
  REG(CL_FETCHEN) = 0xff;
  while (!cl_done);
  int bad = 0;
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) {
      int s = 0;
      for (int k = 0; k < K; k++) s += A2[m * K + k] * B2[n * K + k];
      bad += s != C2[m * N + n];
    }
  printf_("FC check: %d wrong of %d\n", bad, M * N);
  return bad;
}
