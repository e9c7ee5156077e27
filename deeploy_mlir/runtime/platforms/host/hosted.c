/* SPDX-License-Identifier: Apache-2.0 */
/* What a platform on the machine that compiles needs of its C library. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "deeploy/fail.h"
#include "deeploy/platform.h"

_Noreturn void dm_fail(const char *what) {
  fprintf(stderr, "deeploy runtime: %s\n", what);
  abort();
}

uint32_t dm_cycles(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (uint32_t)now.tv_sec * 1000000000u + (uint32_t)now.tv_nsec;
}

void dm_region_begin(uint32_t id) { (void)id; }

void dm_region_end(uint32_t id) { (void)id; }

void dm_putchar(char c) { putchar(c); }

_Noreturn void dm_exit(int code) {
  fflush(stdout);
  _Exit(code); /* other threads may still be running: no destructors under them */
}
