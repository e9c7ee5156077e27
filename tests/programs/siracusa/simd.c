/* Eight cores in the inner loop of dot_loops.S, RPT times. */
#include "rt.h"
L1 uint32_t buf[8 * 65 + 64];
L1 volatile uint32_t r[9];
static volatile uint32_t cl_done;
int dot_hw(const void *, const void *, int);
int dot_pi(const void *, const void *, int);
void pe_main(int id) {
  if (id >= 8) return;
  REG(EU_DEMUX) = 1u << 16;
  if (!id)
    eu_barrier_setup(0xff);
  else
    for (volatile int i = 0; i < 300; i++);
  for (int i = id; i < 584; i += 8) buf[i] = i * 0x01030507u;
  eu_barrier();
  uint32_t t = cyc(), s = 0;
  for (int k = 0; k < RPT; k++) s += dot_hw(buf + 65 * id, buf + 3 + 65 * id, 64);
  r[8] = cyc() - t;
  r[id] = s;
  eu_barrier();
  if (!id) cl_done = 1;
}
extern char _start[];
int main(void) {
  REG(CL_ICACHE) = 0xffffffff;
  for (int i = 0; i < 9; i++) REG(CL_BOOT(i)) = (uint32_t)_start;
  REG(CL_FETCHEN) = 0xff;
  while (!cl_done)
    for (volatile int i = 0; i < 1000; i++);
  printf_("%x %x cycles %u\n", r[0], r[7], r[8]);
  return 0;
}
