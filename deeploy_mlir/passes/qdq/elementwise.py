"""Sums, products and piecewise linear functions of quantised tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import tensor_type
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.qdq.products import PRODUCTS, biased_product, product_sums
from deeploy_mlir.passes.qdq.quantization import Quantized, dequantized, integer_dtype, is_f32, real_constant
from deeploy_mlir.passes.qdq.target import StaysFloat, Target, tensor_operand
from deeploy_mlir.passes.shared.graph_rewriting import producer
from deeploy_mlir.support.numpy_types import Array

_NARROW_SUM_BITS = 21
"""Of the multipliers of a sum of 8-bit tensors: with centred operands of 9 bits, products, sum and zero point stay
within i32."""

_WIDE_SUM_BITS = 43
"""Of those of a sum of 16-bit tensors: centred operands of 17 bits, all within i64."""

_SUM_BITS = 9
"""Bits of a sum of products behind those of the products: its error before rounding is below 2^-10 steps."""


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
    a, b = _tensor_term(target, op, 0), _tensor_term(target, op, 1)
    if a is not None and b is not None and target.mode == "fixed":
        left, right = (tensor_operand(target.rewriter, op, index) for index in (0, 1))
        return _fixed_sum(target, left, right, sign)
    a, b = (term or _product_term(target, op, index) for index, term in enumerate((a, b)))
    if target.mode == "fixed":
        return _wide_fixed_sum(target, a, b, sign)
    scales = [a.scale, b.scale * sign]
    first, second = (target.constant(np.asarray(s / target.quantization.scale, target.real), "scale") for s in scales)
    zero = target.constant(np.asarray(int(target.quantization.zero_point), target.dtype), "zero_point")
    attrs = {"a_zero_point": a.zero_point, "b_zero_point": b.zero_point}
    return target.qnn("RequantizeAdd", [a.integers, b.integers, first, second, zero], attrs)


def _tensor_term(target: Target, op: OnnxOp, index: int) -> _Term | None:
    """An operand that is quantised; None for a product. Raises StaysFloat for anything else."""
    if producer(op.operands[index], *PRODUCTS) is not None:
        return None
    x = tensor_operand(target.rewriter, op, index)
    if integer_dtype(x.integers).itemsize > 2:
        raise StaysFloat("it adds integers of more than 16 bits")
    return _Term(x.integers, int(x.quantization.zero_point), x.quantization.scale, float(x.largest))


def _product_term(target: Target, op: OnnxOp, index: int) -> _Term:
    """An operand that is a product of quantised tensors, as its sums. Raises StaysFloat."""
    found = product_sums(target, op.operands[index])
    if found is None:
        raise StaysFloat("it adds a product that is used in float as well")
    if np.any(found.offset):
        raise StaysFloat("it adds a product whose bias is no whole number of its units")
    return _Term(found.sums, 0, found.scale, float(found.bound.max()))


def _wide_fixed_sum(target: Target, a: _Term, b: _Term, sign: int) -> Value:
    """(a * a_mul + b * b_mul) >> shift in 64 bits, by channel where the scales are: each multiplier is within half a
    unit, so that the sum before rounding is within (a's bound + b's) / 2^(shift + 1) steps of the exact one."""
    factors = [np.asarray(term.scale / target.quantization.scale, np.float64) for term in (a, b)]
    steps = sum(term.bound * float(f.max()) for term, f in zip((a, b), factors, strict=True))
    shift = 61 - math.ceil(math.log2(steps + 2.0**17))
    if shift < math.log2(a.bound + b.bound) + _SUM_BITS:
        raise StaysFloat("its scales are too large beside the result's for fixed-point arithmetic")
    terms: list[Value] = []
    for term, factor in zip((a, b), (factors[0], sign * factors[1]), strict=True):
        multiplier = target.constant(np.rint(factor * 2.0**shift).astype(np.int64), "mul")
        centred = target.centred(target.cast(term.integers, np.int32), term.zero_point)
        terms.append(target.insert("Mul", [target.cast(centred, np.int64), multiplier]))
    return _shifted(target, target.insert("Add", terms), shift)


def _fixed_sum(target: Target, a: Quantized, b: Quantized, sign: int) -> Value:
    """(a * a_mul + b * b_mul) >> shift: each multiplier is within half a unit, so that the sum before rounding is
    within 255 / 2^shift steps (16 bits: 65535 / 2^shift) of the exact one."""
    factors = [float(x.quantization.scale / target.quantization.scale) for x in (a, b)]
    least = -math.floor(math.log2(max(factors)))
    narrow = max(integer_dtype(x.integers).itemsize for x in (a, b)) == 1
    shift = min(_NARROW_SUM_BITS, _NARROW_SUM_BITS - 1 + least)
    if not narrow or target.dtype.itemsize > 1 or shift < 9:
        narrow, shift = False, min(_WIDE_SUM_BITS - 1, _WIDE_SUM_BITS - 1 + least)
    if shift < 19 and not narrow:
        raise StaysFloat("its scales are too large beside the result's for fixed-point arithmetic")
    dtype = np.int32 if narrow else np.int64
    terms: list[Value] = []
    for x, factor in zip((a, b), (factors[0], sign * factors[1]), strict=True):
        multiplier = target.constant(np.asarray(round(factor * 2.0**shift), dtype), "mul")
        terms.append(target.insert("Mul", [target.cast(_centred(target, x), dtype), multiplier]))
    return _shifted(target, target.insert("Add", terms), shift)


def _shifted(target: Target, total: Value, shift: int) -> Value:
    """total / 2^shift rounded half up, plus the zero point, saturated."""
    info = np.iinfo(target.dtype)
    attrs = {"div": 1 << shift, "n_levels": 1 << info.bits, "signed": int(info.min < 0)}
    one = target.constant(np.asarray(1, np.int32), "one")
    zero = target.constant(np.asarray(int(target.quantization.zero_point) << shift, np.int64), "add")
    return target.qnn("RequantShift", [total, one, zero], attrs)


def _centred(target: Target, x: Quantized) -> Value:
    """The integers less their zero point, as i32."""
    return target.centred(target.cast(x.integers, np.int32), int(x.quantization.zero_point))


def multiplied(target: Target, op: OnnxOp) -> Value:
    """Mul. Raises StaysFloat."""
    a, b = (tensor_operand(target.rewriter, op, index) for index in (0, 1))
    widths = [integer_dtype(x.integers).itemsize for x in (a, b)]
    if max(widths) > 2:
        raise StaysFloat("it multiplies integers of more than 16 bits")
    dtype = np.int32 if sum(widths) < 4 else np.int64
    product = target.insert("Mul", [target.cast(_centred(target, x), dtype) for x in (a, b)])
    bound = np.asarray(2.0 ** (8 * sum(widths)))
    return target.requantize(product, a.quantization.scale * b.quantization.scale, bound=bound)


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
    above = target.requantize(x.integers, scale, point)
    below = target.requantize(x.integers, scale * slope.astype(np.float64), point)
    wide = target.cast(x.integers, np.int32)
    negative = target.insert("Less", [wide, target.constant(np.asarray(point, np.int32), "zero_point")])
    return target.insert("Where", [negative, below, above])


@dataclass(frozen=True)
class _Line:
    """real = (integer - zero_point) * factor + offset; both broadcast to the integers."""

    x: Quantized
    factor: Array
    offset: Array


def linear(target: Target, value: SSAValue) -> Value | None:
    """Sums and products with constants, and BatchNormalization, one after the other, on one quantised tensor; None for
    anything else. Raises StaysFloat."""
    line = _line(target, value)
    if line is None or line.x.op.results[0] is value or integer_dtype(line.x.integers).itemsize > 2:
        return None
    return target.requantize(line.x.integers, line.factor, int(line.x.quantization.zero_point), offset=line.offset)


def _line(target: Target, value: SSAValue) -> _Line | None:
    steps: list[tuple[Array, Array]] = []
    shape = tensor_type(value).get_shape()
    found: Quantized | None = None
    while (found := dequantized(target.rewriter, value)) is None or found.constant is not None:
        op = value.owner
        step = _step(target, op) if isinstance(op, OnnxOp) and is_f32(value) else None
        if step is None or tensor_type(step[0]).get_shape() != shape:
            return None
        steps.append(step[1:])
        value = step[0]
    if not found.quantization.per_tensor or not is_f32(value):
        return None
    factor, offset = np.asarray(found.quantization.scale), np.zeros(())
    for scale, added in reversed(steps):
        factor, offset = factor * scale, offset * scale + added
    return _Line(found, factor, offset)


def _step(target: Target, op: OnnxOp) -> tuple[SSAValue, Array, Array] | None:
    """The operand, and the factor and addend that are applied to it."""
    if op.op_type == "Neg":
        return op.operands[0], np.asarray(-1.0), np.zeros(())
    if op.op_type == "BatchNormalization" and len(op.results) == 1:
        parameters = [real_constant(target.rewriter, value) for value in op.operands[1:]]
        known = [p.reshape(-1, *[1] * (len(_shape(op)) - 2)) for p in parameters if p is not None]
        if len(known) < 4:
            return None
        scale, bias, mean, variance = known
        factor = scale / np.sqrt(variance + op.attr("epsilon"))
        return op.operands[0], factor, bias - mean * factor
    if op.op_type not in ("Add", "Sub", "Mul", "Div"):
        return None
    for index in (1, 0):
        constant = real_constant(target.rewriter, op.operands[index])
        if constant is None or (op.op_type == "Div" and (index == 0 or not np.all(constant))):
            continue
        value = op.operands[1 - index]
        if op.op_type == "Mul":
            return value, constant, np.zeros(())
        if op.op_type == "Div":
            return value, 1 / constant, np.zeros(())
        if op.op_type == "Add":
            return value, np.ones(()), constant
        return (value, np.ones(()), -constant) if index == 1 else (value, -np.ones(()), constant)
    return None


def _shape(op: OnnxOp) -> tuple[int, ...]:
    return tuple(tensor_type(op.results[0]).get_shape())
