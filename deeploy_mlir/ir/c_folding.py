"""Simplifications of `c` operations on known operands, for the builder: plain rules, no insertion."""

from __future__ import annotations

import math

from xdsl.ir import Attribute, SSAValue

from deeploy_mlir.dialects import c


def truncating_div(x: int, y: int) -> int:
    """x / y towards zero, as C has it."""
    quotient = abs(x) // abs(y)
    return quotient if (x < 0) == (y < 0) else -quotient


def fold_binary(op: type[c.BinaryOp], x: int, y: int, t: Attribute) -> int | None:
    """The value of an integer operation on constants of type `t`; None where C leaves it undefined."""
    if op in (c.DivOp, c.RemOp):
        if y == 0:
            return None
        quotient = truncating_div(x, y)
        return c.wrap_to(quotient if op is c.DivOp else x - y * quotient, t)
    if op in (c.ShiftLeftOp, c.ShiftRightOp):
        if not 0 <= y < c.bit_width(t):
            return None
        return c.wrap_to(x << y if op is c.ShiftLeftOp else x >> y, t)
    results = {
        c.AddOp: x + y,
        c.SubOp: x - y,
        c.MulOp: x * y,
        c.BitwiseAndOp: x & y,
        c.BitwiseOrOp: x | y,
        c.BitwiseXorOp: x ^ y,
        c.MinOp: min(x, y),
        c.MaxOp: max(x, y),
        c.LogicalAndOp: x & y & 1,
        c.LogicalOrOp: (x | y) & 1,
    }
    return c.wrap_to(results[op], t) if op in results else None


def compare(predicate: c.Comparison, x: float, y: float) -> bool:
    """The comparison of two numbers."""
    return {
        c.Comparison.eq: x == y,
        c.Comparison.ne: x != y,
        c.Comparison.lt: x < y,
        c.Comparison.le: x <= y,
        c.Comparison.gt: x > y,
        c.Comparison.ge: x >= y,
    }[predicate]


def fold_cast(value: float, t: Attribute) -> float | None:
    """A constant converted to `t`; None where C leaves it undefined, or the target rounds."""
    if c.is_bool(t):
        return int(value != 0)
    if c.is_integer(t):
        if isinstance(value, int):
            return c.wrap_to(value, t)
        if not math.isfinite(value):
            return None
        low, high = c.integer_range(t)
        return int(value) if low <= int(value) <= high else None
    if c.is_float(t) and isinstance(value, int) and abs(value) <= 2**24:
        return float(value)
    return None


def _is(value: SSAValue, number: int) -> bool:
    return c.constant_of(value) == number and c.is_integer(value.type)


def _neutral(op: type[c.BinaryOp], a: SSAValue, b: SSAValue) -> SSAValue | None:
    """The operand that the operation leaves as it is, or a constant operand that it always gives."""
    if op in (c.AddOp, c.SubOp, c.BitwiseOrOp, c.BitwiseXorOp, c.ShiftLeftOp, c.ShiftRightOp) and _is(b, 0):
        return a
    if op in (c.AddOp, c.BitwiseOrOp, c.BitwiseXorOp) and _is(a, 0):
        return b
    if op in (c.MulOp, c.DivOp) and c.constant_of(b) == 1:
        return a
    if op is c.MulOp and c.constant_of(a) == 1:
        return b
    if op in (c.MulOp, c.BitwiseAndOp) and (_is(a, 0) or _is(b, 0)):
        return a if _is(a, 0) else b
    if op in (c.MinOp, c.MaxOp, c.BitwiseAndOp, c.BitwiseOrOp, c.LogicalAndOp, c.LogicalOrOp) and a is b:
        return a
    if op in (c.LogicalAndOp, c.LogicalOrOp):
        unit = 1 if op is c.LogicalAndOp else 0
        for x, y in ((a, b), (b, a)):
            if c.constant_of(x) is not None:
                return y if c.constant_of(x) == unit else x
    return None


def simplify_binary(op: type[c.BinaryOp], a: SSAValue, b: SSAValue) -> SSAValue | tuple[SSAValue, int] | None:
    """A value that equals the operation, or operands that give it with one operation less, or None.

    (x + 2) + 3 becomes x + 5 and (x * 2) * 3 becomes x * 6; never for floats."""
    neutral = _neutral(op, a, b)
    if neutral is not None:
        return neutral
    y = c.constant_of(b)
    inner = a.owner
    if op in (c.AddOp, c.MulOp) and type(inner) is op and isinstance(y, int) and c.is_integer(b.type):
        x = c.constant_of(inner.rhs)
        if isinstance(x, int) and inner.rhs.type == b.type and inner.wrap is None:
            total = x + y if op is c.AddOp else x * y
            if c.wrap_to(total, b.type) == total:
                return inner.lhs, total
    return None
