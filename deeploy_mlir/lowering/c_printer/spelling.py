"""C spelling of types and numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float32Type, Float64Type, IndexType, IntegerType
from xdsl.ir import Attribute
from xdsl.utils.hints import isa

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.c.types import INTEGER_WIDTHS
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import SmallFloat


@dataclass
class Spelling:
    """Spells types and constants, and remembers the standard headers that they need."""

    index_type: str = "int32_t"
    """The C type of `index`."""
    headers: set[str] = field(default_factory=set[str])
    """Standard headers that what was spelled needs, such as stdint.h."""

    def type_name(self, t: Attribute) -> str:
        """The name of a type, as a cast has it: `const int8_t *`. Raises DeeployError for one that C11 has not."""
        if isinstance(t, c.PtrType):
            pointee = self.type_name(t.pointee)
            if t.is_const:
                pointee = f"{pointee}const" if pointee.endswith("*") else f"const {pointee}"
            star = f"{pointee}*" if pointee.endswith("*") else f"{pointee} *"
            return f"{star}restrict" if t.is_restrict else star
        if isinstance(t, c.OpaqueType):
            return t.value.data
        if isa(t, IntegerType) and c.bit_width(t) in INTEGER_WIDTHS:
            return self._integer_name(t)
        if isinstance(t, IndexType):
            self.headers.add("stdint.h")
            return self.index_type
        if isinstance(t, Float32Type):
            return "float"
        if isinstance(t, Float64Type):
            return "double"
        if isinstance(t, Float16Type | BFloat16Type):
            self.headers.add("stdint.h")
            return "uint16_t"
        if isinstance(t, SmallFloat):
            self.headers.add("stdint.h")
            return "uint8_t"
        raise DeeployError(f"type {t} has no C spelling")

    def _integer_name(self, t: Attribute) -> str:
        if c.is_bool(t):
            self.headers.add("stdbool.h")
            return "bool"
        self.headers.add("stdint.h")
        return f"{'u' if c.is_unsigned(t) else ''}int{max(8, c.bit_width(t))}_t"

    def declare(self, t: Attribute, name: str) -> str:
        """A declaration without its end: `int8_t name[4][8]`, `const float *restrict name`."""
        if isinstance(t, c.ArrayType):
            return self.declare(t.element_type, name) + "".join(f"[{d}]" for d in t.dims)
        text = self.type_name(t)
        return f"{text}{name}" if text.endswith("*") else f"{text} {name}"

    def unsigned_name(self, t: Attribute) -> str:
        """The unsigned type of the width of the integer type `t`, 32 bits at least."""
        self.headers.add("stdint.h")
        return f"uint{max(32, c.bit_width(t))}_t"

    def integer(self, value: int, t: Attribute) -> str:
        """A literal of exactly this value and type, after integer promotion of types narrower than int."""
        if c.is_bool(t):
            self.headers.add("stdbool.h")
            return "true" if value else "false"
        width = c.bit_width(t)
        if width < 32:
            return str(value)
        if c.is_unsigned(t):
            return f"{value}u" if width == 32 else f"{value}ull"
        if value == -(2 ** (width - 1)):
            self.headers.add("stdint.h")
            return f"INT{width}_MIN"
        return str(value) if width == 32 else f"{value}ll"

    def floating(self, value: float, t: Attribute) -> str:
        """The shortest literal that reads back as this value."""
        if not math.isfinite(value):
            self.headers.add("math.h")
            return "NAN" if math.isnan(value) else "INFINITY" if value > 0 else "-INFINITY"
        text = str(np.float32(value)) if isinstance(t, Float32Type) else repr(float(value))
        if not any(ch in text for ch in ".e"):
            text += ".0"
        return f"{text}f" if isinstance(t, Float32Type) else text

    def number(self, value: float, t: Attribute) -> str:
        """A literal of an integer or float type."""
        return self.integer(int(value), t) if c.is_integer(t) else self.floating(float(value), t)
