"""Kernels that combine: matmul, conv, pool and reduce, with several outputs computed together in scalar accumulators.

Two dimensions of the output are blocked: one that the second operand moves along (output channels, columns), and one
that only the first moves along (pixels, rows), so that what is loaded serves several outputs. A dimension that is no
multiple of its block computes its last row more than once, which needs no code of its own.
Pixels that touch the padding are computed one by one, with window loops that are cut there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod

from xdsl.dialects.builtin import BFloat16Type, Float16Type, f32
from xdsl.ir import SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.ops import Combiner, PoolOp
from deeploy_mlir.kernels.generated.blocking import REMAINDER_FACTOR, Block, Blocking
from deeploy_mlir.kernels.generated.dots import DotProducts
from deeploy_mlir.kernels.generated.instruction_names import emit_call
from deeploy_mlir.kernels.generated.long_sums import Division, LongSums, Number, division, scalars, sum_of
from deeploy_mlir.support.numpy_types import SmallFloat

MAX_COMPARED = 16
"""Most floats that one maximum or minimum takes in straight code: from some 24 on, each more doubles clang's time."""

Cell = tuple[int, int]
"""Numbers of an output within its block: along the first and along the second blocked dimension."""


@dataclass
class Reduction(Blocking):
    """A kernel that combines elements, on its way to C."""

    @cached_property
    def dots(self) -> DotProducts | None:
        """Dot products of words, where they are the plan."""
        return DotProducts(self, self.dot_plan) if self.dot_plan is not None else None

    # -- types -----------------------------------------------------------------------------------------------------

    @cached_property
    def wraps(self) -> bool:
        """Whether the sums may leave the accumulator's type, so that they need arithmetic that wraps."""
        if not c.is_integer(self.accumulator_type) or self.combiner in (Combiner.MAX, Combiner.MIN):
            return False
        if self.combiner == Combiner.PRODUCT:
            return True
        sizes = [self.nest.d.dims[d].static for d in self.nest.combined]
        bound = prod(s if s is not None else 1 << 31 for s in sizes)
        for operand in range(self.nest.d.num_ins):
            low, high = c.integer_range(self.nest.d.operands[operand].element_type)
            largest = max(-low, high) + (abs(int(self.pad_value)) if operand == 0 else 0)
            bound *= largest
        return bound >= 1 << (c.bit_width(self.accumulator_type) - 1)

    def widened(self, value: SSAValue) -> SSAValue:
        """An element in the accumulator's type."""
        if isinstance(value.type, BFloat16Type | Float16Type | SmallFloat):
            value = self.nest.body.widened(value)
        return self.nest.b.cast(value, self.accumulator_type)

    def load(self, operand: int, pointer: SSAValue, index: SSAValue) -> SSAValue:
        """An element to combine; the first operand less its padding value."""
        value = self.widened(self.nest.b.load(pointer, index))
        if operand == 0 and self.pad_value and self.dots is None:
            value = self.nest.b.sub(value, self.pad_value, wrap=self.wraps)
        return value

    # -- loops -----------------------------------------------------------------------------------------------------

    def emit(self) -> None:
        """The whole kernel."""
        nest = self.nest
        first, second = self.blocks
        outer = [d for d in nest.parallel if d not in (first.dim, second.dim)]

        def block(rows: list[SSAValue]) -> None:
            initial = self.initial_values(rows)
            self.pixels(second, lambda columns: self.block_of_outputs(rows, columns, initial))

        with nest.loops(outer):
            self.blocks_of(first, block)

    def blocks_of(self, block: Block, body: Callable[[list[SSAValue]], None]) -> None:
        """A loop over the blocks of a dimension; `body` takes the offsets of the rows from the block's first.

        Of a size that is only known at run time, what is left of full blocks comes one by one if blocks are large."""
        nest, b = self.nest, self.nest.b
        if block.dim is None:
            body([b.const(0)])
            return
        size = nest.size(block.dim)
        static = c.constant_of(size)
        if static is not None or block.factor < REMAINDER_FACTOR:
            with nest.loop(block.dim, step=block.factor) as index:
                body(self.rows(block.factor, b.sub(size, index), static))
            return
        full = b.named("full", b.mul(b.div(size, block.factor), block.factor))
        with nest.loop(block.dim, (b.const(0), full), step=block.factor):
            body([b.const(j) for j in range(block.factor)])
        with nest.loop(block.dim, (full, size)):
            body([b.const(0)])

    def pixels(self, block: Block, body: Callable[[list[SSAValue]], None]) -> None:
        """As `block`, with `body` emitted for each way to go.

        Where the dimension moves along padded axes, blocks lie wholly off the padding, so that their window loops need
        no bounds; the iterations that touch it come one by one behind them."""
        nest, b = self.nest, self.nest.b
        if block.dim is None or not nest.pads_on(block.dim):
            self.blocks_of(block, body)
            return
        size = nest.size(block.dim)
        low, high = self.interior(block.dim)
        low = b.min(low, size)
        high = b.max(low, high)
        inner = b.sub(high, low)
        if c.constant_of(inner) != 0:
            with b.for_(nest.d.dims[block.dim].name, low, high, block.factor) as index:
                with nest.fixed(block.dim, index), nest.unclamped(block.dim):
                    body(self.rows(block.factor, b.sub(high, index), c.constant_of(inner)))
        if c.constant_of(inner) is None or c.constant_of(inner) != c.constant_of(size):
            with b.for_("border", b.const(0), b.sub(size, inner)) as number:
                index = b.select(b.cmp("lt", number, low), number, b.add(number, inner))
                with nest.fixed(block.dim, index):
                    body([b.const(0)])

    def rows(self, factor: int, left: SSAValue, size: int | float | None) -> list[SSAValue]:
        """Offsets of a block's rows, when `left` iterations of a range of `size` are left: at most the last one's."""
        b = self.nest.b
        if factor == 1 or (isinstance(size, int) and size % factor == 0):
            return [b.const(j) for j in range(factor)]
        last = b.sub(left, 1)
        return [b.const(0), *(b.min(b.const(j), last) for j in range(1, factor))]

    # -- one block -------------------------------------------------------------------------------------------------

    def initial_values(self, rows: Sequence[SSAValue]) -> list[SSAValue]:
        """What the accumulators of each row start from."""
        nest, b, t = self.nest, self.nest.b, self.accumulator_type
        if not (self.contracts and self.pad_value):
            return [self.first_value()] * len(rows)
        if self.dots is not None:
            return self.dots.weight_sums(rows)
        sums = [b.var(f"offset{i}", t, 0) for i in range(len(rows))]
        first = self.blocks[0].dim
        with ExitStack() as stack:
            for d in nest.combined:
                stack.enter_context(nest.loop(d))
            for place, row in zip(sums, rows, strict=True):
                step = nest.d.operands[1].steps[first] if first is not None else 0
                value = self.widened(nest.element(1, b.mul(row, step)))
                b.assign(place, b.add(b.load(place), value, wrap=self.wraps))
        return [b.mul(b.load(place), self.pad_value, wrap=self.wraps) for place in sums]

    def first_value(self) -> SSAValue:
        """What an accumulator starts from; for sums of products with padding that is not zero see `initial_values`."""
        nest, b, t = self.nest, self.nest.b, self.accumulator_type
        if self.combiner in (Combiner.MAX, Combiner.MIN):
            return self.extreme()
        if self.combiner == Combiner.PRODUCT:
            return b.const(1, t)
        if not self.pad_value:
            return b.const(0, t)
        total = b.const(1)
        for d in nest.combined:
            total = b.mul(total, nest.size(d))
        return b.mul(b.cast(total, t), self.pad_value, wrap=self.wraps)

    def extreme(self) -> SSAValue:
        """The value that never wins."""
        t, maximum = self.accumulator_type, self.combiner == Combiner.MAX
        if c.is_integer(t):
            return self.nest.b.const(c.integer_range(t)[0 if maximum else 1], t)
        return self.nest.body.constant(float("-inf") if maximum else float("inf"), t)

    def shifts(self, operand: int, rows: Sequence[SSAValue], columns: Sequence[SSAValue]) -> dict[Cell, SSAValue]:
        """Offset in elements of each output's part of an operand; outputs that share it share the value."""
        nest, b = self.nest, self.nest.b
        first, second = (
            nest.d.operands[operand].steps[block.dim] if block.dim is not None else 0 for block in self.blocks
        )
        along_rows = [b.mul(row, first) for row in (rows if first else rows[:1])]
        along_columns = [b.mul(column, second) for column in (columns if second else columns[:1])]
        sums = {(i, j): b.add(x, y) for (i, x), (j, y) in product(enumerate(along_rows), enumerate(along_columns))}
        return {
            (i, j): sums[i if first else 0, j if second else 0]
            for i, j in product(range(len(rows)), range(len(columns)))
        }

    def block_of_outputs(
        self, rows: Sequence[SSAValue], columns: Sequence[SSAValue], initial: Sequence[SSAValue]
    ) -> None:
        """Accumulators, reduction loops and epilogues of one block."""
        nest, b = self.nest, self.nest.b
        cells = list(product(range(len(rows)), range(len(columns))))
        if self.dots is not None and self.pad_value:
            initial = self.dots.border(rows, initial)
        lanes = self.lanes(len(cells))
        places: list[dict[Cell, SSAValue]] = []
        for lane in range(lanes):
            suffix = f"_{lane}" if lanes > 1 else ""
            names = {(i, j): f"acc{i}{j}{suffix}" if len(cells) > 1 else f"acc{suffix}" for i, j in cells}
            start = initial if lane == 0 else [b.const(0, self.accumulator_type)] * len(rows)
            places.append({cell: b.var(names[cell], self.accumulator_type, start[cell[0]]) for cell in cells})
        shifts = [self.shifts(operand, rows, columns) for operand in range(nest.d.num_ins)]
        counts = self.inside_count()
        totals = self.reduce(places, shifts)
        accumulators = {cell: self.finished(total, counts) for cell, total in totals.items()}
        self.store(rows, columns, accumulators)

    def inside_count(self) -> SSAValue | None:
        """For an average: what it divides by, as a float."""
        nest, b = self.nest, self.nest.b
        if self.combiner != Combiner.AVERAGE:
            return None
        exclude = isinstance(nest.op, PoolOp) and nest.op.exclude_pad is not None
        count = b.const(1)
        for d in nest.combined:
            low, high = nest.inside(d) if exclude else (b.const(0), nest.size(d))
            count = b.mul(count, b.max(b.sub(high, low), 0))
        return b.cast(count, self.accumulator_type)

    def finished(self, value: SSAValue, count: SSAValue | None) -> SSAValue:
        """The accumulator that the epilogue receives."""
        return value if count is None else self.nest.b.div(value, count)

    # -- the reduction loops ---------------------------------------------------------------------------------------

    @cached_property
    def sums_floats(self) -> bool:
        """Whether rounding errors add up."""
        sums = self.contracts or self.combiner in (Combiner.SUM, Combiner.AVERAGE)
        return sums and self.accumulator_type == f32

    def lanes(self, cells: int) -> int:
        """Accumulators of each of `cells` outputs: several where one would be waited for, or stand in SIMD's way."""
        nest, tuning = self.nest, self.nest.tuning
        dims = self.loops.dims
        if not dims or not self.sums_floats or any(nest.pads_on(d) for d in dims):
            return 1
        length = self.loops.sizes[-1]
        if length is not None and length < 4 * tuning.float_lanes:
            return 1
        if not tuning.vector or (self.contracts and cells > 1):
            return max(1, tuning.float_lanes // cells)
        contiguous = all(o.steps[dims[-1]] == 1 for o in nest.d.operands[: nest.d.num_ins])
        return tuning.float_lanes if contiguous else 1

    def division(self, most: int, multiple: int) -> Division | None:
        """How the reduction loops are divided into runs; None if they are not."""
        return division(self.loops.sizes, most, multiple) if self.sums_floats else None

    def reduce(
        self, places: list[dict[Cell, SSAValue]], shifts: Sequence[dict[Cell, SSAValue]]
    ) -> dict[Cell, SSAValue]:
        """All reduction loops of a block; what they give for each output."""
        b, cells = self.nest.b, list(places[0])
        lanes = len(places)
        divided = self.division(self.nest.tuning.run * lanes, max(lanes, self.nest.tuning.unroll))
        sums: LongSums | None = None

        def lanes_of(number: Number) -> list[SSAValue]:
            assert isinstance(number, int)
            return [lane[cells[number]] for lane in places]

        if divided is not None:
            sums = LongSums(b, self.accumulator_type, divided.runs, *scalars(b, self.accumulator_type, len(cells)))
        left = self.loops.emit(
            divided,
            lambda dim, length: self.innermost(places, shifts, dim, length),
            lambda: sums.end_run(lanes_of) if sums is not None else None,
        )
        if sums is None:
            return {cell: sum_of(b, [b.load(place) for place in lanes_of(n)]) for n, cell in enumerate(cells)}
        held = [sum_of(b, [b.load(place) for place in lanes_of(n)]) if left else None for n in range(len(cells))]
        return {cell: sums.value(n, held[n]) for n, cell in enumerate(cells)}

    def innermost(
        self,
        places: Sequence[dict[Cell, SSAValue]],
        shifts: Sequence[dict[Cell, SSAValue]],
        dim: int | None,
        length: SSAValue,
    ) -> None:
        """The loop in which all outputs of the block take one element each; a short one is written out."""
        nest, b = self.nest, self.nest.b
        if self.dots is not None:
            self.dots.innermost(places[0], shifts, length)
            return
        known = c.constant_of(length)
        name = nest.d.dims[dim].name if dim is not None else "k"
        steps = [nest.d.operands[o].steps[dim] if dim is not None else 0 for o in range(len(shifts))]
        copies = self.copies(known, len(places[0]), len(places))
        pointers: list[dict[Cell, SSAValue]] = [{}, {}]
        if known != copies:
            # In a loop, each row has a pointer of its own.
            for operand, shift in enumerate(shifts):
                distinct = {
                    id(s): b.named(f"{'xw'[operand]}{number}", b.add(nest.pointers[operand], s))
                    for number, s in enumerate({id(s): s for s in shift.values()}.values())
                }
                pointers[operand] = {cell: distinct[id(s)] for cell, s in shift.items()}
        if nest.tuning.keep_loops and isinstance(known, int) and known != copies:
            b.verbatim('_Pragma("GCC unroll 1")')
        full = b.mul(b.div(length, copies), copies)
        with b.for_(name, b.const(0), full, copies) as index:
            self.take(places, shifts, pointers, steps, index, copies)
        if isinstance(known, int):
            self.take(places, shifts, pointers, steps, full, known % copies)
        elif copies > 1:
            with b.for_(name, full, length) as index:
                self.take(places, shifts, pointers, steps, index, 1)

    def copies(self, known: int | float | None, cells: int, lanes: int) -> int:
        """How many elements the innermost loop takes at a time, if `known` is its length."""
        copies = self.nest.tuning.unroll
        if isinstance(known, int) and known * cells <= self.nest.tuning.straight and known <= self.longest_chain:
            return max(known, 1)
        if lanes > 1:
            return lanes
        if not isinstance(known, int):
            return 1
        if known % copies:
            # One more, rather than a loop whose unrolling is left to the compiler.
            return copies + 1 if copies > 1 and known % (copies + 1) == 0 else 1
        return copies

    def take(
        self,
        places: Sequence[dict[Cell, SSAValue]],
        shifts: Sequence[dict[Cell, SSAValue]],
        pointers: Sequence[dict[Cell, SSAValue]],
        steps: Sequence[int],
        index: SSAValue,
        count: int,
    ) -> None:
        """All outputs of the block take `count` elements from `index` on, each into the next of its accumulators."""
        nest, b = self.nest, self.nest.b
        loaded: dict[Hashable, SSAValue] = {}
        for copy in range(count):
            for cell, place in places[copy % len(places)].items():
                elements: list[SSAValue] = []
                for operand, shift in enumerate(shifts):
                    at = b.mul(b.add(index, copy), steps[operand])
                    pointer = pointers[operand].get(cell)
                    if pointer is None:
                        pointer, at = nest.pointers[operand], b.add(at, shift[cell])
                    constant = c.constant_of(at)
                    key = (operand, pointer, at if constant is None else constant)
                    if constant is None:
                        key = (operand, pointer, copy, id(shift[cell]))
                    if key not in loaded:
                        loaded[key] = self.load(operand, pointer, at)
                    elements.append(loaded[key])
                self.accumulate(place, elements)

    def accumulate(self, place: SSAValue, elements: Sequence[SSAValue]) -> None:
        """Adds one more element, or product of two, to an accumulator."""
        b = self.nest.b
        if self.multiply_accumulate is not None and self.nest.instructions is not None:
            emit_call(b, self.nest.instructions, self.multiply_accumulate, place, elements)
        else:
            b.assign(place, self.combine(b.load(place), elements))

    @property
    def longest_chain(self) -> int:
        """Most elements that one accumulator takes in straight code."""
        compares = not self.contracts and self.combiner in (Combiner.MAX, Combiner.MIN)
        return MAX_COMPARED if compares and c.is_float(self.accumulator_type) else self.nest.tuning.straight

    def combine(self, accumulator: SSAValue, elements: Sequence[SSAValue]) -> SSAValue:
        """The accumulator with one more element, or product of two."""
        b = self.nest.b
        if self.contracts:
            if self.nest.tuning.fused and self.accumulator_type == f32:
                return b.call_value("dm_fmaf", [*elements, accumulator], f32, pure=True)
            return b.add(accumulator, b.mul(elements[0], elements[1], wrap=self.wraps), wrap=self.wraps)
        (x,) = elements
        match self.combiner:
            case Combiner.MAX:
                return b.max(accumulator, x)
            case Combiner.MIN:
                return b.min(accumulator, x)
            case Combiner.PRODUCT:
                return b.mul(accumulator, x, wrap=self.wraps)
            case _:
                return b.add(accumulator, x, wrap=self.wraps)

    # -- the epilogue ----------------------------------------------------------------------------------------------

    def store(self, rows: Sequence[SSAValue], columns: Sequence[SSAValue], accumulators: dict[Cell, SSAValue]) -> None:
        """Runs the epilogue on each output of the block and stores it."""
        nest, b = self.nest, self.nest.b
        extras = range(nest.d.num_ins, len(nest.d.operands) - 1)
        shifts = {o: self.shifts(o, rows, columns) for o in (*extras, len(nest.d.operands) - 1)}
        loaded: dict[tuple[int, int], SSAValue] = {}
        results: dict[Cell, SSAValue] = {}
        for cell, accumulator in accumulators.items():
            arguments: list[SSAValue] = []
            for extra in extras:
                shift = shifts[extra][cell]
                key = extra, id(shift)
                if key not in loaded:
                    loaded[key] = b.load(nest.pointers[extra], shift)
                arguments.append(loaded[key])
            results[cell] = nest.epilogue([accumulator], arguments)
            b.store(nest.pointers[-1], shifts[len(nest.d.operands) - 1][cell], results[cell])
