"""An instruction set as a table: what each instruction means, and what it is called in C.

An instruction computes one register from others. Its meaning is a scalar region for each lane of the result, over the
lanes of all that it reads; interpreters run it, tests hold a simulator to it, and the generator of kernels looks for
the instruction that means what it needs (`kernels.instructions.meanings` builds such regions). So a table says nothing
about kernels, and kernels nothing about instruction sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import StringIO

from xdsl.dialects.builtin import IntegerType, Signedness, i32
from xdsl.ir import Region, SSAValue
from xdsl.printer import Printer

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.base import YieldOp
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.support.errors import DeeployError

WORD_BITS = 32
"""Bits of a register."""

SOURCE_NAMES = ("a", "b", "c")
"""What the registers that an instruction reads are called in its assembly; `d` is its result."""


@dataclass(frozen=True)
class Register:
    """What a register of 32 bits holds: so many neighbouring lanes of an integer type, the first in the lowest bits."""

    element: IntegerType
    lanes: int = 1

    def __post_init__(self) -> None:
        if self.lanes < 1 or self.element.bitwidth * self.lanes > WORD_BITS:
            raise DeeployError(f"{self.lanes} lanes of {self.element} are no register of {WORD_BITS} bits")

    def __str__(self) -> str:
        return f"{self.lanes} x {self.element}"


@dataclass(frozen=True)
class Assembly:
    """One line of GNU assembly; `%[a]`, `%[b]`, `%[c]` are the registers that it reads, `%[d]` is its result."""

    text: str


@dataclass(frozen=True)
class Intrinsic:
    """A C function or macro of what is read (a result that is read too comes last), and the header that declares it.

    Its arguments and its value are 32-bit integers; `immediates` are constants behind them. The first argument is
    `rotated` right by so many bits before, in C, which compilers make part of instructions that rotate."""

    function: str
    header: str
    immediates: tuple[int, ...] = ()
    rotated: int = 0

    def call(self, b: CBuilder, arguments: Sequence[SSAValue]) -> SSAValue:
        """Its value."""
        if self.rotated:
            word = b.cast(arguments[0], IntegerType(WORD_BITS, Signedness.UNSIGNED))
            rotated = b.or_(b.shr(word, self.rotated), b.shl(word, WORD_BITS - self.rotated))
            arguments = [b.cast(rotated, i32), *arguments[1:]]
        return b.call_value(self.function, [*arguments, *self.immediates], i32, pure=True)


@dataclass(frozen=True, eq=False)
class Instruction:
    """An instruction that computes `result` from `sources`, and from the result's old value if it `accumulates`.

    `meaning` has a region for each lane of the result; its arguments are the lanes of the sources, one source after the
    other, and those of the old value last; it yields the lane. `cycles` is what the instruction takes when nothing
    waits for it. Raises DeeployError if a region does not fit the registers."""

    name: str
    sources: tuple[Register, ...]
    result: Register
    meaning: tuple[Region, ...]
    code: Assembly | Intrinsic
    accumulates: bool = False
    cycles: float = 1.0

    def __post_init__(self) -> None:
        expected = [r.element for r in self.read for _ in range(r.lanes)]
        if len(self.meaning) != self.result.lanes:
            raise DeeployError(f"{self.name}: {self.result} needs {self.result.lanes} regions, not {len(self.meaning)}")
        for region in self.meaning:
            given = [argument.type for argument in region.block.args]
            last = region.block.last_op
            if given != expected:
                raise DeeployError(f"{self.name} reads {', '.join(map(str, self.read))}; its meaning takes {given}")
            if not isinstance(last, YieldOp) or last.value.type != self.result.element:
                raise DeeployError(f"{self.name}: its meaning does not yield {self.result.element}")
        if len(self.sources) > len(SOURCE_NAMES):
            raise DeeployError(f"{self.name} reads {len(self.sources)} registers, more than {len(SOURCE_NAMES)}")

    @property
    def read(self) -> tuple[Register, ...]:
        """All that is read, the old value of the result last."""
        return (*self.sources, self.result) if self.accumulates else self.sources

    @property
    def names(self) -> tuple[str, ...]:
        """What the sources are called in the assembly."""
        return SOURCE_NAMES[: len(self.sources)]

    def emit(self, b: CBuilder, place: SSAValue, sources: Sequence[SSAValue]) -> None:
        """Computes into a place that holds an i32, from 32-bit values."""
        if isinstance(self.code, Intrinsic):
            old = [b.load(place)] if self.accumulates else []
            b.assign(place, self.code.call(b, [*sources, *old]))
            return
        results: tuple[list[SSAValue], list[SSAValue]] = ([place], []) if self.accumulates else ([], [place])
        b.insert(c.AsmOp([self.code.text], ["d", *self.names], *results, taken=list(sources)))


@dataclass(frozen=True)
class HardwareLoop:
    """How an instruction set repeats instructions without branches, and loads words while advancing a pointer.

    `begin` gives the lines in front of so many instructions, all of four bytes, that run as often as a register says
    (once at least); `end` are the lines behind. `load` gives the line that loads a word through a pointer, which then
    moves by a word. Registers are given as they stand in assembly, such as `%[n]`. Compilers find `registers` of them
    for one piece of assembly, those of `words` not counted, which it uses by name."""

    begin: Callable[[str, int], tuple[str, ...]]
    end: tuple[str, ...]
    load: Callable[[str, str], str]
    setup_cycles: float
    registers: int
    words: tuple[str, ...]
    load_cycles: float = 1.0


@dataclass(frozen=True, eq=False)
class InstructionTable:
    """The instructions of a set by name, and its loop if it has one.

    `condition` is the preprocessor's for compilers that know the instructions; for others, such as the host's when it
    runs a target's program, their meaning stands as C. `registers` are those that a loop in C has for accumulators,
    words and pointers. Raises DeeployError if two are called alike."""

    name: str
    condition: str
    instructions: tuple[Instruction, ...]
    loop: HardwareLoop | None = None
    registers: int = 13

    def __post_init__(self) -> None:
        names = [instruction.name for instruction in self.instructions]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise DeeployError(f"instruction table {self.name} has {', '.join(sorted(twice))} more than once")

    @cached_property
    def _by_meaning(self) -> dict[tuple[object, ...], Instruction]:
        found: dict[tuple[object, ...], Instruction] = {}
        for instruction in self.instructions:
            key = _key(instruction.sources, instruction.result, instruction.meaning, instruction.accumulates)
            if key not in found or instruction.cycles < found[key].cycles:
                found[key] = instruction
        return found

    def find(
        self, sources: Sequence[Register], result: Register, meaning: Sequence[Region], *, accumulates: bool = False
    ) -> Instruction | None:
        """The cheapest instruction that means this, word for word; None if there is none."""
        return self._by_meaning.get(_key(sources, result, meaning, accumulates))

    def __getitem__(self, name: str) -> Instruction:
        """The instruction of that name. Raises DeeployError if there is none."""
        for instruction in self.instructions:
            if instruction.name == name:
                return instruction
        known = ", ".join(sorted(instruction.name for instruction in self.instructions))
        raise DeeployError(f"instruction table {self.name} has no {name}; it has {known}")

    @property
    def preamble(self) -> str | None:
        """C that includes the headers of its intrinsics where they are known; None if there are none."""
        headers = sorted({i.code.header for i in self.instructions if isinstance(i.code, Intrinsic)})
        if not headers:
            return None
        return "\n".join([f"#if {self.condition}", *(f"#include <{header}>" for header in headers), "#endif"])


def _key(
    sources: Sequence[Register], result: Register, meaning: Sequence[Region], accumulates: bool
) -> tuple[object, ...]:
    return tuple(sources), result, accumulates, tuple(map(_text, meaning))


def _text(region: Region) -> str:
    text = StringIO()
    Printer(text).print_region(region)
    return text.getvalue()
