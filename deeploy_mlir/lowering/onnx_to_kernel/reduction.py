"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod

from xdsl.dialects import arith
from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import Combiner, element_type_of_value, shape_of
from deeploy_mlir.dialects.qnn import IntegerMeanOp
from deeploy_mlir.ir.affine_maps import linear_map, select
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.ir.scalar_body import ScalarBody, integer_range, is_float
from deeploy_mlir.lowering.onnx_to_kernel.builder import BodyFunction, LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.pooling import mean, reduce

MAX_CANDIDATES = 8
"""Most sets of axes that are computed for a node whose axes are only known at run time."""


def candidate_axes(op: GraphOp, b: LayerBuilder, shape: Sequence[int]) -> list[list[int]]:
    """The sets of axes that a ReduceX node may reduce: one if its operand is absent, a constant, or told by the
    result's shape, else all that give that shape. Axes of size 1 make no difference.

    Raises DeeployError if none does."""
    rank, operand = len(shape), op.input("axes")
    array = None if operand is None else constant_of(operand)
    if operand is None or prod(shape_of(operand)) == 0:
        return [[] if op.attr("noop_with_empty_axes") else list(range(rank))]
    if array is not None:
        return [sorted({b.axis(int(axis), rank) for axis in array.reshape(-1)})]
    found: dict[tuple[int, ...], list[int]] = {}
    for axes in combinations(range(rank), prod(shape_of(operand))):
        kept = [1 if i in axes else s for i, s in enumerate(shape) if op.attr("keepdims") or i not in axes]
        if tuple(kept) == b.result_shape:
            found.setdefault(tuple(a for a in axes if shape[a] != 1), list(axes))
    if not 1 <= len(found) <= MAX_CANDIDATES:
        raise b.error(f"with axes known at run time only does not fit {list(shape)} to {list(b.result_shape)}")
    return list(found.values())


def chosen_by_axes(
    b: LayerBuilder, axes: SSAValue, rank: int, results: Sequence[tuple[list[int], SSAValue]]
) -> SSAValue:
    """Of results for different sets of axes, all of one shape, that for the set which `axes` holds at run time."""
    if len(results) == 1:
        return results[0][1]
    count = prod(shape_of(axes))
    values = [value for _, value in results]
    shape = shape_of(values[0])
    flat = b.reshape(axes, [count])
    ins = [*values, *[flat] * count]
    identity = select(len(shape), list(range(len(shape))))
    maps = [identity] * len(values) + [linear_map(len(shape), [([0] * len(shape), k)]) for k in range(count)]

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        value, held = v[len(values) - 1], v[len(values) :]
        for (candidate, _), result in zip(results[:-1], v, strict=False):
            hit = body.constant(1, i1)
            for axis in candidate:
                same = body.constant(0, i1)
                for holder in held:
                    for number in (axis, axis - rank):
                        equal = body.compare("eq", holder, body.constant(number, holder.type))
                        same = body.emit(arith.OrIOp(same, equal))
                hit = body.emit(arith.AndIOp(hit, same))
            value = body.select(hit, result, value)
        return value

    return b.map(ins, maps, shape, element_type_of_value(values[0]), build)


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
        if floats_only and not is_float(b.result_element):
            raise b.error(f"on {x.type} is not supported; floats are")
        if prod(shape) == 0:
            return [_empty(b, combiner, after)]
        if before is not None:
            x = b.elementwise([x], shape, element_type_of_value(x), before)
        results: list[tuple[list[int], SSAValue]] = []
        for axes in candidate_axes(op, b, shape):
            finish = mean(prod(shape[a] for a in axes)) if average else after
            if not axes:
                return [x if finish is None else b.elementwise([x], shape, b.result_element, finish)]
            value = reduce(b, x, axes, combiner, b.result_element, finish)
            results.append((axes, b.reshape(value, b.result_shape)))
        axes_operand = op.input("axes")
        return [results[0][1] if axes_operand is None else chosen_by_axes(b, axes_operand, len(shape), results)]

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
    if prod(shape) == 0:
        return [b.filled(b.result_shape, float("-inf"), element)]
    candidates = candidate_axes(op, b, shape)
    if not is_float(element):
        raise b.error(f"on {x.type} is not supported; floats are")
    if [] in candidates:  # log(exp(x)) of each element
        return [x]
    results = [(axes, _log_sum_exp_over(b, x, axes)) for axes in candidates]
    axes_operand = op.input("axes")
    return [results[0][1] if axes_operand is None else chosen_by_axes(b, axes_operand, len(shape), results)]


def _log_sum_exp_over(b: LayerBuilder, x: SSAValue, axes: Sequence[int]) -> SSAValue:
    shape, element = shape_of(x), element_type_of_value(x)
    kept = [1 if i in axes else s for i, s in enumerate(shape)]
    top = b.reshape(reduce(b, x, axes, Combiner.MAX, element), kept)
    powers = b.elementwise([x, top], shape, element, lambda body, v: body.float_function("exp", body.sub(v[0], v[1])))
    sums = b.reshape(reduce(b, powers, axes, Combiner.SUM, element), kept)
    value = b.elementwise([sums, top], kept, element, lambda body, v: body.add(body.float_function("log", v[0]), v[1]))
    return b.reshape(value, b.result_shape)


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
