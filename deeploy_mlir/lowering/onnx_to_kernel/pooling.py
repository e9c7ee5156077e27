"""Pooling over windows and over whole images."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import math
from xdsl.dialects.builtin import UnitAttr, i1, i8
from xdsl.ir import Attribute, SSAValue

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
from deeploy_mlir.lowering.onnx_to_kernel.builder import BodyFunction, LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.windows import Window, window_of
from deeploy_mlir.scalar_body import ScalarBody, is_float


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
    """onnx.MaxPool, without indices."""
    x = op.required("X")
    window = window_of(b, shape_of(x), op.attr("kernel_shape"))
    return [pool(b, x, b.result_shape, window, Combiner.MAX)]


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
