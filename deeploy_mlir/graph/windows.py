"""The windows of convolutions and pools, written out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deeploy_mlir.graph.evaluate_onnx import window_geometry
from deeploy_mlir.graph.node import Node
from deeploy_mlir.support.errors import DeeployError


def explicit_window(node: Node) -> None:
    """Write out kernel_shape, strides, dilations and pads, so that later levels never see `auto_pad` or defaults."""
    x = node.required(0)
    spatial = x.shape[2:]
    if not spatial:
        raise DeeployError(f"{node.op_type} needs an input of rank 3 or more, not shape {list(x.shape)}", node.name)
    weight_index = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}.get(node.op_type)
    if weight_index is not None:
        weights = node.required(weight_index).shape
        kernel = list(weights[2:])
        given = node.attrs.get("kernel_shape", kernel)
        if list(given) != kernel or len(kernel) != len(spatial):
            raise DeeployError(
                f"kernel_shape {given}, weights {list(weights)} and input {list(x.shape)} do not fit", node.name
            )
        node.attrs["group"] = int(node.attrs.get("group", 1))
    else:
        if "kernel_shape" not in node.attrs:
            raise DeeployError(f"{node.op_type} needs the attribute 'kernel_shape'", node.name)
        kernel = [int(k) for k in node.attrs["kernel_shape"]]
    rank = len(spatial)
    for name, length in (("strides", rank), ("dilations", rank), ("pads", 2 * rank), ("kernel_shape", rank)):
        if name in node.attrs and len(node.attrs[name]) != length:
            raise DeeployError(f"attribute '{name}' must have {length} elements, not {node.attrs[name]}", node.name)
    steps = [n for name in ("strides", "dilations") for n in node.attrs.get(name, [])]
    if min([*kernel, *steps], default=1) < 1:
        raise DeeployError("kernel_shape, strides and dilations must be positive", node.name)
    strides, dilations, pads = window_geometry(_Geometry(node.attrs), spatial, kernel)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    if weight_index is None and any(p >= r for p, r in zip(pads, [*reach, *reach], strict=True)):
        raise DeeployError(
            f"pads {pads} are not smaller than the window {reach}, which could lie in them alone", node.name
        )
    mode = node.attrs.pop("auto_pad", "NOTSET")
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise DeeployError(f"there is no auto_pad '{mode}'", node.name)
    node.attrs.update(kernel_shape=kernel, strides=strides, dilations=dilations, pads=pads)


class _Geometry:
    """The attributes of a node as `window_geometry` asks for them."""

    def __init__(self, attrs: Mapping[str, Any]) -> None:
        self._attrs = attrs

    def attr(self, name: str, default: Any = None) -> Any:
        return self._attrs.get(name, default)
