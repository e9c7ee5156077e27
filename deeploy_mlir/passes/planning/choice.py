"""The joint choice, as one integer program: how each step runs and where each activation lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deeploy_mlir.passes.planning.candidates import (
    Candidate,
    StepShape,
    choosable_tensors,
    enumerate_candidates,
    step_shape,
)
from deeploy_mlir.passes.planning.far import FarShape, far_candidates, far_shape, far_tensors, movable_far
from deeploy_mlir.passes.planning.problem import Memory, Options, Problem, Step, TensorKind, align_up
from deeploy_mlir.passes.planning.solver import Model, Solution
from deeploy_mlir.support.progress import doing

BYTE_COST = 1e-7
"""Cycles that a byte of buffer, or of a constant outside the home memory, counts for: among equal plans the one with
fewer of them."""

Cuts = Mapping[tuple[str, int], int]
"""Bytes by which the capacity of a (memory, step) is lowered, after a choice that could not be placed."""


@dataclass(frozen=True)
class StepChoices:
    """A step's candidates and the tensors (by index) that their `resident` flags speak of."""

    step: Step
    choosable: tuple[int, ...]
    candidates: tuple[Candidate, ...]
    movable: tuple[int, ...] = ()
    """The tensors that their `far` flags speak of."""

    def far_with(self, candidate: Candidate) -> frozenset[int]:
        """The tensors that a candidate takes from the far memory."""
        return frozenset(t for t, flag in zip(self.movable, candidate.far, strict=False) if flag)


@dataclass(frozen=True)
class Choice:
    """A candidate per step and a memory per tensor, with the solver's figures; `unused` are constants in layouts that
    none of the candidates takes."""

    candidates: tuple[Candidate, ...]
    homes: tuple[str, ...]
    unused: frozenset[int]
    solution: Solution


def all_choices(problem: Problem, options: Options) -> tuple[StepChoices, ...]:
    """The candidates of every step; identical steps are enumerated once."""
    known: dict[StepShape | FarShape, tuple[Candidate, ...]] = {}
    result: list[StepChoices] = []
    movable = movable_far(problem)
    for number, step in enumerate(problem.steps, 1):
        doing("deeploy-plan: tilings of step", number, len(problem.steps))
        choosable = choosable_tensors(problem, step)
        shape = step_shape(problem, step, choosable, options)
        if shape not in known:
            known[shape] = enumerate_candidates(step, shape)
        tensors = far_tensors(problem, step, movable)
        far = far_shape(problem, step, shape, tensors)
        if far is None:
            result.append(StepChoices(step, choosable, known[shape]))
            continue
        if far not in known:
            known[far] = far_candidates(step, far)
        result.append(StepChoices(step, choosable, known[shape] + known[far], tensors))
    return tuple(result)


def choose(
    problem: Problem, choices: Sequence[StepChoices], options: Options, cuts: Cuts, relaxed: str | None = None
) -> Choice | None:
    """Solves the integer program; None if it has no solution.

    One binary per candidate, exactly one per step. `home[t]` is 1 where tensor t lives in its engines' memory: equal to
    the sum of the candidates that take it as resident, in every step that uses it, which makes it integral. Bytes
    alive in a step are then linear, and each candidate's cycles already include its transfers. Where the home memory
    could overflow, a binary says for each constant whether it lives in the weights' memory instead.

    With `relaxed`, that memory may be exceeded and the least such excess is sought, instead of the fewest cycles."""
    doing(f"deeploy-plan: choosing among {sum(len(c.candidates) for c in choices)} tilings of {len(choices)} steps")
    model = Model(gap=options.gap, nodes=options.nodes)
    excess = None if relaxed is None else model.column(0, float("inf"), 1.0)
    columns = [
        [(model.binary(c.cycles + BYTE_COST * c.bytes if relaxed is None else 0.0), c) for c in step.candidates]
        for step in choices
    ]
    home = _home_columns(model, problem, choices)
    far = _far_columns(model, problem, choices, columns)
    for step, candidates in zip(choices, columns, strict=True):
        model.row([(column, 1.0) for column, _ in candidates], low=1, high=1)
        for n, t in enumerate(step.choosable):
            resident = [(column, 1.0) for column, c in candidates if c.resident[n]]
            model.row([*resident, (home[t], -1.0)], low=0, high=0)
    cost = BYTE_COST if relaxed is None else 0.0
    present = _present_columns(model, problem, choices, columns, cost)
    away, moved = _away_columns(model, problem, cuts, present, cost)
    for t in far.keys() & away.keys():
        model.row([(far[t], 1.0), (away[t], 1.0)], high=1)
    for memory in problem.memories:
        for number in range(len(choices)):
            terms, room = _load(problem, memory, number, choices, columns[number], home)
            if excess is not None and memory.name == relaxed:
                terms.append((excess, -1.0))
            if moved is not None and memory.name == problem.home:
                terms.append((moved, -1.0))
            terms += _far_load(problem, memory, number, columns[number], far)
            terms += [
                (column, align_up(problem.tensors[t].bytes, memory.align) // memory.align)
                for t, column in present.items()
                if problem.home_of(problem.tensors[t]) == memory.name
            ]
            model.row(terms, high=(room - cuts.get((memory.name, number), 0)) // memory.align)
    solution = model.minimise()
    if solution is None:
        return None
    return _choice(problem, choices, columns, Homes(home, away, far), solution)


@dataclass(frozen=True)
class Homes:
    """The columns that say where tensors live: activations in their engines' memory, constants in the weights' memory,
    either in the far memory."""

    near: Mapping[int, int]
    away: Mapping[int, int]
    far: Mapping[int, int]


def _choice(
    problem: Problem,
    choices: Sequence[StepChoices],
    columns: Sequence[Sequence[tuple[int, Candidate]]],
    found: Homes,
    solution: Solution,
) -> Choice:
    """What a solution says."""
    values = solution.values
    chosen = tuple(max(candidates, key=lambda pair: values[pair[0]])[1] for candidates in columns)
    homes = [problem.home_of(tensor) for tensor in problem.tensors]
    for t, column in found.near.items():
        if values[column] > 0.5:
            homes[t] = problem.choices(t)[1]
    for t, column in found.away.items():
        if values[column] > 0.5:
            assert problem.weights is not None
            homes[t] = problem.weights
    for t, column in found.far.items():
        if values[column] > 0.5:
            assert problem.far is not None
            homes[t] = problem.far.name
    used = {
        t
        for step, candidate in zip(choices, chosen, strict=True)
        for t in step.step.tensors_of(candidate.implementation)
    }
    return Choice(chosen, tuple(homes), problem.optional - used, solution)


def fixed_bytes(problem: Problem, choice: Choice, memory: Memory) -> int:
    """Bytes of the arrays of their own (constants, network inputs and outputs) that live in a memory."""
    return sum(
        align_up(tensor.bytes, memory.align)
        for t, (tensor, home) in enumerate(zip(problem.tensors, choice.homes, strict=True))
        if t not in choice.unused and tensor.kind != TensorKind.ACTIVATION and home == memory.name
    )


def _present_columns(
    model: Model,
    problem: Problem,
    choices: Sequence[StepChoices],
    columns: Sequence[Sequence[tuple[int, Candidate]]],
    cost: float,
) -> dict[int, int]:
    """A column for each optional constant, at least 1 where a candidate that needs it is chosen."""
    present = {t: model.column(0, 1, cost * problem.tensors[t].bytes) for t in sorted(problem.optional)}
    for step, candidates in zip(choices, columns, strict=True):
        for t in problem.optional.intersection(step.step.all_tensors):
            needing = [(column, 1.0) for column, c in candidates if t in step.step.tensors_of(c.implementation)]
            model.row([*needing, (present[t], -1.0)], high=0)
    return present


def _away_columns(
    model: Model, problem: Problem, cuts: Cuts, present: Mapping[int, int], cost: float
) -> tuple[dict[int, int], int | None]:
    """A binary for each constant that may live in the weights' memory, and the units of the home memory that all of
    those which do give back; none where everything fits into the home memory."""
    home = problem.memory(problem.home)
    most = max(
        (sum(align_up(problem.tensors[t].bytes, home.align) for t in alive) for alive in problem.alive), default=0
    )
    cut = max((size for (name, _), size in cuts.items() if name == home.name), default=0)
    optional = sum(align_up(problem.tensors[t].bytes, home.align) for t in present)
    if not problem.movable or most + optional + cut <= problem.room(home):
        return {}, None
    assert problem.weights is not None
    memory = problem.memory(problem.weights)
    sizes = {t: problem.tensors[t].bytes for t in problem.movable}
    away = {t: model.binary(cost * size) for t, size in sizes.items()}
    for t in present.keys() & away.keys():
        model.row([(away[t], 1.0), (present[t], -1.0)], high=0)
    units = [(away[t], float(align_up(size, memory.align) // memory.align)) for t, size in sizes.items()]
    model.row(units, high=(memory.capacity - memory.reserved) // memory.align)
    moved = model.column(0, float("inf"), 0.0)
    given_back = [(away[t], float(align_up(size, home.align) // home.align)) for t, size in sizes.items()]
    model.row([*given_back, (moved, -1.0)], low=0, high=0)
    return away, moved


def _home_columns(model: Model, problem: Problem, choices: Sequence[StepChoices]) -> dict[int, int]:
    home: dict[int, int] = {}
    for t, users in enumerate(problem.users):
        among = [t in choices[number].choosable for number in users]
        if any(among):
            # A tensor that some step leaves out of its choices must stay in the home memory.
            home[t] = model.column(0, 1 if all(among) else 0, 0.0)
    return home


def _far_columns(
    model: Model,
    problem: Problem,
    choices: Sequence[StepChoices],
    columns: Sequence[Sequence[tuple[int, Candidate]]],
) -> dict[int, int]:
    """A column for each tensor that may live in the far memory: 1 where the candidates of all its steps take it from
    there."""
    far: dict[int, int] = {}
    for t, users in enumerate(problem.users):
        among = [t in choices[number].movable for number in users]
        if any(among):
            far[t] = model.column(0, 1 if all(among) else 0, 0.0)
    for step, candidates in zip(choices, columns, strict=True):
        for t in step.movable:
            taking = [(column, 1.0) for column, c in candidates if t in step.far_with(c)]
            model.row([*taking, (far[t], -1.0)], low=0, high=0)
    return far


def _far_load(
    problem: Problem,
    memory: Memory,
    number: int,
    columns: Sequence[tuple[int, Candidate]],
    far: Mapping[int, int],
) -> list[tuple[int, float]]:
    """What tensors in the far memory, and blocks of them, add to what is alive in `memory` in step `number`."""
    if problem.far is None or memory.name not in (problem.home, problem.far.name):
        return []
    sign = -1 if memory.name == problem.home else 1
    terms: list[tuple[int, float]] = []
    for t, column in far.items():
        if problem.tensors[t].kind != TensorKind.ACTIVATION or t in problem.alive[number]:
            terms.append((column, sign * (align_up(problem.tensors[t].bytes, memory.align) // memory.align)))
    if memory.name == problem.home:
        terms += [(column, c.outer.bytes // memory.align) for column, c in columns if c.outer is not None]
    return terms


def _load(
    problem: Problem,
    memory: Memory,
    number: int,
    choices: Sequence[StepChoices],
    columns: Sequence[tuple[int, Candidate]],
    home: Mapping[int, int],
) -> tuple[list[tuple[int, float]], int]:
    """What is alive in `memory` in step `number`, in units of its alignment, and the bytes that it must fit into."""
    unit, room = memory.align, problem.room(memory)
    terms: list[tuple[int, float]] = []
    if choices[number].step.memory == memory.name:
        terms += [(column, c.bytes // unit) for column, c in columns if c.bytes]
    for t in problem.alive[number]:
        taken = align_up(problem.tensors[t].bytes, unit)
        if memory.name == problem.home:
            room -= taken
            if t in home:
                terms.append((home[t], -taken // unit))
        elif t in home and problem.choices(t)[1] == memory.name:
            terms.append((home[t], taken // unit))
    return terms, room
