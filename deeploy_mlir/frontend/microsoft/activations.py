"""Activations, often with the sum before them."""

from __future__ import annotations

from collections.abc import Sequence

from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError


def gelu(c: Calculation) -> Sequence[Value]:
    """Gelu of X, or of X + bias; FastGelu takes the approximation by tanh."""
    x, bias = c.node.required(0), c.node.input(1)
    approximate = "tanh" if c.node.op_type == "FastGelu" else "none"
    return [c.apply("Gelu", x if bias is None else c.plus(x, bias), approximate=approximate)]


def quick_gelu(c: Calculation) -> Sequence[Value]:
    """x * sigmoid(alpha * x)."""
    return [c.apply("Swish", c.node.required(0), alpha=c.node.number("alpha", 1.702))]


def scaled_silu(c: Calculation) -> Sequence[Value]:
    """z * sigmoid(z) of z = scale * x; the scale is an input or the attribute alpha."""
    x, scale = c.node.required(0), c.node.input(1)
    factor = c.node.number("alpha", 1.0) if scale is None else c.cast(scale, x.element_type)
    return [c.apply("Swish", c.times(x, factor), alpha=1.0)]


def bias_split_gelu(c: Calculation) -> Sequence[Value]:
    """The left half of X + bias times the Gelu of its right half."""
    total = c.plus(c.node.required(0), c.node.required(1))
    left, right = _halves(c, total)
    return [c.times(left, c.apply("Gelu", right))]


def _halves(c: Calculation, x: Value) -> list[Value]:
    size = x.shape[-1]
    if size % 2:
        raise c.error(f"cannot halve a tensor of shape {list(x.shape)}")
    return c.parts(x, len(x.shape) - 1, [size // 2, size // 2])


def swiglu(c: Calculation) -> Sequence[Value]:
    """G * sigmoid(alpha * G) * (L + beta), both limited by `limit` if that is positive; without `up` both halves are in
    the gate."""
    node = c.node
    gate, up = node.required(0), node.input(1)
    if up is None:
        gate, up = _halves(c, gate)
    limit = node.number("limit", 0.0)
    if limit > 0:
        gate, up = c.apply("Clip", gate, None, c.number(limit, gate.element_type)), c.apply("Clip", up, -limit, limit)
    beta = node.number("activation_beta", 0.0)
    linear = c.plus(up, beta) if beta else up
    return [c.times(c.apply("Swish", gate, alpha=node.number("activation_alpha", 1.0)), linear)]


def bias_add(c: Calculation) -> Sequence[Value]:
    """X + bias + skip."""
    return [c.plus(c.plus(c.node.required(0), c.node.required(1)), c.node.required(2))]


def bias_dropout(c: Calculation) -> Sequence[Value]:
    """data + bias + residual: nothing is dropped when a network runs."""
    training = c.node.constant_input(4)
    if training is not None and training.any():
        raise DeeployError("'training_mode' of BiasDropout drops at random, which is not supported", c.node.name)
    total, residual = c.plus(c.node.required(0), c.node.required(1)), c.node.input(2)
    return [total if residual is None else c.plus(total, residual)]


def bias_softmax(c: Calculation) -> Sequence[Value]:
    """Softmax of data + bias over all axes from `axis` on. The bias is broadcast along the axes just before it
    (`is_inner_broadcast`), or along the first ones."""
    data, bias = c.node.required(0), c.node.required(1)
    rank = len(data.shape)
    axis = c.node.integer("axis", 1) % rank
    if c.node.integer("is_inner_broadcast") and len(bias.shape) < rank:
        outer = len(bias.shape) - (rank - axis)
        bias = c.reshape(bias, (*bias.shape[:outer], *[1] * (axis - outer), *bias.shape[outer:]))
    return [softmax_from(c, c.plus(data, bias), axis)]


def softmax_from(c: Calculation, x: Value, axis: int) -> Value:
    """Softmax over all axes from `axis` on at once."""
    if axis % len(x.shape) == len(x.shape) - 1:
        return c.apply("Softmax", x, axis=-1)
    flat = c.reshape(x, (*x.shape[: axis % len(x.shape)], -1))
    return c.reshape(c.apply("Softmax", flat, axis=-1), x.shape)
