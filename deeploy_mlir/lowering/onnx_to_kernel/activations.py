"""Unary functions of ONNX as scalar bodies. Formulas are those of the operators' definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi, sqrt

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import element_type_of_value
from deeploy_mlir.ir.scalar_body import ScalarBody, is_float, is_unsigned

Unary = Callable[[GraphOp, ScalarBody, SSAValue], SSAValue]
"""A function of the node (for its attributes), the body and the element in its arithmetic type."""


def math_function(name: str) -> Unary:
    """A function of the `math` dialect."""
    return lambda op, body, x: body.float_function(name, x)


def sigmoid(body: ScalarBody, x: SSAValue) -> SSAValue:
    """1 / (1 + exp(-x))."""
    one = body.constant(1.0, x.type)
    return body.div(one, body.add(one, body.float_function("exp", body.neg(x))))


def softplus(body: ScalarBody, x: SSAValue) -> SSAValue:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), which does not overflow."""
    tail = body.float_function("log1p", body.float_function("exp", body.neg(body.abs(x))))
    return body.add(body.max(x, body.constant(0.0, x.type)), tail)


def exponential_linear(body: ScalarBody, x: SSAValue, alpha: float, inner: float = 1.0) -> SSAValue:
    """x where x > 0, else alpha * (exp(x / inner) - 1)."""
    scaled = x if inner == 1 else body.div(x, body.constant(inner, x.type))
    below = body.mul(body.constant(alpha, x.type), body.float_function("expm1", scaled))
    return body.select(body.compare("gt", x, body.constant(0.0, x.type)), x, below)


def gelu(body: ScalarBody, x: SSAValue, *, tanh: bool) -> SSAValue:
    """x * (1 + erf(x / sqrt 2)) / 2, or its tanh approximation."""
    half, one = body.constant(0.5, x.type), body.constant(1.0, x.type)
    if tanh:
        cube = body.mul(body.mul(x, x), x)
        inner = body.add(x, body.mul(body.constant(0.044715, x.type), cube))
        curve = body.float_function("tanh", body.mul(body.constant(sqrt(2 / pi), x.type), inner))
    else:
        curve = body.float_function("erf", body.mul(x, body.constant(sqrt(0.5), x.type)))
    return body.mul(body.mul(half, x), body.add(one, curve))


def hard_sigmoid(body: ScalarBody, x: SSAValue, alpha: float, beta: float) -> SSAValue:
    """clip(alpha * x + beta, 0, 1)."""
    line = body.add(body.mul(body.constant(alpha, x.type), x), body.constant(beta, x.type))
    return body.clamp(line, 0.0, 1.0)


def _relu(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    return body.max(x, body.constant(0, x.type))


def _leaky_relu(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    negative = body.compare("lt", x, body.constant(0.0, x.type))
    return body.select(negative, body.mul(x, body.constant(op.attr("alpha"), x.type)), x)


def _thresholded_relu(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    above = body.compare("gt", x, body.constant(op.attr("alpha"), x.type))
    return body.select(above, x, body.constant(0.0, x.type))


def _elu(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    return exponential_linear(body, x, op.attr("alpha"))


def _celu(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    return exponential_linear(body, x, op.attr("alpha"), op.attr("alpha"))


def _selu(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    return body.mul(body.constant(op.attr("gamma"), x.type), exponential_linear(body, x, op.attr("alpha")))


def _swish(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    alpha = float(op.attr("alpha"))
    scaled = x if alpha == 1 else body.mul(body.constant(alpha, x.type), x)
    return body.mul(x, sigmoid(body, scaled))


def _softsign(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    return body.div(x, body.add(body.constant(1.0, x.type), body.abs(x)))


def _shrink(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    limit, bias = float(op.attr("lambd")), float(op.attr("bias"))
    if not is_float(x.type):
        raise ValueError("Shrink of integers is not supported")
    shift, zero = body.constant(bias, x.type), body.constant(0.0, x.type)
    below = body.compare("lt", x, body.constant(-limit, x.type))
    above = body.compare("gt", x, body.constant(limit, x.type))
    return body.select(below, body.add(x, shift), body.select(above, body.sub(x, shift), zero))


def _sign(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    """That of a NaN is a NaN."""
    zero, one = body.constant(0, x.type), body.constant(1, x.type)
    negative = body.compare("lt", x, zero)
    if is_unsigned(element_type_of_value(op.operands[0])):
        return body.select(body.compare("ne", x, zero), one, zero)
    up = body.select(body.compare("gt", x, zero), one, body.select(body.compare("eq", x, zero), zero, x))
    return body.select(negative, body.constant(-1, x.type), up)


def _abs(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    unsigned = is_unsigned(element_type_of_value(op.operands[0]))
    return x if unsigned else body.abs(x)


def _bitwise_not(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    return body.emit(arith.XOrIOp(x, body.constant(-1, x.type)))


def _is_nan(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    return body.compare("ne", x, x)


def _is_inf(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    positive, negative = bool(op.attr("detect_positive")), bool(op.attr("detect_negative"))
    infinity = body.constant(float("inf"), x.type)
    if positive and negative:
        return body.compare("eq", body.abs(x), infinity)
    return body.compare("eq", x if positive else body.neg(x), infinity)


def _mish(op: GraphOp, body: ScalarBody, x: SSAValue) -> SSAValue:
    return body.mul(x, body.float_function("tanh", softplus(body, x)))


FUNCTIONS: Mapping[str, Unary] = {
    **{
        name: math_function(function)
        for name, function in {
            "Sqrt": "sqrt", "Exp": "exp", "Log": "log", "Erf": "erf", "Tanh": "tanh", "Floor": "floor", "Ceil": "ceil",
            "Round": "roundeven", "Sin": "sin", "Cos": "cos", "Tan": "tan", "Asin": "asin", "Acos": "acos",
            "Atan": "atan", "Sinh": "sinh", "Cosh": "cosh", "Asinh": "asinh", "Acosh": "acosh", "Atanh": "atanh",
        }.items()
    },
    "Abs": _abs,
    "Neg": lambda op, body, x: body.neg(x),
    "Reciprocal": lambda op, body, x: body.div(body.constant(1.0, x.type), x),
    "Relu": _relu,
    "LeakyRelu": _leaky_relu,
    "ThresholdedRelu": _thresholded_relu,
    "Elu": _elu,
    "Celu": _celu,
    "Selu": _selu,
    "Sigmoid": lambda op, body, x: sigmoid(body, x),
    "HardSigmoid": lambda op, body, x: hard_sigmoid(body, x, op.attr("alpha"), op.attr("beta")),
    "HardSwish": lambda op, body, x: body.mul(x, hard_sigmoid(body, x, 1 / 6, 0.5)),
    "Swish": _swish,
    "Softplus": lambda op, body, x: softplus(body, x),
    "Softsign": _softsign,
    "Gelu": lambda op, body, x: gelu(body, x, tanh=op.attr("approximate") == "tanh"),
    "Mish": _mish,
    "Shrink": _shrink,
    "Sign": _sign,
    "BitwiseNot": _bitwise_not,
    "IsNaN": _is_nan,
    "IsInf": _is_inf,
}  # fmt: skip
"""ONNX operator -> its scalar function."""
