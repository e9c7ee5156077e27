"""Operands that only say what shape a result has: where they are computed but the file declares the result's shape,
that tells their value. A static network cannot have another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.node import Node
from deeploy_mlir.graph.types import AnyTensor
from deeploy_mlir.support.numpy_types import Array, numpy_dtype

Told = Callable[[Node, tuple[int, ...]], "Sequence[int] | int | None"]
"""The operand's value from the node and the shape of its first result; None where that does not tell it."""


def _along_axes(node: Node, shape: tuple[int, ...]) -> Sequence[int]:
    """The sizes along the attribute `axes`, by default all."""
    axes: Sequence[int] = node.attrs.get("axes") or range(len(shape))
    return [shape[axis] for axis in axes]


def _resize_sizes(node: Node, shape: tuple[int, ...]) -> Sequence[int] | None:
    return _along_axes(node, shape) if node.attrs.get("keep_aspect_ratio_policy", "stretch") == "stretch" else None


def _grid_size(node: Node, shape: tuple[int, ...]) -> Sequence[int]:
    """AffineGrid's size (N, C, spatial..), of which it does not use C."""
    return [shape[0], 1, *shape[1:-1]]


def _first(node: Node, shape: tuple[int, ...]) -> int:
    return shape[0]


def _whole(node: Node, shape: tuple[int, ...]) -> Sequence[int]:
    return shape


TOLD: Mapping[str, tuple[int, Told]] = {
    "CenterCropPad": (1, _along_axes),
    "Resize": (3, _resize_sizes),
    "AffineGrid": (1, _grid_size),
    "BlackmanWindow": (0, _first),
    "HammingWindow": (0, _first),
    "HannWindow": (0, _first),
    "MaxUnpool": (2, _whole),
}
"""Operator -> the position of the operand, and what it is."""


def fill_in(emitter: Emitter, node: Node, declared: Sequence[AnyTensor | None]) -> None:
    """Puts the operand's value in its place, if it is computed and the declared result tells it."""
    position, told = TOLD.get(node.op_type, (0, None))
    value = node.input(position)
    if told is None or value is None or value.is_constant or not declared or declared[0] is None:
        return
    found = told(node, tuple(declared[0].get_shape()))
    if found is None:
        return
    array: Array = np.asarray(found, numpy_dtype(value.element_type))
    if array.size == int(np.prod(value.shape)):
        node.set_input(position, emitter.constant(array.reshape(value.shape), f"{node.name}_{value.name}"))
