"""`deeploy-fold-batch-norm`: BatchNormalization into the convolution or matrix product before it, else Mul and Add."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from deeploy_mlir.dialects.graph_op import tensor_type
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.graph.dead_code import erase_dead
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.shared.graph_rewriting import GraphRewriter, is_onnx, producer
from deeploy_mlir.support.numpy_types import Array, numpy_dtype


def _affine(rewriter: GraphRewriter, op: OnnxOp) -> tuple[Array, Array] | None:
    """Factor and offset of each channel (float64), None if the parameters are no constants or the op is in training."""
    parameters = [rewriter.array(op.required(name)) for name in ("scale", "B", "input_mean", "input_var")]
    if op.attr("training_mode") or len(op.results) > 1:
        return None
    scale, offset, mean, variance = (None if p is None else p.astype(np.float64) for p in parameters)
    if scale is None or offset is None or mean is None or variance is None:
        return None
    factor = scale / np.sqrt(variance + op.attr("epsilon"))
    return factor, offset - mean * factor


def _scaled_weights(op: OnnxOp, weights: Array, factor: Array) -> Array:
    """The weights with each output channel multiplied by its factor."""
    wide = weights.astype(np.float64)
    if op.op_type == "Conv":
        return wide * factor.reshape(-1, *[1] * (weights.ndim - 1))
    if op.op_type == "ConvTranspose":
        group = int(op.attr("group"))
        per_group = wide.reshape(group, weights.shape[0] // group, *weights.shape[1:])
        shape = (group, 1, weights.shape[1], *[1] * (weights.ndim - 2))
        return (per_group * factor.reshape(shape)).reshape(weights.shape)
    return wide * (factor.reshape(-1, 1) if op.attr("transB") else factor)


def _fold(rewriter: GraphRewriter, op: OnnxOp, factor: Array, offset: Array) -> bool:
    before = producer(op.required("X"), "Conv", "ConvTranspose", "Gemm")
    if before is None or not before.results[0].has_one_use():
        return False
    weights, bias = rewriter.array(before.operands[1]), before.inputs[2] if len(before.inputs) > 2 else None
    bias_array = np.zeros(factor.size) if bias is None else rewriter.array(bias)
    if weights is None or bias_array is None:
        return False
    if before.op_type == "Gemm":
        if bias_array.shape not in ((factor.size,), (1, factor.size), (1,), ()):
            return False
        bias_array = bias_array * before.attr("beta")
    dtype = weights.dtype
    new_bias = bias_array.astype(np.float64).reshape(-1) * factor + offset
    attrs = before.python_attrs()
    if before.op_type == "Gemm":
        attrs["beta"] = 1.0
    operands: list[SSAValue | Value] = [
        before.operands[0],
        rewriter.constant(_scaled_weights(before, weights, factor).astype(dtype), f"{before.node_name}_weight"),
        rewriter.constant(new_bias.astype(dtype), f"{before.node_name}_bias"),
    ]
    rewriter.replace(op, [rewriter.insert(before, before.op_type, operands, attrs)])
    return True


def _as_affine(rewriter: GraphRewriter, op: OnnxOp, factor: Array, offset: Array) -> None:
    x = op.required("X")
    type_ = tensor_type(x)
    shape = (-1, *[1] * (len(type_.get_shape()) - 2))
    dtype = numpy_dtype(type_.element_type)
    scale = rewriter.constant(factor.astype(dtype).reshape(shape), f"{op.node_name}_factor")
    shift = rewriter.constant(offset.astype(dtype).reshape(shape), f"{op.node_name}_offset")
    product = rewriter.insert(op, "Mul", [x, scale])
    rewriter.replace(op, [rewriter.insert(op, "Add", [product, shift])])


@dataclass(frozen=True)
class FoldBatchNormPass(ModulePass):
    """Multiplies the weights of a Conv, ConvTranspose or Gemm by the factors of the BatchNormalization that is its only
    user, and puts the offsets into its bias; a BatchNormalization elsewhere becomes Mul and Add of constants."""

    name = "deeploy-fold-batch-norm"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for rewriter in GraphRewriter.of_module(op):
            for graph_op in rewriter.graph_ops():
                if not isinstance(graph_op, OnnxOp) or not is_onnx(graph_op, "BatchNormalization"):
                    continue
                affine = _affine(rewriter, graph_op)
                if affine is not None and not _fold(rewriter, graph_op, *affine):
                    _as_affine(rewriter, graph_op, *affine)
        erase_dead(op)
