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
      c.if_defined "defined(__riscv) && __riscv_xlen == 32" {
        c.asm ["add t0, %[a], %[a]", "add %[acc], %[acc], t0"] names ["acc", "a"] updates(%acc : !c.lvalue<i32>) takes(%w : i32) clobbers ["t0"]
      } else {
        %old = c.load %acc : !c.lvalue<i32> -> i32
        %once = c.add %old, %w : i32
        %twice = c.add %once, %w : i32
        c.assign %twice : i32 to %acc : !c.lvalue<i32>
      }
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
// CHECK-NEXT: #if defined(__riscv) && __riscv_xlen == 32
// CHECK-NEXT:     __asm__(
// CHECK-NEXT:         "add t0, %[a], %[a]\n"
// CHECK-NEXT:         "add %[acc], %[acc], t0\n"
// CHECK-NEXT:         : [acc] "+r"(acc)
// CHECK-NEXT:         : [a] "r"(w)
// CHECK-NEXT:         : "t0");
// CHECK-NEXT: #else
// CHECK-NEXT:     acc = acc + w + w;
// CHECK-NEXT: #endif
// CHECK-NEXT:     return acc;
// CHECK-NEXT: }
