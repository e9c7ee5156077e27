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


class FusionError(ValueError):
    """Kernels that cannot share a nest; `stage` is the number of the one that is in the way."""

    def __init__(self, stage: int, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage


@dataclass(frozen=True)
class FusedSpace:
    """The stages of a nest. Slots are numbered from 0: what is only read, then the intermediates, then the output;
    those of a single stage are in the order of its accesses.

    Raises FusionError where a stage cannot run on tiles of what it writes."""

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        single = len(self.stages) == 1
        slots = {slot for stage in self.stages for slot in stage.slots}
        if slots != set(range(self.last.writes + 1)) or (single and self.last.slots != tuple(sorted(slots))):
            raise ValueError(f"slots {sorted(slots)} of a nest that writes slot {self.last.writes}")
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
        if len(self.stages) == 1:
            return self.last.space
        found: dict[int, Access] = {}
        for stage in range(len(self.stages) - 1, -1, -1):
            self._add_accesses(stage, found)
        return IterationSpace(self.last.space.dims, tuple(found[slot] for slot in sorted(found)))

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
            shape = self.access_of(stage.writes).tile_shape(sizes)
            pairs = zip(stage.space.dims, stage.cut_axes, strict=True)
            result.append(tuple(dim.size if cut is None else shape[cut] for dim, cut in pairs))
        return (*result, tuple(sizes))

    def access_of(self, slot: int) -> Access:
        """How the nest accesses a slot."""
        return self.space.accesses[slot]

    def tile(self, lows: Sequence[T], sizes: Sequence[T], a: Arithmetic[T]) -> FusedTile[T]:
        """The tile of the last kernel that starts at `lows` and has `sizes`, and all that it needs."""
        return FusedTile(self, lows, sizes, a)


class FusedTile(Generic[T]):
    """One tile of a nest. What is asked for is worked out once, then and not before: as IR it stands where it is asked
    for."""

    def __init__(self, fused: FusedSpace, lows: Sequence[T], sizes: Sequence[T], arithmetic: Arithmetic[T]) -> None:
        self.fused, self.a = fused, arithmetic
        last = len(fused.stages) - 1
        self._boxes: dict[int, tuple[tuple[T, ...], tuple[T, ...]]] = {last: (tuple(lows), tuple(sizes))}
        self._touched: dict[tuple[int, int], tuple[Region[T], ...]] = {}
        self._held: dict[int, tuple[Region[T], ...]] = {}

    def box(self, stage: int) -> tuple[tuple[T, ...], tuple[T, ...]]:
        """The first index and the size along each dimension of a stage."""
        if stage not in self._boxes:
            self._boxes[stage] = _box(self.fused.stages[stage], self.held(self.fused.stages[stage].writes), self.a)
        return self._boxes[stage]

    def touched(self, stage: int, access: int) -> tuple[Region[T], ...]:
        """What an access of a stage touches of its slot, for each axis."""
        if (stage, access) not in self._touched:
            lows, sizes = self.box(stage)
            self._touched[stage, access] = tuple(
                axis_region(axis, lows, sizes, self.a.constant(axis.extent), self.a)
                for axis in self.fused.stages[stage].space.accesses[access].axes
            )
        return self._touched[stage, access]

    def held(self, slot: int) -> tuple[Region[T], ...]:
        """What the tile has of a slot, for each axis; `origin` means nothing here."""
        if slot not in self._held:
            maker = self.fused.makers.get(slot)
            touched = [
                self.touched(number, access)
                for number, stage in enumerate(self.fused.stages)
                for access, other in enumerate(stage.slots)
                if other == slot and number != maker
            ]
            self._held[slot] = tuple(
                self._united(axis, [regions[number] for regions in touched])
                for number, axis in enumerate(self.fused.access_of(slot).axes)
            )
        return self._held[slot]

    def _united(self, axis: Axis, regions: Sequence[Region[T]]) -> Region[T]:
        """The region around all that is touched along an axis."""
        a = self.a
        if axis.whole:
            return Region(a.constant(0), a.constant(axis.extent), a.constant(0))
        if len(regions) == 1:
            return regions[0]
        start, end = regions[0].start, a.add(regions[0].start, regions[0].size)
        for region in regions[1:]:
            start, end = a.min(start, region.start), a.max(end, a.add(region.start, region.size))
        return Region(start, a.sub(end, start), a.constant(0))

    def within(self, stage: int, access: int) -> tuple[Region[T], ...]:
        """As `touched`, with each start counted from that of what the tile has of the slot."""
        held = self.held(self.fused.stages[stage].slots[access])
        pairs = zip(self.touched(stage, access), held, strict=True)
        return tuple(Region(self.a.sub(r.start, h.start), r.size, r.origin) for r, h in pairs)


def _box(stage: Stage, held: Sequence[Region[T]], a: Arithmetic[T]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """First index and size along each dimension of a stage that writes what is held."""
    lows = tuple(a.constant(0) if cut is None else held[cut].start for cut in stage.cut_axes)
    dims = zip(stage.space.dims, stage.cut_axes, strict=True)
    return lows, tuple(a.constant(dim.size) if cut is None else held[cut].size for dim, cut in dims)


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
