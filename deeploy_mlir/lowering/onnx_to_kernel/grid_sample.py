"""onnx.GridSample: positions from the grid become tables of neighbours and weights; one map sums the neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

from xdsl.dialects import arith
from xdsl.dialects.builtin import f32, i32
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineMap

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import linear_map, select
from deeploy_mlir.ir.scalar_body import ScalarBody, is_float
from deeploy_mlir.lowering.onnx_to_kernel.builder import BodyFunction, LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.dynamic_resize import cubic

CUBIC = -0.75
"""The coefficient of the cubic filter."""

TAPS = {"nearest": (0,), "linear": (0, 1), "cubic": (-1, 0, 1, 2)}
"""Neighbours that are summed along an axis, counted from the one below the position."""


@dataclass(frozen=True)
class Sampling:
    """One spatial axis: its size, and the positions on it as f32 [N, out..]."""

    b: LayerBuilder
    extent: int
    positions: SSAValue
    mode: str
    padding: str
    align: bool

    def table(self, element: Attribute, function: BodyFunction) -> SSAValue:
        """A table over the positions."""
        return self.b.elementwise([self.positions], shape_of(self.positions), element, function)

    def reflected(self, body: ScalarBody, x: SSAValue) -> SSAValue:
        """The position reflected at the borders until it is within."""
        low, high = (0.0, self.extent - 1.0) if self.align else (-0.5, self.extent - 0.5)
        if high == low:
            return body.constant(low, f32)
        least, span = body.constant(low, f32), body.constant(high - low, f32)
        distance = body.abs(body.sub(x, least))
        turns = body.float_function("floor", body.div(distance, span))
        rest = body.sub(distance, body.mul(turns, span))
        half = body.mul(turns, body.constant(0.5, f32))
        even = body.compare("eq", body.float_function("floor", half), half)
        return body.select(even, body.add(least, rest), body.sub(body.constant(high, f32), rest))

    def position(self, body: ScalarBody, x: SSAValue) -> SSAValue:
        """The position as the mode and the padding take it."""
        if self.mode == "nearest":
            x = body.float_function("roundeven", x)
        if self.padding == "border":
            return body.clamp(x, 0.0, self.extent - 1)
        return self.reflected(body, x) if self.padding == "reflection" else x

    def neighbour(self, body: ScalarBody, x: SSAValue, tap: int) -> SSAValue:
        """The whole position of a neighbour, which may lie outside."""
        at = self.position(body, x)
        low = body.float_function("floor", at)
        return body.add(low, body.constant(tap, f32)) if tap else low

    def index(self, tap: int) -> BodyFunction:
        """Where the neighbour is read, always inside."""

        def value(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            at = self.neighbour(body, v[0], tap)
            if self.padding == "reflection":
                at = self.reflected(body, at)
            return body.cast(body.clamp(at, 0.0, self.extent - 1), i32)

        return value

    def weight(self, tap: int) -> BodyFunction:
        """What the neighbour counts for: nothing outside, if the padding is zeros."""

        def value(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            at = self.position(body, v[0])
            ratio = body.sub(at, body.float_function("floor", at))
            one, zero = body.constant(1.0, f32), body.constant(0.0, f32)
            found = one
            if self.mode == "linear":
                found = ratio if tap else body.sub(one, ratio)
            elif self.mode == "cubic":
                found = cubic(body, ratio, tap, CUBIC)
            if self.padding != "zeros":
                return found
            place = self.neighbour(body, v[0], tap)
            below = body.compare("lt", place, zero)
            beyond = body.compare("gt", place, body.constant(self.extent - 1, f32))
            return body.select(body.emit(arith.OrIOp(below, beyond)), zero, found)

        return value


def _positions(b: LayerBuilder, grid: SSAValue, component: int, extent: int, align: bool) -> SSAValue:
    """One component of the grid, from -1 .. 1 to positions along an axis of `extent` elements."""
    shape = shape_of(grid)[:-1]
    rank = len(shape)
    axes = [([int(i == j) for j in range(rank)], 0) for i in range(rank)]

    def place(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        one, half = body.constant(1.0, f32), body.constant(0.5, f32)
        moved = body.add(body.cast(v[0], f32), one)
        if align:
            return body.mul(body.mul(moved, half), body.constant(extent - 1, f32))
        return body.mul(body.sub(body.mul(moved, body.constant(extent, f32)), one), half)

    return b.map([grid], [linear_map(rank, [*axes, ([0] * rank, component)])], shape, f32, place)


def grid_sample(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.GridSample in all modes and paddings, on any number of spatial axes."""
    x, grid = op.required("X"), op.required("grid")
    mode, padding = op.attr("mode") or "linear", op.attr("padding_mode") or "zeros"
    element, spatial = element_type_of_value(x), shape_of(x)[2:]
    if mode not in TAPS or padding not in ("zeros", "border", "reflection"):
        raise b.error(f"has mode {mode} and padding_mode {padding}, which ONNX does not know")
    if mode != "nearest" and not is_float(element):
        raise b.error(f"in mode {mode} on {x.type} is not supported; floats are")
    axes = [
        Sampling(b, extent, _positions(b, grid, len(spatial) - 1 - d, extent, align), mode, padding, align)
        for d, extent in enumerate(spatial)
        for align in [bool(op.attr("align_corners"))]
    ]
    rank = len(b.result_shape)
    sampled = Sampled(x, select(rank, [0, 1, *[None] * len(spatial)]), select(rank, [0, *range(2, rank)]))
    return [sampled.interpolated(axes, b.result_shape)]


@dataclass(frozen=True)
class Sampled:
    """A tensor whose last axes are sampled: `own` finds the element along the others from the result's indices,
    `along` the place in the tables of positions."""

    x: SSAValue
    own: AffineMap
    along: AffineMap

    def interpolated(self, axes: Sequence[Sampling], shape: Sequence[int], factor: SSAValue | None = None) -> SSAValue:
        """The neighbours of the positions on `axes`, by their weights, in a result of this shape; times `factor`, a
        table as those of the positions."""
        b, mode = axes[0].b, axes[0].mode
        taps, count = TAPS[mode], len(axes)
        indices = [[axis.table(i32, axis.index(t)) for t in taps] for axis in axes]
        weights = [[axis.table(f32, axis.weight(t)) for t in taps] for axis in axes]
        if factor is not None:
            weights[0] = [b.elementwise([w, factor], shape_of(w), f32, _times) for w in weights[0]]
        value: SSAValue | None = None
        for first in range(len(taps)):  # a kernel each, whose operands stay few
            choices = [(first, *rest) for rest in product(range(len(taps)), repeat=count - 1)]
            value = self._summed(b, shape, value, indices, weights, choices, mode == "nearest")
        assert value is not None
        return value

    def _summed(
        self,
        b: LayerBuilder,
        shape: Sequence[int],
        before: SSAValue | None,
        indices: Sequence[Sequence[SSAValue]],
        weights: Sequence[Sequence[SSAValue]],
        choices: Sequence[tuple[int, ...]],
        nearest: bool,
    ) -> SSAValue:
        """`before` and the neighbours that `choices` name, a tap for each axis, with their weights.

        `indices` and `weights`: tables by axis and tap."""
        element, count = element_type_of_value(self.x), len(indices)
        rank, first = len(shape), len(self.own.results) - count
        used = sorted({(d, choice[d]) for choice in choices for d in range(count)})
        tables = [*(indices[d][t] for d, t in used), *(weights[d][t] for d, t in used)]
        ins = [*tables, *[self.x] * len(choices), *([] if before is None else [before])]
        maps = [*[self.along] * len(tables), *[self.own] * len(choices)]
        maps += [] if before is None else [AffineMap.identity(rank)]
        indirect = [
            (len(tables) + n, first + d, used.index((d, choice[d])))
            for n, choice in enumerate(choices)
            for d in range(count)
        ]

        def total(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            result = None if before is None else v[-1]
            for n, choice in enumerate(choices):
                value = v[len(tables) + n]
                factors = [v[len(used) + used.index((d, choice[d]))] for d in range(count)]
                if nearest:
                    for factor in factors:
                        hit = body.compare("ne", factor, body.constant(0.0, f32))
                        value = body.select(hit, value, body.constant(0, value.type))
                else:
                    value = body.mul(value, body.cast(reduce(body.mul, factors), value.type))
                result = value if result is None else body.add(result, value)
            assert result is not None
            return result

        return b.map(ins, maps, shape, element, total, indirect=indirect)


def _times(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
    return body.mul(v[0], body.cast(v[1], f32))


RULES: dict[str, Rule] = {"onnx.GridSample": grid_sample}
"""Rules of this family."""
