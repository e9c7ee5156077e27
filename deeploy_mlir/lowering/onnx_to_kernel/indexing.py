"""Operators that read or write elements at given indices.

Constant indices in few even runs are slices; others are a map with an indirect axis. Out-of-range indices are limited
to the axis, so that the generated code never leaves its buffers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import i1, i32
from xdsl.ir import SSAValue

from deeploy_mlir.affine_maps import linear_map, select
from deeploy_mlir.constants import constant_of, name_hint
from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.movement import join
from deeploy_mlir.scalar_body import ScalarBody, is_unsigned

MAX_PIECES = 8
"""Most slices that a gather by constant indices becomes before it is one map with a table of indices."""

MAX_UPDATES = 64
"""Most updates along an axis that a scatter may have: each element of the result compares with all of them."""


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
    """The elements of `value` at constant, non-negative indices along one axis: slices, or a gather by a table."""
    shape = shape_of(value)
    rank = len(shape)
    parts = runs(indices)
    if len(parts) > MAX_PIECES:
        table = b.constant(np.asarray(indices, np.int32), f"{b.layer}_indices", i32)
        return take(b, value, axis, table)
    pieces: list[SSAValue] = []
    for start, step, count in parts:
        target = [count if i == axis else s for i, s in enumerate(shape)]
        if tuple(target) == shape and start == 0 and (step == 1 or count == 1):
            pieces.append(value)
            continue
        axes = [
            ([(step if i == axis else 1) if j == i else 0 for j in range(rank)], start if i == axis else 0)
            for i in range(rank)
        ]
        pieces.append(b.copy(value, linear_map(rank, axes), target))
    return join(b, pieces, axis)


def take(b: LayerBuilder, value: SSAValue, axis: int, table: SSAValue) -> SSAValue:
    """numpy's take along an axis: the axis gives way to those of `table`, which holds indices in range."""
    shape, inner = shape_of(value), shape_of(table)
    target = [*shape[:axis], *inner, *shape[axis + 1 :]]
    rank = len(target)
    outer: list[int | None] = [*range(axis), None, *range(axis + len(inner), rank)]
    maps = [select(rank, outer), select(rank, list(range(axis, axis + len(inner))))]
    element = element_type_of_value(value)
    return b.map([value, table], maps, target, element, lambda body, v: v[0], indirect=[(0, axis, 1)])


def in_range(b: LayerBuilder, indices: SSAValue, size: int) -> SSAValue:
    """Indices as i32 from 0 to size - 1: negative ones count from the end, and what is out of range is limited."""
    shape, element = shape_of(indices), element_type_of_value(indices)
    array = constant_of(indices)
    if array is not None:
        wide = array.astype(np.int64)
        if wide.size and (int(wide.min()) < -size or int(wide.max()) >= size):
            raise b.error(f"has indices from {int(wide.min())} to {int(wide.max())} into an axis of {size} elements")
        return b.constant(np.where(wide < 0, wide + size, wide), f"{name_hint(indices, b.layer)}_indices", i32)

    def normalised(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        index = v[0]
        if not is_unsigned(element):
            negative = body.compare("lt", index, body.constant(0, index.type))
            index = body.select(negative, body.add(index, body.constant(size, index.type)), index)
        return body.clamp(index, 0, size - 1)

    return b.elementwise([indices], shape, i32, normalised)


def gather(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Gather."""
    data, indices = op.required("data"), op.required("indices")
    shape = shape_of(data)
    axis = b.axis(op.attr("axis"), len(shape))
    array = constant_of(indices)
    if array is None or prod(b.result_shape) == 0:
        return [take(b, data, axis, in_range(b, indices, shape[axis]))]
    flat = [int(i) for i in array.reshape(-1)]
    if any(not -shape[axis] <= i < shape[axis] for i in flat):
        raise b.error(f"picks {flat} of an axis of {shape[axis]} elements")
    return [b.reshape(pick(b, data, axis, [i % shape[axis] for i in flat]), b.result_shape)]


def gather_elements(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.GatherElements: out[i, j, k] = data[indices[i, j, k], j, k] for axis 0."""
    data, indices = op.required("data"), op.required("indices")
    shape, rank = shape_of(data), len(shape_of(data))
    axis = b.axis(op.attr("axis"), rank)
    table = in_range(b, indices, shape[axis])
    maps = [select(rank, [None if i == axis else i for i in range(rank)]), select(rank, list(range(rank)))]
    return [b.map([data, table], maps, b.result_shape, b.result_element, lambda body, v: v[0], indirect=[(0, axis, 1)])]


def gather_nd(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.GatherND: the last axis of the indices holds a tuple of indices into the axes after `batch_dims`."""
    data, indices = op.required("data"), op.required("indices")
    shape, inner = shape_of(data), shape_of(indices)
    batch, depth = int(op.attr("batch_dims")), inner[-1]
    target = [*inner[:-1], *shape[batch + depth :]]
    rank, lead = len(target), len(inner) - 1
    ins, maps = [data], [select(rank, [*range(batch), *[None] * depth, *range(lead, rank)])]
    for k in range(depth):
        part = b.slice(indices, [*[0] * lead, k], [1] * (lead + 1), [*inner[:-1], 1])
        ins.append(in_range(b, b.reshape(part, inner[:-1]), shape[batch + k]))
        maps.append(select(rank, list(range(lead))))
    indirect = [(0, batch + k, 1 + k) for k in range(depth)]
    return [b.map(ins, maps, target, b.result_element, lambda body, v: v[0], indirect=indirect)]


def positions(b: LayerBuilder, size: int) -> SSAValue:
    """The numbers 0 to size - 1."""
    b.check_constant([size])
    return b.constant(np.arange(size, dtype=np.int32), f"positions_{size}", i32)


REDUCTIONS: dict[str, Callable[[ScalarBody, SSAValue, SSAValue, bool], SSAValue]] = {
    "none": lambda body, old, new, _: new,
    "add": lambda body, old, new, _: body.add(old, new),
    "mul": lambda body, old, new, _: body.mul(old, new),
    "max": lambda body, old, new, unsigned: body.max(old, new, unsigned=unsigned),
    "min": lambda body, old, new, unsigned: body.min(old, new, unsigned=unsigned),
}
"""What a scatter does with the old element and an update."""


def scatter_elements(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.ScatterElements: every element of the result looks at the updates of its line, in order."""
    data, indices, updates = op.required("data"), op.required("indices"), op.required("updates")
    shape, count = shape_of(data), shape_of(indices)
    rank = len(shape)
    axis = b.axis(op.attr("axis"), rank)
    if count[axis] > MAX_UPDATES:
        raise b.error(f"updates {count[axis]} elements along an axis; up to {MAX_UPDATES} are supported")
    # Lines without updates get the index -1, which no element has.
    missing = [0 if i == axis else n - m for i, (n, m) in enumerate(zip(shape, count, strict=True))]
    if min(missing) < 0:
        raise b.error(f"has indices {indices.type}, more than data {data.type} has along an axis other than {axis}")
    table = b.pad(in_range(b, indices, shape[axis]), [0] * rank, missing, -1)
    updates = b.pad(updates, [0] * rank, missing, 0)
    ins, maps = [data, positions(b, shape[axis])], [select(rank, list(range(rank))), select(rank, [axis])]
    for k in range(count[axis]):
        at = linear_map(rank, [([int(j == i != axis) for j in range(rank)], k * (i == axis)) for i in range(rank)])
        ins += [table, updates]
        maps += [at, at]
    combine = REDUCTIONS[op.attr("reduction") or "none"]
    unsigned = is_unsigned(b.result_element)

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        value = v[0]
        for k in range(count[axis]):
            hit = body.compare("eq", v[2 + 2 * k], v[1])
            value = body.select(hit, combine(body, value, v[3 + 2 * k], unsigned), value)
        return value

    return [b.map(ins, maps, shape, b.result_element, build)]


def scatter_nd(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.ScatterND: every element of the result looks at all update tuples, in order."""
    data, indices, updates = op.required("data"), op.required("indices"), op.required("updates")
    shape, inner = shape_of(data), shape_of(indices)
    rank, depth, count = len(shape), inner[-1], prod(inner[:-1])
    if count > MAX_UPDATES:
        raise b.error(f"has {count} updates; up to {MAX_UPDATES} are supported")
    flat = b.reshape(indices, [count, depth])
    tables = [
        in_range(b, b.reshape(b.slice(flat, [0, k], [1, 1], [count, 1]), [count]), shape[k]) for k in range(depth)
    ]
    rows = b.reshape(updates, [count, *shape[depth:]])
    ins: list[SSAValue] = [data, *(positions(b, shape[k]) for k in range(depth))]
    maps = [select(rank, list(range(rank))), *(select(rank, [k]) for k in range(depth))]
    for n in range(count):
        ins += [*tables, rows]
        maps += [linear_map(rank, [([0] * rank, n)]) for _ in range(depth)]
        rest = [([int(j == depth + i) for j in range(rank)], 0) for i in range(rank - depth)]
        maps.append(linear_map(rank, [([0] * rank, n), *rest]))
    combine = REDUCTIONS[op.attr("reduction") or "none"]
    unsigned = is_unsigned(b.result_element)

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        value = v[0]
        for n in range(count):
            own = v[1 + depth + n * (depth + 1) :]
            hit = body.constant(1, i1)
            for k in range(depth):
                same = body.compare("eq", own[k], v[1 + k])
                hit = same if k == 0 else body.emit(arith.AndIOp(hit, same))
            value = body.select(hit, combine(body, value, own[depth], unsigned), value)
        return value

    return [b.map(ins, maps, shape, b.result_element, build)]


def one_hot(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.OneHot: on where the index (negative ones count from the end) is the position along the new axis."""
    indices, values = op.required("indices"), op.required("values")
    shape = b.result_shape
    rank, axis = len(shape), b.axis(op.attr("axis"), len(shape))
    depth = shape[axis]
    others = [i for i in range(rank) if i != axis]
    off, on = (b.slice(values, [k], [1], [1]) for k in (0, 1))
    maps = [select(rank, others), select(rank, [axis]), select(rank, [None]), select(rank, [None])]

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        index, position = v[0], body.cast(v[1], v[0].type)
        from_end = body.sub(position, body.constant(depth, position.type))
        hit = body.emit(arith.OrIOp(body.compare("eq", index, position), body.compare("eq", index, from_end)))
        return body.select(hit, v[3], v[2])

    return [b.map([indices, positions(b, depth), off, on], maps, shape, element_type_of_value(values), build)]


def reverse_sequence(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.ReverseSequence: the first sequence_lens[i] elements of batch i backwards, the others as they are."""
    x, lengths = op.required("input"), op.required("sequence_lens")
    shape, element = shape_of(x), element_type_of_value(x)
    time, batch = int(op.attr("time_axis")), int(op.attr("batch_axis"))
    if sorted((time, batch)) != [0, 1] or shape_of(lengths) != (shape[batch],):
        raise b.error(f"has time axis {time}, batch axis {batch} and lengths {lengths.type} for {x.type}")
    steps = b.constant(np.arange(shape[time]), f"{b.layer}_steps", i32)
    pair = [shape[batch], shape[time]]

    def source(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        length = body.clamp(body.cast(v[0], v[1].type), 0, shape[time])
        mirrored = body.sub(body.sub(length, body.constant(1, length.type)), v[1])
        return body.select(body.compare("lt", v[1], length), mirrored, v[1])

    table = b.map([lengths, steps], [select(2, [0]), select(2, [1])], pair, i32, source)
    rank = len(shape)
    own: list[int | None] = [None if i == time else i for i in range(rank)]
    maps = [select(rank, own), select(rank, [batch, time])]
    return [b.map([x, table], maps, shape, element, lambda body, v: v[0], indirect=[(0, time, 1)])]


RULES: dict[str, Rule] = {
    "onnx.ReverseSequence": reverse_sequence,
    "onnx.Gather": gather,
    "onnx.GatherElements": gather_elements,
    "onnx.GatherND": gather_nd,
    "onnx.ScatterElements": scatter_elements,
    "onnx.ScatterND": scatter_nd,
    "onnx.OneHot": one_hot,
}
"""Rules of this family."""
