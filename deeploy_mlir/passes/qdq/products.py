"""Convolutions and matrix products of quantised tensors: sums of integer products, then one requantisation, or, where
the result stays float, one DequantizeLinear."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp, tensor_type
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.qdq.quantization import Quantized, integer_dtype, is_f32, real_constant
from deeploy_mlir.passes.qdq.target import StaysFloat, Sums, Target, operand
from deeploy_mlir.passes.shared.graph_rewriting import GraphRewriter, producer
from deeploy_mlir.support.numpy_types import Array

_EXACT_BIAS = 2.0**-10
"""A bias is added to the sums where rounding it to an integer there moves the result by no more than this many steps
(a float result: units of the sums; exporters round the scale of a bias)."""

_INT32_MAX = 2**31 - 1

PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operator types whose integer form is a sum of products."""


@dataclass(frozen=True)
class _Place:
    """Before which operation new ones go; `step` is the scale of an integer result."""

    rewriter: GraphRewriter
    before: OnnxOp
    step: float | None

    @staticmethod
    def of(target: Target) -> _Place:
        """Before a QuantizeLinear."""
        return _Place(target.rewriter, target.op, float(target.quantization.scale))


def quantized_product(target: Target, op: OnnxOp) -> Value:
    """The integers of a product. Raises StaysFloat."""
    return _requantized(target, _once(target, op, op, None))


def biased_product(target: Target, op: OnnxOp) -> Value | None:
    """The integers of a product without bias, then the sum with a constant along its channels; None if `op` is none."""
    found = _biased(target.rewriter, op)
    return None if found is None else _requantized(target, _once(target, op, *found))


def _once(target: Target, key: OnnxOp, op: OnnxOp, added: SSAValue | None) -> Sums:
    """The sums of a product; those that another quantisation of its result has, if they are as exact for this one."""
    found, step = target.sums.get(key), float(target.quantization.scale)
    if found is None or found.step > step:
        found = target.sums[key] = _sums(_Place.of(target), op, added)
    return found


def product_sums(target: Target, value: SSAValue) -> Sums | None:
    """The sums of a product whose result is this value and used here alone; None if it is none. Raises StaysFloat."""
    op = producer(value, *PRODUCTS)
    return _sums(_Place.of(target), op, None) if isinstance(op, OnnxOp) and value.has_one_use() else None


def float_product(rewriter: GraphRewriter, op: OnnxOp) -> Value | None:
    """The product of quantised tensors as a DequantizeLinear of integer sums; None if its operands are not quantised.

    Raises StaysFloat."""
    if op.op_type not in PRODUCTS or operand(rewriter, op, 0) is None or operand(rewriter, op, 1) is None:
        return None
    found = _sums(_Place(rewriter, op, None), op, None)
    axis = len(found.sums.shape) - 1 if op.op_type in ("MatMul", "Gemm") else 1
    scale = rewriter.constant(found.scale.reshape(-1 if found.scale.size > 1 else ()).astype(np.float32), "scale")
    real = rewriter.insert(op, "DequantizeLinear", [found.sums, scale], {"axis": axis})
    if not np.any(found.offset):
        return real
    return rewriter.insert(op, "Add", [real, rewriter.constant(found.offset.astype(np.float32), "bias")])


def _requantized(target: Target, found: Sums) -> Value:
    return target.requantize(found.sums, found.scale, offset=found.offset)


def _sums(at: _Place, op: OnnxOp, added: SSAValue | None) -> Sums:
    """The sums of a product, with `added` or the operator's own bias."""
    x, w = operand(at.rewriter, op, 0), operand(at.rewriter, op, 1)
    if x is None or w is None:
        raise StaysFloat("not both of its operands are quantised")
    if not x.quantization.per_tensor:
        raise StaysFloat("its first operand is quantised by channel")
    if op.op_type in ("MatMul", "Gemm"):
        return _matrix_product(at, op, x, w, added)
    return _convolution(at, op, x, w, added)


def _convolution(at: _Place, op: OnnxOp, x: Quantized, w: Quantized, added: SSAValue | None) -> Sums:
    transposed = op.op_type == "ConvTranspose"
    group: int = op.attr("group")
    rank = len(x.shape)
    channels = tensor_type(op.results[0]).get_shape()[1]
    if w.quantization.scale.size > 1 and (
        w.quantization.axis != int(transposed) or w.quantization.scale.size != channels
    ):
        raise StaysFloat("its weights are quantised along another axis than that of the output channels")
    # Weights as [output channel, ...], for the largest sums.
    weights = w.centred()
    if weights is not None and transposed:
        weights = np.stack(np.split(weights, group)).swapaxes(1, 2).reshape(channels, -1)
    terms = math.prod(w.shape) // channels
    scale = (x.quantization.scale * w.quantization.scale).reshape(-1, *[1] * (rank - 2))
    bound = _bound(x, w, None if weights is None else np.abs(weights).reshape(channels, -1).sum(axis=1), terms)
    bias = _bias(at.rewriter, op.input("B") if added is None else added)
    insert = _transposed_sums if transposed else _convolution_sums
    sums = insert(at, op, x, w)
    along = (-1, *[1] * (rank - 2))
    return _with_bias(
        at, sums, scale if scale.size > 1 else scale.reshape(()), bound.reshape(along), bias.reshape(along)
    )


def _convolution_sums(at: _Place, op: OnnxOp, x: Quantized, w: Quantized) -> Value:
    zeros = [_zero_point(at.rewriter, v, name) for v, name in ((x, "x_zero_point"), (w, "w_zero_point"))]
    return at.rewriter.insert(at.before, "ConvInteger", [x.integers, w.integers, *zeros], op.python_attrs())


def _transposed_sums(at: _Place, op: OnnxOp, x: Quantized, w: Quantized) -> Value:
    weights = w.centred()
    if weights is None:
        raise StaysFloat("its weights are no constants")
    kernel = w.shape[2:]
    rank = len(kernel)
    strides: list[int] = op.attr("strides") or [1] * rank
    dilations: list[int] = op.attr("dilations") or [1] * rank
    extra: list[int] = op.attr("output_padding") or [0] * rank
    pads: list[int] = op.attr("pads") or [0] * (2 * rank)
    if op.attr("output_shape") is not None or (op.attr("auto_pad") or "NOTSET") not in ("NOTSET", "VALID"):
        raise StaysFloat("its pads follow from the shape of its output; write them out")
    low, high = int(weights.min()), int(weights.max())
    dtype = next(d for d in (np.int8, np.int16, np.int32) if np.iinfo(d).min <= low and high <= np.iinfo(d).max)
    attrs = {
        "strides": strides,
        "dilations": dilations,
        "pads": pads,
        "output_padding": extra,
        "group": int(op.attr("group")),
        "x_zero_point": int(x.quantization.zero_point),
    }
    centred = at.rewriter.constant(weights.astype(dtype), f"{at.before.node_name}_weights")
    return at.rewriter.insert_qnn(at.before, "ConvTransposeInteger", [x.integers, centred], attrs)


def _matrix_product(at: _Place, op: OnnxOp, a: Quantized, b: Quantized, added: SSAValue | None) -> Sums:
    """MatMul and Gemm: scales of the second operand may differ by column."""
    if len(b.shape) < 2:
        raise StaysFloat("its second operand is a vector")
    gemm = op.op_type == "Gemm"
    alpha, beta = (float(op.attr(name)) if gemm else 1.0 for name in ("alpha", "beta"))
    left, _, _ = _swapped(at, a, gemm and bool(op.attr("transA")))
    right, axis, array = _swapped(at, b, gemm and bool(op.attr("transB")))
    if not b.quantization.per_tensor and axis != len(b.shape) - 1:
        raise StaysFloat("its second operand is quantised along another axis than that of its columns")
    terms = left.shape[-1]
    sums = None if array is None else np.abs(array).sum(axis=-2)
    bound = _bound(a, b, None if sums is None else sums.max(axis=tuple(range(sums.ndim - 1)), initial=0), terms)
    bias = _bias(at.rewriter, op.input("C") if gemm and added is None else added) * (beta if added is None else 1.0)
    zeros = [_zero_point(at.rewriter, v, name) for v, name in ((a, "a_zero_point"), (b, "b_zero_point"))]
    product = at.rewriter.insert(at.before, "MatMulInteger", [left, right, *zeros])
    scale = a.quantization.scale * b.quantization.scale * alpha
    if len(product.shape) == 1 and (scale.size > 1 or bound.size > 1):
        scale, bound = scale.reshape(-1), bound.reshape(-1)
    return _with_bias(at, product, scale, bound, bias)


def _swapped(at: _Place, found: Quantized, swap: bool) -> tuple[Value, int, Array | None]:
    """The integers of a matrix, transposed if asked, the axis of its scales then, and its values less zero points."""
    axis, rank = found.quantization.axis, len(found.shape)
    array = found.centred()
    if not swap:
        return at.rewriter.value(found.integers), axis, array
    axis = rank - 1 - axis
    if found.constant is not None and array is not None:
        value = at.rewriter.constant(np.ascontiguousarray(found.constant.T), f"{at.before.node_name}_transposed")
        return value, axis, array.T
    return at.rewriter.insert(at.before, "Transpose", [found.integers], {"perm": [1, 0]}), axis, None


def _zero_point(rewriter: GraphRewriter, found: Quantized, name: str) -> Value | None:
    """The zero point of an operand as a constant of its type, None if it is 0."""
    points = found.quantization.zero_point
    if not np.any(points):
        return None
    return rewriter.constant(points.astype(integer_dtype(found.integers)), name)


def _bound(x: Quantized, w: Quantized, weights: Array | None, terms: int) -> Array:
    """The largest magnitude of the sums: one number, or one of each channel where `weights` sums up their magnitudes.

    Sums of x as it is, without its zero point, count too: kernels may subtract that at the end. Raises StaysFloat where
    32 bits do not hold them."""
    bound = x.largest * (np.asarray(terms * w.largest) if weights is None else weights)
    if np.any(bound > _INT32_MAX):
        raise StaysFloat(f"its sums of {terms} products may need more than 32 bits")
    return np.asarray(bound, np.float64)


def _bias(rewriter: GraphRewriter, bias: SSAValue | None) -> Array:
    """The real numbers of a constant bias; 0 without one. Raises StaysFloat for one that is not constant."""
    if bias is None:
        return np.zeros(1)
    real = real_constant(rewriter, bias)
    if real is None:
        raise StaysFloat("its bias is no constant")
    return real


def _with_bias(at: _Place, sums: Value, scale: Array, bound: Array, bias: Array) -> Sums:
    """Add the bias to the sums where it is whole numbers there, otherwise afterwards."""
    none = np.zeros(())
    if not np.any(bias):
        return Sums(sums, scale, bound, none, 0.0)
    step = 0.0 if at.step is None else at.step
    if np.any(scale == 0):
        return Sums(sums, scale, bound, bias, step)
    units = bias / scale
    whole = np.rint(units)
    total = bound + np.abs(whole)
    moved = np.abs(units - whole) * (1.0 if at.step is None else np.abs(scale) / at.step)
    if np.any(moved > _EXACT_BIAS) or np.any(total > _INT32_MAX):
        return Sums(sums, scale, bound, bias, step)
    added = at.rewriter.constant(whole.astype(np.int32), f"{at.before.node_name}_bias")
    return Sums(at.rewriter.insert(at.before, "Add", [sums, added]), scale, total, none, step)


def _biased(rewriter: GraphRewriter, op: OnnxOp) -> tuple[OnnxOp, SSAValue] | None:
    """The product without bias and the constant along its channels that an Add adds."""
    for index in (0, 1):
        inner = producer(op.operands[index], *PRODUCTS)
        added = op.operands[1 - index]
        if inner is None or len(inner.operands) > 2 or not op.operands[index].has_one_use() or not is_f32(added):
            continue
        shape = tuple(tensor_type(op.results[0]).get_shape())
        along = _channels(inner, shape)[len(shape) - len(tensor_type(added).get_shape()) :]
        same = tensor_type(op.operands[index]).get_shape() == shape
        if (
            real_constant(rewriter, added) is not None
            and same
            and tuple(tensor_type(added).get_shape()) in (tuple(along), ())
        ):
            return inner, added
    return None


def _channels(op: GraphOp, shape: tuple[int, ...]) -> list[int]:
    axis = len(shape) - 1 if op.op_type in ("MatMul", "Gemm") else 1
    return [n if i == axis else 1 for i, n in enumerate(shape)]
