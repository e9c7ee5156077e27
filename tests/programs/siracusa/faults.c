/* One way to go wrong a run: `which` says which, `on_core` who (DM_CORES: the host core). */
#include "deeploy/platform.h"

#define REG(a) (*(volatile uint32_t *)(uintptr_t)(a))

#define L3DMA 0x1a10d000u

DM_L2_NOINIT volatile uint32_t which, on_core; /* written by the test before the program starts */
static DM_L1 uint8_t DM_ALIGN(16) local[1024];
static uint8_t DM_ALIGN(16) outer[1024];
static volatile uint32_t sink;

__attribute__((noinline)) static void load_nowhere(uint32_t address) { sink = REG(address); }

__attribute__((noinline)) static void store_nowhere(uint32_t address) { REG(address) = 1; }

__attribute__((noinline)) static void use_much_stack(void) {
  volatile uint32_t frame[300];
  for (int i = 299; i >= 0; i--) frame[i] = (uint32_t)i;
  sink = frame[7];
}

static void write_dma(uint32_t command, uint32_t l1, uint32_t ext) {
  REG(0x00204400u) = command;
  REG(0x00204400u) = l1;
  REG(0x00204400u) = ext;
}

/* a 1x1 job of one channel in and out, and of `tiles` tiles of outputs in each direction, all at one address */
static void write_engine_job(uint32_t input, uint32_t tiles) {
  sink = REG(0x00201004u);
  REG(0x00201020u) = 0; /* weights */
  REG(0x00201024u) = input;
  REG(0x00201028u) = (uint32_t)(uintptr_t)local;
  for (uint32_t i = 15; i < 20; i++) REG(0x00201020u + 4 * i) = 0x00010001u;
  REG(0x0020106cu) = tiles << 16 | tiles;
  REG(0x00201070u) = 0; /* padding */
  REG(0x00201074u) = 0; /* weight offset */
  REG(0x00201078u) = 0; /* filter mask */
  REG(0x0020107cu) = 2u << 5 | 7u | 1u << 9 | 2u << 21; /* 8-bit weights in weight memory, 32-bit outputs */
  REG(0x00201000u) = 0;
}

__attribute__((noinline)) static void go_wrong(void) {
  switch (which) {
  case 0: break;
  case 1: load_nowhere(0x20000000u); break;
  case 2: store_nowhere(0); break;
  case 3: load_nowhere(0x1c1ffffeu); break; /* ends outside L2 */
  case 4: __asm__ volatile(".word 0"); break;
  case 5: __asm__ volatile(".word 0xffffffff"); break;
  case 6: ((void (*)(void))(uintptr_t)0x30000000u)(); break;
  case 7: __asm__ volatile("ebreak"); break;
  case 8: sink = *(volatile uint16_t *)(uintptr_t)0x00204000u; break;
  case 9: store_nowhere(0x1020f000u); break;
  case 10: load_nowhere(0x00204012u); break;
  case 11: /* one more transfer than there are ids */
    for (int i = 0; i < 17; i++) dm_dma_start_in(DM_DMA_MCHAN, local, outer, 4, 0, 0);
    break;
  case 12: dm_dma_start_in(DM_DMA_MCHAN, (void *)(uintptr_t)0x1003fff0u, outer, 32, 0, 0); break;
  case 13: dm_dma_start_in(DM_DMA_MCHAN, local, (const void *)(uintptr_t)0x1c1ffff0u, 32, 0, 0); break;
  case 14: write_dma(4 | 1u << 17, (uint32_t)(uintptr_t)local, (uint32_t)(uintptr_t)outer); break; /* no id */
  case 15: /* freed while under way */
    sink = dm_dma_start_in(DM_DMA_MCHAN, local, outer, 1024, 0, 0);
    REG(0x00204404u) = 1u << sink;
    break;
  case 16: dm_region_end(7); break;
  case 17: dm_region_begin(1024); break;
  case 18: __asm__ volatile("wfi"); break;
  case 19:
    for (;;) {
    }
  case 20: use_much_stack(); break; /* more than a cluster core's stack */
  case 21: __asm__ volatile("csrr %0, 0x7c0" : "=r"(sink)); break;
  case 22:
    for (;;) dm_putchar('x');
  case 23:
    for (int i = 0; i < 3; i++) write_engine_job((uint32_t)(uintptr_t)local, 8);
    break;
  case 24: dm_exit(77);
  case 25: /* a code store: the instruction behind it is decoded anew */
    for (int i = 0; i < 2; i++) {
      uint32_t r, word = i ? 0x00700513u : 0x00500513u; /* li a0, 7 and li a0, 5 */
      __asm__ volatile(
          ".option push\n.option norvc\n"
          "la t0, 1f\n sw %1, 0(t0)\n"
          "1: nop\n mv %0, a0\n.option pop\n"
          : "=r"(r)
          : "r"(word)
          : "t0", "a0", "memory");
      dm_putchar((char)('0' + r));
    }
    dm_putchar('\n');
    break;
  case 26: write_engine_job(0x1003ffffu + 1, 1); break;
  case 27: load_nowhere(0x80000000u); break; /* L3 */
  case 28: /* freed while under way */
    sink = REG(L3DMA);
    for (uint32_t i = 0; i < 3; i++) REG(L3DMA) = i == 0 ? 64 : i == 1 ? (uint32_t)(uintptr_t)outer : 0x80000000u;
    REG(L3DMA + 4) = 1u << sink;
    break;
  case 29: REG(L3DMA) = 64; break; /* no id */
  case 30: /* more ids than there are */
    for (int i = 0; i < 9; i++) sink = REG(L3DMA);
    break;
  case 31: load_nowhere(0x10010000u); break; /* what small machines lack: L1 beyond 64 KiB, */
  case 32: load_nowhere(0x1c080000u); break; /* L2 beyond 512 KiB, */
  case 33: load_nowhere(0x10400000u); break; /* weight memory, */
  case 34: load_nowhere(0x00201004u); break; /* N-EUREKA */
  case 35: ((void (*)(void))(uintptr_t)0x1c080000u)(); break;
  default: dm_exit(100);
  }
}

static void entry(void) {
  if (dm_core_id() == on_core) go_wrong();
}

int main(void) {
  if (on_core == DM_CORES) go_wrong();
  dm_cluster_run(entry);
  return 0;
}
