"""Offsets of buffers with lifetimes, against exhaustive search."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeploy_mlir.passes.planning.placement import Buffer, Placement, components, first_fit, live_bound, place
from deeploy_mlir.passes.planning.problem import align_up


@st.composite
def buffers_of(draw: st.DrawFn) -> list[Buffer]:
    raw = draw(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 6), st.integers(0, 4)), max_size=6))
    return [Buffer(size, first, first + length) for size, first, length in raw]


def check(buffers: Sequence[Buffer], placement: Placement, align: int) -> None:
    """No two buffers alive together overlap; all are aligned; the figures are right."""
    assert len(placement.offsets) == len(buffers)
    for i, (a, at) in enumerate(zip(buffers, placement.offsets, strict=True)):
        assert at >= 0
        assert at % align == 0
        for b, bt in zip(buffers[:i], placement.offsets[:i], strict=True):
            if a.overlaps(b):
                assert at + a.size <= bt or bt + b.size <= at
    ends = [o + b.size for o, b in zip(placement.offsets, buffers, strict=True)]
    assert placement.peak == align_up(max(ends, default=0), align)
    assert placement.peak >= placement.bound


def least_peak(buffers: Sequence[Buffer], align: int) -> int:
    """The best of first fit in all orders, which contains an optimal placement."""
    orders = permutations(range(len(buffers)))
    peaks = (
        max((o + b.size for o, b in zip(first_fit(buffers, order, align), buffers, strict=True)), default=0)
        for order in orders
    )
    return min(peaks)


@settings(max_examples=150, deadline=None)
@given(buffers_of(), st.sampled_from([1, 4, 8]))
def test_placement_is_valid_and_optimal_on_small_problems(buffers: list[Buffer], align: int) -> None:
    best = least_peak(buffers, align)
    placement = place(buffers, align, capacity=align_up(best, align))
    check(buffers, placement, align)
    assert placement.peak == align_up(best, align)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 60), st.integers(0, 8)), min_size=20, max_size=80))
def test_larger_placements_are_valid(raw: list[tuple[int, int, int]]) -> None:
    buffers = [Buffer(size, first, first + length) for size, first, length in raw]
    check(buffers, place(buffers, 8, capacity=1 << 30), 8)


def test_live_bound_counts_aligned_bytes_of_one_step() -> None:
    assert live_bound([Buffer(5, 0, 1), Buffer(3, 1, 2), Buffer(100, 3, 3)], 4) == 100
    assert live_bound([Buffer(5, 0, 1), Buffer(3, 1, 2)], 4) == 12
    assert live_bound([], 4) == 0


def test_components_split_in_time() -> None:
    buffers = [Buffer(1, 0, 2), Buffer(1, 2, 3), Buffer(1, 4, 5), Buffer(1, 4, 4)]
    assert components(buffers) == [[0, 1], [2, 3]]


# (size, first, last): no order of first fit that is tried reaches the most bytes alive.
HARD = (
    [(40, 3, 8), (48, 5, 10), (48, 6, 8), (64, 9, 11), (72, 8, 9), (8, 2, 4), (32, 9, 10), (16, 2, 5), (8, 1, 5),
     (40, 1, 2), (40, 1, 6), (72, 1, 1), (32, 2, 6), (56, 0, 4)],
    [(56, 6, 8), (16, 3, 4), (48, 1, 1), (24, 9, 9), (32, 1, 6), (40, 5, 5), (16, 5, 5), (32, 3, 8), (48, 8, 8),
     (56, 4, 6), (64, 2, 7), (8, 9, 12), (64, 7, 7), (72, 3, 3)],
)  # fmt: skip


@pytest.mark.parametrize("raw", HARD)
def test_exact_search_where_first_fit_fails(raw: list[tuple[int, int, int]]) -> None:
    buffers = [Buffer(*b) for b in raw]
    bound = live_bound(buffers, 8)
    roomy, tight = place(buffers, 8, capacity=1 << 20), place(buffers, 8, capacity=bound)
    check(buffers, roomy, 8)
    check(buffers, tight, 8)
    assert roomy.peak > bound  # with room to spare the search is not started
    assert tight.peak == bound
