"""Initial values of static data as C text, fast for megabytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from xdsl.dialects.builtin import (
    ArrayAttr,
    BFloat16Type,
    DenseIntOrFPElementsAttr,
    Float16Type,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    SymbolRefAttr,
)
from xdsl.ir import Attribute
from xdsl.utils.hints import isa

from deeploy_mlir.dialects import c
from deeploy_mlir.lowering.c_printer.spelling import Spelling
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, SmallFloat, array_of

WIDTH = 100
SHORTEST_DIGITS_UP_TO = 65536
"""Floats of larger arrays get nine digits each, which is exact too and much faster to print."""

_BYTES = {
    np.dtype(np.int8): [str(v if v < 128 else v - 256) for v in range(256)],
    np.dtype(np.uint8): [str(v) for v in range(256)],
    np.dtype(np.bool_): [str(v) for v in range(256)],
}


def _float_text(text: str) -> str:
    return text if any(ch in text for ch in ".en") else f"{text}.0"


def _texts(flat: Array, spelling: Spelling, t: Attribute) -> list[str]:
    """The elements of a contiguous array, one literal each."""
    if flat.dtype in _BYTES:
        return list(map(_BYTES[flat.dtype].__getitem__, flat.tobytes()))
    if flat.dtype.kind == "f":
        if not np.isfinite(flat).all() or flat.size <= SHORTEST_DIGITS_UP_TO:
            return [spelling.floating(v, t) for v in flat.tolist()]
        digits, suffix = ("%.9g", "f") if flat.dtype == np.float32 else ("%.17g", "")
        return [_float_text(digits % v) + suffix for v in flat.tolist()]
    values = cast("list[int]", flat.tolist())
    if flat.dtype.itemsize < 4:
        return list(map(str, values))
    if flat.dtype == np.int32:
        lowest = spelling.integer(-(2**31), t)
        return [str(v) if v != -(2**31) else lowest for v in values]
    return [spelling.integer(v, t) for v in values]


def _rows(texts: Sequence[str], indent: str) -> str:
    """Literals in lines of at most 100 columns."""
    if sum(map(len, texts)) + 2 * len(texts) + len(indent) <= WIDTH:
        return indent + ", ".join(texts) + ",\n"
    widest = max(map(len, texts))
    per_line = max(1, (WIDTH - len(indent)) // (widest + 2))
    if len(texts) > 4096:
        per_line = max(1, (WIDTH - len(indent)) // (widest + 1))
        per_line = per_line - per_line % 4 or per_line
        lines = (",".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line))
    else:
        per_line = per_line - per_line % 4 or per_line
        lines = (", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line))
    return "".join(f"{indent}{line},\n" for line in lines)


def _nested(texts: Sequence[str], dims: Sequence[int], indent: str) -> str:
    if len(dims) == 1:
        return _rows(texts, indent)
    size = len(texts) // dims[0]
    parts: list[str] = []
    for i in range(dims[0]):
        inner = _nested(texts[i * size : (i + 1) * size], dims[1:], indent + "    ")
        stripped = inner.strip().rstrip(",")
        if "\n" not in stripped and len(indent) + len(stripped) + 3 <= WIDTH:
            parts.append(f"{indent}{{{stripped}}},\n")
        else:
            parts.append(f"{indent}{{\n{inner}{indent}}},\n")
    return "".join(parts)


def _dense(value: DenseIntOrFPElementsAttr, t: c.ArrayType, spelling: Spelling) -> str:
    array = np.ascontiguousarray(array_of(value))
    element = t.element_type
    if isinstance(value.get_element_type(), BFloat16Type | Float16Type):
        array = array.view(np.uint16)
    elif isinstance(value.get_element_type(), SmallFloat):
        array = array.view(np.uint8)
    elif c.is_integer(element) and c.bit_width(element) in (2, 4):
        array = array.astype(np.uint8 if c.is_unsigned(element) else np.int8)
    elif c.is_integer(element) and array.dtype.kind in "iu":
        array = array.view(np.dtype(f"{'u' if c.is_unsigned(element) else 'i'}{array.dtype.itemsize}"))
    elif (array.dtype.kind == "f") != c.is_float(element):
        raise DeeployError(f"elements of {value.get_element_type()} cannot be printed as {element}")
    if not array.tobytes().strip(b"\0"):
        return "{0}"
    texts = _texts(array.reshape(-1), spelling, element)
    body = _nested(texts, t.dims, "    ")
    stripped = body.strip().rstrip(",")
    if "\n" not in stripped and len(stripped) < WIDTH // 2:
        return f"{{{stripped}}}"
    return f"{{\n{body}}}"


def initial_value(value: Attribute, t: Attribute, spelling: Spelling) -> str:
    """The text after the `=` of a definition of type `t`."""
    if isa(value, DenseIntOrFPElementsAttr) and isinstance(t, c.ArrayType):
        return _dense(value, t, spelling)
    if isinstance(value, ArrayAttr):
        items = [initial_value(i, _item_type(t, i), spelling) for i in cast("ArrayAttr[Attribute]", value)]
        flat = ", ".join(items)
        if len(flat) < 80 and "\n" not in flat:
            return f"{{{flat}}}"
        inner = "".join(f"    {line}\n" for item in items for line in f"{item},".splitlines())
        return f"{{\n{inner}}}"
    if isa(value, IntegerAttr | FloatAttr):
        return spelling.number(value.value.data, value.type)
    if isinstance(value, StringAttr):
        return value.data
    if isinstance(value, SymbolRefAttr):
        return value.root_reference.data
    raise DeeployError(f"{value} cannot be the initial value of a C object")


def _item_type(t: Attribute, item: Attribute) -> Attribute:
    if isinstance(t, c.ArrayType):
        return c.ArrayType(t.dims[1:], t.element_type) if len(t.dims) > 1 else t.element_type
    if isa(item, DenseIntOrFPElementsAttr):
        return c.ArrayType(item.get_shape(), item.get_element_type())
    return t
