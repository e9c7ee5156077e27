/* Vectors of small floats in the float registers: vfadd and vfmin of halfs (f3 2), bfloat16 (1) and bytes (3, 5 bits of
   exponent); f3 + 4 takes the second operand's lowest lane for all. Only these two are known to be executed by the SoC's
   public simulator; what they leave in float registers was not seen there and follows the extension's specification, in
   round-to-nearest. */
#include <math.h>

#include "internal.h"

typedef struct {
  u32 bits, fraction;
  i32 bias;
} Format;

static double widened(Format f, u32 v) {
  u32 fraction = v & ((1u << f.fraction) - 1), top = (1u << (f.bits - 1 - f.fraction)) - 1, exponent;
  exponent = v >> f.fraction & top;
  double size = exponent == top ? (fraction ? NAN : INFINITY)
                : exponent      ? ldexp(fraction + (1u << f.fraction), (i32)exponent - f.bias - (i32)f.fraction)
                                : ldexp(fraction, 1 - f.bias - (i32)f.fraction);
  return v >> (f.bits - 1) & 1 ? -size : size;
}

/* a sum of two such numbers in double precision, rounded once more, is the exact sum rounded */
static u32 narrowed(Format f, double v) {
  u32 negative = signbit(v) ? 1u << (f.bits - 1) : 0, top = (1u << (f.bits - 1 - f.fraction)) - 1;
  i32 exponent;
  if (isnan(v)) return (top << f.fraction) | 1u << (f.fraction - 1);
  if (isinf(v)) return negative | top << f.fraction;
  frexp(v, &exponent); /* of the first bit, plus 1 */
  i32 scale = exponent - 1 < 1 - f.bias ? 1 - f.bias : exponent - 1;
  u32 units = (u32)nearbyint(ldexp(fabs(v), (i32)f.fraction - scale)); /* subnormals have no bit on top */
  u32 encoded = units + ((u32)(scale + f.bias - 1) << f.fraction);
  return negative | (encoded > top << f.fraction ? top << f.fraction : encoded);
}

int smallfloat_is_legal(u32 w) {
  u32 f7 = BITS(w, 31, 25);
  return (f7 == 0x41 || f7 == 0x45) && (BITS(w, 14, 12) & 3) != 0;
}

u32 smallfloat(u32 w, u32 a, u32 b) {
  static const Format formats[4] = {{0, 0, 0}, {16, 7, 127}, {16, 10, 15}, {8, 2, 15}};
  u32 f3 = BITS(w, 14, 12), result = 0;
  Format f = formats[f3 & 3];
  for (u32 at = 0; at < 32; at += f.bits) {
    double u = widened(f, a >> at & ((1u << f.bits) - 1)), v = widened(f, b >> (f3 & 4 ? 0 : at) & ((1u << f.bits) - 1));
    double r = BITS(w, 31, 25) == 0x41 ? u + v : isnan(u) ? v : isnan(v) ? u : u < v || (u == v && signbit(u)) ? u : v;
    result |= narrowed(f, r) << at;
  }
  return result;
}
