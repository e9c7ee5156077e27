"""The generated kernels as a library of bindings: one for an engine of plain cores, whatever the kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.dialects.builtin import i32

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.base import KernelOp, element_type_of_value
from deeploy_mlir.dialects.kernel.ops import MapOp, ReduceOp, RowFunction, RowOp, ScatterOp
from deeploy_mlir.kernels.binding import KernelBinding
from deeploy_mlir.kernels.generated.blocking import REMAINDER_FACTOR
from deeploy_mlir.kernels.generated.columns import Columns, packs_columns, with_columns
from deeploy_mlir.kernels.generated.costs import KernelCosts, bits_of, body_cost
from deeploy_mlir.kernels.generated.dot_costs import blocking_of, description_of_share, dot_cycles
from deeploy_mlir.kernels.generated.dot_plan import dot_plan, multiply_accumulate
from deeploy_mlir.kernels.generated.function import kernel_function
from deeploy_mlir.kernels.generated.instruction_functions import functions_called
from deeploy_mlir.kernels.generated.saturations import Saturations
from deeploy_mlir.kernels.generated.tuning import Tuning, block_factor
from deeploy_mlir.kernels.instructions import InstructionTable
from deeploy_mlir.kernels.packing import Packing
from deeploy_mlir.space.iteration_space import DimKind, IterationSpace
from deeploy_mlir.space.work_split import NARROW_WINDOWS, CoreSplit
from deeploy_mlir.support.numpy_types import numpy_dtype


def varying_dims(space: IterationSpace, sizes: Sequence[int], split: CoreSplit) -> frozenset[int]:
    """The dimensions whose size is only known at run time: the last tile, or some cores' share, is smaller."""
    varying = {d for d, dim in enumerate(space.dims) if dim.size % max(sizes[d], 1)}
    varying.update(d for d, shares in zip(split.dims, split.shares, strict=True) if sizes[d] % shares)
    return frozenset(varying)


def blocked_dims(space: IterationSpace) -> tuple[int | None, int | None]:
    """The dimensions that a contraction is blocked along: outputs (second operand only), pixels (first only)."""
    first, second = (set(access.dims) for access in space.accesses[:2])
    parallel = [d for d in space.output.dims if space.dims[d].kind == DimKind.PARALLEL and space.dims[d].size != 1]
    outputs = [d for d in parallel if d in second and d not in first] or [d for d in parallel if d in second]
    pixels = [d for d in parallel if d in first and d not in second]
    return (outputs[-1] if outputs else None), (pixels[-1] if pixels else None)


@dataclass(frozen=True)
class GeneratedKernels(KernelBinding):
    """The kernels that `kernels.generated` generates."""

    name: str
    engine: str
    tuning: Tuning
    costs: KernelCosts
    instructions: InstructionTable | None = None
    """Where it is given, kernels are generated that use it."""
    packs: bool = False
    """Whether constant second operands of products are stored with their columns contiguous, to be taken in words."""

    def with_instructions(self, table: InstructionTable) -> Sequence[GeneratedKernels]:
        plain = replace(self, name=f"{self.name}_{table.name}", instructions=table)
        return plain, replace(plain, name=f"{plain.name}_columns", packs=True)

    def packings(self, op: KernelOp) -> Mapping[int, Packing]:
        if not self.packs:
            return {}
        return {1: Columns(op.num_dims - 2, numpy_dtype(element_type_of_value(op.ins[1])).name)}

    def accepts(self, op: KernelOp) -> bool | str:
        if self.packs:
            return (packs_columns(op) and self._in_words_of(op)) or "packs the columns of one constant matrix"
        if self.instructions is None or (self._contracts(op) and self._multiplies(op)):
            return True
        saturations = Saturations(self.instructions)
        if op.body is not None and any(saturations.of(inner) is not None for inner in op.body.block.ops):
            return True
        return f"no instruction of {self.instructions.name} is of use"

    def multiples(self, op: KernelOp) -> tuple[int, ...]:
        """Blocks of outputs are full."""
        space = op.iteration_space()
        result = [1] * len(space.dims)
        if self._contracts(op):
            outputs, _ = blocked_dims(space)
            if outputs is not None:
                result[outputs] = min(self.tuning.block_outputs, max(space.dims[outputs].size, 1))
        return tuple(result)

    def emit(self, op: KernelOp, name: str) -> c.FuncOp:
        if self.packs:
            return kernel_function(with_columns(op), name, self.tuning, self.instructions, op)
        return kernel_function(op, name, self.tuning, self.instructions)

    def functions_called(self, function: c.FuncOp) -> Sequence[c.FuncOp]:
        return functions_called(self.instructions, function) if self.instructions is not None else ()

    @property
    def preamble(self) -> str | None:
        return self.instructions.preamble if self.instructions is not None else None

    def cost(self, op: KernelOp) -> Callable[[Sequence[int], CoreSplit], int]:
        if self.packs:
            return replace(self, packs=False).cost(with_columns(op))
        space, contracts = op.iteration_space(), self._contracts(op)
        scalar = self.costs.scalar
        an_output, an_element = body_cost(op, scalar, self.instructions), 0.0
        if isinstance(op, RowOp):
            an_output += self._row_element(op)
        elif isinstance(op, MapOp):
            an_output += len(op.ins) * scalar.access + 0.7
        elif isinstance(op, ScatterOp):
            return self._scatter_cost(op)
        elif not contracts:
            an_output += 4
            an_element = self.costs.combine
        integer = c.is_integer(op.accumulator())

        def cycles(sizes: Sequence[int], split: CoreSplit) -> int:
            mine = split.largest_share(sizes)
            outputs = prod(mine[d] for d in space.output.dims)
            total = self.costs.kernel + outputs * an_output + space.iterations(mine) * an_element
            varying = varying_dims(space, sizes, split)
            if contracts:
                in_words = self._in_words(op, space, sizes, mine, varying)
                total += self._contraction(integer, space, mine, varying) if in_words is None else in_words
            if space.inner_window_dims.intersection(split.dims):
                total *= NARROW_WINDOWS
            return round(total)

        return cycles

    def _scatter_cost(self, op: ScatterOp) -> Callable[[Sequence[int], CoreSplit], int]:
        """Each element is copied, and each update is looked at by every core that has a part of its line."""
        space, scalar = op.iteration_space(), self.costs.scalar
        a_copy, an_update = 2 * scalar.access + 0.7, body_cost(op, scalar) + 2 * scalar.access + 2 * scalar.select

        def cycles(sizes: Sequence[int], split: CoreSplit) -> int:
            mine = split.largest_share(sizes)
            elements = prod(mine[d] for d in space.output.dims)
            updates = space.iterations(mine) // max(mine[op.along], 1)
            return round(self.costs.kernel + elements * a_copy + updates * an_update)

        return cycles

    def _multiplies(self, op: KernelOp) -> bool:
        """Whether the table has something for the products of a contraction."""
        if self.instructions is None or op.accumulator() != i32:
            return False
        x, w = (element_type_of_value(v) for v in op.ins)
        return multiply_accumulate(self.instructions) is not None or dot_plan(self.instructions, x, w) is not None

    def _in_words_of(self, op: KernelOp) -> bool:
        """Whether a product with contiguous columns is taken in words."""
        if self.instructions is None or op.accumulator() != i32:
            return False
        plan = dot_plan(self.instructions, *(element_type_of_value(v) for v in op.ins))
        return plan is not None and op.in_shape(1)[-2] >= plan.elements

    def _in_words(
        self, op: KernelOp, space: IterationSpace, sizes: Sequence[int], mine: Sequence[int], varying: frozenset[int]
    ) -> float | None:
        """What a contraction costs whose operands are taken a word at a time; None if this one's are not."""
        if not self._multiplies(op):
            return None
        description, values = description_of_share(op, space, sizes, mine, varying)
        blocking = blocking_of(op, description, self.tuning, self.instructions)
        if blocking.dot_plan is None:
            return None
        return dot_cycles(blocking, blocking.dot_plan, values, self._a_product(self.costs.multiply_accumulate))

    def _a_product(self, scalar: float) -> float:
        """Cycles of a multiply-accumulate that take `scalar` in plain C."""
        single = multiply_accumulate(self.instructions) if self.instructions is not None else None
        plain = self.costs.scalar.multiply + self.costs.scalar.plain
        return scalar if single is None else scalar - plain + single.cycles

    def _contracts(self, op: KernelOp) -> bool:
        return len(op.ins) == 2 and not isinstance(op, MapOp | RowOp | ReduceOp)

    def _contraction(self, integer: bool, space: IterationSpace, mine: Sequence[int], varying: frozenset[int]) -> float:
        """Multiply-accumulates, counting what incomplete blocks compute in vain, and the set-up of their loops."""
        costs, tuning = self.costs, self.tuning
        outputs, pixels = blocked_dims(space)
        shared = outputs is not None and outputs in space.accesses[0].dims
        most = (
            (tuning.depthwise_outputs, tuning.depthwise_pixels) if shared
            else (tuning.block_outputs, tuning.block_pixels)
        )  # fmt: skip
        macs, cells = float(space.iterations(mine)), 1
        for number, d in enumerate((outputs, pixels)):
            if d is None:
                continue
            size, walked = mine[d], {d}
            if number and not any(axis.padded for axis in space.accesses[0].axes):
                # Without padding all pixels are one walk.
                walked = {p for p in space.output.dims if p not in space.accesses[1].dims}
                size = space.iterations([n if p in walked else 1 for p, n in enumerate(mine)])
            factor = block_factor(None if walked & varying else size, most[number])
            if walked & varying and factor >= REMAINDER_FACTOR:
                # Full blocks, then one by one, with all loads for one product each.
                macs *= 1 + 0.5 * (size % factor) / max(size, 1)
            else:
                macs *= -(-size // factor) * factor / max(size, 1)
            cells *= factor
        if shared:
            return macs * (self._a_product(costs.depthwise) if integer else costs.float_depthwise)
        a_mac = self._a_product(costs.multiply_accumulate) if integer else costs.float_multiply_accumulate
        if cells < 4:
            # Loads are shared by fewer products.
            a_mac *= 1.0 + 0.25 * (4 - cells) / 3
        length = 1
        for d in [d for d in range(len(space.dims)) if d not in space.output.dims][-2:]:
            length *= mine[d]
        return macs * a_mac + macs / max(cells * length, 1) * costs.run

    def _row_element(self, op: RowOp) -> float:
        """Cycles of one element of a row, loops over the row included."""
        s = self.costs.scalar
        integer_divisions = s.divide_wide if element_bits(op) > 16 else s.divide
        return {
            RowFunction.SOFTMAX: s.function + 27,
            RowFunction.LOG_SOFTMAX: s.function + 31,
            RowFunction.LAYER_NORM: 13,
            RowFunction.RMS_NORM: 7,
            RowFunction.I_SOFTMAX: 70,
            RowFunction.ITA_MAX: 20,
            RowFunction.ITA_PARTIAL_MAX: 15,
            RowFunction.I_LAYER_NORM: 20 + integer_divisions,
            RowFunction.I_RMS_NORM: 15 + integer_divisions,
        }[op.function.data]


def element_bits(op: RowOp) -> int:
    """Bits of the widest vector operand of a row function, of the rows themselves if there is none."""
    return max(bits_of(element_type_of_value(v)) for v in op.ins)
