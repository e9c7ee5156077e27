/* Micro-benchmarks that the timing model was fitted to: cycles of each, run 3 times, the last one kept. PART: bits. */
#include "rt.h"
static volatile uint32_t cl_done;
L1 uint32_t buf[64];
L1 volatile uint32_t r[80];
static volatile uint32_t n1;
#define T1(k, ...) \
  do { \
    for (int q_ = 0; q_ < 3; q_++) { \
      uint32_t t_ = cyc(); \
      __VA_ARGS__; \
      r[k] = cyc() - t_; \
    } \
  } while (0)
#define LOOP(body, cnt) \
  ({ \
    uint32_t n_ = cnt, a_ = (uint32_t)buf, b_, c_ = 3; \
    __asm__ volatile(".balign 16\n1:" body "addi %0,%0,-1\nbnez %0,1b\n" \
                     : "+r"(n_), "+r"(a_), "=&r"(b_), "+r"(c_)::"memory"); \
  })
#define LOOPA(body, cnt, addr) \
  ({ \
    uint32_t n_ = cnt, a_ = addr, b_, c_ = 3; \
    __asm__ volatile(".balign 16\n1:" body "addi %0,%0,-1\nbnez %0,1b\n" \
                     : "+r"(n_), "+r"(a_), "=&r"(b_), "+r"(c_)::"memory"); \
  })
#define STR(n, pad) \
  __asm__ volatile(".balign 16\n.rept " #pad \
                   "\nc.nop\n.endr\n1: addi %0,%0,-1\n.option push\n.option norvc\nbnez %0,1b\n.option pop\n" \
                   : "+r"(n))
#define CODE(f, nn) \
  __attribute__((noinline)) static void f(void) { \
    __asm__ volatile(".balign 16\n.option push\n.option norvc\n.rept " #nn "\naddi a5,a5,1\n.endr\n.option pop\n" :: \
                         : "a5"); \
  }
CODE(f64, 64)
CODE(f120, 120)
CODE(f160, 160)
CODE(f256, 256)
CODE(f512, 512)
CODE(f960, 960)
CODE(f1536, 1536)

void pe_main(int id) {
  if (id >= 8) return;
  REG(EU_DEMUX) = 1u << 16;
  if (!id) {
    eu_barrier_setup(1);
    if (PART & 256) {
      T1(0, LOOP("nop\nnop\n", 100));
      T1(1, LOOP("lw %2,0(%1)\nnop\n", 100));
      T1(2, LOOP("lw %2,0(%1)\nadd %2,%2,%2\n", 100));
      T1(3, LOOP("lw %2,0(%1)\nsw %2,4(%1)\n", 100));
    }
    if (PART & 512) {
      T1(4, LOOP("mul %2,%3,%3\nadd %2,%2,%2\n", 100));
      T1(5, LOOP("mulh %2,%3,%3\n", 100));
      T1(6, LOOP("div %2,%1,%3\n", 100));
      T1(7, LOOP("lw %2,1(%1)\n", 100));
      T1(8, LOOP("lw %2,3(%1)\nnop\n", 100));
      T1(9, LOOP("sw %2,1(%1)\n", 100));
    }
    if (PART & 1024) {
      T1(10, LOOPA("lw %2,0(%1)\n", 50, 0x1c000100));
      T1(11, LOOPA("sw %2,0(%1)\n", 50, 0x1c000100));
      T1(12, LOOPA("lw %2,0(%1)\n", 50, (uint32_t)&n1));
      T1(13, LOOPA("lw %2,0(%1)\n", 50, 0x10400100));
      T1(14, LOOPA("sw %2,0(%1)\n", 50, 0x10400100));
    }
    if (PART & 2048) {
      T1(15, LOOPA("lw %2,0(%1)\n", 50, 0x00204000));
      T1(16, LOOPA("lw %2,0(%1)\n", 50, 0x0020100c));
      T1(17, LOOPA("lw %2,0(%1)\n", 50, 0x00204404));
      T1(18, LOOPA("sw %2,0(%1)\n", 50, 0x0020109c));
      T1(19, LOOPA("lw %2,0(%1)\n", 50, 0x10200008));
    }
    if (PART & 4096) {
      {
        uint32_t n;
        T1(20, n = 100; STR(n, 0));
        T1(21, n = 100; STR(n, 1));
        T1(22, n = 100; STR(n, 2));
        T1(23, n = 100; STR(n, 3));
        T1(24, n = 100; STR(n, 4));
        T1(25, n = 100; STR(n, 5));
        T1(26, n = 100; STR(n, 6));
        T1(27, n = 100; STR(n, 7));
      }
    }
    if (PART & 8192) {
      T1(30, f64());
      T1(31, f120());
      T1(32, f160());
      T1(33, f256());
      T1(34, f512());
      T1(35, f960());
      T1(36, f1536());
    }
    if (PART & 16384) {
      T1(40, eu_barrier());
      T1(41, for (int i = 0; i < 10; i++) eu_barrier());
    }
    if (PART & 32768) {
      T1(42, uint32_t a = dma1d((uint32_t)buf, 0x1c000100, 4, 1); dma_wait(a));
      T1(43, uint32_t a = dma1d((uint32_t)buf, 0x1c000100, 64, 1); dma_wait(a));
      T1(44, uint32_t a = dma1d((uint32_t)buf, 0x1c000100, 256, 1); dma_wait(a));
    }
    if (PART & 65536) {
      T1(45, uint32_t a = dma1d(0x10020000, 0x1c020000, 16384, 1); dma_wait(a));
      T1(46, uint32_t a = dma1d(0x10020000, 0x1c020000, 16384, 0); dma_wait(a));
      T1(47, uint32_t a = dma2d(0x10020000, 0x1c020000, 1024, 64, 16, 1); dma_wait(a));
      T1(48, uint32_t a = dma2d(0x10020000, 0x1c020000, 1024, 64, 4, 1); dma_wait(a));
      T1(49, uint32_t a = dma2d(0x10020000, 0x1c020000, 1024, 64, 64, 0); dma_wait(a));
    }
    if (PART & 131072) {
      T1(50, uint32_t a = dma1d(0x10020000, 0x1c020000, 2048, 1); uint32_t b = dma1d(0x10024000, 0x1c024000, 2048, 0);
         dma_wait(a); dma_wait(b));
    }
    if (PART & 262144) {
      T1(51, LOOP("addi %1,%1,4\nlw %2,0(%1)\nlw %2,4(%1)\n", 8));
      T1(52, LOOP("j 2f\n2:\n", 100));
      T1(53, LOOP("beqz zero,2f\n2:\n", 100));
      T1(54, LOOP("bnez zero,2f\n2:\n", 100));
    }
    if (PART & 524288) {
      T1(55, uint32_t a = dma1d(0x10020000, 0x1c020000, 8192, 1);
         for (int i = 0; i < 1; i++) LOOP("lw %2,0(%1)\nlw %2,4(%1)\nlw %2,8(%1)\nlw %2,12(%1)\n", 100); dma_wait(a));
      T1(56, LOOP("lw %2,0(%1)\nlw %2,4(%1)\nlw %2,8(%1)\nlw %2,12(%1)\n", 100));
    }
    if (PART & 1048576) {
      T1(57, LOOP("csrr %2,mcycle\n", 100));
    }
    eu_barrier_setup(0xff);
    n1 = 1;
  } else
    while (!n1);
  for (volatile int i = 0; i < 300; i++);
  eu_barrier();
  uint32_t t;
#define P8(k, x) \
  eu_barrier(); \
  t = cyc(); \
  x; \
  t = cyc() - t; \
  eu_barrier(); \
  if (!id) r[k] = t;
  if (PART & 4)
    for (int q = 0; q < 3; q++) {
      P8(60, eu_barrier());
      P8(61, LOOPA("sw %2,0(%1)\n", 100, (uint32_t)buf));
      P8(62, LOOPA("lw %2,0(%1)\n", 100, (uint32_t)buf));
      P8(63, LOOPA("lw %2,0(%1)\n", 100, (uint32_t)(buf + id)));
      P8(64, LOOPA("lw %2,0(%1)\nsw %2,0(%1)\n", 100, (uint32_t)buf));
      P8(65, LOOPA("lw %2,0(%1)\n", 50, 0x1c000100));
      P8(66, LOOPA("lw %2,0(%1)\n", 50, 0x1c010000 + id * 4));
      P8(67, LOOPA("sw %2,0(%1)\n", 50, 0x10400000 + id * 4));
      P8(68, f512());
      P8(69, f120());
      P8(70, LOOPA("lw %2,0(%1)\n", 50, 0x00204404));
      P8(71, f960());
      P8(72, for (int i = 0; i < 10; i++) eu_barrier());
    }
  if (!id) cl_done = 1;
}
extern char _start[];
static void fct(const char *s, uint32_t t) { printf_("FC %s %u\n", s, t); }
int main(void) {
  uint32_t t;
#define F1(s, x) \
  do { \
    for (int q = 0; q < 3; q++) { \
      t = cyc(); \
      x; \
      t = cyc() - t; \
    } \
    fct(s, t); \
  } while (0)
  if (PART & 1) {
    F1("nop2", LOOP("nop\nnop\n", 100));
    F1("lw l2priv", LOOPA("lw %2,0(%1)\n", 50, 0x1c000100));
    F1("lw l2", LOOPA("lw %2,0(%1)\n", 50, 0x1c020000));
    F1("sw l2", LOOPA("sw %2,0(%1)\n", 50, 0x1c020000));
    F1("lw l1", LOOPA("lw %2,0(%1)\n", 50, 0x10000100));
    F1("sw l1", LOOPA("sw %2,0(%1)\n", 50, 0x10000100));
    F1("lw wm", LOOPA("lw %2,0(%1)\n", 50, 0x10400100));
    F1("lw nk", LOOPA("lw %2,0(%1)\n", 50, 0x1020100c));
    F1("lw-use l2", LOOPA("lw %2,0(%1)\nadd %2,%2,%2\n", 50, 0x1c020000));
    F1("f64", f64());
    F1("f256", f256());
    F1("f960", f960());
    F1("f1536", f1536());
  }
  REG(CL_ICACHE) = 0xffffffff;
  for (int i = 0; i < 9; i++) REG(CL_BOOT(i)) = (uint32_t)_start;
  REG(CL_FETCHEN) = 0xff;
  if (PART & 8)
    while (!cl_done);
  for (int i = 0; i < 80; i++)
    if (r[i]) printf_("%d %u\n", i, r[i]);
  return 0;
}
