/* One job of N-EUREKA: what it may be, how long it takes, what it computes.

   Known is what was seen on the SoC's public simulator, with its checksums and cycles (tests/test_simulator_neureka.py).
   A job outside of that is refused when it is started: better no answer than one that nobody has checked. */
#include <stdlib.h>

#include "neureka.h"

#define HIGH(r) ((r) >> 16)
#define LOW(r) ((r) & 0xffff)
#define BASE 0x00201000u
#define BUFFER 8u                   /* rows and columns of inputs that the engine holds for 3x3 filters */
#define ROW_BYTES 32u               /* weights that are loaded in a cycle */
#define MAX_OUTPUTS 0x100000u       /* of a job, and its products: memory allows more, time does not */
#define MAX_PRODUCTS 0x100000000ull
#define CHUNK 16384u                /* products of 8-bit inputs and weights that 32 bits hold the sum of */
#define MAX_OFFSET 256

/* config bits that have a meaning here: weight bits, normalise, filter, weight memory, bits of scales, weight offset,
   shift, bits of outputs, no ReLU, a shift for each channel, bias, signed inputs */
#define KNOWN_BITS (0x7u | 1u << 4 | 3u << 5 | 1u << 9 | 3u << 12 | 1u << 15 | 31u << 16 | 3u << 21 | 15u << 23)

Job neureka_job(const u32 *r) {
  Job j = {0};
  u32 config = r[CONFIG], filter = BITS(config, 6, 5);
  j.r = r;
  j.depthwise = filter == 1;
  j.one_by_one = filter == 2;
  j.side = j.one_by_one ? 1 : 3;
  j.bits = BITS(config, 2, 0) + 1;
  j.normalise = config >> 4 & 1;
  j.wmem = config >> 9 & 1;
  j.scale32 = BITS(config, 13, 12) == 2;
  j.shift = BITS(config, 20, 16);
  j.out32 = BITS(config, 22, 21) == 2;
  j.relu = !(config >> 23 & 1) && j.normalise; /* without normalisation the accumulators come out as they are */
  j.shift_each = config >> 24 & 1;
  j.bias = config >> 25 & 1;
  j.is_signed = config >> 26 & 1;
  j.tile_in = j.one_by_one ? 32 : 28;
  j.tile_out = j.depthwise ? 28 : TILE_OUT;
  j.tiles_in = LOW(r[NUM_K]);
  j.tiles_out = HIGH(r[NUM_K]);
  j.last_in = LOW(r[REM_K]);
  j.last_out = HIGH(r[REM_K]);
  j.k_in = (j.tiles_in - 1) * j.tile_in + j.last_in;
  j.k_out = (j.tiles_out - 1) * j.tile_out + j.last_out;
  j.before[0] = r[PADDING] >> 28;
  j.after[1] = r[PADDING] >> 24 & 15;
  j.after[0] = r[PADDING] >> 20 & 15;
  j.before[1] = r[PADDING] >> 16 & 15;
  j.padding_value = j.is_signed ? (int8_t)r[PADDING] : (u8)r[PADDING];
  j.offset = (i32)r[OFFSET];
  for (u32 d = 0; d < 2; d++) {
    j.tiles[d] = d ? LOW(r[NUM_O]) : HIGH(r[NUM_O]);
    j.last[d] = d ? LOW(r[REM_O]) : HIGH(r[REM_O]);
    j.last_input[d] = d ? LOW(r[REM_I]) : HIGH(r[REM_I]);
    j.size[d] = (j.tiles[d] - 1) * TILE + j.last[d];
  }
  return j;
}

/* ---- time ---- */

static u32 tile_outputs(const Job *j, u32 d, u32 tile) { return tile == j->tiles[d] - 1 ? j->last[d] : TILE; }

static u32 tile_inputs(const Job *j, u32 d, u32 tile) {
  return tile == j->tiles[d] - 1 ? j->last_input[d] : TILE + j->side - 1;
}

/* inputs and products of a tile of outputs, all input channels */
static u64 compute_cycles(const Job *j, u32 out, u32 inputs) {
  if (j->depthwise) /* weights from L1 are loaded once for all channels of a tile */
    return NK_LOAD + inputs + NK_DEPTHWISE + (j->wmem ? out : 1) * j->bits;
  if (j->one_by_one) return (u64)j->tiles_in * (NK_LOAD + NK_LOAD_1X1 + NK_WEIGHTS_1X1 + out);
  return (u64)j->tiles_in * (NK_LOAD + inputs + NK_WEIGHTS + out * j->bits + NK_PRODUCTS);
}

static u32 normalise_cycles(const Job *j, u32 out) {
  if (!j->normalise) return 0;
  u32 scales = out == TILE_OUT || out == 0 ? (j->scale32 ? 32 : 8) : j->scale32 ? out : (out + 3) / 4;
  return (j->shift_each ? NK_SHIFTS : 0) + scales + NK_SCALES + (j->bias ? 4 : 0) + NK_BIASES;
}

u64 neureka_cycles(const Job *j) {
  u64 t = T_NEUREKA_START;
  for (u32 o = 0; o < j->tiles_out; o++) {
    u32 is_last = o == j->tiles_out - 1, out = is_last ? j->last_out : j->tile_out;
    u32 words = j->out32 ? (out + 7) / 8 : 1; /* of 32 bytes */
    for (u32 y = 0; y < j->tiles[0]; y++)
      for (u32 x = 0; x < j->tiles[1]; x++) {
        t += compute_cycles(j, out, tile_inputs(j, 0, y) * tile_inputs(j, 1, x));
        t += normalise_cycles(j, is_last ? out : 0);
        /* all six columns of each row but the last are stepped through */
        t += ((tile_outputs(j, 0, y) - 1) * TILE + tile_outputs(j, 1, x)) * words + (j->one_by_one ? NK_STORE_1X1 : 0);
      }
  }
  return t;
}

/* ---- what is known ---- */

static int refuse(Sim *s, Core *c, const char *what, u32 a, u32 b) {
  fault(s, c, DMSIM_FAULT_NEUREKA, BASE, "N-EUREKA: %s (%u, %u)", what, a, b);
  return 0;
}

static int in_l1(Sim *s, Core *c, u32 address, u64 n, const char *what) {
  if (n <= s->l1_size && within(address - L1_BASE, (u32)n, s->l1_size)) return 1;
  fault(s, c, DMSIM_FAULT_NEUREKA, address, "N-EUREKA: %s, %llu bytes at 0x%08x, outside L1", what,
        (unsigned long long)n, address);
  return 0;
}

static int check_config(Sim *s, Core *c, const Job *j) {
  u32 config = j->r[CONFIG];
  if (config & ~KNOWN_BITS) return refuse(s, c, "config bits of unknown effect", config & ~KNOWN_BITS, config);
  if (BITS(config, 6, 5) == 3) return refuse(s, c, "filter mode of unknown effect", 3, config);
  if (j->r[FILTER]) return refuse(s, c, "a filter mask is not modelled", j->r[FILTER], 0);
  if (j->bits < 2) return refuse(s, c, "weights of this many bits are not modelled", j->bits, config);
  if ((BITS(config, 13, 12) & 1) || (BITS(config, 22, 21) & 1))
    return refuse(s, c, "scales and outputs have 8 or 32 bits, fields are", BITS(config, 13, 12), BITS(config, 22, 21));
  if (!j->normalise && !j->out32) return refuse(s, c, "8-bit outputs without normalisation are not modelled", 8, config);
  if (j->offset < -MAX_OFFSET || j->offset > MAX_OFFSET || (j->offset && !(config >> 15 & 1)))
    return refuse(s, c, "weight offset of unknown effect", (u32)j->offset, config >> 15 & 1);
  for (u32 d = 0; d < 2; d++)
    if (j->before[d] > (j->one_by_one ? 0 : 1) || j->after[d] > (j->one_by_one ? 0 : 1))
      return refuse(s, c, "padding of this width is not modelled", j->before[d], j->after[d]);
  return 1;
}

/* tiles, and that the last ones load what they need: no input row or column too few, none beyond the input */
static int check_sizes(Sim *s, Core *c, const Job *j) {
  if (!j->tiles_in || !j->last_in || j->last_in > j->tile_in) return refuse(s, c, "input channels", j->tiles_in, j->last_in);
  if (!j->tiles_out || !j->last_out || j->last_out > j->tile_out)
    return refuse(s, c, "output channels", j->tiles_out, j->last_out);
  if (j->depthwise && (j->tiles_in != j->tiles_out || j->last_in != j->last_out))
    return refuse(s, c, "depthwise channels in and out", j->k_in, j->k_out);
  for (u32 d = 0; d < 2; d++) {
    if (!j->tiles[d] || !j->last[d] || j->last[d] > TILE) return refuse(s, c, "output size", j->tiles[d], j->last[d]);
    u32 needed = j->last[d] + j->side - 1 - j->after[d], most = TILE + j->side - 1, loaded = j->last_input[d];
    if (loaded > most) return refuse(s, c, "input size of the last tile (at most, stated)", most, loaded);
    if (j->after[d] && loaded > BUFFER - j->after[d]) loaded = BUFFER - j->after[d]; /* overwritten by the padding */
    if (loaded != needed)
      return refuse(s, c, "the last tile's input, without its padding, is not what it loads (needed, loaded)", needed,
                    loaded);
    if (j->before[d] && j->tiles[d] == 1 && needed <= j->before[d]) return refuse(s, c, "no input", needed, j->before[d]);
  }
  u64 outputs = (u64)j->size[0] * j->size[1], products = (u64)j->k_out * (j->depthwise ? 1 : j->k_in) * j->side * j->side;
  if (outputs > MAX_OUTPUTS || products > 0x1000000 || outputs * products > MAX_PRODUCTS)
    return refuse(s, c, "a job of this size is not simulated (channels in, out)", j->k_in, j->k_out);
  return 1;
}

/* where the rows of weights of an output channel and a tile of input channels begin, and the bytes up to their end */
static u32 weight_address(const Job *j, u32 out, u32 tile) {
  const u32 *r = j->r;
  u32 rows = j->one_by_one ? 1 : j->bits, base = r[WEIGHTS] + tile * rows * ROW_BYTES;
  if (j->depthwise) return WMEM_BASE + base;
  return WMEM_BASE + base + out / TILE_OUT * TILE_OUT * j->tiles_in * rows * ROW_BYTES +
         out % TILE_OUT * r[WEIGHT_STRIDE + 1];
}

static int check_weights(Sim *s, Core *c, const Job *j) {
  for (u32 o = 0; o < (j->depthwise ? 1 : j->k_out); o++)
    for (u32 tile = 0; tile < j->tiles_in; tile++)
      for (u32 q = 0; q < (j->one_by_one ? 1 : j->bits); q++) {
        u32 a = weight_address(j, o, tile) + q * j->r[WEIGHT_STRIDE];
        if (!j->wmem && !in_l1(s, c, a, ROW_BYTES, "weights")) return 0;
        if (j->wmem && !within(a - WMEM_BASE, ROW_BYTES, s->wmem_size)) {
          fault(s, c, DMSIM_FAULT_NEUREKA, a, "N-EUREKA: weights at 0x%08x, outside the weight memory", a);
          return 0;
        }
      }
  return 1;
}

static u32 input_address(const Job *j, u32 y, u32 x) {
  return j->r[IN] + y * j->r[IN_STRIDE + 1] + x * j->r[IN_STRIDE];
}

static u32 output_address(const Job *j, u32 y, u32 x, u32 o) {
  const u32 *r = j->r;
  u32 bytes = j->out32 ? 4 : 1, in_tile = o % j->tile_out;
  u32 a = r[OUT] + y * r[OUT_STRIDE + 2] + x * r[OUT_STRIDE + 1] + (o - in_tile) * bytes;
  return j->out32 ? a + in_tile / 8 * r[OUT_STRIDE] + in_tile % 8 * 4 : a + in_tile;
}

int neureka_check(Sim *s, Core *c, const Job *j) {
  const u32 *r = j->r;
  if (!check_config(s, c, j) || !check_sizes(s, c, j) || !check_weights(s, c, j)) return 0;
  u32 more = j->side - 1, ends[2] = {j->size[0] + more - j->after[0], j->size[1] + more - j->after[1]};
  for (u32 y = j->before[0]; y < ends[0]; y++)
    for (u32 x = j->before[1]; x < ends[1]; x++)
      if (!in_l1(s, c, input_address(j, y, x), j->k_in, "input")) return 0;
  for (u32 y = 0; y < j->size[0]; y++)
    for (u32 x = 0; x < j->size[1]; x++)
      for (u32 o = 0; o < j->k_out; o += j->out32 ? 8 - o % j->tile_out % 8 : j->tile_out - o % j->tile_out) {
        u32 n = j->out32 ? 8 : j->tile_out, left = j->k_out - o, in_tile = j->tile_out - o % j->tile_out;
        n = n < left ? n : left;
        n = n < in_tile ? n : in_tile;
        if (!in_l1(s, c, output_address(j, y, x, o), n * (j->out32 ? 4 : 1), "output")) return 0;
      }
  if (!j->normalise) return 1;
  return in_l1(s, c, r[SCALE], (u64)j->k_out * (j->scale32 ? 4 : 1), "scales") &&
         (!j->bias || in_l1(s, c, r[BIAS], 4ull * j->k_out, "biases")) &&
         (!j->shift_each || in_l1(s, c, r[SHIFT], j->k_out, "shifts"));
}

/* ---- numbers ---- */

/* weights as [out][tap][in], of which depthwise has one; NULL without memory */
static i32 *decode_weights(Sim *s, const Job *j) {
  u32 taps = j->side * j->side, k = j->depthwise ? 1 : j->k_in;
  i32 *weights = malloc(sizeof(i32) * (size_t)j->k_out * taps * k), *to = weights;
  for (u32 o = 0; weights && o < j->k_out; o++)
    for (u32 tap = 0; tap < taps; tap++)
      for (u32 i = 0; i < k; i++) {
        u32 channel = j->depthwise ? o : i, m = channel % j->tile_in;
        u32 a = weight_address(j, o, channel / j->tile_in);
        i32 v = 0;
        for (u32 q = 0; q < j->bits; q++) {
          u32 bit = j->one_by_one ? m / 4 * 32 + q * 4 + m % 4 : tap * 28 + m;
          const u8 *row = memory_at(s, a + (j->one_by_one ? 0 : q * j->r[WEIGHT_STRIDE]), ROW_BYTES);
          v |= (i32)(row[bit >> 3] >> (bit & 7) & 1) << q;
        }
        *to++ = v + j->offset;
      }
  return weights;
}

/* Where an input of a tile comes from: memory, the padding value, or nowhere, which is 0 (padding at the end is written
   only into what the last tile states to load). */
enum { FROM_MEMORY, FROM_PADDING, FROM_NOWHERE };
static int input_kind(const Job *j, u32 d, u32 tile, u32 position) {
  u32 loaded = tile_inputs(j, d, tile);
  if (position >= loaded) return FROM_NOWHERE;
  if (tile == 0 && position < j->before[d]) return FROM_PADDING;
  return tile == j->tiles[d] - 1 && j->after[d] && position >= BUFFER - j->after[d] ? FROM_PADDING : FROM_MEMORY;
}

/* the inputs of an output, as [tap][channel] */
static void gather_input(Sim *s, const Job *j, u32 y, u32 x, i32 *to) {
  for (u32 dy = 0; dy < j->side; dy++)
    for (u32 dx = 0; dx < j->side; dx++, to += j->k_in) {
      int row = input_kind(j, 0, y / TILE, y % TILE + dy), column = input_kind(j, 1, x / TILE, x % TILE + dx);
      const u8 *p = NULL;
      i32 constant = row == FROM_NOWHERE || column == FROM_NOWHERE ? 0 : j->padding_value;
      if (row == FROM_MEMORY && column == FROM_MEMORY) p = memory_at(s, input_address(j, y + dy, x + dx), j->k_in);
      for (u32 i = 0; i < j->k_in; i++) to[i] = !p ? constant : j->is_signed ? (int8_t)p[i] : p[i];
    }
}

static i64 dot_product(const i32 *a, const i32 *b, u32 n) {
  i64 sum = 0;
  for (u32 i = 0; i < n;) {
    i32 part = 0;
    for (u32 end = n - i < CHUNK ? n : i + CHUNK; i < end; i++) part += a[i] * b[i];
    sum += part;
  }
  return sum;
}

static i64 accumulate(const Job *j, const i32 *input, const i32 *weights, u32 o) {
  u32 taps = j->side * j->side;
  if (!j->depthwise) return dot_product(input, weights + (size_t)o * taps * j->k_in, taps * j->k_in);
  i64 sum = 0;
  for (u32 tap = 0; tap < taps; tap++) sum += input[tap * j->k_in + o] * weights[o * taps + tap];
  return sum;
}

/* Scale, bias and shift; accumulators, and what is shifted, are 32 bits wide in hardware, where the public simulator cuts
   some and keeps others: a value that does not fit is a fault. */
static int normalise(Sim *s, Core *c, const Job *j, u32 o, i64 *value) {
  i64 v = *value, scale = 1, bias = 0;
  u32 shift = j->shift;
  if (j->normalise) {
    scale = j->scale32 ? (i64)load32(memory_at(s, j->r[SCALE] + 4 * o, 4)) : *memory_at(s, j->r[SCALE] + o, 1);
    if (j->bias) bias = (i32)load32(memory_at(s, j->r[BIAS] + 4 * o, 4));
    if (j->shift_each) shift = *memory_at(s, j->r[SHIFT] + o, 1);
  }
  if (v != (i32)v || v * scale + bias != (i32)(v * scale + bias)) {
    fault(s, c, DMSIM_FAULT_NEUREKA, BASE, "N-EUREKA: accumulator %lld * scale %lld + bias %lld of channel %u leaves 32 bits",
          (long long)v, (long long)scale, (long long)bias, o);
    return 0;
  }
  if (shift > 31) return refuse(s, c, "shift of an output channel (channel, shift)", o, shift);
  *value = j->normalise ? (v * scale + bias) >> shift : v;
  return 1;
}

static void store_output(Sim *s, const Job *j, u32 address, i64 v) {
  if (j->out32) {
    store32(memory_at(s, address, 4), (u32)(j->relu && v < 0 ? 0 : v));
  } else {
    i64 low = j->relu ? 0 : -128, high = j->relu ? 255 : 127;
    *memory_at(s, address, 1) = (u8)(v < low ? low : v > high ? high : v);
  }
}

/* Tiles of output channels are the outermost loop, so that a job in place comes out as the engine would make it only
   within one of them: inputs are read before any output of the pixel is written, as in the engine. */
void neureka_execute(Sim *s, Core *c, const Job *j) {
  i32 *weights = decode_weights(s, j), *input = malloc(sizeof(i32) * j->side * j->side * j->k_in);
  if (!weights || !input) fault(s, c, DMSIM_FAULT_NEUREKA, BASE, "out of memory for N-EUREKA's weights");
  for (u32 y = 0; s->status == DMSIM_RUNNING && y < j->size[0]; y++)
    for (u32 x = 0; x < j->size[1]; x++) {
      gather_input(s, j, y, x, input);
      for (u32 o = 0; o < j->k_out; o++) {
        i64 v = accumulate(j, input, weights, o);
        if (!normalise(s, c, j, o, &v)) goto out;
        store_output(s, j, output_address(j, y, x, o), v);
      }
    }
out:
  free(weights);
  free(input);
}
