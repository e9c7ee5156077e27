"""Pooling over windows and over whole images."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import UnitAttr, i1, i8, i32
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineMap

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import (
    Combiner,
    CombinerAttr,
    Layout,
    PoolOp,
    ReduceOp,
    element_type_of_value,
    ints,
    shape_of,
    window_properties,
)
from deeploy_mlir.ir.affine_maps import linear_map, select
from deeploy_mlir.ir.scalar_body import ScalarBody, is_float
from deeploy_mlir.lowering.onnx_to_kernel.builder import BodyFunction, LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.windows import Window, window_of


def pool(
    b: LayerBuilder, x: SSAValue, shape: Sequence[int], window: Window, combiner: Combiner, *, exclude_pad: bool = False
) -> SSAValue:
    """A `kernel.pool` whose result has the element type of the node's."""
    properties: dict[str, Attribute | None] = {
        **window_properties(Layout.CHANNELS_FIRST, window.sizes, window.strides, window.dilations, window.pads),
        "combiner": CombinerAttr(combiner),
        "exclude_pad": UnitAttr() if exclude_pad else None,
    }
    out = b.empty(shape, b.result_element)
    return b.with_epilogue(PoolOp([x], out, layer=b.layer, properties=properties))


def max_pool(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.MaxPool."""
    x = op.required("X")
    window = window_of(b, shape_of(x), op.attr("kernel_shape"))
    value = pool(b, x, b.result_shape, window, Combiner.MAX)
    if op.output("Indices") is None or op.results[1].first_use is None:
        return [value]
    return [value, _places(op, b, x, value, window)]


def _places(op: GraphOp, b: LayerBuilder, x: SSAValue, best: SSAValue, window: Window) -> SSAValue:
    """Where the first maximum of each window stands in the flattened tensor: one candidate a tap, the least that hits.

    Taps in the padding read the place -1, which is none."""
    shape, target = shape_of(x), b.result_shape
    rank = len(shape)
    numbers = np.arange(prod(shape), dtype=np.int32).reshape(shape)
    table = b.constant(numbers, f"{b.layer}_places", i32)
    none_found, padded = prod(shape), list(range(2, rank))
    found: SSAValue | None = None
    for tap in np.ndindex(*window.sizes):
        axes = [([int(j == i) for j in range(rank)], 0) for i in range(2)]
        for i, k in enumerate(tap):
            start = k * window.dilations[i] - window.pads[i]
            axes.append(([window.strides[i] * int(j == 2 + i) for j in range(rank)], start))
        read = linear_map(rank, axes)
        own = AffineMap.identity(rank)
        place = b.copy(table, read, target, padded=padded, padding=-1)
        ins, maps = [x, best, place, *([found] if found is not None else [])], [read, own, own, own]

        def candidate(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            none = body.constant(none_found, i32)
            inside = body.compare("ge", v[2], body.constant(0, i32))
            hit = body.emit(arith.AndIOp(inside, body.compare("eq", v[0], v[1])))
            mine = body.select(hit, v[2], none)
            return body.min(mine, v[3]) if len(v) > 3 else mine

        found = b.map(ins, maps[: len(ins)], target, i32, candidate, padded=[(0, a) for a in padded])
    assert found is not None
    if op.attr("storage_order"):  # the same places, numbered with the first spatial axis running fastest
        columns = numbers.reshape(*shape[:2], *reversed(shape[2:])).transpose(0, 1, *reversed(range(2, rank)))
        renumbered = b.constant(columns.reshape(-1), f"{b.layer}_columns", i32)
        maps = [select(rank, [None]), AffineMap.identity(rank)]
        found = b.map([renumbered, found], maps, target, i32, lambda body, v: v[0], indirect=[(0, 0, 1)])
    return b.cast(found, element_type_of_value(op.results[1]))


def average_pool(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.AveragePool of floats.

    With count_include_pad, what the node's own pads add counts, but not what ceil_mode reaches beyond them."""
    x, rank = op.required("X"), len(shape_of(op.required("X"))) - 2
    if not is_float(element_type_of_value(x)):
        raise b.error("on integers is not supported; leave it in floats or use IntegerMean")
    window = window_of(b, shape_of(x), op.attr("kernel_shape"))
    if not any(window.pads):
        return [pool(b, x, b.result_shape, window, Combiner.AVERAGE)]
    if not op.attr("count_include_pad"):
        return [pool(b, x, b.result_shape, window, Combiner.AVERAGE, exclude_pad=True)]
    declared = op.attr("pads") if (op.attr("auto_pad") or "NOTSET") == "NOTSET" else list(window.pads)
    own: list[int] = declared or [0] * (2 * rank)
    beyond = [have - given for have, given in zip(window.pads, own, strict=True)]
    if not any(beyond):
        return [pool(b, x, b.result_shape, window, Combiner.AVERAGE)]
    x = b.pad(x, [0, 0, *own[:rank]], [0, 0, *own[rank:]], 0)
    inner = Window(window.sizes, window.strides, window.dilations, tuple(beyond))
    return [pool(b, x, b.result_shape, inner, Combiner.AVERAGE, exclude_pad=True)]


def lp_pool(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.LpPool: (sum |x|^p)^(1/p) over windows."""
    x, p = op.required("X"), int(op.attr("p"))
    element = element_type_of_value(x)
    powers = (
        _powers(b, x, p)
        if p > 2
        else b.elementwise(
            [x], shape_of(x), element, lambda body, a: body.abs(a[0]) if p == 1 else body.mul(a[0], a[0])
        )
    )
    window = window_of(b, shape_of(x), op.attr("kernel_shape"))
    sums = pool(b, powers, b.result_shape, window, Combiner.SUM)
    if p == 1:
        return [sums]
    if p > 2:
        return [b.elementwise([sums], b.result_shape, element, lambda body, v: _power(body, v[0], 1 / p))]
    return [b.elementwise([sums], b.result_shape, element, lambda body, a: body.float_function("sqrt", a[0]))]


def _power(body: ScalarBody, x: SSAValue, exponent: float) -> SSAValue:
    return body.emit(math.PowFOp(x, body.constant(exponent, x.type)))


def _powers(b: LayerBuilder, x: SSAValue, p: int) -> SSAValue:
    element = element_type_of_value(x)
    return b.elementwise([x], shape_of(x), element, lambda body, v: _power(body, body.abs(v[0]), float(p)))


def reduce(
    b: LayerBuilder,
    x: SSAValue,
    axes: Sequence[int],
    combiner: Combiner,
    element: Attribute,
    function: BodyFunction | None = None,
) -> SSAValue:
    """A `kernel.reduce` over ascending `axes`, which the result has not; `function` gives its epilogue."""
    if element_type_of_value(x) == i1 and element == i1:
        found = reduce(b, b.cast(x, i8), axes, combiner, i8, function)
        return b.cast(found, i1)
    shape = shape_of(x)
    out = b.empty([s for i, s in enumerate(shape) if i not in axes], element)
    properties: dict[str, Attribute | None] = {"combiner": CombinerAttr(combiner), "axes": ints(axes)}
    return b.with_epilogue(ReduceOp([x], out, layer=b.layer, properties=properties), function)


def mean(count: int) -> BodyFunction:
    """An epilogue that divides a sum by `count`."""
    return lambda body, v: body.div(v[0], body.constant(count, v[0].type))


def global_pool(combiner: Combiner) -> Rule:
    """GlobalAveragePool and GlobalMaxPool: a reduction over the spatial axes."""

    def rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
        x = op.required("X")
        shape = shape_of(x)
        axes = list(range(2, len(shape)))
        count = 1
        for axis in axes:
            count *= shape[axis]
        if combiner == Combiner.SUM and not is_float(b.result_element):
            raise b.error("on integers is not supported; leave it in floats or use IntegerMean")
        function = mean(count) if combiner == Combiner.SUM else None
        return [b.reshape(reduce(b, x, axes, combiner, b.result_element, function), b.result_shape)]

    return rule


RULES: dict[str, Rule] = {
    "onnx.MaxPool": max_pool,
    "onnx.AveragePool": average_pool,
    "onnx.LpPool": lp_pool,
    "onnx.GlobalAveragePool": global_pool(Combiner.SUM),
    "onnx.GlobalMaxPool": global_pool(Combiner.MAX),
}
"""Rules of this family."""
