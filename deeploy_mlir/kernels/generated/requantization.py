"""Requantisation in generated kernels: the forms of integer arithmetic that they have, and the scalar operations of
each."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import f64, i32, i64
from xdsl.ir import SSAValue

from deeploy_mlir.ir.scalar_body import ScalarBody
from deeploy_mlir.requantization.definition import Requantization
from deeploy_mlir.requantization.fixed_point import FixedPoint
from deeploy_mlir.requantization.integer_form import (
    LONG,
    NARROW,
    NARROW_EVEN,
    WIDE,
    WIDE_EVEN,
    IntegerForm,
    Quotient,
    Rounding,
)

FORMS = (NARROW, WIDE, NARROW_EVEN, WIDE_EVEN, LONG)
"""The forms that there is code for here, cheapest first; where none is exact, a `Quotient`."""


@dataclass(frozen=True)
class Numbers:
    """The numbers of an integer form as scalars (i32 or i64): constants, or elements of an operand."""

    multiplier: SSAValue
    addend: SSAValue


def integers(
    body: ScalarBody, x: SSAValue, found: IntegerForm, numbers: Numbers, definition: Requantization
) -> SSAValue:
    """clip((x * multiplier + addend) >> shift), in i64; `deeploy-narrow-arithmetic` makes it i32 where that does."""
    total = body.mul(body.cast(x, i64), body.cast(numbers.multiplier, i64))
    if found.form.rounding is Rounding.HALF_EVEN:
        if found.shift:
            odd = body.emit(arith.AndIOp(body.shift_right(total, found.shift), body.constant(1, i64)))
            total = body.add(body.add(total, body.constant((1 << (found.shift - 1)) - 1, i64)), odd)
        result = body.add(body.shift_right(total, found.shift), body.constant(found.zero_point, i64))
    else:
        result = body.shift_right(body.add(total, body.cast(numbers.addend, i64)), found.shift)
    return body.cast(body.clamp(result, definition.low, definition.high), i32)


def division(body: ScalarBody, x: SSAValue, found: Quotient, definition: Requantization) -> SSAValue:
    """floor(x * n / d + 1/2), less one where that was a tie and came out odd."""
    twice = body.mul(body.cast(x, i64), body.constant(2 * found.numerator, i64))
    total = body.add(twice, body.constant(found.denominator, i64))
    nearest = body.floor_div(total, 2 * found.denominator)
    rest = body.sub(total, body.mul(nearest, body.constant(2 * found.denominator, i64)))
    odd = body.emit(arith.AndIOp(nearest, body.constant(1, i64)))
    tie = body.compare("eq", rest, body.constant(0, i64))
    even = body.sub(nearest, body.select(tie, odd, body.constant(0, i64)))
    shifted = body.add(even, body.constant(found.zero_point, i64))
    return body.cast(body.clamp(shifted, definition.low, definition.high), i32)


def doubles(
    body: ScalarBody, x: SSAValue, scale: SSAValue, offset: SSAValue | None, definition: Requantization
) -> SSAValue:
    """The definition in double precision: right but where it rounds a number onto the edge between two results."""
    product = body.mul(body.cast(x, f64), scale)
    total = product if offset is None else body.add(product, offset)
    rounded = body.float_function("roundeven", body.div(total, body.constant(definition.y_scale, f64)))
    low, high = definition.low - definition.zero_point, definition.high - definition.zero_point
    near = body.cast(body.clamp(rounded, float(low), float(high)), i32)
    return body.add(near, body.constant(definition.zero_point, i32))


@dataclass(frozen=True)
class LimitedNumbers:
    """The numbers of a fixed-point form as scalars; `least` and `most` where x is clipped first."""

    multiplier: SSAValue
    addend: SSAValue
    least: SSAValue | None
    most: SSAValue | None


def near_integers(
    body: ScalarBody, x: SSAValue, found: FixedPoint, numbers: LimitedNumbers, definition: Requantization
) -> SSAValue:
    """Multiplier and shift that are within one step of the definition."""
    value = body.cast(x, i64)
    if numbers.least is not None and numbers.most is not None:
        value = body.min(body.max(value, body.cast(numbers.least, i64)), body.cast(numbers.most, i64))
    product = body.mul(value, body.cast(numbers.multiplier, i64))
    half = (1 << found.shift) >> 1
    total = body.add(body.add(product, body.cast(numbers.addend, i64)), body.constant(half, i64))
    return body.cast(body.clamp(body.shift_right(total, found.shift), definition.low, definition.high), i32)
