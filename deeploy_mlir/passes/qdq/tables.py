"""Elementwise float operators on one tensor of 8 bits as a table of their 256 results."""

from __future__ import annotations

import math

import numpy as np
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import tensor_type
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.graph.evaluate_onnx import node_proto, run_reference
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.qdq.enumeration import table
from deeploy_mlir.passes.qdq.quantization import Quantized, dequantized, integer_dtype, is_f32
from deeploy_mlir.passes.qdq.target import Target
from deeploy_mlir.support.numpy_types import Array

_ELEMENTWISE = frozenset(
    "Abs Add Atan Ceil Celu Clip Cos Div Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity LeakyRelu "
    "Log Max Min Mish Mul Neg PRelu Pow Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Softplus "
    "Softsign Sqrt Sub Swish Tan Tanh ThresholdedRelu".split()
)
_MAX_OPERATORS = 64


def _source(target: Target, value: SSAValue, order: list[OnnxOp]) -> Quantized | None:
    """The quantised tensor that all of `value` is computed from, elementwise; `order` gets the operators, in order, the
    DequantizeLinear (of which there may be several alike) first.

    None if there is another tensor, or an operator of another kind."""
    found: Quantized | None = None
    shape = tensor_type(value).get_shape()
    done: set[OnnxOp] = set()
    stack: list[tuple[SSAValue, bool]] = [(value, False)]
    while stack:
        current, finished = stack.pop()
        quantized = dequantized(target.rewriter, current)
        if quantized is not None and quantized.constant is None:
            if found is not None and not _same(found, quantized):
                return None
            found = found or quantized
            if quantized.op not in order:
                order.insert(0, quantized.op)
            continue
        constant = target.rewriter.array(current)
        if constant is not None and constant.size == 1:
            continue
        op = current.owner
        if not isinstance(op, OnnxOp) or op.op_type not in _ELEMENTWISE or len(op.results) != 1:
            return None
        if tensor_type(current).get_shape() != shape or not is_f32(current) or len(order) > _MAX_OPERATORS:
            return None
        if finished and op not in done:
            done.add(op)
            order.append(op)
        elif not finished:
            stack.append((current, True))
            stack.extend((operand, False) for operand in op.operands)
    return found if found is not None and tensor_type(found.integers).get_shape() == shape else None


def _same(a: Quantized, b: Quantized) -> bool:
    return a.integers is b.integers and a.quantization.same(b.quantization)


def _scalars(target: Target, value: SSAValue) -> Array | None:
    constant = target.rewriter.array(value)
    return None if constant is None else constant.reshape(())


def tabulated(target: Target, value: SSAValue) -> Value | None:
    """QuantizeLinear of a float value as a look-up of the integers it is computed from, or None if it is not computed
    elementwise from one tensor of 8 bits.

    The table holds what the float operators give, by ONNX's reference evaluator, so no result differs from them."""
    order: list[OnnxOp] = []
    source = _source(target, value, order)
    if (
        source is None
        or all(op.op_type == "DequantizeLinear" for op in order)
        or not source.quantization.per_tensor
        or not is_f32(source.op.results[0])
    ):
        return None
    dtype = integer_dtype(source.integers)
    if dtype.itemsize != 1 or math.prod(source.shape) == 0:
        return None
    values: dict[SSAValue, Array] = {source.integers: source.every().astype(dtype)}
    with np.errstate(all="ignore"):
        for op in [*order, target.op]:
            arrays = [_operand(target, value, values) for value in op.inputs]
            values[op.results[0]] = run_reference(node_proto(op), arrays)[0]
    return table(target, source.integers, values[target.op.results[0]].astype(np.int64))


def _operand(target: Target, value: SSAValue | None, values: dict[SSAValue, Array]) -> Array | None:
    if value is None:
        return None
    return values[value] if value in values else _scalars(target, value)
