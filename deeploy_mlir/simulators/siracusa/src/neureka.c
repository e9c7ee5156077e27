/* N-EUREKA, the convolution engine: exact results from the bit-sliced weights, written when the job completes. */
#include <stdlib.h>

#include "internal.h"

enum {
  WEIGHTS,
  IN,
  OUT,
  SCALE,
  SHIFT,
  BIAS,
  IN_STRIDE,
  OUT_STRIDE = 9,
  WEIGHT_STRIDE = 12,
  REM_K = 15,
  REM_O,
  REM_I,
  NUM_K,
  NUM_O,
  PADDING,
  OFFSET,
  FILTER,
  CONFIG
};
#define MAX_PRODUCTS 0x100000000ull /* of a job: weights in L1 or weight memory allow more, time does not */
#define HIGH(r) ((r) >> 16)
#define LOW(r) ((r) & 0xffff)

typedef struct {
  u32 config, one_by_one, depthwise, taps, side, bits, scale32, out32, normalise, k_in, k_out, h_out, w_out, tile_in;
  u32 top, right, bottom, left;
} Job;

static Job job_of(const u32 *r) {
  Job j = {0};
  j.config = r[CONFIG];
  j.one_by_one = BITS(j.config, 6, 5) == 2;
  j.depthwise = BITS(j.config, 6, 5) == 1;
  j.side = j.one_by_one ? 1 : 3;
  j.taps = j.side * j.side;
  j.bits = BITS(j.config, 2, 0) + 1;
  j.scale32 = BITS(j.config, 13, 12) == 2;
  j.out32 = BITS(j.config, 22, 21) == 2;
  j.normalise = j.config >> 4 & 1;
  j.tile_in = j.one_by_one ? 32 : 28;
  j.k_in = (LOW(r[NUM_K]) - 1) * j.tile_in + LOW(r[REM_K]);
  j.k_out = j.depthwise ? j.k_in : (HIGH(r[NUM_K]) - 1) * 32 + HIGH(r[REM_K]);
  j.h_out = (HIGH(r[NUM_O]) - 1) * 6 + HIGH(r[REM_O]);
  j.w_out = (LOW(r[NUM_O]) - 1) * 6 + LOW(r[REM_O]);
  j.top = r[PADDING] >> 28;
  j.right = r[PADDING] >> 24 & 15;
  j.bottom = r[PADDING] >> 20 & 15;
  j.left = r[PADDING] >> 16 & 15;
  return j;
}

/* fitted; weights in weight memory or in L1 alike, no prefetch */
static u64 job_cycles(const u32 *r) {
  Job j = job_of(r);
  u32 tiles_o = j.depthwise ? LOW(r[NUM_K]) : HIGH(r[NUM_K]), tiles_i = j.depthwise ? 1 : LOW(r[NUM_K]);
  u32 rows = HIGH(r[NUM_O]), columns = LOW(r[NUM_O]), tile = j.depthwise ? 28 : 32;
  u64 t = 0;
  for (u32 y = 0; y < rows; y++)
    for (u32 x = 0; x < columns; x++)
      for (u32 o = 0; o < tiles_o; o++) {
        u32 h = y == rows - 1 ? HIGH(r[REM_O]) : 6, w = x == columns - 1 ? LOW(r[REM_O]) : 6, pixels = h * w;
        u32 out = o == tiles_o - 1 ? HIGH(r[REM_K]) : tile;
        u32 ih = h + 2 - (y ? 0 : j.top) - (y == rows - 1 ? j.bottom : 0);
        u32 iw = w + 2 - (x ? 0 : j.left) - (x == columns - 1 ? j.right : 0);
        t += tiles_i * (j.one_by_one ? 22 + 36 + out : (j.depthwise ? 45 : 26) + ih * iw + out * j.bits);
        if (j.normalise) t += (j.scale32 ? 32 : 8) + 9;
        t += 15 + pixels + (j.out32 ? (j.depthwise ? 2 * pixels + 16 : pixels + 47) : 0);
      }
  return t + T_NEUREKA_START;
}

static int check(Sim *s, Core *c, u32 address, u64 n, const char *what) {
  if (n <= DMSIM_MAX_WMEM && memory_at(s, address, (u32)n)) return 1;
  fault(s, c, DMSIM_FAULT_NEUREKA, address, "N-EUREKA: %s, %llu bytes at 0x%08x, outside memory", what,
        (unsigned long long)n, address);
  return 0;
}

static u32 weight_row(const Job *j) { return j->one_by_one ? 32 : 32 * j->bits; }

static u64 weight_span(const Job *j, const u32 *r) {
  u32 rows = (j->k_in + j->tile_in - 1) / j->tile_in;
  return (u64)weight_row(j) * rows + (j->depthwise ? 0 : (u64)(j->k_out - 1) * r[WEIGHT_STRIDE + 1]);
}

/* weights as [out][tap][in]; NULL without memory */
static i32 *decode_weights(Sim *s, const Job *j, const u32 *r) {
  u32 row = weight_row(j), k = j->depthwise ? 1 : j->k_in;
  i32 *weights = malloc(sizeof(i32) * (size_t)j->k_out * j->taps * k);
  if (!weights) return NULL;
  const u8 *p = memory_at(s, WMEM_BASE + r[WEIGHTS], (u32)weight_span(j, r));
  for (u32 o = 0; o < j->k_out; o++)
    for (u32 i = 0; i < k; i++) {
      u32 channel = j->depthwise ? o : i, m = channel % j->tile_in;
      const u8 *b = p + (j->depthwise ? 0 : o * r[WEIGHT_STRIDE + 1]) + channel / j->tile_in * row;
      for (u32 tap = 0; tap < j->taps; tap++) {
        i32 v = 0;
        for (u32 q = 0; q < j->bits; q++) {
          u32 bit = j->one_by_one ? (m / 4) * 32 + q * 4 + m % 4 : q * 256 + tap * 28 + m;
          v |= (i32)(b[bit >> 3] >> (bit & 7) & 1) << q;
        }
        weights[(o * j->taps + tap) * k + i] = (i32)((u32)v + r[OFFSET]);
      }
    }
  return weights;
}

/* Everything that the job will touch is in memory, and there is an end to it. */
static int check_job(Sim *s, Core *c, const Job *j, const u32 *r) {
  u64 pixels = (u64)j->h_out * j->w_out, products = (u64)j->k_in * (j->depthwise ? 1 : j->k_out) * j->taps;
  if (!pixels || !products || pixels > 0x100000 || products > 0x1000000 || pixels * products > MAX_PRODUCTS) {
    fault(s, c, DMSIM_FAULT_NEUREKA, 0x00201000u, "N-EUREKA: job of %u -> %u channels, %u x %u outputs", j->k_in,
          j->k_out, j->h_out, j->w_out);
    return 0;
  }
  if (!check(s, c, WMEM_BASE + r[WEIGHTS], weight_span(j, r), "weights")) return 0;
  for (u32 y = 0; y < j->h_out + j->side - 1; y++)
    for (u32 x = 0; x < j->w_out + j->side - 1; x++) {
      if (y < j->top || y >= j->h_out + j->side - 1 - j->bottom || x < j->left ||
          x >= j->w_out + j->side - 1 - j->right)
        continue;
      if (!check(s, c, r[IN] + y * r[IN_STRIDE + 1] + x * r[IN_STRIDE], j->k_in, "input")) return 0;
    }
  u32 bytes = j->out32 ? 4 : 1;
  for (u32 y = 0; y < j->h_out; y++)
    for (u32 x = 0; x < j->w_out; x++)
      if (!check(s, c, r[OUT] + y * r[OUT_STRIDE + 2] + x * r[OUT_STRIDE + 1], (u64)j->k_out * bytes, "output"))
        return 0;
  if (!j->normalise) return 1;
  return check(s, c, r[SCALE], (u64)j->k_out * (j->scale32 ? 4 : 1), "scales") &&
         (!(j->config >> 25 & 1) || check(s, c, r[BIAS], 4ull * j->k_out, "biases")) &&
         (!(j->config >> 24 & 1) || check(s, c, r[SHIFT], j->k_out, "shifts"));
}

static void write_output(Sim *s, const Job *j, const u32 *r, u32 address, u32 o, i32 acc) {
  i64 v = acc;
  u32 no_relu = j->config >> 23 & 1;
  if (j->normalise) {
    i64 scale = j->scale32 ? (i32)load32(memory_at(s, r[SCALE] + 4 * o, 4)) : *memory_at(s, r[SCALE] + o, 1);
    v *= scale;
    if (j->config >> 25 & 1) v += (i32)load32(memory_at(s, r[BIAS] + 4 * o, 4));
    v >>= j->config >> 24 & 1 ? *memory_at(s, r[SHIFT] + o, 1) & 31u : BITS(j->config, 20, 16);
  }
  if (j->out32) {
    store32(memory_at(s, address + 4 * o, 4), (u32)(!no_relu && v < 0 ? 0 : v));
  } else {
    i64 low = no_relu ? -128 : 0, high = no_relu ? 127 : 255;
    *memory_at(s, address + o, 1) = (u8)(v < low ? low : v > high ? high : v);
  }
}

static void gather_input(Sim *s, const Job *j, const u32 *r, u32 y, u32 x, i32 *to) {
  for (u32 tap = 0; tap < j->taps; tap++) {
    u32 iy = y + tap / j->side, ix = x + tap % j->side;
    int outside = iy < j->top || iy >= j->h_out + j->side - 1 - j->bottom || ix < j->left ||
                  ix >= j->w_out + j->side - 1 - j->right;
    const u8 *p = outside ? NULL : memory_at(s, r[IN] + iy * r[IN_STRIDE + 1] + ix * r[IN_STRIDE], j->k_in);
    for (u32 i = 0; i < j->k_in; i++)
      to[tap * j->k_in + i] = !p ? (i32)(r[PADDING] & 0xff) : j->config >> 26 & 1 ? (int8_t)p[i] : p[i];
  }
}

static void execute_job(Sim *s, const u32 *r) {
  Job j = job_of(r);
  i32 *weights = decode_weights(s, &j, r), *input = malloc(sizeof(i32) * j.taps * j.k_in);
  for (u32 y = 0; weights && input && y < j.h_out; y++)
    for (u32 x = 0; x < j.w_out; x++) {
      gather_input(s, &j, r, y, x, input);
      for (u32 o = 0; o < j.k_out; o++) {
        u32 acc = 0;
        const i32 *w = weights + (size_t)o * j.taps * (j.depthwise ? 1 : j.k_in);
        if (j.depthwise)
          for (u32 tap = 0; tap < j.taps; tap++) acc += (u32)input[tap * j.k_in + o] * (u32)w[tap];
        else
          for (u32 i = 0; i < j.taps * j.k_in; i++) acc += (u32)input[i] * (u32)w[i];
        write_output(s, &j, r, r[OUT] + y * r[OUT_STRIDE + 2] + x * r[OUT_STRIDE + 1], o, (i32)acc);
      }
    }
  free(weights);
  free(input);
}

static void start_next(Sim *s, u64 t) {
  if (s->nk_running || !s->nk_pending) return;
  s->nk_running = 1;
  post_event(s, t + job_cycles(s->nk_regs[s->nk_run]), EVENT_NEUREKA_DONE, 0);
}

void neureka_done(Sim *s, u64 t) {
  if (!s->nk_running) return; /* soft clear came first */
  execute_job(s, s->nk_regs[s->nk_run]);
  s->nk_running = 0;
  s->nk_pending--;
  s->nk_run ^= 1;
  raise_event(s, ~0u, 12, t);
  start_next(s, t);
}

int neureka_load(Sim *s, u32 offset, u32 *value) {
  if (offset == 4)
    *value = s->nk_pending >= 2 ? ~0u : s->nk_id & 0xff;
  else if (offset == 0xc)
    *value = s->nk_pending == 0 ? 0 : s->nk_pending == 2 ? 0x101 : 1;
  else if (offset == 0x10)
    *value = s->nk_id & 0xff;
  else if (offset >= 0x20 && offset < 0x80)
    *value = s->nk_regs[s->nk_write][(offset - 0x20) / 4];
  else
    return 0;
  return 1;
}

int neureka_store(Sim *s, Core *c, u32 offset, u32 value, u64 t) {
  if (offset >= 0x20 && offset < 0x80) {
    s->nk_regs[s->nk_write][(offset - 0x20) / 4] = value;
  } else if (offset == 0 && value == 0) {
    if (s->nk_pending == 2) {
      fault(s, c, DMSIM_FAULT_NEUREKA, 0x00201000u, "N-EUREKA: both contexts are in use");
      return 0;
    }
    const u32 *r = s->nk_regs[s->nk_write];
    Job j = job_of(r);
    if (!check_job(s, c, &j, r)) return 0;
    s->nk_pending++;
    s->nk_write ^= 1;
    s->nk_id++;
    start_next(s, t);
  } else if (offset == 0x14 && !s->nk_running) {
    s->nk_pending = s->nk_write = s->nk_run = 0;
  } else {
    return 0;
  }
  return 1;
}
