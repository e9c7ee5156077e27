"""Sums of products of neighbouring elements, a word of each operand at a time, by the instructions of a table.

Where a dot product of whole words is an instruction it is used as it is; where there are only products of wider lanes,
words are first widened. What is left behind the last whole word is summed one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.kernels.generated.dot_plan import DotPlan
from deeploy_mlir.kernels.generated.instruction_names import emit_call
from deeploy_mlir.kernels.instructions import Instruction, InstructionTable, inner_loop
from deeploy_mlir.kernels.instructions.table import WORD_BITS

if TYPE_CHECKING:
    from deeploy_mlir.kernels.generated.reduction import Reduction

Cell = tuple[int, int]
"""Numbers of an output within its block, as in `reduction`."""


@dataclass
class DotProducts:
    """The innermost loop of a reduction in words."""

    r: Reduction
    plan: DotPlan

    def innermost(self, places: dict[Cell, SSAValue], shifts: Sequence[dict[Cell, SSAValue]], length: SSAValue) -> None:
        """All outputs of the block take `length` elements from the reduction's pointers on."""
        nest = self.r.nest
        columns = {j: shifts[0][0, j] for j in sorted({j for _, j in places})}
        rows = {i: shifts[1][i, 0] for i in sorted({i for i, _ in places})}
        x = [nest.b.add(nest.pointers[0], shift) for shift in columns.values()]
        w = [nest.b.add(nest.pointers[1], shift) for shift in rows.values()]
        self.take(places, x, w, length)

    def take(
        self, places: dict[Cell, SSAValue], x: Sequence[SSAValue], w: Sequence[SSAValue], length: SSAValue
    ) -> None:
        """Adds x[j] . w[i] to each place, over `length` elements; without x, the sums of w to the places (i, 0)."""
        b, elements = self.r.nest.b, self.plan.elements
        words, rest = b.div(length, elements), b.rem(length, elements)
        starts = [b.var(f"{'xw'[n >= len(x)]}{n - len(x) * (n >= len(x))}", p.type, p) for n, p in enumerate([*x, *w])]
        if c.constant_of(words) != 0:
            with b.if_(b.cmp("gt", words, 0)):
                self.words(list(places.values()), starts[: len(x)], starts[len(x) :], words)
        known = c.constant_of(rest)
        if known == 0:
            return
        behind = [b.load(place) for place in starts]
        with b.for_("k", 0, rest) if known is None else nullcontext() as at:
            for number in range(1 if known is None else int(known)):
                index = at if isinstance(at, SSAValue) else b.const(number)
                values = [self.r.widened(b.load(pointer, index)) for pointer in behind]
                for (i, j), place in places.items():
                    other = values[len(x) + i]
                    self.r.accumulate(place, [values[j], other] if x else [b.const(1, i32), other])

    def words(self, places: Sequence[SSAValue], x: Sequence[SSAValue], w: Sequence[SSAValue], words: SSAValue) -> None:
        """As `take`, over so many whole words (one at least); leaves the pointers behind them."""
        b, table = self.r.nest.b, self.table
        ones = [] if x else [b.const(self.ones, i32)]
        if self.plan.direct is not None:
            loop = inner_loop(table, self.plan.direct, len(w), max(len(x), 1), loads_x=bool(x))
            if loop is not None:
                with b.if_defined(table.condition) as otherwise:
                    loop.emit(b, places, x or ones, w, words)
                with b.at(otherwise):
                    self.words_in_c(places, x, w, words)
                return
        self.words_in_c(places, x, w, words)

    def words_in_c(
        self, places: Sequence[SSAValue], x: Sequence[SSAValue], w: Sequence[SSAValue], words: SSAValue
    ) -> None:
        """As `words`, without assembly."""
        b = self.r.nest.b
        ones = [] if x else [b.const(self.ones, i32)]
        with b.for_("k", 0, words):
            loaded = [b.var(name, i32, b.call_value("dm_word", [b.load(p)], i32)) for name, p in self.named(x, w)]
            for place in [*x, *w]:
                b.assign(place, b.add(b.load(place), self.plan.elements))
            values = [b.load(place) for place in loaded]
            self.multiply(places, ones or values[: len(x)], values[len(x) :])

    def named(self, x: Sequence[SSAValue], w: Sequence[SSAValue]) -> Iterator[tuple[str, SSAValue]]:
        """What the words at pointers are called."""
        yield from ((f"xw{j}", place) for j, place in enumerate(x))
        yield from ((f"ww{i}", place) for i, place in enumerate(w))

    def multiply(self, places: Sequence[SSAValue], x: Sequence[SSAValue], w: Sequence[SSAValue]) -> None:
        """The products of a word of each row and column."""
        for number, part in enumerate(self.plan.parts):
            xs = [self.widened(part.x, value, f"xw{j}_{number}") for j, value in enumerate(x)]
            ws = [self.widened(part.w, value, f"ww{i}_{number}") for i, value in enumerate(w)]
            pairs = [(row, column) for row in ws for column in xs]
            for place, (row, column) in zip(places, pairs, strict=True):
                emit_call(self.r.nest.b, self.table, part.dot, place, [column, row])

    def widened(self, instruction: Instruction | None, value: SSAValue, name: str) -> SSAValue:
        """A part of a word in wider lanes."""
        if instruction is None:
            return value
        b = self.r.nest.b
        place = b.var(name, i32)
        emit_call(b, self.table, instruction, place, [value])
        return b.load(place)

    @property
    def table(self) -> InstructionTable:
        """Where the plan's instructions come from."""
        assert self.r.nest.instructions is not None
        return self.r.nest.instructions

    @property
    def ones(self) -> int:
        """A word of elements that are 1."""
        bits = WORD_BITS // self.plan.elements
        return sum(1 << bits * lane for lane in range(self.plan.elements))

    # -- padding that is not zero ----------------------------------------------------------------------------------

    def weight_sums(self, rows: Sequence[SSAValue]) -> list[SSAValue]:
        """What padding adds to the outputs of each row if all of the window lies in it."""
        r, nest, b = self.r, self.r.nest, self.r.nest.b
        sums = [b.var(f"all{i}", i32, 0) for i in range(len(rows))]
        loops, first = r.loops, r.blocks[0].dim
        step = nest.d.operands[1].steps[first] if first is not None else 0
        inner = loops.dims[-2:] if loops.joined else loops.dims[-1:]
        length = b.const(1)
        for d in inner:
            length = b.mul(length, nest.size(d))
        with nest.loops([d for d in loops.dims if d not in inner]):
            w = [b.add(nest.pointers[1], b.mul(row, step)) for row in rows]
            self.take({(i, 0): place for i, place in enumerate(sums)}, [], w, length)
        return [b.mul(b.load(place), int(r.pad_value), wrap=r.wraps) for place in sums]

    def border(self, rows: Sequence[SSAValue], all_of_it: Sequence[SSAValue]) -> list[SSAValue]:
        """What the accumulators of each row start from: what the part of the window that lies in padding adds."""
        r, nest, b = self.r, self.r.nest, self.r.nest.b
        pads = [p for p in nest.d.pads_of(0) if p not in nest.whole]
        if not pads:
            return [b.const(0, i32)] * len(rows)
        cut = b.const(False)
        for d in nest.combined:
            if any(p.coefficients[d] for p in pads):
                low, high = nest.inside(d)
                cut = b.lor(cut, b.cmp("lt", b.sub(high, low), nest.size(d)))
        starts = [b.var(f"border{i}", i32, 0) for i in range(len(rows))]
        first = r.blocks[0].dim
        step = nest.d.operands[1].steps[first] if first is not None else 0
        with b.if_(cut):
            seen = {(i, 0): b.var(f"seen{i}", i32, 0) for i in range(len(rows))}

            def run(dim: int | None, length: SSAValue) -> None:
                self.take(seen, [], [b.add(nest.pointers[1], b.mul(row, step)) for row in rows], length)

            r.loops.emit(None, run, lambda: None)
            for start, whole, place in zip(starts, all_of_it, seen.values(), strict=True):
                inside = b.mul(b.load(place), int(r.pad_value), wrap=r.wraps)
                b.assign(start, b.sub(whole, inside, wrap=r.wraps))
        return [b.load(place) for place in starts]
