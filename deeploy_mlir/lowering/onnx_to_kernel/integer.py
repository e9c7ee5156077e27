"""The elementwise operators of the `qnn` dialect, and quantisation of floats."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from xdsl.dialects.builtin import f32, f64, i32, i64
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import RequantizeOp, element_type_of_value, shape_of
from deeploy_mlir.dialects.qnn import level_range
from deeploy_mlir.ir.affine_maps import broadcast
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.ir.scalar_body import ScalarBody, integer_range, is_float
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.elementwise import limited
from deeploy_mlir.lowering.onnx_to_kernel.parts import pick
from deeploy_mlir.requantization.definition import Requantization
from deeploy_mlir.support.numpy_types import SmallFloat


def requant_shift(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.RequantShift: clip((x * mul + add + 2^(k-1)) >> k), in 64 bits.

    `deeploy-narrow-arithmetic` makes it 32 bits where the ranges prove that they suffice."""
    x = op.required("x")
    shift = int(op.attr("div")).bit_length() - 1
    low, high = level_range(int(op.attr("n_levels")), bool(op.attr("signed")))
    parameters = [op.required("mul"), op.required("add")]

    def build(body: ScalarBody, _: Sequence[SSAValue]) -> SSAValue:
        value, mul, add = (body.cast(a, i64) for a in body.arguments)
        total = body.add(body.mul(value, mul), add)
        if shift:
            total = body.add(total, body.constant(1 << (shift - 1), i64))
        return body.clamp(body.shift_right(total, shift), low, high)

    return [b.elementwise([x, *parameters], b.result_shape, b.result_element, build)]


def requantize(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.Requantize: `kernel.requantize`, the definition."""
    zero_point = b.required_constant("zero_point")
    offset = op.input("offset")
    ins = [op.required("x"), op.required("scale"), *([offset] if offset is not None else [])]
    numbers = int(zero_point.reshape(())), int(op.attr("low")), int(op.attr("high"))
    definition = Requantization(np.zeros(()), float(op.attr("y_scale")), *numbers)

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        added = v[2] if len(v) > 2 else None
        return body.emit(RequantizeOp(v[0], v[1], added, definition))

    return [b.elementwise(ins, b.result_shape, b.result_element, build)]


def requantize_add(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.RequantizeAdd: saturate(round((a - a_zero_point) * a_scale + (b - b_zero_point) * b_scale) + zero_point)."""
    ins = [op.required(name) for name in ("a", "b", "a_scale", "b_scale", "zero_point")]
    zeros = int(op.attr("a_zero_point")), int(op.attr("b_zero_point"))
    computed = f64 if element_type_of_value(ins[2]) == f64 else f32

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        terms: list[SSAValue] = []
        for value, zero, scale in zip(v[:2], zeros, v[2:4], strict=True):
            centred = value if zero == 0 else body.sub(value, body.constant(zero, value.type))
            terms.append(body.mul(body.cast(centred, computed), body.cast(scale, computed)))
        return _saturated(body, body.float_function("roundeven", body.add(*terms)), body.arguments[4])

    return [b.elementwise(ins, b.result_shape, b.result_element, build)]


def _saturated(body: ScalarBody, rounded: SSAValue, zero: SSAValue | None) -> SSAValue:
    """A whole float plus a zero point, limited to the zero point's integer type (the caller's if there is none)."""
    assert zero is not None
    low, high = integer_range(zero.type)
    if high - low < 1 << 17:
        # Beyond this window every sum saturates, and within it floats and i32 are exact.
        near = body.clamp(rounded, float(low - high - 1), float(high - low + 1))
        return body.clamp(body.add(body.cast(near, i32), body.cast(zero, i32)), low, high)
    return body.clamp(body.add(body.cast(body.cast(rounded, i32), i64), body.cast(zero, i64)), low, high)


def quantize_linear(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.QuantizeLinear: saturate(round(x / y_scale) + y_zero_point), half to even, per tensor or along `axis`."""
    x, scale, zero = op.required("x"), op.required("y_scale"), op.input("y_zero_point")
    if not is_float(element_type_of_value(x)):
        raise b.error(f"needs floats, not {x.type}")
    if is_float(b.result_element):
        return [_quantized_to_float(op, b, x, scale, zero)]
    low, high = integer_range(b.result_element)
    ins, maps = _with_parameters(op, b, x, [scale, *([zero] if zero is not None else [])])

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        rounded = body.float_function("roundeven", body.div(v[0], body.cast(v[1], v[0].type)))
        if zero is None:
            return body.cast(body.clamp(rounded, float(low), float(high)), i32)
        return _saturated(body, rounded, body.arguments[2])

    if high - low >= 1 << 17:
        raise b.error(f"to {b.result_element} is not supported; 8 and 16 bits are")
    return [b.map(ins, maps, b.result_shape, b.result_element, build)]


def _quantized_to_float(op: GraphOp, b: LayerBuilder, x: SSAValue, scale: SSAValue, zero: SSAValue | None) -> SSAValue:
    """x / y_scale, limited to the numbers of a small float type; its zero point is 0 by the standard."""
    zeros = None if zero is None else constant_of(zero)
    if zeros is not None and zeros.astype(np.float32).any():
        raise b.error(f"to {b.result_element} needs a zero point of 0")
    if not isinstance(b.result_element, SmallFloat):
        raise b.error(f"to {b.result_element} is not supported; integers and floats of 8 and 4 bits are")
    ins, maps = _with_parameters(op, b, x, [scale])

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        return limited(body, body.div(v[0], body.cast(v[1], v[0].type)), b.result_element)

    return b.map(ins, maps, b.result_shape, b.result_element, build)


def dequantize_linear(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.DequantizeLinear: (x - x_zero_point) * x_scale, per tensor or along `axis`."""
    x, scale, zero = op.required("x"), op.required("x_scale"), op.input("x_zero_point")
    ins, maps = _with_parameters(op, b, x, [scale, *([zero] if zero is not None else [])])
    wide = element_type_of_value(x) == i32

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        # A zero point of an i32 is 0 by the standard, so that the difference stays within 32 bits.
        difference = v[0] if zero is None or wide else body.sub(v[0], v[2])
        return body.mul(body.cast(difference, v[1].type), v[1])

    if wide and zero is not None:
        zeros = constant_of(zero)
        if zeros is None or zeros.any():
            raise b.error("of i32 needs a zero point of 0")
    return [b.map(ins, maps, b.result_shape, b.result_element, build)]


def _with_parameters(op: GraphOp, b: LayerBuilder, x: SSAValue, vectors: Sequence[SSAValue]):
    shape = shape_of(x)
    block = int(op.attr("block_size") or 0)
    if block:
        axis = b.axis(op.attr("axis"), len(shape))
        return _with_blocks(b, x, axis, block, vectors)
    ins = [x]
    for vector in vectors:
        count = shape_of(vector)
        if prod(count) == 1:
            ins.append(b.reshape(vector, [1] * len(shape)))
            continue
        axis = b.axis(op.attr("axis"), len(shape))
        if len(count) != 1 or count[0] != shape[axis]:
            raise b.error(f"has a parameter of type {vector.type} for axis {axis} of {x.type}")
        ins.append(b.reshape(vector, [n if i == axis else 1 for i, n in enumerate(shape)]))
    return ins, [broadcast(shape_of(v), shape) for v in ins]


def _with_blocks(b: LayerBuilder, x: SSAValue, axis: int, block: int, vectors: Sequence[SSAValue]):
    """`x` and parameters, each for `block` elements along an axis: spread over them, as an affine map cannot divide."""
    shape = shape_of(x)
    counts = [-(-n // block) if i == axis else n for i, n in enumerate(shape)]
    ins = [x]
    for vector in vectors:
        if list(shape_of(vector)) != counts:
            raise b.error(f"has a parameter of type {vector.type} for blocks of {block} along axis {axis} of {x.type}")
        ins.append(pick(b, vector, axis, [i // block for i in range(shape[axis])]))
    return ins, [broadcast(shape_of(v), shape) for v in ins]


def i_gelu(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.iGELU: q = min(|x|, -b); L = sign(x) * (one - (q+b)^2); y = x * ((one + L) >> 1)."""
    offset, one = int(op.attr("b")), int(op.attr("one"))

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        x = v[0]
        q = body.add(body.min(body.abs(x), body.constant(-offset, i32)), body.constant(offset, i32))
        height = body.sub(body.constant(one, i32), body.mul(q, q))
        # The sign of 0 does not matter: the result is a multiple of x.
        signed = body.select(body.compare("lt", x, body.constant(0, i32)), body.neg(height), height)
        return body.mul(x, body.shift_right(body.add(body.constant(one, i32), signed), 1))

    return [b.elementwise([op.required("x")], b.result_shape, b.result_element, build)]


def i_hardswish(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.iHardswish: x * clip(x + three, 0, six) * one_over_six."""
    three, six, sixth = (int(op.attr(name)) for name in ("three", "six", "one_over_six"))

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        gate = body.clamp(body.add(v[0], body.constant(three, i32)), 0, six)
        return body.mul(body.mul(v[0], gate), body.constant(sixth, i32))

    return [b.elementwise([op.required("x")], b.result_shape, b.result_element, build)]


def i_no_norm(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.iNoNorm: ((x * w + bias) * mul) >> k in 64 bits, saturated."""
    ins = [op.required(name) for name in ("x", "weight", "bias")]
    factor, shift = int(op.attr("mul")), int(op.attr("D")).bit_length() - 1
    low, high = level_range(int(op.attr("n_levels")), signed=True)

    def build(body: ScalarBody, _: Sequence[SSAValue]) -> SSAValue:
        x, weight, bias = (body.cast(a, i64) for a in body.arguments)
        value = body.mul(body.add(body.mul(x, weight), bias), body.constant(factor, i64))
        return body.clamp(body.shift_right(value, shift), low, high)

    return [b.elementwise(ins, b.result_shape, b.result_element, build)]


def true_integer_div(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.TrueIntegerDiv: x * floor(Delta*eta / (y*eta + eps)), the factor being a constant."""
    delta, eps, eta, y = (int(op.attr(name)) for name in ("Delta", "eps", "eta", "y"))
    factor = delta * eta // (y * eta + eps)

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        return body.mul(v[0], body.constant(factor, i32))

    if not -(1 << 31) <= factor < 1 << 31:
        raise b.error(f"has the factor {factor}, which 32 bits do not hold")
    return [b.elementwise([op.required("x")], b.result_shape, b.result_element, build)]


def integer_div(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.IntegerDiv: (num + sign(num) * (den >> 1)) / den, num = a*Delta*eta, den = eta*b + eps."""
    ins = [op.required("a"), op.required("b")]
    delta, eps, eta = (int(op.attr(name)) for name in ("Delta", "eps", "eta"))

    def build(body: ScalarBody, _: Sequence[SSAValue]) -> SSAValue:
        a, c = (body.cast(argument, i64) for argument in body.arguments)
        numerator = body.mul(a, body.constant(delta * eta, i64))
        denominator = body.add(body.mul(c, body.constant(eta, i64)), body.constant(eps, i64))
        half = body.shift_right(denominator, 1)
        negative = body.compare("lt", numerator, body.constant(0, i64))
        return body.div(body.add(numerator, body.select(negative, body.neg(half), half)), denominator)

    return [b.elementwise(ins, b.result_shape, b.result_element, build)]


RULES: dict[str, Rule] = {
    "qnn.RequantShift": requant_shift,
    "qnn.Requantize": requantize,
    "qnn.RequantizeAdd": requantize_add,
    "qnn.iGELU": i_gelu,
    "qnn.iHardswish": i_hardswish,
    "qnn.iNoNorm": i_no_norm,
    "qnn.TrueIntegerDiv": true_integer_div,
    "qnn.IntegerDiv": integer_div,
    "onnx.QuantizeLinear": quantize_linear,
    "onnx.DequantizeLinear": dequantize_linear,
}
"""Rules of this family."""
