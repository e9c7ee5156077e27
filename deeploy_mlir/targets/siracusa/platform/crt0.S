/* SPDX-License-Identifier: Apache-2.0 */
/* Every core starts here: the fabric controller (cluster id 0x1f in mhartid) at power-on, the cluster cores when
   dm_cluster_run enables them. */
#include "dm_config.h"

#ifndef DM_CORE_STACK_BYTES /* stack of one cluster core, in L1; a multiple of 16 */
#define DM_CORE_STACK_BYTES 1024
#endif
#ifndef DM_HOST_STACK_BYTES /* stack of the fabric controller, in L2 */
#define DM_HOST_STACK_BYTES 8192
#endif
  .globl __dm_cluster_stacks_size, __dm_core_stack_size, __dm_host_stack_size /* for link.ld and platform.c */
  .set __dm_core_stack_size, DM_CORE_STACK_BYTES
  .set __dm_cluster_stacks_size, DM_CORE_STACK_BYTES * DM_CORES
  .set __dm_host_stack_size, DM_HOST_STACK_BYTES

  .section .text.dm_boot, "ax"
  .globl _start
_start:
  .option push
  .option norelax
  la gp, __global_pointer$
  .option pop
#ifdef __riscv_flen
  li t0, 0x6000 /* mstatus.FS = dirty: floating point on */
  csrs mstatus, t0
#endif
  csrr a0, mhartid
  srli a1, a0, 5
  andi a1, a1, 0x3f
  andi a0, a0, 0x1f
  beqz a1, cluster_core

  la sp, __dm_host_sp
  la t0, __bss_start
  la t1, __bss_end
1:
  bgeu t0, t1, 2f
  sw zero, 0(t0)
  addi t0, t0, 4
  j 1b
2:
  call main
  call dm_exit
3:
  j 3b

cluster_core: /* a0 = core; its stack ends at __dm_core_stacks + (core + 1) * size */
  la sp, __dm_core_stacks
  li t1, DM_CORE_STACK_BYTES
  addi t0, a0, 1
  mul t0, t0, t1
  add sp, sp, t0
  call dm_core_main
4:
  wfi
  j 4b
