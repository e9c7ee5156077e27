"""Scalar regions (arith, math, `kernel.cast`) as C expressions.

Signed integer arithmetic wraps unless the operation says `nsw`; conversions from float to integer saturate as
`kernel.cast` does. Functions of the maths library come from the runtime's dm_math.h.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import cast

from xdsl.dialects import arith
from xdsl.dialects.builtin import (
    BFloat16Type,
    Float16Type,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    Signedness,
    f32,
    f64,
    i1,
    i32,
)
from xdsl.dialects.math import AbsIOp, FmaOp, RsqrtOp
from xdsl.ir import Attribute, Operation, Region, SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.base import CastOp, YieldOp
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.kernels.generated.instruction_names import function_name
from deeploy_mlir.kernels.generated.saturations import Saturations
from deeploy_mlir.kernels.instructions import InstructionTable
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import SmallFloat

_INTEGER_PREDICATES = ("eq", "ne", "lt", "le", "gt", "ge", "lt", "le", "gt", "ge")
_FLOAT_PREDICATES = ("eq", "gt", "ge", "lt", "le", "ne")

_WRAPPING: dict[type[Operation], type[c.WrappingOp]] = {
    arith.AddiOp: c.AddOp, arith.SubiOp: c.SubOp, arith.MuliOp: c.MulOp,
}  # fmt: skip
_PLAIN: dict[type[Operation], type[c.BinaryOp]] = {
    arith.AndIOp: c.BitwiseAndOp, arith.OrIOp: c.BitwiseOrOp, arith.XOrIOp: c.BitwiseXorOp,
    arith.ShLIOp: c.ShiftLeftOp, arith.ShRSIOp: c.ShiftRightOp,
    arith.MinSIOp: c.MinOp, arith.MaxSIOp: c.MaxOp,
    arith.AddfOp: c.AddOp, arith.SubfOp: c.SubOp, arith.MulfOp: c.MulOp, arith.DivfOp: c.DivOp,
}  # fmt: skip
_UNSIGNED: dict[type[Operation], type[c.BinaryOp]] = {
    arith.DivUIOp: c.DivOp, arith.RemUIOp: c.RemOp, arith.MinUIOp: c.MinOp, arith.MaxUIOp: c.MaxOp,
    arith.ShRUIOp: c.ShiftRightOp,
}  # fmt: skip
FUNCTIONS: dict[str, str] = {
    f"math.{name}": f"dm_{name}f"
    for name in (
        "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh",
        "acosh", "atanh", "erf", "sqrt", "ceil", "floor", "trunc", "round",
    )
} | {
    "math.roundeven": "dm_rintf", "math.powf": "dm_powf", "kernel.fmod": "dm_fmodf",
    "math.absf": "__builtin_fabsf", "math.copysign": "__builtin_copysignf",
}  # fmt: skip
"""The C function of each float operation, on float."""
DOUBLE_FUNCTIONS: dict[str, str] = {
    "math.exp": "dm_exp", "math.expm1": "dm_expm1", "math.log": "dm_log", "math.log1p": "dm_log1p",
    "math.tanh": "dm_tanh", "math.powf": "dm_pow", "math.sqrt": "dm_sqrt", "kernel.fmod": "dm_fmod",
    "math.roundeven": "dm_rint", "math.ceil": "dm_ceil", "math.floor": "dm_floor", "math.trunc": "dm_trunc",
    "math.round": "dm_round", "math.absf": "__builtin_fabs", "math.copysign": "__builtin_copysign",
}  # fmt: skip
"""The same on double, where there is one."""
HEADERS: dict[str, str] = {
    **{f"dm_{name}": "dm_double.h" for name in ("exp", "expm1", "log", "log1p", "tanh", "pow", "sqrt", "fmod")},
    **{f"dm_{name}": "dm_bits.h" for n in (32, 64) for name in (f"f{n}_from_bits", f"bits_of_f{n}")},
    "dm_word": "dm_bits.h",
    **{
        f"dm_{name}": "dm_small_floats.h"
        for t in ("f8E4M3FN", "f8E4M3FNUZ", "f8E5M2", "f8E5M2FNUZ", "f4E2M1FN")
        for name in (f"{t}_to_f32", f"f32_to_{t}")
    },
}
"""The runtime headers of functions that few networks call; all others are in dm_math.h."""


def unsigned_type(t: Attribute) -> Attribute:
    """The unsigned integer type of the same width."""
    return IntegerType(c.bit_width(t), Signedness.UNSIGNED)


class ScalarBody:
    """Inlines scalar regions at a builder's point, with the instructions of a table where they say it."""

    def __init__(self, builder: CBuilder, instructions: InstructionTable | None = None) -> None:
        self.b = builder
        self.saturations = None if instructions is None else Saturations(instructions)

    def inline(self, region: Region, arguments: Sequence[SSAValue]) -> SSAValue:
        """The C value that `region` yields. Raises DeeployError for an operation that has no C."""
        values: dict[SSAValue, SSAValue] = dict(zip(region.block.args, arguments, strict=True))
        for op in region.block.ops:
            if self.saturations is not None and (found := self.saturations.of(op)) is not None:
                name = function_name(self.saturations.table, found.instruction)
                values[op.results[0]] = self.b.call_value(name, [values[v] for v in found.operands], i32, pure=True)
                continue
            if self.saturations is not None and self.saturations.is_part(op):
                continue
            operands = [values[v] for v in op.operands]
            if isinstance(op, YieldOp):
                return operands[0]
            values[op.results[0]] = self.operation(op, operands)
        raise ValueError("a scalar region ends in kernel.yield")

    def operation(self, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
        """One operation."""
        kind, result_type = type(op), op.results[0].type
        if isinstance(op, arith.ConstantOp):
            value = cast(IntegerAttr[IntegerType | IndexType] | FloatAttr, op.value).value.data
            return self.constant(value, result_type)
        if kind in _WRAPPING:
            flags = cast(arith.AddiOp, op).overflow_flags
            wrap = "nsw" not in str(flags) and c.bit_width(result_type) >= 32
            return self.b.binary(_WRAPPING[kind], *operands, wrap=wrap)
        if kind in _PLAIN:
            return self.b.binary(_PLAIN[kind], *operands)
        if kind in _UNSIGNED:
            unsigned = unsigned_type(result_type)
            result = self.b.binary(_UNSIGNED[kind], *(self.b.cast(v, unsigned) for v in operands))
            return self.b.cast(result, result_type)
        handler = _HANDLERS.get(kind)
        if handler is not None:
            return handler(self, op, operands)
        functions = DOUBLE_FUNCTIONS if result_type == f64 else FUNCTIONS
        if op.name in functions and result_type in (f32, f64):
            return self.b.call_value(functions[op.name], operands, result_type, pure=True)
        raise DeeployError(f"no C for the scalar operation {op.name} on {result_type}")

    def constant(self, value: float, t: Attribute) -> SSAValue:
        """A constant; infinities and NaN by the compiler's names, which need no header."""
        if isinstance(t, BFloat16Type | Float16Type | SmallFloat):
            return self.narrowed(self.constant(value, f32), t)
        if isinstance(value, float) and not math.isfinite(value):
            literal = self.b.literal('__builtin_nanf("")' if math.isnan(value) else "__builtin_inff()", t)
            return self.b.neg(literal) if value < 0 else literal
        return self.b.const(value, t)

    def convert(self, value: SSAValue, t: Attribute) -> SSAValue:
        """`kernel.cast`."""
        if value.type == t:
            return value
        if isinstance(value.type, BFloat16Type | Float16Type | SmallFloat):
            return self.convert(self.widened(value), t)
        if isinstance(t, BFloat16Type | Float16Type | SmallFloat):
            return self.narrowed(self.convert(value, f32), t)
        if c.is_bool(t):
            return self.b.cmp("ne", value, 0)
        if not (c.is_float(value.type) and c.is_integer(t)):
            return self.b.cast(self.low_bits(value, t) if c.is_integer(t) else value, t)
        low, high = c.integer_range(t)
        inside = self.b.select(self.b.cmp("gt", value, float(low)), value, float(low))
        below = self.b.cmp("lt", value, float(high))
        # What is at or above the limit must not be converted, nor a NaN (it is below nothing and above nothing).
        safe = self.b.select(below, inside, 0.0)
        converted = self.b.cast(safe, t)
        at_limit = self.b.cmp("ge", value, float(high))
        return self.b.select(at_limit, high, converted)

    def low_bits(self, value: SSAValue, t: Attribute) -> SSAValue:
        """An integer wrapped to the bits of one that is stored in a wider type."""
        unused = 32 - c.bit_width(t)
        if c.is_bool(value.type) or c.bit_width(value.type) <= c.bit_width(t) or c.bit_width(t) >= 8:
            return value
        word = self.b.cast(value, IntegerType(32, Signedness.UNSIGNED))
        if c.is_unsigned(t):
            return self.b.and_(word, (1 << c.bit_width(t)) - 1)
        return self.b.shr(self.b.cast(self.b.shl(word, unused), i32), unused)

    def widened(self, value: SSAValue) -> SSAValue:
        """A float of fewer bits as float."""
        return self.b.call_value(f"dm_{value.type}_to_f32", [value], f32, pure=True)

    def narrowed(self, value: SSAValue, t: Attribute) -> SSAValue:
        """A float rounded to one of fewer bits."""
        return self.b.call_value(f"dm_f32_to_{t}", [value], t, pure=True)

    def divide(self, x: SSAValue, y: SSAValue) -> SSAValue:
        """Signed division towards zero that is defined everywhere: x / 0 is 0, the smallest integer / -1 wraps."""
        known = c.constant_of(y)
        if isinstance(known, int) and known not in (0, -1):
            return self.b.div(x, y)
        is_zero, is_minus_one = self.b.cmp("eq", y, 0), self.b.cmp("eq", y, -1)
        safe = self.b.select(self.b.lor(is_zero, is_minus_one), 1, y)
        quotient = self.b.select(is_minus_one, self.b.neg(x, wrap=True), self.b.div(x, safe))
        return self.b.select(is_zero, 0, quotient)

    def floor_divide(self, x: SSAValue, y: SSAValue) -> SSAValue:
        """Division rounded down."""
        quotient = self.divide(x, y)
        remainder = self.b.sub(x, self.b.mul(quotient, y, wrap=True), wrap=True)
        signs = self.b.cmp("lt", self.b.xor(x, y), 0)
        inexact = self.b.land(self.b.cmp("ne", remainder, 0), signs)
        return self.b.sub(quotient, self.b.cast(inexact, x.type), wrap=True)


def _cmpi(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    predicate = cast(arith.CmpiOp, op).predicate.value.data
    if predicate >= 6:
        unsigned = unsigned_type(operands[0].type)
        operands = [body.b.cast(v, unsigned) for v in operands]
    return body.b.cmp(_INTEGER_PREDICATES[predicate], *operands)


def _cmpf(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    predicate, b = cast(arith.CmpfOp, op).predicate.value.data, body.b
    if predicate in (0, 15):
        return b.const(predicate == 15, i1)
    unordered = b.lor(b.cmp("ne", operands[0], operands[0]), b.cmp("ne", operands[1], operands[1]))
    if predicate in (7, 14):
        return b.not_(unordered) if predicate == 7 else unordered
    if predicate < 7:
        plain = b.cmp(_FLOAT_PREDICATES[predicate - 1], *operands)
        return b.land(plain, b.not_(unordered)) if predicate == 6 else plain
    plain = b.cmp(_FLOAT_PREDICATES[predicate - 8], *operands)
    return plain if predicate == 13 else b.lor(plain, unordered)


def _select(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    return body.b.select(operands[0], operands[1], operands[2])


def _cast(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    return body.convert(operands[0], op.results[0].type)


def _extended_unsigned(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    value = operands[0]
    if not c.is_bool(value.type):
        value = body.b.cast(value, unsigned_type(value.type))
    return body.convert(value, op.results[0].type)


def _extended_signed(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    value = operands[0]
    if c.is_bool(value.type):
        return body.b.neg(body.b.cast(value, op.results[0].type))
    if c.is_unsigned(value.type):
        value = body.b.cast(value, IntegerType(c.bit_width(value.type)))
    return body.convert(value, op.results[0].type)


def _truncated(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    if c.is_bool(op.results[0].type):
        return body.b.cmp("ne", body.b.and_(operands[0], 1), 0)
    return body.b.cast(operands[0], op.results[0].type)


def _reciprocal_root(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    if operands[0].type != f32:
        raise DeeployError(f"no C for the scalar operation {op.name} on {operands[0].type}")
    return body.b.div(body.b.const(1.0, f32), body.b.call_value("dm_sqrtf", operands, f32, pure=True))


def _multiplied_added(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    return body.b.add(body.b.mul(operands[0], operands[1]), operands[2])


def _same_bits(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    """Of a float: its bits as an unsigned integer, or the other way round; 16-bit floats are stored as such."""
    b, source, target = body.b, operands[0].type, op.results[0].type
    value = operands[0]
    if c.is_float(target):
        width = c.bit_width(source)
        bits = b.cast(value, IntegerType(width, Signedness.UNSIGNED))
        return b.call_value(f"dm_f{width}_from_bits", [bits], target, pure=True)
    if c.is_float(source):
        width = c.bit_width(target)
        bits = b.call_value(f"dm_bits_of_f{width}", [value], IntegerType(width, Signedness.UNSIGNED), pure=True)
        return b.cast(bits, target)
    return b.cast(value, target)


def _negated(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    return body.b.neg(operands[0])


def _absolute(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    x = operands[0]
    return body.b.select(body.b.cmp("lt", x, 0), body.b.neg(x, wrap=True), x)


def _divided(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    return body.divide(operands[0], operands[1])


def _floor_divided(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    return body.floor_divide(operands[0], operands[1])


def _ceil_divided(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    b = body.b
    return b.neg(body.floor_divide(b.neg(operands[0], wrap=True), operands[1]), wrap=True)


def _remainder(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    b, (x, y) = body.b, operands
    known = c.constant_of(y)
    if isinstance(known, int) and known not in (0, -1):
        return b.rem(x, y)
    unsafe = b.lor(b.cmp("eq", y, 0), b.cmp("eq", y, -1))
    return b.select(unsafe, 0, b.rem(x, b.select(unsafe, 1, y)))


def _extremum(maximum: bool, propagate: bool) -> Callable[[ScalarBody, Operation, Sequence[SSAValue]], SSAValue]:
    """Of floats: a NaN is handed on, or ignored if the other operand is a number."""

    def handler(body: ScalarBody, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
        b, (x, y) = body.b, operands
        choose = b.max if maximum else b.min
        # c.min and c.max give their second operand if one is a NaN.
        if propagate:
            if c.constant_of(y) is not None:
                return choose(y, x)
            if c.constant_of(x) is not None:
                return choose(x, y)
            return b.select(b.cmp("ne", x, x), x, choose(x, y))
        if c.constant_of(y) is not None:
            return choose(x, y)
        if c.constant_of(x) is not None:
            return choose(y, x)
        return b.select(b.cmp("ne", y, y), x, choose(x, y))

    return handler


_HANDLERS: dict[type[Operation], Callable[[ScalarBody, Operation, Sequence[SSAValue]], SSAValue]] = {
    CastOp: _cast,
    arith.CmpiOp: _cmpi,
    arith.CmpfOp: _cmpf,
    arith.SelectOp: _select,
    arith.ExtSIOp: _extended_signed,
    arith.SIToFPOp: _extended_signed,
    arith.ExtUIOp: _extended_unsigned,
    arith.UIToFPOp: _extended_unsigned,
    arith.TruncIOp: _truncated,
    arith.FPToSIOp: _cast,
    arith.FPToUIOp: _cast,
    arith.ExtFOp: _cast,
    arith.TruncFOp: _cast,
    arith.IndexCastOp: _extended_signed,
    arith.NegfOp: _negated,
    AbsIOp: _absolute,
    RsqrtOp: _reciprocal_root,
    FmaOp: _multiplied_added,
    arith.BitcastOp: _same_bits,
    arith.DivSIOp: _divided,
    arith.FloorDivSIOp: _floor_divided,
    arith.CeilDivSIOp: _ceil_divided,
    arith.RemSIOp: _remainder,
    arith.MaximumfOp: _extremum(True, True),
    arith.MinimumfOp: _extremum(False, True),
    arith.MaxnumfOp: _extremum(True, False),
    arith.MinnumfOp: _extremum(False, False),
}
