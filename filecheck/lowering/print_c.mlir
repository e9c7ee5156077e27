// RUN: deeploy-opt %s -t c | filecheck %s
// RUN: deeploy-opt %s -t 'c{index-type=int64_t}' | filecheck %s --check-prefix=WIDE

builtin.module @net {
  c.file "net.h" {
    c.comment "The network's interface."
    c.include "deeploy/platform.h"
    c.define "NET_SIZE" "16"
    c.struct "pair" {a : i32, b : !c.ptr<const ui8>, c : !c.array<4xf32>}
    c.declare_func @net_run
    c.declare_global @net_input
  }
  c.file "net.c" {
    c.include "net.h"
    c.global @net_input : !c.array<4xi8>
    c.global @used ["static", "const", "DM_ALIGN(8)"] : !c.array<2x3xi8> = dense<[[1, 2, 3], [4, 5, -128]]> : tensor<2x3xi8>
    c.global @unused ["static", "const"] : !c.array<4xi8> = dense<1> : tensor<4xi8>
    c.global @zeros ["const"] : !c.array<64xf32> = dense<0.0> : tensor<64xf32>
    c.global @table ["const"] : !c.array<2x!c.opaque<"pair">> = [[1 : i32, "NULL", dense<1.5> : tensor<4xf32>], [-2147483648 : i32, @used, dense<0.0> : tensor<4xf32>]]
    c.func @unused_helper() ["static"] {
    }
    c.func @helper(%x "x" : i32, %int "int" : i32) -> i32 ["static", "inline"] {
      %0 = c.mul %x, %x : i32
      c.return %0 : i32
    }
    c.func @net_run(%p "p" : !c.ptr<i8, restrict>, %n "n" : index) {
      %zero = c.constant 0 : index
      %one = c.constant 1 : index
      %two = c.constant 2 : index
      %seven = c.constant 7 : i32
      %w = c.get_global @used : !c.array<2x3xi8>
      %acc = c.variable %seven : i32 -> !c.lvalue<i32>
      c.comment "a row at a time"
      c.for %i : index = %zero to %n step %two {
        // A load folds into its user; the widening casts go.
        %0 = c.subscript %p[%i] : (!c.ptr<i8, restrict>, index) -> !c.lvalue<i8>
        %1 = c.load %0 : !c.lvalue<i8> -> i8
        %2 = c.cast %1 : i8 to i32
        %3 = c.subscript %w[%one, %i] : (!c.array<2x3xi8>, index, index) -> !c.lvalue<i8>
        %4 = c.load %3 : !c.lvalue<i8> -> i8
        %5 = c.cast %4 : i8 to i32
        %6 = c.mul %2, %5 : i32
        %7 = c.load %acc : !c.lvalue<i32> -> i32
        %8 = c.add %7, %6 : i32
        c.assign %8 : i32 to %acc : !c.lvalue<i32>
      }
      // A load does not move across a call or a store that may write what it reads.
      %first = c.subscript %p[%zero] : (!c.ptr<i8, restrict>, index) -> !c.lvalue<i8>
      %before = c.load %first : !c.lvalue<i8> -> i8
      c.call_opaque "dm_barrier"() : () -> ()
      c.assign %before : i8 to %first : !c.lvalue<i8>
      // Its own variable is no concern of a call.
      %sum = c.load %acc : !c.lvalue<i32> -> i32
      c.call_opaque "dm_barrier"() : () -> ()
      %called = c.call @helper(%sum, %seven) : (i32, i32) -> i32
      c.assign %called : i32 to %acc : !c.lvalue<i32>
      // Shared values get a name.
      %a = c.load %acc : !c.lvalue<i32> -> i32
      %shared = c.add wrap %a, %seven : i32
      %min = c.min %shared, %seven : i32
      %max = c.max %min, %shared : i32
      %narrow = c.cast %max : i32 to i8
      c.assign %narrow : i8 to %first : !c.lvalue<i8>
      %test = c.cmp lt, %shared, %seven : i32
      %other = c.cmp eq, %shared, %seven : i32
      c.if %test {
        c.assign %seven : i32 to %acc : !c.lvalue<i32>
      } else {
        %t = c.cmp ge, %shared, %seven : i32
        %u = c.logical_and %t, %t : i1
        c.if %other {
          c.return
        } else {
          c.verbatim "// nothing to do\n;"
        }
      }
      %unused = c.add %seven, %seven : i32
      %last = c.load %acc : !c.lvalue<i32> -> i32
      c.call_opaque "use"(%last) : (i32) -> ()
    }
  }
}

// CHECK:      // ===== net.h =====
// CHECK-NEXT: // The network's interface.
// CHECK-NEXT: #ifndef NET_H
// CHECK-NEXT: #define NET_H
// CHECK-EMPTY:
// CHECK-NEXT: #include <stdint.h>
// CHECK-NEXT: #include "deeploy/platform.h"
// CHECK-EMPTY:
// CHECK-NEXT: #define NET_SIZE 16
// CHECK-EMPTY:
// CHECK-NEXT: typedef struct {
// CHECK-NEXT:     int32_t a;
// CHECK-NEXT:     const uint8_t *b;
// CHECK-NEXT:     float c[4];
// CHECK-NEXT: } pair;
// CHECK-EMPTY:
// CHECK-NEXT: void net_run(int8_t *restrict p, int32_t n);
// CHECK-EMPTY:
// CHECK-NEXT: extern int8_t net_input[4];
// CHECK-EMPTY:
// CHECK-NEXT: #endif  // NET_H
// CHECK:      // ===== net.c =====
// CHECK-NEXT: #include <stdbool.h>
// CHECK-NEXT: #include <stddef.h>
// CHECK-NEXT: #include <stdint.h>
// CHECK-NEXT: #include "net.h"
// CHECK-EMPTY:
// CHECK-NEXT: int8_t net_input[4];
// CHECK-NEXT: static const DM_ALIGN(8) int8_t used[2][3] = {
// CHECK-NEXT:     {1, 2, 3},
// CHECK-NEXT:     {4, 5, -128},
// CHECK-NEXT: };
// CHECK-NEXT: const float zeros[64] = {0};
// CHECK-NEXT: const pair table[2] = {{[{][{]}}1, NULL, {1.5f, 1.5f, 1.5f, 1.5f}}, {INT32_MIN, used, {0}}};
// CHECK-EMPTY:
// CHECK-NEXT: static inline int32_t helper(int32_t x, int32_t int_1) {
// CHECK-NEXT:     (void)int_1;
// CHECK-NEXT:     return x * x;
// CHECK-NEXT: }
// CHECK-EMPTY:
// CHECK-NEXT: void net_run(int8_t *restrict p, int32_t n) {
// CHECK-NEXT:     int32_t acc = 7;
// CHECK-EMPTY:
// CHECK-NEXT:     // a row at a time
// CHECK-NEXT:     for (int32_t i = 0; i < n; i += 2) {
// CHECK-NEXT:         acc += p[i] * used[1][i];
// CHECK-NEXT:     }
// CHECK-NEXT:     const int8_t before = p[0];
// CHECK-NEXT:     dm_barrier();
// CHECK-NEXT:     p[0] = before;
// CHECK-NEXT:     dm_barrier();
// CHECK-NEXT:     acc = helper(acc, 7);
// CHECK-NEXT:     const int32_t shared = (int32_t)((uint32_t)acc + 7u);
// CHECK-NEXT:     const int32_t min = shared < 7 ? shared : 7;
// CHECK-NEXT:     p[0] = (int8_t)(min > shared ? min : shared);
// CHECK-NEXT:     const bool other = shared == 7;
// CHECK-NEXT:     if (shared < 7) {
// CHECK-NEXT:         acc = 7;
// CHECK-NEXT:     } else if (other) {
// CHECK-NEXT:         return;
// CHECK-NEXT:     } else {
// CHECK-NEXT:         // nothing to do
// CHECK-NEXT:         ;
// CHECK-NEXT:     }
// CHECK-NEXT:     use(acc);
// CHECK-NEXT: }

// WIDE: void net_run(int8_t *restrict p, int64_t n);
// WIDE: for (int64_t i = 0; i < n; i += 2) {
