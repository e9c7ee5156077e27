"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import Combiner, element_type_of_value, shape_of
from deeploy_mlir.dialects.qnn import IntegerMeanOp
from deeploy_mlir.lowering.onnx_to_kernel.builder import BodyFunction, LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.pooling import mean, reduce
from deeploy_mlir.scalar_body import ScalarBody, integer_range, is_float


def reduced_axes(op: GraphOp, b: LayerBuilder, rank: int) -> list[int]:
    """The axes of a ReduceX node: its constant operand, or all; none if `noop_with_empty_axes` says so."""
    axes = b.integers("axes")
    if not axes:
        return [] if op.attr("noop_with_empty_axes") else list(range(rank))
    return sorted({b.axis(axis, rank) for axis in axes})


def reduction(
    combiner: Combiner,
    before: BodyFunction | None = None,
    after: BodyFunction | None = None,
    *,
    average: bool = False,
    floats_only: bool = False,
) -> Rule:
    """A rule that maps `before` over the operand, combines, and applies `after` (or the mean) to the result."""

    def rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
        x = op.required("data")
        shape = shape_of(x)
        axes = reduced_axes(op, b, len(shape))
        if floats_only and not is_float(b.result_element):
            raise b.error(f"on {x.type} is not supported; floats are")
        if prod(shape) == 0:
            return [_empty(b, combiner, after)]
        if before is not None:
            x = b.elementwise([x], shape, element_type_of_value(x), before)
        finish = mean(prod(shape[a] for a in axes)) if average else after
        if not axes:
            return [x if finish is None else b.elementwise([x], shape, b.result_element, finish)]
        return [b.reshape(reduce(b, x, axes, combiner, b.result_element, finish), b.result_shape)]

    return rule


def _empty(b: LayerBuilder, combiner: Combiner, after: BodyFunction | None) -> SSAValue:
    """The reduction of no elements: what combining leaves unchanged."""
    element, value = b.result_element, 0 if combiner == Combiner.SUM else 1
    if combiner in (Combiner.MAX, Combiner.MIN):
        if element == i1:
            value = int(combiner == Combiner.MIN)
        elif is_float(element):
            value = float("-inf") if combiner == Combiner.MAX else float("inf")
        else:
            value = integer_range(element)[0 if combiner == Combiner.MAX else 1]
    constant = b.filled(b.result_shape, value, element)
    return constant if after is None else b.elementwise([constant], b.result_shape, element, after)


def integer_mean(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """qnn.IntegerMean: floor((sum + floor(n/2)) / n), the mean rounded half up."""
    assert isinstance(op, IntegerMeanOp)
    x, axes = op.required("x"), op.reduced_axes()
    count = prod(shape_of(x)[a] for a in axes)

    def rounded(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        return body.floor_div(body.add(v[0], body.constant(count // 2, v[0].type)), count)

    return [b.reshape(reduce(b, x, axes, Combiner.SUM, b.result_element, rounded), b.result_shape)]


def log_sum_exp(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.ReduceLogSumExp: max + log(sum(exp(x - max)))."""
    x = op.required("data")
    shape, element = shape_of(x), element_type_of_value(x)
    axes = reduced_axes(op, b, len(shape))
    if prod(shape) == 0:
        return [b.filled(b.result_shape, float("-inf"), element)]
    if not is_float(element) or not axes:
        raise b.error(f"on {x.type} with axes {axes} is not supported")
    kept = [1 if i in axes else s for i, s in enumerate(shape)]
    top = b.reshape(reduce(b, x, axes, Combiner.MAX, element), kept)
    powers = b.elementwise([x, top], shape, element, lambda body, v: body.float_function("exp", body.sub(v[0], v[1])))
    sums = b.reshape(reduce(b, powers, axes, Combiner.SUM, element), kept)
    value = b.elementwise([sums, top], kept, element, lambda body, v: body.add(body.float_function("log", v[0]), v[1]))
    return [b.reshape(value, b.result_shape)]


def _absolute(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
    return body.abs(v[0])


def _square(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
    return body.mul(v[0], v[0])


def _root(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
    return body.float_function("sqrt", v[0])


def _log(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
    return body.float_function("log", v[0])


RULES: dict[str, Rule] = {
    "onnx.ReduceSum": reduction(Combiner.SUM),
    "onnx.ReduceMean": reduction(Combiner.SUM, average=True, floats_only=True),
    "onnx.ReduceMax": reduction(Combiner.MAX),
    "onnx.ReduceMin": reduction(Combiner.MIN),
    "onnx.ReduceProd": reduction(Combiner.PRODUCT),
    "onnx.ReduceSumSquare": reduction(Combiner.SUM, before=_square),
    "onnx.ReduceL1": reduction(Combiner.SUM, before=_absolute),
    "onnx.ReduceL2": reduction(Combiner.SUM, before=_square, after=_root, floats_only=True),
    "onnx.ReduceLogSum": reduction(Combiner.SUM, after=_log, floats_only=True),
    "onnx.ReduceLogSumExp": log_sum_exp,
    "qnn.IntegerMean": integer_mean,
}
"""Rules of this family."""
