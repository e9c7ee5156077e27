// RUN: deeploy-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// CHECK: c.add needs operands and result of one type, got i32, i8 and i32: put a c.cast in front
c.func @f(%a "a" : i32, %b "b" : i8) {
  %0 = c.add %a, %b : (i32, i8) -> i32
}

// -----

// CHECK: c.rem works on integers, not on f32
c.func @f(%a "a" : f32) {
  %0 = c.rem %a, %a : f32
}

// -----

// CHECK: c.add on a pointer takes (pointer, integer) -> the same pointer type, got (!c.ptr<i8>, f32) -> !c.ptr<i8>
c.func @f(%p "p" : !c.ptr<i8>, %x "x" : f32) {
  %0 = c.add %p, %x : (!c.ptr<i8>, f32) -> !c.ptr<i8>
}

// -----

// CHECK: c.mul wrap is for integers, not for f32
c.func @f(%x "x" : f32) {
  %0 = c.mul wrap %x, %x : f32
}

// -----

// CHECK: c.bitwise_left_shift takes (T, integer) -> T with T an integer, got (i32, f32) -> i32
c.func @f(%a "a" : i32, %x "x" : f32) {
  %0 = c.bitwise_left_shift %a, %x : (i32, f32) -> i32
}

// -----

// CHECK: c.cast cannot turn f32 into !c.ptr<i8>
c.func @f(%x "x" : f32) {
  %0 = c.cast %x : f32 to !c.ptr<i8>
}

// -----

// CHECK: c.subscript of !c.array<2x3xi8> takes 2 indices, got 1
c.func @f(%i "i" : index) {
  %a = c.variable -> !c.array<2x3xi8>
  %0 = c.subscript %a[%i] : (!c.array<2x3xi8>, index) -> !c.lvalue<i8>
}

// -----

// CHECK: c.subscript of !c.ptr<i8> gives !c.lvalue<i8>, not !c.lvalue<i32>
c.func @f(%p "p" : !c.ptr<i8>, %i "i" : index) {
  %0 = c.subscript %p[%i] : (!c.ptr<i8>, index) -> !c.lvalue<i32>
}

// -----

// CHECK: c.assign of i8 to a place that holds i32
c.func @f(%x "x" : i8) {
  %v = c.variable -> !c.lvalue<i32>
  c.assign %x : i8 to %v : !c.lvalue<i32>
}

// -----

// CHECK: c.load of !c.lvalue<i32> gives i32, not i8
c.func @f() {
  %v = c.variable -> !c.lvalue<i32>
  %0 = c.load %v : !c.lvalue<i32> -> i8
}

// -----

// CHECK: c.call of @g: no c.func of that name in this module
c.func @f() {
  c.call @g() : () -> ()
}

// -----

// CHECK: c.call of @g as (i8) -> (), but the function is (i32) -> ()
c.func @g("x" : i32)
c.func @f(%x "x" : i8) {
  c.call @g(%x) : (i8) -> ()
}

// -----

// CHECK: c.get_global of @w gives !c.array<4xi8>, not !c.array<8xi8>
c.global @w : !c.array<4xi8>
c.func @f() {
  %0 = c.get_global @w : !c.array<8xi8>
}

// -----

// CHECK: c.global @w of !c.array<4xi8> cannot hold a dense value of shape (3,)
c.global @w : !c.array<4xi8> = dense<1> : tensor<3xi8>

// -----

// CHECK: c.global @w has elements of i8, its value elements of i32
c.global @w : !c.array<4xi8> = dense<1> : tensor<4xi32>

// -----

// CHECK: c.for counts up, its step cannot be 0
c.func @f(%n "n" : index) {
  %0 = c.constant 0 : index
  c.for %i : index = %0 to %n step %0 {
  }
}

// -----

// CHECK: c.return of nothing in @f, which returns i32
c.func @f() -> i32 {
  c.return
}

// -----

// CHECK: c.func @f must end in c.return of i32
c.func @f() -> i32 {
}

// -----

// CHECK: the first region of c.while ends in c.condition
c.func @f() {
  c.while {
    %0 = c.constant true
  } do {
  }
}

// -----

// CHECK: c.call_opaque calls a C function by its name, not "f("
c.func @f() {
  c.call_opaque "f("() : () -> ()
}

// -----

// CHECK: c.verbatim has 1 places {} for 2 operands
c.func @f(%x "x" : i8) {
  c.verbatim "use({})" args %x, %x : i8, i8
}

// -----

// CHECK: c.file "../net.c" needs a path inside the output folder
c.file "../net.c" {
}

// -----

// CHECK: c.file "net.c" defines @f twice
c.file "net.c" {
  c.func @f()
  c.func @f()
}

// -----

// CHECK: c.declare_func of @f, which is static to another file
c.file "net.h" {
  c.declare_func @f
}
c.file "net.c" {
  c.func @f() ["static"] {
  }
}

// -----

// CHECK: !c.opaque<"int *"> is a pointer: use !c.ptr instead
c.func @f("x" : !c.opaque<"int *">)

// -----

// CHECK: !c.array extents must be positive, got 4x0
c.global @w : !c.array<4x0xi8>

// -----

// CHECK: c.aggregate of !c.array<3xi8> takes 3 elements, got 1
c.func @f(%x "x" : i8) {
  %0 = c.aggregate %x : (i8) -> !c.array<3xi8>
}

// -----

// CHECK: c.asm has 1 names for 2 operands
c.func @f(%x "x" : i32) {
  %a = c.variable -> !c.lvalue<i32>
  c.asm ["mv %[a], %[x]"] names ["a"] writes(%a : !c.lvalue<i32>) takes(%x : i32)
}

// -----

// CHECK: c.asm: the text names no operand x; there is no operand %[y]
c.func @f(%x "x" : i32) {
  %a = c.variable -> !c.lvalue<i32>
  c.asm ["mv %[a], %[y]"] names ["a", "x"] writes(%a : !c.lvalue<i32>) takes(%x : i32)
}

// -----

// CHECK: c.asm: x is no 32-bit integer or pointer but i8
c.func @f(%x "x" : i8) {
  %a = c.variable -> !c.lvalue<i32>
  c.asm ["mv %[a], %[x]"] names ["a", "x"] writes(%a : !c.lvalue<i32>) takes(%x : i8)
}

// -----

// CHECK: c.asm changes no place and no memory: it does nothing
c.func @f(%x "x" : i32) {
  c.asm reads_memory ["nop %[x]"] names ["x"] takes(%x : i32)
}

// -----

// CHECK: c.asm has one or several lines of assembly, each a string of its own
c.func @f(%x "x" : i32) {
  c.asm writes_memory ["nop\nnop %[x]"] names ["x"] takes(%x : i32)
}

// -----

// CHECK: c.asm has 32 operands, those that are updated twice; gcc takes 30
c.func @f() {
  %a = c.variable -> !c.lvalue<i32>
  c.asm ["use %[a0] %[a1] %[a2] %[a3] %[a4] %[a5] %[a6] %[a7] %[a8] %[a9] %[a10] %[a11] %[a12] %[a13] %[a14] %[a15]"] names ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10", "a11", "a12", "a13", "a14", "a15"] updates(%a, %a, %a, %a, %a, %a, %a, %a, %a, %a, %a, %a, %a, %a, %a, %a : !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>, !c.lvalue<i32>)
}

// -----

// CHECK: c.if_defined has a condition of the preprocessor, on one line
c.func @f() {
  c.if_defined " " {
  } else {
  }
}
