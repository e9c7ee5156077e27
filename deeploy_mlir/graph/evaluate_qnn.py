"""The `qnn` operations on numpy, exactly: integers in 64 bits, floats in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import erf, isqrt
from typing import Any, cast

import numpy as np
from xdsl.dialects.builtin import TensorType

from deeploy_mlir.dialects.qnn import IntegerMeanOp, QnnOp
from deeploy_mlir.dialects.qnn.base import level_range
from deeploy_mlir.requantization.definition import Requantization
from deeploy_mlir.support.numpy_types import Array, numpy_dtype

_Arrays = Sequence[Array]


def result_dtype(op: QnnOp) -> np.dtype[Any]:
    """The numpy dtype of the (one) result."""
    return numpy_dtype(cast("TensorType[Any]", op.results[0].type).element_type)


def saturate(values: Array, dtype: np.dtype[Any]) -> Array:
    """Integers clipped to the range of an integer dtype."""
    info = np.iinfo(dtype)
    return np.clip(values, info.min, info.max).astype(dtype)


def truncating_divide(a: Array, b: Array | int) -> Array:
    """Integer division that rounds toward zero, as C does."""
    quotient = np.abs(a) // np.abs(b)
    return np.where((a < 0) != (np.asarray(b) < 0), -quotient, quotient)


def _log2(value: int) -> int:
    return value.bit_length() - 1


def _wide(array: Array) -> Array:
    return array.astype(np.int64)


def _requant_shift(op: QnnOp, args: _Arrays) -> Array:
    x, mul, add = map(_wide, args)
    shift = _log2(op.attr("div"))
    value = (x * mul + add + ((1 << shift) >> 1)) >> shift
    return np.clip(value, *level_range(op.attr("n_levels"), bool(op.attr("signed"))))


def _rounded(op: QnnOp, values: Array, zero_point: Array) -> Array:
    """Half to even, plus the zero point, saturated to its type."""
    rounded = np.clip(np.rint(values), -(2.0**40), 2.0**40).astype(np.int64)
    return saturate(rounded + _wide(zero_point), result_dtype(op))


def _requantize(op: QnnOp, args: _Arrays) -> Array:
    x, scale, zero_point, *offset = args
    bounds = op.attr("low"), op.attr("high")
    definition = Requantization(scale, op.attr("y_scale"), int(zero_point.reshape(())), *bounds, *offset)
    return definition.exact(x)


def _requantize_add(op: QnnOp, args: _Arrays) -> Array:
    a, b, a_scale, b_scale, zero_point = args
    first = (_wide(a) - op.attr("a_zero_point")).astype(a_scale.dtype) * a_scale
    second = (_wide(b) - op.attr("b_zero_point")).astype(b_scale.dtype) * b_scale
    return _rounded(op, first + second, zero_point)


def _conv_transpose_integer(op: QnnOp, args: _Arrays) -> Array:
    """Each tap of the kernel adds the whole image, spread by the strides, at its place."""
    x, w = _wide(args[0]) - op.attr("x_zero_point"), _wide(args[1])
    strides, dilations, pads, groups = (op.attr(name) for name in ("strides", "dilations", "pads", "group"))
    shape = cast("TensorType[Any]", op.results[0].type).get_shape()
    rank = len(strides)
    full = np.zeros((*shape[:2], *(n + pads[i] + pads[rank + i] for i, n in enumerate(shape[2:]))), np.int64)
    images, outputs = np.split(x, groups, axis=1), np.split(full, groups, axis=1)
    for image, weights, out in zip(images, np.split(w, groups, axis=0), outputs, strict=True):
        for tap in np.ndindex(*w.shape[2:]):
            starts = [d * k for d, k in zip(dilations, tap, strict=True)]
            ends = [at + s * (n - 1) + 1 for at, s, n in zip(starts, strides, image.shape[2:], strict=True)]
            place = tuple(slice(*span) for span in zip(starts, ends, strides, strict=True))
            taps = weights[(slice(None), slice(None), *tap)]
            out[(slice(None), slice(None), *place)] += np.moveaxis(np.tensordot(image, taps, (1, 0)), -1, 1)
    return full[(slice(None), slice(None), *(slice(pads[i], pads[i] + n) for i, n in enumerate(shape[2:])))]


def _isoftmax(op: QnnOp, args: _Arrays) -> Array:
    x, log2, n = _wide(args[0]), op.attr("log2"), op.attr("n_levels")
    a, b, c = op.attr("coeffA"), op.attr("coeffB"), op.attr("coeffC")
    d = x - x.max(axis=-1, keepdims=True)
    z = np.clip(-d // log2, 0, 31)
    p = d + z * log2
    e = (a * (p + b) ** 2 + c) >> z
    return e * (n - 1) // e.sum(axis=-1, keepdims=True)


def _ita_max(op: QnnOp, args: _Arrays) -> Array:
    x, n = _wide(args[0]), op.attr("n_levels")
    shift = (x.max(axis=-1, keepdims=True) - x + 16) >> 5
    total = (256 >> shift).sum(axis=-1, keepdims=True)
    return ((n - 1) * 256 // total) >> shift


def _ita_partial_max(op: QnnOp, args: _Arrays) -> Array:
    x, n, width = _wide(args[0]), op.attr("n_levels"), op.attr("group_width")
    running = np.full((*x.shape[:-1], 1), -128, np.int64)
    total = np.zeros_like(running)
    for start in range(0, x.shape[-1], width):
        group = x[..., start : start + width]
        peak = np.maximum(running, group.max(axis=-1, keepdims=True))
        total >>= np.minimum((peak - running + 16) >> 5, 63)
        running = peak
        total += (256 >> ((running - group + 16) >> 5)).sum(axis=-1, keepdims=True)
    return ((n // 2 - 1) * 256 // total) >> ((running - x + 16) >> 5)


def _igelu(op: QnnOp, args: _Arrays) -> Array:
    x, b, one = _wide(args[0]), op.attr("b"), op.attr("one")
    q = np.minimum(np.abs(x), -b)
    return x * ((one + np.sign(x) * (one - (q + b) ** 2)) >> 1)


def _ihardswish(op: QnnOp, args: _Arrays) -> Array:
    x = _wide(args[0])
    return x * np.clip(x + op.attr("three"), 0, op.attr("six")) * op.attr("one_over_six")


def _true_integer_div(op: QnnOp, args: _Arrays) -> Array:
    delta, eta = op.attr("Delta"), op.attr("eta")
    return _wide(args[0]) * (delta * eta // (op.attr("y") * eta + op.attr("eps")))


def _integer_div(op: QnnOp, args: _Arrays) -> Array:
    a, b = map(_wide, args)
    den = op.attr("eta") * b + op.attr("eps")
    num = a * op.attr("Delta") * op.attr("eta")
    return truncating_divide(num + np.where(num < 0, -1, 1) * (den >> 1), den)


def _levels(op: QnnOp, values: Array) -> Array:
    """Divided by D (a power of two, rounding down), clipped to the levels of a normalisation."""
    return np.clip(values >> _log2(op.attr("D")), *level_range(op.attr("n_levels"), signed=True))


def _isqrt(values: Array) -> Array:
    return np.array([isqrt(int(v)) for v in values.ravel()], np.int64).reshape(values.shape)


def _ilayer_norm(op: QnnOp, args: _Arrays) -> Array:
    x, weight, bias = map(_wide, args)
    n = x.shape[-1]
    centred = x - truncating_divide(x.sum(axis=-1, keepdims=True), n)
    scale = _isqrt((centred**2).sum(axis=-1, keepdims=True) // n + 1)
    return _levels(op, truncating_divide(centred * weight, scale) + bias)


def _irms_norm(op: QnnOp, args: _Arrays) -> Array:
    x, weight = map(_wide, args)
    scale = _isqrt((x**2).sum(axis=-1, keepdims=True) // x.shape[-1] + 1)
    return _levels(op, truncating_divide(x * weight, scale))


def _ino_norm(op: QnnOp, args: _Arrays) -> Array:
    x, weight, bias = map(_wide, args)
    return _levels(op, (x * weight + bias) * op.attr("mul"))


def _integer_mean(op: QnnOp, args: _Arrays) -> Array:
    assert isinstance(op, IntegerMeanOp)
    x, axes = _wide(args[0]), tuple(op.reduced_axes())
    count = int(np.prod([x.shape[axis] for axis in axes]))
    return (x.sum(axis=axes, keepdims=bool(op.attr("keepdims"))) + count // 2) // count


def _double(array: Array) -> Array:
    return array.astype(np.float64)


def _softmax_grad(op: QnnOp, args: _Arrays) -> Array:
    dy, y = map(_double, args)
    return y * (dy - (dy * y).sum(axis=op.attr("axis"), keepdims=True))


def _erf(values: Array) -> Array:
    return np.array([erf(v) for v in values.ravel()]).reshape(values.shape)


def _gelu_grad(op: QnnOp, args: _Arrays) -> Array:
    dy, x = map(_double, args)
    if op.attr("approximate") == "tanh":
        c = np.sqrt(2 / np.pi)
        t = np.tanh(c * (x + 0.044715 * x**3))
        return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * c * (1 + 3 * 0.044715 * x**2))
    return dy * (0.5 * (1 + _erf(x / np.sqrt(2))) + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))


def _layer_norm_grad(op: QnnOp, args: _Arrays) -> Array:
    dy, x, scale = map(_double, args[:3])
    centred = x - x.mean(axis=-1, keepdims=True)
    inverse = 1 / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + op.attr("epsilon"))
    h, g = centred * inverse, dy * scale
    return (g - g.mean(axis=-1, keepdims=True) - h * (g * h).mean(axis=-1, keepdims=True)) * inverse


def _cross_entropy_grad(op: QnnOp, args: _Arrays) -> Array:
    log_prob, labels = _double(args[0]), args[1]
    onehot = np.zeros_like(log_prob)
    onehot[np.arange(labels.size), labels] = 1
    return (np.exp(log_prob) - onehot) / labels.size**2


def _sgd(op: QnnOp, args: _Arrays) -> Array:
    weight, gradient = map(_double, args)
    return weight - op.attr("lr") * gradient


_IMPLEMENTATIONS: dict[str, Callable[[QnnOp, _Arrays], Array]] = {
    "RequantShift": _requant_shift,
    "Requantize": _requantize,
    "RequantizeAdd": _requantize_add,
    "ConvTransposeInteger": _conv_transpose_integer,
    "iSoftmax": _isoftmax,
    "ITAMax": _ita_max,
    "ITAPartialMax": _ita_partial_max,
    "iGELU": _igelu,
    "iHardswish": _ihardswish,
    "TrueIntegerDiv": _true_integer_div,
    "IntegerDiv": _integer_div,
    "iLayerNorm": _ilayer_norm,
    "iRMSNorm": _irms_norm,
    "iNoNorm": _ino_norm,
    "IntegerMean": _integer_mean,
    "SoftmaxGrad": _softmax_grad,
    "GeluGrad": _gelu_grad,
    "LayerNormalizationGrad": _layer_norm_grad,
    "SoftmaxCrossEntropyLossGrad": _cross_entropy_grad,
    "SGD": _sgd,
}


def evaluate_qnn(op: QnnOp, args: _Arrays) -> list[Array]:
    """The results of a `qnn` operation on these operand values, in the types of its results."""
    value, dtype = _IMPLEMENTATIONS[op.op_type](op, args), result_dtype(op)
    return [saturate(value, dtype) if dtype.kind in "iu" else value.astype(dtype)]
