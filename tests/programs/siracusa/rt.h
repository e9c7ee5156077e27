/* What the reference programs need of a runtime; generated code has runtime/platforms/siracusa instead. */
#pragma once
#include <stdint.h>
#define REG(a) (*(volatile uint32_t *)(uintptr_t)(a))
#define L1 __attribute__((section(".l1")))
static inline uint32_t hartid(void) {
  uint32_t v;
  __asm__ volatile("csrr %0,mhartid" : "=r"(v));
  return v;
}
static inline uint32_t cyc(void) {
  uint32_t v;
  __asm__ volatile("csrr %0,mcycle" : "=r"(v)::"memory");
  return v;
}
/* cluster */
#define CL_CTRL 0x10200000u
#define CL_FETCHEN (CL_CTRL + 0x8)
#define CL_BOOT(i) (CL_CTRL + 0x40 + 4 * (i))
#define CL_ICACHE 0x10201400u
#define CL_TIMER 0x10200400u
#define EU_DEMUX 0x00204000u
#define MCHAN 0x00204400u
static inline uint32_t elw(uint32_t a) {
  uint32_t v;
  __asm__ volatile(".insn i 0x03,6,%0,%1,0" : "=r"(v) : "r"(a) : "memory");
  return v;
}
void putch(char c);
void puts_(const char *s);
void putu(uint32_t v);
void putx(uint32_t v);
void exit_soc(int rc);
int printf_(const char *f, ...);
static inline void eu_barrier(void) { elw(EU_DEMUX + 0x200 + 0x1c); }
static inline void eu_barrier_setup(uint32_t mask) {
  REG(EU_DEMUX + 0x200 + 0x0) = mask;
  REG(EU_DEMUX + 0x200 + 0xc) = mask;
}
static inline uint32_t dma1d(uint32_t l1, uint32_t ext, uint32_t n, int to_l1) {
  uint32_t id = REG(MCHAN);
  REG(MCHAN) = n | ((uint32_t)to_l1 << 17) | (1u << 18) | (1u << 20);
  REG(MCHAN) = l1;
  REG(MCHAN) = ext;
  return id;
}
static inline uint32_t dma2d(uint32_t l1, uint32_t ext, uint32_t n, uint32_t stride, uint32_t len, int to_l1) {
  uint32_t id = REG(MCHAN);
  REG(MCHAN) = n | ((uint32_t)to_l1 << 17) | (1u << 18) | (1u << 19) | (1u << 20);
  REG(MCHAN) = l1;
  REG(MCHAN) = ext;
  REG(MCHAN) = len;
  REG(MCHAN) = stride;
  return id;
}
static inline void dma_wait(uint32_t id) {
  while (REG(MCHAN + 4) & (1u << id));
  REG(MCHAN + 4) = 1u << id;
}
