"""Ways to run a step of which some tensors live in the memory behind the home memory: blocks of them come into the home
memory, and each block is run in tiles as a step of its own would be.

The timing model is that of `candidates`, once more: what a tile is there, a block is here, and it computes for as long
as the block's tiles take.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from math import prod

import numpy as np

from deeploy_mlir.passes.planning.candidates import (
    AccessCosts,
    Candidate,
    Front,
    Ints,
    Outer,
    StepShape,
    access_costs,
    depth_choices,
    loop_orders,
    loop_ticks,
    staged_candidates,
    step_cycles,
    transfer_bytes,
)
from deeploy_mlir.passes.planning.problem import (
    INSIDE,
    TILE_CYCLES,
    Dma,
    Implementation,
    Problem,
    Step,
    TensorKind,
    align_up,
)
from deeploy_mlir.space.iteration_space import IterationSpace

CUTS = (1, 2, 3, 4, 6, 8, 16, 32, 64)
"""Into how many blocks a dimension is cut, where one alone is; where two are, into powers of two up to 16."""
MAX_BLOCKINGS = 28
"""Ways to cut a step into blocks that are looked at."""
MAX_FAR = 4
"""Tensors of one step that may live far away; the smaller ones beyond stay in the home memory."""
KEPT = 4
"""Candidates kept for a choice of homes and a share of the engine's memory."""
SHARES = (1, 2)
"""By what the room in the engine's memory is divided, for candidates that leave some of it to tensors at home there."""
BLOCK_TILINGS = 120
"""Tilings looked at for a block."""
PLENTY = 2
"""How many times the bytes that the home memory lacks are offered as constants that may live far away."""
LEAST = 64
"""Tensors smaller than this part of the home memory stay there."""


@dataclass(frozen=True)
class FarShape:
    """What the candidates of a step depend on besides its shape: for each access the number of its tensor among those
    that may live far away or -1, the DMA from there, and the home memory's alignment and room."""

    shape: StepShape
    owner: tuple[int, ...]
    dma: Dma
    align: int
    room: int
    near_room: int


def movable_far(problem: Problem) -> frozenset[int]:
    """The tensors that may live in the far memory: none where the home memory holds everything.

    Constants go first, the largest that make `PLENTY` times the room that is missing; activations only where those
    alive in a step leave too little for blocks, inputs and outputs of the network only where they take half of the
    home memory."""
    if problem.far is None:
        return frozenset()
    home = problem.memory(problem.home)
    loads = [sum(align_up(problem.tensors[t].bytes, home.align) for t in alive) for alive in problem.alive]
    weights = problem.memory(problem.weights).capacity if problem.weights is not None else 0
    missing = max(loads, default=0) - problem.room(home) - min(weights, problem.movable_bytes(home))
    if missing <= 0:
        return frozenset()
    movable = [t for t in range(len(problem.tensors)) if _may_move(problem, t)]
    constants = [t for t in movable if problem.tensors[t].kind == TensorKind.CONSTANT]
    found = {t for t in movable if t not in constants} if not problem.far.constants_only else set[int]()
    wanted = PLENTY * (missing + home.capacity // 8)
    for t in sorted(constants, key=lambda t: -problem.tensors[t].bytes):
        if wanted <= 0:
            break
        wanted -= problem.tensors[t].bytes
        found.add(t)
    return frozenset(found)


def _may_move(problem: Problem, number: int) -> bool:
    """Whether it makes sense that a tensor lives in the far memory."""
    home, tensor = problem.memory(problem.home), problem.tensors[number]
    room, least = home.capacity - home.reserved, max(home.capacity // LEAST, 1)
    if number in problem.optional or any(problem.steps[n].memory == problem.home for n in problem.users[number]):
        return False  # an engine works on it in the home memory
    if tensor.kind == TensorKind.CONSTANT:
        return tensor.bytes >= min(least, 2048)
    if tensor.bytes < least:
        return False
    if tensor.kind == TensorKind.BOUNDARY:
        return 2 * sum(t.bytes for t in problem.tensors if t.kind == TensorKind.BOUNDARY) > room
    crowded = (alive for alive in problem.alive if number in alive)
    return any(2 * sum(problem.tensors[t].bytes for t in alive) > room for alive in crowded)


def far_tensors(problem: Problem, step: Step, movable: frozenset[int]) -> tuple[int, ...]:
    """The tensors of a step that may live in the far memory, in the order of its accesses."""
    found = [t for t in dict.fromkeys(step.tensors) if t != INSIDE and t in movable]
    largest = sorted(found, key=lambda t: -problem.tensors[t].bytes)[:MAX_FAR]
    return tuple(t for t in found if t in largest)


def far_shape(problem: Problem, step: Step, shape: StepShape, tensors: Sequence[int]) -> FarShape | None:
    """What the candidates with some of `tensors` far away depend on; None if there are none."""
    if problem.far is None or not tensors or shape.dma is None:
        return None
    home, near = problem.memory(problem.home), problem.memory(step.memory)
    owner = tuple(tensors.index(t) if t in tensors else -1 for t in step.tensors)
    room = home.capacity - home.reserved
    return FarShape(shape, owner, problem.far.dma, home.align, room, near.capacity - near.reserved)


def far_candidates(step: Step, far: FarShape) -> tuple[Candidate, ...]:
    """The candidates of a step with at least one tensor far away, for each choice of such tensors."""
    found: list[Candidate] = []
    for number, implementation in enumerate(step.implementations):
        if implementation.tensors is None or implementation.tensors == step.tensors:
            found += _of_implementation(number, implementation, far)
    return tuple(found)


def blocked(space: IterationSpace, sizes: Sequence[int]) -> IterationSpace:
    """The iteration space of a block of these dimension sizes."""
    dims = tuple(replace(dim, size=size) for dim, size in zip(space.dims, sizes, strict=True))
    return replace(space, dims=dims)


def blockings(space: IterationSpace, implementation: Implementation) -> Ints:
    """Block sizes worth trying, one row each, the largest first."""
    constraints = implementation.constraints

    def sizes(dim: int, cuts: Sequence[int]) -> list[int]:
        extent = space.dims[dim].size
        unit = max((g for g in (1, *constraints.granularities(dim))), default=1)
        tried = (min(extent, align_up(-(-extent // cut), unit)) for cut in cuts)
        return [s for s in dict.fromkeys(tried) if s < extent and constraints.allows_size(dim, s, extent)]

    dims = [d for d in space.tileable if space.dims[d].size > 1]
    rows: list[tuple[int, ...]] = [space.sizes]
    for cut in (c for count in (1, 2) for c in combinations(dims, count)):
        for chosen in product(*(sizes(d, CUTS if len(cut) == 1 else (2, 4, 8, 16)) for d in cut)):
            row = list(space.sizes)
            for d, size in zip(cut, chosen, strict=True):
                row[d] = size
            rows.append(tuple(row))
    allowed = [row for row in dict.fromkeys(rows) if constraints.allows(row, space.sizes)]
    allowed.sort(key=lambda row: (prod(space.trips(row)), row))
    spread: list[int] = np.linspace(0, len(allowed) - 1, MAX_BLOCKINGS).astype(int).tolist()
    kept = [allowed[i] for i in dict.fromkeys(spread)]
    return np.array(kept if len(allowed) > MAX_BLOCKINGS else allowed, dtype=np.int64).reshape(-1, len(space.dims))


def _of_implementation(number: int, implementation: Implementation, far: FarShape) -> list[Candidate]:
    space = far.shape.space
    rows = blockings(space, implementation)
    inner: list[list[Candidate]] = []
    for row in rows.tolist():
        shape = replace(far.shape, space=blocked(space, row), front=KEPT)
        inner.append(staged_candidates(number, implementation, shape, BLOCK_TILINGS))
    costs = {a: access_costs(space, a, rows, far.align, far.dma) for a in dict.fromkeys(space.accesses)}
    found: list[Candidate] = []
    count = max(far.owner) + 1
    for choice in product((False, True), repeat=count):
        away = [a for a, owner in enumerate(far.owner) if owner >= 0 and choice[owner]]
        if away:
            found += _with_far(space, rows, inner, far, choice, {a: costs[space.accesses[a]] for a in away})
    return found


def _with_far(
    space: IterationSpace,
    rows: Ints,
    inner: Sequence[Sequence[Candidate]],
    far: FarShape,
    choice: tuple[bool, ...],
    costs: Mapping[int, AccessCosts],
) -> Iterator[Candidate]:
    """The candidates where just the accesses that `costs` has come from far away."""
    away = list(costs)
    blocks = np.prod(-(-np.array(space.sizes, dtype=np.int64) // rows), axis=1)
    kept = [owner for a in away if (owner := far.shape.owner[a]) >= 0]
    orders = [(order, loop_ticks(space, rows, order)) for order in loop_orders(space)]
    for resident in sorted({c.resident for each in inner for c in each}):
        if any(resident[owner] for owner in kept):
            continue
        fastest: list[list[Candidate | None]] = []
        for share in SHARES:
            best = [_fastest(each, resident, far.near_room // share) for each in inner]
            if best in fastest:
                continue
            fastest.append(best)
            compute = np.array([np.inf if c is None else c.cycles for c in best]) + TILE_CYCLES
            front = Front()
            for order, ticks in orders:
                moving = {a: ticks.repeats(a) > 1 for a in away}
                for depth in depth_choices(away, away, far.shape.double_buffer):
                    depths = {a: np.where(moving[a], depth[a], 1) for a in away}
                    held = sum((costs[a].buffer * depths[a] for a in away), np.zeros(len(rows), np.int64))
                    with np.errstate(invalid="ignore"):
                        cycles = step_cycles(compute, blocks, ticks, costs, depths)
                    fits = np.isfinite(compute) & (held <= far.room)
                    front.add(held, np.where(fits, cycles, np.inf), (order, depths))
            if not front.finite:
                continue
            for i, (order, depths), held_bytes, cycles in front.best(KEPT):
                found, sizes = best[i], tuple(rows[i].tolist())
                assert found is not None
                cut = tuple(d for d in order if sizes[d] < space.dims[d].size)
                depth_of = tuple(int(depths[a][i]) if a in away else 0 for a in range(len(space.accesses)))
                outer = Outer(sizes, cut, depth_of, held_bytes)
                yield replace(found, cycles=cycles, outer=outer, far=choice)


def _fastest(candidates: Sequence[Candidate], resident: tuple[bool, ...], room: int) -> Candidate | None:
    """The fastest of the candidates that keep just these tensors in the engine's memory and fit into so much of it."""
    fitting = [c for c in candidates if c.resident == resident and c.bytes <= room]
    return min(fitting, key=lambda c: (c.cycles, c.bytes), default=None)


def blocked_transfer_bytes(
    space: IterationSpace, candidate: Candidate, inside: Collection[int] = ()
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Bytes that one run of a step moves for each access into or out of the engine's memory, and between the home
    memory and the one behind it."""
    if candidate.outer is None:
        return transfer_bytes(space, candidate, inside), (0,) * len(space.accesses)
    outer = candidate.outer
    blocks = prod(space.trips(outer.sizes))
    near = transfer_bytes(blocked(space, outer.sizes), candidate, inside)
    across = transfer_bytes(space, replace(candidate, sizes=outer.sizes, order=outer.order, depths=outer.depths))
    return tuple(blocks * n for n in near), across
