/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that compilers call by themselves, so that no C library is needed. The empty asm statements keep the
   loops from being turned into calls of what they implement. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);
int memcmp(const void *a, const void *b, size_t n);

typedef uint32_t __attribute__((may_alias)) word;

void *memcpy(void *restrict to, const void *restrict from, size_t n) {
  uint8_t *d = to;
  const uint8_t *s = from;
  if ((((uintptr_t)d | (uintptr_t)s) & 3u) == 0) {
    for (; n >= 16; n -= 16, d += 16, s += 16) {
      const word *p = (const void *)s;
      word *q = (void *)d;
      uint32_t w0 = p[0], w1 = p[1], w2 = p[2], w3 = p[3];
      __asm__ volatile("");
      q[0] = w0;
      q[1] = w1;
      q[2] = w2;
      q[3] = w3;
    }
    for (; n >= 4; n -= 4, d += 4, s += 4) {
      __asm__ volatile("");
      *(word *)(void *)d = *(const word *)(const void *)s;
    }
  }
  for (; n; n--) {
    __asm__ volatile("");
    *d++ = *s++;
  }
  return to;
}

void *memmove(void *to, const void *from, size_t n) {
  uint8_t *d = to;
  const uint8_t *s = from;
  if ((uintptr_t)d - (uintptr_t)s >= n) return memcpy(to, from, n);
  while (n) {
    __asm__ volatile("");
    n--;
    d[n] = s[n];
  }
  return to;
}

void *memset(void *to, int value, size_t n) {
  uint8_t *d = to;
  uint32_t w = (uint8_t)value * 0x01010101u;
  for (; n && ((uintptr_t)d & 3u); n--) *d++ = (uint8_t)value;
  for (; n >= 16; n -= 16, d += 16) {
    word *q = (void *)d;
    __asm__ volatile("");
    q[0] = w;
    q[1] = w;
    q[2] = w;
    q[3] = w;
  }
  for (; n; n--) {
    __asm__ volatile("");
    *d++ = (uint8_t)value;
  }
  return to;
}

int memcmp(const void *a, const void *b, size_t n) {
  const uint8_t *p = a, *q = b;
  for (; n; n--, p++, q++) {
    __asm__ volatile("");
    if (*p != *q) return *p - *q;
  }
  return 0;
}
