"""Why a problem has no plan: the layer or tensors that set the limit, and the smallest budget that would do."""

from __future__ import annotations

from collections.abc import Sequence

from deeploy_mlir.passes.planning.candidates import Candidate
from deeploy_mlir.passes.planning.choice import Choice, StepChoices, choose, fixed_bytes
from deeploy_mlir.passes.planning.problem import INSIDE, Memory, Options, Problem, TensorKind, align_up
from deeploy_mlir.support.errors import DeeployError

LISTED = 6
"""Most tensors that a message lists."""

FAR_BEYOND = 8
"""How many times the memories are exceeded where the smallest that would do is not sought."""

SMALL = 8192
"""Bytes: memories with less room count as having this much there, since little takes little time to seek."""


def explain_infeasible(problem: Problem, choices: Sequence[StepChoices], options: Options) -> DeeployError:
    """The error for a problem without a plan: a step that does not fit by itself, too small a home memory, or steps
    that do not fit together."""
    beyond = (problem.home, problem.weights, problem.flash, problem.far and problem.far.name)
    memories = [m for m in problem.memories if m.name not in beyond]
    for memory in memories:
        needs = [step_need(problem, step, memory) for step in choices]
        worst = max(range(len(needs)), key=lambda n: needs[n], default=None)
        if worst is not None and needs[worst] > problem.room(memory):
            relaxed = choose(problem, choices, options, {}, relaxed=memory.name)
            would_do = max(needs[worst] + memory.reserved, 0 if relaxed is None else _enough(memory, relaxed))
            return _step_error(problem, choices[worst], memory, needs[worst], would_do)
    home = problem.memory(problem.home)
    larger_home = choose(problem, choices, options, {}, relaxed=home.name)
    if larger_home is None or _enough(home, larger_home) == home.capacity:
        for memory in memories:
            relaxed = choose(problem, choices, options, {}, relaxed=memory.name)
            if relaxed is not None and _enough(memory, relaxed) > memory.capacity:
                return _joint_error(problem, choices, memory, relaxed)
    return _home_error(problem, home, larger_home)


def _enough(memory: Memory, relaxed: Choice) -> int:
    """Bytes of a memory with which the choice that exceeds it least would fit."""
    return memory.capacity + round(relaxed.solution.objective) * memory.align


def refuse_what_never_fits(problem: Problem) -> None:
    """Raises DeeployError for what no tiling changes: weights, inputs and outputs beyond the home memory, or a step
    with far more activations alive than all memories hold. It takes no time, whatever the sizes; where activations are
    a little too large, the solver finds the smallest memory that would do."""
    home = problem.memory(problem.home)
    fixed = _least_fixed(problem, home)
    if fixed > home.capacity - home.reserved:
        raise _fixed_error(problem, home, fixed)
    if problem.flash is not None:
        flash = problem.memory(problem.flash)
        if problem.fixed_bytes(flash) > flash.capacity:
            raise _fixed_error(problem, flash, problem.fixed_bytes(flash))
    room = sum(m.capacity - m.reserved for m in problem.memories if m.name != problem.flash) - fixed
    for step, alive in zip(problem.steps, problem.alive, strict=True):
        load = sum(problem.tensors[t].bytes for t in alive)
        if load > FAR_BEYOND * max(room, SMALL):
            raise DeeployError(
                f"in this step {load} bytes of activations are alive ({listing(problem, alive)}), but all memories "
                f"together have {room} bytes for them; {home.name} would have to have at least "
                f"{home.capacity + load - room} bytes",
                step.name,
            )


def _least_fixed(problem: Problem, home: Memory) -> int:
    """Bytes of constants and network inputs and outputs that the home memory holds at least: constants fill the
    weights' memory and the far memory first."""
    fixed = problem.fixed_bytes(home)
    if problem.weights is not None:
        weights = problem.memory(problem.weights)
        fixed -= min(problem.movable_bytes(home), weights.capacity - weights.reserved)
    if problem.far is not None:
        fixed -= min(max(fixed, 0), problem.memory(problem.far.name).capacity)
    return fixed


def _fixed_in_words(problem: Problem, memory: Memory) -> str:
    """What lives in a memory throughout."""
    if problem.flash is None:
        return "weights, inputs and outputs"
    return "weights" if memory.name == problem.flash else "inputs and outputs"


def _fixed_error(problem: Problem, home: Memory, least: int) -> DeeployError:
    """What lives in a memory throughout is too much for it."""
    fixed = [
        t
        for t, tensor in enumerate(problem.tensors)
        if tensor.kind != TensorKind.ACTIVATION and problem.home_of(tensor) == home.name
    ]
    beside = "" if problem.weights is None else f", after as many weights as {problem.weights} holds"
    return DeeployError(
        f"{_fixed_in_words(problem, home)} of the network take {least} bytes of {home.name}{beside}, which has "
        f"{home.capacity}: {listing(problem, fixed)}; the smallest {home.name} that holds them is "
        f"{least + home.reserved} bytes"
    )


def step_need(problem: Problem, choices: StepChoices, memory: Memory) -> int:
    """The fewest bytes of `memory` with which a step can run, everything else out of the way."""
    if choices.step.memory != memory.name:
        return 0
    return min(_need(problem, choices, memory, c) for c in choices.candidates)


def _need(problem: Problem, choices: StepChoices, memory: Memory, candidate: Candidate) -> int:
    resident = [t for t, flag in zip(choices.choosable, candidate.resident, strict=True) if flag]
    return candidate.bytes + sum(align_up(problem.tensors[t].bytes, memory.align) for t in resident)


def _step_error(problem: Problem, choices: StepChoices, memory: Memory, need: int, would_do: int) -> DeeployError:
    """The step needs more than the memory has even with the smallest tiles."""
    step = choices.step
    smallest = min(choices.candidates, key=lambda c: _need(problem, choices, memory, c))
    parts = [
        f"{'between its kernels' if t == INSIDE else problem.tensors[t].name} {access.tile_bytes(smallest.sizes)}"
        for t, access in zip(
            step.tensors_of(smallest.implementation), step.space_of(smallest.implementation).accesses, strict=True
        )
    ]
    tile = ", ".join(f"{d.name}={s}" for d, s in zip(step.space.dims, smallest.sizes, strict=True))
    return DeeployError(
        f"needs {need} bytes of {memory.name} even with the smallest tiles ({tile}), but {budget(memory)}; its tiles "
        f"take: {', '.join(parts)} bytes; the smallest {memory.name} that would do is {would_do} bytes",
        step.name,
    )


def _joint_error(problem: Problem, choices: Sequence[StepChoices], memory: Memory, relaxed: Choice) -> DeeployError:
    """Each step would fit by itself, but a tensor is in this memory in all of its steps or in none."""
    needs = [
        candidate.bytes if choice.step.memory == memory.name else 0
        for choice, candidate in zip(choices, relaxed.candidates, strict=True)
    ]
    for number, alive in enumerate(problem.alive):
        there = [problem.tensors[t] for t in alive if relaxed.homes[t] == memory.name]
        needs[number] += sum(align_up(t.bytes, memory.align) for t in there)
    worst = max(range(len(needs)), key=lambda n: needs[n])
    return DeeployError(
        f"needs {needs[worst]} bytes of {memory.name} with small tiles and the tensors that it shares with "
        f"other steps where they suit all of them, but {budget(memory)}; the smallest {memory.name} that would do is "
        f"{_enough(memory, relaxed)} bytes",
        choices[worst].step.name,
    )


def budget(memory: Memory) -> str:
    """What a memory offers, in words."""
    if not memory.reserved:
        return f"the budget is {memory.capacity} bytes"
    return f"of the budget of {memory.capacity} bytes the stacks take {memory.reserved}"


def _home_error(problem: Problem, home: Memory, relaxed: Choice | None) -> DeeployError:
    """Activations do not fit; the busiest step of the home memory sets the limit."""
    loads = [sum(align_up(problem.tensors[t].bytes, home.align) for t in alive) for alive in problem.alive]
    busiest = max(range(len(loads)), key=lambda n: loads[n])
    fixed = problem.fixed_bytes(home) if relaxed is None else fixed_bytes(problem, relaxed, home)
    would_do = problem.fixed_bytes(home) + home.reserved + loads[busiest]
    if relaxed is not None:
        would_do = min(would_do, _enough(home, relaxed))
    return DeeployError(
        f"in this step {loads[busiest]} bytes of activations are alive ({listing(problem, problem.alive[busiest])}) "
        f"beside {fixed} bytes of {_fixed_in_words(problem, home)}, but {home.name} has {home.capacity} bytes"
        + (f"; the smallest {home.name} that would do is {would_do} bytes" if would_do > home.capacity else "")
        + ("" if would_do > home.capacity else "; no offsets were found for them: a slightly larger budget would do"),
        problem.steps[busiest].name,
    )


def listing(problem: Problem, tensors: Sequence[int]) -> str:
    """The largest of the tensors with their bytes."""
    ordered = sorted(tensors, key=lambda t: -problem.tensors[t].bytes)
    words = [f"{problem.tensors[t].name} {problem.tensors[t].bytes}" for t in ordered[:LISTED]]
    return ", ".join(words) + (f" and {len(ordered) - LISTED} smaller ones" if len(ordered) > LISTED else "")
