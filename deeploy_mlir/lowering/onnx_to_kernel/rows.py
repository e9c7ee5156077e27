"""Functions of whole rows: softmaxes and normalisations."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from xdsl.dialects.builtin import DictionaryAttr, FloatAttr, IntegerAttr, f32, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineMap

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import Combiner, RowFunction, RowFunctionAttr, RowOp, element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import broadcast, inverse, select
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.ir.scalar_body import ScalarBody, integer_range, is_float
from deeploy_mlir.lowering.onnx_to_kernel.builder import BodyFunction, LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.pooling import mean, reduce


def row(
    b: LayerBuilder,
    function: RowFunction,
    ins: Sequence[SSAValue],
    *,
    parameters: dict[str, int | float] | None = None,
    extras: Sequence[SSAValue] = (),
    extra_maps: Sequence[AffineMap] = (),
    epilogue: BodyFunction | None = None,
) -> SSAValue:
    """A `kernel.row` over the last axis of ins[0], with the element type of the node's result."""
    values: dict[str, Attribute] = {
        k: IntegerAttr(v, i64) if isinstance(v, int) else FloatAttr(v, f32) for k, v in (parameters or {}).items()
    }
    properties: dict[str, Attribute | None] = {
        "function": RowFunctionAttr(function),
        "parameters": DictionaryAttr(values) if values else None,
    }
    out = b.empty(shape_of(ins[0]), b.result_element)
    plain = RowOp(ins, out, layer=b.layer, properties=dict(properties))
    return b.with_epilogue(plain, epilogue, extras, extra_maps)


def softmax(function: RowFunction) -> Rule:
    """onnx.Softmax and LogSoftmax over one axis."""

    def rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
        x = op.required("input")
        rank = len(shape_of(x))
        if rank == 0:
            raise b.error("needs a tensor of rank 1 or more")
        axis = b.axis(op.attr("axis"), rank)
        order = [*(i for i in range(rank) if i != axis), axis]
        return [b.transpose(row(b, function, [b.transpose(x, order)]), inverse(order))]

    return rule


def _scaled(has_bias: bool) -> BodyFunction:
    """An epilogue acc * scale (+ bias)."""

    def epilogue(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        scaled = body.mul(v[0], body.cast(v[1], v[0].type))
        return body.add(scaled, body.cast(v[2], v[0].type)) if has_bias else scaled

    return epilogue


def _along_row(b: LayerBuilder, vector: SSAValue, shape: Sequence[int]) -> SSAValue:
    """A scale or bias that broadcasts to the normalised axes, as a vector of all of their elements, or of one."""
    own = shape_of(vector)
    if prod(own) == 1:
        return b.reshape(vector, [1])
    kept = own[max(0, len(own) - len(shape)) :]
    if prod(kept) != prod(own) or any(n not in (1, m) for n, m in zip(reversed(kept), reversed(shape), strict=False)):
        raise b.error(f"has a scale or bias of type {vector.type}, which does not broadcast to {list(shape)}")
    vector = b.reshape(vector, kept)
    if prod(kept) != prod(shape):
        array = constant_of(vector) if kept == own else None
        if array is None:
            vector = b.copy(vector, broadcast(kept, shape), shape)
        else:
            vector = b.constant(np.broadcast_to(array, shape), f"{b.layer}_scale", element_type_of_value(vector))
    return b.reshape(vector, [prod(shape)])


def norm(function: RowFunction, scale_name: str, bias_name: str | None) -> Rule:
    """onnx.LayerNormalization and RMSNormalization over the axes from `axis` on; scale and bias in the epilogue."""

    def rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
        x, scale = op.required("X"), op.required(scale_name)
        bias = op.input(bias_name) if bias_name is not None else None
        shape = shape_of(x)
        axis = b.axis(op.attr("axis"), len(shape))
        rows, columns = shape[:axis], prod(shape[axis:])
        flat = b.reshape(x, [*rows, columns])
        extras: list[SSAValue] = []
        maps: list[AffineMap] = []
        for vector in [scale] if bias is None else [scale, bias]:
            extras.append(_along_row(b, vector, shape[axis:]))
            maps.append(select(axis + 1, [axis if prod(shape_of(extras[-1])) > 1 else None]))
        value = row(
            b,
            function,
            [flat],
            parameters={"epsilon": float(op.attr("epsilon"))},
            extras=extras,
            extra_maps=maps,
            epilogue=_scaled(bias is not None),
        )
        results = [b.reshape(value, shape)]
        if len(op.results) > 1:
            kept = [*rows, *[1] * (len(shape) - axis)]
            results += [b.cast(b.reshape(v, kept), f32) for v in _moments(b, flat, float(op.attr("epsilon")))]
        return results[: len(op.results)]

    return rule


def _moments(b: LayerBuilder, rows: SSAValue, epsilon: float) -> tuple[SSAValue, SSAValue]:
    """Mean and 1 / sqrt(variance + epsilon) of rows [.., n], as [..]."""
    shape, element = shape_of(rows), element_type_of_value(rows)
    last, count = len(shape) - 1, shape[-1]
    average = reduce(b, rows, [last], Combiner.SUM, element, mean(count))
    squares = b.elementwise([rows, b.reshape(average, [*shape[:-1], 1])], shape, element, _squared_difference)

    def inverse_deviation(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        variance = body.add(mean(count)(body, v), body.constant(epsilon, v[0].type))
        return body.div(body.constant(1.0, v[0].type), body.float_function("sqrt", variance))

    return average, reduce(b, squares, [last], Combiner.SUM, element, inverse_deviation)


def instance_norm(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.InstanceNormalization: rows are the images of one channel."""
    return [_group_norm(op, b, op.required("input"), shape_of(op.required("input"))[1], op.required("B"))]


def group_norm(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.GroupNormalization: rows are groups of channels; scale and bias [C]."""
    return [_group_norm(op, b, op.required("X"), int(op.attr("num_groups")), op.required("bias"))]


def _group_norm(op: GraphOp, b: LayerBuilder, x: SSAValue, groups: int, bias: SSAValue) -> SSAValue:
    scale, shape = op.required("scale"), shape_of(x)
    channels = shape[1]
    if groups < 1 or channels % groups or shape_of(scale) != (channels,) or shape_of(bias) != (channels,):
        raise b.error(f"has {channels} channels, {groups} groups, scale {scale.type} and bias {bias.type}")
    rows = b.reshape(x, [shape[0], groups, prod(shape[1:]) // groups])
    value = row(b, RowFunction.LAYER_NORM, [rows], parameters={"epsilon": float(op.attr("epsilon"))})
    value = b.reshape(value, [shape[0], channels, prod(shape[2:])])
    maps = [select(3, [0, 1, 2]), select(3, [1]), select(3, [1])]
    value = b.map([value, scale, bias], maps, shape_of(value), b.result_element, _scaled(has_bias=True))
    return b.reshape(value, shape)


def mean_variance_norm(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.MeanVarianceNormalization: (x - mean) / (deviation + 1e-9).

    ONNX's own function takes the mean of the squares less the square of the mean, which leaves little far from zero."""
    x = op.required("X")
    shape, element = shape_of(x), element_type_of_value(x)
    axes = sorted(b.axis(axis, len(shape)) for axis in op.attr("axes"))
    kept = [1 if i in axes else size for i, size in enumerate(shape)]
    divide = mean(prod(shape[axis] for axis in axes))
    average = b.reshape(reduce(b, x, axes, Combiner.SUM, element, divide), kept)
    centred = b.elementwise([x, average], shape, element, lambda body, v: body.sub(v[0], v[1]))
    # The mean was rounded: what it lacks may be more than the last places of what is left.
    shift = b.reshape(reduce(b, centred, axes, Combiner.SUM, element, divide), kept)
    squares = b.elementwise([centred, shift], shape, element, _squared_difference)

    def deviation(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        return body.add(body.float_function("sqrt", divide(body, v)), body.constant(1e-9, v[0].type))

    spread = b.reshape(reduce(b, squares, axes, Combiner.SUM, element, deviation), kept)
    ins = [centred, shift, spread]
    return [b.elementwise(ins, shape, element, lambda body, v: body.div(body.sub(v[0], v[1]), v[2]))]


def _squared_difference(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
    difference = body.sub(v[0], v[1])
    return body.mul(difference, difference)


def lp_norm(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.LpNormalization along one axis: x / (sum |x|^p)^(1/p), 0 where the norm is 0."""
    x, p = op.required("input"), int(op.attr("p"))
    shape, element = shape_of(x), element_type_of_value(x)
    axis = b.axis(op.attr("axis"), len(shape))
    powers = b.elementwise([x], shape, element, lambda body, v: body.abs(v[0]) if p == 1 else body.mul(v[0], v[0]))
    norms = reduce(b, powers, [axis], Combiner.SUM, element)
    norms = b.reshape(norms, [1 if i == axis else s for i, s in enumerate(shape)])

    def divide(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        size = v[1] if p == 1 else body.float_function("sqrt", v[1])
        zero = body.compare("eq", size, body.constant(0.0, size.type))
        return body.select(zero, body.constant(0.0, size.type), body.div(v[0], size))

    return [b.elementwise([x, norms], shape, element, divide)]


def integer_row(function: RowFunction, *names: str, vectors: Sequence[str] = ()) -> Rule:
    """The qnn functions of rows: integer attributes are the parameters; the result saturates to its element type."""

    def rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
        x = op.required("x")
        columns = shape_of(x)[-1]
        if is_float(element_type_of_value(x)):
            raise b.error(f"needs integers, not {x.type}")
        ins = [x]
        for name in vectors:
            vector = op.required(name)
            if prod(shape_of(vector)) != columns or shape_of(vector)[-1] != columns:
                raise b.error(f"has '{name}' of type {vector.type}; expected a vector of {columns} elements")
            ins.append(b.reshape(vector, [columns]))
        low, high = integer_range(b.result_element)
        if "n_levels" in names and low < 0:
            levels = int(op.attr("n_levels"))
            low, high = -(levels // 2), levels // 2 - 1
        parameters: dict[str, int | float] = {name: int(op.attr(name)) for name in names}
        return [row(b, function, ins, parameters=parameters, epilogue=lambda body, v: body.clamp(v[0], low, high))]

    return rule


RULES: dict[str, Rule] = {
    "onnx.Softmax": softmax(RowFunction.SOFTMAX),
    "onnx.LogSoftmax": softmax(RowFunction.LOG_SOFTMAX),
    "onnx.LayerNormalization": norm(RowFunction.LAYER_NORM, "Scale", "B"),
    "onnx.RMSNormalization": norm(RowFunction.RMS_NORM, "scale", None),
    "onnx.InstanceNormalization": instance_norm,
    "onnx.GroupNormalization": group_norm,
    "onnx.LpNormalization": lp_norm,
    "onnx.MeanVarianceNormalization": mean_variance_norm,
    "qnn.iSoftmax": integer_row(RowFunction.I_SOFTMAX, "coeffA", "coeffB", "coeffC", "log2", "n_levels"),
    "qnn.ITAMax": integer_row(RowFunction.ITA_MAX, "n_levels"),
    "qnn.ITAPartialMax": integer_row(RowFunction.ITA_PARTIAL_MAX, "n_levels", "group_width"),
    "qnn.iLayerNorm": integer_row(RowFunction.I_LAYER_NORM, "D", "n_levels", vectors=("weight", "bias")),
    "qnn.iRMSNorm": integer_row(RowFunction.I_RMS_NORM, "D", "n_levels", vectors=("weight",)),
}
"""Rules of this family."""
