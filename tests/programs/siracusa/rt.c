#include "rt.h"
#include <stdarg.h>
void putch(char c) {
  uint32_t h = hartid();
  REG(0x1A10F000u + ((h & 0xf) << 3) + (((h >> 5) & 0x3f) << 7)) = (uint8_t)c;
}
void puts_(const char *s) {
  while (*s) putch(*s++);
}
void putu(uint32_t v) {
  char b[12];
  int n = 0;
  do {
    b[n++] = '0' + v % 10;
    v /= 10;
  } while (v);
  while (n) putch(b[--n]);
}
void putx(uint32_t v) {
  for (int i = 28; i >= 0; i -= 4) putch("0123456789abcdef"[(v >> i) & 15]);
}
int printf_(const char *f, ...) {
  va_list a;
  va_start(a, f);
  for (; *f; f++) {
    if (*f != '%') {
      putch(*f);
      continue;
    }
    switch (*++f) {
    case 'd': {
      int v = va_arg(a, int);
      if (v < 0) {
        putch('-');
        v = -v;
      }
      putu(v);
      break;
    }
    case 'u': putu(va_arg(a, uint32_t)); break;
    case 'x': putx(va_arg(a, uint32_t)); break;
    case 's': puts_(va_arg(a, char *)); break;
    default: putch(*f);
    }
  }
  va_end(a);
  return 0;
}
void exit_soc(int rc) {
  REG(0x1A1040A0u) = 0x80000000u | (uint32_t)rc;
  for (;;);
}
void *memcpy(void *d, const void *s, __SIZE_TYPE__ n) {
  char *a = d;
  const char *b = s;
  while (n--) *a++ = *b++;
  return d;
}
void *memset(void *d, int c, __SIZE_TYPE__ n) {
  char *a = d;
  while (n--) *a++ = c;
  return d;
}
