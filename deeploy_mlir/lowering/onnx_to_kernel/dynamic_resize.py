"""onnx.Resize with scales, sizes or a region computed at run time: positions and weights become tables made then.

The formulas are those of `interpolation`; they are computed in f64, so that positions round as they do there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import f64, i8, i32
from xdsl.ir import Attribute, SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import linear_map, select
from deeploy_mlir.ir.scalar_body import ScalarBody
from deeploy_mlir.lowering.onnx_to_kernel.builder import BodyFunction, LayerBuilder
from deeploy_mlir.lowering.onnx_to_kernel.indexing import positions
from deeploy_mlir.lowering.onnx_to_kernel.interpolation import ResizeMode
from deeploy_mlir.lowering.onnx_to_kernel.parts import take


@dataclass(frozen=True)
class Along:
    """One axis: its size before and after, and the operands that its tables are made of."""

    op: GraphOp
    b: LayerBuilder
    mode: ResizeMode
    axes: Sequence[int]
    axis: int

    @property
    def extent(self) -> int:
        return shape_of(self.op.required("X"))[self.axis]

    @property
    def size(self) -> int:
        return self.b.result_shape[self.axis]

    def table(self, element: Attribute, function: BodyFunction) -> SSAValue:
        """A vector over the output's positions; `function` takes position, scale and region, in f64."""
        b, entry, count = self.b, list(self.axes).index(self.axis), len(self.axes)
        scales, sizes, roi = self.op.input("scales"), self.op.input("sizes"), self.op.input("roi")
        policy = self.op.attr("keep_aspect_ratio_policy") or "stretch"
        ins, maps = [positions(b, self.size)], [select(1, [0])]

        def element_of(vector: SSAValue, place: int) -> None:
            ins.append(vector)
            maps.append(linear_map(1, [([0], place)]))

        if scales is not None:
            element_of(scales, entry)
        elif sizes is not None and policy != "stretch":
            for k in range(count):
                element_of(sizes, k)
        if roi is not None:
            element_of(roi, entry)
            element_of(roi, count + entry)
        extents = [shape_of(self.op.required("X"))[a] for a in self.axes]

        def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            values = [body.cast(a, f64) for a in v]
            position, rest = values[0], values[1:]
            scale = body.constant(self.size / self.extent, f64)
            if scales is not None:
                scale = rest.pop(0)
            elif sizes is not None and policy != "stretch":
                ratios = [body.div(rest.pop(0), body.constant(extent, f64)) for extent in extents]
                scale = ratios[0]
                for ratio in ratios[1:]:
                    scale = body.min(scale, ratio) if policy == "not_larger" else body.max(scale, ratio)
            region = rest if roi is not None else [body.constant(0.0, f64), body.constant(1.0, f64)]
            return function(body, [position, scale, *region])

        return b.map(ins, maps, [self.size], element, build)

    def source(self, body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        """Where a position of the output lies in the input; see `interpolation.source_position`."""
        x, scale, start, end = v
        extent, one, half = body.constant(self.extent, f64), body.constant(1.0, f64), body.constant(0.5, f64)
        last = body.constant(self.extent - 1, f64)
        length = body.mul(scale, extent)
        single = body.compare("eq", length, one)
        steps = body.select(single, one, body.sub(length, one))
        coordinates = self.mode.coordinates
        if coordinates == "align_corners":
            return body.select(single, body.constant(0.0, f64), body.div(body.mul(x, last), steps))
        if coordinates == "asymmetric":
            return body.div(x, scale)
        if coordinates == "tf_crop_and_resize":
            span = body.mul(body.sub(end, start), last)
            inside = body.select(single, body.mul(span, half), body.div(body.mul(x, span), steps))
            return body.add(inside, body.mul(start, last))
        middle = body.div(body.add(x, half), scale)
        centre = body.sub(middle, half)
        if coordinates == "half_pixel":
            return centre
        if coordinates == "pytorch_half_pixel":
            return body.select(single, body.constant(-0.5, f64), centre)
        if coordinates == "half_pixel_symmetric":
            part = body.sub(one, body.div(body.constant(self.size, f64), length))
            return body.sub(body.add(body.mul(body.constant(self.extent / 2, f64), part), middle), half)
        raise self.b.error(f"has coordinate_transformation_mode = {coordinates}, which ONNX does not know")

    def nearest(self, body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        """The one element that is read."""
        at = self.source(body, v)
        low, half = body.float_function("floor", at), body.constant(0.5, f64)
        ratio = body.sub(at, low)
        rule = self.mode.nearest
        if rule == "floor":
            return self.limited(body, low)
        bound = {"ceil": body.constant(0.0, f64)}.get(rule, half)
        up = body.compare("ge" if rule == "round_prefer_ceil" else "gt", ratio, bound)
        return self.limited(body, body.select(up, body.add(low, body.constant(1.0, f64)), low))

    def limited(self, body: ScalarBody, at: SSAValue) -> SSAValue:
        """A whole position, limited to the axis, as i32."""
        return body.cast(body.clamp(at, 0.0, self.extent - 1), i32)

    def tap(self, number: int) -> BodyFunction:
        """The position of the neighbour `number` places after the one below."""

        def place(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            low = body.float_function("floor", self.source(body, v))
            return self.limited(body, body.add(low, body.constant(number, f64)))

        return place

    def weight(self, number: int, taps: Sequence[int]) -> BodyFunction:
        """The weight of that neighbour; those outside count for nothing if the node excludes them."""

        def value(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            at = self.source(body, v)
            low = body.float_function("floor", at)
            ratio = body.sub(at, low)
            if not self.mode.exclude_outside:
                return self.kernel(body, ratio, number)
            parts = {n: self.inside(body, low, n, self.kernel(body, ratio, n)) for n in taps}
            total = parts[taps[0]]
            for n in taps[1:]:
                total = body.add(total, parts[n])
            return body.div(parts[number], total)

        return value

    def inside(self, body: ScalarBody, low: SSAValue, number: int, weight: SSAValue) -> SSAValue:
        """The weight, 0 if the neighbour lies outside."""
        at, zero = body.add(low, body.constant(number, f64)), body.constant(0.0, f64)
        below = body.compare("lt", at, zero)
        outside = body.emit(arith.OrIOp(below, body.compare("gt", at, body.constant(self.extent - 1, f64))))
        return body.select(outside, zero, weight)

    def kernel(self, body: ScalarBody, ratio: SSAValue, number: int) -> SSAValue:
        """The filter at the distance between the position and a neighbour."""
        one = body.constant(1.0, f64)
        if self.mode.mode == "linear":
            return ratio if number == 1 else body.sub(one, ratio)
        return cubic(body, ratio, number, self.mode.cubic_a)

    def outside(self, body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        """1 where a position lies outside the input."""
        at = self.source(body, v)
        below = body.compare("lt", at, body.constant(0.0, f64))
        beyond = body.compare("gt", at, body.constant(self.extent - 1, f64))
        return body.cast(body.emit(arith.OrIOp(below, beyond)), i32)


def cubic(body: ScalarBody, ratio: SSAValue, number: int, a: float) -> SSAValue:
    """Keys' cubic filter with the coefficient `a`, for the neighbours -1, 0, 1 and 2 of a position that lies `ratio`
    behind neighbour 0."""

    def polynomial(x: SSAValue, *coefficients: float) -> SSAValue:
        value = body.constant(coefficients[0], x.type)
        for c in coefficients[1:]:
            value = body.add(body.mul(value, x), body.constant(c, x.type))
        return value

    step = body.constant(abs(number) if number < 1 else number, ratio.type)
    x = body.add(step, ratio) if number < 1 else body.sub(step, ratio)
    near = (a + 2, -(a + 3), 0.0, 1.0)
    far = (a, -5 * a, 8 * a, -4 * a)
    return polynomial(x, *(near if number in (0, 1) else far))


def dynamic_resize(op: GraphOp, b: LayerBuilder, mode: ResizeMode, axes: Sequence[int]) -> SSAValue:
    """Resizes one axis after the other. Raises DeeployError with `antialias`: its filter depends on the scale."""
    if mode.antialias:
        raise b.error("with antialias needs constant scales, on which the number of neighbours depends")
    value = op.required("X")
    crops = mode.coordinates == "tf_crop_and_resize"
    masks: list[tuple[int, SSAValue]] = []
    for axis in axes:
        along = Along(op, b, mode, axes, axis)
        if crops:
            masks.append((axis, b.cast(along.table(i32, along.outside), i8)))
        if mode.mode == "nearest":
            value = take(b, value, axis, along.table(i32, along.nearest))
        else:
            value = _weighted(b, value, along)
    return _extrapolated(op, b, value, masks) if masks else value


def _weighted(b: LayerBuilder, value: SSAValue, along: Along) -> SSAValue:
    """The sum of the neighbours along one axis, each with its weight."""
    shape, element, axis = shape_of(value), element_type_of_value(value), along.axis
    taps = (0, 1) if along.mode.mode == "linear" else (-1, 0, 1, 2)
    rank = len(shape)
    target = [along.size if i == axis else s for i, s in enumerate(shape)]
    row, rest = select(rank, [axis]), select(rank, [None if i == axis else i for i in range(rank)])
    ins: list[SSAValue] = []
    for n in taps:
        ins += [value, along.table(i32, along.tap(n)), along.table(element, along.weight(n, taps))]
    indirect = [(3 * t, axis, 3 * t + 1) for t in range(len(taps))]

    def total(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        result = body.mul(v[0], v[2])
        for t in range(1, len(taps)):
            result = body.add(result, body.mul(v[3 * t], v[3 * t + 2]))
        return result

    return b.map(ins, [rest, row, row] * len(taps), target, element, total, indirect=indirect)


def _extrapolated(op: GraphOp, b: LayerBuilder, value: SSAValue, masks: Sequence[tuple[int, SSAValue]]) -> SSAValue:
    """The node's value where any axis lies outside."""
    rank, fill = len(shape_of(value)), float(op.attr("extrapolation_value"))
    maps = [select(rank, list(range(rank))), *(select(rank, [axis]) for axis, _ in masks)]

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        result = v[0]
        for flag in v[1:]:
            hit = body.compare("ne", flag, body.constant(0, flag.type))
            result = body.select(hit, body.constant(fill, v[0].type), result)
        return result

    return b.map([value, *(m for _, m in masks)], maps, shape_of(value), element_type_of_value(value), build)
