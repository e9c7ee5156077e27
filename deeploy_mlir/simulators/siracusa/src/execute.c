/* The inner loop: one core, until its next memory access would be later than that of another core or than an event. */
#include "fpu.h"

#ifdef __clang__
#pragma clang diagnostic ignored "-Wgnu-label-as-value"
#endif

#define INLINE static inline __attribute__((always_inline))

/* an access to L1 at `offset`: the stall, and the bank taken for a cycle (two for a misaligned one) */
INLINE u32 l1_access(Sim *s, Core *c, u32 offset, u32 size, u64 t) {
  u32 bank = offset >> 2 & 15, stall = 0;
  u64 free = s->bank_free[bank];
  if (free > t) {
    stall = (u32)(free - t);
    t = free;
  }
  s->bank_free[bank] = t + 1;
  if (UNLIKELY((offset & 3) + size > 4)) {
    bank = (bank + 1) & 15;
    t++;
    stall++;
    if (s->bank_free[bank] > t) {
      stall += (u32)(s->bank_free[bank] - t);
      t = s->bank_free[bank];
    }
    s->bank_free[bank] = t + 1;
  }
  c->counters[DMSIM_STALL_BANK] += stall;
  return stall;
}

/* The stall before a cluster core's float operation: the unit that it shares is another core's. Moves from and to
   integer registers need none. */
static u32 fpu_access(Sim *s, Core *c, const Slot *ip, u64 t) {
  u64 start = t;
  u32 f7 = ip->word >> 25;
  if (ip->op == O_FP && (f7 == 0x70 || f7 == 0x78)) return 0;
  if (ip->cycles < T_FDIV) {
    u64 *free = &s->fpu_free[c->id / CORES_PER_FPU];
    if (*free > start) start = *free;
    *free = start + 1;
  } else {
    if (s->divider_free > start) start = s->divider_free + (s->divider_core == c->id ? 0 : T_FDIV_SWITCH);
    s->divider_free = start + T_FDIV;
    s->divider_core = c->id;
  }
  c->counters[DMSIM_STALL_FPU] += start - t;
  return (u32)(start - t);
}

static __attribute__((noinline)) u32 slow_access(Sim *s, Core *c, u32 a, u32 size, u64 t, u8 **at, int writes) {
  u32 stall = 0;
  if (a - L2_BASE <= s->l2_size - size) {
    u32 offset = a - L2_BASE, split = (a & 3) + size > 4;
    *at = s->l2 + offset;
    if (writes && UNLIKELY(s->code_l2[offset >> 8])) invalidate_code(s, a, size);
    if (c->is_host) {
      stall = T_FC_L2 << split;
    } else {
      if (s->l2_free > t) {
        stall = (u32)(s->l2_free - t);
        t = s->l2_free;
      }
      s->l2_free = t + T_L2_PORT;
      stall += T_PE_L2 << split;
    }
  } else if (a - L1_BASE <= s->l1_size - size && c->is_host) {
    *at = s->l1 + (a - L1_BASE);
    if (writes && UNLIKELY(s->code_l1[(a - L1_BASE) >> 8])) invalidate_code(s, a, size);
    stall = T_FC_L1;
  } else if (within(a - WMEM_BASE, size, s->wmem_size)) {
    *at = s->wmem + (a - WMEM_BASE);
    stall = c->is_host ? T_FC_L1 : T_PE_WMEM;
  } else if (a <= s->l1_size - size && (s->flags & DMSIM_L1_ALIAS) && !c->is_host) {
    *at = s->l1 + a;
    if (writes && UNLIKELY(s->code_l1[a >> 8])) invalidate_code(s, L1_BASE + a, size);
    return l1_access(s, c, a, size, t);
  } else {
    *at = NULL;
    return 0;
  }
  c->counters[DMSIM_STALL_L2] += stall;
  return stall;
}

/* Stall cycles of an access; *at is where the bytes are, NULL: not a memory. */
INLINE u32 access_memory(Sim *s, Core *c, u32 a, u32 size, u64 t, u8 **at, int writes) {
  u32 offset = a - L1_BASE;
  if (offset <= s->l1_size - size && !c->is_host) {
    *at = s->l1 + offset;
    if (writes && UNLIKELY(s->code_l1[offset >> 8])) invalidate_code(s, a, size);
    return l1_access(s, c, offset, size, t);
  }
  return slow_access(s, c, a, size, t, at, writes);
}

/* After an access to a device, which may have started or woken something: how far the core may still run ahead. */
static u64 new_limit(const Sim *s, const Core *c, u64 limit) {
  for (u32 i = 0; i <= s->cores; i++) {
    const Core *o = s->core + i;
    if (o != c && o->on && !o->asleep && o->t < limit) limit = o->t;
  }
  u64 e = next_event(s);
  return e != NEVER && e - 1 < limit ? e - 1 : limit;
}

static u32 division_cycles(u32 divisor) { return divisor ? (u32)__builtin_clz(divisor) + 2u : 2u; }

static u32 magnitude(u32 v) { return (i32)v < 0 ? 0u - v : v; }

void run_core(Sim *s, Core *c, u64 limit) {
  static const void *const labels[] = {
#define LABEL(n) &&L_##n,
      OPS(LABEL)};
  Slot *ip = c->ip;
  u64 t = c->t, instructions = 0, stop = limit + MAX_AHEAD;
  u32 *x = c->x, *f = c->f, a, value;
  u8 *p;
  int float_used = 0, status;

#define LINE_OF(slot) ((u32)((slot)-s->slots) >> 3)
#define GO goto *labels[ip->op]
#define NEXT \
  do { \
    t += ip->cycles; \
    instructions++; \
    if (UNLIKELY(ip->flags)) goto slow; \
    ip += ip->n; \
    GO; \
  } while (0)
#define JUMP(target, stall) \
  do { \
    Slot *to_ = (target); \
    t += (stall) + 1; \
    c->counters[DMSIM_STALL_BRANCH] += (stall); \
    instructions++; \
    ip = to_; \
    if (UNLIKELY(t > stop)) goto out; \
    if (LINE_OF(ip) != c->line) t += icache_fetch(s, c, LINE_OF(ip), t); \
    GO; \
  } while (0)
#define RD x[ip->rd]
#define A x[ip->rs1]
#define B x[ip->rs2]
#define IMM ((u32)ip->imm)
#define WAIT \
  if (UNLIKELY(t > limit)) goto out
#define LOAD(type, address, destination, after) \
  do { \
    WAIT; \
    a = (address); \
    t += access_memory(s, c, a, sizeof(type), t, &p, 0); \
    if (UNLIKELY(!p)) { \
      c->ip = ip; \
      if (!device_load(s, c, a, sizeof(type), &t, &value)) goto out; \
      value = (u32)(type)value; \
    } else { \
      type v_; \
      memcpy(&v_, p, sizeof v_); \
      value = (u32)v_; \
    } \
    c->counters[DMSIM_STALL_HAZARD] += ip->hazard; \
    after; \
    destination = value; \
    NEXT; \
  } while (0)
#define STORE(type, address, source, after) \
  do { \
    WAIT; \
    a = (address); \
    value = (source); \
    t += access_memory(s, c, a, sizeof(type), t, &p, 1); \
    if (UNLIKELY(!p)) goto store_to_device_##after; \
    { \
      type v_ = (type)value; \
      memcpy(p, &v_, sizeof v_); \
    } \
    AFTER_##after; \
    NEXT; \
  } while (0)
#define AFTER_NONE
#define AFTER_POST A = a + IMM
#define AFTER_POSTR A = a + x[ip->rd]
#define STORE_TO_DEVICE(after) \
  store_to_device_##after: { \
    static const u8 size_of[] = {1, 2, 4}; \
    c->ip = ip; \
    u32 size = ip->op == O_FSW ? 4 : size_of[(ip->op - O_SB) % 3]; \
    u64 before = t; \
    status = device_store(s, c, a, size, value, &t); \
    c->counters[DMSIM_STALL_DEVICE] += t - before; \
    if (status <= 0) goto out; \
    AFTER_##after; \
    if (s->status != DMSIM_RUNNING) { \
      t += ip->cycles; \
      instructions++; \
      ip += ip->n; \
      goto out; \
    } \
    c->t = t; \
    limit = new_limit(s, c, limit); \
    NEXT; \
  }
#define BRANCH(condition) \
  do { \
    if (condition) JUMP(ip + ip->imm, T_BRANCH); \
    NEXT; \
  } while (0)

  if (LINE_OF(ip) != c->line) t += icache_fetch(s, c, LINE_OF(ip), t);
  GO;

slow: {
  u32 flags = ip->flags;
  Slot *last = ip;
  ip += ip->n;
  if (flags & FLAG_LOOP_END) {
    u32 pc = pc_of(s, last);
    for (int i = 0; i < 2; i++)
      if (c->loop_end[i] == pc && c->loop_count[i] && --c->loop_count[i]) {
        ip = slot_at(s, c->loop_start[i]);
        if (last->op >= O_LB && last->op <= O_LHURP && reads_register(ip->word, last->rd)) {
          t += T_HAZARD;
          c->counters[DMSIM_STALL_HAZARD] += T_HAZARD;
        }
        break;
      }
    if (UNLIKELY(t > stop)) goto out;
  }
  if (LINE_OF(ip) != c->line) t += icache_fetch(s, c, LINE_OF(ip), t);
  GO;
}
  STORE_TO_DEVICE(NONE)
  STORE_TO_DEVICE(POST)
  STORE_TO_DEVICE(POSTR)
L_UNDECODED:
  decode(s, ip);
  GO;
L_ILLEGAL:
  c->ip = ip;
  fault(s, c, DMSIM_FAULT_ILLEGAL, ip->word, "illegal instruction 0x%08x", ip->word);
  goto out;
L_BAD_FETCH:
  c->ip = ip;
  a = pc_of(s, ip);
  fault(s, c, DMSIM_FAULT_FETCH, a, "instruction fetch outside memory at 0x%08x (called from near 0x%08x)", a, x[1]);
  goto out;
L_BREAK:
  c->ip = ip;
  fault(s, c, DMSIM_FAULT_BREAKPOINT, x[10], "ebreak or ecall: a trap of the program");
  goto out;

L_LI: RD = IMM; NEXT;
L_JAL: RD = pc_of(s, ip) + 2u * ip->n; JUMP(ip + ip->imm, T_JUMP);
L_JALR: a = (A + IMM) & ~1u; RD = pc_of(s, ip) + 2u * ip->n; JUMP(slot_at(s, a), T_JUMP);
L_BEQ: BRANCH(A == B);
L_BNE: BRANCH(A != B);
L_BLT: BRANCH((i32)A < (i32)B);
L_BGE: BRANCH((i32)A >= (i32)B);
L_BLTU: BRANCH(A < B);
L_BGEU: BRANCH(A >= B);
L_BEQI: BRANCH((i32)A == SIGN_EXTEND(ip->rs2, 5));
L_BNEI: BRANCH((i32)A != SIGN_EXTEND(ip->rs2, 5));

#define PLAIN(type) LOAD(type, A + IMM, RD, )
#define BY_REG(type) LOAD(type, A + B, RD, )
#define POST_IMM(type) LOAD(type, A, RD, A = a + IMM)
#define POST_REG(type) LOAD(type, A, RD, A = a + B)
L_LB: PLAIN(int8_t); L_LH: PLAIN(int16_t); L_LW: PLAIN(i32); L_LBU: PLAIN(u8); L_LHU: PLAIN(u16);
L_LBR: BY_REG(int8_t); L_LHR: BY_REG(int16_t); L_LWR: BY_REG(i32); L_LBUR: BY_REG(u8); L_LHUR: BY_REG(u16);
L_LBP: POST_IMM(int8_t); L_LHP: POST_IMM(int16_t); L_LWP: POST_IMM(i32); L_LBUP: POST_IMM(u8); L_LHUP: POST_IMM(u16);
L_LBRP: POST_REG(int8_t); L_LHRP: POST_REG(int16_t); L_LWRP: POST_REG(i32);
L_LBURP: POST_REG(u8); L_LHURP: POST_REG(u16);
L_FLW: LOAD(i32, A + IMM, f[ip->rd], );
L_SB: STORE(u8, A + IMM, B, NONE); L_SH: STORE(u16, A + IMM, B, NONE); L_SW: STORE(u32, A + IMM, B, NONE);
L_SBP: STORE(u8, A, B, POST); L_SHP: STORE(u16, A, B, POST); L_SWP: STORE(u32, A, B, POST);
L_SBR: STORE(u8, A + RD, B, NONE); L_SHR: STORE(u16, A + RD, B, NONE); L_SWR: STORE(u32, A + RD, B, NONE);
L_SBRP: STORE(u8, A, B, POSTR); L_SHRP: STORE(u16, A, B, POSTR); L_SWRP: STORE(u32, A, B, POSTR);
L_FSW: STORE(u32, A + IMM, f[ip->rs2], NONE);

L_ADDI: RD = A + IMM; NEXT;
L_SLTI: RD = (i32)A < ip->imm; NEXT;
L_SLTIU: RD = A < IMM; NEXT;
L_XORI: RD = A ^ IMM; NEXT;
L_ORI: RD = A | IMM; NEXT;
L_ANDI: RD = A & IMM; NEXT;
L_SLLI: RD = A << IMM; NEXT;
L_SRLI: RD = A >> IMM; NEXT;
L_SRAI: RD = (u32)((i32)A >> IMM); NEXT;
L_ADD: RD = A + B; NEXT;
L_SUB: RD = A - B; NEXT;
L_SLL: RD = A << (B & 31); NEXT;
L_SLT: RD = (i32)A < (i32)B; NEXT;
L_SLTU: RD = A < B; NEXT;
L_XOR: RD = A ^ B; NEXT;
L_SRL: RD = A >> (B & 31); NEXT;
L_SRA: RD = (u32)((i32)A >> (B & 31)); NEXT;
L_OR: RD = A | B; NEXT;
L_AND: RD = A & B; NEXT;
L_MUL: c->counters[DMSIM_STALL_HAZARD] += ip->hazard; RD = A * B; NEXT;
L_MULH: RD = (u32)((i64)(i32)A * (i32)B >> 32); NEXT;
L_MULHSU: RD = (u32)((i64)(i32)A * (i64)(u64)B >> 32); NEXT;
L_MULHU: RD = (u32)((u64)A * B >> 32); NEXT;
L_DIV: a = A; value = B; t += division_cycles(magnitude(value));
  RD = !value ? ~0u : value == ~0u ? 0u - a : (u32)((i32)a / (i32)value);
  NEXT;
L_REM: a = A; value = B; t += division_cycles(magnitude(value));
  RD = !value ? a : value == ~0u ? 0u : (u32)((i32)a % (i32)value);
  NEXT;
L_DIVU: a = A; value = B; t += division_cycles(value); RD = value ? a / value : ~0u; NEXT;
L_REMU: a = A; value = B; t += division_cycles(value); RD = value ? a % value : a; NEXT;
L_NOP: NEXT;
L_MARK:
  WAIT; /* for the counters that all cores share */
  c->counters[DMSIM_INSTRUCTIONS] += instructions;
  instructions = 0;
  c->ip = ip;
  region_mark(s, c, IMM, A, t);
  if (s->status != DMSIM_RUNNING) goto out;
  NEXT;
L_CSR:
  c->counters[DMSIM_INSTRUCTIONS] += instructions;
  instructions = 0;
  if (float_used) fpu_collect_flags(c);
  if (!csr_access(s, c, ip->word, t, A, &value)) goto L_ILLEGAL;
  RD = value;
  NEXT;
L_WFI: /* no interrupts: for ever */
  WAIT;
  t += ip->cycles;
  ip += ip->n;
  instructions++;
  put_to_sleep(s, c, t);
  c->waiting = 0;
  goto out;
L_ELW:
  WAIT;
  c->ip = ip;
  a = A + IMM;
  status = event_load_word(s, c, a, ip->rd, &t);
  if (status < 0) goto out;
  if (status > 0) {
    c->t = t;
    limit = new_limit(s, c, limit);
    NEXT;
  }
  instructions++;
  ip += ip->n;
  goto out;
L_LPSTARTI: c->loop_start[ip->rd] = pc_of(s, ip) + IMM; NEXT;
L_LPENDI: c->loop_end[ip->rd] = pc_of(s, ip) + IMM; goto loop_end_set;
L_LPCOUNT: c->loop_count[ip->rd] = A; NEXT;
L_LPCOUNTI: c->loop_count[ip->rd] = IMM / 2; NEXT;
L_LPSETUP:
  c->loop_start[ip->rd] = pc_of(s, ip) + 4;
  c->loop_end[ip->rd] = pc_of(s, ip) + IMM;
  c->loop_count[ip->rd] = A;
  goto loop_end_set;
L_LPSETUPI:
  c->loop_start[ip->rd] = pc_of(s, ip) + 4;
  c->loop_end[ip->rd] = pc_of(s, ip) + 2u * BITS(ip->word, 19, 15);
  c->loop_count[ip->rd] = IMM / 2;
loop_end_set: /* the common path tests one byte of flags instead of comparing every pc */
  slot_at(s, c->loop_end[ip->rd])->flags |= FLAG_LOOP_END;
  NEXT;
L_MAC: RD += A * B; NEXT;
L_MSU: RD -= A * B; NEXT;
L_XALU: RD = xpulp_alu(ip->word, A, B, RD); NEXT;
L_XMUL: RD = xpulp_mul(ip->word, A, B, RD); NEXT;
L_SIMD: RD = xpulp_simd(ip->word, A, B, RD); NEXT;
#define DOT_BYTES(ta, tb) \
  do { \
    u32 u = A, v = B; \
    RD += (u32)((ta)u * (tb)v + (ta)(u >> 8) * (tb)(v >> 8) + (ta)(u >> 16) * (tb)(v >> 16) + \
                (ta)(u >> 24) * (tb)(v >> 24)); \
    NEXT; \
  } while (0)
L_SDOTSPB: DOT_BYTES(int8_t, int8_t);
L_SDOTUPB: DOT_BYTES(u8, u8);
L_SDOTUSPB: DOT_BYTES(u8, int8_t);
L_SDOTSPH: {
  u32 u = A, v = B;
  RD += (u32)((int16_t)u * (int16_t)v) + (u32)((int16_t)(u >> 16) * (int16_t)(v >> 16));
  NEXT;
}

#define FLOAT_BEGIN \
  WAIT; \
  if (!c->is_host) t += fpu_access(s, c, ip, t); \
  if (!float_used) { \
    float_used = 1; \
    host_clear_flags(); \
  }
#define FLOAT(expression) \
  do { \
    if (UNLIKELY(c->frm && BITS(ip->word, 14, 12) == 7)) goto L_FP; \
    FLOAT_BEGIN \
    float u = as_float(f[ip->rs1]), v = as_float(f[ip->rs2]), r = (expression); \
    (void)v; \
    f[ip->rd] = UNLIKELY(r != r) ? 0x7fc00000u : as_word(r); \
    NEXT; \
  } while (0)
#define FUSED(expression) \
  do { \
    if (UNLIKELY(c->frm && BITS(ip->word, 14, 12) == 7)) goto L_FP; \
    FLOAT_BEGIN \
    float u = as_float(f[ip->rs1]), v = as_float(f[ip->rs2]), w = as_float(f[ip->word >> 27]), r = (expression); \
    f[ip->rd] = UNLIKELY(r != r) ? fpu_nan(c, as_word(u), as_word(v), as_word(w)) : as_word(r); \
    NEXT; \
  } while (0)
L_FADD: FLOAT(u + v);
L_FSUB: FLOAT(u - v);
L_FMUL: FLOAT(u * v);
L_FMADD: FUSED(__builtin_fmaf(u, v, w));
L_FMSUB: FUSED(__builtin_fmaf(u, v, -w));
L_FNMSUB: FUSED(__builtin_fmaf(-u, v, w));
L_FNMADD: FUSED(__builtin_fmaf(-u, v, -w));
L_FP:
  FLOAT_BEGIN
  if (!fpu_execute(c, ip->word)) goto L_ILLEGAL;
  NEXT;

out:
  if (float_used) fpu_collect_flags(c);
  c->ip = ip;
  c->t = t;
  c->counters[DMSIM_INSTRUCTIONS] += instructions;
}
