"""Operators that pick elements by index: with constant indices they are slices, joined where they do not run evenly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue

from deeploy_mlir.affine_maps import linear_map, select
from deeploy_mlir.constants import constant_of
from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.movement import join
from deeploy_mlir.scalar_body import ScalarBody

MAX_PIECES = 64
"""Most slices that a gather by constant indices may become."""


def runs(indices: Sequence[int]) -> list[tuple[int, int, int]]:
    """Cuts a list of indices into runs (start, step, count) of equal steps of 0 or more, greedily."""
    found: list[tuple[int, int, int]] = []
    position = 0
    while position < len(indices):
        start, count, step = indices[position], 1, 1
        if position + 1 < len(indices) and indices[position + 1] >= start:
            step = indices[position + 1] - start
            while position + count < len(indices) and indices[position + count] == start + step * count:
                count += 1
        found.append((start, step, count))
        position += count
    return found


def pick(b: LayerBuilder, value: SSAValue, axis: int, indices: Sequence[int]) -> SSAValue:
    """The elements of `value` at constant, non-negative indices along one axis.

    Raises DeeployError for too many runs."""
    shape = shape_of(value)
    rank = len(shape)
    pieces: list[SSAValue] = []
    parts = runs(indices)
    if len(parts) > MAX_PIECES:
        raise b.error(f"picks {len(indices)} elements in {len(parts)} runs; up to {MAX_PIECES} are supported")
    for start, step, count in parts:
        target = [count if i == axis else s for i, s in enumerate(shape)]
        if tuple(target) == shape:
            pieces.append(value)
            continue
        axes = [
            ([(step if i == axis else 1) if j == i else 0 for j in range(rank)], start if i == axis else 0)
            for i in range(rank)
        ]
        pieces.append(b.copy(value, linear_map(rank, axes), target))
    return join(b, pieces, axis)


def gather(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Gather with constant indices."""
    data = op.required("data")
    shape = shape_of(data)
    axis = b.axis(op.attr("axis"), len(shape))
    array = constant_of(op.required("indices"))
    if array is None:
        raise b.error("by indices that are computed at run time is not supported")
    flat = [int(i) for i in array.reshape(-1)]
    if any(not -shape[axis] <= i < shape[axis] for i in flat):
        raise b.error(f"picks {flat} of an axis of {shape[axis]} elements")
    return [b.reshape(pick(b, data, axis, [i % shape[axis] for i in flat]), b.result_shape)]


def one_hot(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.OneHot: on where the index (negative ones count from the end) is the position along the new axis."""
    indices, values = op.required("indices"), op.required("values")
    shape = b.result_shape
    axis = b.axis(op.attr("axis"), len(shape))
    depth = shape[axis]
    positions = b.constant(np.arange(depth, dtype=np.int32), f"{b.layer}_positions")
    rank = len(shape)
    others = [i for i in range(rank) if i != axis]
    off = b.reshape(b.slice(values, [0], [1], [1]), [1])
    on = b.reshape(b.slice(values, [1], [1], [1]), [1])
    maps = [select(rank, others), select(rank, [axis]), select(rank, [None]), select(rank, [None])]

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        index, position = v[0], body.cast(v[1], v[0].type)
        from_end = body.sub(position, body.constant(depth, position.type))
        hit = body.select(
            body.compare("eq", index, position),
            body.constant(1, i1),
            body.compare("eq", index, from_end),
        )
        return body.select(hit, v[3], v[2])

    return [b.map([indices, positions, off, on], maps, shape, element_type_of_value(values), build)]


RULES: dict[str, Rule] = {
    "onnx.Gather": gather,
    "onnx.OneHot": one_hot,
}
"""Rules of this family."""
