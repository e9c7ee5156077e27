"""Operators that only move elements: shapes, axes, parts and joins."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from xdsl.dialects.builtin import i1, i8
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import broadcast, select
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.parts import join, picked, reversed_along


def same_elements(name: str) -> Rule:
    """Reshape, Flatten, Squeeze, Unsqueeze, Identity: the graph's result shape says it all."""

    def rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
        return [b.reshape(op.required(name), b.result_shape)]

    return rule


def dropout(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Dropout at inference: its input, and a mask that is all true."""
    training = b.constant_operand("training_mode")
    if training is not None and training.any():
        raise b.error("in training mode gives random numbers, which a compiled network does not")
    x = op.required("data")
    if op.output("mask") is None:
        return [x]
    return [x, b.filled(shape_of(x), 1, i1)]


def transpose(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Transpose."""
    x = op.required("data")
    order: list[int] = op.attr("perm") or list(reversed(range(len(shape_of(x)))))
    return [b.transpose(x, order)]


def expand(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Expand: numpy's broadcast to the graph's result shape."""
    x = op.required("input")
    return [b.copy(x, broadcast(shape_of(x), b.result_shape), b.result_shape)]


def tile(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Tile: each repeated axis becomes two, the outer one broadcast."""
    x = op.required("input")
    shape = shape_of(x)
    repeats = [n // s if s else 1 for n, s in zip(b.result_shape, shape, strict=True)]
    inner = [n for r, s in zip(repeats, shape, strict=True) for n in (r, s)]
    map_ = select(len(inner), [2 * i + 1 for i in range(len(shape))])
    if all(r == 1 for r in repeats):
        return [x]
    return [b.reshape(b.copy(x, map_, inner), b.result_shape)]


def concat(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Concat: each operand is written into its part of one result."""
    pieces = [v for v in op.inputs if v is not None]
    shape = b.result_shape
    return [join(b, pieces, b.axis(op.attr("axis"), len(shape)))]


def split(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Split: a slice a result."""
    x = op.required("input")
    rank = len(shape_of(x))
    axis, start = b.axis(op.attr("axis"), rank), 0
    results: list[SSAValue] = []
    for result in op.results:
        shape = shape_of(result)
        results.append(b.slice(x, [start if i == axis else 0 for i in range(rank)], [1] * rank, shape))
        start += shape[axis]
    return results


def slice_(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Slice with constant bounds; a negative step gathers in reverse."""
    x = op.required("data")
    shape = shape_of(x)
    rank = len(shape)
    starts = b.integers("starts") or []
    # Where the end is computed, the result's declared size says how many elements there are.
    given = op.required("ends")
    ends = (b.integers("ends") or []) if constant_of(given) is not None else [sys.maxsize] * len(starts)
    axes, steps = b.integers("axes") or list(range(len(starts))), b.integers("steps") or [1] * len(starts)
    first, step = [0] * rank, [1] * rank
    for axis, start, end, by in zip(axes, starts, ends, steps, strict=True):
        index = b.axis(axis, rank)
        first[index], _, step[index] = slice(start, end, by).indices(shape[index])
    reverse = [i for i in range(rank) if step[i] < 0 and b.result_shape[i] > 1]
    for i in range(rank):
        if step[i] < 0:
            size = b.result_shape[i]
            first[i], step[i] = first[i] + step[i] * max(size - 1, 0), -step[i]
    value = b.slice(x, first, step, b.result_shape)
    for axis in reverse:
        value = reversed_along(b, value, axis)
    return [value]


def pad(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Pad with constant amounts: constant by padded indices; edge, reflect and wrap by joining parts."""
    x = op.required("data")
    shape = shape_of(x)
    rank = len(shape)
    pads = b.integers("pads") or []
    axes = b.integers("axes")
    low, high = [0] * rank, [0] * rank
    for i, axis in enumerate(axes if axes is not None else range(rank)):
        low[b.axis(axis, rank)], high[b.axis(axis, rank)] = pads[i], pads[len(pads) // 2 + i]
    mode = op.attr("mode") or "constant"
    if mode == "constant":
        given = op.input("constant_value")
        value = None if given is None else constant_of(given)
        if given is not None and value is None:
            return [_padded_with(b, x, low, high, given)]
        return [b.pad(x, low, high, 0 if value is None or value.size == 0 else value.reshape(-1)[0].item())]
    # Negative amounts cut first.
    starts = [max(-lo, 0) for lo in low]
    cut = [s - max(-lo, 0) - max(-hi, 0) for s, lo, hi in zip(shape, low, high, strict=True)]
    x = b.slice(x, starts, [1] * rank, cut)
    for axis in range(rank):
        if low[axis] > 0 or high[axis] > 0:
            x = _extended(b, x, axis, max(low[axis], 0), max(high[axis], 0), mode)
    return [x]


def _padded_with(b: LayerBuilder, x: SSAValue, low: Sequence[int], high: Sequence[int], value: SSAValue) -> SSAValue:
    """`x` with a value known at run time around it: selected where a mask, padded with 0, is not 1."""
    shape = shape_of(x)
    inside = b.pad(b.filled(shape, 1, i8), low, high, 0)
    ins = [b.pad(x, low, high, 0), inside, b.reshape(value, [1] * len(shape))]
    target = shape_of(ins[0])
    return b.elementwise(
        ins,
        target,
        element_type_of_value(x),
        lambda body, v: body.select(body.compare("ne", v[1], body.constant(0, v[1].type)), v[0], v[2]),
    )


def _extended(b: LayerBuilder, x: SSAValue, axis: int, low: int, high: int, mode: str) -> SSAValue:
    """`x` with elements before and after it along one axis, taken from itself."""
    shape = shape_of(x)
    size = shape[axis]
    if mode not in ("edge", "reflect", "wrap"):
        raise b.error(f"has mode = {mode}; constant, edge, reflect and wrap are supported")
    b.check_constant([low + size + high])
    sources: list[int] = np.pad(np.arange(size), (low, high), mode=cast(Any, mode)).tolist()
    pieces = [*picked(b, x, axis, sources[:low]), x, *picked(b, x, axis, sources[low + size :])]
    return join(b, pieces, axis)


def depth_to_space(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.DepthToSpace in both modes."""
    x, block = op.required("input"), int(op.attr("blocksize"))
    n, c, h, w = shape_of(x)
    if (op.attr("mode") or "DCR") == "DCR":
        value = b.transpose(b.reshape(x, [n, block, block, c // block**2, h, w]), [0, 3, 4, 1, 5, 2])
    else:
        value = b.transpose(b.reshape(x, [n, c // block**2, block, block, h, w]), [0, 1, 4, 2, 5, 3])
    return [b.reshape(value, b.result_shape)]


def space_to_depth(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.SpaceToDepth in both modes."""
    x, block = op.required("input"), int(op.attr("blocksize"))
    n, c, h, w = shape_of(x)
    by_column = "mode" in op.get_irdl_definition().properties and op.attr("mode") in ("CRD", b"CRD")
    order = [0, 1, 3, 5, 2, 4] if by_column else [0, 3, 5, 1, 2, 4]
    value = b.transpose(b.reshape(x, [n, c, h // block, block, w // block, block]), order)
    return [b.reshape(value, b.result_shape)]


RULES: dict[str, Rule] = {
    "onnx.Reshape": same_elements("data"),
    "onnx.Flatten": same_elements("input"),
    "onnx.Squeeze": same_elements("data"),
    "onnx.Unsqueeze": same_elements("data"),
    "onnx.Identity": same_elements("input"),
    "onnx.Dropout": dropout,
    "onnx.Transpose": transpose,
    "onnx.Expand": expand,
    "onnx.Tile": tile,
    "onnx.Concat": concat,
    "onnx.Split": split,
    "onnx.DepthToSpace": depth_to_space,
    "onnx.SpaceToDepth": space_to_depth,
}
"""Rules of this family."""
