"""Piecewise linear functions of one quantised tensor that differ by channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import tensor_type
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.graph.evaluate_onnx import node_proto, run_reference
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.qdq.enumeration import Line, function, is_enumerable, limited_and_quantized
from deeploy_mlir.passes.qdq.quantization import Quantized, dequantized, integer_dtype, is_f32, real_constant
from deeploy_mlir.passes.qdq.target import StaysFloat, Target, operand, tensor_operand
from deeploy_mlir.passes.shared.graph_rewriting import GraphRewriter
from deeploy_mlir.support.numpy_types import Array


def two_slopes(target: Target, op: OnnxOp) -> Value:
    """PRelu and LeakyRelu: one scale for the integers above the zero point, others below. Raises StaysFloat."""
    x = tensor_operand(target.rewriter, op, 0)
    slope = (
        np.asarray(op.attr("alpha")) if op.op_type == "LeakyRelu" else real_constant(target.rewriter, op.operands[1])
    )
    if slope is None:
        raise StaysFloat("its slope is no constant")
    if integer_dtype(x.integers).itemsize > 2:
        raise StaysFloat("it takes integers of more than 16 bits")
    scale, point = x.quantization.scale, int(x.quantization.zero_point)
    lines = [
        Line(np.broadcast_to(scale, slope.shape), np.zeros(())),
        Line(scale * slope.astype(np.float64), np.zeros(())),
    ]
    if is_enumerable(x):
        split = int(point - x.every()[0])
        results = _results(target, x, [(op, 0)])
        parts = zip((results, results), lines, (slice(split, None), slice(0, split)), strict=True)
        above, below = (function(target, x, r, line, part) if r[:, part].size else None for r, line, part in parts)
    else:
        above, below = (target.near(x.integers, line.factor, point) for line in lines)
    if above is None or below is None:
        return above or below or target.rewriter.value(x.integers)
    wide = target.cast(x.integers, np.int32)
    negative = target.insert("Less", [wide, target.constant(np.asarray(point, np.int32), "zero_point")])
    return target.insert("Where", [negative, below, above])


_MOST_CHANNELS = 1 << 13
"""Constants with more elements are not looked at one by one."""


@dataclass(frozen=True)
class _Step:
    """An operator on one operand of a row, and what it makes of a number: number * factor + added."""

    op: OnnxOp
    operand: int
    factor: Array
    added: Array


def linear(target: Target, value: SSAValue) -> Value | None:
    """Sums and products with constants, and BatchNormalization, one after the other, on one quantised tensor; None for
    anything else. Raises StaysFloat."""
    found = _row(target, value)
    if found is None or not found[1] or integer_dtype(found[0].integers).itemsize > 2:
        return None
    x, steps = found
    factor, offset = np.asarray(x.quantization.scale), np.zeros(())
    for step in steps:
        factor, offset = factor * step.factor, offset * step.factor + step.added
    if is_enumerable(x) and np.broadcast(factor, offset).size <= _MOST_CHANNELS:
        return function(target, x, _results(target, x, [(s.op, s.operand) for s in steps]), Line(factor, offset))
    if is_enumerable(x) and len(steps) == 1 and operand(target.rewriter, steps[0].op, 1 - steps[0].operand):
        return None  # a pair of quantised tensors
    return target.near(x.integers, factor, int(x.quantization.zero_point), offset=offset)


def _row(target: Target, value: SSAValue) -> tuple[Quantized, list[_Step]] | None:
    """The quantised tensor that a value is computed from, and the operators, first to last."""
    steps: list[_Step] = []
    shape = tensor_type(value).get_shape()
    found: Quantized | None = None
    while (found := dequantized(target.rewriter, value)) is None or found.constant is not None:
        op = value.owner
        step = _step(target, op) if isinstance(op, OnnxOp) and is_f32(value) else None
        if step is None or tensor_type(step.op.operands[step.operand]).get_shape() != shape:
            return None
        steps.insert(0, step)
        value = step.op.operands[step.operand]
    return (found, steps) if found.quantization.per_tensor and is_f32(value) else None


def _step(target: Target, op: OnnxOp) -> _Step | None:
    """The factor and addend of an operator."""
    if op.op_type == "Neg":
        return _Step(op, 0, np.asarray(-1.0), np.zeros(()))
    if op.op_type == "BatchNormalization" and len(op.results) == 1:
        parameters = [real_constant(target.rewriter, value) for value in op.operands[1:]]
        known = [p.reshape(-1, *[1] * (len(_shape(op)) - 2)) for p in parameters if p is not None]
        if len(known) < 4:
            return None
        scale, bias, mean, variance = known
        factor = scale / np.sqrt(variance + op.attr("epsilon"))
        return _Step(op, 0, factor, bias - mean * factor)
    if op.op_type not in ("Add", "Sub", "Mul", "Div"):
        return None
    for index in (1, 0):
        constant = real_constant(target.rewriter, op.operands[index])
        if constant is None or (op.op_type == "Div" and (index == 0 or not np.all(constant))):
            continue
        other, none, one = 1 - index, np.zeros(()), np.ones(())
        if op.op_type == "Mul":
            return _Step(op, other, constant, none)
        if op.op_type == "Div":
            return _Step(op, other, 1 / constant, none)
        if op.op_type == "Add":
            return _Step(op, other, one, constant)
        return _Step(op, other, one, -constant) if index == 1 else _Step(op, other, -one, constant)
    return None


def _shape(op: OnnxOp) -> tuple[int, ...]:
    return tuple(tensor_type(op.results[0]).get_shape())


def _results(target: Target, x: Quantized, ops: list[tuple[OnnxOp, int]]) -> Array:
    """QuantizeLinear of a row of operators, [channel, integer], by the reference evaluator in float32.

    Channels are what the constants differ by; the integers are laid out along an axis before all others."""
    value = x.floats(x.every()).reshape(-1, *[1] * len(x.shape))
    for op, index in ops:
        arrays = [value if i == index else _floats(target.rewriter, v) for i, v in enumerate(op.inputs)]
        if op.op_type == "BatchNormalization":
            others = [a for i, a in enumerate(arrays) if i != index and a is not None]
            if value.shape[1] > 1:
                raise StaysFloat("its constants differ by image")
            arrays[0] = np.broadcast_to(value[:, 0], (value.shape[0], others[0].size, *value.shape[3:]))
        with np.errstate(all="ignore"):
            value = run_reference(node_proto(op), arrays)[0]
        if op.op_type == "BatchNormalization":
            value = value[:, None]
    return limited_and_quantized(target, value).reshape(value.shape[0], -1).T


def _floats(rewriter: GraphRewriter, value: SSAValue | None) -> Array | None:
    """A constant operand in float32, dequantised if it is quantised."""
    found = dequantized(rewriter, value)
    if found is None or found.constant is None:
        return rewriter.array(value)
    points, scales = (found.along_axis(p) for p in (found.quantization.zero_point, found.quantization.scale))
    return (found.constant - points).astype(np.float32) * scales.astype(np.float32)
