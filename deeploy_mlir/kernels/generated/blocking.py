"""What a kernel that combines computes together: decided here once, for its code and for its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from xdsl.dialects.builtin import i32
from xdsl.ir import Attribute, SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.ops import Combiner, ConvOp, MatmulOp, PoolOp, ReduceOp
from deeploy_mlir.kernels.generated.dot_plan import DotPlan, block_of_dots, dot_plan, multiply_accumulate
from deeploy_mlir.kernels.generated.nest import Nest, is_zero
from deeploy_mlir.kernels.generated.reduction_loops import ReductionLoops
from deeploy_mlir.kernels.generated.tuning import block_factor
from deeploy_mlir.kernels.instructions import Instruction

REMAINDER_FACTOR = 3
"""Blocks of a dimension of unknown size that are at least this large get code for what is left."""


@dataclass(frozen=True)
class Block:
    """A blocked dimension (None: none is) and how many of its iterations are computed together."""

    dim: int | None
    factor: int


@dataclass
class Blocking:
    """The blocks and loops of a kernel that combines elements."""

    nest: Nest

    @cached_property
    def contracts(self) -> bool:
        """Whether products are summed."""
        return isinstance(self.nest.op, MatmulOp | ConvOp)

    @cached_property
    def combiner(self) -> Combiner:
        op = self.nest.op
        return op.combiner.data if isinstance(op, PoolOp | ReduceOp) else Combiner.SUM

    @cached_property
    def depthwise(self) -> bool:
        """Whether products are summed without any sharing of the first operand between outputs."""
        only_second = [d for d in self.nest.parallel if self.depends(1, d) and not self.depends(0, d)]
        return self.contracts and not only_second

    def depends(self, operand: int, dim: int) -> bool:
        """Whether a dimension selects another element of an operand."""
        return self.nest.d.operands[operand].steps[dim] != 0

    @cached_property
    def dot_plan(self) -> DotPlan | None:
        """How products are summed a word at a time; None if there are no instructions for it, or if the operands are
        not contiguous along the innermost loop."""
        nest, dims = self.nest, self.loops.dims
        if nest.instructions is None or not self.contracts or self.depthwise or not dims:
            return None
        x, w = nest.d.operands[:2]
        length = self.loops.sizes[-1]
        plan = dot_plan(nest.instructions, x.element_type, w.element_type)
        if plan is None or (x.steps[dims[-1]], w.steps[dims[-1]]) != (1, 1):
            return None
        return plan if length is None or length >= plan.elements else None

    @cached_property
    def multiply_accumulate(self) -> Instruction | None:
        """The instruction that adds a product to an accumulator, if there is one."""
        if self.nest.instructions is None or not self.contracts or self.accumulator_type != i32:
            return None
        return multiply_accumulate(self.nest.instructions)

    @cached_property
    def blocks(self) -> tuple[Block, Block]:
        """The blocked dimensions."""
        nest, tuning = self.nest, self.nest.tuning
        parallel = nest.parallel
        if self.contracts:
            shared = [d for d in parallel if self.depends(0, d) and self.depends(1, d)]
            outputs = [d for d in parallel if self.depends(1, d) and not self.depends(0, d)] or shared
            pixels = [d for d in parallel if self.depends(0, d) and not self.depends(1, d)]
        else:
            outputs = parallel
            pixels = [d for d in parallel if nest.pads_on(d) and nest.d.out.steps[d] == 1]
        outputs = [d for d in outputs if not nest.pads_on(d)]
        if self.dot_plan is not None and nest.instructions is not None:
            (first, rows), (last, columns) = self._blocked(outputs), self._blocked(pixels)
            length = self.loops.sizes[-1]
            words = None if length is None else length // self.dot_plan.elements
            factors = block_of_dots(nest.instructions, self.dot_plan, (rows, columns), words, tuning.dot_run)
            return Block(first, factors[0]), Block(last, factors[1])
        if self.depthwise:
            return self._block(outputs, tuning.depthwise_outputs), self._block(pixels, tuning.depthwise_pixels)
        second = self._block(pixels, tuning.block_pixels)
        # With nothing to share along pixels, more outputs share what is loaded.
        most = tuning.block_outputs * (tuning.block_pixels if self.contracts and second.factor == 1 else 1)
        return self._block(outputs, most), second

    def _block(self, dims: Sequence[int], most: int) -> Block:
        dim, size = self._blocked(dims)
        return Block(dim, 1 if dim is None else block_factor(size, most))

    def _blocked(self, dims: Sequence[int]) -> tuple[int | None, int | None]:
        """The dimension to block, that with the smallest step in the output, and its size if it is known."""
        nest = self.nest
        dims = [d for d in dims if nest.d.dims[d].static != 1]
        if not dims:
            return None, 1
        dim = min(dims, key=lambda d: nest.d.out.steps[d])
        size = nest.d.dims[dim].static
        if nest.pads_on(dim):
            # Blocks lie off the padding.
            low, high = (c.constant_of(x) for x in self.interior(dim))
            size = max(1, high - low) if isinstance(low, int) and isinstance(high, int) else None
        return dim, size

    @cached_property
    def accumulator_type(self) -> Attribute:
        return self.nest.op.accumulator()

    @cached_property
    def pad_value(self) -> int | float:
        """What the padding adds to sums; a maximum ignores padding."""
        pads = any(p.operand == 0 for p in self.nest.d.padded)
        return self.nest.op.pad_value() if pads and self.combiner in (Combiner.SUM, Combiner.AVERAGE) else 0

    def interior(self, dim: int) -> tuple[SSAValue, SSAValue]:
        """The iterations of an output dimension at which no window iteration along its padded axes is outside."""
        nest, b = self.nest, self.nest.b
        low, high = b.const(0), nest.size(dim)
        for pad in nest.pads_on(dim):
            reach = b.const(0)
            for d in nest.combined:
                reach = b.add(reach, b.mul(b.sub(nest.size(d), 1), pad.coefficients[d]))
            step, at = pad.coefficients[dim], nest.positions[pad]
            first = b.div(b.add(b.max(b.neg(at), 0), step - 1), step)
            room = b.max(b.sub(b.sub(nest.quantity(pad.extent), at), reach), 0)
            low = first if is_zero(low) else b.max(low, first)
            high = b.min(high, b.div(b.add(room, step - 1), step))
        return low, high

    @cached_property
    def loops(self) -> ReductionLoops:
        return ReductionLoops(self.nest)
