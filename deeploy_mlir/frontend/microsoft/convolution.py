"""Convolutions and pools that onnxruntime fuses or lays out anew."""

from __future__ import annotations

from collections.abc import Sequence

from deeploy_mlir.frontend.microsoft.products import activated
from deeploy_mlir.frontend.microsoft.quantized import channels_first, channels_last
from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.node import Node
from deeploy_mlir.graph.value import Value
from deeploy_mlir.graph.windows import explicit_window

WINDOW = ("auto_pad", "dilations", "kernel_shape", "pads", "strides")
"""The attributes of a window."""


def _windowed(c: Calculation, op_type: str, inputs: Sequence[Value | None], *names: str) -> Value:
    """The standard operator of this name, with the node's window and these further attributes."""
    attrs = {key: c.node.attrs[key] for key in (*WINDOW, *names) if key in c.node.attrs}
    inner = Node(op_type, "", c.node.name, list(inputs), attrs, ("y",), 21)
    explicit_window(inner)
    return c.apply(op_type, *inner.inputs, **inner.attrs)


def fused_conv(c: Calculation) -> Sequence[Value]:
    """Conv, then the sum with Z if there is one, then the activation."""
    return [_fused(c, c.node.required(0), c.node.input(3))]


def _fused(c: Calculation, x: Value, addend: Value | None) -> Value:
    y = _windowed(c, "Conv", [x, *c.node.inputs[1:3]], "group")
    if addend is not None:
        y = c.plus(y, addend)
    return activated(c, y, [float(p) for p in c.node.attrs.get("activation_params", [])])


def nhwc_conv(c: Calculation) -> Sequence[Value]:
    """FusedConv of images whose channels are the last axis; the weights stay [M, C / group, ...]."""
    addend = c.node.input(3)
    y = _fused(c, channels_first(c, c.node.required(0)), None if addend is None else channels_first(c, addend))
    return [channels_last(c, y)]


def nhwc_max_pool(c: Calculation) -> Sequence[Value]:
    """MaxPool of images whose channels are the last axis."""
    y = _windowed(c, "MaxPool", [channels_first(c, c.node.required(0))], "ceil_mode")
    return [channels_last(c, y)]


def q_linear_conv(c: Calculation) -> Sequence[Value]:
    """The standard QLinearConv, whose channels may be the last axis."""
    x, last = c.node.required(0), c.node.integer("channels_last", 0)
    image = channels_first(c, x) if last else x
    y = _windowed(c, "QLinearConv", [image, *c.node.inputs[1:]], "group")
    return [channels_last(c, y) if last else y]
