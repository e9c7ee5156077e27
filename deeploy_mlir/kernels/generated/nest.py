"""Loops over a kernel's dimensions with the operands' pointers moving along."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from xdsl.dialects.builtin import IndexType
from xdsl.ir import SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.base import KernelOp
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.kernels.generated.description import Description, DynamicArgument, PaddedAxis, Quantity
from deeploy_mlir.kernels.generated.scalar_body import ScalarBody
from deeploy_mlir.kernels.generated.tuning import Tuning
from deeploy_mlir.kernels.instructions import InstructionTable
from deeploy_mlir.space.iteration_space import DimKind

Range = tuple[SSAValue, SSAValue]
"""First index and the one behind the last."""


@dataclass
class Nest:
    """The state of code generation inside the loops that are open.

    `pointers` point at the operands' elements of the present iteration, as far as its dimensions are fixed; axes that
    are padded are left out until their window loop, since their elements may not exist. `positions` holds, for each
    padded axis, the index that the fixed dimensions give."""

    b: CBuilder
    op: KernelOp
    d: Description
    tuning: Tuning
    pointers: list[SSAValue]
    arguments: dict[DynamicArgument, SSAValue]
    instructions: InstructionTable | None = None
    """What the processor has beyond C."""
    positions: dict[PaddedAxis, SSAValue] = field(default_factory=dict[PaddedAxis, SSAValue])
    whole: frozenset[PaddedAxis] = frozenset()
    """Padded axes that no index leaves in the loops that are open."""

    def __post_init__(self) -> None:
        self.body = ScalarBody(self.b, self.instructions)
        for pad in self.d.padded:
            self.positions[pad] = self.quantity(pad.origin)
        for number, operand in enumerate(self.d.operands):
            self.pointers[number] = self.b.add(self.pointers[number], operand.offset)

    # -- sizes -----------------------------------------------------------------------------------------------------

    def quantity(self, q: Quantity) -> SSAValue:
        """A number as an index."""
        return self.b.const(q) if isinstance(q, int) else self.arguments[q]

    def size(self, dim: int) -> SSAValue:
        """The number of iterations of a dimension."""
        loop = self.d.dims[dim]
        return self.b.mul(self.b.div(self.quantity(loop.size), loop.divisor), loop.scale)

    @property
    def parallel(self) -> list[int]:
        return [i for i, dim in enumerate(self.d.dims) if dim.kind == DimKind.PARALLEL]

    @property
    def combined(self) -> list[int]:
        """Reduction and window dimensions, the one with the smallest steps last."""
        dims = [i for i, dim in enumerate(self.d.dims) if dim.kind != DimKind.PARALLEL]
        return sorted(dims, key=lambda i: -sum(self.d.operands[o].steps[i] for o in range(self.d.num_ins)))

    def pads_on(self, dim: int) -> list[PaddedAxis]:
        """The padded axes that a dimension moves along."""
        return [p for p in self.d.padded if p.coefficients[dim]]

    def step(self, operand: int, dim: int) -> int:
        """The step of a dimension outside of padded axes."""
        padded = sum(p.coefficients[dim] * p.stride for p in self.d.pads_of(operand))
        return self.d.operands[operand].steps[dim] - padded

    # -- loops -----------------------------------------------------------------------------------------------------

    @contextmanager
    def fixed(self, dim: int, index: SSAValue) -> Generator[None]:
        """Inside, the dimension has this index."""
        pointers, positions = list(self.pointers), dict(self.positions)
        for number in range(len(self.pointers)):
            self.advance(number, self.b.mul(index, self.step(number, dim)))
        for pad in self.pads_on(dim):
            moved = self.b.mul(index, pad.coefficients[dim])
            self.positions[pad] = self.b.add(self.positions[pad], moved)
        try:
            yield
        finally:
            self.pointers, self.positions = pointers, positions

    def advance(self, operand: int, elements: SSAValue) -> None:
        """Moves a pointer."""
        if not is_zero(elements):
            self.pointers[operand] = self.b.named(self.name(operand), self.b.add(self.pointers[operand], elements))

    def name(self, operand: int) -> str:
        """What an operand is called in C."""
        if operand == len(self.pointers) - 1:
            return "y"
        if operand < self.d.num_ins:
            return ("x", "w")[operand] if operand < 2 else f"v{operand}"
        return f"e{operand - self.d.num_ins}"

    @contextmanager
    def loop(self, dim: int, bounds: Range | None = None, step: int = 1) -> Generator[SSAValue]:
        """A loop over a dimension, over all of it or within bounds; yields the index."""
        low, high = bounds if bounds is not None else (self.b.const(0), self.size(dim))
        with self.b.for_(self.d.dims[dim].name, low, high, step) as index, self.fixed(dim, index):
            yield index

    @contextmanager
    def loops(self, dims: Sequence[int]) -> Generator[None]:
        """Loops over whole dimensions, outermost first."""
        with ExitStack() as stack:
            for dim in dims:
                stack.enter_context(self.loop(dim))
            yield

    # -- padding ---------------------------------------------------------------------------------------------------

    def _ceil_div(self, value: SSAValue, by: int) -> SSAValue:
        return self.b.div(self.b.add(value, by - 1), by)

    def inside(self, dim: int, pads: Sequence[PaddedAxis] | None = None) -> Range:
        """The iterations of a dimension whose indices lie inside the padded axes that it moves along (or some of
        them), all others being fixed."""
        low, high = self.b.const(0), self.size(dim)
        considered = [p for p in (self.pads_on(dim) if pads is None else pads) if p not in self.whole]
        for number, pad in enumerate(considered):
            step, at = pad.coefficients[dim], self.positions[pad]
            first = self._ceil_div(self.b.max(self.b.neg(at), 0), step)
            left = self.b.max(self.b.sub(self.quantity(pad.extent), at), 0)
            low = self.b.max(low, first) if number else first
            high = self.b.min(high, self._ceil_div(left, step))
        return low, high

    @contextmanager
    def unclamped(self, dim: int) -> Generator[None]:
        """Inside, no index leaves the padded axes that the dimension moves along."""
        saved, self.whole = self.whole, self.whole | set(self.pads_on(dim))
        try:
            yield
        finally:
            self.whole = saved

    def enter_padded(self, pads: Sequence[PaddedAxis]) -> None:
        """Puts what `positions` says about padded axes into the pointers."""
        for pad in pads:
            self.advance(pad.operand, self.b.mul(self.positions[pad], pad.stride))

    @contextmanager
    def window(self, dim: int) -> Generator[SSAValue]:
        """A loop over the iterations of a dimension that lie inside the operands."""
        pads = self.pads_on(dim)
        low, high = self.inside(dim)
        with self.b.for_(self.d.dims[dim].name, low, high) as index, self.fixed(dim, index):
            if pads:
                self.enter_padded(pads)
            yield index

    # -- values ----------------------------------------------------------------------------------------------------

    def element(self, operand: int, index: SSAValue | int = 0) -> SSAValue:
        """An element at an offset from the operand's pointer."""
        return self.b.load(self.pointers[operand], index)

    def epilogue(self, accumulators: Sequence[SSAValue], extras: Sequence[SSAValue]) -> SSAValue:
        """The value to store."""
        if self.op.body is None:
            return accumulators[0]
        return self.body.inline(self.op.body, [*accumulators, *extras])

    def index(self, value: int) -> SSAValue:
        """A constant index."""
        return self.b.const(value, IndexType())


def is_zero(value: SSAValue) -> bool:
    """Whether a value is known to be 0."""
    return c.constant_of(value) == 0
