"""The geometry of transfers, against copying element by element."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeploy_mlir.space.iteration_space import Access, Axis, Dim, DimKind, IterationSpace
from deeploy_mlir.space.transfer import (
    AccessGeometry,
    TransferAxis,
    TransferDim,
    axis_sizes,
    axis_totals,
    merge_axes,
    transfer_axes,
    transfer_jobs,
    transfer_shape,
)


def space_of(extents: list[int]) -> tuple[tuple[Dim, ...], Access]:
    """A dense operand whose axes are the dimensions."""
    dims = tuple(Dim(f"d{i}", DimKind.PARALLEL, e) for i, e in enumerate(extents))
    axes = tuple(Axis(tuple(int(i == j) for j in range(len(extents))), 0, e) for i, e in enumerate(extents))
    return dims, Access(axes, 1)


def strides(shape: list[int]) -> list[int]:
    return [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]


def dim_size(dim: TransferDim, sizes: list[int]) -> int:
    return sizes[dim.first] * dim.inner


@st.composite
def tiled(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    extents = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    tiles = [draw(st.integers(1, e)) for e in extents]
    lows = [draw(st.integers(0, -(-e // t) - 1)) * t for e, t in zip(extents, tiles, strict=True)]
    return extents, tiles, lows


@settings(max_examples=300, deadline=None)
@given(tiled(), st.sampled_from([1, 2]))
def test_jobs_copy_exactly_the_tile(case: tuple[list[int], list[int], list[int]], max_dims: int) -> None:
    extents, tiles, lows = case
    dims, access = space_of(extents)
    sizes = [min(t, e - low) for e, t, low in zip(extents, tiles, lows, strict=True)]
    shape = transfer_shape(transfer_axes(access, dims, tiles), max_dims)
    home, buffer = np.arange(int(np.prod(extents))), np.full(int(np.prod(tiles)), -1)
    base = sum(low * s for low, s in zip(lows, strides(extents), strict=True))
    row = 1 if shape.row is None else dim_size(shape.row, sizes)
    rows = 1 if shape.rows is None else dim_size(shape.rows, sizes)
    row_stride = 0 if shape.rows is None else shape.rows.home_stride
    for indices in product(*(range(dim_size(loop, sizes)) for loop in shape.loops)):
        source = base + sum(i * loop.home_stride for i, loop in zip(indices, shape.loops, strict=True))
        target = sum(i * loop.tile_stride for i, loop in zip(indices, shape.loops, strict=True))
        for r in range(rows):  # rows lie back to back in the buffer
            buffer[target + r * row : target + (r + 1) * row] = home[source + r * row_stride :][:row]
    expected = np.full(tiles, -1)
    region = tuple(slice(low, low + size) for low, size in zip(lows, sizes, strict=True))
    expected[tuple(slice(0, size) for size in sizes)] = home.reshape(extents)[region]
    np.testing.assert_array_equal(buffer.reshape(tiles), expected)


@pytest.mark.parametrize(
    ("extents", "tiles", "jobs_2d", "jobs_1d"),
    [
        ([4, 8, 16], [4, 8, 16], 1, 1),  # all of it: one run
        ([4, 8, 16], [2, 8, 16], 1, 1),  # a contiguous part
        ([4, 8, 16], [4, 4, 16], 1, 4),  # rows of 64 at a stride of 128
        ([4, 8, 16], [4, 8, 4], 1, 32),  # 32 rows of 4: rows merge over both outer axes
        ([4, 8, 16], [4, 4, 4], 4, 16),
        ([4, 8, 16], [4, 8, 5], 32, 32),  # 16 = 5 + 5 + 5 + 1: rows do not always fill the buffer's
        ([8, 1, 16], [3, 1, 16], 1, 1),  # the unit axis is no obstacle
        ([8, 64], [8, 1], 1, 8),  # a column
    ],
)
def test_number_of_jobs(extents: list[int], tiles: list[int], jobs_2d: int, jobs_1d: int) -> None:
    dims, access = space_of(extents)
    assert transfer_jobs(access, dims, tiles, 2) == jobs_2d
    assert transfer_jobs(access, dims, tiles, 1) == jobs_1d


def test_only_the_first_axis_of_a_dimension_varies() -> None:
    merged = merge_axes([TransferAxis(7, 3, None), TransferAxis(4, 4, 4), TransferAxis(5, 5, 5)])
    assert merged == (TransferDim(0, 2, 20, 60, None, 1, 1),)


def test_a_static_part_smaller_than_the_buffer_is_not_merged() -> None:
    # All tiles touch 8 of 10, but the buffer has room for 9: neither side is contiguous across rows.
    merged = merge_axes([TransferAxis(4, 4, 4), TransferAxis(10, 9, 8)])
    assert [(d.size, d.home_stride, d.tile_stride) for d in merged] == [(4, 10, 9), (8, 1, 1)]


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 12), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2), st.integers(1, 12)
)
def test_bytes_of_tiles_with_halo(outputs: int, window: int, stride: int, dilation: int, pad: int, tile: int) -> None:
    """The bytes counted are those of the regions that the iteration space gives, tile by tile."""
    tile = min(tile, outputs)
    extent = max(1, stride * (outputs - 1) + dilation * (window - 1) + 1 - 2 * pad)
    dims = (Dim("o", DimKind.PARALLEL, outputs), Dim("k", DimKind.WINDOW, window), Dim("c", DimKind.REDUCTION, 3))
    access = Access((Axis((stride, dilation, 0), -pad, extent, pad > 0), Axis((0, 0, 1), 0, 3)), 2)
    space = IterationSpace(dims, (access,))
    expected = 0
    for low in range(0, outputs, tile):
        regions = space.regions(access, (low, 0, 0), (min(tile, outputs - low), window, 3))
        expected += regions[0].size * regions[1].size * 2
    geometry = AccessGeometry(access, dims)
    assert geometry.bytes_total((tile, window, 3)) == expected
    assert geometry.tiles((tile, window, 3)) == -(-outputs // tile)


def test_totals_along_an_axis_are_those_of_all_its_tiles() -> None:
    for size, tile, step, offset, spare, padded in product(
        range(1, 9), range(1, 10), (1, 2), (-1, 0, 2), (-2, 0, 3), (False, True)
    ):
        dims = [Dim("a", DimKind.PARALLEL, 4), Dim("b", DimKind.PARALLEL, size)]
        axis = Axis((0, step), offset, max(1, offset + step * (size - 1) + 1 + spare), padded)
        each = axis_sizes(axis, dims, [4, tile])
        assert axis_totals(axis, dims, [4, tile]) == (min(each), max(each), sum(each))
