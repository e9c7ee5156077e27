// RUN: deeploy-opt %s -t c | filecheck %s

builtin.module @net {
  c.file "net.c" {
    c.func @dot(%x "x" : !c.ptr<const i8, restrict>, %w "w" : i32, %n "n" : index) -> i32 {
      %zero = c.constant 0 : i32
      %four = c.constant 4 : index
      %acc = c.variable %zero : i32 -> !c.lvalue<i32>
      %word = c.variable -> !c.lvalue<i32>
      %at = c.variable %x : !c.ptr<const i8, restrict> -> !c.lvalue<!c.ptr<const i8, restrict>>
      // What was read before the instructions keeps its value; a quotient folds into them.
      %before = c.load %acc : !c.lvalue<i32> -> i32
      %count = c.div %n, %four : index
      c.asm reads_memory [".option push", "p.lw %[word], 4(%[at]!) # \22 %[acc] %[n]", ".option pop"] names ["acc", "at", "word", "n"] updates(%acc, %at : !c.lvalue<i32>, !c.lvalue<!c.ptr<const i8, restrict>>) writes(%word : !c.lvalue<i32>) takes(%count : index)
      c.asm ["p.mac %[acc], %[a], %[b]"] names ["acc", "a", "b"] updates(%acc : !c.lvalue<i32>) takes(%w, %before : i32, i32)
      %sum = c.load %acc : !c.lvalue<i32> -> i32
      c.return %sum : i32
    }
  }
}

// CHECK:      int32_t dot(const int8_t *restrict x, int32_t w, int32_t n) {
// CHECK-NEXT:     int32_t acc = 0;
// CHECK-NEXT:     int32_t word;
// CHECK-NEXT:     const int8_t *restrict at = x;
// CHECK-NEXT:     const int32_t before = acc;
// CHECK-NEXT:     __asm__ volatile(
// CHECK-NEXT:         ".option push\n"
// CHECK-NEXT:         "p.lw %[word], 4(%[at]!) # \" %[acc] %[n]\n"
// CHECK-NEXT:         ".option pop\n"
// CHECK-NEXT:         : [acc] "+r"(acc), [at] "+r"(at), [word] "=&r"(word)
// CHECK-NEXT:         : [n] "r"(n / 4)
// CHECK-NEXT:         : "memory");
// CHECK-NEXT:     __asm__("p.mac %[acc], %[a], %[b]" : [acc] "+r"(acc) : [a] "r"(w), [b] "r"(before));
// CHECK-NEXT:     return acc;
// CHECK-NEXT: }
