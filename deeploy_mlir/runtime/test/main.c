/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the network once on the inputs of test_data.h.

   On a board: prints every output as "out <index> <hexadecimal bytes>" and returns 0, so that a terminal log can be
   compared. Built with -DDM_TEST_FILES on a host: `main INPUTS OUTPUTS` takes the inputs from a file instead and writes
   the outputs to one, raw bytes, one tensor after the other. Built with -DDM_TEST_DIRECT: only runs the network; a debugger
   or simulator writes <network>_input_<i> before the start, which nothing clears, and reads <network>_output_<i>. */
#include <stdint.h>

#include "deeploy/platform.h"
#include "test_data.h"

#ifdef DM_TEST_FILES
#include <stdio.h>

static int transfer(const char *path, const char *mode, const dm_test_tensor *tensors, uint32_t count) {
  FILE *file = fopen(path, mode);
  if (file == NULL) {
    perror(path);
    return 1;
  }
  int failed = 0;
  for (uint32_t i = 0; i < count; i++) {
    size_t bytes = tensors[i].bytes;
    size_t done = mode[0] == 'r' ? fread(tensors[i].test, 1, bytes, file) : fwrite(tensors[i].test, 1, bytes, file);
    failed |= done != bytes;
  }
  failed |= fclose(file) != 0;
  if (failed) fprintf(stderr, "%s: cannot be %s completely\n", path, mode[0] == 'r' ? "read" : "written");
  return failed;
}
#elif !defined(DM_TEST_DIRECT)
static void put_text(const char *text) {
  while (*text) dm_putchar(*text++);
}

static void put_unsigned(uint32_t value) {
  char digits[10];
  uint32_t count = 0;
  do digits[count++] = (char)('0' + value % 10);
  while (value /= 10);
  while (count) dm_putchar(digits[--count]);
}

static void print_tensor(uint32_t index, const dm_test_tensor *tensor) {
  put_text("out ");
  put_unsigned(index);
  dm_putchar(' ');
  for (uint32_t i = 0; i < tensor->bytes; i++) {
    dm_putchar("0123456789abcdef"[tensor->test[i] >> 4]);
    dm_putchar("0123456789abcdef"[tensor->test[i] & 15]);
  }
  dm_putchar('\n');
}
#endif

#ifndef DM_TEST_DIRECT
static void copy(void *to, const void *from, uint32_t bytes) {
  unsigned char *d = to;
  const unsigned char *s = from;
  for (uint32_t i = 0; i < bytes; i++) d[i] = s[i];
}
#endif

#ifdef DM_TEST_FILES
int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s INPUTS OUTPUTS\n", argv[0]);
    return 2;
  }
  if (transfer(argv[1], "rb", dm_test_inputs, DM_TEST_INPUTS)) return 2;
#else
int main(void) {
#endif
#ifndef DM_TEST_DIRECT
  for (uint32_t i = 0; i < DM_TEST_INPUTS; i++)
    copy(dm_test_inputs[i].network, dm_test_inputs[i].test, dm_test_inputs[i].bytes);
#endif
  dm_region_begin(0); /* region 0: the whole network */
  DM_TEST_RUN();
  dm_region_end(0);
#ifndef DM_TEST_DIRECT
  for (uint32_t i = 0; i < DM_TEST_OUTPUTS; i++)
    copy(dm_test_outputs[i].test, dm_test_outputs[i].network, dm_test_outputs[i].bytes);
#endif
#ifdef DM_TEST_FILES
  return transfer(argv[2], "wb", dm_test_outputs, DM_TEST_OUTPUTS) ? 2 : 0;
#else
#ifndef DM_TEST_DIRECT
  for (uint32_t i = 0; i < DM_TEST_OUTPUTS; i++) print_tensor(i, &dm_test_outputs[i]);
#endif
  return 0;
#endif
}
