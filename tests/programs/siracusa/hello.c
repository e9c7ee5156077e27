/* A loop on the fabric controller. */
#include "rt.h"
void pe_main(int id) { (void)id; }
int main(void) {
  uint32_t t0 = cyc();
  volatile int s = 0;
  for (int i = 0; i < 100; i++) s += i;
  uint32_t t1 = cyc();
  printf_("hello from FC hart=%x sum=%d cycles=%u\n", hartid(), s, t1 - t0);
  return 0;
}
