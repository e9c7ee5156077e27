/* L1 loads of 8 cores: each its own bank, all the same word, all the same bank. */
#include "rt.h"
L1 volatile uint32_t tc[8];
L1 uint32_t buf[1024];
static volatile uint32_t n;
static uint32_t ld(volatile uint32_t* p, int k) {
  uint32_t t = cyc();
  for (int i = 0; i < k; i++) {
    (void)*p;
    (void)*p;
    (void)*p;
    (void)*p;
    (void)*p;
    (void)*p;
    (void)*p;
    (void)*p;
  }
  return cyc() - t;
}
void pe_main(int id) {
  REG(EU_DEMUX) = 1u << 16;
  if (id == 0)
    eu_barrier_setup(0xff);
  else
    for (volatile int i = 0; i < 300; i++);
  uint32_t r[4];
  for (int w = 0; w < 2; w++) {
    eu_barrier();
    r[0] = ld(&buf[id], 64);
    eu_barrier();
    r[1] = ld(&buf[0], 64);
    eu_barrier();
    r[2] = ld(&buf[16 * id], 64);
    eu_barrier();
    r[3] = ld((volatile uint32_t*)0x1c000100u, 16);
  }
  eu_barrier();
  if (id == 0)
    printf_("core0: 512 loads: own bank %u cyc, same word %u, same bank diff word %u; 128 L2 loads (8 cores) %u\n",
            r[0], r[1], r[2], r[3]);
  eu_barrier();
  for (volatile int i = 0; i < 200000; i++);
  eu_barrier();
  if (!id) n = 1;
}
extern char _start[];
int main(void) {
  uint32_t t = cyc();
  for (int i = 0; i < 128; i++) (void)REG(0x1c000100u);
  printf_("FC 128 L2 loads %u cyc\n", cyc() - t);
  t = cyc();
  for (int i = 0; i < 32; i++) (void)REG(0x10008000u);
  printf_("FC 32 TCDM loads %u cyc\n", cyc() - t);
  REG(CL_ICACHE) = 0xffffffff;
  for (int i = 0; i < 9; i++) REG(CL_BOOT(i)) = (uint32_t)_start;
  REG(CL_FETCHEN) = 0xff;
  t = cyc();
  while (!n);
  printf_("FC waited %u cyc\n", cyc() - t);
  return 0;
}
