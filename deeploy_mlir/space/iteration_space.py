"""The iteration space of a compute operator, free of IR.

An operator is described by its dimensions and, for each operand, one linear map per axis from dimensions to indices.
Everything that tiling needs follows from it: the part of each operand that a tile touches (halo and padding at the
borders included), bytes, multiply-accumulates, the share of a core. Nothing here knows an operator by name.

The same derivation must give numbers (planning) and IR (code generation), so it is written over an `Arithmetic`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import prod
from typing import Generic, Protocol, TypeVar


class DimKind(StrEnum):
    """What may be done along a dimension."""

    PARALLEL = "parallel"
    """Independent iterations: may be tiled and split over cores."""
    REDUCTION = "reduction"
    """Combined into one result (or, for a row operator, needed as a whole): never tiled for now."""
    WINDOW = "window"
    """A small sliding window: never tiled."""


@dataclass(frozen=True)
class Dim:
    """One dimension of an iteration space; `size` is -1 where it is only known at run time."""

    name: str
    kind: DimKind
    size: int


@dataclass(frozen=True)
class Axis:
    """One axis of an operand: index = sum(coefficients[i] * dim[i]) + offset, all coefficients >= 0.

    `extent` is the operand's size along the axis, -1 where only known at run time. Where `padded`, indices may leave
    [0, extent): they read the operator's padding value. Where `whole`, indices depend on data, so that every tile needs
    all of the axis. Each iteration touches the element at its index and the `reach` elements behind it: more than one
    where the iteration stands for those of several kernels (`space.fusion`). With a `block` above 1 the axis counts
    blocks of so many indices, and tiles begin at multiples of it (a packed operand)."""

    coefficients: tuple[int, ...]
    offset: int
    extent: int
    padded: bool = False
    whole: bool = False
    reach: int = 0
    block: int = 1

    @cached_property
    def dims(self) -> tuple[int, ...]:
        """The dimensions that move along this axis."""
        return tuple(i for i, c in enumerate(self.coefficients) if c)

    def footprint(self, sizes: Sequence[int]) -> int:
        """Most elements that a tile of these dimension sizes touches along the axis."""
        if self.whole:
            return self.extent
        span = 1 + self.reach + sum(c * (sizes[i] - 1) for i, c in enumerate(self.coefficients))
        span = -(-span // self.block)
        return span if self.extent < 0 else min(span, self.extent)


@dataclass(frozen=True)
class Access:
    """How an operand is accessed: its axes, bytes per element, and whether it is read or written."""

    axes: tuple[Axis, ...]
    element_bytes: int
    written: bool = False

    @cached_property
    def dims(self) -> tuple[int, ...]:
        """The dimensions that select a different part of the operand, ascending."""
        return tuple(sorted({d for axis in self.axes for d in axis.dims}))

    def tile_shape(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Largest part that a tile of these dimension sizes touches, in elements per axis."""
        return tuple(axis.footprint(sizes) for axis in self.axes)

    def tile_bytes(self, sizes: Sequence[int]) -> int:
        """Bytes of `tile_shape`."""
        return prod(self.tile_shape(sizes)) * self.element_bytes


T = TypeVar("T")


class Arithmetic(Protocol[T]):
    """Index arithmetic on numbers or on IR values."""

    def constant(self, value: int) -> T: ...
    def add(self, a: T, b: T) -> T: ...
    def sub(self, a: T, b: T) -> T: ...
    def mul(self, a: T, b: T) -> T: ...
    def min(self, a: T, b: T) -> T: ...
    def max(self, a: T, b: T) -> T: ...
    def div(self, a: T, b: int) -> T: ...


class IntArithmetic:
    """Arithmetic on Python integers."""

    def constant(self, value: int) -> int:
        return value

    def add(self, a: int, b: int) -> int:
        return a + b

    def sub(self, a: int, b: int) -> int:
        return a - b

    def mul(self, a: int, b: int) -> int:
        return a * b

    def min(self, a: int, b: int) -> int:
        return min(a, b)

    def max(self, a: int, b: int) -> int:
        return max(a, b)

    def div(self, a: int, b: int) -> int:
        return a // b


@dataclass(frozen=True)
class Region(Generic[T]):
    """What a tile touches along one axis of an operand.

    `start` and `size` lie inside the operand. `origin` is the tile-local index of the tile's first iteration: 0, or
    negative where padding comes first; the local index of an iteration is sum(coefficient * local dim) + origin."""

    start: T
    size: T
    origin: T


def axis_region(
    axis: Axis, lows: Sequence[T], sizes: Sequence[T], extent: T, a: Arithmetic[T], origin: T | None = None
) -> Region[T]:
    """The region of `axis` for the tile that starts at `lows` and has `sizes` (one entry per dimension).

    `extent` is the operand's size along the axis and `origin`, where given, replaces the axis' offset (the operand is
    itself a tile), both in the arithmetic's terms."""
    if axis.whole:
        return Region(a.constant(0), extent, a.constant(0))
    low = a.constant(axis.offset) if origin is None else origin
    span = a.constant(1 + axis.reach - sum(axis.coefficients))
    for i, coefficient in enumerate(axis.coefficients):
        if coefficient:
            c = a.constant(coefficient)
            low = a.add(low, a.mul(c, lows[i]))
            span = a.add(span, a.mul(c, sizes[i]))
    if axis.block > 1:
        low, span = a.div(low, axis.block), a.div(a.add(span, a.constant(axis.block - 1)), axis.block)
    if not axis.padded:
        return Region(low, span, a.constant(0))
    # A window may lie wholly in the padding: then the size is 0 and the start is kept inside the operand.
    start = a.min(a.max(low, a.constant(0)), extent)
    end = a.max(a.min(a.add(low, span), extent), start)
    return Region(start, a.sub(end, start), a.sub(low, start))


@dataclass(frozen=True)
class IterationSpace:
    """Dimensions and accesses of one operator; accesses are in the order of its operands, the output last."""

    dims: tuple[Dim, ...]
    accesses: tuple[Access, ...]
    macs_an_iteration: int = 1

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(d.size for d in self.dims)

    @property
    def output(self) -> Access:
        return self.accesses[-1]

    @cached_property
    def tileable(self) -> tuple[int, ...]:
        """Dimensions that may be cut: parallel, and alone on their axis of the output.

        A dimension that shares an output axis with another (a group and its channels) would cut it into pieces
        that are not contiguous, so only the slowest of them may be cut."""
        result: list[int] = []
        for i, dim in enumerate(self.dims):
            if dim.kind != DimKind.PARALLEL:
                continue
            axes = [axis for axis in self.output.axes if axis.coefficients[i]]
            if all(max(axis.coefficients) == axis.coefficients[i] for axis in axes):
                result.append(i)
        return tuple(result)

    @cached_property
    def inner_window_dims(self) -> frozenset[int]:
        """The tileable dimensions that move along a padded axis, without the outermost of each operand."""
        inner: set[int] = set()
        for access in self.accesses:
            moving = [d for axis in access.axes if axis.padded for d in axis.dims if d in self.tileable]
            inner |= {d for d in moving if d != min(moving)}
        return frozenset(inner)

    def iterations(self, sizes: Sequence[int] | None = None) -> int:
        """Number of points of a tile (of the whole space by default)."""
        return prod(self.sizes if sizes is None else sizes)

    def macs(self, sizes: Sequence[int] | None = None) -> int:
        """Multiply-accumulates (or elementary operations) of a tile, padding counted as if computed."""
        return self.iterations(sizes) * self.macs_an_iteration

    def trips(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Number of tiles along each dimension."""
        return tuple(-(-d.size // t) for d, t in zip(self.dims, sizes, strict=True))

    def regions(self, access: Access, lows: Sequence[int], sizes: Sequence[int]) -> tuple[Region[int], ...]:
        """Numeric regions of a tile for one access, one per axis."""
        arithmetic = IntArithmetic()
        return tuple(axis_region(axis, lows, sizes, axis.extent, arithmetic) for axis in access.axes)


def balanced_sizes(extent: int, multiple: int = 1) -> tuple[int, ...]:
    """The tile sizes worth trying along a dimension: ceil(extent / k) rounded up to `multiple`, descending."""
    sizes: set[int] = set()
    trips = 1
    while True:
        size = -(-extent // trips)
        size = min(extent, -(-size // multiple) * multiple)
        sizes.add(size)
        if size <= multiple or size == 1:
            break
        trips = max(trips + 1, -(-extent // (size - 1)) if size > 1 else trips + 1)
    return tuple(sorted(sizes, reverse=True))
