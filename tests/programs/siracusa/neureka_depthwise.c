/* N-EUREKA, 3x3 depthwise convolution: uint8 in, 8-bit weights with offset -128, int32 out; then
   requantised to uint8. */
#include "rt.h"
#define NK 0x00201000u
#define TR(i) (NK + 0x20 + 4 * (i))
#ifndef H
#define H 12
#endif
#ifndef KI
#define KI 64
#endif
#ifndef KO
#define KO 64
#endif
#ifndef KS
#define KS 1
#endif
#ifndef PAD
#define PAD 0
#endif
#define HI (H + KS - 1 - 2 * PAD)
#define KT (KS == 3 ? 28 : 32)
#define NKI ((KI + KT - 1) / KT)
#define WROW (KS == 3 ? 8 * 32 : 32) /* bytes per (ko, ki_major) */
#define NW (NKI * WROW)
static uint8_t in2[HI * HI * KI];
static uint8_t w2[KO * KI * KS * KS];
static uint8_t wenc[NW];
L1 uint8_t in1[HI * HI * KI];
L1 int32_t out1[H * H * KO];
L1 uint8_t w1[NW];
static volatile uint32_t cl_done;
L1 volatile uint32_t res[8];
#ifndef PAD
#define PAD 0
#endif
static int32_t sc2[KO], bi2[KO];
L1 int32_t sc1[KO], bi1[KO];
L1 uint8_t o8[H * H * KO];
#define SH 14
static int rem(int a, int t) {
  int r = a % t;
  return r ? r : t;
}
static void setbit(uint8_t* p, int bit) { p[bit >> 3] |= 1u << (bit & 7); }
static void enc(void) {
  for (int i = 0; i < NW; i++) wenc[i] = 0;
  for (int i = 0; i < KI; i++) {
    int o = 0;
    int M = i / KT, m = i % KT;
    uint8_t* b = wenc + M * WROW;
    for (int s = 0; s < KS * KS; s++) {
      int w = w2[(o * KI + i) * KS * KS + s];
      for (int q = 0; q < 8; q++)
        if ((w >> q) & 1) {
          if (KS == 3)
            setbit(b + q * 32, s * 28 + m);
          else
            setbit(b, (m / 4) * 32 + q * 4 + (m % 4));
        }
    }
  }
}
static uint32_t run(int wmem, uint32_t waddr) {
  uint32_t t = cyc();
  while ((int32_t)REG(NK + 4) < 0);
  REG(TR(0)) = waddr;
  REG(TR(1)) = (uint32_t)in1 - (PAD * HI + PAD) * KI;
  REG(TR(2)) = (uint32_t)out1;
  REG(TR(3)) = 0;
  REG(TR(4)) = 0;
  REG(TR(5)) = 0;
  REG(TR(6)) = KI;
  REG(TR(7)) = KI * HI;
  REG(TR(8)) = 0;
  REG(TR(9)) = 32;
  REG(TR(10)) = KO * 4;
  REG(TR(11)) = KO * 4 * H;
  REG(TR(12)) = 32;
  REG(TR(13)) = 0;
  REG(TR(14)) = 0;
  REG(TR(15)) = (uint32_t)rem(KO, 28) << 16 | rem(KI, 28);
  REG(TR(16)) = (uint32_t)rem(H, 6) << 16 | rem(H, 6);
  REG(TR(17)) = (uint32_t)(rem(H, 6) + KS - 1 - PAD) << 16 | (rem(H, 6) + KS - 1 - PAD);
  REG(TR(18)) = (uint32_t)NKI << 16 | NKI;
  REG(TR(19)) = (uint32_t)((H + 5) / 6) << 16 | ((H + 5) / 6);
  REG(TR(20)) = (uint32_t)PAD * 0x11110000u;
  REG(TR(21)) = (uint32_t)-128;
  REG(TR(22)) = 0;
  REG(TR(23)) = (2u << 21) | (1u << 23) | (1u << 15) | (wmem ? 1u << 9 : 0) | (1u << 5) | 7;
  uint32_t t1 = cyc();
  (void)t1;
  REG(EU_DEMUX + 8) = 1u << 12; /* unmask acc_0 event */
  REG(NK) = 0;
  elw(EU_DEMUX + 0x3c);
  return cyc() - t;
}
static uint32_t runq(int wmem, uint32_t waddr) {
  uint32_t t = cyc();
  while ((int32_t)REG(NK + 4) < 0);
  REG(TR(0)) = waddr;
  REG(TR(1)) = (uint32_t)in1 - (PAD * HI + PAD) * KI;
  REG(TR(2)) = (uint32_t)o8;
  REG(TR(3)) = (uint32_t)sc1;
  REG(TR(4)) = 0;
  REG(TR(5)) = (uint32_t)bi1;
  REG(TR(6)) = KI;
  REG(TR(7)) = KI * HI;
  REG(TR(8)) = 0;
  REG(TR(9)) = 32;
  REG(TR(10)) = KO;
  REG(TR(11)) = KO * H;
  REG(TR(12)) = 32;
  REG(TR(13)) = 0;
  REG(TR(14)) = 0;
  REG(TR(15)) = (uint32_t)rem(KO, 28) << 16 | rem(KI, 28);
  REG(TR(16)) = (uint32_t)rem(H, 6) << 16 | rem(H, 6);
  REG(TR(17)) = (uint32_t)(rem(H, 6) + KS - 1 - PAD) << 16 | (rem(H, 6) + KS - 1 - PAD);
  REG(TR(18)) = (uint32_t)NKI << 16 | NKI;
  REG(TR(19)) = (uint32_t)((H + 5) / 6) << 16 | ((H + 5) / 6);
  REG(TR(20)) = (uint32_t)PAD * 0x11110000u;
  REG(TR(21)) = (uint32_t)-128;
  REG(TR(22)) = 0;
  REG(TR(23)) = (1u << 4) | (2u << 12) | (1u << 25) | (SH << 16) | (1u << 15) | (wmem ? 1u << 9 : 0) | (1u << 5) | 7;
  uint32_t t1 = cyc();
  (void)t1;
  REG(EU_DEMUX + 8) = 1u << 12; /* unmask acc_0 event */
  REG(NK) = 0;
  elw(EU_DEMUX + 0x3c);
  return cyc() - t;
}
static int check(void) {
  int bad = 0;
  for (int y = 0; y < H; y++)
    for (int x = 0; x < H; x++)
      for (int o = 0; o < KO; o++) {
        int t = 0;
        for (int dy = 0; dy < 3; dy++)
          for (int dx = 0; dx < 3; dx++) {
            int yy = y + dy - PAD, xx = x + dx - PAD;
            t += (yy < 0 || yy >= HI || xx < 0 || xx >= HI)
                     ? 0
                     : in1[(yy * HI + xx) * KI + o] * ((int)w2[o * 9 + dy * 3 + dx] - 128);
          }
        bad += t != out1[(y * H + x) * KO + o];
      }
  return bad;
}
static int checkq(void) {
  int bad = 0;
  for (int i = 0; i < H * H * KO; i++) {
    int o = i % KO;
    int64_t v = ((int64_t)out1[i] * sc1[o] + bi1[o]);
    v >>= SH;
    uint8_t e = v < 0 ? 0 : v > 255 ? 255 : v;
    bad += e != o8[i];
  }
  return bad;
}
void pe_main(int id) {
  if (id) return;
  REG(EU_DEMUX + 4) = 0xffffffff;
  for (int i = 0; i < (int)sizeof in1; i++) in1[i] = in2[i];
  for (int i = 0; i < NW; i++) w1[i] = wenc[i];
  volatile uint8_t* wm = (volatile uint8_t*)0x10800000u;
  for (int i = 0; i < NW; i++) wm[i] = wenc[i];
  res[0] = run(0, (uint32_t)w1 - 0x10400000u);
  res[1] = check();
  for (int i = 0; i < H * H * KO; i++) out1[i] = -1;
  res[2] = run(1, 0x400000);
  res[3] = check();
  for (int i = 0; i < KO; i++) {
    sc1[i] = sc2[i];
    bi1[i] = bi2[i];
  }
  res[4] = runq(1, 0x400000);
  res[5] = checkq();
  cl_done = 1;
}
extern char _start[];
int main(void) {
  uint32_t s = 1;
  for (int i = 0; i < (int)sizeof in2; i++) {
    s = s * 1664525u + 1013904223u;
    in2[i] = s >> 24;
  }
  for (int i = 0; i < (int)sizeof w2; i++) {
    s = s * 1664525u + 1013904223u;
    w2[i] = s >> 24;
  }
  enc();
  for (int i = 0; i < KO; i++) {
    sc2[i] = 3 + i % 5;
    bi2[i] = 1000 * i - 20000;
  }
  REG(CL_ICACHE) = 0xffffffff;
  REG(CL_BOOT(0)) = (uint32_t)_start;
  REG(CL_FETCHEN) = 1;
  while (!cl_done);
  printf_(
      "neureka depthwise %dx%d conv %dx%dx%d->%d: weights in TCDM %u cyc, wrong %d; in wmem %u cyc, wrong %d; MACs %u; "
      "requant to u8: %u cyc, wrong %d; pad %d\n",
      KS, KS, H, H, KI, KO, res[0], res[1], res[2], res[3], H * H * KI * KS * KS, res[4], res[5], PAD);
  return 0;
}
