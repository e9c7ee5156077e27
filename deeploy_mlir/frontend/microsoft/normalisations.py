"""Norms, with the sums before them and the activation after them."""

from __future__ import annotations

from collections.abc import Sequence

from deeploy_mlir.frontend.microsoft.operator import Formula
from deeploy_mlir.frontend.microsoft.quantized import channels_first, channels_last
from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.value import Value


def skip_norm(norm: str) -> Formula:
    """The norm of input + skip (+ bias); the sum is the fourth output."""

    def formula(c: Calculation) -> Sequence[Value | None]:
        node, simplified = c.node, norm == "RMSNormalization"
        total = c.plus(node.required(0), node.required(1))
        bias = node.input(3 if simplified else 4)
        if bias is not None:
            total = c.plus(total, bias)
        shift = [] if simplified else [node.input(3)]
        epsilon = node.number("epsilon", 1e-12)
        return [c.apply(norm, total, node.required(2), *shift, axis=-1, epsilon=epsilon), None, None, total]

    return formula


def group_norm(c: Calculation) -> Sequence[Value]:
    """GroupNormalization of images whose channels are the last axis by default, then SiLU if `activation` is 1."""
    return [_group_norm(c, c.node.required(0))]


def _group_norm(c: Calculation, x: Value) -> Value:
    node, last = c.node, c.node.integer("channels_last", 1)
    image = channels_first(c, x) if last else x
    groups, epsilon = node.integer("groups"), node.number("epsilon", 1e-5)
    scale, shift = (c.cast(node.required(i), x.element_type) for i in (1, 2))
    y = c.apply("GroupNormalization", image, scale, shift, num_groups=groups, epsilon=epsilon)
    activation = node.integer("activation")
    if activation not in (0, 1):
        raise c.error(f"with activation = {activation} is not supported; 0 and 1 are")
    if activation:
        y = c.apply("Swish", y, alpha=1.0)
    return channels_last(c, y) if last else y


def skip_group_norm(c: Calculation) -> Sequence[Value]:
    """As `group_norm` of x + skip + bias, where skip may be [N, C]; the sum is the second output."""
    node, last = c.node, c.node.integer("channels_last", 1)
    x, skip, bias = node.required(0), node.required(3), node.input(4)
    spatial = [1] * (len(x.shape) - 2)

    def along_channels(value: Value) -> Value:
        batch = value.shape[:-1]
        return c.reshape(value, (*batch, *spatial, value.shape[-1]) if last else (*batch, value.shape[-1], *spatial))

    total = c.plus(x, along_channels(skip) if len(skip.shape) == 2 else skip)
    if bias is not None:
        total = c.plus(total, along_channels(bias))
    return [_group_norm(c, total), total]
