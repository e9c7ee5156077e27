"""Several kernels in one loop nest, free of IR: the nest's loops run over tiles of the last kernel's output, and what
the others compute follows from what is read of it.

The kernels are *stages*, in the order in which they run, on *slots*: the operands of the nest and the intermediates
between its kernels. Of an intermediate each tile holds the box around what its readers need (the halo of a window
included, so that neighbouring tiles compute it twice), clipped to the intermediate: what lies outside is the reader's
padding. An axis that cannot be cut so is held, and computed, whole: a softmax's row, or what two readers walk along
at different speeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Generic, TypeVar

from deeploy_mlir.space.iteration_space import (
    Access,
    Arithmetic,
    Axis,
    DimKind,
    IterationSpace,
    Region,
    axis_region,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Stage:
    """One kernel of a nest: its iteration space, and for each access the number of its slot."""

    space: IterationSpace
    slots: tuple[int, ...]

    @property
    def writes(self) -> int:
        """The slot that it writes."""
        return self.slots[-1]

    @cached_property
    def cut_axes(self) -> tuple[int | None, ...]:
        """For each dimension, the axis of the output that it walks along alone, element by element; None for those
        that a tile of the output always needs whole."""
        found: list[int | None] = [None] * len(self.space.dims)
        moving = [[d for d in axis.dims if self.space.dims[d].size != 1] for axis in self.space.output.axes]
        for number, (axis, dims) in enumerate(zip(self.space.output.axes, moving, strict=True)):
            if len(dims) != 1 or axis.offset:
                continue
            (d,) = dims
            parallel = self.space.dims[d].kind == DimKind.PARALLEL
            alone = sum(d in others for others in moving) == 1
            if parallel and alone and axis.coefficients[d] == 1 and self.space.dims[d].size == axis.extent:
                found[d] = number
        return tuple(found)

    @property
    def writes_all(self) -> bool:
        """Whether each element of the output is written, once."""
        used: list[int] = []
        for axis in self.space.output.axes:
            dims = [d for d in axis.dims if self.space.dims[d].size != 1]
            used += dims
            last = axis.offset + sum(axis.coefficients[d] * (self.space.dims[d].size - 1) for d in dims)
            if axis.offset or last != axis.extent - 1 or prod(self.space.dims[d].size for d in dims) != axis.extent:
                return False
        return len(used) == len(set(used))


@dataclass(frozen=True)
class Use(Generic[T]):
    """What one access of a stage touches of its slot in a tile: for each axis the region, its start counted from the
    start of what the tile has of the slot."""

    regions: tuple[Region[T], ...]


@dataclass(frozen=True)
class FusedTile(Generic[T]):
    """One tile of a nest. `slots` has for each slot and axis what the tile has of it; `origin` means nothing there.
    `boxes` has for each stage the first index and the size along each of its dimensions, `uses` an entry per access."""

    slots: tuple[tuple[Region[T], ...], ...]
    boxes: tuple[tuple[tuple[T, ...], tuple[T, ...]], ...]
    uses: tuple[tuple[Use[T], ...], ...]


class FusionError(ValueError):
    """Kernels that cannot share a nest; `stage` is the number of the one that is in the way."""

    def __init__(self, stage: int, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage


@dataclass(frozen=True)
class FusedSpace:
    """The stages of a nest. Slots are numbered: what is only read, then the intermediates, then the output.

    Raises FusionError where a stage cannot run on tiles of what it writes."""

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        for number, stage in enumerate(self.stages[:-1]):
            self._check_producer(number, stage)
        for number, stage in enumerate(self.stages):
            for access, slot in zip(stage.space.accesses[:-1], stage.slots, strict=False):
                if slot in self.makers and any(_misses(axis, stage.space) for axis in access.axes):
                    raise FusionError(number, "some of its tiles lie wholly in the padding of what it reads")

    def _check_producer(self, number: int, stage: Stage) -> None:
        if not stage.writes_all:
            raise FusionError(number, "it writes only a part of its output")
        if not any(stage.writes in later.slots[:-1] for later in self.stages[number + 1 :]):
            raise FusionError(number, "no kernel behind it reads what it writes")
        if any(stage.writes in earlier.slots for earlier in self.stages[:number]) or stage.writes in stage.slots[:-1]:
            raise FusionError(number, "what it writes has been there before it")

    @cached_property
    def makers(self) -> dict[int, int]:
        """The stage that writes each intermediate."""
        return {stage.writes: number for number, stage in enumerate(self.stages[:-1])}

    @property
    def last(self) -> Stage:
        return self.stages[-1]

    @cached_property
    def space(self) -> IterationSpace:
        """The nest as one operator: the dimensions of the last kernel, and an access for each slot.

        The accesses are upper bounds: what a tile has of a slot lies inside what they say, and has at most as many
        elements along each axis."""
        found: dict[int, Access] = {}
        for stage in range(len(self.stages) - 1, -1, -1):
            self._add_accesses(stage, found)
        slots = [found[number] for number in sorted(found) if number != self.last.writes]
        return IterationSpace(self.last.space.dims, (*slots, found[self.last.writes]))

    def _add_accesses(self, number: int, found: dict[int, Access]) -> None:
        """Adds what stage `number` accesses, in terms of the last one's dimensions."""
        stage = self.stages[number]
        if stage is self.last:
            along = [_alone(d, len(stage.space.dims)) for d in range(len(stage.space.dims))]
        else:
            held = found[stage.writes].axes
            along = [
                _whole_dim(dim.size, len(self.last.space.dims)) if cut is None or held[cut].whole else held[cut]
                for dim, cut in zip(stage.space.dims, stage.cut_axes, strict=True)
            ]
        for access, slot in zip(stage.space.accesses, stage.slots, strict=True):
            if slot == stage.writes and stage is not self.last:
                continue
            axes = [_composed(axis, along) for axis in access.axes]
            if slot in found:
                axes = [self._hull(a, b) for a, b in zip(found[slot].axes, axes, strict=True)]
            if slot in self.makers:
                axes = self._held(slot, axes)
            found[slot] = Access(tuple(axes), access.element_bytes, access.written)

    def _held(self, slot: int, axes: Sequence[Axis]) -> list[Axis]:
        """The axes of an intermediate, those whole that its maker always needs whole."""
        cut = set(self.stages[self.makers[slot]].cut_axes)
        return [axis if number in cut else _whole(axis) for number, axis in enumerate(axes)]

    def _hull(self, a: Axis, b: Axis) -> Axis:
        """The axis around what two accesses touch; whole where they move differently from tile to tile."""
        if a == b:
            return a
        first, second = self._fixed(a), self._fixed(b)
        if a.whole or b.whole or first.coefficients != second.coefficients:
            return _whole(a)
        offset = min(first.offset, second.offset)
        reach = max(first.offset + first.reach, second.offset + second.reach) - offset
        return Axis(first.coefficients, offset, a.extent, a.padded or b.padded, reach=reach)

    def _fixed(self, axis: Axis) -> Axis:
        """The axis with all that is not cut as its reach."""
        space = self.last.space
        kept = tuple(c if d in space.tileable else 0 for d, c in enumerate(axis.coefficients))
        rest = sum(c * (space.dims[d].size - 1) for d, c in enumerate(axis.coefficients) if d not in space.tileable)
        return Axis(kept, axis.offset, axis.extent, axis.padded, axis.whole, axis.reach + rest)

    def stage_sizes(self, sizes: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """For each stage the largest tile that it is called with, if the nest has tiles of these sizes."""
        result: list[tuple[int, ...]] = []
        for stage in self.stages[:-1]:
            shape = self.space.accesses[self._position(stage.writes)].tile_shape(sizes)
            pairs = zip(stage.space.dims, stage.cut_axes, strict=True)
            result.append(tuple(dim.size if cut is None else shape[cut] for dim, cut in pairs))
        return (*result, tuple(sizes))

    def _position(self, slot: int) -> int:
        """The number of a slot's access in `space`."""
        return sorted({s for stage in self.stages for s in stage.slots}).index(slot)

    def tile(self, lows: Sequence[T], sizes: Sequence[T], a: Arithmetic[T]) -> FusedTile[T]:
        """The tile of the last kernel that starts at `lows` and has `sizes`, and all that it needs."""
        touched: dict[int, list[tuple[Region[T], ...]]] = {}
        boxes: list[tuple[tuple[T, ...], tuple[T, ...]]] = []
        found: list[list[tuple[Region[T], ...]]] = []
        held: dict[int, tuple[Region[T], ...]] = {}
        for stage in reversed(self.stages):
            if stage is self.last:
                box = tuple(lows), tuple(sizes)
            else:
                held[stage.writes] = self._united(stage.writes, touched[stage.writes], a)
                box = _box(stage, held[stage.writes], a)
            regions = [
                tuple(axis_region(axis, *box, a.constant(axis.extent), a) for axis in access.axes)
                for access in stage.space.accesses
            ]
            for slot, each in zip(stage.slots, regions, strict=True):
                touched.setdefault(slot, []).append(each)
            boxes.append(box)
            found.append(regions)
        for slot in touched:
            if slot not in held:
                held[slot] = self._united(slot, touched[slot], a)
        uses = tuple(
            tuple(_use(regions, held[slot], a) for slot, regions in zip(stage.slots, each, strict=True))
            for stage, each in zip(self.stages, reversed(found), strict=True)
        )
        return FusedTile(tuple(held[slot] for slot in sorted(held)), tuple(reversed(boxes)), uses)

    def _united(self, slot: int, touched: Sequence[tuple[Region[T], ...]], a: Arithmetic[T]) -> tuple[Region[T], ...]:
        """The box around all that is touched of a slot."""
        result: list[Region[T]] = []
        for number, axis in enumerate(self.space.accesses[self._position(slot)].axes):
            regions = [each[number] for each in touched]
            if axis.whole:
                result.append(Region(a.constant(0), a.constant(axis.extent), a.constant(0)))
                continue
            start, end = regions[0].start, a.add(regions[0].start, regions[0].size)
            for region in regions[1:]:
                start, end = a.min(start, region.start), a.max(end, a.add(region.start, region.size))
            size = regions[0].size if len(regions) == 1 else a.sub(end, start)
            result.append(Region(start, size, a.constant(0)))
        return tuple(result)


def _box(stage: Stage, held: Sequence[Region[T]], a: Arithmetic[T]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """First index and size along each dimension of a stage that writes what is held."""
    lows = tuple(a.constant(0) if cut is None else held[cut].start for cut in stage.cut_axes)
    dims = zip(stage.space.dims, stage.cut_axes, strict=True)
    return lows, tuple(a.constant(dim.size) if cut is None else held[cut].size for dim, cut in dims)


def _use(regions: Sequence[Region[T]], held: Sequence[Region[T]], a: Arithmetic[T]) -> Use[T]:
    return Use(tuple(Region(a.sub(r.start, h.start), r.size, r.origin) for r, h in zip(regions, held, strict=True)))


def _alone(dim: int, rank: int) -> Axis:
    """What a dimension of the last kernel is: itself."""
    return Axis(tuple(int(d == dim) for d in range(rank)), 0, -1)


def _whole_dim(size: int, rank: int) -> Axis:
    """A dimension that each tile needs whole."""
    return Axis((0,) * rank, 0, -1, reach=size - 1)


def _whole(axis: Axis) -> Axis:
    return Axis((0,) * len(axis.coefficients), 0, axis.extent, whole=True)


def _composed(axis: Axis, along: Sequence[Axis]) -> Axis:
    """An axis over dimensions that are themselves `along` others."""
    total = [0] * len(along[0].coefficients) if along else []
    offset, reach, padded = axis.offset, axis.reach, axis.padded
    for c, dim in zip(axis.coefficients, along, strict=True):
        if c:
            total = [t + c * d for t, d in zip(total, dim.coefficients, strict=True)]
            offset, reach, padded = offset + c * dim.offset, reach + c * dim.reach, padded or dim.padded
    return Axis(tuple(total), offset, axis.extent, padded, axis.whole, reach)


def _misses(axis: Axis, space: IterationSpace) -> bool:
    """Whether an iteration of the parallel dimensions may touch nothing of the axis, but padding alone."""
    if not axis.padded:
        return False
    first = last = axis.offset
    for c, dim in zip(axis.coefficients, space.dims, strict=True):
        if dim.kind == DimKind.PARALLEL:
            last += c * (dim.size - 1)
        else:
            first += c * (dim.size - 1)
    return first < 0 or last >= axis.extent
