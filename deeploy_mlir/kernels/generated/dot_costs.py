"""What a contraction in words costs: the blocks and loops of the very code that would be generated, counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

from xdsl.dialects.builtin import IndexType
from xdsl.ir import Block, SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.base import KernelOp, element_type_of_value
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.kernels.generated.blocking import REMAINDER_FACTOR, Blocking
from deeploy_mlir.kernels.generated.blocking import Block as Blocked
from deeploy_mlir.kernels.generated.description import (
    Description,
    DynamicArgument,
    LoopDim,
    Operand,
    PaddedAxis,
    Quantity,
    simplify,
)
from deeploy_mlir.kernels.generated.dot_plan import DotPlan
from deeploy_mlir.kernels.generated.nest import Nest
from deeploy_mlir.kernels.generated.tuning import Tuning
from deeploy_mlir.kernels.instructions import InstructionTable, inner_loop
from deeploy_mlir.space.iteration_space import Access, IterationSpace

LOOP_CYCLES = 4.0
"""Counting and branching of a loop in C, a turn."""
UNKNOWN_ORIGIN = -1
"""Stands for an operand in the arguments that are made here: origins of windows that are known at run time only."""


def description_of_share(
    op: KernelOp, space: IterationSpace, sizes: Sequence[int], mine: Sequence[int], varying: frozenset[int]
) -> tuple[Description, dict[DynamicArgument, int]]:
    """A core's share `mine` of a tile of `sizes`, whose operands are as large as the tile needs them, without memrefs.

    Sizes of `varying` dimensions are arguments, whose numbers come with it."""
    values: dict[DynamicArgument, int] = {}

    def argument(key: DynamicArgument, value: int) -> Quantity:
        values[key] = value
        return key

    dims = tuple(
        LoopDim(dim.name, dim.kind, argument(DynamicArgument(d, 0), n) if d in varying else n)
        for d, (dim, n) in enumerate(zip(space.dims, mine, strict=True))
    )
    operands: list[Operand] = []
    padded: list[PaddedAxis] = []
    for number, (value, access) in enumerate(zip(op.operands_accessed, space.accesses, strict=True)):
        strides = _strides(access, sizes)
        steps = [0] * len(dims)
        for a, (axis, stride) in enumerate(zip(access.axes, strides, strict=True)):
            for d, coefficient in enumerate(axis.coefficients):
                steps[d] += coefficient * stride
            if axis.padded:
                whole = all(mine[d] == space.dims[d].size and d not in varying for d in axis.dims)
                unknown = DynamicArgument(UNKNOWN_ORIGIN, a, number)
                origin = axis.offset if whole else argument(unknown, axis.offset)
                padded.append(PaddedAxis(number, axis.coefficients, origin, axis.extent, stride))
        operands.append(Operand(element_type_of_value(value), tuple(steps), 0))
    return Description(dims, tuple(operands), tuple(padded), tuple(values), len(op.ins)), values


def _strides(access: Access, sizes: Sequence[int]) -> list[int]:
    shape = access.tile_shape(sizes)
    return [prod(shape[a + 1 :]) for a in range(len(shape))]


def blocking_of(
    op: KernelOp, description: Description, tuning: Tuning, instructions: InstructionTable | None
) -> Blocking:
    """The generator at its beginning, on no memrefs: to ask for its blocks."""
    pointers: list[SSAValue] = list(Block(arg_types=[c.PtrType(o.element_type) for o in description.operands]).args)
    numbers: list[SSAValue] = list(Block(arg_types=[IndexType()] * len(description.arguments)).args)
    arguments = dict(zip(description.arguments, numbers, strict=True))
    nest = Nest(CBuilder(Block()), op, simplify(description), tuning, pointers, arguments, instructions)
    return Blocking(nest)


def dot_cycles(blocking: Blocking, plan: DotPlan, values: Mapping[DynamicArgument, int], an_element: float) -> float:
    """Cycles of all blocks without their epilogues; `an_element` is what one product costs behind whole words."""
    nest, loops = blocking.nest, blocking.loops

    def count(dim: int) -> int:
        loop = nest.d.dims[dim]
        size = loop.size if isinstance(loop.size, int) else values[loop.size]
        return size // loop.divisor * loop.scale

    first, second = blocking.blocks
    outer = prod(count(d) for d in nest.parallel if d not in (first.dim, second.dim))
    inner = loops.dims[-2:] if loops.joined else loops.dims[-1:]
    length = prod(count(d) for d in inner)
    around = prod(count(d) for d in loops.dims if d not in inner)

    inside = _inside(blocking, second, count)
    return outer * sum(
        rows * columns * around * _run(plan, nest, height, width, length, an_element)
        for rows, height in _blocks(nest, first, count)
        for columns, width in (_blocks(nest, second, count) if inside is None else inside)
        if rows and columns
    )


def _blocks(nest: Nest, block: Blocked, count: Callable[[int], int]) -> list[tuple[int, int]]:
    """How many blocks of which size a dimension has, as `Reduction.blocks_of` makes them."""
    if block.dim is None:
        return [(1, 1)]
    size = count(block.dim)
    if nest.d.dims[block.dim].static is not None or block.factor < REMAINDER_FACTOR:
        return [(-(-size // block.factor), block.factor)]
    return [(size // block.factor, block.factor), (size % block.factor, 1)]


def _inside(blocking: Blocking, block: Blocked, count: Callable[[int], int]) -> list[tuple[int, int]] | None:
    """The same of a dimension along padded axes, as `Reduction.pixels` makes them; None for one that is not."""
    if block.dim is None or not blocking.nest.pads_on(block.dim):
        return None
    size = count(block.dim)
    low, high = (c.constant_of(x) for x in blocking.interior(block.dim))
    # Of a part of the rows the padding is at one end at most.
    inside = max(0, int(high) - int(low)) if low is not None and high is not None else max(size - 1, 0)
    return [(-(-inside // block.factor), block.factor), (size - inside, 1)]


def _run(plan: DotPlan, nest: Nest, rows: int, columns: int, length: int, an_element: float) -> float:
    """Cycles of one innermost loop of a block."""
    words, rest = divmod(length, plan.elements)
    loop = None
    if plan.direct is not None and nest.instructions is not None:
        loop = inner_loop(nest.instructions, plan.direct, rows, columns)
    total = nest.tuning.dot_run + rest * rows * columns * an_element
    if loop is not None:
        return total + loop.cycles(words)
    return total + words * (plan.cycles(rows, columns, 1) + LOOP_CYCLES)
