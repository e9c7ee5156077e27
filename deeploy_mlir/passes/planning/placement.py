"""Byte offsets for buffers with lifetimes in one memory: first fit in several orders, exact search where that fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deeploy_mlir.passes.planning.problem import align_up
from deeploy_mlir.passes.planning.solver import Model

MAX_EXACT = 30
"""Most buffers of a component that the exact placement takes on."""


@dataclass(frozen=True)
class Buffer:
    """Bytes held from step `first` to step `last`, both included."""

    size: int
    first: int
    last: int

    def overlaps(self, other: Buffer) -> bool:
        """Whether both are alive in some step."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Placement:
    """An offset a buffer, in the order given; `peak` is the highest end (aligned), `bound` the most bytes alive."""

    offsets: tuple[int, ...]
    peak: int
    bound: int


def live_bound(buffers: Sequence[Buffer], align: int) -> int:
    """The most bytes alive in one step, sizes rounded up to `align`: no placement has a lower peak."""
    changes: dict[int, int] = {}
    for b in buffers:
        changes[b.first] = changes.get(b.first, 0) + align_up(b.size, align)
        changes[b.last + 1] = changes.get(b.last + 1, 0) - align_up(b.size, align)
    alive = most = 0
    for step in sorted(changes):
        alive += changes[step]
        most = max(most, alive)
    return most


def components(buffers: Sequence[Buffer]) -> list[list[int]]:
    """Groups of buffers (by index) of which no two groups are alive together, in order of time."""
    groups: list[list[int]] = []
    end = -1
    for i in sorted(range(len(buffers)), key=lambda i: (buffers[i].first, i)):
        if not groups or buffers[i].first > end:
            groups.append([])
        groups[-1].append(i)
        end = max(end, buffers[i].last)
    return groups


def first_fit(buffers: Sequence[Buffer], order: Sequence[int], align: int) -> list[int]:
    """Offsets (by buffer) when each buffer in `order` takes the lowest place that is free for its whole life."""
    offsets = [0] * len(buffers)
    placed: list[int] = []
    for i in order:
        taken = sorted(
            (offsets[j], offsets[j] + align_up(buffers[j].size, align))
            for j in placed
            if buffers[i].overlaps(buffers[j])
        )
        low = 0
        for start, end in taken:
            if low + buffers[i].size <= start:
                break
            low = max(low, end)
        offsets[i] = low
        placed.append(i)
    return offsets


def _orders(buffers: Sequence[Buffer]) -> list[list[int]]:
    def length(b: Buffer) -> int:
        return b.last - b.first + 1

    keys: list[Callable[[Buffer], tuple[int, ...]]] = [
        lambda b: (-b.size, b.first),
        lambda b: (-length(b), -b.size),
        lambda b: (-length(b) * b.size, b.first),
        lambda b: (b.first, -b.size),
        lambda b: (b.first, -length(b), -b.size),
        lambda b: (-b.last, -b.size),
        lambda b: (b.last, -b.size),
    ]
    return [sorted(range(len(buffers)), key=lambda i: (*key(buffers[i]), i)) for key in keys]


def _peak(buffers: Sequence[Buffer], offsets: Sequence[int]) -> int:
    return max((o + b.size for o, b in zip(offsets, buffers, strict=True)), default=0)


def _improve(buffers: Sequence[Buffer], order: list[int], align: int, bound: int, rounds: int) -> list[int]:
    """Moves the buffer that sits highest to the front of the order, as long as that finds something new."""
    best = first_fit(buffers, order, align)
    tried: set[tuple[int, ...]] = set()
    for _ in range(rounds):
        offsets = first_fit(buffers, order, align)
        if _peak(buffers, offsets) < _peak(buffers, best):
            best = offsets
        if _peak(buffers, best) <= bound or tuple(order) in tried:
            break
        tried.add(tuple(order))
        top = max(order, key=lambda i: offsets[i] + buffers[i].size)
        order = [top, *(i for i in order if i != top)]
    return best


def _place_exactly(buffers: Sequence[Buffer], align: int, capacity: int) -> list[int] | None:
    """Offsets of least peak, by ordering binaries; None if none is found within the node limit."""
    model = Model(gap=1e-6, nodes=20_000)
    units = [align_up(b.size, align) // align for b in buffers]
    top = capacity // align
    peak = model.column(0, top, 1.0)
    offsets = [model.column(0, top - u, 0.0) for u in units]
    for i, u in enumerate(units):
        model.row([(peak, 1.0), (offsets[i], -1.0)], low=u)
    for i in range(len(buffers)):
        for j in range(i):
            if buffers[i].overlaps(buffers[j]):
                above = model.binary(0.0)
                model.row([(offsets[i], 1.0), (offsets[j], -1.0), (above, -float(top))], low=units[j] - top)
                model.row([(offsets[j], 1.0), (offsets[i], -1.0), (above, float(top))], low=units[i])
    solution = model.minimise()
    if solution is None:
        return None
    # Pushed down in the order that the solver found: integral, and never higher than its answer.
    order = sorted(range(len(buffers)), key=lambda i: (solution.values[offsets[i]], i))
    placed = [0] * len(buffers)
    for n, i in enumerate(order):
        placed[i] = max((placed[j] + units[j] * align for j in order[:n] if buffers[i].overlaps(buffers[j])), default=0)
    return placed


def place(buffers: Sequence[Buffer], align: int, capacity: int) -> Placement:
    """Offsets, multiples of `align`, such that buffers alive together do not overlap, with a low peak.

    The peak may exceed `capacity` where no better placement is found: the caller must look."""
    offsets = [0] * len(buffers)
    for group in components(buffers):
        part = [buffers[i] for i in group]
        bound = live_bound(part, align)
        best: list[int] | None = None
        for order in _orders(part):
            found = first_fit(part, order, align)
            if best is None or _peak(part, found) < _peak(part, best):
                best = found
            if _peak(part, best) <= bound:
                break
        assert best is not None
        if align_up(_peak(part, best), align) > bound:
            for order in _orders(part):
                found = _improve(part, order, align, bound, rounds=2 * len(part))
                if _peak(part, found) < _peak(part, best):
                    best = found
        if bound <= capacity < align_up(_peak(part, best), align) and len(part) <= MAX_EXACT:
            exact = _place_exactly(part, align, capacity)
            if exact is not None and _peak(part, exact) < _peak(part, best):
                best = exact
        for i, offset in zip(group, best, strict=True):
            offsets[i] = offset
    return Placement(tuple(offsets), align_up(_peak(buffers, offsets), align), live_bound(buffers, align))
