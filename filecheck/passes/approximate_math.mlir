// RUN: deeploy-opt %s -p deeploy-approximate-math | filecheck %s

// CHECK:      c.include "dm_math.h"
// CHECK-NEXT: c.include "dm_fast.h"
// CHECK:      c.call_opaque pure "dm_fast_expf"
// CHECK:      c.call_opaque pure "dm_logf"
c.file "net.c" {
  c.include "dm_math.h"
  c.func @f(%x : f32) -> f32 {
    %0 = c.call_opaque pure "dm_expf"(%x) : (f32) -> f32
    %1 = c.call_opaque pure "dm_logf"(%0) : (f32) -> f32
    c.return %1 : f32
  }
}
// CHECK:     c.file "other.c"
// CHECK-NOT: dm_fast.h
c.file "other.c" {
  c.include "dm_math.h"
}
