"""The quantised operators become DequantizeLinear, the standard operator, QuantizeLinear: that is how they are defined.
The pass `deeploy-qdq-to-integer` finds the integers again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deeploy_mlir.frontend.microsoft.activations import softmax_from
from deeploy_mlir.frontend.microsoft.operator import Formula
from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.node import Node
from deeploy_mlir.graph.value import Value
from deeploy_mlir.graph.windows import explicit_window


def real(c: Calculation, index: int, axis: int = 1) -> Value:
    """DequantizeLinear of the integers, scale and zero point at this position and the next two."""
    node = c.node
    return c.apply("DequantizeLinear", node.required(index), node.required(index + 1), node.input(index + 2), axis=axis)


def quantized(c: Calculation, value: Value, index: int) -> list[Value]:
    """QuantizeLinear by the scale and the zero point at this position and the next."""
    return [c.apply("QuantizeLinear", value, c.node.required(index), c.node.input(index + 1))]


def binary(op_type: str) -> Formula:
    """A, its scale and zero point, B, its scale and zero point, then those of the result."""

    def formula(c: Calculation) -> Sequence[Value]:
        return quantized(c, c.apply(op_type, real(c, 0), real(c, 3)), 6)

    return formula


def unary(op_type: str, *names: str) -> Formula:
    """X, its scale and zero point, those of the result, and attributes of the standard operator."""

    def formula(c: Calculation) -> Sequence[Value]:
        node, x = c.node, real(c, 0)
        last = bool(node.integer("channels_last", 0))
        if last:
            x = channels_first(c, x)
        inner = Node(op_type, "", node.name, [x], {k: node.attrs[k] for k in names if k in node.attrs}, ("y",), 21)
        if op_type == "AveragePool":
            explicit_window(inner)
        y = c.apply(op_type, *inner.inputs, **inner.attrs)
        return quantized(c, channels_last(c, y) if last else y, 3)

    return formula


def channels_first(c: Calculation, x: Value) -> Value:
    """[N, ..., C] as [N, C, ...]."""
    rank = len(x.shape)
    return c.transpose(x, [0, rank - 1, *range(1, rank - 1)])


def channels_last(c: Calculation, x: Value) -> Value:
    """[N, C, ...] as [N, ..., C]."""
    return c.transpose(x, [0, *range(2, len(x.shape)), 1])


def softmax(c: Calculation) -> Sequence[Value]:
    """As `unary`; the attribute `opset` says which Softmax is meant: before 13, over all axes from `axis` on."""
    x, old = real(c, 0), c.node.integer("opset", 13) < 13
    axis = c.node.integer("axis", 1 if old else -1)
    return quantized(c, softmax_from(c, x, axis) if old else c.apply("Softmax", x, axis=axis), 3)


def concat(c: Calculation) -> Sequence[Value]:
    """The result's scale and zero point, then three inputs for each piece."""
    parts = [real(c, index) for index in range(2, len(c.node.inputs), 3)]
    return quantized(c, c.join(parts, c.node.integer("axis")), 0)


def gemm(c: Calculation) -> Sequence[Value]:
    """The bias is i32 in units of alpha * a_scale * b_scale; without y_scale the result is float."""
    node = c.node
    alpha, swapped = node.number("alpha", 1.0), node.integer("transB", 0)
    attrs: dict[str, Any] = {"alpha": alpha, "transA": node.integer("transA", 0), "transB": swapped}
    operands: list[Value | None] = [real(c, 0), real(c, 3, axis=0 if swapped else 1)]
    bias = node.input(6)
    if bias is not None:
        scale = node.required(1).array().astype(np.float64) * node.required(4).array() * alpha
        scale_value = c.emitter.constant(scale.astype(np.float32), f"{node.name}_bias_scale")
        operands.append(c.apply("DequantizeLinear", bias, scale_value, axis=len(bias.shape) - 1))
    y = c.apply("Gemm", *operands, **attrs)
    return [y] if node.input(7) is None else quantized(c, y, 7)


def where(c: Calculation) -> Sequence[Value]:
    """The condition, then as in `binary`."""
    return quantized(c, c.apply("Where", c.node.required(0), real(c, 1), real(c, 4)), 7)


def reduce_mean(c: Calculation) -> Sequence[Value]:
    """The mean along `axes`."""
    axes = c.constant([int(a) for a in c.node.attrs["axes"]])
    return quantized(c, c.apply("ReduceMean", real(c, 0), axes, keepdims=c.node.integer("keepdims", 1)), 3)


def reduce_sum(c: Calculation) -> Sequence[Value]:
    """The sum of integers along `axes` in 32 bits."""
    axes = c.constant([int(a) for a in c.node.attrs["axes"]])
    wide = c.apply("Cast", c.node.required(0), to=6)
    return [c.apply("ReduceSum", wide, axes, keepdims=c.node.integer("keepdims", 1))]


def multiply(c: Calculation) -> Sequence[Value]:
    """(A - zero) * (B - zero) in 32 bits."""

    def less_zero(index: int) -> Value:
        wide, zero = c.apply("Cast", c.node.required(index), to=6), c.node.input(index + 1)
        return wide if zero is None else c.minus(wide, c.apply("Cast", zero, to=6))

    return [c.times(less_zero(0), less_zero(2))]
