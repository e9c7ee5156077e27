"""Kernel bindings: all that the compiler knows of one way to run kernels on an engine.

A binding states which kernels it accepts, what it asks of their tiles, what a tile costs, and the C function that
executes it. All bindings of an engine compete in the planner's integer program; the kernel in the IR then carries the
name of the one that was chosen, and everything after the planner reads it from there.

A target's package lists its bindings in the tuple `BINDINGS` of its module `kernels`; another package adds bindings to
any target by an entry point (`kernels.choice`).
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xdsl.ir import Attribute

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.base import KernelOp
from deeploy_mlir.kernels.instructions import InstructionTable
from deeploy_mlir.kernels.packing import Packing
from deeploy_mlir.space.tile_constraints import TileConstraints
from deeploy_mlir.space.work_split import CoreSplit, core_splits
from deeploy_mlir.support.numpy_types import Array


@dataclass(frozen=True)
class Library:
    """C sources that a binding's function needs: `headers` in `folder`, each with the `.c` file of its name beside it.

    They, and what they include from there, are copied into the output folder where the binding is used."""

    name: str
    folder: Path
    headers: tuple[str, ...]

    def include(self, header: str) -> str:
        """How generated C includes a header."""
        return f"{self.name}/{header}"


@dataclass(frozen=True)
class BroughtConstant:
    """A constant operand that a binding brings: a word for its name, its elements and their type."""

    word: str
    elements: Array
    element_type: Attribute


@dataclass(frozen=True)
class Form:
    """A kernel as a binding runs it: the same results, over the same dimensions, with constants of the binding's own.

    `kernel` works on the arguments of a block of its own (tensors). `operands` says for each of its accessed operands
    (ins, extras, out) what it is: an accessed operand of the original kernel, by number, or a new constant."""

    kernel: KernelOp
    operands: tuple[int | BroughtConstant, ...]


class KernelBinding(abc.ABC):
    """One way to run kernels on an engine."""

    name: str
    """Unique among the bindings of a target; stands on each kernel that it runs."""
    engine: str
    """Name of the engine in the SoC's description."""

    @abc.abstractmethod
    def accepts(self, op: KernelOp) -> bool | str:
        """True if it can run the kernel, else False or the reason why not."""

    def form(self, op: KernelOp) -> Form | None:
        """An accepted kernel with constants that this binding brings, such as the scales of its engine's arithmetic;
        None where it runs the kernel as it is.

        The planner counts these constants where the binding is chosen, and then puts the form in the kernel's place.
        All that follows is asked about the form."""
        return None

    def constraints(self, op: KernelOp) -> TileConstraints:
        """What the kernel's tiles have to be."""
        return TileConstraints()

    def multiples(self, op: KernelOp) -> tuple[int, ...]:
        """For each dimension: what tile sizes should preferably be a multiple of."""
        return (1,) * len(op.iteration_space().dims)

    def scratch(self, op: KernelOp, sizes: Sequence[int]) -> int:
        """Bytes of the engine's memory for the kernel's own use that each core needs for a tile of these sizes."""
        return 0

    def packings(self, op: KernelOp) -> Mapping[int, Packing]:
        """The inputs that must be constants and are packed when compiling, by number, and how.

        `op` has them unpacked; `emit` gets it with them packed (`op.packed`)."""
        return {}

    @abc.abstractmethod
    def cost(self, op: KernelOp) -> Callable[[Sequence[int], CoreSplit], int]:
        """The modelled cycles of a tile of given dimension sizes that cores share in a given way."""

    def splits(self, op: KernelOp, sizes: Sequence[int], cores: int) -> Sequence[CoreSplit]:
        """The ways in which `cores` cores may share such a tile: the cheapest is taken, of equals the first."""
        return core_splits(op.iteration_space(), sizes, cores)

    @abc.abstractmethod
    def emit(self, op: KernelOp, name: str) -> c.FuncOp:
        """The C function that executes a kernel on memrefs, or calls the library that does.

        Its arguments are pointers to the first elements of `ins`, `extras` and `out`, then the sizes and origins that
        `kernels.generated.dynamic_arguments` lists. Last comes the core's scratch if it asks
        for any. It is called on every core of the engine, each with its share of the tile."""

    def with_instructions(self, table: InstructionTable) -> Sequence[KernelBinding]:
        """Further bindings, which use the instructions of a table that the engine names. They compete with this one."""
        return ()

    def functions_called(self, function: c.FuncOp) -> Sequence[c.FuncOp]:
        """Static functions that a function of `emit` calls; equal ones of several kernels have one name."""
        return ()

    @property
    def preamble(self) -> str | None:
        """What the preprocessor has to see before these functions, such as the headers of intrinsics."""
        return None

    @property
    def library(self) -> Library | None:
        """The C sources that the function needs, besides the runtime's."""
        return None
