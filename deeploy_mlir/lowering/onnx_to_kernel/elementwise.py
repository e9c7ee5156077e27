"""Elementwise operators of one, two or more operands, broadcast as numpy does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any
from typing import cast as cast_type

import ml_dtypes
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import IntegerType, f32, f64, i1, i32, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import Combiner, FmodOp, element_type_of_value, shape_of
from deeploy_mlir.ir.constants import scalar_constant
from deeploy_mlir.ir.scalar_body import ScalarBody, is_float, is_unsigned
from deeploy_mlir.lowering.onnx_to_kernel import activations
from deeploy_mlir.lowering.onnx_to_kernel.builder import BodyFunction, LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.pooling import mean, reduce
from deeploy_mlir.support.numpy_types import SmallFloat, numpy_dtype

Binary = Callable[[ScalarBody, SSAValue, SSAValue, bool], SSAValue]
"""A binary operation: body, operands in their arithmetic type, whether they are unsigned."""


def operands_of(op: GraphOp) -> list[SSAValue]:
    """The operands that are there."""
    return [v for v in op.inputs if v is not None]


def binary(function: Binary) -> Rule:
    """Two operands of one element type."""

    def rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
        ins = operands_of(op)
        unsigned = is_unsigned(element_type_of_value(ins[0]))
        element = element_type_of_value(ins[0])
        if element == i1 and b.result_element != i1:
            raise b.error("on booleans is not supported")
        return [
            b.elementwise(ins, b.result_shape, b.result_element, lambda body, v: function(body, v[0], v[1], unsigned))
        ]

    return rule


def variadic(function: Binary, *, average: bool = False) -> Rule:
    """One or more operands, folded from the left; with `average` divided by their number."""

    def rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
        ins = operands_of(op)
        unsigned = is_unsigned(element_type_of_value(ins[0]))

        def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            value = v[0]
            for other in v[1:]:
                value = function(body, value, other, unsigned)
            return body.div(value, body.constant(len(v), value.type)) if average else value

        return [b.elementwise(ins, b.result_shape, b.result_element, build)]

    return rule


def logical(function: Callable[[ScalarBody, SSAValue, SSAValue], SSAValue]) -> Rule:
    """Two boolean operands, kept as i1."""

    def rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
        return [
            b.elementwise(
                operands_of(op),
                b.result_shape,
                i1,
                lambda body, v: function(body, body.cast(v[0], i1), body.cast(v[1], i1)),
            )
        ]

    return rule


def comparison(predicate: str) -> Rule:
    """Two operands of one element type to a boolean."""

    def compare(body: ScalarBody, a: SSAValue, c: SSAValue, unsigned: bool) -> SSAValue:
        return body.compare(predicate, a, c, unsigned=unsigned)

    return binary(compare)


def logical_not(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Not."""
    return [b.elementwise(operands_of(op), b.result_shape, i1, lambda body, v: body.logical_not(body.cast(v[0], i1)))]


def where(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Where(condition, X, Y)."""
    return [
        b.elementwise(
            operands_of(op),
            b.result_shape,
            b.result_element,
            lambda body, v: body.select(body.cast(v[0], i1), v[1], v[2]),
        )
    ]


def cast(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Cast and CastLike to the result's element type; to a boolean: whether it is not zero; to floats of 8 bits
    limited to their range, if the node says so (as it does by default)."""
    x = operands_of(op)[0]
    source, target = element_type_of_value(x), b.result_element
    if target == source:
        return [x]

    def convert(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        if target == i1:
            return body.compare("ne", v[0], body.constant(0, v[0].type))
        if isinstance(target, SmallFloat) and op.attr("saturate"):
            return body.cast(limited(body, body.cast(body.arguments[0], f32), target), target)
        if is_float(source) and isa(target, IntegerType) and target.bitwidth < 8:
            return body.cast(body.cast(body.arguments[0], i32), target)
        return body.cast(body.arguments[0], target)

    return [b.elementwise([x], b.result_shape, target, convert)]


def limited(body: ScalarBody, value: SSAValue, target: Attribute) -> SSAValue:
    """A float limited to the largest numbers of a type; a NaN stays one."""
    largest = float(cast_type(Any, ml_dtypes.finfo(numpy_dtype(target))).max)
    return body.clamp(value, -largest, largest)


def power(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Pow; small constant exponents without a power function."""
    x, exponent = op.required("X"), op.required("Y")
    value = scalar_constant(exponent)
    element = b.result_element
    if value is not None and len(shape_of(exponent)) <= len(b.result_shape):
        small = _small_power(value, is_float(element))
        if small is not None and shape_of(x) == b.result_shape:
            return [b.elementwise([x], b.result_shape, element, small)]
    if is_float(element):

        def powf(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            base = v[0]
            return body.emit(math.PowFOp(base, body.cast(v[1], base.type)))

        return [b.elementwise([x, exponent], b.result_shape, element, powf)]
    whole = not is_float(element_type_of_value(exponent))

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        if whole:
            return _integer_power(body, v[0], body.cast(v[1], i64))
        # A whole exponent is computed exactly, whatever its type.
        exact = _integer_power(body, v[0], body.cast(v[1], i64))
        real = body.cast(v[1], f64)
        rounded = body.cast(body.emit(math.PowFOp(body.cast(body.arguments[0], f64), real)), v[0].type)
        return body.select(body.compare("eq", body.float_function("trunc", real), real), exact, rounded)

    return [b.elementwise([x, exponent], b.result_shape, element, build)]


def _integer_power(body: ScalarBody, base: SSAValue, exponent: SSAValue) -> SSAValue:
    """base ^ exponent for an exponent in i64, by squaring. With a negative exponent only 1 and -1 are not rounded to 0;
    from 2^6 on only powers of 0, 1 and -1 do not overflow, and for these the exponent's last bit is enough."""
    one, zero = body.constant(1, base.type), body.constant(0, base.type)
    negative = body.compare("lt", exponent, body.constant(0, i64))
    size = body.select(negative, body.neg(exponent), exponent)
    large = body.compare("ge", size, body.constant(64, i64))
    parity = body.emit(arith.AndIOp(size, body.constant(1, i64)))
    size = body.cast(body.select(large, body.add(parity, body.constant(62, i64)), size), i32)
    power, square = one, base
    for bit in range(6):
        at = body.emit(arith.AndIOp(size, body.constant(1 << bit, i32)))
        power = body.select(body.compare("ne", at, body.constant(0, i32)), body.mul(power, square), power)
        if bit < 5:
            square = body.mul(square, square)
    unit = body.compare("eq", body.mul(base, base), one)
    return body.select(negative, body.select(unit, power, zero), power)


def _small_power(exponent: int | float, floating: bool) -> BodyFunction | None:
    if floating and exponent == 0.5:
        return lambda body, v: body.float_function("sqrt", v[0])
    if exponent not in (1, 2, 3, 4) and (floating or exponent != 0):
        return None

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        value = body.constant(1, v[0].type) if exponent == 0 else v[0]
        for _ in range(int(exponent) - 1):
            value = body.mul(value, v[0])
        return value

    return build


def modulo(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Mod: sign of the divisor, or of the dividend with fmod."""
    ins = operands_of(op)
    unsigned, fmod = is_unsigned(b.result_element), bool(op.attr("fmod"))

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        if is_float(v[0].type):
            remainder = body.emit(FmodOp(v[0], v[1]))
            if fmod:
                return remainder
            zero = body.constant(0.0, v[0].type)
            differs = body.compare("lt", body.mul(body.emit(math.CopySignOp(v[1], remainder)), v[1]), zero)
            wrong = body.emit(arith.AndIOp(differs, body.compare("ne", remainder, zero)))
            return body.select(wrong, body.add(remainder, v[1]), remainder)
        remainder = body.rem(v[0], v[1], unsigned=unsigned)
        if fmod or unsigned:
            return remainder
        zero = body.constant(0, v[0].type)
        differs = body.compare("lt", body.emit(arith.XOrIOp(remainder, v[1])), zero)
        wrong = body.emit(arith.AndIOp(differs, body.compare("ne", remainder, zero)))
        return body.select(wrong, body.add(remainder, v[1]), remainder)

    return [b.elementwise(ins, b.result_shape, b.result_element, build)]


def bit_shift(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.BitShift. Amounts outside of the type's width give what shifting all bits out gives."""
    left = op.attr("direction") == "LEFT"
    element = b.result_element
    signed = not is_unsigned(element)
    width = element.bitwidth if isa(element, IntegerType) else 0

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        value, amount = v
        zero = body.constant(0, value.type)
        inside = body.compare("lt", amount, body.constant(width, value.type), unsigned=True)
        amount = body.select(inside, amount, zero)
        if left:
            return body.select(inside, body.emit(arith.ShLIOp(value, amount)), zero)
        if not signed:
            return body.select(inside, body.emit(arith.ShRUIOp(value, amount)), zero)
        sign = body.shift_right(value, (64 if value.type == i64 else 32) - 1)
        return body.select(inside, body.emit(arith.ShRSIOp(value, amount)), sign)

    return [b.elementwise(operands_of(op), b.result_shape, element, build)]


def clip(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Clip with optional bounds."""
    x, low, high = op.required("input"), op.input("min"), op.input("max")
    unsigned = is_unsigned(b.result_element)
    bounds = [v for v in (low, high) if v is not None]

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        rest, value = list(v[1:]), v[0]
        if low is not None:
            value = body.max(value, rest.pop(0), unsigned=unsigned)
        if high is not None:
            value = body.min(value, rest.pop(0), unsigned=unsigned)
        return value

    return [b.elementwise([x, *bounds], b.result_shape, b.result_element, build)]


def prelu(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.PRelu: slope * x where x < 0."""

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        negative = body.compare("lt", v[0], body.constant(0, v[0].type))
        return body.select(negative, body.mul(v[0], v[1]), v[0])

    return [b.elementwise(operands_of(op), b.result_shape, b.result_element, build)]


def batch_norm(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.BatchNormalization: (x - mean) / sqrt(var + epsilon) * scale + bias per channel; in training mode with the
    batch's own mean and variance, which also move the running ones."""
    x = op.required("X")
    shape, epsilon = shape_of(x), float(op.attr("epsilon"))
    running = [op.required(n) for n in ("input_mean", "input_var")]
    statistics = _batch_statistics(b, x) if op.attr("training_mode") else running
    vectors = [op.required("scale"), op.required("B"), *statistics]
    columns = [b.reshape(v, [shape[1] if i == 1 else 1 for i in range(len(shape))]) for v in vectors]

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        value, scale, bias, mean, variance = (body.cast(a, v[0].type) for a in v)
        deviation = body.float_function("sqrt", body.add(variance, body.constant(epsilon, value.type)))
        return body.add(body.mul(body.div(body.sub(value, mean), deviation), scale), bias)

    result = b.elementwise([x, *columns], shape, b.result_element, build)
    if not op.attr("training_mode"):
        return [result]
    momentum = float(op.attr("momentum"))

    def moved(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        old, new = (
            body.mul(a, body.constant(part, a.type)) for a, part in zip(v, (momentum, 1 - momentum), strict=True)
        )
        return body.add(old, new)

    pairs = zip(running, statistics, strict=True)
    return [result, *(b.elementwise(p, [shape[1]], element_type_of_value(p[0]), moved) for p in pairs)]


def _batch_statistics(b: LayerBuilder, x: SSAValue) -> list[SSAValue]:
    """Mean and variance of each channel, over the batch and the image."""
    shape, element = shape_of(x), element_type_of_value(x)
    axes = [0, *range(2, len(shape))]
    divide = mean(prod(shape) // shape[1])
    average = reduce(b, x, axes, Combiner.SUM, element, divide)
    column = b.reshape(average, [shape[1] if i == 1 else 1 for i in range(len(shape))])

    def squared(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        difference = body.sub(v[0], v[1])
        return body.mul(difference, difference)

    squares = b.elementwise([x, column], shape, element, squared)
    return [average, reduce(b, squares, axes, Combiner.SUM, element, divide)]


def unary(function: activations.Unary) -> Rule:
    """One operand; the function gets the node for its attributes."""

    def rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
        x = operands_of(op)[0]
        return [b.elementwise([x], b.result_shape, b.result_element, lambda body, v: function(op, body, v[0]))]

    return rule


def _bitwise(kind: type[arith.AndIOp | arith.OrIOp | arith.XOrIOp]) -> Binary:
    return lambda body, a, c, _: body.emit(kind(a, c))


def _truth(kind: type[arith.AndIOp | arith.OrIOp | arith.XOrIOp]) -> Rule:
    return logical(lambda body, a, c: body.emit(kind(a, c)))


RULES: dict[str, Rule] = {
    "onnx.Add": binary(lambda body, a, c, _: body.add(a, c)),
    "onnx.Sub": binary(lambda body, a, c, _: body.sub(a, c)),
    "onnx.Mul": binary(lambda body, a, c, _: body.mul(a, c)),
    "onnx.Div": binary(lambda body, a, c, unsigned: body.div(a, c, unsigned=unsigned)),
    "onnx.BitwiseAnd": binary(_bitwise(arith.AndIOp)),
    "onnx.BitwiseOr": binary(_bitwise(arith.OrIOp)),
    "onnx.BitwiseXor": binary(_bitwise(arith.XOrIOp)),
    "onnx.Min": variadic(lambda body, a, c, unsigned: body.min(a, c, unsigned=unsigned)),
    "onnx.Max": variadic(lambda body, a, c, unsigned: body.max(a, c, unsigned=unsigned)),
    "onnx.Sum": variadic(lambda body, a, c, _: body.add(a, c)),
    "onnx.Mean": variadic(lambda body, a, c, _: body.add(a, c), average=True),
    "onnx.And": _truth(arith.AndIOp),
    "onnx.Or": _truth(arith.OrIOp),
    "onnx.Xor": _truth(arith.XOrIOp),
    "onnx.Not": logical_not,
    "onnx.Equal": comparison("eq"),
    "onnx.Less": comparison("lt"),
    "onnx.LessOrEqual": comparison("le"),
    "onnx.Greater": comparison("gt"),
    "onnx.GreaterOrEqual": comparison("ge"),
    "onnx.Where": where,
    "onnx.Cast": cast,
    "onnx.CastLike": cast,
    "onnx.Pow": power,
    "onnx.Mod": modulo,
    "onnx.BitShift": bit_shift,
    "onnx.Clip": clip,
    "onnx.PRelu": prelu,
    "onnx.BatchNormalization": batch_norm,
    **{f"onnx.{name}": unary(function) for name, function in activations.FUNCTIONS.items()},
}
"""Rules of this family."""
