"""`deeploy-verify-plan`: proves the plan again, from the final IR alone.

Before C is made, the checker goes through every step as the cores would, with all index arithmetic, and raises
DeeployError if

- arenas, arrays and stacks of a memory exceed its size, or a buffer is not aligned;
- a view or subview leaves its buffer;
- bytes are read that were never written, or that another buffer has overwritten since (two live buffers overlap);
- an operand is used before its transfer, or the job that writes it, was waited for, a buffer is reused before what
  works on it was, or a transfer or job is never waited for;
- two cores touch the same bytes without a barrier between them, one of them writing;
- more transfers are in flight than their DMA has channels;
- the module's plan claims less memory than the IR takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects import memref
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass

from deeploy_mlir.dialects.cluster import RunOp
from deeploy_mlir.dialects.mem import ArenaOp, ViewOp, memory_of
from deeploy_mlir.dialects.soc import SystemOp
from deeploy_mlir.ir.plan_report import plan_of
from deeploy_mlir.ir.symbols import NetworkArrays, arrays_of
from deeploy_mlir.machine.registry import system_of
from deeploy_mlir.passes.verification.machine import Machine
from deeploy_mlir.passes.verification.regions import Region
from deeploy_mlir.passes.verification.walk import Walker, steps_of, whole
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import element_bytes


@dataclass(frozen=True)
class Observed:
    """What the checker saw: bytes taken in each memory, and bytes moved between two memories."""

    used: Mapping[str, int]
    moved: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class VerifyPlanPass(ModulePass):
    """Checks; changes nothing."""

    name = "deeploy-verify-plan"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        verify_plan(op)


def verify_plan(module: ModuleOp) -> Observed:
    """Checks a module on the level of steps and transfers (see above). Raises DeeployError."""
    system = system_of(module)
    arenas = {a.sym_name.data: a for a in module.body.block.ops if isinstance(a, ArenaOp)}
    arrays = {g.sym_name.data: g for g in module.body.block.ops if isinstance(g, memref.GlobalOp)}
    used = check_sizes(module, system, arenas, arrays)
    moved: dict[tuple[str, str], int] = {}
    for function in [f for f in module.body.block.ops if isinstance(f, FuncOp)]:
        if any(steps_of(function)):
            machine = run(function, system, arrays_of(module, function))
            for ends, count in machine.moved.items():
                moved[ends] = moved.get(ends, 0) + count
    return Observed(used, moved)


def array_bytes(array: memref.GlobalOp) -> int:
    """Bytes of a global array."""
    memref_type = array.type
    return prod(memref_type.get_shape()) * element_bytes(memref_type.element_type)


def check_sizes(
    module: ModuleOp, system: SystemOp, arenas: Mapping[str, ArenaOp], arrays: Mapping[str, memref.GlobalOp]
) -> dict[str, int]:
    """Bytes taken in each memory. Raises DeeployError where one overflows, or takes more than its plan says."""
    used = {m.symbol: system.stack_bytes(m.symbol) for m in system.memories}
    for arena in arenas.values():
        used[arena.memory.root_reference.data] += arena.size.value.data
    for array in arrays.values():
        used[memory_of(array.type)] += array_bytes(array)
    for memory in system.memories:
        size = system.network_bytes(memory)
        if used[memory.symbol] > size:
            raise DeeployError(f"the plan is wrong: {used[memory.symbol]} bytes in {memory.symbol} of {size}")
    plan = plan_of(module)
    for claim in plan.memory if plan is not None else ():
        if used.get(claim.name, 0) > claim.used:
            raise DeeployError(f"the plan says {claim.used} bytes of {claim.name}, the IR takes {used[claim.name]}")
    check_alignment(module, system, arenas)
    return used


def check_alignment(module: ModuleOp, system: SystemOp, arenas: Mapping[str, ArenaOp]) -> None:
    """Raises DeeployError for a view that is not aligned as its memory or its elements ask."""
    for view in [v for v in module.walk() if isinstance(v, ViewOp)]:
        arena = arenas.get(view.arena.root_reference.data)
        if arena is None:
            raise DeeployError(f"the plan is wrong: there is no arena {view.arena}")
        memory = system.memory(arena.memory.root_reference.data)
        align = max(memory.align, element_bytes(view.result.type.element_type))
        for offset in view.offsets.get_values():
            if offset % align or arena.align.value.data % align:
                raise DeeployError(f"the plan is wrong: offset {offset} of {view.arena} is not aligned to {align}")
            if offset + view.extent_bytes() > arena.size.value.data:
                raise DeeployError(f"the plan is wrong: a view at {offset} leaves arena {view.arena}")


def run(function: FuncOp, system: SystemOp, arrays: NetworkArrays) -> Machine:
    """Goes through a function; returns the machine in its final state."""
    channels = {dma.symbol: dma.channels for dma in system.dma_engines}
    machine = Machine(channels, frozenset(engine.symbol for engine in system.engines if engine.asynchronous))
    for arena in arrays.arenas:
        machine.declare(arena.sym_name.data, arena.size.value.data)
    outputs: list[Region] = []
    for array in arrays.outputs:
        name = array.sym_name.data
        machine.declare(name, array_bytes(array))
        outputs.append(whole(name, [0], array.type, [name], [name]).of_core(0))
    regions = [op for op in function.body.walk() if isinstance(op, RunOp)]
    cores = max((system.engine(r.engine.root_reference.data).core_count for r in regions), default=1)
    Walker(machine, cores).function(function)
    machine.layer = ""
    machine.finish(outputs)
    return machine
