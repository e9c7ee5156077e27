"""Elementwise operators of all types, with broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import helper

from deeploy_mlir.support.numpy_types import Array

from .builder import INTEGERS, Builder

FLOATS = (np.float32, np.float32, np.float32, np.float16)


def operands(b: Builder, count: int = 2) -> list[tuple[int, ...]]:
    """Shapes that broadcast together."""
    shape = b.shape(b.number(1, 4), 5)
    shapes = [shape, *(b.broadcast(shape) for _ in range(count - 1))]
    return [shapes[i] for i in b.permutation(count)]


def arithmetic(b: Builder) -> str:
    dtype = b.pick([*FLOATS, *INTEGERS])
    first, second = operands(b)
    kind = b.pick(["Add", "Sub", "Mul", "Max", "Min"])
    most = 50 if kind == "Mul" else None  # products of i64 do not fit otherwise
    return b.op(kind, b.input(b.array(first, dtype, most)), b.either(b.array(second, dtype, most)))


def _nonzero(b: Builder, array: Array) -> Array:
    return np.where(array == 0, array.dtype.type(b.pick([1, 2, 3])), array)


def division(b: Builder) -> str:
    """Integers are divided towards zero."""
    dtype = b.pick([*FLOATS, *INTEGERS])
    first, second = operands(b)
    return b.op("Div", b.input(b.array(first, dtype)), b.either(_nonzero(b, b.array(second, dtype, b.pick([9, 200])))))


def modulo(b: Builder) -> str:
    dtype = b.pick([np.float32, *INTEGERS])
    first, second = operands(b)
    fmod = 1 if dtype == np.float32 else b.number(0, 1)
    return b.op("Mod", b.input(b.array(first, dtype)), b.either(_nonzero(b, b.array(second, dtype, 30))), fmod=fmod)


def power(b: Builder) -> str:
    first, second = operands(b)
    kind = b.pick(["float", "whole exponents", "integers"])
    if kind == "integers":
        dtype = b.pick([np.int32, np.int64])
        return b.op("Pow", b.input(b.array(first, dtype, 9)), b.either(b.rng.integers(0, 5, second).astype(dtype)))
    base = b.real(first, 0.25, 4) if kind == "float" else _nonzero(b, b.real(first))
    exponent = b.real(second) if kind == "float" else b.rng.integers(-3, 4, second).astype(np.float32)
    return b.op("Pow", b.input(base), b.either(exponent))


def comparison(b: Builder) -> str:
    dtype = b.pick([*FLOATS, *INTEGERS])
    first, second = operands(b)
    kind = b.pick(["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"])
    most = b.pick([3, None])
    return b.op(kind, b.input(b.array(first, dtype, most)), b.either(b.array(second, dtype, most)))


def logical(b: Builder) -> str:
    first, second = operands(b)
    if b.number(0, 3) == 3:
        return b.op("Not", b.input(b.array(first, np.bool_)))
    kind = b.pick(["And", "Or", "Xor", "Equal"])
    return b.op(kind, b.input(b.array(first, np.bool_)), b.either(b.array(second, np.bool_)))


def bitwise(b: Builder) -> str:
    dtype = b.pick(INTEGERS)
    first, second = operands(b)
    kind = b.pick(["BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "BitShift"])
    x = b.input(b.array(first, dtype))
    if kind == "BitwiseNot":
        return b.op(kind, x)
    if kind == "BitShift":
        dtype = b.pick([np.uint8, np.uint16, np.uint32, np.uint64])
        x = b.input(b.array(first, dtype))
        by = b.rng.integers(0, 8 * np.dtype(dtype).itemsize, second).astype(dtype)
        return b.op(kind, x, b.either(by), direction=b.pick(["LEFT", "RIGHT"]))
    return b.op(kind, x, b.either(b.array(second, dtype)))


def where(b: Builder) -> str:
    condition, first, second = operands(b, 3)
    dtype = b.pick([*FLOATS, *INTEGERS, np.bool_])
    return b.op("Where", b.input(b.array(condition, np.bool_)), *(b.either(b.array(s, dtype)) for s in (first, second)))


def variadic(b: Builder) -> str:
    kind = b.pick(["Sum", "Mean", "Max", "Min"])
    shapes = operands(b, b.number(1, 4))
    dtype = b.pick([np.float32, np.int32] if kind in ("Max", "Min") else [np.float32])
    return b.op(kind, *(b.input(b.array(s, dtype)) for s in shapes))


def clip(b: Builder) -> str:
    dtype = b.pick([*FLOATS, *INTEGERS])
    x = b.input(b.array(b.shape(b.number(1, 3)), dtype, 100))
    low, high = sorted(b.array((2,), dtype, 80))
    words = [b.either(low) if b.flag() else "", b.either(high) if b.flag() else ""]
    while words and not words[-1]:
        words.pop()
    return b.op("Clip", x, *words)


def prelu(b: Builder) -> str:
    shape = b.shape(b.number(1, 4), 5)
    return b.op("PRelu", b.input(b.real(shape)), b.either(b.real(b.broadcast(shape))))


def cast(b: Builder) -> str:
    """Between all types; values that the target holds, negative numbers to unsigned types among integers only."""
    types = [*INTEGERS, np.float32, np.float16, np.float64, np.bool_]
    source, target = b.pick(types), b.pick(types)
    most = 100 if np.dtype(target).kind == "f" or np.dtype(source).kind == "f" else None
    x = b.array(b.shape(b.number(1, 3)), source, most)
    if np.dtype(source).kind == "f" and np.dtype(target).kind in "iu":
        x = (x if np.dtype(target).kind == "i" else np.abs(x)).astype(source)
    return b.op("Cast", b.input(x), to=helper.np_dtype_to_tensor_dtype(np.dtype(target)))


def _number(low: float, high: float) -> Callable[[Builder], float]:
    return lambda b: b.number(int(low * 8), int(high * 8)) / 8


UNARY: dict[str, dict[str, Callable[[Builder], Any]]] = {
    **{
        kind: {}
        for kind in (
            *("Abs Neg Sign Floor Ceil Round Relu Sigmoid Tanh Exp Softplus Softsign Erf HardSwish Mish Sin".split()),
            *("Cos Atan Sinh Asinh Tan Cosh".split()),
        )
    },
    "LeakyRelu": {"alpha": _number(-1, 1)},
    "Elu": {"alpha": _number(0, 2)},
    "Celu": {"alpha": _number(0.25, 2)},
    "Selu": {"alpha": _number(0, 2), "gamma": _number(0, 2)},
    "ThresholdedRelu": {"alpha": _number(0, 2)},
    "HardSigmoid": {"alpha": _number(0, 1), "beta": _number(0, 1)},
    "Shrink": {"lambd": _number(0, 2), "bias": _number(-1, 1)},
    "Gelu": {"approximate": lambda b: b.pick(["none", "tanh"])},
    "IsNaN": {},
    "IsInf": {"detect_negative": lambda b: b.number(0, 1), "detect_positive": lambda b: b.number(0, 1)},
}
"""Functions of one number, and their attributes."""
BOUNDED = {
    "Sqrt": (0, 16),
    "Log": (0.25, 16),
    "Reciprocal": (0.25, 4),
    "Asin": (-1, 1),
    "Acos": (-1, 1),
    "Acosh": (1, 8),
    "Atanh": (-0.9, 0.9),
}
"""Functions of one number with the range where they are defined."""


def unary(b: Builder) -> str:
    kind = b.pick([*UNARY, *BOUNDED])
    shape = b.shape(b.number(1, 4), 5)
    if kind in BOUNDED:
        return b.op(kind, b.input(b.real(shape, *BOUNDED[kind])))
    x = b.real(shape)
    if kind in ("IsNaN", "IsInf"):
        x = np.where(x > 2, np.float32(np.nan), np.where(x < -2, np.float32(-np.inf), np.where(x == 1, np.inf, x)))
        x = x.astype(np.float32)
    if kind in ("Abs", "Neg", "Sign", "Relu") and b.flag():
        signed = [np.int8, np.int16, np.int32, np.int64]
        x = b.whole(shape, b.pick([*signed, *([] if kind in ("Neg", "Relu") else [np.uint8, np.uint32])]), 120)
    chosen = {name: choose(b) for name, choose in UNARY[kind].items() if b.flag()}
    return b.op(kind, b.input(x), **chosen)


CASES = (
    *(arithmetic, division, modulo, power, comparison, logical, bitwise, where, variadic, clip, prelu, cast, cast),
    *(unary, unary, unary),
)
