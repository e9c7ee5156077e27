/* SPDX-License-Identifier: Apache-2.0 */
/* One core of the machine that compiles. */
#include "deeploy/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "one_core.h"

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

_Noreturn void dm_exit(int code) { exit(code); }
