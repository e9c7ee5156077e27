/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster's event unit, as a core sees its own part of it. */
#ifndef SIRACUSA_EVENT_UNIT_H
#define SIRACUSA_EVENT_UNIT_H

#include <stdint.h>

#define REG(a) (*(volatile uint32_t *)(uintptr_t)(a))

#define EU_MASK 0x00204000u
#define EU_WAIT_CLEAR 0x0020403cu
#define EU_BARRIER_MASK 0x00204200u
#define EU_BARRIER_TARGET 0x0020420cu
#define EU_BARRIER_WAIT_CLEAR 0x0020421cu
#define EVENT_DMA (1u << 8)
#define EVENT_NEUREKA (1u << 12)
#define EVENT_L3_DMA (1u << 13)
#define EVENT_BARRIER (1u << 16)

/* p.elw: a load that sleeps until an event that the mask lets through. */
static inline void event_load_word(uint32_t address) {
  uint32_t v;
  __asm__ volatile(".insn i 0x03, 6, %0, %1, 0" : "=r"(v) : "r"(address) : "memory");
  (void)v;
}

#endif
