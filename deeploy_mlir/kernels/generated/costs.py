"""What the generated kernels cost on one core: the figures of a processor, and the cost of a scalar body."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Attribute

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.base import KernelOp
from deeploy_mlir.kernels.generated.saturations import Saturations
from deeploy_mlir.kernels.instructions import InstructionTable


@dataclass(frozen=True)
class ScalarCosts:
    """Cycles of scalar operations on one core, for the bodies of kernels."""

    plain: float = 1.0
    """An add, shift, comparison or logical operation up to 32 bits; of 64 bits `wide` times as many."""
    wide: float = 3.0
    multiply: float = 2.0
    multiply_wide: float = 8.0
    divide: float = 20.0
    divide_wide: float = 200.0
    select: float = 3.0
    """A minimum, maximum or selection, which is a branch on simple cores."""
    float_plain: float = 1.3
    float_divide: float = 12.0
    function: float = 105.0
    """A call of the maths library."""
    access: float = 1.5
    """A load or store of an element, with its address."""


@dataclass(frozen=True)
class KernelCosts:
    """The cost model of the generated kernels on one core, in cycles."""

    multiply_accumulate: float
    """In a long contiguous run, all blocks full."""
    float_multiply_accumulate: float
    depthwise: float
    """A multiply-accumulate where no input is shared between outputs, loops included."""
    float_depthwise: float
    combine: float
    """An element of a pool or reduction."""
    run: float
    """Setting up one innermost loop of a block."""
    kernel: float
    """Calling the kernel."""
    scalar: ScalarCosts


def body_cost(op: KernelOp, costs: ScalarCosts, instructions: InstructionTable | None = None) -> float:
    """Cycles of the epilogue of one output, the store and the extras included."""
    saturations = Saturations(instructions) if instructions is not None else None
    total = costs.access * (1 + len(op.extras))
    if op.body is None:
        return total
    for inner in op.body.block.ops:
        if saturations is not None and saturations.is_part(inner):
            continue
        if saturations is not None and (found := saturations.of(inner)) is not None:
            total += found.instruction.cycles
            continue
        wide = any(bits_of(v.type) > 32 for v in inner.operands)
        name = inner.name
        if name.startswith("math.") or name == "kernel.fmod":
            total += costs.function
        elif name.startswith(("arith.mul", "arith.add", "arith.sub", "arith.neg")) and name.endswith("f"):
            total += costs.float_plain
        elif name == "arith.divf":
            total += costs.float_divide
        elif name.startswith(("arith.div", "arith.rem", "arith.floordiv", "arith.ceildiv")):
            total += costs.divide_wide if wide else costs.divide
        elif name == "arith.muli":
            total += costs.multiply_wide if wide else costs.multiply
        elif name.startswith(("arith.m", "arith.select")):
            total += costs.select * (2 if wide else 1)
        elif name not in ("arith.constant", "kernel.yield", "kernel.cast", "arith.extsi", "arith.extui"):
            total += costs.plain * (costs.wide if wide else 1)
    return total


def bits_of(t: Attribute) -> int:
    return c.bit_width(t) if c.is_integer(t) else 32
