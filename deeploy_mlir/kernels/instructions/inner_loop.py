"""Inner loops of dot products as single pieces of assembly, made from the instructions of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from xdsl.ir import SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.c.assembly import MOST_OPERANDS
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.kernels.instructions.table import Assembly, HardwareLoop, Instruction, InstructionTable


@dataclass(frozen=True)
class InnerLoop:
    """An instruction as large as a loop: `columns` words through pointers x, `rows` words through pointers w, then
    `instruction` for each cell, acc[i][j] += x[j] . w[i], so often that all words are used.

    Its meaning is that of `instruction`, for each cell, for one pair of words after the other. Without `loads_x` there
    is one column, whose words are all one that is given."""

    loop: HardwareLoop
    instruction: Instruction
    rows: int
    columns: int
    loads_x: bool = True

    @property
    def loads(self) -> list[tuple[str, str]]:
        """The words that are loaded, as registers, and their pointers' names."""
        pointers = [*(f"x{j}" for j in range(self.columns) if self.loads_x), *(f"w{i}" for i in range(self.rows))]
        return list(zip(self.loop.words, pointers, strict=False))

    @property
    def lines(self) -> tuple[str, ...]:
        """The assembly: loads through the pointers %[x0], ..., %[w0], ..., then cells %[acc00], ..."""
        # What is loaded last is used last, so that little waits for a load.
        body = [self.loop.load(word, f"%[{pointer}]") for word, pointer in self.loads]
        words = {pointer: word for word, pointer in self.loads}
        assert isinstance(self.instruction.code, Assembly)
        for i, j in product(range(self.rows), range(self.columns)):
            text = self.instruction.code.text
            for name, register in (("a", words.get(f"x{j}", "%[x]")), ("b", words[f"w{i}"]), ("d", f"%[acc{i}{j}]")):
                text = text.replace(f"%[{name}]", register)
            body.append(text)
        return (*self.loop.begin("%[n]", len(body)), *body, *self.loop.end)

    def cycles(self, count: float) -> float:
        """Cycles for `count` words of each operand."""
        cells = self.rows * self.columns
        a_word = len(self.loads) * self.loop.load_cycles + cells * self.instruction.cycles
        # The product that uses the last load comes right behind it if there is but one row.
        return self.loop.setup_cycles + count * (a_word + (self.rows == 1))

    def emit(
        self,
        b: CBuilder,
        accumulators: Sequence[SSAValue],
        x: Sequence[SSAValue],
        w: Sequence[SSAValue],
        count: SSAValue,
    ) -> None:
        """The loop over `count` words, once at least. Accumulators (row by row) and pointers are places, x is the one
        word that is given without `loads_x`; the pointers then stand behind the words."""
        cells = [f"acc{i}{j}" for i, j in product(range(self.rows), range(self.columns))]
        pointers, given = ([*x, *w], []) if self.loads_x else ([*w], [*x])
        words = [word for word, _ in self.loads]
        names = [*cells, *(pointer for _, pointer in self.loads), *(["x"] if given else []), "n"]
        places = [*accumulators, *pointers]
        b.insert(c.AsmOp(self.lines, names, places, (), [*given, count], clobbers=words, reads_memory=True))


def fits_loop(loop: HardwareLoop, rows: int, columns: int) -> bool:
    """Whether the registers suffice for the loop of a block: accumulators, pointers and the count; and its words."""
    cells, pointers = rows * columns, rows + columns
    operands = 2 * (cells + pointers) + 1
    return cells + pointers < loop.registers and pointers <= len(loop.words) and operands <= MOST_OPERANDS


def inner_loop(
    table: InstructionTable, instruction: Instruction, rows: int, columns: int, *, loads_x: bool = True
) -> InnerLoop | None:
    """The loop of a block of dot products.

    None if the table has no loop, or too few registers for it, or if the instruction is no assembly."""
    if table.loop is None or not isinstance(instruction.code, Assembly):
        return None
    if not fits_loop(table.loop, rows, columns):
        return None
    return InnerLoop(table.loop, instruction, rows, columns, loads_x)
