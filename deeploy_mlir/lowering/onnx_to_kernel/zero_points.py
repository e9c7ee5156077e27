"""Zero points of integer operands."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import IntegerType, i32
from xdsl.ir import Attribute, SSAValue

from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import select
from deeploy_mlir.ir.constants import constant_of, name_hint, scalar_constant
from deeploy_mlir.ir.scalar_body import integer_range
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder


def zero_point_of(value: SSAValue | None) -> int | None:
    """The zero point as a number, 0 where absent; None where it is not one known value."""
    if value is None:
        return 0
    scalar = scalar_constant(value)
    return None if scalar is None else int(scalar)


def difference_type(a: Attribute, b: Attribute) -> IntegerType:
    """The smallest signed type that holds every difference of two integer types."""
    (a_low, a_high), (b_low, b_high) = integer_range(a), integer_range(b)
    return signed_type(a_low - b_high, a_high - b_low)


def signed_type(low: int, high: int) -> IntegerType:
    """i8, i16 or i32, whichever holds [low, high] first; i32 if none does."""
    for bits in (8, 16):
        if -(1 << (bits - 1)) <= low and high < 1 << (bits - 1):
            return IntegerType(bits)
    return i32


def shifted(b: LayerBuilder, value: SSAValue, zero_point: SSAValue | None, axis: int | None) -> SSAValue:
    """value - zero_point in the smallest signed type that surely holds it; `value` itself if the zero point is 0.

    The zero point is one number or a vector along `axis` of the value (or of the value's shape but for unit axes).
    Constants are computed here."""
    if zero_point is None or zero_point_of(zero_point) == 0:
        return value
    shape, zero_shape = shape_of(value), shape_of(zero_point)
    rank = len(shape)
    if len(zero_shape) == 1 and zero_shape[0] != 1 and axis is not None:
        zero_point = b.reshape(zero_point, [s if i == axis % rank else 1 for i, s in enumerate(shape)])
    elif int(np.prod(zero_shape)) == 1:
        zero_point = b.reshape(zero_point, [1] * rank)
    zero_shape = shape_of(zero_point)
    if len(zero_shape) != rank or any(z not in (1, s) for z, s in zip(zero_shape, shape, strict=True)):
        raise b.error(f"has a zero point of shape {list(zero_shape)} for an operand of shape {list(shape)}")
    array, zeros = constant_of(value), constant_of(zero_point)
    if array is not None and zeros is not None:
        result = array.astype(np.int64) - zeros.astype(np.int64)
        low, high = (int(result.min()), int(result.max())) if result.size else (0, 0)
        return b.constant(result, f"{name_hint(value, b.layer)}_shifted", signed_type(low, high))
    element = difference_type(element_type_of_value(value), element_type_of_value(zero_point))
    maps = [select(rank, [None if s == 1 else i for i, s in enumerate(shape_of(v))]) for v in (value, zero_point)]
    return b.map([value, zero_point], maps, shape, element, lambda body, a: body.sub(a[0], a[1]))
