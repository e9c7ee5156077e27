"""Operators that read or write elements at given indices.

Constant indices in few even runs are slices; others are a map with an indirect axis. Out-of-range indices are limited
to the axis, so that the generated code never leaves its buffers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, i32, i64
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import ScatterOp, element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import select
from deeploy_mlir.ir.constants import constant_of, name_hint
from deeploy_mlir.ir.scalar_body import ScalarBody, is_unsigned
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.parts import pick, take


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


def scatter(
    b: LayerBuilder, data: SSAValue, indices: SSAValue, updates: SSAValue, axis: int, reduction: str
) -> SSAValue:
    """`data` with `updates` at `indices` (i32, in range or -1 for none) of one axis."""
    combine, unsigned = REDUCTIONS[reduction], is_unsigned(b.result_element)
    body = ScalarBody([element_type_of_value(data), element_type_of_value(updates)])
    old, new = (body.widen(a) for a in body.arguments)
    op = ScatterOp(
        [data, positions(b, shape_of(data)[axis]), indices, updates],
        b.empty(shape_of(data), b.result_element),
        layer=b.layer,
        body=body.finish(combine(body, old, new, unsigned), b.result_element),
        properties={"axis": IntegerAttr(axis, i64)},
    )
    return b.kernel(op)


def scatter_elements(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.ScatterElements: the updates of each line go to the places that their indices name, in order."""
    data, indices, updates = op.required("data"), op.required("indices"), op.required("updates")
    shape, count = shape_of(data), shape_of(indices)
    rank = len(shape)
    axis = b.axis(op.attr("axis"), rank)
    if any(count[i] > shape[i] for i in range(rank) if i != axis):
        raise b.error(f"has indices {indices.type}, more than the data {data.type} have along another axis than {axis}")
    table = in_range(b, indices, shape[axis])
    # Lines that no index is about get indices that name no place.
    missing = [0 if i == axis else shape[i] - count[i] for i in range(rank)]
    if any(missing):
        table = b.pad(table, [0] * rank, missing, -1)
        updates = b.pad(updates, [0] * rank, missing, 0)
    return [scatter(b, data, table, updates, axis, op.attr("reduction") or "none")]


def scatter_nd(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.ScatterND: the axes that a tuple of indices is about become one."""
    data, indices, updates = op.required("data"), op.required("indices"), op.required("updates")
    shape, inner = shape_of(data), shape_of(indices)
    depth, count = inner[-1], prod(inner[:-1])
    rest = shape[depth:]
    flat = b.reshape(indices, [count, depth])
    strides = [prod(shape[k + 1 : depth]) for k in range(depth)]
    parts = [in_range(b, b.slice(flat, [0, k], [1, 1], [count, 1]), shape[k]) for k in range(depth)]

    def linear(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        scaled = [body.mul(part, body.constant(s, part.type)) for part, s in zip(v, strides, strict=True)]
        return reduce(body.add, scaled)

    table = parts[0] if depth == 1 else b.elementwise(parts, [count, 1], i32, linear)
    # Equal ranks: the indices have one element along the axes that each of them moves whole.
    lines = b.reshape(data, [prod(shape[:depth]), *rest])
    table = b.reshape(table, [count, *[1] * len(rest)])
    rows = b.reshape(updates, [count, *rest])
    return [b.reshape(scatter(b, lines, table, rows, 0, op.attr("reduction") or "none"), shape)]


def max_unpool(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.MaxUnpool: each element goes to its place in the flattened image that was pooled; the others are 0."""
    x, places = op.required("X"), op.required("I")
    shape, kernel = shape_of(x), op.attr("kernel_shape")
    rank = len(shape) - 2
    strides: list[int] = op.attr("strides") or [1] * rank
    pads: list[int] = op.attr("pads") or [0] * (2 * rank)
    if [len(kernel), len(strides), len(pads)] != [rank, rank, 2 * rank] or shape_of(places) != shape:
        raise b.error(f"has kernel {kernel}, strides {strides}, pads {pads} and places {places.type} for {x.type}")
    extents = [
        (n - 1) * s + k - low - high
        for n, s, k, low, high in zip(shape[2:], strides, kernel, pads[:rank], pads[rank:], strict=True)
    ]
    pooled = [*shape[:2], *extents]
    if min(extents) < 1 or any(n < p for n, p in zip(b.result_shape, pooled, strict=True)):
        raise b.error(f"gives {list(b.result_shape)}, less than the image {pooled} that was pooled")
    table = in_range(b, b.reshape(places, [prod(shape)]), prod(pooled))
    image = b.filled([prod(pooled)], 0, b.result_element)
    image = b.reshape(scatter(b, image, table, b.reshape(x, [prod(shape)]), 0, "none"), pooled)
    return [b.pad(image, [0] * (rank + 2), [n - p for n, p in zip(b.result_shape, pooled, strict=True)], 0)]


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
    "onnx.MaxUnpool": max_unpool,
    "onnx.OneHot": one_hot,
}
"""Rules of this family."""
