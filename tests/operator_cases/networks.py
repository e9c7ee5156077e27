"""Small networks: operators that fuse, operands that are shared, results that are used several times."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .builder import Builder
from .quantized import quantized, weights

Shape = tuple[int, ...]
Value = tuple[str, Shape]


def _conv(b: Builder, x: Value, quantised: bool) -> Value:
    name, (n, c, h, w) = x
    depthwise = b.flag()
    m = c * b.number(1, 2) if depthwise else b.number(1, 5)
    kernel = [b.number(1, 3) for _ in range(2)]
    strides = [b.number(1, 2) for _ in range(2)]
    pads = [b.number(0, k - 1) for k in kernel * 2]
    size = [(s + pads[i] + pads[2 + i] - kernel[i]) // strides[i] + 1 for i, s in enumerate((h, w))]
    if min(size) < 1:
        return x
    shape = (m, 1 if depthwise else c, *kernel)
    weight = weights(b, shape, 0) if quantised else b.constant(b.real(shape))
    bias = [b.constant(b.real((m,)))] if b.flag() else []
    attributes: dict[str, Any] = {
        "kernel_shape": kernel,
        "strides": strides,
        "pads": pads,
        "group": c if depthwise else 1,
    }
    return b.op("Conv", name, weight, *bias, **attributes), (n, m, *size)


def _norm(b: Builder, x: Value, quantised: bool) -> Value:
    name, shape = x
    count = (shape[1],)
    words = [b.constant(b.real(count)), b.constant(b.real(count)), b.constant(b.real(count))]
    return b.op("BatchNormalization", name, *words, b.constant(b.real(count, 0.25, 4))), shape


def _activation(b: Builder, x: Value, quantised: bool) -> Value:
    name, shape = x
    kind = b.pick(["Relu", "Relu", "Clip", "Sigmoid", "HardSwish", "LeakyRelu", "Neg"])
    if kind == "Clip":
        return b.op(kind, name, b.constant(np.float32(-1)), b.constant(np.float32(6))), shape
    return b.op(kind, name), shape


def _constant_operand(b: Builder, x: Value, quantised: bool) -> Value:
    name, shape = x
    other = b.constant(b.real(b.broadcast(shape)))
    words = [name, other] if b.flag() else [other, name]
    return b.op(b.pick(["Add", "Mul", "Sub", "Max"]), *words), shape


def _pool(b: Builder, x: Value, quantised: bool) -> Value:
    name, (n, c, h, w) = x
    if min(h, w) < 2:
        return x
    stride = b.number(1, 2)
    y = b.op(b.pick(["MaxPool", "AveragePool"]), name, kernel_shape=[2, 2], strides=[stride, stride])
    return y, (n, c, (h - 2) // stride + 1, (w - 2) // stride + 1)


def _transposed(b: Builder, x: Value, quantised: bool) -> Value:
    """There and, mostly, an elementwise step, and back."""
    name, shape = x
    perm = b.permutation(4)
    middle = b.op(b.pick(["Relu", "Abs"]), b.op("Transpose", name, perm=perm))
    if b.flag():
        return b.op("Transpose", middle, perm=[perm.index(i) for i in range(4)]), shape
    return middle, tuple(shape[p] for p in perm)


def _padded(b: Builder, x: Value, quantised: bool) -> Value:
    name, (n, c, h, w) = x
    pads = [b.number(0, 2) for _ in range(4)]
    words = b.numbers([0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]])
    return b.op("Pad", name, words), (n, c, h + pads[0] + pads[2], w + pads[1] + pads[3])


def _split_and_joined(b: Builder, x: Value, quantised: bool) -> Value:
    name, shape = x
    if shape[1] < 2:
        return x
    first = b.number(1, shape[1] - 1)
    left, right = b.ops("Split", name, b.numbers([first, shape[1] - first]), results=2, axis=1)
    parts = [b.op("Relu", left) if b.flag() else left, right]
    return b.op("Concat", *(parts[i] for i in b.permutation(2)), axis=1), shape


def _soft(b: Builder, x: Value, quantised: bool) -> Value:
    return b.op("Softmax", x[0], axis=b.number(0, 3)), x[1]


def _mean(b: Builder, x: Value, quantised: bool) -> Value:
    """Scales the channels by their mean (squeeze and excite)."""
    name, shape = x
    mean = b.op("ReduceMean", name, b.numbers([2, 3]), keepdims=1)
    return b.op("Mul", name, b.op("Sigmoid", mean)), shape


STEPS = (
    _conv,
    _conv,
    _conv,
    _activation,
    _activation,
    _constant_operand,
    _pool,
    _transposed,
    _padded,
    *(_split_and_joined, _soft, _mean, _norm),
)


def network(b: Builder, quantised: bool) -> tuple[str, ...]:
    """A chain of steps, in which any two values of one shape are added, and inner values are outputs too."""
    shape: Shape = (b.number(1, 2), b.number(1, 5), b.number(2, 9), b.number(2, 9))
    if quantised:
        zero = b.whole((), np.int8)
        words = [b.constant(np.float32(0.03125 * b.rng.uniform(1, 2))), b.constant(zero)]
        values: list[Value] = [(b.op("DequantizeLinear", b.input(b.whole(shape, np.int8)), *words), shape)]
    else:
        values = [(b.input(b.real(shape)), shape)]
    steps = [s for s in STEPS if not quantised or s not in (_norm, _soft)]
    for _ in range(b.number(2, 9)):
        x = b.pick(values[-2:])
        y = b.pick(steps)(b, x, quantised)
        same = [name for name, s in values if s == y[1]]
        if same and b.number(0, 2) == 2:
            y = b.op(b.pick(["Add", "Mul", "Sub"]), *(y[0], b.pick(same))), y[1]
        if y == x or prod(y[1]) > 4000:
            continue
        if quantised:
            words = [b.constant(np.float32(0.0625 * b.rng.uniform(1, 2))), b.constant(b.whole((), np.int8, 30))]
            y = b.op("DequantizeLinear", b.op("QuantizeLinear", y[0], *words), *words), y[1]
        values.append(y)
    results = [values[-1][0], b.pick(values)[0]]
    if quantised:
        return tuple(quantized(b, name, 0.0625, np.int8) for name in dict.fromkeys(results))
    return tuple(b.op("Identity", name) for name in dict.fromkeys(results))


def float_network(b: Builder) -> tuple[str, ...]:
    return network(b, False)


def quantised_network(b: Builder) -> tuple[str, ...]:
    return network(b, True)


def classifier(b: Builder) -> str:
    """Flattened into dense layers, with residuals and norms, as in transformers' feed-forward parts."""
    rows, width = b.number(1, 6), b.number(2, 12)
    x = b.input(b.real((rows, width)))
    for _ in range(b.number(1, 3)):
        hidden = b.number(1, 12)
        y = b.op("MatMul", x, b.constant(b.real((width, hidden), -1, 1)))
        y = b.op("Add", y, b.constant(b.real((hidden,))))
        y = b.op(b.pick(["Gelu", "Relu", "Sigmoid", "Tanh"]), y)
        y = b.op("Gemm", y, b.constant(b.real((width, hidden), -1, 1)), b.constant(b.real((width,))), transB=1)
        y = b.op("Add", y, x)
        if b.flag():
            y = b.op("LayerNormalization", y, b.constant(b.real((width,))), b.constant(b.real((width,))))
        x = y
    return b.op("Softmax", x) if b.flag() else x


CASES = (float_network, quantised_network, classifier)
