/* Regions of known length, uses of the FPU and faults on demand. */
#include "deeploy/platform.h"

DM_RAM_NOINIT volatile int fault; /* set before the start */
int *volatile target; /* zero: in flash */
volatile float half = 0.5f;

static DM_STEP void work(void) { __asm__ volatile(".rept 100\n nop\n .endr"); }

static DM_STEP void more_work(void) { __asm__ volatile(".rept 50\n nop\n .endr"); }

static int recursion(volatile int *above) {
  volatile int here[256];
  here[0] = above[0] + 1;
  return here[0] ? recursion(here) + here[0] : 0;
}

int main(void) {
  if (fault == 2) target = (int *)0x30000000;
  for (const char *s = "hello\n"; *s; s++) dm_putchar(*s);
  const uint32_t before = dm_cycles();
  dm_region_begin(7);
  __asm__ volatile(".rept 100\n nop\n .endr");
  dm_region_end(7);
  work();
  more_work();
  if (dm_cycles() - before < 250) return 2;
  if (fault == 1 || fault == 2) *target = 1;
  if (fault == 3) __asm__ volatile("udf #0");
  if (fault == 4) return recursion((volatile int *)&fault);
  if (fault == 5) dm_region_end(3);
  if (fault == 6)
    for (;;) {
    }
  return half * 3.0f == 1.5f ? 0 : 1;
}
