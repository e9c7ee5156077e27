"""Scalar regions (epilogues, bodies of `kernel.map`) on numpy: each operation runs on whole arrays of one element type.

Integers wrap at their width, as `arith` says; floats are computed in their own type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import ml_dtypes
import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, IntegerType
from xdsl.ir import Attribute, Operation, Region, SSAValue

from deeploy_mlir.dialects.kernel.base import CastOp, YieldOp
from deeploy_mlir.dialects.kernel.requantize import RequantizeOp
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, is_small_integer, numpy_dtype


def run_scalar_body(region: Region, arrays: Sequence[Array]) -> Array:
    """The value that `region` yields for arguments `arrays`, elementwise with broadcasting.

    Each array has the dtype of its block argument. Raises DeeployError for an operation without a meaning here."""
    values: dict[SSAValue, Array] = dict(zip(region.block.args, arrays, strict=True))
    with np.errstate(all="ignore"):
        for op in region.block.ops:
            operands = [values[v] for v in op.operands]
            if isinstance(op, YieldOp):
                return operands[0]
            values[op.results[0]] = run_scalar_op(op, operands)
    raise ValueError("a scalar region ends in kernel.yield")


def run_scalar_op(op: Operation, operands: Sequence[Array]) -> Array:
    """The result of one scalar operation on arrays. Raises DeeployError if it is not known."""
    if isinstance(op, arith.ConstantOp):
        return _constant(op)
    result_type = op.results[0].type
    if isinstance(op, RequantizeOp):
        offset = operands[2] if op.offset is not None else np.zeros(())
        return op.definition(operands[1], offset).exact(operands[0]).astype(numpy_dtype(result_type))
    if isinstance(op, CastOp):
        return convert(operands[0], numpy_dtype(result_type))
    if isinstance(op, arith.CmpiOp):
        return _compare_integers(op.predicate.value.data, operands[0], operands[1])
    if isinstance(op, arith.CmpfOp):
        return _compare_floats(op.predicate.value.data, operands[0], operands[1])
    if (conversion := _CONVERSIONS.get(op.name)) is not None:
        return conversion(operands[0], op.operands[0].type, result_type)
    function = _FUNCTIONS.get(op.name)
    if function is None:
        raise DeeployError(f"no meaning on numpy for the scalar operation {op.name}")
    return np.asarray(function(*operands)).astype(numpy_dtype(result_type), copy=False)


def convert(array: Array, dtype: np.dtype[Any]) -> Array:
    """`kernel.cast`: integers wrap, floats to integers truncate and saturate (NaN becomes 0)."""
    if dtype == np.bool_:
        return array != 0
    if is_small_integer(dtype):
        bits = ml_dtypes.iinfo(dtype).bits
        wide = convert(array, np.dtype(np.int64)) & ((1 << bits) - 1)
        return (wide if ml_dtypes.iinfo(dtype).min == 0 else wide - ((wide >> (bits - 1)) << bits)).astype(dtype)
    if array.dtype.kind in "iub" or is_small_integer(array.dtype) or dtype.kind not in "iu":
        return array.astype(dtype)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    wide = np.trunc(array.astype(np.float64))
    inside = np.clip(np.nan_to_num(wide, nan=0.0), float(low), float(high))
    result = np.where(inside >= float(high), high, np.where(inside <= float(low), low, 0)).astype(dtype)
    middle = (inside > float(low)) & (inside < float(high))
    return np.where(middle, np.where(middle, inside, 0).astype(dtype), result)


def _constant(op: arith.ConstantOp) -> Array:
    value, dtype = op.value, numpy_dtype(op.result.type)
    assert isinstance(value, IntegerAttr | FloatAttr)
    number = cast(IntegerAttr[IntegerType] | FloatAttr, value).value.data
    return np.asarray(number, np.int64 if dtype.kind in "iub" else np.float64).astype(dtype)


def unsigned(array: Array) -> Array:
    """The same bits as unsigned integers."""
    return array if array.dtype.kind in "ub" else array.view(np.dtype(f"uint{8 * array.dtype.itemsize}"))


def signed(array: Array) -> Array:
    """The same bits as signed integers."""
    return array if array.dtype.kind in "ib" else array.view(np.dtype(f"int{8 * array.dtype.itemsize}"))


def truncating_division(a: Array, b: Array) -> Array:
    """Integer division towards zero; by zero gives 0."""
    safe = np.where(b == 0, 1, b)
    quotient = np.floor_divide(a, safe)
    inexact = (np.remainder(a, safe) != 0) & ((a < 0) != (safe < 0))
    return np.where(b == 0, 0, quotient + inexact).astype(a.dtype)


def _ceiling_division(a: Array, b: Array) -> Array:
    return -np.floor_divide(-a, b)


def _compare_integers(predicate: int, a: Array, b: Array) -> Array:
    comparisons: tuple[Callable[[Any, Any], Array], ...] = (
        np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    )  # fmt: skip
    if predicate < 6:
        return comparisons[predicate](a, b)
    return comparisons[predicate - 4](unsigned(np.asarray(a)), unsigned(np.asarray(b)))


def _compare_floats(predicate: int, a: Array, b: Array) -> Array:
    """`arith.cmpf`: false, the six ordered, ord, the six unordered, uno, true."""
    comparisons: tuple[Callable[[Any, Any], Array], ...] = (
        np.equal, np.greater, np.greater_equal, np.less, np.less_equal, np.not_equal,
    )  # fmt: skip
    unordered = np.isnan(a) | np.isnan(b)
    if predicate in (0, 15):
        return np.full_like(unordered, predicate == 15)
    if predicate in (7, 14):
        return ~unordered if predicate == 7 else unordered
    if predicate < 7:
        return comparisons[predicate - 1](a, b) & ~unordered
    return comparisons[predicate - 8](a, b) | unordered


def _select(condition: Array, a: Array, b: Array) -> Array:
    return np.where(condition, a, b)


def _shift(function: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    def shift(a: Array, amount: Array) -> Array:
        return function(a, amount.astype(a.dtype))

    return shift


def _logical_shift(a: Array, amount: Array) -> Array:
    u = unsigned(np.asarray(a))
    return np.right_shift(u, amount.astype(u.dtype)).view(a.dtype)


def _wide(function: Callable[[float], float]) -> Callable[[Array], Array]:
    vectorised = np.vectorize(function, otypes=[np.float64])

    def wide(a: Array) -> Array:
        return vectorised(a.astype(np.float64)) if a.size else a

    return wide


def _in_double(function: Callable[..., Array]) -> Callable[..., Array]:
    """Computed in float64 and rounded once, so that the result does not depend on numpy's float32 kernels."""

    def apply(*arrays: Array) -> Array:
        return function(*(a.astype(np.float64) for a in arrays))

    return apply


def _round_half_away(a: Array) -> Array:
    return np.copysign(np.floor(np.abs(a.astype(np.float64)) + 0.5), a)


def _divide_unsigned(a: Array, b: Array) -> Array:
    return np.floor_divide(unsigned(a), unsigned(np.where(b == 0, 1, b).astype(b.dtype)))


def _on_unsigned(function: Callable[..., Array]) -> Callable[[Array, Array], Array]:
    def apply(a: Array, b: Array) -> Array:
        return function(unsigned(a), unsigned(b))

    return apply


def _reciprocal_root(a: Array) -> Array:
    return 1 / np.sqrt(a)


def _multiplied_added(a: Array, b: Array, c: Array) -> Array:
    return a * b + c


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "arith.addi": np.add, "arith.subi": np.subtract, "arith.muli": np.multiply,
    "arith.divsi": truncating_division, "arith.floordivsi": np.floor_divide, "arith.ceildivsi": _ceiling_division,
    "arith.divui": _divide_unsigned, "arith.remsi": np.fmod,
    "arith.remui": _on_unsigned(np.remainder),
    "arith.minsi": np.minimum, "arith.maxsi": np.maximum,
    "arith.minui": _on_unsigned(np.minimum), "arith.maxui": _on_unsigned(np.maximum),
    "arith.andi": np.bitwise_and, "arith.ori": np.bitwise_or, "arith.xori": np.bitwise_xor,
    "arith.shli": _shift(np.left_shift), "arith.shrsi": _shift(np.right_shift), "arith.shrui": _logical_shift,
    "arith.select": _select,
    "arith.addf": np.add, "arith.subf": np.subtract, "arith.mulf": np.multiply, "arith.divf": np.divide,
    "arith.negf": np.negative,
    "arith.minimumf": np.minimum, "arith.maximumf": np.maximum, "arith.minnumf": np.fmin, "arith.maxnumf": np.fmax,
    "math.absf": np.abs, "math.absi": np.abs, "math.ceil": np.ceil, "math.floor": np.floor, "math.trunc": np.trunc,
    "math.round": _round_half_away, "math.roundeven": np.rint, "math.copysign": np.copysign,
    "math.sqrt": np.sqrt, "math.rsqrt": _in_double(_reciprocal_root),
    "math.fma": _in_double(_multiplied_added),
    "math.powf": _in_double(np.power), "math.atan2": _in_double(np.arctan2),
    "kernel.fmod": np.fmod,
    "math.erf": _wide(math.erf),
    **{
        f"math.{name}": _in_double(function)
        for name, function in {
            "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10,
            "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
            "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh,
            "acosh": np.arccosh, "atanh": np.arctanh, "cbrt": np.cbrt,
        }.items()
    },
}  # fmt: skip
"""Operations whose result has the operands' type."""


def _from_float(array: Array, source: Attribute, result: Attribute) -> Array:
    return convert(array, numpy_dtype(result))


def _from_signed(array: Array, source: Attribute, result: Attribute) -> Array:
    """Extension or truncation that reads i1 as 0 or -1, other integers by their sign."""
    if array.dtype == np.bool_:
        return -(array.astype(np.int8)).astype(numpy_dtype(result))
    return signed(array).astype(numpy_dtype(result))


def _from_unsigned(array: Array, source: Attribute, result: Attribute) -> Array:
    return unsigned(array).astype(numpy_dtype(result))


def _truncate(array: Array, source: Attribute, result: Attribute) -> Array:
    dtype = numpy_dtype(result)
    return (array & 1).astype(np.bool_) if dtype == np.bool_ else array.astype(dtype)


def _bits(array: Array, source: Attribute, result: Attribute) -> Array:
    return np.ascontiguousarray(array).view(numpy_dtype(result))


_CONVERSIONS: dict[str, Callable[[Array, Attribute, Attribute], Array]] = {
    "arith.extsi": _from_signed,
    "arith.extui": _from_unsigned,
    "arith.trunci": _truncate,
    "arith.sitofp": _from_signed,
    "arith.uitofp": _from_unsigned,
    "arith.fptosi": _from_float,
    "arith.fptoui": _from_float,
    "arith.extf": _from_float,
    "arith.truncf": _from_float,
    "arith.index_cast": _from_signed,
    "arith.bitcast": _bits,
}
