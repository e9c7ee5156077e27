"""How products of neighbouring elements are summed by the instructions of a table, and how many together. Free of C."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from xdsl.dialects.builtin import IntegerType, i16, i32
from xdsl.ir import Attribute
from xdsl.utils.hints import isa

from deeploy_mlir.kernels.instructions import Instruction, InstructionTable, Register
from deeploy_mlir.kernels.instructions import meanings as means
from deeploy_mlir.kernels.instructions.inner_loop import fits_loop
from deeploy_mlir.kernels.instructions.table import WORD_BITS

WORD = Register(i32)


@dataclass(frozen=True)
class Part:
    """The product of a part of two words: what widens the part of each, if anything, and the dot product."""

    dot: Instruction
    x: Instruction | None = None
    w: Instruction | None = None


@dataclass(frozen=True)
class DotPlan:
    """How the products of two words of `elements` elements each are summed: part after part."""

    elements: int
    parts: tuple[Part, ...]

    @property
    def direct(self) -> Instruction | None:
        """The instruction that does it alone, if there is one."""
        first = self.parts[0]
        return first.dot if len(self.parts) == 1 and first.x is None and first.w is None else None

    def cycles(self, rows: int, columns: int, load: float) -> float:
        """Cycles of a word of each row and column, with `load` for one load."""
        total = (rows + columns) * load
        for part in self.parts:
            total += rows * columns * part.dot.cycles
            total += columns * (part.x.cycles if part.x is not None else 0)
            total += rows * (part.w.cycles if part.w is not None else 0)
        return total


@cache
def dot_plan(table: InstructionTable, x: Attribute, w: Attribute) -> DotPlan | None:
    """How to sum products of elements of these types into an i32; None if the table has nothing for it."""
    if not isa(x, IntegerType) or not isa(w, IntegerType) or x.bitwidth != w.bitwidth or x.bitwidth not in (8, 16):
        return None
    lanes = WORD_BITS // x.bitwidth
    if (dot := _dot(table, x, w, lanes)) is not None:
        return DotPlan(lanes, (Part(dot),))
    wide = _dot(table, i16, i16, lanes // 2) if x.bitwidth == 8 else None
    if wide is None:
        return None
    for halves in (((0, 2), (1, 3)), ((0, 1), (2, 3))):
        parts = [Part(wide, _widening(table, x, half), _widening(table, w, half)) for half in halves]
        if all(part.x is not None and part.w is not None for part in parts):
            return DotPlan(lanes, tuple(parts))
    return None


@cache
def multiply_accumulate(table: InstructionTable) -> Instruction | None:
    """The instruction that adds a product of two i32 to a third, if there is one."""
    return table.find((WORD, WORD), WORD, (means.multiply_accumulate(),), accumulates=True)


def _dot(table: InstructionTable, x: IntegerType, w: IntegerType, lanes: int) -> Instruction | None:
    sources = (Register(x, lanes), Register(w, lanes))
    return table.find(sources, WORD, (means.dot(x, w, lanes),), accumulates=True)


def _widening(table: InstructionTable, element: IntegerType, lanes: Sequence[int]) -> Instruction | None:
    """The instruction that makes these of four bytes halfwords."""
    meaning = [means.lane_as(element, 4, lane, i16) for lane in lanes]
    return table.find((Register(element, 4),), Register(i16, 2), meaning)


@cache
def block_of_dots(
    table: InstructionTable, plan: DotPlan, sizes: tuple[int | None, int | None], words: int | None, run: float
) -> tuple[int, int]:
    """Rows and columns that are computed together: those that take the least time in all.

    `sizes` are the rows and columns that there are, `words` how long the innermost loop is (None: not known), `run` the
    cycles around one."""
    loop = table.loop if plan.direct is not None else None

    def fits(block: tuple[int, int]) -> bool:
        if loop is not None:
            return fits_loop(loop, *block)
        return block[0] * block[1] + 2 * (block[0] + block[1]) <= table.registers

    def time(block: tuple[int, int]) -> float:
        total = run + (words or USUAL_WORDS) * plan.cycles(*block, loop.load_cycles if loop is not None else 1)
        for size, factor in zip(sizes, block, strict=True):
            total *= -(-size // factor) if size is not None else 1 / factor
        return total

    limits = [MOST_TOGETHER if size is None else max(1, min(size, MOST_TOGETHER)) for size in sizes]
    blocks = product(range(1, limits[0] + 1), range(1, limits[1] + 1))
    # Of equals the one with more rows, whose results are neighbours.
    return min((b for b in blocks if fits(b)), key=lambda b: (time(b), -b[0]))


MOST_TOGETHER = 8
"""Most rows or columns of a block."""
USUAL_WORDS = 16
"""How long an innermost loop of unknown length is taken to be."""
