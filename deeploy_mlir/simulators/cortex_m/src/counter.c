/* SPDX-License-Identifier: Apache-2.0 */
/* Counts instructions while unicorn runs a program: it is called at the start of every translated block, and all of a
   block runs. Where a block begins at the first instruction of a watched function, what runs from there on is charged to
   that function's account, until another watched one begins. */
#include <stdint.h>

typedef struct {
  const uint8_t *code;   /* contents of the memory that instructions are in */
  uint32_t begin, end;   /* its addresses */
  const uint16_t *watch; /* of each halfword of it: account + 1 of the watched function that begins there, or 0 */
  uint16_t *lengths;     /* of each halfword: instructions of the block that begins there, 0 while not known */
  uint16_t *sizes;       /* and its bytes */
  uint32_t account;      /* charged at present */
  uint64_t *accounts;
  uint64_t total;
} dm_counter;

static uint32_t instructions(const uint8_t *code, uint32_t size) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < size; n++) i += code[i + 1] >> 3 >= 0x1d ? 4 : 2; /* ARMv7-M manual, A5.1 */
  return n;
}

/* A uc_cb_hookcode_t. */
__attribute__((visibility("default"))) void dm_count_block(void *emulator, uint64_t address, uint32_t size,
                                                           void *data) {
  dm_counter *c = data;
  (void)emulator;
  if (address < c->begin || address + size > c->end) return; /* nothing runs there, and the fault is reported */
  uint32_t offset = (uint32_t)address - c->begin, at = offset / 2;
  if (c->lengths[at] == 0 || c->sizes[at] != size) {
    c->lengths[at] = (uint16_t)instructions(c->code + offset, size);
    c->sizes[at] = (uint16_t)size;
  }
  if (c->watch[at]) c->account = c->watch[at] - 1u;
  c->accounts[c->account] += c->lengths[at];
  c->total += c->lengths[at];
}
