"""onnx.RoiAlign: bins of regions of an image, of which some samples are averaged or the largest is taken.

The average is a product of the image with a matrix for each side of it: what all samples of a bin count for each row of
the image. The largest of the samples is found one by one, from tables of neighbours and weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import f32, i32
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import linear_map, select
from deeploy_mlir.ir.scalar_body import ScalarBody, is_float
from deeploy_mlir.lowering.onnx_to_kernel.builder import BodyFunction, LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.grid_sample import Sampling
from deeploy_mlir.lowering.onnx_to_kernel.indexing import in_range, take
from deeploy_mlir.lowering.onnx_to_kernel.matmul import product
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.support.remarks import remark

MAX_SAMPLES = 64
"""Most samples of a bin, along both sides, that are read one by one."""

MAX_SUMMED = 16
"""Most samples along one side that are averaged, where their number is given."""

NOT_TAKEN = -1.0e9
"""The position of a sample that a small region does not have."""


@dataclass(frozen=True)
class Side:
    """One spatial axis of an image of `extent` elements, cut into `bins`; `samples` of each, 0 if the region's size
    says how many. `rois` is [R, 4], of which `first` and `first` + 2 are the begin and the end on this axis."""

    b: LayerBuilder
    rois: SSAValue
    first: int
    extent: int
    bins: int
    samples: int
    scale: float
    half_pixel: bool

    def region(self, body: ScalarBody, begin: SSAValue, end: SSAValue) -> tuple[SSAValue, SSAValue, SSAValue]:
        """Begin of the region, size of a bin and number of samples (f32, below 1 for a region without size)."""
        low, high = (body.mul(body.cast(v, f32), body.constant(self.scale, f32)) for v in (begin, end))
        if self.half_pixel:
            half = body.constant(0.5, f32)
            low, high = body.sub(low, half), body.sub(high, half)
        size = body.sub(high, low)
        if not self.half_pixel:
            size = body.max(size, body.constant(1.0, f32))
        each = body.div(size, body.constant(self.bins, f32))
        count = body.constant(self.samples, f32) if self.samples else body.float_function("ceil", each)
        return low, each, count

    def over_regions(
        self, vectors: Sequence[tuple[SSAValue, int]], shape: Sequence[int], function: BodyFunction
    ) -> SSAValue:
        """A table f32 of this shape, whose first axis is that of the regions, from the begin and the end of each region
        and from vectors, each along an axis of the shape."""
        rank = len(shape)
        of_region = [1, *[0] * (rank - 1)]
        ends = [linear_map(rank, [(of_region, 0), ([0] * rank, self.first + k)]) for k in (0, 2)]
        maps = [*ends, *(select(rank, [axis]) for _, axis in vectors)]
        return self.b.map([self.rois, self.rois, *(v for v, _ in vectors)], maps, shape, f32, function)

    def numbers(self, array: Array) -> SSAValue:
        """A constant vector of f32."""
        return self.b.constant(array, f"{self.b.layer}_places", f32)

    def positions(self, most: int) -> SSAValue:
        """Where the samples are, f32 [R, bins * most]; `NOT_TAKEN` for those beyond the number that there are."""
        bins, places = np.divmod(np.arange(self.bins * most), most)

        def place(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            low, each, count = self.region(body, v[0], v[1])
            within = body.div(body.mul(v[3], each), count)
            at = body.add(body.add(low, body.mul(v[2], each)), within)
            if self.samples:
                return at
            return body.select(body.compare("lt", v[3], count), at, body.constant(NOT_TAKEN, f32))

        vectors = [(self.numbers(bins), 1), (self.numbers(places + 0.5), 1)]
        return self.over_regions(vectors, [shape_of(self.rois)[0], self.bins * most], place)

    def matrix(self) -> SSAValue:
        """What each row of the image counts for in the average of a bin, f32 [R, bins, extent]."""
        vectors = [(self.numbers(np.arange(self.bins)), 1), (self.numbers(np.arange(self.extent)), 2)]
        weight = self._given if self.samples else self._adaptive
        return self.over_regions(vectors, [shape_of(self.rois)[0], self.bins, self.extent], weight)

    def _given(self, body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        """The sum over the samples of 1 less their distance from the row, as far as that is positive."""
        zero, one = body.constant(0.0, f32), body.constant(1.0, f32)
        low, each, count = self.region(body, v[0], v[1])
        begin = body.add(low, body.mul(v[2], each))
        weights: list[SSAValue] = []
        for k in range(self.samples):
            at = body.add(begin, body.div(body.mul(body.constant(k + 0.5, f32), each), count))
            distance = body.abs(body.sub(body.clamp(at, 0.0, self.extent - 1), v[3]))
            found = body.max(body.sub(one, distance), zero)
            weights.append(body.select(outside(body, at, self.extent), zero, found))
        return body.div(reduce(body.add, weights), count)

    def _adaptive(self, body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        """As `_given`, for any number of samples: they are evenly spaced, so that those on either side of the row have
        sums of closed form."""
        zero, one, last = (body.constant(c, f32) for c in (0.0, 1.0, self.extent - 1.0))
        low, each, count = self.region(body, v[0], v[1])
        count = body.max(count, zero)
        step = body.select(body.compare("gt", count, zero), body.div(each, body.max(count, one)), one)
        start = body.sub(body.add(low, body.mul(v[2], each)), v[3])
        start = body.add(start, body.mul(step, body.constant(0.5, f32)))
        samples = _Samples(body, start, step, count)
        before, here, after = samples.below(-1.0), samples.below(0.0), samples.below(1.0)
        # Positions up to 1 beyond the image count as its border.
        at_first, at_last = body.compare("eq", v[3], zero), body.compare("eq", v[3], last)
        after = body.select(at_last, samples.up_to(1.0), after)
        left, right = body.sub(here, before), body.sub(after, here)
        rising = body.select(at_first, left, body.add(left, samples.total(before, left)))
        falling = body.select(at_last, right, body.sub(right, samples.total(here, right)))
        return body.div(body.add(rising, falling), body.max(count, one))


def outside(body: ScalarBody, at: SSAValue, extent: int) -> SSAValue:
    """Whether a position is more than 1 beyond the image, where samples count as 0."""
    below = body.compare("lt", at, body.constant(-1.0, f32))
    return body.emit(arith.OrIOp(below, body.compare("gt", at, body.constant(extent, f32))))


@dataclass(frozen=True)
class _Samples:
    """Positions start, start + step, ... of `count` samples; all f32."""

    body: ScalarBody
    start: SSAValue
    step: SSAValue
    count: SSAValue

    def _steps_to(self, limit: float) -> SSAValue:
        return self.body.div(self.body.sub(self.body.constant(limit, f32), self.start), self.step)

    def _within(self, number: SSAValue) -> SSAValue:
        return self.body.min(self.body.max(number, self.body.constant(0.0, f32)), self.count)

    def below(self, limit: float) -> SSAValue:
        """How many are below a limit."""
        return self._within(self.body.float_function("ceil", self._steps_to(limit)))

    def up_to(self, limit: float) -> SSAValue:
        """How many are at most a limit."""
        whole = self.body.float_function("floor", self._steps_to(limit))
        return self._within(self.body.add(whole, self.body.constant(1.0, f32)))

    def total(self, first: SSAValue, number: SSAValue) -> SSAValue:
        """The sum of the positions of `number` samples from sample `first` on."""
        body = self.body
        begin = body.add(self.start, body.mul(first, self.step))
        pairs = body.mul(number, body.sub(number, body.constant(1.0, f32)))
        return body.add(body.mul(number, begin), body.mul(body.mul(pairs, body.constant(0.5, f32)), self.step))


@dataclass(frozen=True)
class _Border(Sampling):
    """Samples up to 1 beyond the image count as its border, others as 0; one that is not taken has weight -1."""

    def weight(self, tap: int) -> BodyFunction:
        inner = super().weight(tap)

        def value(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            found = body.select(outside(body, v[0], self.extent), body.constant(0.0, f32), inner(body, v))
            missing = body.compare("eq", v[0], body.constant(NOT_TAKEN, f32))
            return body.select(missing, body.constant(-1.0, f32), found)

        return value


@dataclass(frozen=True)
class _Neighbours:
    """Tables of one side: indices and weights of the neighbour below a sample and of the one after it."""

    most: int
    indices: Sequence[SSAValue]
    weights: Sequence[SSAValue]

    @staticmethod
    def of(side: Side, most: int) -> _Neighbours:
        """Of `most` samples a bin."""
        axis = _Border(side.b, side.extent, side.positions(most), "linear", "border", False)
        indices = [axis.table(i32, axis.index(tap)) for tap in (0, 1)]
        return _Neighbours(most, indices, [axis.table(f32, axis.weight(tap)) for tap in (0, 1)])


@dataclass(frozen=True)
class _Largest:
    """The largest sample of each bin: [R, C, bins, bins] of an image [N, C, H, W]."""

    b: LayerBuilder
    x: SSAValue
    batch: SSAValue | None
    rows: _Neighbours
    columns: _Neighbours

    def found(self) -> SSAValue:
        """Over all samples, one after another; 0 where there are none."""
        value: SSAValue | None = None
        for row in range(self.rows.most):
            for column in range(self.columns.most):
                value = self._with_sample(value, row, column)
        assert value is not None
        return value

    def _with_sample(self, before: SSAValue | None, row: int, column: int) -> SSAValue:
        """`before` and one more sample of each bin."""
        along = [
            linear_map(4, [([1, 0, 0, 0], 0), ([0, 0, *places], offset)])
            for places, offset in (([self.rows.most, 0], row), ([0, self.columns.most], column))
        ]
        tables = [*self.rows.indices, *self.columns.indices, *self.rows.weights, *self.columns.weights]
        batch = [] if self.batch is None else [self.batch]
        ins = [*tables, *batch, *[self.x] * 4]
        maps = [along[0], along[0], along[1], along[1]] * 2 + [select(4, [0])] * len(batch)
        maps += [select(4, [None, 1, None, None])] * 4
        first = len(ins) - 4
        indirect: list[tuple[int, int, int]] = []
        for tap in range(4):
            indirect += [(first + tap, 0, len(tables))] * len(batch)
            indirect += [(first + tap, 2, tap // 2), (first + tap, 3, 2 + tap % 2)]
        if before is not None:
            ins, maps = [*ins, before], [*maps, select(4, [0, 1, 2, 3])]

        def value(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            # ONNX takes the largest of the weighted neighbours, not of their sums.
            weighted = [
                body.mul(v[first + tap], body.cast(body.mul(v[4 + tap // 2], v[6 + tap % 2]), v[first + tap].type))
                for tap in range(4)
            ]
            taken = body.compare("ge", body.min(v[4], v[6]), body.constant(0.0, f32))
            largest = reduce(body.max, weighted)
            if before is None:
                return body.select(taken, largest, body.constant(0.0, largest.type))
            return body.select(taken, body.max(v[-1], largest), v[-1])

        return self.b.map(ins, maps, self.b.result_shape, element_type_of_value(self.x), value, indirect=indirect)


def _sides(op: GraphOp, b: LayerBuilder) -> list[Side]:
    """Of the rows and of the columns."""
    x, rois = op.required("X"), op.required("rois")
    mode, samples = op.attr("coordinate_transformation_mode"), int(op.attr("sampling_ratio"))
    if mode not in ("half_pixel", "output_half_pixel") or op.attr("mode") not in ("avg", "max") or samples < 0:
        raise b.error(
            f"has mode '{op.attr('mode')}', coordinate_transformation_mode '{mode}' and sampling_ratio {samples}, "
            "which ONNX does not know"
        )
    if not is_float(element_type_of_value(x)) or len(shape_of(x)) != 4 or shape_of(rois)[1:] != (4,):
        raise b.error(f"of {x.type} in regions {rois.type} is not supported; floats [N, C, H, W] and [R, 4] are")
    bins, scale = b.result_shape[2:], float(op.attr("spatial_scale"))
    return [
        Side(b, rois, 1 - axis, shape_of(x)[2 + axis], bins[axis], samples, scale, mode == "half_pixel")
        for axis in (0, 1)
    ]


def roi_align(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.RoiAlign, the regions and which image each is of being data."""
    x, indices = op.required("X"), op.required("batch_indices")
    rows, columns = _sides(op, b)
    one_image = shape_of(x)[0] == 1
    batch = None if one_image else in_range(b, indices, shape_of(x)[0])
    samples = rows.samples
    if op.attr("mode") == "avg":
        if samples > MAX_SUMMED:
            raise b.error(
                f"averages {samples} samples a side; up to {MAX_SUMMED} are supported, and 0 for as many as fit"
            )
        return [_averaged(b, x, batch, rows, columns)]
    most = [samples or -(-side.extent // side.bins) for side in (rows, columns)]
    if most[0] * most[1] > MAX_SAMPLES:
        raise b.error(
            f"takes the largest of {most[0]} x {most[1]} samples of a bin, more than the {MAX_SAMPLES} that are "
            "supported; give a sampling_ratio of 1 to 8"
        )
    if not samples:
        remark(b.layer, f"regions are taken to be no larger than the image of {rows.extent} x {columns.extent}")
    tables = [_Neighbours.of(side, count) for side, count in zip((rows, columns), most, strict=True)]
    return [_Largest(b, x, batch, tables[0], tables[1]).found()]


def _averaged(b: LayerBuilder, x: SSAValue, batch: SSAValue | None, rows: Side, columns: Side) -> SSAValue:
    """The matrix of the rows times the image times that of the columns, transposed."""
    regions, channels, height, width = b.result_shape
    image = x if batch is None else take(b, x, 0, batch)
    element = element_type_of_value(x)
    left = b.reshape(b.cast(rows.matrix(), element), [regions, 1, height, rows.extent])
    right = b.reshape(b.cast(columns.matrix(), element), [regions, 1, width, columns.extent])
    halfway = product(b, left, image, [regions, channels, height, columns.extent])
    return product(b, halfway, right, [regions, channels, height, width], transposed=(False, True))


RULES: dict[str, Rule] = {"onnx.RoiAlign": roi_align}
"""Rules of this family."""
