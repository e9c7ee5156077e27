"""Integer networks as quantisation flows export them: every tensor declared FLOAT, operators that ONNX does not have.

Each case is a chain of a few steps from bytes to bytes, with accumulators of 32 bits and RequantShift between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from deeploy_mlir.support.numpy_types import Array

from .builder import BYTES, Builder

Shape = tuple[int, ...]
Value = tuple[str, Shape]
Step = Callable[[Builder, Value], Value]


def stored(b: Builder, array: Array) -> str:
    """A constant of integers, which the flows store as floats more often than not."""
    return b.constant(array.astype(np.float32) if b.flag() else array)


def levels(b: Builder, name: str = "n_levels") -> dict[str, Any]:
    return {name: b.pick([256, 256, 256.0, 16])}


def requantized(b: Builder, x: Value, largest: int) -> Value:
    """RequantShift of values up to about `largest`: factors of the tensor, or of each channel (axis 1 or the last)."""
    name, shape = x
    shift = b.number(0, 18)
    by_channel: list[Shape] = [(), (1,)]
    if len(shape) > 1:
        by_channel += [(shape[1], *[1] * (len(shape) - 2)), (1, shape[1], *[1] * (len(shape) - 2))]
    count = b.pick(by_channel)
    factor = max(1, (1 << shift) * 200 // max(largest, 1))
    mul = b.whole(count, np.int32, min(factor, 1 << 20)) if b.flag() else np.full(count, factor, np.int32)
    add = b.whole(count, np.int32, min((1 << shift) * 100, 1 << 28))
    attributes: dict[str, Any] = {"div": float(1 << shift), "signed": b.pick([0, 1, [1.0]])}
    attributes.update(levels(b, b.pick(["n_levels", "n_levels_out"])))
    words = [stored(b, a) for a in (mul, add)]
    return b.op("RequantShift", name, *words, domain=b.pick(["", "PACTOps"]), **attributes), shape


def conv(b: Builder, x: Value) -> Value:
    name, shape = x
    rank = len(shape) - 2
    if rank not in (1, 2):
        return requantized(b, (b.op("Add", name, name), shape), 256)
    c = shape[1]
    depthwise = b.flag()
    m = c * b.number(1, 2) if depthwise else b.number(1, 6)
    kernel = [b.number(1, min(3, n)) for n in shape[2:]]
    strides, pads = [b.number(1, 2) for _ in range(rank)], [b.number(0, k - 1) for k in kernel * 2]
    size = [(n + pads[i] + pads[rank + i] - kernel[i]) // strides[i] + 1 for i, n in enumerate(shape[2:])]
    words = [stored(b, b.whole((m, 1 if depthwise else c, *kernel), np.int8))]
    if b.flag():
        words.append(stored(b, b.whole((m,), np.int32, 1000)))
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": strides, "pads": pads}
    y = b.op("Conv", name, *words, group=c if depthwise else 1, **attributes)
    return requantized(b, (y, (shape[0], m, *size)), 3000 * prod(kernel))


def product(b: Builder, x: Value) -> Value:
    """MatMul with weights, or Gemm of a matrix."""
    name, shape = x
    k, n = shape[-1], b.number(1, 8)
    if len(shape) == 2 and b.flag():
        transposed = b.number(0, 1)
        words = [stored(b, b.whole((n, k) if transposed else (k, n), np.int8))]
        words += [stored(b, b.whole((n,), np.int32, 1000))] if b.flag() else []
        y = b.op("Gemm", name, *words, transB=transposed)
    else:
        y = b.op("MatMul", name, stored(b, b.whole((k, n), np.int8)))
        if b.flag():
            y = b.op("Add", y, stored(b, b.whole((n,), np.int32, 1000)))
    return requantized(b, (y, (*shape[:-1], n)), 3000 * k)


def attention(b: Builder, x: Value) -> Value:
    """A product with its own transpose, a softmax of that, and a product with it."""
    name, shape = x
    order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
    scores = b.op("MatMul", name, b.op("Transpose", name, perm=order))
    weights, _ = softmax(b, requantized(b, (scores, (*shape[:-1], shape[-2])), 3000 * shape[-1]))
    return requantized(b, (b.op("MatMul", weights, name), shape), 30000)


def skip(b: Builder, x: Value) -> Value:
    """The value scaled in two ways, added."""
    (left, shape), (right, _) = requantized(b, x, 128), requantized(b, x, 128)
    return requantized(b, (b.op("Add", left, right), shape), 256)


def softmax(b: Builder, x: Value) -> Value:
    name, shape = x
    kind = b.pick(["iSoftmax", "ITAMax", "ITAPartialMax"])
    attributes: dict[str, Any] = {"n_levels": [256.0]}
    if kind == "iSoftmax":
        log2 = b.number(1, 200)
        attributes |= {"coeffA": b.number(1, 3), "coeffB": b.number(0, 2 * log2), "coeffC": b.number(1, 20000)}
        attributes["log2"] = log2
    if kind == "ITAPartialMax":
        attributes["group_width"] = b.pick([1, 2, 4, 16])
    return b.op(kind, name, **attributes), shape


def norm(b: Builder, x: Value) -> Value:
    """Along the last axis; of bytes, or of their squares' sums."""
    name, shape = x
    kind = b.pick(["iLayerNorm", "iRMSNorm", "iNoNorm"])
    shift = b.number(8, 18)
    attributes: dict[str, Any] = {"D": float(1 << shift), **levels(b)}
    words = [stored(b, b.whole((shape[-1],), np.int32, 1 << b.number(8, 23)))]
    if kind != "iRMSNorm":
        words.append(stored(b, b.whole((shape[-1],), np.int32, 1 << b.number(4, 20))))
    if kind == "iNoNorm":
        attributes["mul"] = b.number(1, 1000)
        words[0] = stored(b, b.whole(shape[1:] if b.flag() else shape[-1:], np.int8))
    return b.op(kind, name, *words, **attributes), shape


def activation(b: Builder, x: Value) -> Value:
    name, shape = x
    kind = b.pick(["iGELU", "iHardswish", "TrueIntegerDiv", "Relu", "Clip", "square"])
    if kind == "iGELU":
        return requantized(b, (b.op(kind, name, b=-b.number(1, 100), one=b.number(1, 10000)), shape), 127 * 5000)
    if kind == "iHardswish":
        three = b.number(1, 800)
        attributes: dict[str, Any] = {"one_over_six": b.number(1, 60), "three": three, "six": 2 * three}
        return requantized(b, (b.op(kind, name, **attributes), shape), 127 * 2 * three * 20)
    if kind == "TrueIntegerDiv":
        attributes = {"Delta": b.number(1, 16384), "eps": b.number(0, 3), "eta": b.number(1, 2000), "y": b.number(1, 9)}
        return requantized(b, (b.op(kind, name, **attributes), shape), 127 * 4000)
    if kind == "square":
        return requantized(b, (b.op("Mul", name, name), shape), 127 * 127)
    if kind == "Relu":
        return b.op(kind, name), shape
    return b.op(kind, name, b.constant(np.float32(b.number(-9, 9))), b.constant(np.float32(b.number(20, 90)))), shape


def reduction(b: Builder, x: Value) -> Value:
    """A mean, or a sum that is scaled; of one axis that stays."""
    name, shape = x
    axis = b.number(1, len(shape) - 1)
    reduced = (*shape[:axis], 1, *shape[axis + 1 :])
    kind = b.pick(["IntegerMean", "ReduceMean", "ReduceSum"])
    if kind == "IntegerMean":
        return b.op(kind, name, axes=[axis], keepdims=1), reduced
    y = b.op(kind, name, b.numbers([axis]), keepdims=1)
    return (y, reduced) if kind == "ReduceMean" else requantized(b, (y, reduced), 127 * shape[axis])


def movement(b: Builder, x: Value) -> Value:
    name, shape = x
    kind = b.pick(["Transpose", "Pad", "Slice", "Concat", "Reshape", "MaxPool", "Identity"])
    if kind == "Transpose":
        order = b.permutation(len(shape))
        return b.op(kind, name, perm=order), tuple(shape[i] for i in order)
    if kind == "Pad":
        pads = [b.number(0, 2) for _ in range(2 * len(shape))]
        sizes = [n + pads[i] + pads[i + len(shape)] for i, n in enumerate(shape)]
        return b.op(kind, name, b.numbers(pads)), tuple(sizes)
    if kind == "Slice":
        axis = b.number(0, len(shape) - 1)
        start = b.number(0, shape[axis] - 1)
        words = [b.numbers([v]) for v in (start, shape[axis], axis)]
        return b.op(kind, name, *words), (*shape[:axis], shape[axis] - start, *shape[axis + 1 :])
    if kind == "Concat":
        axis = b.number(0, len(shape) - 1)
        other, _ = requantized(b, x, 128)
        return b.op(kind, name, other, axis=axis), (*shape[:axis], 2 * shape[axis], *shape[axis + 1 :])
    if kind == "Reshape":
        sizes = (shape[0], prod(shape[1:]))
        return b.op(kind, name, b.numbers(sizes)), sizes
    if kind == "MaxPool" and len(shape) in (3, 4) and min(shape[2:]) > 1:
        sizes = (*shape[:2], *(n // 2 for n in shape[2:]))
        window = [2] * (len(shape) - 2)
        return b.op(kind, name, kernel_shape=window, strides=window), sizes
    return b.op("Identity", name), shape


STEPS: Sequence[Step] = (conv, conv, product, product, attention, skip, softmax, norm, activation, reduction, movement)


def chain(b: Builder) -> str:
    """One step, or a few; one value used by several of them now and then."""
    shape = tuple(b.number(1, 8) for _ in range(b.number(2, 4)))
    value: Value = (b.input(b.whole(shape, b.pick(BYTES))), shape)
    kept: list[Value] = []
    for _ in range(b.number(1, 4)):
        value = b.pick(STEPS)(b, value)
        kept.append(value)
    same = [name for name, shape in kept[:-1] if shape == value[1]]
    return b.op("Add", value[0], same[-1]) if same and b.flag() else value[0]


def softmax_grad(b: Builder) -> str:
    shape = b.shape(b.number(1, 3))
    return b.op("SoftmaxGrad", *(b.input(b.real(shape)) for _ in range(2)), axis=b.number(-len(shape), len(shape) - 1))


def gelu_grad(b: Builder) -> str:
    shape = b.shape(b.number(1, 3))
    return b.op("GeluGrad", *(b.input(b.real(shape)) for _ in range(2)))


def layer_norm_grad(b: Builder) -> str:
    """Of rows of three or more: those of two have a gradient of nearly nothing, the difference of large numbers."""
    shape = (*b.shape(b.number(1, 2)), b.number(3, 40))
    words = [b.input(b.real(shape)) for _ in range(2)] + [b.either(b.real(shape[-1:])) for _ in range(2)]
    return b.op("LayerNormalizationGrad", *words, axis=-1, epsilon=1e-5)


def loss(b: Builder) -> tuple[str, ...]:
    n, classes = b.number(1, 8), b.number(2, 12)
    labels = b.input(b.rng.integers(0, classes, n).astype(np.int64))
    y = b.ops("SoftmaxCrossEntropyLoss", b.input(b.real((n, classes))), labels, results=2, reduction="mean")
    return (*y, b.op("SoftmaxCrossEntropyLossGrad", y[1], labels, reduction="mean"))


def step_of_training(b: Builder) -> str:
    shape = b.shape(b.number(1, 3))
    return b.op("SGD", b.either(b.real(shape)), b.input(b.real(shape)), lr=0.25 / b.number(1, 9))


INTEGERS = (chain,)
TRAINING = (softmax_grad, gelu_grad, layer_norm_grad, loss, step_of_training)
