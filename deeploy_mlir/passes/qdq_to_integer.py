"""`deeploy-qdq-to-integer`: DequantizeLinear-operator-QuantizeLinear patterns into integer arithmetic.

QLinearConv and QLinearMatMul, which state such a pattern in one operator, are opened up; DequantizeLinear moves down
through operators that only move or select elements; then each QuantizeLinear whose operator has integers behind all
of its operands (`qdq_patterns.PATTERNS`, with Relu and Clip in between) becomes that operator on integers, an i32 bias
and one requantisation; elementwise operators on one tensor of 8 bits become a table (`qdq_tables`). What stays in float
between the two says so in a remark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.frontend.value import Value
from deeploy_mlir.passes.dead_code import erase_dead
from deeploy_mlir.passes.graph_rewriting import GraphRewriter, is_onnx
from deeploy_mlir.passes.qdq_patterns import PATTERNS, Target, clamp, clamps, is_between
from deeploy_mlir.passes.qdq_tables import tabulated
from deeploy_mlir.passes.quantization import (
    Quantized,
    dequantize,
    dequantized,
    integer_dtype,
    quantization_of,
)
from deeploy_mlir.remarks import remark

_MOVES = frozenset(
    "Reshape Flatten Squeeze Unsqueeze Transpose Slice Gather GatherElements GatherND MaxPool Identity Split Expand "
    "Tile DepthToSpace SpaceToDepth ReduceMax ReduceMin".split()
)
"""Operators on one tensor that only move or select elements, so they commute with a DequantizeLinear."""


def _sink(rewriter: GraphRewriter, op: OnnxOp) -> bool:
    """op(DequantizeLinear(x)) -> DequantizeLinear(op(x)). Whether it was done."""
    if op.op_type in ("Concat", "ScatterElements", "ScatterND", "Where"):
        return _sink_joined(rewriter, op)
    if op.op_type not in (*_MOVES, "Relu", "Pad") or len(op.operands) == 0:
        return False
    x = dequantized(rewriter, op.operands[0])
    if x is None:
        return False
    if op.op_type == "MaxPool" and (len(op.results) > 1 or integer_dtype(x.integers).itemsize > 2):
        return False
    axis = x.quantization.axis
    if not x.quantization.per_tensor:
        if op.op_type != "Transpose":
            return False
        axis = list(op.attr("perm") or reversed(range(len(x.shape)))).index(axis)
    values = _moved(rewriter, op, x)
    if values is None:
        return False
    rewriter.replace(op, [dequantize(rewriter, op, value, x.op, axis) for value in values])
    return True


def _moved(rewriter: GraphRewriter, op: OnnxOp, x: Quantized) -> list[Value] | None:
    """The operator on the integers."""
    inputs: list[SSAValue | Value | None] = list(op.inputs)
    inputs[0] = x.integers
    dtype, zero = integer_dtype(x.integers), x.quantization.zero_point
    if op.op_type == "Relu":
        low = rewriter.constant(np.asarray(int(zero), dtype), f"{op.node_name}_zero_point")
        return [rewriter.insert(op, "Max", [x.integers, low])]
    if op.op_type == "Pad" and op.attr("mode") == "constant":
        fill = rewriter.array(op.input("constant_value")) if op.input("constant_value") is not None else np.zeros(1)
        if fill is None:
            return None
        level = x.quantization.quantize(float(fill.reshape(-1)[0]), dtype)
        if (level - int(zero)) * float(x.quantization.scale) != float(fill.reshape(-1)[0]):
            return None
        inputs.extend([None] * (3 - len(inputs)))
        inputs[2] = rewriter.constant(np.asarray(level, dtype), f"{op.node_name}_fill")
    values = [rewriter.value(v) if isinstance(v, SSAValue) else v for v in inputs]
    wanted = [True] * len(op.results)
    moved = rewriter.before(op).onnx(op.op_type, values, op.python_attrs(), op.node_name, wanted)
    return [Value.of_array(value.array(), value.name) if value.is_constant else value for value in moved]


def _sink_joined(rewriter: GraphRewriter, op: OnnxOp) -> bool:
    """Operators that join tensors of one quantisation."""
    data = {"Concat": range(len(op.operands)), "ScatterElements": (0, 2), "ScatterND": (0, 2), "Where": (1, 2)}[
        op.op_type
    ]
    if op.op_type.startswith("Scatter") and op.attr("reduction") != "none":
        return False
    found = [dequantized(rewriter, op.operands[index]) for index in data]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found) or not all(part.quantization.same(parts[0].quantization) for part in parts):
        return False
    if any(integer_dtype(part.integers) != integer_dtype(parts[0].integers) for part in parts):
        return False
    inputs: list[SSAValue | Value | None] = list(op.inputs)
    for index, part in zip(data, parts, strict=True):
        inputs[index] = part.integers
    joined = rewriter.insert(op, op.op_type, inputs, op.python_attrs())
    rewriter.replace(op, [dequantize(rewriter, op, joined, parts[0].op, parts[0].quantization.axis)])
    return True


def _open(rewriter: GraphRewriter, op: OnnxOp) -> bool:
    """QLinearConv and QLinearMatMul as DequantizeLinear, operator, QuantizeLinear. Whether it was one."""
    if op.op_type not in ("QLinearConv", "QLinearMatMul"):
        return False
    conv = op.op_type == "QLinearConv"
    x, w = ("x", "w") if conv else ("a", "b")

    def real(name: str, axis: int) -> Value:
        inputs = [op.required(name), op.required(f"{name}_scale"), op.required(f"{name}_zero_point")]
        return rewriter.insert(op, "DequantizeLinear", inputs, {"axis": axis})

    operands: list[SSAValue | Value | None] = [real(x, 1), real(w, 0 if conv else -1)]
    bias = op.input("B") if conv else None
    if bias is not None:
        x_scale, w_scale = (rewriter.array(op.required(f"{name}_scale")) for name in (x, w))
        if x_scale is None or w_scale is None:
            return False
        scale = rewriter.constant(
            (x_scale.astype(np.float64) * w_scale).astype(np.float32), f"{op.node_name}_bias_scale"
        )
        operands.append(rewriter.insert(op, "DequantizeLinear", [bias, scale], {"axis": 0}))
    y = rewriter.insert(op, "Conv" if conv else "MatMul", operands, op.python_attrs())
    rewriter.replace(
        op, [rewriter.insert(op, "QuantizeLinear", [y, op.required("y_scale"), op.required("y_zero_point")])]
    )
    return True


def _quantize(rewriter: GraphRewriter, op: OnnxOp, mode: str) -> bool:
    """Replace a QuantizeLinear by the integer form of what it quantises. Whether there is one."""
    quantization = quantization_of(rewriter, op)
    if quantization is None:
        return False
    target = Target(rewriter, op, quantization, mode)
    result = _by_pattern(target) or tabulated(target, op.operands[0])
    if result is None:
        return False
    rewriter.replace(op, [result])
    return True


def _by_pattern(target: Target) -> Value | None:
    """The integer form of the operator before the QuantizeLinear, with Relu and Clip between the two."""
    found = clamps(target.rewriter, target.op.operands[0])
    if found is None:
        return None
    value, low, high = found
    x, source = dequantized(target.rewriter, value), value.owner
    result: Value | None = None
    if x is not None:
        result = _requantized(target, x)
    elif isinstance(source, OnnxOp) and source.op_type in PATTERNS and value.has_one_use():
        result = PATTERNS[source.op_type](target, source)
    return None if result is None else clamp(target, result, low, high)


def _requantized(target: Target, x: Quantized) -> Value | None:
    """QuantizeLinear of a DequantizeLinear: nothing if both mean the same, else a requantisation."""
    if x.quantization.same(target.quantization) and integer_dtype(x.integers) == target.dtype:
        return target.rewriter.value(x.integers)
    if not x.quantization.per_tensor or integer_dtype(x.integers).itemsize > 2:
        return None
    return target.requantize(x.integers, x.quantization.scale, int(x.quantization.zero_point))


@dataclass(frozen=True)
class QdqToIntegerPass(ModulePass):
    """See the module. `scale`: `f32` or `f64` writes requantisation as qnn.Requantize with scales of that type,
    rounding half to even (f32 is what onnxruntime's integer kernels do; f64 has one rounding); `fixed` as
    qnn.RequantShift, without floats, within one least significant bit."""

    name = "deeploy-qdq-to-integer"

    scale: Literal["f32", "f64", "fixed"] = "f32"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for rewriter in GraphRewriter.of_module(op):
            for graph_op in rewriter.graph_ops():
                if isinstance(graph_op, OnnxOp) and not _open(rewriter, graph_op):
                    _sink(rewriter, graph_op)
            for graph_op in rewriter.graph_ops():
                if is_onnx(graph_op, "QuantizeLinear"):
                    _quantize(rewriter, cast(OnnxOp, graph_op), self.scale)
        erase_dead(op)
        for rewriter in GraphRewriter.of_module(op):
            for graph_op in rewriter.graph_ops():
                if is_between(graph_op) and not is_onnx(graph_op, "DequantizeLinear", "QuantizeLinear"):
                    remark(graph_op, f"{graph_op.op_type} stays in float between DequantizeLinear and QuantizeLinear")
