"""Element types of the IR as numpy dtypes, and dense attributes as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

import ml_dtypes
import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    BFloat16Type,
    BytesAttr,
    DenseIntOrFPElementsAttr,
    Float4E2M1FNType,
    Float8E4M3FNType,
    Float8E4M3FNUZType,
    Float8E5M2FNUZType,
    Float8E5M2Type,
    Float16Type,
    Float32Type,
    Float64Type,
    IndexType,
    IntegerType,
    Signedness,
    TensorType,
)
from xdsl.ir import Attribute
from xdsl.utils.hints import isa

Array = npt.NDArray[Any]

_FLOATS: tuple[tuple[type[Attribute], npt.DTypeLike], ...] = (
    (Float16Type, np.float16),
    (BFloat16Type, ml_dtypes.bfloat16),
    (Float32Type, np.float32),
    (Float64Type, np.float64),
    (Float8E4M3FNType, ml_dtypes.float8_e4m3fn),
    (Float8E4M3FNUZType, ml_dtypes.float8_e4m3fnuz),
    (Float8E5M2Type, ml_dtypes.float8_e5m2),
    (Float8E5M2FNUZType, ml_dtypes.float8_e5m2fnuz),
    (Float4E2M1FNType, ml_dtypes.float4_e2m1fn),
)

SmallFloat: TypeAlias = Float8E4M3FNType | Float8E4M3FNUZType | Float8E5M2Type | Float8E5M2FNUZType | Float4E2M1FNType
"""Floats of 8 and 4 bits, one a byte: stored and converted, while arithmetic is done in f32."""

_SMALL_INTEGERS: Mapping[tuple[int, bool], npt.DTypeLike] = {
    (4, False): ml_dtypes.int4,
    (4, True): ml_dtypes.uint4,
    (2, False): ml_dtypes.int2,
    (2, True): ml_dtypes.uint2,
}
"""(Bits, unsigned) of the integers that are stored one a byte although they have fewer bits."""


def numpy_dtype(element_type: Attribute) -> np.dtype[Any]:
    """The dtype that stores one element; `i1` is a byte of 0 or 1 (numpy bool).

    Raises TypeError for an element type that has no numpy form."""
    if isa(element_type, IntegerType):
        width, signedness = element_type.width.data, element_type.signedness.data
        if width == 1:
            return np.dtype(np.bool_)
        if width in (8, 16, 32, 64):
            return np.dtype(f"{'uint' if signedness == Signedness.UNSIGNED else 'int'}{width}")
        small = _SMALL_INTEGERS.get((width, signedness == Signedness.UNSIGNED))
        if small is not None:
            return np.dtype(small)
    if isinstance(element_type, IndexType):
        return np.dtype(np.int64)
    for ir_type, dtype in _FLOATS:
        if isinstance(element_type, ir_type):
            return np.dtype(dtype)
    raise TypeError(f"no numpy type for {element_type}")


def element_type_of(dtype: npt.DTypeLike) -> Attribute:
    """The IR element type of a numpy dtype. Raises TypeError for one that has none."""
    d = np.dtype(dtype)
    if d == np.bool_:
        return IntegerType(1)
    if d.kind == "i":
        return IntegerType(8 * d.itemsize)
    if d.kind == "u":
        return IntegerType(8 * d.itemsize, Signedness.UNSIGNED)
    for (width, unsigned), small in _SMALL_INTEGERS.items():
        if d == np.dtype(small):
            return IntegerType(width, Signedness.UNSIGNED if unsigned else Signedness.SIGNLESS)
    for ir_type, float_dtype in _FLOATS:
        if d == np.dtype(float_dtype):
            return ir_type()
    raise TypeError(f"no element type for {d}")


def is_small_integer(dtype: npt.DTypeLike) -> bool:
    """Whether a dtype is an integer of fewer than 8 bits."""
    return any(np.dtype(dtype) == np.dtype(small) for small in _SMALL_INTEGERS.values())


def stored_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The dtype whose bytes hold the values: the dtype itself, or of integers of fewer than 8 bits that of 8."""
    for (_, unsigned), small in _SMALL_INTEGERS.items():
        if np.dtype(dtype) == np.dtype(small):
            return np.dtype(np.uint8 if unsigned else np.int8)
    return np.dtype(dtype)


def element_bytes(element_type: Attribute) -> int:
    """Bytes that one element takes in memory."""
    return numpy_dtype(element_type).itemsize


def dense(array: Array, element_type: Attribute | None = None) -> DenseIntOrFPElementsAttr:
    """A dense attribute over the array's bytes (no per-element work); the array is cast to `element_type` if given."""
    if element_type is not None:
        array = array.astype(numpy_dtype(element_type))
    else:
        element_type = element_type_of(array.dtype)
    tensor_type = TensorType(cast(Any, element_type), list(array.shape))
    return DenseIntOrFPElementsAttr(tensor_type, BytesAttr(np.ascontiguousarray(array).tobytes()))


def array_of(attr: DenseIntOrFPElementsAttr) -> Array:
    """The values of a dense attribute as a read-only array of its shape; a splat is broadcast."""
    dtype = numpy_dtype(attr.get_element_type())
    flat = np.frombuffer(attr.data.data, dtype=dtype)
    shape = attr.get_shape()
    if flat.size == 1:
        return np.broadcast_to(flat.reshape(()), shape)
    return flat.reshape(shape)
