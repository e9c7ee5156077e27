"""Building the scalar regions of `kernel` operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import (
    BFloat16Type,
    Float16Type,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    Signedness,
    f32,
    i1,
    i32,
    i64,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.kernel import CastOp, YieldOp
from deeploy_mlir.support.numpy_types import SmallFloat


def is_float(element: Attribute) -> bool:
    """Whether an element type is a floating-point type."""
    return not isinstance(element, IntegerType)


def is_unsigned(element: Attribute) -> bool:
    """Whether an element type is an unsigned integer (or a boolean)."""
    return isa(element, IntegerType) and (element.signedness.data == Signedness.UNSIGNED or element.bitwidth == 1)


def integer_range(element: Attribute) -> tuple[int, int]:
    """Least and largest value of an integer element type. Raises TypeError for another type."""
    if not isa(element, IntegerType):
        raise TypeError(f"{element} is no integer type")
    bits = element.bitwidth
    return (0, (1 << bits) - 1) if is_unsigned(element) else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def arithmetic_type(element: Attribute) -> Attribute:
    """The type in which arithmetic on elements of this type is done: i32 (i64 where that is too small), f32 or f64.

    Unsigned 64-bit values keep their bits in i64; division, comparison and conversion must know that they are."""
    if isa(element, IntegerType):
        low, high = integer_range(element)
        return i32 if low >= -(1 << 31) and high < 1 << 31 else i64
    return f32 if isinstance(element, Float16Type | BFloat16Type | SmallFloat) else element


class ScalarBody:
    """Builds a region of scalar operations.

    The methods take and give SSA values; both operands of a binary one must have the same arithmetic type
    (i1, i32, i64, f32, f64). Signedness of 64-bit unsigned values is a keyword where it matters."""

    def __init__(self, argument_types: Sequence[Attribute]) -> None:
        self.block = Block(arg_types=list(argument_types))

    @property
    def arguments(self) -> tuple[SSAValue, ...]:
        """One value per operand, in the operand's element type."""
        return tuple(self.block.args)

    def emit(self, op: Operation) -> SSAValue:
        """Adds an operation and gives its result."""
        self.block.add_op(op)
        return op.results[0]

    def finish(self, value: SSAValue, element: Attribute) -> Region:
        """The region, yielding `value` converted to the output's element type."""
        self.block.add_op(YieldOp(self.cast(value, element)))
        return Region(self.block)

    def constant(self, value: int | float, element: Attribute) -> SSAValue:
        """A constant of a signless integer or float type."""
        if isa(element, IntegerType):
            return self.emit(arith.ConstantOp(IntegerAttr(int(value), element)))
        return self.emit(arith.ConstantOp(FloatAttr(float(value), cast(Any, element))))

    def cast(self, value: SSAValue, element: Attribute) -> SSAValue:
        """`kernel.cast` to another type; nothing if it has that type."""
        return value if value.type == element else self.emit(CastOp(value, element))

    def widen(self, value: SSAValue) -> SSAValue:
        """The value in its arithmetic type."""
        return self.cast(value, arithmetic_type(value.type))

    def add(self, a: SSAValue, b: SSAValue) -> SSAValue:
        return self.emit(arith.AddfOp(a, b) if is_float(a.type) else arith.AddiOp(a, b))

    def sub(self, a: SSAValue, b: SSAValue) -> SSAValue:
        return self.emit(arith.SubfOp(a, b) if is_float(a.type) else arith.SubiOp(a, b))

    def mul(self, a: SSAValue, b: SSAValue) -> SSAValue:
        return self.emit(arith.MulfOp(a, b) if is_float(a.type) else arith.MuliOp(a, b))

    def div(self, a: SSAValue, b: SSAValue, *, unsigned: bool = False) -> SSAValue:
        """Quotient; of integers truncated toward zero."""
        if is_float(a.type):
            return self.emit(arith.DivfOp(a, b))
        return self.emit(arith.DivUIOp(a, b) if unsigned else arith.DivSIOp(a, b))

    def floor_div(self, a: SSAValue, divisor: int) -> SSAValue:
        """Quotient of integers by a positive constant, rounded down."""
        if divisor & (divisor - 1) == 0:
            return self.shift_right(a, divisor.bit_length() - 1)
        return self.emit(arith.FloorDivSIOp(a, self.constant(divisor, a.type)))

    def rem(self, a: SSAValue, b: SSAValue, *, unsigned: bool = False) -> SSAValue:
        """Remainder of integers, with the sign of the dividend."""
        return self.emit(arith.RemUIOp(a, b) if unsigned else arith.RemSIOp(a, b))

    def max(self, a: SSAValue, b: SSAValue, *, unsigned: bool = False) -> SSAValue:
        """Maximum; a NaN wins."""
        if is_float(a.type):
            return self.emit(arith.MaximumfOp(a, b))
        return self.emit(arith.MaxUIOp(a, b) if unsigned else arith.MaxSIOp(a, b))

    def min(self, a: SSAValue, b: SSAValue, *, unsigned: bool = False) -> SSAValue:
        """Minimum; a NaN wins."""
        if is_float(a.type):
            return self.emit(arith.MinimumfOp(a, b))
        return self.emit(arith.MinUIOp(a, b) if unsigned else arith.MinSIOp(a, b))

    def clamp(self, value: SSAValue, low: int | float, high: int | float) -> SSAValue:
        """min(max(value, low), high) with constants."""
        raised = self.max(value, self.constant(low, value.type))
        return self.min(raised, self.constant(high, value.type))

    def neg(self, value: SSAValue) -> SSAValue:
        if is_float(value.type):
            return self.emit(arith.NegfOp(value))
        return self.sub(self.constant(0, value.type), value)

    def abs(self, value: SSAValue) -> SSAValue:
        return self.emit(math.AbsFOp(value)) if is_float(value.type) else self.max(value, self.neg(value))

    def shift_right(self, value: SSAValue, amount: int) -> SSAValue:
        """Arithmetic shift right by a constant; nothing for 0."""
        return value if amount == 0 else self.emit(arith.ShRSIOp(value, self.constant(amount, value.type)))

    def compare(self, predicate: str, a: SSAValue, b: SSAValue, *, unsigned: bool = False) -> SSAValue:
        """An i1 for `predicate` eq, ne, lt, le, gt or ge. On floats every one but ne is false for a NaN."""
        if is_float(a.type):
            return self.emit(arith.CmpfOp(a, b, "une" if predicate == "ne" else f"o{predicate}"))
        if predicate not in ("eq", "ne"):
            predicate = ("u" if unsigned else "s") + predicate
        return self.emit(arith.CmpiOp(a, b, predicate))

    def select(self, condition: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
        return self.emit(arith.SelectOp(condition, a, b))

    def logical_not(self, value: SSAValue) -> SSAValue:
        """Negation of an i1."""
        return self.emit(arith.XOrIOp(value, self.constant(1, i1)))

    def float_function(self, name: str, value: SSAValue) -> SSAValue:
        """A unary function of the `math` dialect, such as `exp`, `erf`, `roundeven`."""
        return self.emit(FLOAT_FUNCTIONS[name](value))


FLOAT_FUNCTIONS: dict[str, type[math.FloatingPointLikeUnaryMathOperation]] = {
    op.name.split(".")[1]: op for op in math.Math.operations if issubclass(op, math.FloatingPointLikeUnaryMathOperation)
}
"""Unary float functions by name."""
