"""What ONNX asks of operands and attributes, but its shape inference does not look at."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError

Inputs = Sequence[Value | None]
_Check = Callable[[Inputs, Mapping[str, Any], str], None]


def _input(inputs: Inputs, index: int) -> Value | None:
    return inputs[index] if index < len(inputs) else None


def _shape(inputs: Inputs, index: int) -> tuple[int, ...] | None:
    value = _input(inputs, index)
    return None if value is None else value.shape


def _vectors(*indices: int) -> _Check:
    """These inputs are lists: one axis."""

    def check(inputs: Inputs, attrs: Mapping[str, Any], node: str) -> None:
        for index in indices:
            shape = _shape(inputs, index)
            if shape is not None and len(shape) != 1:
                raise DeeployError(f"input {index} has shape {list(shape)}, but must be a list (one axis)", node)

    return check


def _of_channels(first: int, last: int) -> _Check:
    """Inputs `first` to `last` have one element for each channel of the first input [N, C, ...]."""

    def check(inputs: Inputs, attrs: Mapping[str, Any], node: str) -> None:
        x = _shape(inputs, 0)
        if x is None or len(x) < 2:
            raise DeeployError(f"needs an input of rank 2 or more, not of shape {x}", node)
        for index in range(first, last + 1):
            shape = _shape(inputs, index)
            if shape is not None and shape != (x[1],):
                raise DeeployError(f"input {index} has shape {list(shape)}, but there are {x[1]} channels", node)

    return check


def _convolution(weights: int, bias: int | None, *, transposed: bool = False) -> _Check:
    """Groups, channels and bias of a convolution whose weights are the input of this index."""

    def check(inputs: Inputs, attrs: Mapping[str, Any], node: str) -> None:
        x, w = _shape(inputs, 0), _shape(inputs, weights)
        if x is None or w is None:
            return
        group = int(attrs.get("group", 1))
        if len(x) < 3 or len(x) != len(w):
            raise DeeployError(f"has an input of shape {list(x)} and weights of shape {list(w)}", node)
        outputs, inner = (w[1] * group, w[0]) if transposed else (w[0], w[1] * group)
        if group < 1 or inner != x[1] or (w[0] % group):
            raise DeeployError(
                f"has group = {group}, an input of shape {list(x)} and weights of shape {list(w)}: its channels do "
                "not fit",
                node,
            )
        added = None if bias is None else _shape(inputs, bias)
        if added is not None and added != (outputs,):
            raise DeeployError(f"has a bias of shape {list(added)} for {outputs} output channels", node)

    return check


def _slope(inputs: Inputs, attrs: Mapping[str, Any], node: str) -> None:
    x, slope = _shape(inputs, 0), _shape(inputs, 1)
    if x is None or slope is None:
        return
    fits = len(slope) <= len(x) and all(s in (1, n) for s, n in zip(slope[::-1], x[::-1], strict=False))
    if not fits:
        raise DeeployError(f"slopes of shape {list(slope)} cannot be broadcast to {list(x)}", node)


def _quantization(*, dividing: bool) -> _Check:
    """Scale and zero point of a (De)QuantizeLinear: one, one for each index of an axis, or one for each block."""

    def check(inputs: Inputs, attrs: Mapping[str, Any], node: str) -> None:
        x, scale, zero = _shape(inputs, 0), _shape(inputs, 1), _shape(inputs, 2)
        if x is None or scale is None:
            return
        if math.prod(scale) != 1 and not attrs.get("block_size"):
            axis = int(attrs.get("axis", 1))
            if not -len(x) <= axis < len(x) or scale != (x[axis],):
                raise DeeployError(f"has scales of shape {list(scale)} along axis {axis} of shape {list(x)}", node)
        if zero is not None and zero != scale and not math.prod(zero) == math.prod(scale) == 1:
            raise DeeployError(f"has zero points of shape {list(zero)}, but scales of shape {list(scale)}", node)
        finite_scale(_input(inputs, 1), node, dividing=dividing)

    return check


def finite_scale(scale: Value | None, node: str, *, dividing: bool) -> None:
    """Raises DeeployError for a constant scale that is no finite number, or 0 where it divides."""
    if scale is None or not scale.is_constant:
        return
    values = np.asarray(scale.array(), np.float64)
    if not np.all(np.isfinite(values)):
        raise DeeployError("has a scale that is infinite or not a number", node)
    if dividing and not np.all(values):
        raise DeeployError("has a scale of 0", node)


def _resize(inputs: Inputs, attrs: Mapping[str, Any], node: str) -> None:
    """Region, scales and sizes are lists; scales are positive."""
    _vectors(1, 2, 3)(inputs, attrs, node)
    scales = _input(inputs, 2)
    if scales is not None and scales.is_constant:
        values = np.asarray(scales.array(), np.float64)
        if not np.all(np.isfinite(values) & (values > 0)):
            raise DeeployError(f"has scales {values.tolist()}, but they must be positive numbers", node)


def _along_axis(*others: int) -> _Check:
    """Indices (input 1) into the axis `axis` of the data, no more than the data along the others; inputs `others` have
    their shape."""

    def check(inputs: Inputs, attrs: Mapping[str, Any], node: str) -> None:
        data, indices = _shape(inputs, 0), _shape(inputs, 1)
        if data is None or indices is None:
            return
        axis = int(attrs.get("axis", 0))
        if not -len(data) <= axis < len(data):
            raise DeeployError(f"has axis {axis} of data of shape {list(data)}", node)
        free = [n for i, n in enumerate(data) if i != axis % len(data)]
        taken = [n for i, n in enumerate(indices) if i != axis % len(data)]
        if len(indices) != len(data) or any(t > n for t, n in zip(taken, free, strict=True)):
            raise DeeployError(f"has indices of shape {list(indices)} along axis {axis} of {list(data)}", node)
        for index in others:
            shape = _shape(inputs, index)
            if shape != indices:
                given = "is absent" if shape is None else f"has {list(shape)}"
                raise DeeployError(f"has indices of shape {list(indices)}, but input {index} {given}", node)

    return check


def _scatter_nd(inputs: Inputs, attrs: Mapping[str, Any], node: str) -> None:
    """Updates for each vector of indices: what it leaves of the data's axes."""
    data, indices, updates = (_shape(inputs, i) for i in range(3))
    if data is None or not indices or updates is None:
        return
    if indices[-1] > len(data) or updates != (*indices[:-1], *data[indices[-1] :]):
        raise DeeployError(
            f"data of shape {list(data)}, indices of {list(indices)} and updates of {list(updates)} do not fit",
            node,
        )


_TERM = r"\s*(?:[A-Za-z]\s*)*(?:\.\.\.\s*(?:[A-Za-z]\s*)*)?"
_EQUATION = re.compile(rf"{_TERM}(?:,{_TERM})*(?:->{_TERM})?")


def _einsum(inputs: Inputs, attrs: Mapping[str, Any], node: str) -> None:
    """Terms of letters, one for each operand; ONNX's shape inference never ends for some that are not."""
    equation = str(attrs.get("equation", ""))
    if not _EQUATION.fullmatch(equation) or equation.count(",") + 1 != len(inputs):
        raise DeeployError(f"has the equation {equation!r}, which is none of {len(inputs)} operands", node)


def _complex_pairs(inputs: Inputs, attrs: Mapping[str, Any], node: str) -> None:
    """The last axis of a signal holds real numbers, or pairs of real and imaginary part."""
    shape = _shape(inputs, 0)
    if shape is not None and (len(shape) < 2 or shape[-1] not in (1, 2)):
        raise DeeployError(
            f"has a signal of shape {list(shape)}; its last axis must be 1 (real) or 2 (real and imaginary part) long",
            node,
        )


def _neighbours(inputs: Inputs, attrs: Mapping[str, Any], node: str) -> None:
    if int(attrs.get("size", 0)) < 1:
        raise DeeployError(f"has size = {attrs.get('size')}; it sums over at least 1 channel", node)


def _recurrent(gates: int) -> _Check:
    """X [steps, batch, inputs], W [directions, gates x hidden, inputs], R [directions, gates x hidden, hidden] and what
    goes with them; with layout 1 X and the states have the batch first."""

    def check(inputs: Inputs, attrs: Mapping[str, Any], node: str) -> None:
        x, w, r = _shape(inputs, 0), _shape(inputs, 1), _shape(inputs, 2)
        if x is None or w is None or r is None or not len(x) == len(w) == len(r) == 3:
            raise DeeployError(f"has X, W and R of shapes {x}, {w} and {r}; each has 3 axes", node)
        directions, hidden, batch = w[0], r[2], x[0 if attrs.get("layout") else 1]
        state = (batch, directions, hidden) if attrs.get("layout") else (directions, batch, hidden)
        expected: dict[int, tuple[int, ...]] = {
            1: (2 if attrs.get("direction") == "bidirectional" else 1, gates * hidden, x[2]),
            2: (directions, gates * hidden, hidden),
            3: (directions, 2 * gates * hidden),
            4: (batch,),
            5: state,
            6: state,
            7: (directions, 3 * hidden),
        }
        for index, wanted in expected.items():
            shape = _shape(inputs, index)
            if shape is not None and shape != wanted:
                raise DeeployError(f"input {index} has shape {list(shape)}; it must be {list(wanted)}", node)
        if int(attrs.get("hidden_size", hidden)) != hidden:
            raise DeeployError(f"has hidden_size = {attrs['hidden_size']}, but R has {hidden} columns", node)

    return check


_CHECKS: dict[str, _Check] = {
    "BatchNormalization": _of_channels(1, 4),
    "CenterCropPad": _vectors(1),
    "ConstantOfShape": _vectors(0),
    "Conv": _convolution(1, 2),
    "ConvInteger": _convolution(1, None),
    "ConvTranspose": _convolution(1, 2, transposed=True),
    "DFT": _complex_pairs,
    "DequantizeLinear": _quantization(dividing=False),
    "Einsum": _einsum,
    "Expand": _vectors(1),
    "GRU": _recurrent(3),
    "GatherElements": _along_axis(),
    "InstanceNormalization": _of_channels(1, 2),
    "LRN": _neighbours,
    "LSTM": _recurrent(4),
    "PRelu": _slope,
    "Pad": _vectors(1, 3),
    "QLinearConv": _convolution(3, 8),
    "QuantizeLinear": _quantization(dividing=True),
    "RNN": _recurrent(1),
    "Reshape": _vectors(1),
    "Resize": _resize,
    "ScatterElements": _along_axis(2),
    "ScatterND": _scatter_nd,
    "Slice": _vectors(1, 2, 3, 4),
    "Tile": _vectors(1),
    "TopK": _vectors(1),
}


def check_node(op_type: str, inputs: Inputs, attrs: Mapping[str, Any], node: str) -> None:
    """Raises DeeployError for operands and attributes of an ONNX operator that contradict each other."""
    check = _CHECKS.get(op_type)
    if check is not None:
        check(inputs, attrs, node)


_WINDOWS = {
    *("Conv", "ConvInteger", "ConvTranspose", "QLinearConv", "MaxPool", "AveragePool", "LpPool"),
    *("GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"),
}


def check_elements(op_type: str, inputs: Inputs, result: Sequence[int], node: str) -> None:
    """Raises DeeployError for a Reshape to another number of elements, or windows over an image that has none."""
    shape = _shape(inputs, 0)
    if op_type in _WINDOWS and shape is not None and 0 in shape and 0 not in result:
        raise DeeployError(f"takes windows of an input of shape {list(shape)}, which has no elements", node)
    if op_type == "Reshape" and shape is not None and math.prod(shape) != math.prod(result):
        raise DeeployError(f"reshapes {list(shape)} to {list(result)}, which has another number of elements", node)
