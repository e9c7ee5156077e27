// RUN: deeploy-opt %s | deeploy-opt | filecheck %s
// RUN: deeploy-opt %s --print-op-generic | deeploy-opt | filecheck %s

builtin.module @net {
  c.file "net.h" {
    c.include "deeploy/platform.h"
    c.define "NET_SIZE" "16"
    c.struct "pair" {a : i32, b : !c.ptr<const ui8, restrict>, c : !c.array<4xf32>}
    c.declare_func @scale
    c.declare_global @weights
  }
  c.file "empty.c" {
  }
  c.file "net.c" {
    c.include standard "string.h"
    c.include "net.h"
    c.comment "data"
    c.global @weights ["const", "DM_ALIGN(8)"] : !c.array<2x2xi8> = dense<[[1, 2], [3, -4]]> : tensor<2x2xi8>
    c.global @table ["static", "const"] : !c.array<2x!c.opaque<"pair">> = [[1 : i32, @weights], [2 : i32, "NULL"]]
    c.global @counter ["static"] : ui32
    c.verbatim "#pragma once"
    c.func @proto("x" : i32) -> i32
    c.func @scale(%p "p" : !c.ptr<const i8, restrict>, %n "n" : index) -> i32 ["DM_NOINLINE"] {
      %zero = c.constant 0 : index
      %one = c.constant 1 : index
      %init = c.constant 0 : i32
      %acc = c.variable %init : i32 -> !c.lvalue<i32>
      %buf = c.variable specifiers ["static"] -> !c.array<16xi8>
      c.for %i : index = %zero to %n step %one {
        %place = c.subscript %p[%i] : (!c.ptr<const i8, restrict>, index) -> !c.lvalue<i8>
        %x = c.load %place : !c.lvalue<i8> -> i8
        %wide = c.cast %x : i8 to i32
        %old = c.load %acc : !c.lvalue<i32> -> i32
        %new = c.add wrap %old, %wide : i32
        c.assign %new : i32 to %acc : !c.lvalue<i32>
        %dst = c.subscript %buf[%i] : (!c.array<16xi8>, index) -> !c.lvalue<i8>
        c.assign %x : i8 to %dst : !c.lvalue<i8>
      }
      %sum = c.load %acc : !c.lvalue<i32> -> i32
      %shifted = c.bitwise_right_shift %sum, %one : (i32, index) -> i32
      %q = c.add %p, %one : (!c.ptr<const i8, restrict>, index) -> !c.ptr<const i8, restrict>
      %first = c.dereference %q : !c.ptr<const i8, restrict> -> !c.lvalue<i8>
      %c = c.cmp lt, %sum, %shifted : i32
      %not = c.logical_not %c : i1
      %both = c.logical_and %c, %not : i1
      c.if %both {
        c.call_opaque "dm_barrier"() : () -> ()
      } else {
        %g = c.get_global @counter : !c.lvalue<ui32>
        %five = c.constant 5 : ui32
        c.assign %five : ui32 to %g : !c.lvalue<ui32>
      }
      c.while {
        %again = c.load %acc : !c.lvalue<i32> -> i32
        %more = c.cmp gt, %again, %init : i32
        c.condition %more
      } do {
        c.assign %init : i32 to %acc : !c.lvalue<i32>
      }
      c.scope {
        c.verbatim "use({});" args %sum : i32
      }
      c.scope {
      }
      c.if %both {
      } else {
      }
      c.for %j : index = %zero to %n step %one {
      }
      %neg = c.unary_minus wrap %sum : i32
      %inv = c.bitwise_not %neg : i32
      %e = c.call_opaque pure "clip"(%inv, %sum) : (i32, i32) -> i32
      %r = c.call @proto(%e) : (i32) -> i32
      %sel = c.conditional %c, %r, %sum : i32
      %lit = c.literal "NET_SIZE" : i32
      %min = c.min %sel, %lit : i32
      c.asm ["p.mac %[sum], %[x], %[y]"] names ["sum", "x", "y"] updates(%acc : !c.lvalue<i32>) takes(%min, %n : i32, index)
      %word = c.variable -> !c.lvalue<i32>
      c.asm reads_memory writes_memory ["lw %[to], 0(%[p])", "sw x0, 0(%[p])"] names ["to", "p"] writes(%word : !c.lvalue<i32>) takes(%p : !c.ptr<const i8, restrict>) clobbers ["t0"]
      c.if_defined "defined(__riscv)" {
        c.assign %min : i32 to %acc : !c.lvalue<i32>
      } else {
      }
      c.return %min : i32
    }
  }
}

// CHECK:      builtin.module @net {
// CHECK-NEXT:   c.file "net.h" {
// CHECK-NEXT:     c.include "deeploy/platform.h"
// CHECK-NEXT:     c.define "NET_SIZE" "16"
// CHECK-NEXT:     c.struct "pair" {a : i32, b : !c.ptr<const ui8, restrict>, c : !c.array<4xf32>}
// CHECK-NEXT:     c.declare_func @scale
// CHECK-NEXT:     c.declare_global @weights
// CHECK:          c.include standard "string.h"
// CHECK:          c.comment "data"
// CHECK-NEXT:     c.global @weights ["const", "DM_ALIGN(8)"] : !c.array<2x2xi8> = dense<{{\[\[}}1, 2], [3, -4]]> : tensor<2x2xi8>
// CHECK-NEXT:     c.global @table ["static", "const"] : !c.array<2x!c.opaque<"pair">> = {{\[\[}}1 : i32, @weights], [2 : i32, "NULL"]]
// CHECK-NEXT:     c.global @counter ["static"] : ui32
// CHECK-NEXT:     c.verbatim "#pragma once"
// CHECK-NEXT:     c.func @proto("x" : i32) -> i32
// CHECK-NEXT:     c.func @scale(%p "p" : !c.ptr<const i8, restrict>, %n "n" : index) -> i32 ["DM_NOINLINE"] {
// CHECK-NEXT:       %zero = c.constant 0 : index
// CHECK:            %acc = c.variable %init : i32 -> !c.lvalue<i32>
// CHECK-NEXT:       %buf = c.variable specifiers ["static"] -> !c.array<16xi8>
// CHECK-NEXT:       c.for %i : index = %zero to %n step %one {
// CHECK-NEXT:         %place = c.subscript %p[%i] : (!c.ptr<const i8, restrict>, index) -> !c.lvalue<i8>
// CHECK:              %new = c.add wrap %old, %wide : i32
// CHECK-NEXT:         c.assign %new : i32 to %acc : !c.lvalue<i32>
// CHECK:            %q = c.add %p, %one : (!c.ptr<const i8, restrict>, index) -> !c.ptr<const i8, restrict>
// CHECK-NEXT:       %first = c.dereference %q : !c.ptr<const i8, restrict> -> !c.lvalue<i8>
// CHECK-NEXT:       %c = c.cmp lt, %sum, %shifted : i32
// CHECK:            c.if %both {
// CHECK-NEXT:         c.call_opaque "dm_barrier"() : () -> ()
// CHECK-NEXT:       } else {
// CHECK:            c.while {
// CHECK:              c.condition %more
// CHECK-NEXT:       } do {
// CHECK:            c.scope {
// CHECK-NEXT:         c.verbatim "use({});" args %sum : i32
// CHECK-NEXT:       }
// CHECK-NEXT:       c.scope {
// CHECK-NEXT:       }
// CHECK-NEXT:       c.if %both {
// CHECK-NEXT:       } else {
// CHECK-NEXT:       }
// CHECK-NEXT:       c.for %j : index = %zero to %n step %one {
// CHECK-NEXT:       }
// CHECK-NEXT:       %neg = c.unary_minus wrap %sum : i32
// CHECK:            %e = c.call_opaque pure "clip"(%inv, %sum) : (i32, i32) -> i32
// CHECK-NEXT:       %r = c.call @proto(%e) : (i32) -> i32
// CHECK-NEXT:       %sel = c.conditional %c, %r, %sum : i32
// CHECK-NEXT:       %lit = c.literal "NET_SIZE" : i32
// CHECK-NEXT:       %min = c.min %sel, %lit : i32
// CHECK-NEXT:       c.asm ["p.mac %[sum], %[x], %[y]"] names ["sum", "x", "y"] updates(%acc : !c.lvalue<i32>) takes(%min, %n : i32, index)
// CHECK-NEXT:       %word = c.variable -> !c.lvalue<i32>
// CHECK-NEXT:       c.asm reads_memory writes_memory ["lw %[to], 0(%[p])", "sw x0, 0(%[p])"] names ["to", "p"] writes(%word : !c.lvalue<i32>) takes(%p : !c.ptr<const i8, restrict>) clobbers ["t0"]
// CHECK-NEXT:       c.if_defined "defined(__riscv)" {
// CHECK-NEXT:         c.assign %min : i32 to %acc : !c.lvalue<i32>
// CHECK-NEXT:       } else {
// CHECK-NEXT:       }
// CHECK-NEXT:       c.return %min : i32
