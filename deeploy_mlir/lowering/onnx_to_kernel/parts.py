"""Parts of a tensor along one axis: joined, picked at constant indices, in reverse order.

A map reads with steps of 0 and more, so that equal steps forwards are slices; backwards is a gather by a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, i32
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.rewriter import Rewriter

from deeploy_mlir.dialects.kernel import MapOp, element_type_of_value, identity_body, ints, shape_of
from deeploy_mlir.ir.affine_maps import linear_map, select
from deeploy_mlir.ir.kernel_rewriting import defining, rebuilt
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder

MAX_PIECES = 8
"""Most pieces that constant indices are read in before it is one map with a table of all of them."""
MAX_SLICES = 4
"""Most elements that are read backwards as a slice each, which transposes pass through and gathers do not."""
MAX_REVERSED = 4096
"""Elements that one gather reads backwards, and that lie in the engine's memory at a time; more where that would make
more than `MAX_PIECES` gathers."""


def join(b: LayerBuilder, pieces: Sequence[SSAValue], axis: int) -> SSAValue:
    """The pieces one after the other along an axis; empty ones are left out."""
    pieces = [p for p in pieces if 0 not in shape_of(p)] or list(pieces[:1])
    if len(pieces) == 1:
        return pieces[0]
    element, first = element_type_of_value(pieces[0]), shape_of(pieces[0])
    shape = list(first)
    shape[axis] = sum(shape_of(p)[axis] for p in pieces)
    value, offset = b.empty(shape, element), 0
    for piece in pieces:
        size = shape_of(piece)
        offsets = ints([offset if i == axis else 0 for i in range(len(shape))])
        place: dict[str, Attribute] = {"out_offsets": offsets, "sizes": ints(size)}
        gather = defining(piece)
        if isinstance(gather, MapOp) and gather.indirect is not None and piece.first_use is None:
            # Made for this very place: it writes there.
            value = b.kernel(rebuilt(gather, list(gather.ins), value, properties=place))
            Rewriter.erase_op(gather)
        else:
            maps = ArrayAttr([AffineMapAttr(AffineMap.identity(len(shape)))])
            body = identity_body(element, element)
            value = b.kernel(MapOp([piece], value, layer=b.layer, body=body, properties={"maps": maps, **place}))
        offset += size[axis]
    return value


def runs(indices: Sequence[int]) -> list[tuple[int, int, int]]:
    """Cuts a list of indices into runs (start, step, count) of equal steps of 0 or more, or of -1, greedily."""
    found: list[tuple[int, int, int]] = []
    position = 0
    while position < len(indices):
        start, count, step = indices[position], 1, 1
        if position + 1 < len(indices) and indices[position + 1] >= start - 1:
            step = indices[position + 1] - start
            while position + count < len(indices) and indices[position + count] == start + step * count:
                count += 1
        found.append((start, step, count))
        position += count
    return found


def pick(b: LayerBuilder, value: SSAValue, axis: int, indices: Sequence[int]) -> SSAValue:
    """The elements of `value` at constant, non-negative indices along one axis: slices, or a gather by a table."""
    return join(b, picked(b, value, axis, indices), axis)


def picked(b: LayerBuilder, value: SSAValue, axis: int, indices: Sequence[int]) -> list[SSAValue]:
    """The same in the pieces that it is read in, to be joined along the axis."""
    # Few elements backwards are a slice each.
    parts = [
        part
        for start, step, count in runs(indices)
        for part in (
            [(start - i, 1, 1) for i in range(count)] if step < 0 and count <= MAX_SLICES else [(start, step, count)]
        )
    ]
    if len(parts) > MAX_PIECES:
        table = b.constant(np.asarray(indices, np.int32), f"{b.layer}_indices", i32)
        return [take(b, value, axis, table)]
    pieces: list[SSAValue] = []
    for start, step, count in parts:
        if step < 0:
            pieces += _backwards(b, value, axis, start, count)
        elif step == 1 and count == shape_of(value)[axis]:
            pieces.append(value)
        else:
            pieces.append(_run(b, value, axis, (start, step, count)))
    return pieces


def _run(b: LayerBuilder, value: SSAValue, axis: int, run: tuple[int, int, int]) -> SSAValue:
    """A run (start, step, count) of 0 or more along an axis."""
    shape, (start, step, count) = shape_of(value), run
    rank = len(shape)
    axes = [
        ([(step if i == axis else 1) if j == i else 0 for j in range(rank)], start if i == axis else 0)
        for i in range(rank)
    ]
    return b.copy(value, linear_map(rank, axes), [count if i == axis else s for i, s in enumerate(shape)])


def _backwards(b: LayerBuilder, value: SSAValue, axis: int, start: int, count: int) -> list[SSAValue]:
    """Pieces that hold `count` elements from `start` downwards."""
    pieces: list[SSAValue] = []
    most = max(MAX_REVERSED, -(-count // MAX_PIECES))
    for first in range(start, start - count, -most):
        size = min(most, first - (start - count))
        part = value if size == shape_of(value)[axis] else _run(b, value, axis, (first - size + 1, 1, size))
        table = b.constant(np.arange(size, dtype=np.int32)[::-1].copy(), f"reversed_{size}", i32)
        pieces.append(take(b, part, axis, table))
    return pieces


def reversed_along(b: LayerBuilder, value: SSAValue, axis: int) -> SSAValue:
    """The tensor with one axis in reverse order."""
    return pick(b, value, axis, range(shape_of(value)[axis])[::-1])


def take(b: LayerBuilder, value: SSAValue, axis: int, table: SSAValue) -> SSAValue:
    """numpy's take along an axis: the axis gives way to those of `table`, which holds indices in range."""
    shape, inner = shape_of(value), shape_of(table)
    target = [*shape[:axis], *inner, *shape[axis + 1 :]]
    rank = len(target)
    outer: list[int | None] = [*range(axis), None, *range(axis + len(inner), rank)]
    maps = [select(rank, outer), select(rank, list(range(axis, axis + len(inner))))]
    element = element_type_of_value(value)
    return b.map([value, table], maps, target, element, lambda body, v: v[0], indirect=[(0, axis, 1)])
