/* Instruction words to slots. RV32IMFC, Xpulpv2, and the marker hints `slti x0, rs1, 1` and `slti x0, rs1, 2`. */
#include "decode.h"

/* Does instruction w read register r (0-31 integer, 64-95 float)? For the stall of the instruction before it. */
int reads_register(u32 w, u32 r) {
  u32 f3 = BITS(w, 14, 12), f7 = BITS(w, 31, 25), opcode = w & 127;
  if (!r) return 0;
  if (r >= 64) { /* float */
    r -= 64;
    u32 a = BITS(w, 19, 15) == r, b = BITS(w, 24, 20) == r;
    switch (opcode) {
    case 0x27: return (int)b;
    case 0x43:
    case 0x47:
    case 0x4b:
    case 0x4f: return (int)(a | b | (BITS(w, 31, 27) == r));
    case 0x53: return f7 == 0x68 || f7 == 0x78 ? 0 : (int)(a | ((f7 < 0x2c || f7 == 0x50) && b));
    default: return 0;
    }
  }
  u32 a = BITS(w, 19, 15) == r, b = BITS(w, 24, 20) == r, d = BITS(w, 11, 7) == r;
  switch (opcode) {
  case 0x67:
  case 0x13:
  case 0x07:
  case 0x27: return (int)a;
  case 0x73: return f3 < 4 && a;
  case 0x53: return (f7 == 0x68 || f7 == 0x78) && a;
  case 0x03:
  case 0x0b: return (int)(a | (f3 == 7 && b));
  case 0x63: return (int)(a | (f3 != 2 && f3 != 3 && b));
  case 0x23:
  case 0x2b: return (int)(a | b | (f3 >= 4 && d));
  case 0x33: return (int)(a | ((w >> 30) != 3 && b) | (f7 == 0x21 && d));
  case 0x57: {
    u32 f = BITS(w, 31, 26), accumulates = f == 0x28 || f == 0x2a || f == 0x2e || f == 0x2c || f == 0x32 || f >= 0x36;
    return (int)(a | (f3 < 6 && b) | (accumulates && d));
  }
  case 0x5b: return (int)(a | b | ((f3 & 3) == 1 && d));
  case 0x7b: return (f3 == 2 || f3 == 4) && a;
  default: return 0;
  }
}

/* The word at pc, expanded, and its length in halfwords. pc is inside a memory or at most PAD bytes behind one. */
static u32 fetch(const Sim *s, u32 pc, u32 *n) {
  const u8 *p = pc - L2_BASE < s->l2_size + 8 ? s->l2 + (pc - L2_BASE) : s->l1 + (pc - L1_BASE);
  u32 h = (u32)(p[0] | p[1] << 8);
  if ((h & 3) == 3) {
    *n = 2;
    return h | (u32)p[2] << 16 | (u32)p[3] << 24;
  }
  *n = 1;
  return expand_compressed(h);
}

static u32 decode_load(u32 f3, u32 f7, int post) {
  static const u8 plain[8] = {O_LB, O_LH, O_LW, 0, O_LBU, O_LHU, O_ELW, 0},
                  by_reg[8] = {O_LBR, O_LHR, O_LWR, 0, O_LBUR, O_LHUR};
  static const u8 post_imm[8] = {O_LBP, O_LHP, O_LWP, 0, O_LBUP, O_LHUP},
                  post_reg[8] = {O_LBRP, O_LHRP, O_LWRP, 0, O_LBURP, O_LHURP};
  if (f3 == 7) return f7 & 0x47 ? O_ILLEGAL : (post ? post_reg : by_reg)[f7 >> 3 & 7];
  return (post ? post_imm : plain)[f3];
}

static u32 decode_immediate(Slot *p, u32 w, u32 f3, u32 f7) {
  static const u8 op[8] = {O_ADDI, O_SLLI, O_SLTI, O_SLTIU, O_XORI, O_SRLI, O_ORI, O_ANDI};
  u32 rd = BITS(w, 11, 7);
  if (f3 == 1 || f3 == 5) {
    p->imm &= 31;
    if (f3 == 5 && f7 == 0x20) return O_SRAI;
    return f7 ? O_ILLEGAL : op[f3];
  }
  if (f3 == 0 && !p->rs1) return O_LI;
  if (f3 == 2 && !rd && (p->imm == 1 || p->imm == 2)) return O_MARK;
  return op[f3];
}

static u32 decode_register(Slot *p, u32 w, u32 f3, u32 f7) {
  static const u8 base[8] = {O_ADD, O_SLL, O_SLT, O_SLTU, O_XOR, O_SRL, O_OR, O_AND};
  static const u8 mul[8] = {O_MUL, O_MULH, O_MULHSU, O_MULHU, O_DIV, O_DIVU, O_REM, O_REMU};
  if (f7 == 0) return base[f3];
  if (f7 == 0x20 && (f3 == 0 || f3 == 5)) return f3 ? O_SRA : O_SUB;
  if (f7 == 1) {
    p->cycles = f3 == 0 ? T_MUL : f3 <= 3 ? T_MULH : 1;
    return mul[f3];
  }
  if (f7 == 0x21 && f3 < 2) return f3 ? O_MSU : O_MAC;
  if (smallfloat_is_legal(w)) return O_FP;
  return xpulp_alu_is_legal(w) ? O_XALU : O_ILLEGAL;
}

static u32 decode_simd(u32 w, u32 f3, u32 f) {
  if (!xpulp_simd_is_legal(w)) return O_ILLEGAL;
  if (f3 == 1 && f == 0x2e) return O_SDOTSPB;
  if (f3 == 1 && f == 0x28) return O_SDOTUPB;
  if (f3 == 1 && f == 0x2a) return O_SDOTUSPB;
  if (f3 == 0 && f == 0x2e) return O_SDOTSPH;
  return O_SIMD;
}

/* float operations: the common ones in round-to-nearest have handlers of their own, `rm` dynamic is checked there */
static u32 decode_float(Slot *p, u32 w, u32 f3, u32 f7) {
  static const u8 fused[4] = {O_FMADD, O_FMSUB, O_FNMSUB, O_FNMADD};
  u32 nearest = f3 == 0 || f3 == 7, opcode = w & 127;
  if (opcode != 0x53) {
    if (BITS(w, 26, 25) != 0) return O_ILLEGAL;
    return nearest ? fused[opcode >> 2 & 3] : O_FP;
  }
  if (f7 == 0x0c || f7 == 0x2c) p->cycles = T_FDIV;
  if (f7 == 0x00 && nearest) return O_FADD;
  if (f7 == 0x04 && nearest) return O_FSUB;
  if (f7 == 0x08 && nearest) return O_FMUL;
  return O_FP;
}

/* Slots from the instruction to its target; a target outside its memory becomes the slot of bad fetches. */
static i32 jump_distance(Sim *s, const Slot *from, u32 pc, i32 offset) {
  u32 target = pc + (u32)offset, base = pc - L1_BASE < s->l1_size ? L1_BASE : L2_BASE;
  if (target - base < (base == L1_BASE ? s->l1_size : s->l2_size)) return offset / 2;
  s->bad_pc = target;
  return (i32)(s->slots + SLOT_BAD - from);
}

static u32 decode_operation(Sim *s, Slot *p, u32 pc, u32 w) {
  static const u8 branch[8] = {O_BEQ, O_BNE, O_BEQI, O_BNEI, O_BLT, O_BGE, O_BLTU, O_BGEU};
  static const u8 store[8] = {O_SB, O_SH, O_SW, 0, O_SBR, O_SHR, O_SWR, 0},
                  store_post[8] = {O_SBP, O_SHP, O_SWP, 0, O_SBRP, O_SHRP, O_SWRP, 0};
  static const u8 loop[8] = {O_LPSTARTI, O_LPENDI, O_LPCOUNT, O_LPCOUNTI, O_LPSETUP, O_LPSETUPI, 0, 0};
  u32 f3 = BITS(w, 14, 12), f7 = BITS(w, 31, 25), rd = BITS(w, 11, 7);
  i32 store_imm = ((i32)w >> 25) * 32 + (i32)rd;
  switch (w & 127) {
  case 0x37: p->imm = (i32)(w & 0xfffff000u); return O_LI;
  case 0x17: p->imm = (i32)(pc + (w & 0xfffff000u)); return O_LI;
  case 0x6f:
    p->imm = jump_distance(
        s, p, pc,
        SIGN_EXTEND(BITS(w, 31, 31) << 20 | BITS(w, 19, 12) << 12 | BITS(w, 20, 20) << 11 | BITS(w, 30, 21) << 1, 21));
    return O_JAL;
  case 0x67: return f3 ? O_ILLEGAL : O_JALR;
  case 0x63:
    p->imm = jump_distance(
        s, p, pc,
        SIGN_EXTEND(BITS(w, 31, 31) << 12 | BITS(w, 7, 7) << 11 | BITS(w, 30, 25) << 5 | BITS(w, 11, 8) << 1, 13));
    return branch[f3];
  case 0x03: return decode_load(f3, f7, 0);
  case 0x0b: return decode_load(f3, f7, 1);
  case 0x07: return f3 == 2 ? O_FLW : O_ILLEGAL;
  case 0x23: p->imm = store_imm; return f3 >= 4 && f7 ? O_ILLEGAL : store[f3];
  case 0x2b: p->imm = store_imm; return f3 >= 4 && f7 ? O_ILLEGAL : store_post[f3];
  case 0x27: p->imm = store_imm; return f3 == 2 ? O_FSW : O_ILLEGAL;
  case 0x13: return decode_immediate(p, w, f3, f7);
  case 0x33: return decode_register(p, w, f3, f7);
  case 0x43:
  case 0x47:
  case 0x4b:
  case 0x4f:
  case 0x53: return decode_float(p, w, f3, f7);
  case 0x5b: return xpulp_mul_is_legal(w) ? O_XMUL : O_ILLEGAL;
  case 0x57: return decode_simd(w, f3, w >> 26);
  case 0x7b: p->imm = (i32)(w >> 20) * 2; return rd > 1 ? O_ILLEGAL : loop[f3];
  case 0x0f: return f3 <= 1 ? O_NOP : O_ILLEGAL;
  case 0x73:
    if (w == 0x10500073) return O_WFI;
    if (w == 0x00100073 || w == 0x00000073) return O_BREAK;
    return f3 & 3 ? O_CSR : O_ILLEGAL;
  default: return O_ILLEGAL;
  }
}

void decode(Sim *s, Slot *p) {
  u32 index = (u32)(p - s->slots), n, m;
  if (index < SLOT_L1 ? index >= s->l2_size / 2 : index - SLOT_L1 >= s->l1_size / 2) {
    p->op = O_BAD_FETCH;
    return;
  }
  u32 pc = pc_of(s, p), w = fetch(s, pc, &n), rd = BITS(w, 11, 7), opcode = w & 127;
  u8 flags = p->flags & FLAG_LOOP_END; /* set by lp.setup, before or after decoding */
  memset(p, 0, sizeof *p);
  p->word = w;
  p->n = (u8)n;
  p->rs1 = (u8)BITS(w, 19, 15);
  p->rs2 = (u8)BITS(w, 24, 20);
  p->rd = (u8)(rd ? rd : 32);
  p->cycles = 1;
  p->imm = (i32)w >> 20;
  u32 op = decode_operation(s, p, pc, w);
  if (op == O_UNDECODED) op = O_ILLEGAL;
  u32 result = 0; /* register whose use by the next instruction stalls */
  if (op >= O_LB && op <= O_LHURP)
    result = rd;
  else if (op == O_MUL)
    result = rd;
  else if (op == O_FLW)
    result = 64 + rd;
  if ((op >= O_SB && op <= O_SWRP) || op == O_FLW || op >= O_FADD) p->rd = (u8)rd;
  if (opcode == 0x7b) p->rd = (u8)(rd & 1);
  if (result && reads_register(fetch(s, pc + 2 * n, &m), result)) p->hazard = T_HAZARD;
  p->cycles = (u8)(p->cycles + p->hazard);
  if (((pc + 2 * n) ^ pc) & ~15u) flags |= FLAG_LINE;
  p->flags = flags;
  p->op = (u8)op;
  u32 in_l1 = pc - L1_BASE < s->l1_size, offset = pc - (in_l1 ? L1_BASE : L2_BASE);
  u32 last = (in_l1 ? s->l1_size : s->l2_size) - 1;
  u8 *pages = in_l1 ? s->code_l1 : s->code_l2;
  pages[offset >> 8] = 1;
  pages[(offset + 8 > last ? last : offset + 8) >> 8] = 1;
}
