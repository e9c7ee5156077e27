"""What the integers that go into a network and come out of it mean: its DequantizeLinears and QuantizeLinears say it.

Those go when the arithmetic becomes integer; so it is stated in attributes of the function before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from xdsl.dialects.func import ReturnOp
from xdsl.ir import BlockArgument, SSAValue

from deeploy_mlir.dialects.graph_op import tensor_type
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.dialects.qnn import is_integer
from deeploy_mlir.dialects.qnn.quantization import ARGUMENTS, RESULTS, QuantizationAttr, state_quantization
from deeploy_mlir.passes.qdq.movement import moves
from deeploy_mlir.passes.qdq.quantization import Quantization, dequantized, quantization_of
from deeploy_mlir.passes.shared.graph_rewriting import GraphRewriter, is_onnx, producer


def state_boundary(rewriter: GraphRewriter) -> None:
    """States the quantisation of arguments and results, where it is one scale and one zero point for the tensor."""
    arguments = rewriter.block.args
    inputs = {argument: _of_argument(rewriter, argument) for argument in arguments}
    state_quantization(rewriter.function, ARGUMENTS, [inputs[argument] for argument in arguments])
    last = rewriter.block.last_op
    results = last.operands if isinstance(last, ReturnOp) else ()
    outputs = [inputs[r] if isinstance(r, BlockArgument) else _of_result(rewriter, r) for r in results]
    state_quantization(rewriter.function, RESULTS, outputs)


def _attribute(quantization: Quantization | None) -> QuantizationAttr | None:
    if quantization is None or not quantization.per_tensor or not np.isfinite(quantization.scale):
        return None
    return QuantizationAttr.of(float(quantization.scale), int(quantization.zero_point))


def _of_argument(rewriter: GraphRewriter, argument: SSAValue) -> QuantizationAttr | None:
    """What all DequantizeLinears say that it reaches; None if they disagree, or there is none."""
    if not is_integer(tensor_type(argument).element_type):
        return None
    found = {_attribute(quantization) for quantization in _readings(rewriter, argument)}
    return found.pop() if len(found) == 1 else None


def _readings(rewriter: GraphRewriter, argument: SSAValue) -> Iterator[Quantization | None]:
    """The parameters of each DequantizeLinear of a value, its elements moved or selected in between."""
    waiting = [argument]
    while waiting:
        value = waiting.pop()
        for use in value.uses:
            op = use.operation
            if use.index != 0 or not isinstance(op, OnnxOp):
                continue
            if is_onnx(op, "DequantizeLinear"):
                x = dequantized(rewriter, op.results[0])
                yield None if x is None else x.quantization
            elif moves(op):
                waiting.extend(r for r in op.results if tensor_type(r).element_type == tensor_type(value).element_type)


def _of_result(rewriter: GraphRewriter, result: SSAValue) -> QuantizationAttr | None:
    """What the QuantizeLinear says that it comes from, its elements moved or selected in between."""
    while isinstance(op := result.owner, OnnxOp) and moves(op):
        result = op.operands[0]
    source = producer(result, "QuantizeLinear")
    return None if source is None else _attribute(quantization_of(rewriter, source))
