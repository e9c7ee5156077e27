"""Quantised operators: QDQ graphs, QLinear operators, dynamic quantisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .builder import BYTES, MICROSOFT, Builder
from .convolution import channels, window


def scale(b: Builder, low: int = -7, high: int = -3) -> Any:
    return np.float32(2.0 ** b.number(low, high) * b.rng.uniform(1, 2))


def dequantized(b: Builder, shape: Sequence[int], dtype: Any = None) -> str:
    """DequantizeLinear of an input with random parameters."""
    dtype = b.pick([*BYTES, *BYTES, *BYTES, np.int16, np.uint16]) if dtype is None else dtype
    x = b.input(b.whole(shape, dtype))
    shift = -8 if np.dtype(dtype).itemsize == 2 else 0
    words = [b.constant(scale(b, shift - 7, shift - 3))]
    if b.number(0, 3):
        words.append(b.constant(b.whole((), dtype)))
    return b.op("DequantizeLinear", x, *words)


def quantized(b: Builder, value: str, step: float, dtype: Any = None) -> str:
    dtype = b.pick([*BYTES, *BYTES, *BYTES, np.int16, np.uint16]) if dtype is None else dtype
    step = step / 200 if np.dtype(dtype).itemsize == 2 else step
    words = [b.constant(np.float32(step * b.rng.uniform(1, 2))), b.constant(b.whole((), dtype, 40))]
    return b.op("QuantizeLinear", value, *words)


def weights(b: Builder, shape: Sequence[int], axis: int) -> str:
    """DequantizeLinear of constant weights, per tensor or by channel; unsigned and with a zero point at times."""
    dtype = b.pick([np.int8, np.int8, np.uint8])
    count = (shape[axis],) if b.flag() else ()
    steps = np.asarray(2.0 ** b.number(-8, -5) * b.rng.uniform(1, 2, count)).astype(np.float32)
    zero = np.zeros(count, np.int8) if dtype == np.int8 and b.flag() else b.whole(count, dtype, 130)
    w = b.constant(b.whole(shape, dtype))
    return b.op("DequantizeLinear", w, b.constant(steps), b.constant(zero), axis=axis)


def _bias(b: Builder, length: int) -> list[str]:
    """None, a float bias, or an integer one with its scale."""
    kind = b.pick(["none", "float", "integer"])
    if kind == "none":
        return []
    if kind == "float":
        return [b.constant(b.real((length,)))]
    values = b.constant(b.whole((length,), np.int32, 3000))
    return [b.op("DequantizeLinear", values, b.constant(np.float32(scale(b, -12, -9))))]


def _activated(b: Builder, y: str) -> str:
    kind = b.pick(["none", "none", "Relu", "Clip", "LeakyRelu", "Sigmoid", "HardSwish"])
    if kind == "none":
        return y
    if kind == "Clip":
        return b.op("Clip", y, b.constant(np.float32(0)), b.constant(np.float32(6)))
    return b.op(kind, y)


def qdq_conv(b: Builder) -> str:
    attributes, sizes = window(b, b.pick([1, 2, 2]))
    c, m, group = channels(b)
    w = weights(b, (m, c // group, *attributes["kernel_shape"]), 0)
    y = b.op("Conv", dequantized(b, (1, c, *sizes)), w, *_bias(b, m), group=group, **attributes)
    return quantized(b, _activated(b, y), 0.05)


def qdq_product(b: Builder) -> str:
    m, k, n = b.number(1, 8), b.number(1, 24), b.number(1, 8)
    x = dequantized(b, (m, k))
    if b.flag():
        tb = b.number(0, 1)
        w = weights(b, (n, k) if tb else (k, n), 1 - tb)
        return quantized(b, _activated(b, b.op("Gemm", x, w, *_bias(b, n), transB=tb)), 0.1)
    w = weights(b, (k, n), 1) if b.flag() else dequantized(b, (k, n))
    return quantized(b, _activated(b, b.op("MatMul", x, w)), 0.1)


def qdq_residual(b: Builder) -> str:
    """A product that is not quantised by itself, and a tensor that is added to it."""
    n, k, m = b.number(1, 6), b.number(1, 16), b.number(1, 8)
    product = b.op("MatMul", dequantized(b, (n, k), np.int8), weights(b, (k, m), 1))
    words = [product, dequantized(b, (n, m), b.pick(BYTES))]
    return quantized(b, _activated(b, b.op(b.pick(["Add", "Sub"]), *(words[::-1] if b.flag() else words))), 0.1)


def qdq_binary(b: Builder) -> str:
    shape = b.shape(b.number(1, 4), 5)
    other = b.broadcast(shape)
    kind = b.pick(["Add", "Sub", "Mul", "Max", "Min"])
    return quantized(b, _activated(b, b.op(kind, dequantized(b, shape), dequantized(b, other))), 0.09)


def qdq_other(b: Builder) -> str:
    """Operators that only move or choose, a mean, an activation, between dequantisation and quantisation."""
    n, c, h, w = b.number(1, 2), b.number(1, 4), b.number(2, 6), b.number(2, 6)
    x = dequantized(b, (n, c, h, w))
    kind = b.pick(
        ["MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean", "Softmax", "Transpose", "Concat", "Pad"]
    )
    if kind in ("MaxPool", "AveragePool"):
        strides, pads = [b.number(1, 2)] * 2, [b.number(0, 1) for _ in range(4)]
        y = b.op(kind, x, kernel_shape=[2, 2], strides=strides, pads=pads)
    elif kind == "ReduceMean":
        y = b.op(kind, x, b.numbers([2, 3]), keepdims=b.number(0, 1))
    elif kind == "Concat":
        y = b.op(kind, x, dequantized(b, (n, b.number(1, 3), h, w)), axis=1)
    elif kind == "Pad":
        y = b.op(kind, x, b.numbers([0, 0, 1, 0, 0, 0, 0, 2]))
    elif kind == "Transpose":
        y = b.op(kind, x, perm=b.permutation(4))
    else:
        y = b.op(kind, x)
    return quantized(b, _activated(b, y), 0.02)


def _parameters(b: Builder, dtype: Any, low: int = -7, high: int = -3) -> list[str]:
    return [b.constant(scale(b, low, high)), b.constant(b.whole((), dtype, 60))]


def qlinear_matmul(b: Builder) -> str:
    m, k, n = b.number(1, 8), b.number(1, 24), b.number(1, 8)
    batch = b.pick([(), (), (2,)])
    words: list[str] = []
    for shape in ((*batch, m, k), (k, n)):
        dtype = b.pick(BYTES)
        words += [b.either(b.whole(shape, dtype)), *_parameters(b, dtype)]
    return b.op("QLinearMatMul", *words, *_parameters(b, b.pick(BYTES), 0, 2))


def qlinear_conv(b: Builder) -> str:
    attributes, sizes = window(b, b.pick([1, 2, 2]))
    c, m, group = channels(b)
    x_type, w_type = b.pick([(np.uint8, np.uint8), (np.uint8, np.int8), (np.int8, np.int8)])
    words = [b.input(b.whole((1, c, *sizes), x_type)), *_parameters(b, x_type)]
    w = b.constant(b.whole((m, c // group, *attributes["kernel_shape"]), w_type))
    if b.flag():
        steps = (2.0**-6 * b.rng.uniform(1, 2, m)).astype(np.float32)
        words += [w, b.constant(steps), b.constant(np.full(m, b.number(0, 9) if w_type == np.uint8 else 0, w_type))]
    else:
        words += [w, *_parameters(b, w_type)]
    words += _parameters(b, x_type, -2, 1)
    if b.flag():
        words.append(b.constant(b.whole((m,), np.int32, 2000)))
    return b.op("QLinearConv", *words, group=group, **attributes)


def qlinear_binary(b: Builder) -> str:
    dtype = b.pick(BYTES)
    shape = b.shape(b.number(1, 4), 5)
    words = [b.input(b.whole(shape, dtype)), *_parameters(b, dtype)]
    words += [b.either(b.whole(b.broadcast(shape), dtype)), *_parameters(b, dtype)]
    kind = b.pick(["QLinearAdd", "QLinearMul"])
    return b.op(kind, *words, *_parameters(b, dtype, -4, -2), domain=MICROSOFT)


def dynamic(b: Builder) -> tuple[str, ...]:
    x = b.input(b.real(b.shape(b.number(1, 4), 6), *b.pick([(-4, 4), (0, 4), (1, 3), (-3, -1)])))
    return b.ops("DynamicQuantizeLinear", x, results=3)


def alone(b: Builder) -> str:
    """QuantizeLinear or DequantizeLinear, per tensor or along an axis, of all integer types."""
    shape = b.shape(b.number(1, 4), 5)
    dtype = b.pick([*BYTES, np.int16, np.uint16])
    axis = b.number(-len(shape), len(shape) - 1)
    count = (shape[axis],) if b.flag() else ()
    steps = b.constant(np.asarray(2.0 ** b.number(-7, -1) * b.rng.uniform(1, 2, count)).astype(np.float32))
    zero = b.constant(b.whole(count, dtype))
    if b.flag():
        return b.op("QuantizeLinear", b.input(b.real(shape)), steps, zero, axis=axis)
    return b.op("DequantizeLinear", b.input(b.whole(shape, dtype)), steps, zero, axis=axis)


CASES = (
    *(qdq_conv, qdq_conv, qdq_product, qdq_product, qdq_residual, qdq_binary, qdq_other, qdq_other),
    *(qlinear_matmul, qlinear_conv, qlinear_binary, dynamic, alone),
)
