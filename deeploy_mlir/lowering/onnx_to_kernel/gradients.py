"""The gradient operators of training graphs, from maps and reductions."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt

import numpy as np
from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import Combiner, RowFunction, element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import broadcast, select
from deeploy_mlir.ir.scalar_body import ScalarBody
from deeploy_mlir.lowering.onnx_to_kernel.builder import BodyFunction, LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.pooling import mean, reduce
from deeploy_mlir.lowering.onnx_to_kernel.rows import row


def reduced_map(
    b: LayerBuilder, ins: Sequence[SSAValue], shape: Sequence[int], axis: int, function: BodyFunction, *, average: bool
) -> SSAValue:
    """The sum or mean along one axis of a map over broadcast operands; the axis stays, with size 1."""
    element = element_type_of_value(ins[0])
    value = b.elementwise(ins, shape, element, function)
    total = reduce(b, value, [axis], Combiner.SUM, element, mean(shape[axis]) if average else None)
    return b.reshape(total, [1 if i == axis else s for i, s in enumerate(shape)])


def _product(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
    return body.mul(v[0], v[1])


def softmax_grad(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.SoftmaxGrad: y * (dy - sum(dy * y))."""
    dy, y = op.required("dy"), op.required("y")
    shape = b.result_shape
    axis = b.axis(op.attr("axis"), len(shape))
    total = reduced_map(b, [dy, y], shape, axis, _product, average=False)

    def gradient(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        return body.mul(v[1], body.sub(v[0], v[2]))

    return [b.elementwise([dy, y, total], shape, b.result_element, gradient)]


def gelu_grad(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.GeluGrad: dy times the derivative of Gelu at x, exact or of the tanh approximation."""
    tanh = op.attr("approximate") == "tanh"

    def gradient(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        dy, x = v
        slope = _tanh_slope(body, x) if tanh else _erf_slope(body, x)
        return body.mul(dy, slope)

    return [b.elementwise([op.required("dy"), op.required("x")], b.result_shape, b.result_element, gradient)]


def _erf_slope(body: ScalarBody, x: SSAValue) -> SSAValue:
    """(1 + erf(x / sqrt 2)) / 2 + x * exp(-x^2 / 2) / sqrt(2 pi)."""
    half, one = body.constant(0.5, x.type), body.constant(1.0, x.type)
    curve = body.float_function("erf", body.mul(x, body.constant(sqrt(0.5), x.type)))
    bell = body.float_function("exp", body.mul(body.mul(x, x), body.constant(-0.5, x.type)))
    tail = body.mul(body.mul(x, bell), body.constant(1 / sqrt(2 * pi), x.type))
    return body.add(body.mul(half, body.add(one, curve)), tail)


def _tanh_slope(body: ScalarBody, x: SSAValue) -> SSAValue:
    """With u = c (x + a x^3), t = tanh u: (1 + t) / 2 + x (1 - t^2) c (1 + 3 a x^2) / 2."""
    c, a = sqrt(2 / pi), 0.044715
    half, one = body.constant(0.5, x.type), body.constant(1.0, x.type)
    square = body.mul(x, x)
    inner = body.mul(x, body.add(one, body.mul(body.constant(a, x.type), square)))
    t = body.float_function("tanh", body.mul(body.constant(c, x.type), inner))
    slope = body.mul(body.constant(c, x.type), body.add(one, body.mul(body.constant(3 * a, x.type), square)))
    rest = body.mul(body.mul(x, body.sub(one, body.mul(t, t))), slope)
    return body.mul(half, body.add(body.add(one, t), rest))


def layer_norm_grad(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.LayerNormalizationGrad over the last axis, with g = dy * scale and h the normalised x:
    (g - mean(g) - h * mean(g * h)) / sqrt(var + epsilon)."""
    dy, x, scale = op.required("dy"), op.required("x"), op.required("scale")
    shape, element, epsilon = shape_of(x), b.result_element, float(op.attr("epsilon"))
    last = len(shape) - 1
    if b.axis(op.attr("axis"), len(shape)) != last:
        raise b.error(f"has axis {op.attr('axis')}; the last one is supported")
    h = row(b, RowFunction.LAYER_NORM, [x], parameters={"epsilon": epsilon})
    average = reduced_map(b, [x], shape, last, lambda body, v: v[0], average=True)

    def squared(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        difference = body.sub(v[0], v[1])
        return body.mul(difference, difference)

    variance = reduced_map(b, [x, average], shape, last, squared, average=True)
    g = b.elementwise([dy, scale], shape, element, _product)
    g_mean = reduced_map(b, [g], shape, last, lambda body, v: v[0], average=True)
    gh_mean = reduced_map(b, [g, h], shape, last, _product, average=True)

    def gradient(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        gi, hi, mean_g, mean_gh, var = v
        centred = body.sub(body.sub(gi, mean_g), body.mul(hi, mean_gh))
        return body.div(centred, body.float_function("sqrt", body.add(var, body.constant(epsilon, var.type))))

    return [b.elementwise([g, h, g_mean, gh_mean, variance], shape, element, gradient)]


def cross_entropy_grad(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.SoftmaxCrossEntropyLossGrad: (exp(log_prob) - onehot(labels)) / B^2 for log_prob [B, C] and labels [B]."""
    log_prob, labels = op.required("log_prob"), op.required("labels")
    shape = shape_of(log_prob)
    classes = b.constant(np.arange(shape[1], dtype=np.int32), f"{b.layer}_classes", i32)
    count = shape[0] * shape[0]

    def gradient(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        probability = body.float_function("exp", v[0])
        hit = body.compare("eq", v[1], body.cast(v[2], v[1].type))
        target = body.select(hit, body.constant(1.0, v[0].type), body.constant(0.0, v[0].type))
        return body.div(body.sub(probability, target), body.constant(float(count), v[0].type))

    maps = [select(2, [0, 1]), select(2, [0]), select(2, [1])]
    return [b.map([log_prob, labels, classes], maps, shape, b.result_element, gradient)]


def sgd(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.SGD: weight - lr * gradient."""
    rate = float(op.attr("lr"))
    ins = [op.required("weight"), op.required("gradient")]
    maps = [broadcast(shape_of(v), b.result_shape) for v in ins]

    def step(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        return body.sub(v[0], body.mul(body.constant(rate, v[1].type), v[1]))

    return [b.map(ins, maps, b.result_shape, b.result_element, step)]


RULES: dict[str, Rule] = {
    "qnn.SoftmaxGrad": softmax_grad,
    "qnn.GeluGrad": gelu_grad,
    "qnn.LayerNormalizationGrad": layer_norm_grad,
    "qnn.SoftmaxCrossEntropyLossGrad": cross_entropy_grad,
    "qnn.SGD": sgd,
}
"""Rules of this family."""
