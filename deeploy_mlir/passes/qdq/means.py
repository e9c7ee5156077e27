"""Means, sums and softmax of quantised tensors."""

from __future__ import annotations

import math

import numpy as np

from deeploy_mlir.dialects.graph_op import tensor_type
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.qdq.quantization import Quantized, integer_dtype
from deeploy_mlir.passes.qdq.target import StaysFloat, Target, tensor_operand
from deeploy_mlir.support.numpy_types import Array

_SUM_MAX = 2**31 - 1
_ORDERED_TERMS = 8
"""Fewer floats than these are summed up one after the other."""


def mean(target: Target, op: OnnxOp) -> Value:
    """Means and sums over axes: the sum in i32, the count in the scale. Raises StaysFloat."""
    x = _narrow_operand(target, op)
    axes, keepdims = _axes(target, op, len(x.shape))
    count = int(np.prod([x.shape[a] for a in axes]))
    if count * x.largest > _SUM_MAX:
        raise StaysFloat(f"its sum of {count} integers may need more than 32 bits")
    axes_value = target.constant(np.asarray(axes, np.int64), "axes")
    total = target.insert("ReduceSum", [target.cast(x.integers, np.int32), axes_value], {"keepdims": keepdims})
    divisor = 1 if op.op_type == "ReduceSum" else count
    return target.requantize(total, x.quantization.scale, int(x.quantization.zero_point) * count, divisor=divisor)


def _axes(target: Target, op: OnnxOp, rank: int) -> tuple[list[int], int]:
    if op.op_type == "GlobalAveragePool":
        return list(range(2, rank)), 1
    given = op.input("axes")
    found = target.rewriter.array(given)
    if given is not None and found is None:
        raise StaysFloat("its axes are no constant")
    if found is None or not found.size:
        if op.attr("noop_with_empty_axes"):
            raise StaysFloat("it has no axes")
        return list(range(rank)), int(op.attr("keepdims"))
    return sorted({int(a) % rank for a in found.reshape(-1)}), int(op.attr("keepdims"))


def average_pool(target: Target, op: OnnxOp) -> Value:
    """A sum over windows is a depthwise convolution with ones; the count of each window is in the scale. Raises
    StaysFloat."""
    x = _narrow_operand(target, op)
    kernel: list[int] = op.attr("kernel_shape")
    rank, channels, sizes = len(kernel), x.shape[1], tensor_type(op.results[0]).get_shape()[2:]
    strides: list[int] = op.attr("strides") or [1] * rank
    dilations: list[int] = op.attr("dilations") or [1] * rank
    pads: list[int] = list(op.attr("pads") or [0] * (2 * rank))
    if (op.attr("auto_pad") or "NOTSET") not in ("NOTSET", "VALID"):
        raise StaysFloat("its pads follow from the shape of its input; write them out")
    counts = np.ones(())
    for i, size in enumerate(sizes):
        # The padded axis as ones where an element counts; the last windows of ceil_mode may reach beyond it.
        counted = np.pad(
            np.ones(x.shape[2 + i]), (pads[i], pads[rank + i]), constant_values=op.attr("count_include_pad")
        )
        needed = (size - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1
        pads[rank + i] += max(needed - counted.size, 0)
        counted = np.pad(counted, (0, max(needed - counted.size, 0)))
        starts = np.arange(size)[:, None] * strides[i]
        counts = np.multiply.outer(counts, counted[starts + np.arange(kernel[i]) * dilations[i]].sum(axis=1))
    if not counts.size:
        raise StaysFloat("its result has no elements")
    if not np.all(counts):
        raise StaysFloat("it has windows with nothing in them")
    if math.prod(kernel) * x.largest > _SUM_MAX:
        raise StaysFloat(f"its sums of {math.prod(kernel)} integers may need more than 32 bits")
    if not _equals_float_mean(target, x, counts, math.prod(kernel)):
        if not target.fixed_point:
            raise StaysFloat("its sums of floats are rounded, on the edge between two results")
        target.inexact[op.node_name] = None
    attrs = {"kernel_shape": kernel, "strides": strides, "dilations": dilations, "pads": pads, "group": channels}
    ones = target.constant(np.ones((channels, 1, *kernel), np.int8), "ones")
    point = x.quantization.zero_point
    zero = target.constant(point.astype(integer_dtype(x.integers)), "x_zero_point") if np.any(point) else None
    sums = target.insert("ConvInteger", [x.integers, ones, zero], attrs)
    counts = counts.reshape(-1)[:1].reshape(()) if np.all(counts == counts.reshape(-1)[0]) else counts
    common = math.lcm(*(int(n) for n in np.unique(counts)))
    return target.requantize(sums, x.quantization.scale * (common / counts), divisor=common)


def _equals_float_mean(target: Target, x: Quantized, counts: Array, terms: int) -> bool:
    """Whether the mean of integers, rounded once, is what sums and quotients in float32 give.

    It is where no sum comes nearer to the edge between two results than those roundings may move it. From
    `_ORDERED_TERMS` on ONNX leaves open in which order floats are summed up, so that none of their sums is the right
    one: the mean of real numbers is."""
    if terms >= _ORDERED_TERMS:
        return True
    sums = np.arange(-terms * x.largest, terms * x.largest + 1)
    for count in np.unique(counts):
        ratio = float(x.quantization.scale / (target.quantization.scale * count))
        value = sums * ratio
        levels = np.iinfo(target.dtype)
        value = value[np.abs(value) <= 2.0 * (int(levels.max) - int(levels.min))]
        error = 2.0**-24 * (terms * terms * x.largest * ratio + 4 * np.abs(value))
        if np.any(np.abs(value - np.floor(value) - 0.5) <= error):
            return False
    return True


def softmax(target: Target, op: OnnxOp) -> Value:
    """exp from a table by the distance to the largest element, sums in i32, their reciprocals by a division a row.

    With fixed-point arithmetic only: the table, the sum and the reciprocal are rounded. Raises StaysFloat."""
    x = tensor_operand(target.rewriter, op, 0)
    if not target.fixed_point:
        raise StaysFloat("its exponentials and sums are exact there only")
    if integer_dtype(x.integers).itemsize > 1:
        raise StaysFloat("16 bits are too many for a table of its exponentials")
    axis = int(op.attr("axis")) % len(x.shape)
    # The sum of a row, each element up to 2^bits, is within 31 bits; so are the reciprocals, times 2^shift / y_scale.
    bits = 30 - (x.shape[axis] - 1).bit_length()
    shift = 30 + bits + math.floor(math.log2(float(target.quantization.scale)))
    if bits < 16 or not 8 <= shift <= 60 - 8 * target.dtype.itemsize:
        raise StaysFloat("its rows are too long, or its scale too far from 1, for fixed-point arithmetic")
    table = np.rint(np.exp(-np.arange(256) * float(x.quantization.scale)) * 2.0**bits).astype(np.int32)
    wide = target.cast(x.integers, np.int32)
    along = target.constant(np.asarray([axis], np.int64), "axes")
    distance = target.insert("Sub", [target.insert("ReduceMax", [wide, along], {"keepdims": 1}), wide])
    powers = target.insert("Gather", [target.constant(table, "exponentials"), distance], {"axis": 0})
    total = target.cast(target.insert("ReduceSum", [powers, along], {"keepdims": 1}), np.int64)
    one = round(2.0**shift / float(target.quantization.scale))
    reciprocal = target.insert("Div", [target.constant(np.asarray(one, np.int64), "one"), total])
    info = np.iinfo(target.dtype)
    attrs = {"div": 1 << shift, "n_levels": 1 << info.bits, "signed": int(info.min < 0)}
    add = target.constant(np.asarray(target.zero_point << shift, np.int64), "add")
    y = target.qnn("RequantShift", [powers, target.cast(reciprocal, np.int32), add], attrs)
    target.inexact[op.node_name] = None
    return target.clipped(y)


def _narrow_operand(target: Target, op: OnnxOp) -> Quantized:
    x = tensor_operand(target.rewriter, op, 0)
    if integer_dtype(x.integers).itemsize > 2:
        raise StaysFloat("it takes integers of more than 16 bits")
    return x
