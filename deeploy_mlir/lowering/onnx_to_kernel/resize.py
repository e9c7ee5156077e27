"""onnx.Resize: one axis after the other, each by slices (nearest) or a weighted sum of gathered neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import i1, i32
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import select
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.ir.scalar_body import ScalarBody, is_float
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.dynamic_resize import dynamic_resize
from deeploy_mlir.lowering.onnx_to_kernel.interpolation import Resampling, ResizeMode, resample
from deeploy_mlir.lowering.onnx_to_kernel.parts import pick

MAX_TAPS = 32
"""Most neighbours that one output may be a weighted sum of along an axis."""


def resize(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """Resizes along each axis whose size or position changes."""
    x = op.required("X")
    shape, target = shape_of(x), b.result_shape
    mode = ResizeMode(
        op.attr("mode") or "nearest",
        op.attr("coordinate_transformation_mode") or "half_pixel",
        op.attr("nearest_mode") or "round_prefer_floor",
        float(op.attr("cubic_coeff_a")),
        bool(op.attr("exclude_outside")),
        bool(op.attr("antialias")),
    )
    if mode.mode != "nearest" and not is_float(element_type_of_value(x)):
        raise b.error(f"in mode {mode.mode} on integers is not supported")
    axes = [b.axis(a, len(shape)) for a in op.attr("axes") or range(len(shape))]
    if any(v is not None and constant_of(v) is None for v in (op.input(n) for n in ("scales", "sizes", "roi"))):
        return [dynamic_resize(op, b, mode, axes)]
    scales, regions = _scales(op, b, axes), _regions(op, b, axes)
    value, outside = x, dict[int, Resampling]()
    for axis in axes:
        found = resample(shape[axis], target[axis], scales[axis], mode, regions[axis])
        if found.outside.any():
            outside[axis] = found
        value = _along(b, value, axis, found)
    return [_extrapolated(op, b, value, outside) if outside else value]


def _scales(op: GraphOp, b: LayerBuilder, axes: Sequence[int]) -> dict[int, float]:
    """The scale of each axis: given, or that of the sizes; the policy on aspect ratios makes them all equal."""
    shape, target = shape_of(op.required("X")), b.result_shape
    given = b.constant_operand("scales")
    if given is not None and given.size:
        return dict(zip(axes, (float(s) for s in given.reshape(-1)), strict=True))
    policy = op.attr("keep_aspect_ratio_policy") or "stretch"
    if policy == "stretch":
        return {a: target[a] / shape[a] for a in axes}
    sizes = b.integers("sizes") or [target[a] for a in axes]
    scales = {a: size / shape[a] for a, size in zip(axes, sizes, strict=True)}
    common = min(scales.values()) if policy == "not_larger" else max(scales.values())
    return dict.fromkeys(axes, common)


def _regions(op: GraphOp, b: LayerBuilder, axes: Sequence[int]) -> dict[int, tuple[float, float]]:
    roi = b.constant_operand("roi")
    if roi is None or roi.size == 0:
        return dict.fromkeys(axes, (0.0, 1.0))
    bounds = [float(v) for v in roi.reshape(-1)]
    half = len(bounds) // 2
    return {a: (bounds[i], bounds[half + i]) for i, a in enumerate(axes)}


def _along(b: LayerBuilder, value: SSAValue, axis: int, found: Resampling) -> SSAValue:
    """The tensor resampled along one axis."""
    shape, element = shape_of(value), element_type_of_value(value)
    used = found.weights != 0
    if bool(np.all(used.sum(1) == 1)) and bool(np.all(found.weights[used] == 1)):
        chosen = found.indices[used]
        unchanged = chosen.tolist() == list(range(shape[axis]))
        return value if unchanged else pick(b, value, axis, [int(i) for i in chosen])
    taps = [t for t in range(found.weights.shape[1]) if bool(used[:, t].any())]
    if len(taps) > MAX_TAPS:
        raise b.error(f"sums {len(taps)} neighbours along axis {axis}; up to {MAX_TAPS} are supported")
    target = [len(found.indices) if i == axis else s for i, s in enumerate(shape)]
    rank = len(shape)
    along, rest = select(rank, [axis]), select(rank, [None if i == axis else i for i in range(rank)])
    ins: list[SSAValue] = []
    indirect: list[tuple[int, int, int]] = []
    for t in taps:
        table = b.constant(found.indices[:, t], f"{b.layer}_indices_{axis}_{t}", i32)
        weight = b.constant(found.weights[:, t], f"{b.layer}_weights_{axis}_{t}", element)
        indirect.append((len(ins), axis, len(ins) + 1))
        ins += [value, table, weight]

    def weighted(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        total = body.mul(v[0], v[2])
        for t in range(1, len(taps)):
            total = body.add(total, body.mul(v[3 * t], v[3 * t + 2]))
        return total

    return b.map(ins, [rest, along, along] * len(taps), target, element, weighted, indirect=indirect)


def _extrapolated(op: GraphOp, b: LayerBuilder, value: SSAValue, outside: dict[int, Resampling]) -> SSAValue:
    """The given value where any axis lies outside the region."""
    shape = shape_of(value)
    rank, fill = len(shape), float(op.attr("extrapolation_value"))
    ins = [value, *(b.constant(r.outside, f"{b.layer}_outside_{axis}", i1) for axis, r in outside.items())]
    maps = [select(rank, list(range(rank))), *(select(rank, [axis]) for axis in outside)]

    def replaced(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        flags = [body.cast(f, i1) for f in v[1:]]
        hit = flags[0]
        for flag in flags[1:]:
            hit = body.emit(arith.OrIOp(hit, flag))
        return body.select(hit, body.constant(fill, v[0].type), v[0])

    return b.map(ins, maps, shape, element_type_of_value(value), replaced)


RULES: dict[str, Rule] = {"onnx.Resize": resize}
"""Rules of this family."""
