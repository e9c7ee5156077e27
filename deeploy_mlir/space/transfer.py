"""The geometry of a transfer between an operand's home and the buffer that holds one tile of it, free of IR.

The home holds the whole operand in row-major order. The buffer is row-major too and always has the shape of the
largest tile (`Access.tile_shape`), so its strides are static; smaller tiles, at the borders, leave part of it unused.
Adjacent axes that are contiguous on both sides move as one; what remains is cut into jobs that the DMA can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from deeploy_mlir.space.iteration_space import Access, Axis, Dim, IntArithmetic, axis_region


@dataclass(frozen=True)
class TransferAxis:
    """One axis of an operand: its size at home, that of the largest tile, and that of every tile.

    `size` is None where tiles differ in size; otherwise all tiles have it (it may be less than `tile`, since the
    largest tile is an upper bound)."""

    extent: int
    tile: int
    size: int | None


@dataclass(frozen=True)
class TransferDim:
    """A run of operand axes `first` to `last` (inclusive) that moves as one dimension; strides are in elements.

    Only `first` may differ in size from tile to tile: then `size` is None and the dimension has
    (size of axis `first`) * `inner` elements, at most `max_size`."""

    first: int
    last: int
    inner: int
    max_size: int
    size: int | None
    home_stride: int
    tile_stride: int


@dataclass(frozen=True)
class TransferShape:
    """How one tile moves: `loops` (outermost first) around jobs of `rows` rows of `row` contiguous elements.

    `row` and `rows` are None where they are a single element or a single row. A two-dimensional job reads or writes
    its rows at a stride at home and back to back in the buffer."""

    loops: tuple[TransferDim, ...]
    rows: TransferDim | None
    row: TransferDim | None

    @property
    def jobs(self) -> int:
        """Jobs for the largest tile."""
        return prod(dim.max_size for dim in self.loops)


def tile_grid(dims: Sequence[Dim], sizes: Sequence[int], used: Sequence[int]) -> list[tuple[dict[int, int], list[int]]]:
    """The (lows, sizes) of every tile along the dimensions `used`; sizes cover all dimensions."""
    ranges = [range(0, max(dims[d].size, 1), max(sizes[d], 1)) for d in used]
    grid: list[tuple[dict[int, int], list[int]]] = []
    for lows in product(*ranges):
        part = list(sizes)
        for d, low in zip(used, lows, strict=True):
            part[d] = min(sizes[d], dims[d].size - low)
        grid.append((dict(zip(used, lows, strict=True)), part))
    return grid


def axis_sizes(axis: Axis, dims: Sequence[Dim], sizes: Sequence[int]) -> list[int]:
    """Elements that each tile touches along the axis, for tiles of `sizes` (one entry per dimension) over `dims`."""
    arithmetic = IntArithmetic()
    result: list[int] = []
    for lows, part in tile_grid(dims, sizes, axis.dims):
        low = [lows.get(i, 0) for i in range(len(dims))]
        result.append(axis_region(axis, low, part, axis.extent, arithmetic).size)
    return result


def axis_totals(axis: Axis, dims: Sequence[Dim], sizes: Sequence[int]) -> tuple[int, int, int]:
    """The smallest and the largest of `axis_sizes`, and their sum.

    Along one dimension, where no tile leaves the operand, all tiles but the last touch as much: of a million tiles not
    each is looked at."""
    if len(axis.dims) == 1 and not axis.padded and not axis.whole and axis.block == 1 and dims[axis.dims[0]].size > 0:
        (d,) = axis.dims
        step, tile = axis.coefficients[d], max(sizes[d], 1)
        if axis.offset >= 0 and axis.offset + step * (dims[d].size - 1) + axis.reach < axis.extent:
            full, rest = divmod(dims[d].size, tile)
            found = [step * (n - 1) + 1 + axis.reach for n in ([tile] if full else []) + ([rest] if rest else [])]
            return min(found), max(found), found[0] * full + (found[-1] if rest else 0)
    each = axis_sizes(axis, dims, sizes)
    return min(each), max(each), sum(each)


class AccessGeometry:
    """What tiles of one access look like; remembers each axis, since many tilings share the sizes along one."""

    def __init__(self, access: Access, dims: Sequence[Dim]) -> None:
        self.access, self.dims = access, dims
        used = [d for axis in access.axes for d in axis.dims]
        self._separable = len(used) == len(set(used))
        self._axis_dims = [axis.dims for axis in access.axes]
        self._known: dict[tuple[int, ...], tuple[TransferAxis, int]] = {}

    def _axis(self, number: int, sizes: Sequence[int]) -> tuple[TransferAxis, int]:
        """The axis, and its elements summed over the tiles."""
        key = (number, *(sizes[d] for d in self._axis_dims[number]))
        if key not in self._known:
            axis = self.access.axes[number]
            smallest, largest, total = axis_totals(axis, self.dims, sizes)
            size = smallest if smallest == largest else None
            self._known[key] = TransferAxis(axis.extent, axis.footprint(sizes), size), total
        return self._known[key]

    def axes(self, sizes: Sequence[int]) -> tuple[TransferAxis, ...]:
        """All axes as tiles of these dimension sizes see them."""
        return tuple(self._axis(number, sizes)[0] for number in range(len(self.access.axes)))

    def tiles(self, sizes: Sequence[int]) -> int:
        """Different tiles of the operand."""
        return prod(-(-self.dims[d].size // sizes[d]) for d in self.access.dims)

    def tile_bytes(self, sizes: Sequence[int]) -> int:
        """Bytes of the largest tile."""
        return prod(axis.tile for axis in self.axes(sizes)) * self.access.element_bytes

    def bytes_total(self, sizes: Sequence[int]) -> int:
        """Bytes of all different tiles together, each counted once (halos count in every tile that they are in).

        Where axes share a dimension the largest tile is counted for all: an upper bound."""
        if not self._separable:
            return self.tiles(sizes) * self.tile_bytes(sizes)
        totals = [self._axis(number, sizes)[1] for number in range(len(self.access.axes))]
        return prod(totals) * self.access.element_bytes

    def shape(self, sizes: Sequence[int], max_dims: int = 2) -> TransferShape:
        """How a tile moves."""
        return transfer_shape(self.axes(sizes), max_dims)


def transfer_axes(access: Access, dims: Sequence[Dim], sizes: Sequence[int]) -> tuple[TransferAxis, ...]:
    """All axes of an access as tiles of these dimension sizes see them."""
    return AccessGeometry(access, dims).axes(sizes)


def merge_axes(axes: Sequence[TransferAxis]) -> tuple[TransferDim, ...]:
    """The dimensions of a transfer, outermost first: axes of one element are dropped, contiguous neighbours merged."""
    home_stride = tile_stride = 1
    merged: list[TransferDim] = []
    for number in reversed(range(len(axes))):
        axis = axes[number]
        if axis.size != 1:
            inside = merged[-1] if merged else None
            if (
                inside is not None
                and inside.size is not None
                and home_stride == inside.home_stride * inside.size
                and tile_stride == inside.tile_stride * inside.size
            ):
                size = None if axis.size is None else axis.size * inside.size
                merged[-1] = TransferDim(
                    number,
                    inside.last,
                    inside.size,
                    axis.tile * inside.size,
                    size,
                    inside.home_stride,
                    inside.tile_stride,
                )
            else:
                largest = axis.tile if axis.size is None else axis.size
                merged.append(TransferDim(number, number, 1, largest, axis.size, home_stride, tile_stride))
        home_stride *= axis.extent
        tile_stride *= axis.tile
    return tuple(reversed(merged))


def transfer_shape(axes: Sequence[TransferAxis], max_dims: int = 2) -> TransferShape:
    """Cuts a transfer into jobs for a DMA that moves `max_dims` (1 or 2) dimensions in a job."""
    dims = list(merge_axes(axes))
    row = dims.pop() if dims and dims[-1].home_stride == 1 and dims[-1].tile_stride == 1 else None
    rows = None
    if dims and max_dims > 1:
        packed = 1 if row is None else row.size
        if packed is not None and dims[-1].tile_stride == packed:
            rows = dims.pop()
    return TransferShape(tuple(dims), rows, row)


def transfer_jobs(access: Access, dims: Sequence[Dim], sizes: Sequence[int], max_dims: int = 2) -> int:
    """DMA jobs that move the largest tile of an access."""
    return AccessGeometry(access, dims).shape(sizes, max_dims).jobs
