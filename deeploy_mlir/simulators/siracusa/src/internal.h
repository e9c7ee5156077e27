/* The state of a SoC, shared by the files of the simulator.

   Every core has its own clock t. A core runs ahead until its next memory access, which waits until t is the smallest
   time of all cores and devices: so accesses happen in (time, core) order, and a run is deterministic. */
#ifndef DMSIM_INTERNAL_H
#define DMSIM_INTERNAL_H

#include <stdint.h>
#include <string.h>

#include "dmsim.h"
#include "timing.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

#define NEVER (~0ull >> 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define SIGN_EXTEND(v, bits) ((i32)((u32)(v) << (32 - (bits))) >> (32 - (bits)))
#define BITS(w, hi, lo) (((w) >> (lo)) & ((1u << ((hi) - (lo) + 1)) - 1))

#define L1_BASE 0x10000000u
#define L2_BASE 0x1c000000u
#define WMEM_BASE 0x10400000u
#define L3_BASE 0x80000000u
#define L1_SIZE DMSIM_MAX_L1 /* of the largest machine; of this one: Sim.l1_size */
#define L2_SIZE DMSIM_MAX_L2
#define PAD 64u /* bytes after each memory, so that looking at the next instruction may run over its end */

/* ---- decoded instructions: one slot a halfword, so slot + 1 or slot + 2 is the next instruction ---- */

typedef struct {
  u8 op, hazard, rd, rs1, rs2, n, cycles, flags; /* n: halfwords; rd: 32 stands for x0; hazard: part of cycles */
  i32 imm;
  u32 word;
} Slot;

enum { FLAG_LOOP_END = 1, FLAG_LINE = 2 };

#define OPS(X) \
  X(UNDECODED) X(ILLEGAL) X(BAD_FETCH) X(BREAK) X(LI) X(JAL) X(JALR) \
  X(BEQ) X(BNE) X(BLT) X(BGE) X(BLTU) X(BGEU) X(BEQI) X(BNEI) \
  X(LB) X(LH) X(LW) X(LBU) X(LHU) X(LBP) X(LHP) X(LWP) X(LBUP) X(LHUP) X(LBR) X(LHR) X(LWR) X(LBUR) X(LHUR) \
  X(LBRP) X(LHRP) X(LWRP) X(LBURP) X(LHURP) X(FLW) \
  X(SB) X(SH) X(SW) X(SBP) X(SHP) X(SWP) X(SBR) X(SHR) X(SWR) X(SBRP) X(SHRP) X(SWRP) X(FSW) \
  X(ADDI) X(SLTI) X(SLTIU) X(XORI) X(ORI) X(ANDI) X(SLLI) X(SRLI) X(SRAI) \
  X(ADD) X(SUB) X(SLL) X(SLT) X(SLTU) X(XOR) X(SRL) X(SRA) X(OR) X(AND) \
  X(MUL) X(MULH) X(MULHSU) X(MULHU) X(DIV) X(DIVU) X(REM) X(REMU) X(NOP) X(CSR) X(WFI) X(ELW) X(MARK) \
  X(LPSTARTI) X(LPENDI) X(LPCOUNT) X(LPCOUNTI) X(LPSETUP) X(LPSETUPI) X(MAC) X(MSU) X(XALU) X(XMUL) X(SIMD) \
  X(SDOTSPB) X(SDOTUPB) X(SDOTUSPB) X(SDOTSPH) \
  X(FADD) X(FSUB) X(FMUL) X(FMADD) X(FMSUB) X(FNMSUB) X(FNMADD) X(FP)
#define ENUMERATE(n) O_##n,
enum { OPS(ENUMERATE) OP_COUNT };

/* slots: L2's, a guard, L1's, a guard; the guards catch running over the end, `SLOT_BAD` a jump to nowhere */
#define SLOTS_L2 (L2_SIZE / 2)
#define SLOTS_L1 (L1_SIZE / 2)
#define SLOT_L1 (SLOTS_L2 + 8)
#define SLOT_BAD (SLOT_L1 + SLOTS_L1 + 4)
#define SLOTS (SLOT_BAD + 4)

/* ---- cores ---- */

typedef struct {
  u64 runs;
  u32 depth;
  u64 begin[DMSIM_COUNTERS], total[DMSIM_COUNTERS];
} Region;

typedef struct {
  u32 x[33]; /* x[32] takes what is written to x0 */
  u32 f[32];
  Slot *ip;
  u64 t, started;
  u64 counters[DMSIM_COUNTERS]; /* DMSIM_CYCLES and DMSIM_DMA_... are not kept here */
  u32 loop_start[2], loop_end[2], loop_count[2];
  u32 boot, hart, id, line;
  u32 mscratch, mstatus, mtvec, frm, fflags;
  u8 on, asleep, is_host;
  /* event unit */
  u8 waiting, wait_clear, wait_rd, wait_kind;
  u32 event_mask, events;
  u64 sleep_since;
  u32 l0_tag[8][4];
  u32 line_length;
  char line_buffer[256];
} Core;

/* ---- devices ---- */

enum { EVENT_DMA_DONE, EVENT_NEUREKA_DONE, EVENT_L3DMA_DONE };
typedef struct {
  u64 t;
  u32 kind, argument;
} Event;

#define DMA_IDS 16
#define DMA_JOBS 32 /* commands under way; a core that issues one more waits */
typedef struct {
  u32 command, l1, ext, length, stride, id, core;
} DmaJob;

typedef struct {
  u32 words[5], n, id; /* the command that a core is writing, and the id it goes under */
  u8 has_id;
} DmaPort;

#define L3DMA_IDS 8
#define L3DMA_JOBS 8

/* What MCHAN and the L3 DMA have in common: a port for each core, jobs in slots, ids that count jobs. */
typedef struct {
  DmaPort port[DMSIM_MAX_CORES + 1];
  DmaJob jobs[DMA_JOBS];
  u32 used, allocated, left[DMA_IDS]; /* slots and ids taken; jobs under way of each id */
} Dma;

#define MAX_EVENTS (DMA_JOBS + L3DMA_JOBS + 4)
#define BARRIERS 9

typedef struct { /* of the cluster's instruction cache: 8 sets x 4 ways */
  u32 tag[8][4];
  u64 ready[8][4]; /* when a line is there */
  u8 shift;
} SharedBank;

struct Sim {
  u8 *l1, *l2, *wmem, *l3;
  u32 l1_size, l2_size, wmem_size, l3_size;
  Slot *slots;
  u8 code_l1[L1_SIZE >> 8], code_l2[L2_SIZE >> 8]; /* 256-byte pages with decoded instructions */
  u32 cores, flags, bad_pc;
  Core core[DMSIM_MAX_CORES + 1]; /* the host core is core[cores] */
  int status;
  i32 exit_code;
  DmsimFault fault;
  u64 bank_free[16], l2_free, now, stuck_since;
  u64 fpu_free[DMSIM_MAX_CORES / CORES_PER_FPU], divider_free;
  u32 divider_core; /* the last that divided */
  SharedBank icache[8];
  u32 random;

  Event events[MAX_EVENTS];
  u32 event_count;
  struct {
    u32 mask, target, arrived;
  } barrier[BARRIERS];

  Dma mchan, l3dma;
  u64 dma_free[2], dma_bytes[2], dma_busy_cycles, dma_busy_until, l3dma_free, l3dma_bytes[2];

  /* two contexts: the next to fill, the one being run; the cores that started them */
  u32 nk_regs[2][24], nk_core[2], nk_pending, nk_acquired, nk_write, nk_run, nk_id, nk_running;

  u64 acting_cycles[16], acting_since; /* up to when these are counted */
  u32 acting, awake;                   /* actors at work; cluster cores that are not asleep */

  Region *regions[DMSIM_MAX_CORES + 1];
  char *output;
  u64 output_length, output_capacity;
};

/* ---- memory.c ---- */
u8 *memory_at(Sim *s, u32 address, u32 n); /* NULL if not all n bytes are in L1, L2 or the weight memory */
u8 *l3_at(Sim *s, u32 address, u32 n);
void invalidate_code(Sim *s, u32 address, u32 n);
Slot *slot_at(Sim *s, u32 pc);
u32 pc_of(const Sim *s, const Slot *slot);
u32 icache_fetch(Sim *s, Core *c, u32 line, u64 t);
void fault(Sim *s, Core *c, int kind, u32 address, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* ---- decode.c ---- */
void decode(Sim *s, Slot *slot);
int reads_register(u32 word, u32 r); /* r: 0-31 integer, 64-95 float */

/* ---- execute.c ---- */
void run_core(Sim *s, Core *c, u64 limit);

/* ---- xpulp.c ---- */
int xpulp_alu_is_legal(u32 w);
int xpulp_mul_is_legal(u32 w);
int xpulp_simd_is_legal(u32 w);
u32 xpulp_alu(u32 w, u32 a, u32 b, u32 d);
u32 xpulp_mul(u32 w, u32 a, u32 b, u32 d);
u32 xpulp_simd(u32 w, u32 a, u32 b, u32 d);

/* ---- fpu.c ---- */
int fpu_execute(Core *c, u32 w); /* 0: illegal */
u32 fpu_nan(Core *c, u32 a, u32 b, u32 d);
void fpu_collect_flags(Core *c);

/* ---- smallfloat.c ---- */
int smallfloat_is_legal(u32 w);
u32 smallfloat(u32 w, u32 a, u32 b);

/* ---- csr.c ---- */
int csr_access(Sim *s, Core *c, u32 w, u64 t, u32 a, u32 *old); /* 0: no such register */

/* ---- events.c ---- */
u64 next_event(const Sim *s);
void post_event(Sim *s, u64 t, u32 kind, u32 argument);
void run_event(Sim *s);
void raise_event(Sim *s, u32 cores, u32 number, u64 t);
int event_load_word(Sim *s, Core *c, u32 address, u32 rd, u64 *t); /* 1: go on, 0: asleep, -1: fault */
int event_unit_load(Sim *s, Core *c, u32 offset, u32 *value);
int event_unit_store(Sim *s, Core *c, u32 offset, u32 value, u64 t);

/* ---- devices: 1 done, 0 fault or no such register, -1 try again at *t ---- */
int mchan_load(Sim *s, Core *c, u32 offset, u32 *value);
int mchan_store(Sim *s, Core *c, u32 offset, u32 value, u64 *t);
void mchan_done(Sim *s, u32 job, u64 t);
int l3dma_load(Sim *s, Core *c, u32 offset, u32 *value);
int l3dma_store(Sim *s, Core *c, u32 offset, u32 value, u64 *t);
void l3dma_done(Sim *s, u32 job, u64 t);
int dma_allocate(Sim *s, Core *c, Dma *dma, u32 ids, u32 address, const char *name, u32 *value);
int dma_free_ids(Sim *s, Core *c, Dma *dma, u32 ids, u32 address, const char *name, u32 value);
u32 dma_busy_ids(const Dma *dma, u32 ids);
int neureka_load(Sim *s, u32 offset, u32 *value);
int neureka_store(Sim *s, Core *c, u32 offset, u32 value, u64 t);
void neureka_done(Sim *s, u64 t);
int device_load(Sim *s, Core *c, u32 address, u32 size, u64 *t, u32 *value);
int device_store(Sim *s, Core *c, u32 address, u32 size, u32 value, u64 *t);
void flush_line(Sim *s, Core *c);

/* ---- regions.c ---- */
void set_acting(Sim *s, u64 t, u32 actor, u32 is_acting);
void wake_core(Sim *s, Core *c, u64 t);
void put_to_sleep(Sim *s, Core *c, u64 t);
void region_mark(Sim *s, Core *c, u32 which, u32 id, u64 t);
void snapshot(const Sim *s, const Core *c, u64 t, u64 counters[DMSIM_COUNTERS]);

/* Are the n bytes at offset all among `size`? */
static inline int within(u32 offset, u32 n, u32 size) { return offset < size && n <= size - offset; }

static inline u32 load32(const u8 *p) {
  u32 v;
  memcpy(&v, p, 4);
  return v;
}

static inline void store32(u8 *p, u32 v) { memcpy(p, &v, 4); }

#endif
