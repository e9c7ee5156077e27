"""The joint optimisation: how each step runs and where each activation lives, then offsets in each memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from deeploy_mlir.passes.planning.candidates import Candidate, Outer
from deeploy_mlir.passes.planning.choice import Choice, StepChoices, all_choices, choose, fixed_bytes
from deeploy_mlir.passes.planning.explain import explain_infeasible, refuse_what_never_fits
from deeploy_mlir.passes.planning.far import blocked_transfer_bytes
from deeploy_mlir.passes.planning.placement import Buffer, Placement, place
from deeploy_mlir.passes.planning.problem import (
    BlockPlan,
    Home,
    Memory,
    MemoryPlan,
    Options,
    PlanResult,
    Problem,
    StepPlan,
    TensorKind,
    align_up,
)

MAX_ROUNDS = 12
"""Times that the choice is made again because its buffers could not be placed."""


def plan(problem: Problem, options: Options | None = None) -> PlanResult:
    """Plans a network. Raises DeeployError where no plan fits, naming what does not fit and what would do."""
    start = time.perf_counter()
    options = options or Options()
    refuse_what_never_fits(problem)
    choices = all_choices(problem, options)
    cuts: dict[tuple[str, int], int] = {}
    for _ in range(MAX_ROUNDS):
        choice = choose(problem, choices, options, cuts)
        if choice is None:
            break
        placements = {m.name: _place(problem, choices, choice, m) for m in problem.memories}
        late = [m for m in problem.memories if placements[m.name].placement.peak > _room(problem, choice, m)]
        if not late:
            return _result(problem, choices, choice, placements, time.perf_counter() - start)
        for memory in late:
            _cut(problem, choice, placements[memory.name], memory, cuts)
    raise explain_infeasible(problem, choices, options)


@dataclass(frozen=True)
class MemoryPlacement:
    """Placed buffers of one memory: those of tensors, of (step, access, number), and of the scratch of steps."""

    buffers: tuple[Buffer, ...]
    placement: Placement
    tensors: dict[int, int]
    stagings: dict[tuple[int, int], tuple[int, ...]]
    scratches: dict[int, int]

    def offsets_of(self, step: int, accesses: int) -> tuple[tuple[int, ...], ...]:
        """The offsets of the buffers of each access of a step."""
        return tuple(
            tuple(self.placement.offsets[b] for b in self.stagings.get((step, a), ())) for a in range(accesses)
        )


def _place(problem: Problem, choices: Sequence[StepChoices], choice: Choice, memory: Memory) -> MemoryPlacement:
    buffers: list[Buffer] = []
    tensors: dict[int, int] = {}
    stagings: dict[tuple[int, int], list[int]] = {}
    scratches: dict[int, int] = {}
    for t, tensor in enumerate(problem.tensors):
        first, last = problem.lifetime(t)
        if tensor.kind == TensorKind.ACTIVATION and choice.homes[t] == memory.name and first <= last:
            tensors[t] = len(buffers)
            buffers.append(Buffer(tensor.bytes, first, last))
    for number, (step, candidate) in enumerate(zip(choices, choice.candidates, strict=True)):
        level: Candidate | Outer | None = candidate if step.step.memory == memory.name else None
        if candidate.outer is not None and memory.name == problem.home:
            level = candidate.outer
        if level is None:
            continue
        accesses = step.step.space_of(candidate.implementation).accesses
        implementation = step.step.implementations[candidate.implementation]
        if level is candidate and (scratch := implementation.scratch_bytes(candidate.sizes, memory.align)):
            scratches[number] = len(buffers)
            buffers.append(Buffer(scratch, number, number))
        for a, (access, depth) in enumerate(zip(accesses, level.depths, strict=True)):
            for _ in range(depth):
                stagings.setdefault((number, a), []).append(len(buffers))
                buffers.append(Buffer(access.tile_bytes(level.sizes), number, number))
    placement = place(buffers, memory.align, _room(problem, choice, memory))
    return MemoryPlacement(
        tuple(buffers), placement, tensors, {key: tuple(numbers) for key, numbers in stagings.items()}, scratches
    )


def _room(problem: Problem, choice: Choice, memory: Memory) -> int:
    """Bytes of a memory that the choice leaves for what is placed by offsets."""
    return memory.capacity - memory.reserved - fixed_bytes(problem, choice, memory)


def _cut(
    problem: Problem, choice: Choice, placed: MemoryPlacement, memory: Memory, cuts: dict[tuple[str, int], int]
) -> None:
    """Lowers the capacity of the steps in which the placement stands above the memory's end."""
    capacity = _room(problem, choice, memory)
    for buffer, offset in zip(placed.buffers, placed.placement.offsets, strict=True):
        excess = offset + buffer.size - capacity
        if excess > 0:
            for number in range(buffer.first, buffer.last + 1):
                key = (memory.name, number)
                alive = sum(align_up(b.size, memory.align) for b in placed.buffers if b.first <= number <= b.last)
                slack = capacity - cuts.get(key, 0) - alive
                cuts[key] = cuts.get(key, 0) + max(slack, 0) + memory.align


def _result(
    problem: Problem,
    choices: Sequence[StepChoices],
    choice: Choice,
    placements: dict[str, MemoryPlacement],
    seconds: float,
) -> PlanResult:
    homes: list[Home] = []
    for t, memory in enumerate(choice.homes):
        number = placements[memory].tensors.get(t)
        homes.append(Home(memory, None if number is None else placements[memory].placement.offsets[number]))
    steps = tuple(
        _step_plan(step, candidate, number, placements[step.step.memory], placements[problem.home])
        for number, (step, candidate) in enumerate(zip(choices, choice.candidates, strict=True))
    )
    memories = tuple(
        MemoryPlan(
            m.name,
            placements[m.name].placement.peak,
            placements[m.name].placement.bound,
            fixed_bytes(problem, choice, m) + m.reserved,
            m.capacity,
        )
        for m in problem.memories
    )
    cycles = sum(s.cycles for s in steps)
    solution = choice.solution
    bound = min(solution.bound, float(cycles))
    gap = (cycles - bound) / cycles if cycles else 0.0
    return PlanResult(steps, tuple(homes), memories, cycles, float(cycles), bound, gap, seconds)


def _step_plan(
    choices: StepChoices, candidate: Candidate, number: int, placed: MemoryPlacement, at_home: MemoryPlacement
) -> StepPlan:
    accesses = len(candidate.depths)
    offsets = placed.offsets_of(number, accesses)
    alive = sum(b.size for b in placed.buffers if b.first <= number <= b.last)
    space = choices.step.space_of(candidate.implementation)
    moved, across = blocked_transfer_bytes(space, candidate, choices.step.inside)
    outer = candidate.outer
    blocks = outer and BlockPlan(outer.sizes, outer.order, at_home.offsets_of(number, accesses), across)
    implementation = choices.step.implementations[candidate.implementation]
    return StepPlan(
        implementation,
        implementation.choices(candidate.sizes),
        candidate.sizes,
        candidate.order,
        offsets,
        placed.placement.offsets[placed.scratches[number]] if number in placed.scratches else None,
        candidate.bytes,
        alive,
        candidate.cycles,
        moved,
        choices.step.tensors_of(candidate.implementation),
        blocks,
    )
