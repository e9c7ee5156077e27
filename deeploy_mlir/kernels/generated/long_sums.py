"""Sums of many floats whose error does not grow with their number.

An accumulator takes the terms of a run, 32 to 128. Runs are added to a second accumulator, and `SUMS` of those to
a total that keeps what rounding takes away from it (the two-sum of Møller and Knuth). So no accumulator ever takes
more than a run's terms or `SUMS` runs, for one addition a run and six more in `SUMS` runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

from xdsl.dialects.builtin import IndexType
from xdsl.ir import Attribute, SSAValue

from deeploy_mlir.ir.c_builder import CBuilder

SUMS = 16
"""Most runs that are added before what rounding loses is kept."""

Number = SSAValue | int
"""Which of the sums that are computed together: an index at run time, or a number."""
ForEach = Callable[[Callable[[Number], None]], None]
"""Calls a function for all of them: for each in straight code, or once inside a loop."""
Declare = Callable[[str], Callable[[Number], SSAValue]]
"""Declares places of a name, which start from zero, and gives a function from a number to a place."""


@dataclass(frozen=True)
class Division:
    """How the loops of a sum are divided into runs."""

    loop: int
    """Number of the loop, outermost first, that is divided."""
    step: int
    """Its iterations in a run; the loops inside are part of the run as a whole."""
    runs: int | None
    """All runs of the sum, None if not known."""


def division(sizes: Sequence[int | None], most: int, multiple: int = 1) -> Division | None:
    """Divides loops of these sizes, outermost first (None: not known), into runs of at most `most` terms.

    None if all is one run, which may be half as long again. Runs of the innermost loop are multiples of `multiple`, and
    alike if that can be."""
    known = [size for size in sizes if size is not None]
    if len(known) == len(sizes) and 2 * prod(known) <= 3 * most:
        return None
    inside = 1
    for number in range(len(sizes) - 1, -1, -1):
        size = sizes[number]
        if size is not None and inside * size <= most:
            inside *= size
            continue
        step = max(1, most // inside)
        if number == len(sizes) - 1:
            step = max(1, step // multiple) * multiple
            alike = (s for s in range(step, step // 2, -multiple) if size is not None and size % s == 0)
            step = next(alike, step)
        outer = [*sizes[:number], None if size is None else -(-size // step)]
        counts = [s for s in outer if s is not None]
        return Division(number, step, prod(counts) if len(counts) == len(outer) else None)
    return None


class LongSums:
    """The sums of runs, and their total; see `scalars` and `arrays` for where they are kept."""

    def __init__(
        self,
        b: CBuilder,
        t: Attribute,
        runs: int | None,
        for_each: ForEach,
        declare: Declare,
    ) -> None:
        self.b, self.t, self.for_each = b, t, for_each
        self.middle = declare("runs")
        self.total = self.lost = self.count = None
        if runs is None or runs > SUMS:
            self.total, self.lost = declare("total"), declare("lost")
            self.count = b.var("count", IndexType(), 0)

    def end_run(self, accumulators: Callable[[Number], Sequence[SSAValue]]) -> None:
        """Adds what the accumulators of each sum hold to the sums of runs, and empties them."""
        b = self.b

        def add(number: Number) -> None:
            places = accumulators(number)
            middle = self.middle(number)
            b.assign(middle, b.add(b.load(middle), sum_of(b, [b.load(place) for place in places])))
            for place in places:
                b.assign(place, b.const(0.0, self.t))

        self.for_each(add)
        if self.count is not None:
            b.assign(self.count, b.add(b.load(self.count), 1))
            with b.if_(b.cmp("eq", b.rem(b.load(self.count), SUMS), 0)):
                self.for_each(self._settle)

    def _settle(self, number: Number) -> None:
        """Adds a sum of runs to its total, and empties it."""
        b = self.b
        assert self.total is not None
        assert self.lost is not None
        total, lost, middle = self.total(number), self.lost(number), self.middle(number)
        before, x = b.named("before", b.load(total)), b.named("more", b.load(middle))
        after = b.named("after", b.add(before, x))
        part = b.named("part", b.sub(after, before))
        error = b.add(b.sub(before, b.sub(after, part)), b.sub(x, part))
        b.assign(lost, b.add(b.load(lost), error))
        b.assign(total, after)
        b.assign(middle, b.const(0.0, self.t))

    def value(self, number: Number, left: SSAValue | None) -> SSAValue:
        """A whole sum; `left` is what its accumulators still hold, if anything."""
        b = self.b
        middle = b.load(self.middle(number))
        if left is not None:
            middle = b.add(middle, left)
        if self.total is None or self.lost is None:
            return middle
        total = b.named("sum", b.add(b.load(self.total(number)), middle))
        lost = b.named("lost", b.load(self.lost(number)))
        # Beyond a total that is infinite or NaN nothing is lost.
        return b.add(total, b.select(b.cmp("eq", lost, lost), lost, 0.0))


def sum_of(b: CBuilder, values: Sequence[SSAValue]) -> SSAValue:
    """The sum of values, pairwise."""
    while len(values) > 1:
        pairs = [b.add(x, y) for x, y in zip(values[::2], values[1::2], strict=False)]
        values = [*pairs, values[-1]] if len(values) % 2 else pairs
    return values[0]


def scalars(b: CBuilder, t: Attribute, count: int) -> tuple[ForEach, Declare]:
    """For `LongSums`: sums in scalars, numbered from 0."""

    def for_each(body: Callable[[Number], None]) -> None:
        for number in range(count):
            body(number)

    def declare(name: str) -> Callable[[Number], SSAValue]:
        places = [b.var(name if count == 1 else f"{name}{number}", t, 0.0) for number in range(count)]
        return lambda number: places[cast(int, number)]

    return for_each, declare


def arrays(b: CBuilder, t: Attribute, size: int, count: SSAValue) -> tuple[ForEach, Declare]:
    """For `LongSums`: `count` of at most `size` sums in arrays."""

    def for_each(body: Callable[[Number], None]) -> None:
        with b.for_("j", b.const(0), count) as j:
            body(j)

    def declare(name: str) -> Callable[[Number], SSAValue]:
        array = b.array(name, [size], t)
        for_each(lambda j: b.assign(b.subscript(array, j), b.const(0.0, t)))
        return lambda j: b.subscript(array, j)

    return for_each, declare
