/* SPDX-License-Identifier: Apache-2.0 */
/* A Cortex-M4: start-up, semihosting (a debugger or emulator prints, and ends the program), DWT's cycle counter. */
#include "deeploy/platform.h"

#include "deeploy/fail.h"

#ifndef DM_STACK_BYTES /* a multiple of 8 */
#define DM_STACK_BYTES 16384
#endif

#define REG(a) (*(volatile uint32_t *)(uintptr_t)(a))
#define CPACR 0xe000ed88u /* access to the FPU */
#define DEMCR 0xe000edfcu
#define DWT_CTRL 0xe0001000u
#define DWT_CYCCNT 0xe0001004u

#define SYS_WRITEC 0x03u
#define SYS_EXIT_EXTENDED 0x20u
#define ADP_STOPPED_APPLICATION_EXIT 0x20026u

#define TEXT_OF(x) #x
#define DM_TEXT(x) TEXT_OF(x)
__asm__(".globl __dm_stack_size\n.set __dm_stack_size, " DM_TEXT(DM_STACK_BYTES));

extern uint32_t __dm_stack_top[], __dm_data_load[], __dm_data_start[], __dm_data_end[], __dm_bss_start[], __dm_bss_end[];
int main(void);

static uint32_t semihosting(uint32_t operation, const void *argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void dm_putchar(char c) { semihosting(SYS_WRITEC, &c); }

_Noreturn void dm_exit(int code) {
  const uint32_t arguments[2] = {ADP_STOPPED_APPLICATION_EXIT, (uint32_t)code};
  for (;;) semihosting(SYS_EXIT_EXTENDED, arguments);
}

_Noreturn void dm_fail(const char *what) {
  while (*what) dm_putchar(*what++);
  dm_putchar('\n');
  dm_exit(120);
}

uint32_t dm_cycles(void) { return REG(DWT_CYCCNT); }

/* The emulator counts from and to these calls. */
void dm_region_begin(uint32_t id) { __asm__ volatile("" ::"r"(id) : "memory"); }

void dm_region_end(uint32_t id) { __asm__ volatile("" ::"r"(id) : "memory"); }

static __attribute__((noinline, used)) void start(void) {
  const uint32_t *from = __dm_data_load;
  for (uint32_t *to = __dm_data_start; to < __dm_data_end;) *to++ = *from++;
  for (uint32_t *to = __dm_bss_start; to < __dm_bss_end;) *to++ = 0;
  REG(DEMCR) |= 1u << 24;
  REG(DWT_CYCCNT) = 0;
  REG(DWT_CTRL) |= 1u;
  dm_exit(main());
}

/* The FPU first: a compiler may use its registers to copy. */
void _start(void) {
  REG(CPACR) |= 0xfu << 20;
  __asm__ volatile("dsb\n isb" ::: "memory");
  start();
}

static void fault(void) { dm_fail("fault"); }

/* Stack pointer, reset, NMI, hard fault, and the faults of memory, bus and use. */
__attribute__((section(".vectors"), used)) const void *const dm_vectors[16] = {
    __dm_stack_top, (void *)_start, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault};
