/* SPDX-License-Identifier: Apache-2.0 */
/* See dm_math.h. The reductions and polynomials are the classical ones (Cody and Waite; fdlibm for log and erf; Payne
   and Hanek for large angles); all arithmetic is float, since the targets have no double unit. */
#include "dm_math.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

typedef union {
  float f;
  uint32_t u;
} bits;

static inline uint32_t word_of(float x) {
  bits b = {.f = x};
  return b.u;
}

static inline float float_of(uint32_t u) {
  bits b = {.u = u};
  return b.f;
}

static inline float absolute(float x) { return float_of(word_of(x) & 0x7fffffffu); }

static inline float with_sign(float magnitude, float sign) {
  return float_of((word_of(magnitude) & 0x7fffffffu) | (word_of(sign) & 0x80000000u));
}

/* The nearest integer of |x| < 2^22, ties to even. */
static inline float nearest(float x) {
  float shifted = x + 12582912.0f; /* 1.5 * 2^23 */
  return shifted - 12582912.0f;
}

/* x * 2^n, rounded once, for n in -252 .. 254 */
static inline float scale(float x, int32_t n) {
  int32_t half = n / 2;
  return x * float_of((uint32_t)(half + 127) << 23) * float_of((uint32_t)(n - half + 127) << 23);
}

/* ---- exponential and logarithm ---- */

#define LN2_HIGH 0x1.62e400p-1f /* 16 bits: exact times an exponent */
#define LN2_LOW 0x1.7f7d1cp-20f

/* exp(x + low), |low| tiny */
static float exp_of_sum(float x, float low) {
  if (x > 89.0f) return float_of(0x7f800000u);
  if (x < -104.0f) return 0.0f;
  float n = nearest(x * 0x1.715476p+0f), r = x - n * LN2_HIGH;
  float tail = low - n * LN2_LOW, p;
  r = r + tail;
  p = 0x1.a5ed42p-13f;
  p = p * r + 0x1.6d592cp-10f;
  p = p * r + 0x1.110d3cp-7f;
  p = p * r + 0x1.5554dep-5f;
  p = p * r + 0x1.555558p-3f;
  p = p * r + 0.5f;
  return scale(1.0f + (r + r * r * p), (int32_t)n);
}

float dm_expf(float x) { return x != x ? x : exp_of_sum(x, 0.0f); }

float dm_sigmoidf(float x) {
  float e = dm_expf(-absolute(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e); /* a NaN comes through e */
}

/* x = 2^k m with m in [sqrt(1/2), sqrt(2)), for positive finite x */
static float split_exponent(float x, int32_t *k) {
  int32_t shift = 0;
  if (x < 0x1p-126f) {
    x *= 0x1p25f;
    shift = -25;
  }
  uint32_t u = word_of(x) + (0x3f800000u - 0x3f3504f3u);
  *k = (int32_t)(u >> 23) - 127 + shift;
  return float_of((u & 0x007fffffu) + 0x3f3504f3u);
}

float dm_logf(float x) {
  if (x != x || x == float_of(0x7f800000u)) return x;
  if (x <= 0.0f) return x == 0.0f ? -float_of(0x7f800000u) : float_of(0x7fc00000u);
  int32_t k;
  float m = split_exponent(x, &k), f = m - 1.0f, s = f / (2.0f + f), z = s * s, w = z * z, e = (float)k;
  float t1 = w * (0xccce13.0p-25f + w * 0xf89e26.0p-26f), t2 = z * (0xaaaaaa.0p-24f + w * 0x91e9ee.0p-25f);
  float half = 0.5f * f * f;
  return s * (half + (t1 + t2)) + e * LN2_LOW - half + f + e * LN2_HIGH;
}

/* ---- sums and products without error, for powf ---- */

typedef struct {
  float high, low;
} pair;

static inline pair quick_sum(float a, float b) { /* |a| >= |b| */
  float s = a + b;
  return (pair){s, b - (s - a)};
}

static inline pair product(float a, float b) { /* Dekker */
  float p = a * b, t = a * 4097.0f, ah = t - (t - a), al = a - ah;
  t = b * 4097.0f;
  float bh = t - (t - b), bl = b - bh;
  return (pair){p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

/* log(x) in two floats, for positive finite x */
static pair log_pair(float x) {
  int32_t k;
  float m = split_exponent(x, &k), f = m - 1.0f, e = (float)k;
  pair d = quick_sum(2.0f, f);
  float s = f / d.high;
  pair q = product(s, d.high);
  float s_low = (((f - q.high) - q.low) - s * d.low) / d.high, z = s * s;
  /* log(m) = 2 s + s (2/3 z + 2/5 z^2 + ...) */
  float p = 0x1.3b13b2p-3f; /* 2/13 */
  p = p * z + 0x1.745d18p-3f;
  p = p * z + 0x1.c71c72p-3f;
  p = p * z + 0x1.24924ap-2f;
  p = p * z + 0x1.99999ap-2f;
  float third = 0x1.555556p-1f * z, rest = s * (z * z * p);
  pair main = product(s, third);
  float third_low = -0x1.555556p-26f; /* 2/3 - 0x1.555556p-1 */
  pair a = quick_sum(2.0f * s, main.high);
  float low = a.low + (main.low + (rest + (2.0f * s_low + s * z * third_low + s_low * 2.0f * z)));
  /* z = s * s was rounded: its error, times 2/3 s */
  pair zz = product(s, s);
  low += 0x1.555556p-1f * s * (zz.low + (zz.high - z));
  if (k != 0) {
    pair b = quick_sum(e * LN2_HIGH, a.high);
    low += b.low + e * LN2_LOW;
    return quick_sum(b.high, low);
  }
  return quick_sum(a.high, low);
}

static int is_integer(float y) { return absolute(y) >= 0x1p23f || dm_truncf(y) == y; }

static int is_odd(float y) { return absolute(y) < 0x1p24f && is_integer(y) && ((int32_t)y & 1); }

float dm_powf(float x, float y) {
  const float infinity = float_of(0x7f800000u);
  if (y == 0.0f || x == 1.0f) return 1.0f;
  if (x != x || y != y) return x + y;
  float a = absolute(x), sign = x < 0.0f || (x == 0.0f && word_of(x) >> 31) ? (is_odd(y) ? -1.0f : 1.0f) : 1.0f;
  if (absolute(y) == infinity) return a == 1.0f ? 1.0f : (a > 1.0f) == (y > 0.0f) ? infinity : 0.0f;
  if (a == 0.0f || a == infinity) return sign * ((a == 0.0f) == (y > 0.0f) ? 0.0f : infinity);
  if (x < 0.0f && !is_integer(y)) return float_of(0x7fc00000u);
  pair l = log_pair(a);
  float rough = y * l.high;
  if (rough > 120.0f) return sign * infinity;
  if (rough < -120.0f) return sign * 0.0f;
  if (absolute(y) > 0x1p60f) { /* the exact product would overflow inside; x is so near 1 that this is enough */
    return sign * exp_of_sum(rough, y * l.low);
  }
  pair t = product(y, l.high);
  return sign * exp_of_sum(t.high, t.low + y * l.low);
}

/* ---- tanh and erf ---- */

float dm_tanhf(float x) {
  float a = absolute(x), z;
  if (x != x) return x;
  if (a < 0.625f) {
    z = x * x;
    float p = 0x1.193126p-9f;
    p = p * z - 0x1.0c23dep-7f;
    p = p * z + 0x1.639b6ap-6f;
    p = p * z - 0x1.b9f0dap-5f;
    p = p * z + 0x1.111078p-3f;
    p = p * z - 0x1.555554p-2f;
    return with_sign(a + a * z * p, x); /* -0 stays -0 */
  }
  if (a > 10.0f) return with_sign(1.0f, x);
  return with_sign(1.0f - 2.0f / (dm_expf(2.0f * a) + 1.0f), x);
}

/* c[0] + c[1] x + ... */
static inline float polynomial(const float *c, int n, float x) {
  float r = c[n - 1];
  for (int i = n - 2; i >= 0; i--) r = c[i] + x * r;
  return r;
}

#define POLYNOMIAL(c, x) polynomial(c, (int)(sizeof(c) / sizeof(c)[0]), x)

static const float erf_middle_p[] = {-2.3621185e-3f, 4.1485610e-1f, -3.7220788e-1f, 3.1834662e-1f, -1.1089469e-1f,
    3.5478305e-2f, -2.1663755e-3f};
static const float erf_middle_q[] = {1.0f, 1.0642088e-1f, 5.4039794e-1f, 7.1828655e-2f, 1.2617122e-1f, 1.3637083e-2f,
    1.1984500e-2f};
static const float erf_far_p[] = {-9.8649440e-3f, -6.9385856e-1f, -1.0558626e1f, -6.2375332e1f, -1.6239667e2f,
    -1.8460509e2f, -8.1287437e1f, -9.8143291f};
static const float erf_far_q[] = {1.0f, 1.9651272e1f, 1.3765776e2f, 4.3456588e2f, 6.4538727e2f, 4.2900815e2f,
    1.0863500e2f, 6.5702496f, -6.0424414e-2f};
static const float erf_tail_p[] = {-9.8649431e-3f, -7.9928326e-1f, -1.7757955e1f, -1.6063638e2f, -6.3756646e2f,
    -1.0250950e3f, -4.8351919e2f};
static const float erf_tail_q[] = {1.0f, 3.0338060e1f, 3.2579251e2f, 1.5367296e3f, 3.1998582e3f, 2.5530502e3f,
    4.7452853e2f, -2.2440952e1f};
static const float erf_near_p[] = {1.2837917e-1f, -3.2504210e-1f, -2.8481749e-2f, -5.7702702e-3f, -2.3763017e-5f};
static const float erf_near_q[] = {1.0f, 3.9791721e-1f, 6.5022250e-2f, 5.0813062e-3f, 1.3249473e-4f, -3.9602282e-6f};

static float erf_tail(float a) { /* 1 - erf(a) for a in [0.84375, 4) */
  float s, r, q, z;
  if (a < 1.25f) {
    s = a - 1.0f;
    r = POLYNOMIAL(erf_middle_p, s);
    q = POLYNOMIAL(erf_middle_q, s);
    return 1.0f - 8.4506291151e-1f - r / q;
  }
  s = 1.0f / (a * a);
  if (a < 2.857142f) {
    r = POLYNOMIAL(erf_far_p, s);
    q = POLYNOMIAL(erf_far_q, s);
  } else {
    r = POLYNOMIAL(erf_tail_p, s);
    q = POLYNOMIAL(erf_tail_q, s);
  }
  z = float_of(word_of(a) & 0xffffe000u);
  return dm_expf(-z * z - 0.5625f) * dm_expf((z - a) * (z + a) + r / q) / a;
}

float dm_erff(float x) {
  float a = absolute(x), z;
  if (x != x) return x;
  if (a < 0.84375f) {
    if (a < 0x1p-14f) return x + 1.2837916e-1f * x;
    z = x * x;
    float r = POLYNOMIAL(erf_near_p, z);
    float q = POLYNOMIAL(erf_near_q, z);
    return x + x * (r / q);
  }
  return with_sign(a < 4.0f ? 1.0f - erf_tail(a) : 1.0f, x);
}

/* ---- sine and cosine ---- */

/* 2/pi from its first bit on, in 32-bit pieces that start every 8 bits */
static const uint32_t two_over_pi[24] = {
    0xa2u,       0xa2f9u,     0xa2f983u,   0xa2f9836eu, 0xf9836e4eu, 0x836e4e44u, 0x6e4e4415u, 0x4e441529u,
    0x441529fcu, 0x1529fc27u, 0x29fc2757u, 0xfc2757d1u, 0x2757d1f5u, 0x57d1f534u, 0xd1f534ddu, 0xf534ddc0u,
    0x34ddc0dbu, 0xddc0db62u, 0xc0db6295u, 0xdb629599u, 0x6295993cu, 0x95993c43u, 0x993c4390u, 0x3c439041u};

/* the angle in -pi/4 .. pi/4 left of |x| and the quadrant; finite x */
static float reduce(float a, uint32_t *quadrant) {
  if (a < 512.0f) {
    float n = nearest(a * 0x1.45f306p-1f);
    *quadrant = (uint32_t)(int32_t)n;
    return ((a - n * 0x1.92p+0f) - n * 0x1.fb4p-12f) - n * 0x1.444p-24f - n * 0x1.68c234p-39f;
  }
  uint32_t u = word_of(a), shift = (u >> 23) & 7u, m = ((u & 0x7fffffu) | 0x800000u) << shift;
  const uint32_t *p = &two_over_pi[(u >> 26) & 15u];
  uint64_t top = (uint64_t)(m * p[0]) << 32, middle = (uint64_t)m * p[4], low = (uint64_t)m * p[8];
  uint64_t sum = top + middle + (low >> 32);
  uint64_t n = (sum + (1ull << 61)) >> 62;
  *quadrant = (uint32_t)n;
  return (float)(int64_t)(sum - (n << 62)) * 0x1.921fb6p-62f;
}

static float sine(float r) {
  float z = r * r, p = 0x1.77b00ep-19f;
  p = p * z - 0x1.a04802p-13f;
  p = p * z + 0x1.111164p-7f;
  p = p * z - 0x1.555556p-3f;
  return r + r * z * p;
}

static float cosine(float r) {
  float z = r * r, p = 0x1.99e1d6p-16f;
  p = p * z - 0x1.6c0c1cp-10f;
  p = p * z + 0x1.55554ap-5f;
  float half = 0.5f * z, w = 1.0f - half;
  return w + (((1.0f - w) - half) + z * z * p);
}

static float sine_or_cosine(float x, uint32_t ahead) {
  float a = absolute(x);
  if (a >= float_of(0x7f800000u) || x != x) return float_of(0x7fc00000u);
  uint32_t quadrant;
  float r = reduce(a, &quadrant);
  quadrant += ahead;
  float v = quadrant & 1u ? cosine(r) : sine(r);
  if (quadrant & 2u) v = -v;
  return !ahead && word_of(x) >> 31 ? -v : v;
}

float dm_sinf(float x) { return absolute(x) < 0x1p-12f ? x : sine_or_cosine(x, 0); }

float dm_cosf(float x) { return sine_or_cosine(x, 1); }

/* ---- exact ---- */

float dm_sqrtf(float x) {
#if defined(__riscv_flen) && !defined(DM_MATH_INTEGER_SQRT)
  float r;
  __asm__("fsqrt.s %0, %1" : "=f"(r) : "f"(x));
  return r;
#elif defined(__x86_64__) && !defined(DM_MATH_INTEGER_SQRT)
  return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
#elif defined(__aarch64__) && !defined(DM_MATH_INTEGER_SQRT)
  float r;
  __asm__("fsqrt %s0, %s1" : "=w"(r) : "w"(x));
  return r;
#else
  uint32_t u = word_of(x);
  if (x != x || x == 0.0f || u == 0x7f800000u) return x;
  if (u >> 31) return float_of(0x7fc00000u);
  int32_t e = (int32_t)(u >> 23) - 127;
  uint32_t m = u & 0x7fffffu;
  if (u < 0x800000u) {
    for (e = -126; !(m & 0x800000u); e--) m <<= 1;
  } else {
    m |= 0x800000u;
  }
  if (e & 1) m <<= 1; /* m * 2^-23 in [1, 4), exponent even */
  uint32_t root = 0, rest = 0; /* 25 bits of the root, digit by digit; the last rounds */
  for (int i = 0; i < 25; i++) {
    rest = rest << 2 | (m >> 23 & 3u);
    m = m << 2 & 0x1ffffffu;
    uint32_t trial = root << 2 | 1u;
    root <<= 1;
    if (rest >= trial) {
      rest -= trial;
      root |= 1u;
    }
  }
  root = (root >> 1) + (root & 1u);
  return float_of(root - 0x800000u + ((uint32_t)((e - (e & 1)) / 2 + 127) << 23));
#endif
}

float dm_truncf(float x) { return absolute(x) < 0x1p23f ? with_sign((float)(int32_t)x, x) : x; }

float dm_floorf(float x) {
  float t = dm_truncf(x);
  return t > x ? t - 1.0f : t;
}

float dm_ceilf(float x) {
  float t = dm_truncf(x);
  return t < x ? with_sign(t + 1.0f, x) : t;
}

float dm_rintf(float x) {
  float a = absolute(x);
  return a < 0x1p23f ? with_sign((a + 0x1p23f) - 0x1p23f, x) : x;
}

float dm_roundf(float x) {
  float t = dm_truncf(x);
  return absolute(x - t) >= 0.5f ? t + with_sign(1.0f, x) : t;
}

/* the 24-bit significand, top bit set, and the biased exponent, for u neither 0 nor infinite */
static uint32_t normalised(uint32_t u, int32_t *exponent) {
  uint32_t m = u & 0x7fffffu;
  *exponent = (int32_t)(u >> 23);
  if (*exponent) return m | 0x800000u;
  for (*exponent = 1; !(m & 0x800000u); --*exponent) m <<= 1;
  return m;
}

float dm_fmodf(float x, float y) {
  uint32_t ux = word_of(x) & 0x7fffffffu, uy = word_of(y) & 0x7fffffffu;
  if (x != x || y != y || ux >= 0x7f800000u || uy == 0) return float_of(0x7fc00000u);
  if (ux < uy || uy == 0x7f800000u) return x;
  int32_t ex, ey;
  uint32_t mx = normalised(ux, &ex), my = normalised(uy, &ey);
  for (; ex > ey; ex--) {
    if (mx >= my) mx -= my;
    mx <<= 1;
  }
  if (mx >= my) mx -= my;
  if (!mx) return with_sign(0.0f, x);
  for (; mx < 0x800000u; ex--) mx <<= 1;
  return with_sign(float_of(ex >= 1 ? ((uint32_t)ex << 23) + (mx - 0x800000u) : mx >> (1 - ex)), x); /* exact */
}
