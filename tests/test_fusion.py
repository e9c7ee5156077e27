"""What each kernel of a fused nest computes and reads, against the elements themselves."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeploy_mlir.space.fusion import FusedSpace, FusionError, Stage
from deeploy_mlir.space.iteration_space import Access, Axis, Dim, DimKind, IntArithmetic, IterationSpace
from deeploy_mlir.space.transfer import AccessGeometry

from .planning_problems import add_space, axis, conv_space, matmul_space

P, R = DimKind.PARALLEL, DimKind.REDUCTION


def depthwise_space(h: int, w: int, c: int, k: int, stride: int, pad: int) -> IterationSpace:
    """A channels-last depthwise convolution: image, weights, output."""
    oh, ow = (h + 2 * pad - k) // stride + 1, (w + 2 * pad - k) // stride + 1
    dims = (
        Dim("o0", P, oh),
        Dim("o1", P, ow),
        Dim("g", P, c),
        Dim("m", P, 1),
        Dim("k0", DimKind.WINDOW, k),
        Dim("k1", DimKind.WINDOW, k),
        Dim("c", R, 1),
    )
    rows, columns = axis(7, [(0, stride), (4, 1)], h, pad), axis(7, [(1, stride), (5, 1)], w, pad)
    image = Access((rows, columns, axis(7, [(2, 1), (6, 1)], c)), 1)
    weights = Access(tuple(axis(7, [(d, 1)], s) for d, s in ((2, c), (4, k), (5, k))), 1)
    out = Access((axis(7, [(0, 1)], oh), axis(7, [(1, 1)], ow), axis(7, [(2, 1), (3, 1)], c)), 1, True)
    return IterationSpace(dims, (image, weights, out))


def softmax_space(*shape: int) -> IterationSpace:
    """Rows along the last axis."""
    rank = len(shape)
    dims = tuple(Dim(f"r{i}", R if i == rank - 1 else P, s) for i, s in enumerate(shape))
    axes = tuple(axis(rank, [(i, 1)], s) for i, s in enumerate(shape))
    return IterationSpace(dims, (Access(axes, 4), Access(axes, 4, True)))


def extents(space: IterationSpace) -> tuple[int, ...]:
    return tuple(a.extent for a in space.output.axes)


windows = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2)).filter(lambda w: w[2] < w[0])
sizes = st.integers(4, 11)


@st.composite
def convolutions(draw: st.DrawFn) -> FusedSpace:
    """Two or three convolutions in a row, perhaps with the sum of what they read and write behind them."""
    h, w, c, count = draw(sizes), draw(sizes), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    stages: list[IterationSpace] = []
    skip = draw(st.booleans())
    for number in range(count):
        k, stride, pad = draw(windows)
        if skip and number == count - 1:
            k, stride, pad = draw(st.sampled_from([(1, 1, 0), (3, 1, 1)]))
        if min(h, w) + 2 * pad < k:
            k, stride, pad = 1, 1, 0
        if draw(st.booleans()):
            stages.append(depthwise_space(h, w, c, k, stride, pad))
        else:
            m = c if skip and number == count - 1 else draw(st.integers(1, 4))
            space = conv_space(h, w, c, m, k, stride, pad)
            stages.append(IterationSpace(space.dims, (*space.accesses[:2], space.accesses[-1])))
        h, w, c = extents(stages[-1])
    # Slots: the image, the weights, then what each writes.
    writes = [1 + count + number for number in range(count)]
    reads = [0, *writes[:-1]]
    fused = [Stage(s, (reads[n], 1 + n, writes[n])) for n, s in enumerate(stages)]
    if skip:
        fused.append(Stage(add_space(h, w, c), (reads[-1], writes[-1], 1 + 2 * count)))
    return FusedSpace(tuple(fused))


@st.composite
def attention(draw: st.DrawFn) -> FusedSpace:
    """Scores, their softmax, and the weighted sum."""
    b, m, n, k, v = (draw(st.integers(1, 7)) for _ in range(5))
    product_of = [matmul_space(b, m, n, k), softmax_space(b, m, n), matmul_space(b, m, v, n)]
    slots = [(0, 1, 3), (3, 4), (4, 2, 5)]
    return FusedSpace(tuple(Stage(s, numbers) for s, numbers in zip(product_of, slots, strict=True)))


@st.composite
def tiles(draw: st.DrawFn, spaces: st.SearchStrategy[FusedSpace]) -> tuple[FusedSpace, list[int], list[int], list[int]]:
    """A nest, tile sizes, and one of its tiles."""
    fused = draw(spaces)
    space = fused.space
    largest = [draw(st.integers(1, d.size)) if i in space.tileable else d.size for i, d in enumerate(space.dims)]
    lows = [t * draw(st.integers(0, (d.size - 1) // t)) for t, d in zip(largest, space.dims, strict=True)]
    return fused, largest, lows, [min(t, d.size - n) for t, d, n in zip(largest, space.dims, lows, strict=True)]


def read_along(axis: Axis, lows: tuple[int, ...], sizes: tuple[int, ...]) -> set[int]:
    """The indices along an axis that a box of iterations reads, padding left out."""
    ranges = [range(lows[d], lows[d] + sizes[d]) for d in axis.dims]
    indices = {
        axis.offset + sum(axis.coefficients[d] * i for d, i in zip(axis.dims, point, strict=True))
        for point in product(*ranges)
    }
    return {i for i in indices if 0 <= i < axis.extent}


@settings(deadline=None, max_examples=300)
@given(tiles(st.one_of(convolutions(), attention())))
def test_tiles_hold_what_is_read(drawn: tuple[FusedSpace, list[int], list[int], list[int]]) -> None:
    fused, largest, lows, part = drawn
    tile = fused.tile(lows, part, IntArithmetic())
    space = fused.space
    assert tile.box(len(fused.stages) - 1) == (tuple(lows), tuple(part))
    needed: dict[tuple[int, int], set[int]] = {}
    for made, stage in enumerate(fused.stages):
        low, size = tile.box(made)
        for a, (access, slot) in enumerate(zip(stage.space.accesses, stage.slots, strict=True)):
            for number, (along, region) in enumerate(zip(access.axes, tile.within(made, a), strict=True)):
                indices = read_along(along, low, size)
                needed.setdefault((slot, number), set()).update(indices)
                start = tile.held(slot)[number].start + region.start
                if indices:
                    assert set(range(start, start + region.size)) >= indices
                    assert (start, start + region.size - 1) == (min(indices), max(indices))
                assert 0 <= region.start
                assert region.start + region.size <= tile.held(slot)[number].size
                first = along.offset + sum(c * n for c, n in zip(along.coefficients, low, strict=True))
                assert start + region.origin == (first if along.padded else start)
    for (slot, number), indices in needed.items():
        held, along = tile.held(slot)[number], space.accesses[slot].axes[number]
        if along.whole:
            assert (held.start, held.size) == (0, along.extent)
        elif indices:
            assert (held.start, held.start + held.size - 1) == (min(indices), max(indices))
        # Buffers are large enough, and the planner's bounds hold what is transferred.
        assert held.size <= along.footprint(largest)
        (bound,) = [space.regions(space.accesses[slot], lows, part)[number]]
        assert bound.start <= held.start
        assert held.start + held.size <= bound.start + bound.size
    for made, bounds in enumerate(fused.stage_sizes(largest)):
        assert all(a <= b for a, b in zip(tile.box(made)[1], bounds, strict=True))


@settings(deadline=None, max_examples=60)
@given(tiles(st.one_of(convolutions(), attention())))
def test_all_tiles_of_a_slot_are_counted(drawn: tuple[FusedSpace, list[int], list[int], list[int]]) -> None:
    fused, largest, _, _ = drawn
    space = fused.space
    total = dict.fromkeys(range(len(space.accesses)), 0)
    grid = [range(0, d.size, t) for d, t in zip(space.dims, largest, strict=True)]
    for lows in product(*grid):
        part = [min(t, d.size - n) for t, d, n in zip(largest, space.dims, lows, strict=True)]
        tile = fused.tile(list(lows), part, IntArithmetic())
        for slot, access in enumerate(space.accesses):
            if all(lows[d] == 0 for d in range(len(lows)) if d not in access.dims):
                count = access.element_bytes
                for region in tile.held(slot):
                    count *= region.size
                total[slot] += count
    for slot, access in enumerate(space.accesses):
        assert total[slot] <= AccessGeometry(access, space.dims).bytes_total(largest)


def test_a_halo_is_computed_again() -> None:
    first, second = conv_space(16, 16, 4, 8), depthwise_space(16, 16, 8, 3, 1, 1)
    fused = FusedSpace((Stage(first, (0, 1, 2, 4)), Stage(second, (4, 3, 5))))
    tile = fused.tile([4, 0, 0, 0, 0, 0, 0], [4, 16, 8, 1, 3, 3, 1], IntArithmetic())
    assert tile.box(0)[0][:3] == (3, 0, 0)
    assert tile.box(0)[1][:3] == (6, 16, 8)  # one row on either side
    assert (tile.held(0)[0].start, tile.held(0)[0].size) == (2, 8)  # of the image, two
    assert fused.space.accesses[4].tile_shape([4, 16, 8, 1, 3, 3, 1]) == (6, 16, 8)
    assert fused.stage_sizes([4, 16, 8, 1, 3, 3, 1])[0] == (6, 16, 8, 3, 3, 4)


def test_readers_at_different_speeds_need_all() -> None:
    """One convolution reads every row, the other every second, and their results are as long: nothing of it is cut."""
    image = conv_space(9, 9, 2, 2)
    slow = conv_space(9, 9, 2, 2, k=3, stride=1, pad=1)
    fast_rows = axis(3, [(0, 2)], 9)
    dims = (Dim("d0", P, 5), Dim("d1", P, 9), Dim("d2", P, 2))
    axes = (fast_rows, axis(3, [(1, 1)], 9), axis(3, [(2, 1)], 2))
    plain = (axis(3, [(0, 1)], 9), *axes[1:])
    out = (axis(3, [(0, 1)], 5), *axes[1:])
    fast = IterationSpace(dims, (Access(axes, 1), Access(plain, 1), Access(out, 1, True)))
    fused = FusedSpace((Stage(image, (0, 1, 2, 5)), Stage(slow, (5, 3, 4, 6)), Stage(fast, (5, 6, 7))))
    assert fused.space.accesses[5].axes[0].whole
    assert not fused.space.accesses[5].axes[1].whole
    tile = fused.tile([2, 0, 0], [1, 9, 2], IntArithmetic())
    assert (tile.held(5)[0].start, tile.held(5)[0].size) == (0, 9)
    assert (tile.held(6)[0].start, tile.held(6)[0].size) == (2, 1)


def test_what_cannot_be_fused() -> None:
    add, conv = add_space(4, 4, 2), conv_space(4, 4, 2, 2)
    with pytest.raises(FusionError, match="no kernel behind it reads what it writes") as error:
        FusedSpace((Stage(add, (0, 1, 2)), Stage(add, (0, 1, 3))))
    assert error.value.stage == 0
    with pytest.raises(FusionError, match="has been there before it"):
        FusedSpace((Stage(add, (0, 1, 2)), Stage(add, (2, 1, 2)), Stage(add, (0, 2, 3))))
    part = Access(tuple(axis(3, [(i, 1)], s) for i, s in enumerate((4, 6, 2))), 1, True)
    partial = IterationSpace(add.dims, (*add.accesses[:2], part))
    with pytest.raises(FusionError, match="writes only a part of its output"):
        FusedSpace((Stage(partial, (0, 1, 2)), Stage(add_space(4, 6, 2), (2, 2, 3))))
    far = conv_space(4, 4, 2, 2, k=1, pad=2)
    with pytest.raises(FusionError, match="wholly in the padding") as error:
        FusedSpace((Stage(conv, (0, 1, 2, 5)), Stage(far, (5, 3, 4, 6))))
    assert error.value.stage == 1


def test_groups_are_computed_whole() -> None:
    """Of a grouped convolution's channels, which two dimensions make, each tile needs all."""
    dims = (Dim("d0", P, 6), Dim("g", P, 2), Dim("m", P, 3))
    out = Access((axis(3, [(0, 1)], 6), axis(3, [(1, 3), (2, 1)], 6)), 1, True)
    grouped = IterationSpace(dims, (Access((axis(3, [(0, 1)], 6), axis(3, [(1, 1)], 2)), 1), out))
    fused = FusedSpace((Stage(grouped, (0, 2)), Stage(add_space(6, 6), (2, 1, 3))))
    tile = fused.tile([2, 4], [2, 2], IntArithmetic())
    assert tile.box(0) == ((2, 0, 0), (2, 2, 3))
    assert (tile.held(2)[1].start, tile.held(2)[1].size) == (0, 6)
    assert (tile.within(1, 0)[1].start, tile.within(1, 0)[1].size) == (4, 2)
