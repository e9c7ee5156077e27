"""Kernels that combine, for processors with SIMD: a block of neighbouring outputs in an array of accumulators.

The innermost loops run over the block, contiguous in memory, so that a C compiler vectorises them without reordering
any sum. Weights that are not contiguous along the outputs are first copied, a block at a time, into a small array.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from xdsl.ir import SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.kernels.generated.long_sums import LongSums, arrays, sum_of
from deeploy_mlir.kernels.generated.nest import Nest
from deeploy_mlir.kernels.generated.reduction import Block, Reduction
from deeploy_mlir.support.numpy_types import element_bytes

PACKED_BYTES = 16384
"""Largest array of copied weights."""
LONG_RUN = 16
"""From here on a contiguous sum of products of integers is left to the compiler's vectoriser."""
LEAST_BLOCK = 16
"""Fewer outputs are not worth it."""
SHARING_PIXELS = 6
"""Copying weights pays if this many outputs use them."""


@dataclass(frozen=True)
class VectorPlan:
    """The dimension whose outputs are neighbours, outputs a block, and whether weights are copied."""

    dim: int
    block: int
    packs: bool


def vector_plan(reduction: Reduction) -> VectorPlan | None:
    """How to compute blocks of neighbouring outputs; None if that is not possible or does not pay."""
    nest = reduction.nest
    operands = nest.d.operands[: nest.d.num_ins]
    if not nest.tuning.vector or not nest.combined:
        return None
    dims = [d for d in nest.parallel if nest.d.out.steps[d] == 1 and not nest.pads_on(d) and nest.d.dims[d].static != 1]
    if len(dims) != 1 or operands[0].steps[dims[0]] not in (0, 1):
        return None
    (dim,) = dims
    block = block_size(nest.d.dims[dim].static, nest.tuning.vector)
    if not reduction.contracts:
        return VectorPlan(dim, block, False) if operands[0].steps[dim] == 1 else None
    if operands[0].steps[dim] == 0 and (block < LEAST_BLOCK or _long_dot(reduction)):
        return None
    if operands[1].steps[dim] == 1:
        return VectorPlan(dim, block, False)
    sizes = [nest.d.dims[d].static for d in nest.combined]
    if operands[1].steps[dim] == 0 or nest.d.pads_of(1) or any(s is None for s in sizes):
        return None
    taps = prod(s for s in sizes if s is not None)
    while taps * block * element_bytes(operands[1].element_type) > PACKED_BYTES and block > LEAST_BLOCK:
        block = max(LEAST_BLOCK, block // 2)
    users = [d for d in nest.parallel if d != dim and operands[1].steps[d] == 0]
    pixels = prod(s if (s := nest.d.dims[d].static) is not None else SHARING_PIXELS for d in users)
    fits = taps * block * element_bytes(operands[1].element_type) <= PACKED_BYTES
    return VectorPlan(dim, block, True) if fits and pixels >= SHARING_PIXELS else None


def block_size(size: int | None, most: int) -> int:
    """Outputs a block: all, or a divisor of their number that is not small, or `most`."""
    if size is None:
        return most
    if size <= most:
        return size
    return next((b for b in range(most, 15, -1) if size % b == 0), most)


def _long_dot(reduction: Reduction) -> bool:
    """Whether both operands are contiguous along a long sum, which the compiler vectorises if it is of integers."""
    nest = reduction.nest
    loops = reduction.loops
    innermost = loops.dims[-1]
    if not c.is_integer(reduction.accumulator_type) or any(o.steps[innermost] != 1 for o in nest.d.operands[:2]):
        return False
    length = prod(nest.d.dims[d].static or LONG_RUN for d in loops.dims[-2 if loops.joined else -1 :])
    return length >= LONG_RUN


class VectorReduction:
    """A kernel in blocks of neighbouring outputs."""

    def __init__(self, reduction: Reduction, plan: VectorPlan) -> None:
        self.r = reduction
        self.nest: Nest = reduction.nest
        self.plan = plan

    @cached_property
    def outer(self) -> list[int]:
        """Parallel dimensions outside of the blocks: those that select other weights."""
        if not self.r.contracts or not self.plan.packs:
            return []
        return [d for d in self.nest.parallel if d != self.plan.dim and self.r.depends(1, d)]

    def emit(self) -> None:
        """The whole kernel."""
        nest, b, dim = self.nest, self.nest.b, self.plan.dim
        with nest.loops(self.outer), nest.loop(dim, step=self.plan.block) as first:
            static = nest.d.dims[dim].static
            count = b.const(self.plan.block)
            if static is None or static % self.plan.block:
                count = b.named("count", b.min(count, b.sub(nest.size(dim), first)))
            with self.packed(count):
                offsets = self.padding_sums(count)
                others = [d for d in nest.parallel if d != dim and d not in self.outer]
                padded = [d for d in others if nest.pads_on(d)]
                pixels = min(padded, key=lambda d: nest.d.out.steps[d], default=None)
                with nest.loops([d for d in others if d != pixels]):
                    self.r.pixels(Block(pixels, 1), lambda _: self.block(count, offsets))

    @contextmanager
    def packed(self, count: SSAValue) -> Generator[None]:
        """Inside, the weights are a copy of the block's, contiguous along the outputs."""
        nest, b, plan = self.nest, self.nest.b, self.plan
        if not plan.packs:
            yield
            return
        weights = nest.d.operands[1]
        steps = [0] * len(nest.d.dims)
        steps[plan.dim] = 1
        size = plan.block
        for d in reversed(nest.combined):
            steps[d] = size
            size *= nest.d.dims[d].static or 1
        array = b.array("packed", [size], weights.element_type)
        with ExitStack() as stack:
            at = b.const(0)
            for d in nest.combined:
                at = b.add(at, b.mul(stack.enter_context(nest.loop(d)), steps[d]))
            with b.for_("j", b.const(0), count) as j:
                b.store(array, b.add(at, j), nest.element(1, b.mul(j, weights.steps[plan.dim])))
        description, pointer = nest.d, nest.pointers[1]
        operands = list(nest.d.operands)
        operands[1] = replace(weights, steps=tuple(steps), offset=0)
        nest.d, nest.pointers[1] = replace(nest.d, operands=tuple(operands)), b.decay(array, const=True)
        try:
            yield
        finally:
            nest.d, nest.pointers[1] = description, pointer

    def padding_sums(self, count: SSAValue) -> SSAValue | None:
        """For sums of products with padding that is not zero: what it adds to each output, in an array."""
        nest, b, r = self.nest, self.nest.b, self.r
        if not (r.contracts and r.pad_value):
            return None
        array = b.array("offsets", [self.plan.block], r.accumulator_type)
        self.fill(array, count, b.const(0, r.accumulator_type))
        with nest.loops(nest.combined), b.for_("j", b.const(0), count) as j:
            value = r.widened(nest.element(1, b.mul(j, nest.d.operands[1].steps[self.plan.dim])))
            term = b.mul(value, r.pad_value, wrap=r.wraps)
            b.store(array, j, b.add(b.load(array, j), term, wrap=r.wraps))
        return array

    def fill(self, array: SSAValue, count: SSAValue, value: SSAValue) -> None:
        """Sets all of an array."""
        b = self.nest.b
        with b.for_("j", b.const(0), count) as j:
            b.store(array, j, value)

    def block(self, count: SSAValue, offsets: SSAValue | None) -> None:
        """Accumulators, reduction loops and epilogues of one block."""
        nest, b, r = self.nest, self.nest.b, self.r
        acc = b.array("acc", [self.plan.block], r.accumulator_type)
        with b.for_("j", b.const(0), count) as j:
            b.store(acc, j, b.load(offsets, j) if offsets is not None else r.first_value())
        total = r.inside_count()
        divided = r.division(nest.tuning.run * nest.tuning.float_lanes, nest.tuning.float_lanes)
        sums: LongSums | None = None
        if divided is not None:
            kept = arrays(b, r.accumulator_type, self.plan.block, count)
            sums = LongSums(b, r.accumulator_type, divided.runs, *kept)
        left = r.loops.emit(
            divided,
            lambda dim, length: self.innermost(acc, count, dim, length),
            lambda: sums.end_run(lambda j: [b.subscript(acc, j)]) if sums is not None else None,
        )
        with b.for_("j", b.const(0), count) as j:
            extras: list[SSAValue] = []
            for number in range(nest.d.num_ins, len(nest.d.operands) - 1):
                step = nest.d.operands[number].steps[self.plan.dim]
                extras.append(nest.element(number, b.mul(j, step)))
            value = b.load(acc, j) if sums is None else sums.value(j, b.load(acc, j) if left else None)
            value = nest.epilogue([r.finished(value, total)], extras)
            b.store(nest.pointers[-1], j, value)

    def innermost(self, acc: SSAValue, count: SSAValue, dim: int | None, length: SSAValue) -> None:
        """The loop over the innermost combined dimension, around that over the block.

        Float sums take several terms at once, added up among themselves first, which saves loads and stores of the
        accumulators and keeps them short."""
        nest, b, r = self.nest, self.nest.b, self.r
        assert dim is not None
        known = c.constant_of(length)
        copies = nest.tuning.float_lanes if r.sums_floats else 1
        if not isinstance(known, int) or known % copies:
            copies = 1
        with b.for_(nest.d.dims[dim].name, b.const(0), length, copies) as index:
            pointers, shared = self.rows(dim, index, copies)
            with b.for_("j", b.const(0), count) as j:
                terms = [
                    [v if v is not None else r.load(o, row[o], b.mul(j, self.moves[o])) for o, v in enumerate(values)]
                    for row, values in zip(pointers, shared, strict=True)
                ]
                b.store(acc, j, self.combined(b.load(acc, j), terms))

    @cached_property
    def moves(self) -> list[int]:
        """Steps of the operands from one output of the block to the next."""
        return [o.steps[self.plan.dim] for o in self.nest.d.operands[: self.nest.d.num_ins]]

    def rows(self, dim: int, index: SSAValue, copies: int) -> tuple[list[list[SSAValue]], list[list[SSAValue | None]]]:
        """For each of `copies` terms from `index` on: pointers to the operands' elements for the block's first output,
        and the values of those that all outputs share."""
        nest, b, r = self.nest, self.nest.b, self.r
        steps = [o.steps[dim] for o in nest.d.operands[: nest.d.num_ins]]
        pointers = [
            [
                b.named(f"{'xw'[o]}{k}", b.add(nest.pointers[o], b.mul(b.add(index, k), steps[o])))
                for o in range(len(steps))
            ]
            for k in range(copies)
        ]
        shared = [
            [
                None if move else b.load(b.var(f"x{k}_value", r.accumulator_type, r.load(o, row[o], nest.index(0))))
                for o, move in enumerate(self.moves)
            ]
            for k, row in enumerate(pointers)
        ]
        return pointers, shared

    def combined(self, accumulator: SSAValue, terms: list[list[SSAValue]]) -> SSAValue:
        """The accumulator with more terms."""
        b, r = self.nest.b, self.r
        if r.sums_floats:
            return b.add(accumulator, sum_of(b, [b.mul(t[0], t[1]) if r.contracts else t[0] for t in terms]))
        for elements in terms:
            accumulator = r.combine(accumulator, elements)
        return accumulator
