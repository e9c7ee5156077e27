"""Sums and products of two quantised tensors.

Of two tensors of 8 bits all 65,536 results are computed, by the steps in float32 that ONNX defines; integers take their
place if they give the same for every pair."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.qdq.enumeration import is_enumerable, limited_and_quantized
from deeploy_mlir.passes.qdq.products import PRODUCTS, biased_product, product_sums
from deeploy_mlir.passes.qdq.quantization import Quantized, integer_dtype
from deeploy_mlir.passes.qdq.target import StaysFloat, Target, tensor_operand
from deeploy_mlir.passes.shared.graph_rewriting import producer
from deeploy_mlir.requantization.pairs import weighted_sum
from deeploy_mlir.support.numpy_types import Array

_INEXACT = "no integer arithmetic equals its steps in float32 for all pairs"

_SUM_BITS = 9
"""Bits of a sum of products behind those of the products: its error before rounding is below 2^-10 steps."""

_FLOAT = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply}


@dataclass(frozen=True)
class _Term:
    """real = (integers - zero_point) * scale, where integers - zero_point is no further than `bound` from 0."""

    integers: SSAValue | Value
    zero_point: int
    scale: Array
    bound: float


def quantized_sum(target: Target, op: OnnxOp) -> Value:
    """Add and Sub of quantised tensors and of products of such. Raises StaysFloat."""
    biased = biased_product(target, op) if op.op_type == "Add" else None
    if biased is not None:
        return biased
    sign = -1 if op.op_type == "Sub" else 1
    if not any(producer(value, *PRODUCTS) for value in op.operands):
        a, b = (tensor_operand(target.rewriter, op, index) for index in (0, 1))
        found = _exact_pair(target, op, a, b)
        return _near_sum(target, _tensor_term(a), _tensor_term(b), sign) if found is None else found
    terms = [_term(target, op, index) for index in (0, 1)]
    if target.fixed_point:
        return _near_sum(target, terms[0], terms[1], sign)
    target.inexact[op.node_name] = None
    scales = [terms[0].scale, terms[1].scale * sign]
    values = [target.constant(np.asarray(s / target.quantization.scale, np.float32), "scale") for s in scales]
    zero = target.constant(np.asarray(target.zero_point, target.dtype), "zero_point")
    attrs = {"a_zero_point": terms[0].zero_point, "b_zero_point": terms[1].zero_point}
    operands = [terms[0].integers, terms[1].integers, *values, zero]
    return target.clipped(target.qnn("RequantizeAdd", operands, attrs))


def multiplied(target: Target, op: OnnxOp) -> Value:
    """Mul. Raises StaysFloat."""
    a, b = (tensor_operand(target.rewriter, op, index) for index in (0, 1))
    found = _exact_pair(target, op, a, b)
    if found is not None:
        return found
    widths = [integer_dtype(x.integers).itemsize for x in (a, b)]
    if max(widths) > 2:
        raise StaysFloat("it multiplies integers of more than 16 bits")
    product = _product(target, a, b, np.int32 if sum(widths) < 4 else np.int64)
    bound = np.asarray(2.0 ** (8 * sum(widths)))
    return target.near(product, a.quantization.scale * b.quantization.scale, bound=bound)


def _product(target: Target, a: Quantized, b: Quantized, dtype: type[np.integer]) -> Value:
    centred = [target.centred(target.cast(x.integers, np.int32), int(x.quantization.zero_point)) for x in (a, b)]
    return target.insert("Mul", [target.cast(x, dtype) for x in centred])


def _exact_pair(target: Target, op: OnnxOp, a: Quantized, b: Quantized) -> Value | None:
    """Integers that equal the operator on every pair; None if it has to do with near ones. Raises StaysFloat."""
    if not (is_enumerable(a) and is_enumerable(b)):
        if not target.fixed_point:
            raise StaysFloat("operands of 16 bits have more pairs than can be looked at")
        return None
    x, y = a.every()[:, None], b.every()[None, :]
    reals = _FLOAT[op.op_type](a.floats(x), b.floats(y))
    results = limited_and_quantized(target, reals)
    scales = [float(q.quantization.scale) for q in (a, b)]
    points = [int(q.quantization.zero_point) for q in (a, b)]
    find = _multiplied_pair if op.op_type == "Mul" else _added_pair
    scales[1] *= -1 if op.op_type == "Sub" else 1
    for dtype in (np.int32, np.int64):
        found = find(target, (a, b), (x, y), results, scales, points, dtype)
        if found is not None:
            return found
    if not target.fixed_point:
        raise StaysFloat(_INEXACT)
    return None


def _added_pair(
    target: Target,
    operands: tuple[Quantized, Quantized],
    integers: tuple[Array, Array],
    results: Array,
    scales: list[float],
    points: list[int],
    dtype: type[np.integer],
) -> Value | None:
    """(a * a_mul + b * b_mul + add) >> shift."""
    slopes = [s / float(target.quantization.scale) for s in scales]
    centre = target.zero_point - sum(s * p for s, p in zip(slopes, points, strict=True))
    terms = np.broadcast_arrays(*integers)
    found = weighted_sum(results, target.levels(real=False), terms, slopes, centre, np.iinfo(dtype).bits)
    if found is None:
        return None
    parts: list[Value] = []
    for x, m in zip(operands, found.multipliers, strict=True):
        multiplier = target.constant(np.asarray(m, dtype), "mul")
        parts.append(target.insert("Mul", [target.cast(target.cast(x.integers, np.int32), dtype), multiplier]))
    return target.shifted(target.insert("Add", parts), np.asarray(1), np.asarray(found.addend), found.shift)


def _multiplied_pair(
    target: Target,
    operands: tuple[Quantized, Quantized],
    integers: tuple[Array, Array],
    results: Array,
    scales: list[float],
    points: list[int],
    dtype: type[np.integer],
) -> Value | None:
    """((a - a_zero) * (b - b_zero) * mul + add) >> shift."""
    slope = scales[0] * scales[1] / float(target.quantization.scale)
    terms = [(integers[0] - points[0]) * (integers[1] - points[1])]
    found = weighted_sum(results, target.levels(real=False), terms, [slope], target.zero_point, np.iinfo(dtype).bits)
    if found is None:
        return None
    product = _product(target, *operands, np.int32)
    return target.shifted(product, np.asarray(found.multipliers[0]), np.asarray(found.addend), found.shift)


def _tensor_term(x: Quantized) -> _Term:
    if integer_dtype(x.integers).itemsize > 2:
        raise StaysFloat("it adds integers of more than 16 bits")
    return _Term(x.integers, int(x.quantization.zero_point), x.quantization.scale, float(x.largest))


def _term(target: Target, op: OnnxOp, index: int) -> _Term:
    """An operand: a quantised tensor, or the sums of a product of such. Raises StaysFloat."""
    if producer(op.operands[index], *PRODUCTS) is None:
        return _tensor_term(tensor_operand(target.rewriter, op, index))
    found = product_sums(target, op.operands[index])
    if found is None:
        raise StaysFloat("it adds a product that is used in float as well")
    if np.any(found.offset):
        raise StaysFloat("it adds a product whose bias is no whole number of its units")
    return _Term(found.sums, 0, found.scale, float(found.bound.max()))


def _near_sum(target: Target, a: _Term, b: _Term, sign: int) -> Value:
    """(a * a_mul + b * b_mul) >> shift in 64 bits, by channel where the scales are: each multiplier is within half a
    unit, so that the sum before rounding is within (a's bound + b's) / 2^(shift + 1) steps of the exact one."""
    factors = [np.asarray(term.scale / target.quantization.scale, np.float64) for term in (a, b)]
    steps = sum(term.bound * float(f.max()) for term, f in zip((a, b), factors, strict=True))
    shift = 61 - math.ceil(math.log2(steps + 2.0**17))
    if shift < math.log2(a.bound + b.bound) + _SUM_BITS:
        raise StaysFloat("its scales are too large beside the result's for fixed-point arithmetic")
    target.inexact[target.op.node_name] = None
    terms: list[Value] = []
    for term, factor in zip((a, b), (factors[0], sign * factors[1]), strict=True):
        multiplier = target.constant(np.rint(factor * 2.0**shift).astype(np.int64), "mul")
        centred = target.centred(target.cast(term.integers, np.int32), term.zero_point)
        terms.append(target.insert("Mul", [target.cast(centred, np.int64), multiplier]))
    addend = (target.zero_point << shift) + ((1 << shift) >> 1)
    return target.shifted(target.insert("Add", terms), np.asarray(1), np.asarray(addend), shift)
