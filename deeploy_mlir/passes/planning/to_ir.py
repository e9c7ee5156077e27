"""The planner's answer, written back to the nests of a function and told in a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    IntAttr,
    StringAttr,
    SymbolRefAttr,
    i64,
)
from xdsl.rewriter import Rewriter

from deeploy_mlir.dialects.kernel import SplitAttr
from deeploy_mlir.dialects.tiled import (
    BuffersAttr,
    HomeAttr,
    NestOp,
    ScratchAttr,
    nest_around,
    set_home,
)
from deeploy_mlir.ir.plan_report import FarTensor, MemoryUse, Plan, SolverReport, Traffic
from deeploy_mlir.ir.plan_report import Step as ReportStep
from deeploy_mlir.passes.planning.forms import apply_form
from deeploy_mlir.passes.planning.from_ir import FunctionProblem
from deeploy_mlir.passes.planning.layouts import PackedConstant, drop_unused_constants, use_packed
from deeploy_mlir.passes.planning.problem import (
    INSIDE,
    PlanResult,
    Step,
    StepPlan,
    TensorKind,
)


def write_plan(source: FunctionProblem, result: PlanResult) -> None:
    """Fills the attributes of nests and their kernels, `tiled.empty`s, arguments and globals of the function, and makes
    the constants that the chosen bindings bring or want packed."""
    used = {t for plan in result.steps for t in plan.tensors}
    made = {
        t: constant.make(HomeAttr.at(result.homes[t].memory, result.homes[t].offset))
        for t, constant in source.constants.items()
        if t in used
    }
    for roots, home in zip(source.roots, result.homes, strict=True):
        for root in roots:
            set_home(root, HomeAttr.at(home.memory, home.offset))
    for number, (nest, step, plan) in enumerate(zip(source.nests, source.problem.steps, result.steps, strict=True)):
        form = source.forms.get((number, plan.implementation.name))
        if form is not None:
            nest = apply_form(nest, form, [made.get(t) for t in plan.tensors])
        stages = nest.fused_space().stages
        for kernel, stage, (implementation, split) in zip(nest.kernels, stages, plan.kernels, strict=True):
            constants = [(n, plan.tensors[slot]) for n, slot in enumerate(stage.slots)]
            packed = {
                n: (constant.attr(n), made[t])
                for n, t in constants
                if t in made and isinstance(constant := source.constants[t], PackedConstant)
            }
            if packed:
                use_packed(nest, kernel, packed)
            kernel.engine = SymbolRefAttr(implementation.engine)
            kernel.binding = StringAttr(implementation.name)
            kernel.split = SplitAttr.of(split)
        if plan.scratch is not None:
            align = source.problem.memory(step.memory).align
            a_core = plan.implementation.scratch_bytes(plan.sizes, align) // plan.implementation.cores
            nest.scratch = ScratchAttr.at(step.memory, plan.scratch, plan.implementation.cores, a_core)
        outermost = nest
        if plan.blocks is not None:
            outermost = nest_around(nest)
            Rewriter.replace_op(nest, outermost)
            blocks = plan.blocks
            _plan_level(outermost, blocks.sizes, blocks.order, source.problem.home, blocks.offsets)
        _plan_level(outermost.levels[-1], plan.sizes, plan.order, step.memory, plan.offsets)
        outermost.cycles = IntAttr(plan.cycles)
    drop_unused_constants(source.function)


def _plan_level(
    nest: NestOp, sizes: Sequence[int], order: Sequence[int], memory: str, offsets: Sequence[Sequence[int]]
) -> None:
    """Fills the attributes of one nest, without those in it."""
    nest.tiles = DenseArrayBase.from_list(i64, list(sizes))
    nest.loop_order = DenseArrayBase.from_list(i64, list(order))
    nest.buffers = ArrayAttr([BuffersAttr.through(memory, o) if o else BuffersAttr.in_place() for o in offsets])


def report_of(source: FunctionProblem, result: PlanResult) -> Plan:
    """What a user may ask about the plan."""
    constants: dict[str, int] = {}
    used = {t for plan in result.steps for t in plan.tensors}
    for t, (tensor, home) in enumerate(zip(source.problem.tensors, result.homes, strict=True)):
        if tensor.kind == TensorKind.CONSTANT and t in used:
            constants[home.memory] = constants.get(home.memory, 0) + tensor.bytes
    memory = tuple(MemoryUse(m.name, m.used, m.capacity, m.arena, constants.get(m.name, 0)) for m in result.memories)
    steps = source.problem.steps
    return Plan(
        memory=memory,
        traffic=tuple(Traffic(a, b, n) for (a, b), n in sorted(_traffic(source, result).items())),
        cycles=result.cycles,
        solver=SolverReport(result.objective, result.bound, result.gap, result.seconds),
        steps=tuple(
            ReportStep(
                nest.layer.data,
                " + ".join(kernel.name for kernel in nest.kernels),
                plan_in_words(step, plan),
                plan.live_bytes,
                plan.cycles,
            )
            for nest, step, plan in zip(source.nests, steps, result.steps, strict=True)
        ),
        far=tuple(_far_tensors(source, result)),
    )


def _hops(source: FunctionProblem, result: PlanResult) -> Iterator[tuple[int, bool, str, str, int]]:
    """Each access of each step, as (tensor, written, farther memory, nearer memory, bytes), once per DMA on the way."""
    problem = source.problem
    for step, plan in zip(problem.steps, result.steps, strict=True):
        across = plan.blocks.moved if plan.blocks is not None else (0,) * len(plan.moved)
        accesses = (plan.implementation.space or step.space).accesses
        for access, t, near, far in zip(accesses, plan.tensors, plan.moved, across, strict=True):
            if t == INSIDE:
                continue
            home = result.homes[t].memory
            if far:
                yield t, access.written, home, problem.home, far
                home = problem.home
            if near and home != step.memory:
                yield t, access.written, home, step.memory, near


def _traffic(source: FunctionProblem, result: PlanResult) -> dict[tuple[str, str], int]:
    """Bytes that move from one memory to another."""
    traffic: dict[tuple[str, str], int] = {}
    for _, written, farther, nearer, moved in _hops(source, result):
        ends = (nearer, farther) if written else (farther, nearer)
        traffic[ends] = traffic.get(ends, 0) + moved
    return traffic


def _far_tensors(source: FunctionProblem, result: PlanResult) -> Iterator[FarTensor]:
    """The tensors in the memory behind the home memory, the constants among them, the costliest first."""
    far = source.problem.far
    moved: dict[int, int] = {}
    for t, _, farther, _, count in _hops(source, result):
        if far is not None and farther == far.name:
            moved[t] = moved.get(t, 0) + count
    for t, count in sorted(moved.items(), key=lambda item: -item[1]):
        assert far is not None
        tensor = source.problem.tensors[t]
        cycles = round(count / far.dma.bytes_per_cycle)
        yield FarTensor(tensor.name, tensor.kind.name.lower(), far.name, tensor.bytes, count, cycles)


def plan_in_words(step: Step, plan: StepPlan) -> str:
    """The tiles of a step, behind its blocks if it has any."""
    tiles = tiles_in_words(step, plan.sizes, plan.order)
    return tiles if plan.blocks is None else f"{tiles_in_words(step, plan.blocks.sizes, plan.blocks.order)} / {tiles}"


def tiles_in_words(step: Step, sizes: Sequence[int], order: Sequence[int]) -> str:
    """`o0 48 by 16, m 64 by 32`, outermost loop first; `whole` for a single tile."""
    dims = step.space.dims
    return ", ".join(f"{dims[d].name} {dims[d].size} by {sizes[d]}" for d in order) or "whole"
