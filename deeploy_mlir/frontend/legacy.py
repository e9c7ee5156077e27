"""Older forms of operators, rewritten to the newest version of the standard.

Attributes that became inputs do so whatever operator set the file declares, since exporters mix them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deeploy_mlir.dialects import onnx as onnx_dialect
from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.node import Node, Rule
from deeploy_mlir.graph.value import Value
from deeploy_mlir.graph.windows import explicit_window
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import numpy_dtype
from deeploy_mlir.support.remarks import remark

_REDUCTIONS = [name for name in onnx_dialect.OPERATORS if name.startswith("Reduce")]

_ATTRIBUTE_TO_INPUT: Mapping[str, Mapping[str, int]] = {
    "Pad": {"pads": 1, "value": 2},
    "Clip": {"min": 1, "max": 2},
    "Squeeze": {"axes": 1},
    "Unsqueeze": {"axes": 1},
    "Slice": {"starts": 1, "ends": 2, "axes": 3},
    "Split": {"split": 1},
    "TopK": {"k": 1},
    "Dropout": {"ratio": 1},
    "Upsample": {"scales": 1},
    "Reshape": {"shape": 1},
    "Tile": {"repeats": 1},
    "DFT": {"axis": 2},
    **{name: {"axes": 1} for name in _REDUCTIONS},
}

_OF_DATA_TYPE = frozenset({("Pad", "value"), ("Clip", "min"), ("Clip", "max")})
_FLOAT_INPUTS = frozenset({("Dropout", "ratio"), ("Upsample", "scales")})
_SCALARS = frozenset({("Dropout", "ratio"), ("DFT", "axis"), *_OF_DATA_TYPE})

_RENAMED = {"Scatter": "ScatterElements"}


def attributes_to_inputs(emitter: Emitter, node: Node) -> None:
    """Attributes that the newest operator takes as inputs."""
    for name, index in _ATTRIBUTE_TO_INPUT.get(node.op_type, {}).items():
        if name not in node.attrs or node.input(index) is not None:
            continue
        content = node.attrs.pop(name)
        key = (node.op_type, name)
        if key in _OF_DATA_TYPE:
            x = node.required(0)
            array = np.asarray(content, np.float32 if x.retyped else numpy_dtype(x.element_type))
        else:
            array = np.asarray(content, np.float32 if key in _FLOAT_INPUTS else np.int64)
        node.set_input(
            index, emitter.constant(array.reshape(()) if key in _SCALARS else array.reshape(-1), f"{node.name}_{name}")
        )


def _coerced_softmax(emitter: Emitter, node: Node) -> list[Value] | None:
    """Before version 13 Softmax, LogSoftmax and Hardmax flatten the operand to two dimensions at `axis`, default 1."""
    x = node.required(0)
    rank = len(x.shape)
    axis = int(node.attrs.get("axis", 1))
    axis += rank if axis < 0 else 0
    if axis == rank - 1:
        node.attrs["axis"] = -1
        return None
    flat = [int(np.prod(x.shape[:axis])), int(np.prod(x.shape[axis:]))]
    (two,) = emitter.onnx("Reshape", [x, emitter.constant(flat, f"{node.name}_flat")], {}, node.name)
    (soft,) = emitter.onnx(node.op_type, [two], {"axis": -1}, node.name)
    return emitter.onnx("Reshape", [soft, emitter.constant(list(x.shape), f"{node.name}_shape")], {}, node.name)


def _split(emitter: Emitter, node: Node) -> None:
    if node.input(1) is None and "num_outputs" not in node.attrs:
        node.attrs["num_outputs"] = len(node.outputs)


def _group_normalization(emitter: Emitter, node: Node) -> None:
    """Before version 21 scale and bias are one number a group."""
    groups, channels = int(node.attrs["num_groups"]), node.required(0).shape[1]
    for index in (1, 2):
        array = node.constant_input(index)
        if array is not None and array.shape == (groups,) and groups != channels:
            node.set_input(index, emitter.constant(np.repeat(array, channels // groups), f"{node.name}_{index}"))


def _resize_10(emitter: Emitter, node: Node) -> None:
    node.op_type = "Resize"
    node.inputs = [node.required(0), None, node.required(1)]
    node.attrs.update(coordinate_transformation_mode="asymmetric", nearest_mode="floor")


def _resize(emitter: Emitter, node: Node) -> None:
    """An empty `roi`, `scales` or `sizes` means that it is absent."""
    for index in range(1, len(node.inputs)):
        value = node.inputs[index]
        if value is not None and value.is_constant and value.array().size == 0:
            node.inputs[index] = None


def _grid_sample(emitter: Emitter, node: Node) -> None:
    mode = node.attrs.get("mode", "bilinear")
    node.attrs["mode"] = {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode)


def _roi_align(emitter: Emitter, node: Node) -> None:
    """Before version 16 coordinates are not shifted by half a pixel."""
    node.attrs.setdefault("coordinate_transformation_mode", "output_half_pixel")


def _inference_batch_norm(emitter: Emitter, node: Node) -> None:
    """Before version 14 further outputs were the statistics of training; before 9 `spatial` = 0 meant one of each
    element."""
    node.outputs = tuple(name if index == 0 else "" for index, name in enumerate(node.outputs))
    if not node.integer("spatial", 1):
        raise DeeployError("BatchNormalization with spatial = 0 is not supported", node.name)


def _range(emitter: Emitter, node: Node) -> None:
    """Bounds of one element and rank 1, which definitions of other operators hand on, are scalars."""
    for index, value in enumerate(node.inputs):
        if value is not None and value.shape == (1,):
            shape = emitter.constant([], f"{node.name}_shape")
            node.inputs[index] = emitter.onnx("Reshape", [value, shape], {}, node.name)[0]


def _conv_transpose(emitter: Emitter, node: Node) -> None:
    """SAME means an output `strides` times as large, or less where the windows do not reach so far, as onnxruntime has
    it. Written out as pads."""
    mode = node.attrs.get("auto_pad", "NOTSET")
    if mode not in ("SAME_UPPER", "SAME_LOWER") or node.attrs.get("output_shape"):
        return
    image, kernel = node.required(0).shape[2:], node.required(1).shape[2:]
    ones = [1] * len(image)
    strides, dilations = node.attrs.get("strides") or ones, node.attrs.get("dilations") or ones
    extra = node.attrs.get("output_padding") or [0] * len(image)
    if any(len(values) != len(image) for values in (kernel, strides, dilations, extra)):
        raise DeeployError(
            f"has weights {list(kernel)}, strides {strides}, dilations {dilations}, output_padding {extra}"
            f" for an image {list(image)}",
            node.name,
        )
    low: list[int] = []
    high: list[int] = []
    for n, k, s, d, e in zip(image, kernel, strides, dilations, extra, strict=True):
        total = max((n - 1) * s + e + d * (k - 1) + 1 - n * s, 0)
        low.append(total // 2 if mode == "SAME_UPPER" else total - total // 2)
        high.append(total - low[-1])
    node.attrs.update(pads=[*low, *high])
    del node.attrs["auto_pad"]


def _stft(emitter: Emitter, node: Node) -> None:
    """ONNX's shape inference takes the default of `onesided` as 0; it is 1."""
    node.attrs.setdefault("onesided", 1)


_BEFORE: list[tuple[str, int, Rule]] = [
    *((name, 13, _coerced_softmax) for name in ("Softmax", "LogSoftmax", "Hardmax")),
    ("GroupNormalization", 21, _group_normalization),
    ("Resize", 11, _resize_10),
    ("Upsample", 99, _resize_10),
    ("GridSample", 20, _grid_sample),
    ("RoiAlign", 16, _roi_align),
    ("BatchNormalization", 14, _inference_batch_norm),
    ("Split", 99, _split),
    ("Resize", 99, _resize),
    ("Range", 99, _range),
    ("ConvTranspose", 99, _conv_transpose),
    ("STFT", 99, _stft),
]
"""(operator, first version that needs no change, change)."""

_WINDOWED = frozenset({"Conv", "ConvInteger", "QLinearConv", "MaxPool", "AveragePool", "LpPool"})


def modernise(emitter: Emitter, node: Node, *, private_operators: bool = False) -> list[Value] | None:
    """Bring a node of the standard to the newest form, in place; or give its outputs if that took other operators.

    `private_operators`: the file has operators in the standard's domain that its operator set does not know. Such an
    exporter writes its own dialect, and a Softmax without axis means the last one, as in the newest version."""
    node.op_type = _RENAMED.get(node.op_type, node.op_type)
    attributes_to_inputs(emitter, node)
    for op_type, version, change in _BEFORE:
        if node.op_type != op_type or node.opset >= version:
            continue
        if change is _coerced_softmax and private_operators and "axis" not in node.attrs:
            remark(node.name, "Softmax without axis in a file with private operators: taken along the last axis")
            continue
        outputs = change(emitter, node)
        if outputs is not None:
            return outputs
    if node.op_type in _WINDOWED:
        explicit_window(node)
    return None


def drop_unknown_attributes(node: Node) -> None:
    """Leave out attributes that the operator does not have, with a remark (exporters leave notes of their own)."""
    known = onnx_dialect.OPERATORS[node.op_type].schema.attributes
    for name in [name for name in node.attrs if name not in known]:
        del node.attrs[name]
        if name != "description":
            remark(node.name, f"attribute '{name}' is none of {node.op_type}'s and is ignored")
