"""The ways in which one step may run: tile sizes, loop order, buffering depth, and which operands are in place.

The timing model follows the execution exactly. Tiles run one after another in the loop order; an operand moves when
its part changes from one tile to the next. Between two tiles some loop ticks and the loops inside it start again, so
the operands that move are those that depend on one of these. Issuing a transfer always takes a core's time, and the
others wait for it. With depth 1 the transfer itself is exposed too; with depth 2 it hides behind the compute of one
tile. The first loads and the last store are always exposed.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations, product
from math import prod

import numpy as np
import numpy.typing as npt

from deeploy_mlir.passes.planning.problem import (
    AHEAD_CYCLES,
    BARRIERS_CYCLES,
    INSIDE,
    STEP_CYCLES,
    TILE_CYCLES,
    Dma,
    Implementation,
    Options,
    Problem,
    Step,
    align_up,
)
from deeploy_mlir.space.iteration_space import Access, IterationSpace, balanced_sizes
from deeploy_mlir.space.tile_constraints import TileConstraints
from deeploy_mlir.space.transfer import AccessGeometry
from deeploy_mlir.support.errors import DeeployError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAX_CUT_DIMS = 3
"""Most dimensions cut at once."""
MAX_TILINGS = 700
"""Tilings looked at for a step, and tiles in one of them (smaller tiles are kept only where nothing else is)."""
MAX_TILES = 1 << 16
MAX_CHOICES = 4
"""Operands of one step whose home is decided; the smaller ones beyond stay in the home memory."""


@dataclass(frozen=True)
class Outer:
    """The blocks in which a step is run, as a candidate says it of tiles; `bytes` is what their buffers take in the
    home memory."""

    sizes: tuple[int, ...]
    order: tuple[int, ...]
    depths: tuple[int, ...]
    bytes: int


@dataclass(frozen=True)
class Candidate:
    """One way to run a step. `depths` has an entry per access: 0 in place, else the number of buffers.

    With `outer`, tiles are cut from its blocks, and `far` says for each tensor that might whether its home is the
    memory behind the home memory.

    `resident` says for each of the step's choosable tensors whether its home is the engine's memory. `bytes` is what
    the buffers take in that memory; `cycles` the time of the step; `implementation` is the number of the one that
    runs it."""

    implementation: int
    sizes: tuple[int, ...]
    order: tuple[int, ...]
    depths: tuple[int, ...]
    resident: tuple[bool, ...]
    bytes: int
    cycles: int
    outer: Outer | None = None
    far: tuple[bool, ...] = ()


@dataclass(frozen=True)
class StepShape:
    """All that the candidates of a step depend on; equal for identical layers.

    `owner` gives for each access the number of its tensor in `choosable` order, -1 where it is always staged, -2
    where it is always in place and -3 where it is a buffer of the step that nothing is transferred to or from; `owners`
    the same for each implementation, which may have accesses of its own."""

    space: IterationSpace
    owner: tuple[int, ...]
    owners: tuple[tuple[int, ...], ...]
    align: int
    dma: Dma | None
    key: Hashable
    double_buffer: bool
    front: int


def choosable_tensors(problem: Problem, step: Step) -> tuple[int, ...]:
    """The tensors of a step whose home is decided, in the order of the step's accesses."""
    found = [t for t in dict.fromkeys(step.tensors) if t != INSIDE and len(problem.choices(t)) > 1]
    if len(found) > MAX_CHOICES:
        largest = sorted(found, key=lambda t: -problem.tensors[t].bytes)[:MAX_CHOICES]
        found = [t for t in found if t in largest]
    return tuple(found)


def step_shape(problem: Problem, step: Step, choosable: Sequence[int], options: Options) -> StepShape:
    """The part of the problem that the candidates of `step` depend on."""
    in_place = step.memory == problem.home
    usual = -2 if in_place else -1

    def owner_of(tensors: Sequence[int]) -> tuple[int, ...]:
        return tuple(-3 if t == INSIDE else choosable.index(t) if t in choosable else usual for t in tensors)

    owners = tuple(owner_of(step.tensors_of(number)) for number in range(len(step.implementations)))
    dma = None if in_place else problem.dmas[step.memory]
    align = problem.memory(step.memory).align
    return StepShape(
        step.space, owner_of(step.tensors), owners, align, dma, step.key, options.double_buffer, options.front
    )


def tilings(
    space: IterationSpace, multiples: Sequence[Sequence[int]], constraints: TileConstraints, most: int = MAX_TILINGS
) -> Ints:
    """Tile sizes worth trying that the constraints allow, one row each, the largest first; perhaps none."""
    dims = [d for d in space.tileable if space.dims[d].size > 1]
    choices = {d: _sizes(space, d, multiples[d] if multiples else (), constraints) for d in dims}
    if not all(choices.values()):
        return np.empty((0, len(space.dims)), dtype=np.int64)
    limit = max((len(c) for c in choices.values()), default=1)
    while limit > 2 and _count(dims, {d: _thin(c, limit) for d, c in choices.items()}) > most:
        limit -= max(1, limit // 8)
    rows = _combine(space, dims, {d: _thin(c, limit) for d, c in choices.items()})
    allowed = [row for row in rows if constraints.allows(row, space.sizes)]
    return np.array(allowed, dtype=np.int64).reshape(len(allowed), len(space.dims))


def _sizes(space: IterationSpace, dim: int, multiples: Sequence[int], constraints: TileConstraints) -> tuple[int, ...]:
    """The allowed ones of the balanced sizes along a dimension, and of multiples; descending."""
    extent = space.dims[dim].size
    tried = {1, *multiples, *constraints.granularities(dim)}
    found = {size for multiple in tried for size in balanced_sizes(extent, multiple)}
    return tuple(sorted((s for s in found if constraints.allows_size(dim, s, extent)), reverse=True))


def _count(dims: Sequence[int], choices: dict[int, list[int]]) -> int:
    """Rows that `_combine` looks at."""
    counts = range(min(MAX_CUT_DIMS, len(dims)) + 1)
    return sum(prod(len(choices[d]) - 1 for d in cut) for count in counts for cut in combinations(dims, count))


def _thin(sizes: Sequence[int], limit: int) -> list[int]:
    """At most `limit` of the (descending) sizes, evenly spread by rank, both ends included."""
    if len(sizes) <= limit:
        return list(sizes)
    ranks = np.linspace(0, len(sizes) - 1, max(limit, 2)).round().astype(int)
    return [sizes[i] for i in dict.fromkeys(ranks.tolist())]


def _combine(space: IterationSpace, dims: Sequence[int], choices: dict[int, list[int]]) -> list[tuple[int, ...]]:
    whole = tuple(choices[d][0] if d in choices else size for d, size in enumerate(space.sizes))
    rows: list[tuple[int, ...]] = []
    for count in range(min(MAX_CUT_DIMS, len(dims)) + 1):
        for cut in combinations(dims, count):
            for sizes in product(*(choices[d][1:] for d in cut)):
                row = list(whole)
                for d, size in zip(cut, sizes, strict=True):
                    row[d] = size
                rows.append(tuple(row))
    rows = [row for row in rows if prod(space.trips(row)) <= MAX_TILES]
    smallest = tuple(choices[d][-1] if d in choices else s for d, s in enumerate(whole))
    return rows if smallest in rows else [*rows, smallest]


def loop_orders(space: IterationSpace) -> Iterator[tuple[int, ...]]:
    """Orders of the tileable dimensions that differ in what moves: dimensions used by the same operands stay together,
    since separating them only adds transfers."""
    classes: dict[tuple[int, ...], list[int]] = {}
    for d in space.tileable:
        if space.dims[d].size > 1:
            users = tuple(i for i, access in enumerate(space.accesses) if d in access.dims)
            classes.setdefault(users, []).append(d)
    for arrangement in permutations(classes.values()):
        yield tuple(d for members in arrangement for d in members)


@dataclass(frozen=True)
class AccessCosts:
    """For each tiling: bytes of one buffer, cycles to issue one transfer, and cycles that it then takes.

    `ahead` is what issuing costs more with two buffers."""

    buffer: Ints
    issue: Floats
    transfer: Floats
    ahead: int


def access_costs(space: IterationSpace, access: Access, rows: Ints, align: int, dma: Dma) -> AccessCosts:
    """What staging `access` costs for each tiling."""
    geometry, used = AccessGeometry(access, space.dims), access.dims
    known: dict[tuple[int, ...], tuple[int, float, float]] = {}
    buffer = np.zeros(len(rows), np.int64)
    issue, transfer = np.zeros(len(rows)), np.zeros(len(rows))
    for i, row in enumerate(rows.tolist()):
        part = tuple(row[d] for d in used)
        if part not in known:
            known[part] = (align_up(geometry.tile_bytes(row), align), *transfer_cycles(geometry, row, dma))
        buffer[i], issue[i], transfer[i] = known[part]
    return AccessCosts(buffer, issue, transfer, 0 if access.written else AHEAD_CYCLES)


def transfer_cycles(geometry: AccessGeometry, sizes: Sequence[int], dma: Dma) -> tuple[float, float]:
    """Cycles to issue one transfer of a tile, and cycles that it then takes: the mean over the tiles for bytes, the
    largest tile for jobs and rows."""
    mean = geometry.bytes_total(sizes) / geometry.tiles(sizes)
    shape = geometry.shape(sizes, dma.max_dims)
    rows = shape.jobs * (1 if shape.rows is None else shape.rows.max_size)
    return dma.issue_cycles + shape.jobs * dma.job_cycles, max(mean / dma.bytes_per_cycle, rows)


@dataclass(frozen=True)
class Ticks:
    """For a loop order and each tiling: how often each loop ticks, and whether each access moves then."""

    counts: tuple[Ints, ...]
    moves: tuple[tuple[npt.NDArray[np.bool_], ...], ...]
    """By loop, then by access."""

    def repeats(self, access: int) -> Ints:
        """Transfers of an access in all."""
        total = np.ones_like(self.counts[0]) if self.counts else np.ones(1, np.int64)
        for count, moves in zip(self.counts, self.moves, strict=True):
            total = total + count * moves[access]
        return total


def loop_ticks(space: IterationSpace, rows: Ints, order: Sequence[int]) -> Ticks:
    """What happens between tiles under a loop order, for each tiling."""
    sizes = np.array(space.sizes, dtype=np.int64)
    trips = -(-sizes // rows)
    counts: list[Ints] = []
    moves: list[tuple[npt.NDArray[np.bool_], ...]] = []
    outside = np.ones(len(rows), np.int64)
    for position, d in enumerate(order):
        counts.append(outside * (trips[:, d] - 1))
        outside = outside * trips[:, d]
        inner = order[position:]
        moves.append(
            tuple(
                np.any([trips[:, q] > 1 for q in inner if q in access.dims] or [np.zeros(len(rows), bool)], axis=0)
                for access in space.accesses
            )
        )
    return Ticks(tuple(counts), tuple(moves))


def step_cycles(
    compute: Floats, tiles: Ints, ticks: Ticks, costs: Mapping[int, AccessCosts], depths: Mapping[int, Ints]
) -> Floats:
    """Modelled cycles of a step for each tiling; `costs` and `depths` have the staged accesses only."""
    total = STEP_CYCLES + tiles * compute
    for cost in costs.values():
        total = total + cost.issue + cost.transfer
    for count, moves in zip(ticks.counts, ticks.moves, strict=True):
        exposed, hidden = np.zeros(len(compute)), np.zeros(len(compute))
        for access, cost in costs.items():
            moved = np.where(moves[access], cost.transfer, 0.0)
            issue = np.where(moves[access], cost.issue + (depths[access] - 1) * cost.ahead, 0.0)
            exposed = exposed + issue + np.where(depths[access] == 1, moved, 0.0)
            hidden = hidden + np.where(depths[access] == 2, moved, 0.0)
        total = total + count * (exposed + np.maximum(0.0, hidden - compute))
    return total


def depth_choices(staged: Sequence[int], large: Sequence[int], double_buffer: bool) -> list[dict[int, int]]:
    """Buffering depths worth trying: all single, all double, and all but one of either, that one a large operand."""
    single = dict.fromkeys(staged, 1)
    if not double_buffer or not staged:
        return [single]
    double = dict.fromkeys(staged, 2)
    result = [single, double]
    if len(staged) > 1:
        result += [{**double, a: 1} for a in large]
    if len(staged) > 2:
        result += [{**single, a: 2} for a in large]
    return result


def enumerate_candidates(step: Step, shape: StepShape) -> tuple[Candidate, ...]:
    """The candidates of a step that no other dominates, for each choice of resident tensors.

    Raises DeeployError where no implementation takes any tile."""
    found: list[Candidate] = []
    for number, implementation in enumerate(step.implementations):
        own = replace(shape, space=step.space_of(number), owner=shape.owners[number])
        rows = tilings(own.space, implementation.multiples, implementation.constraints)
        if len(rows):
            found += (
                _in_place(number, implementation, own, rows)
                if shape.dma is None
                else _staged(number, implementation, own, shape.dma, rows)
            )
    if not found:
        names = ", ".join(i.name for i in step.implementations)
        sizes = ", ".join(f"{d.name}={d.size}" for d in shape.space.dims)
        raise DeeployError(f"no tile of {sizes} meets the constraints of the kernel bindings ({names})", step.name)
    return tuple(found) if len(step.implementations) == 1 else _undominated(found)


def _undominated(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Without those that take as many bytes and cycles as another that keeps the same tensors resident."""
    best: dict[tuple[bool, ...], int] = {}
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.bytes, c.cycles)):
        if candidate.cycles < best.get(candidate.resident, candidate.cycles + 1):
            best[candidate.resident] = candidate.cycles
            kept.append(candidate)
    return tuple(kept)


def staged_candidates(number: int, implementation: Implementation, shape: StepShape, most: int) -> list[Candidate]:
    """The candidates of one implementation through buffers in the engine's memory, of so many tilings."""
    assert shape.dma is not None
    rows = tilings(shape.space, implementation.multiples, implementation.constraints, most)
    return _staged(number, implementation, shape, shape.dma, rows) if len(rows) else []


def _in_place(number: int, implementation: Implementation, shape: StepShape, rows: Ints) -> list[Candidate]:
    """On operands that lie in the engine's memory anyway: the fastest tiling, one tile where that is allowed."""
    space = shape.space

    def cycles(sizes: tuple[int, ...]) -> int:
        tiles = prod(space.trips(sizes))
        return STEP_CYCLES + tiles * implementation.tile_cycles(sizes) + (tiles * TILE_CYCLES if tiles > 1 else 0)

    every = [tuple(row) for row in rows.tolist()]
    inside = [a for a, owner in enumerate(shape.owner) if owner == -3]
    depths = tuple(int(a in inside) for a in range(len(shape.owner)))

    def candidate(sizes: tuple[int, ...]) -> Candidate:
        order = tuple(d for d in space.tileable if sizes[d] < space.dims[d].size)
        held = implementation.scratch_bytes(sizes, shape.align)
        held += sum(align_up(space.accesses[a].tile_bytes(sizes), shape.align) for a in inside)
        return Candidate(number, sizes, order, depths, (), held, cycles(sizes))

    if inside:
        return list(_undominated([candidate(sizes) for sizes in every]))
    return [candidate(space.sizes if space.sizes in every else min(every, key=cycles))]


def _staged(number: int, implementation: Implementation, shape: StepShape, dma: Dma, rows: Ints) -> list[Candidate]:
    """Through buffers in the engine's memory, but for the resident operands."""
    space = shape.space
    one_tile = [implementation.tile_cycles(row) for row in rows.tolist()]
    scratch = np.array([implementation.scratch_bytes(row, shape.align) for row in rows.tolist()], np.int64)
    compute = np.array(one_tile, np.float64) + BARRIERS_CYCLES + TILE_CYCLES
    tiles = np.prod(-(-np.array(space.sizes, dtype=np.int64) // rows), axis=1)
    known = {a: access_costs(space, a, rows, shape.align, dma) for a in dict.fromkeys(space.accesses)}
    costs = [known[access] for access in space.accesses]
    inside = [a for a, owner in enumerate(shape.owner) if owner == -3]
    kept = sum((costs[a].buffer for a in inside), scratch)
    orders = list(loop_orders(space))
    ticks = [loop_ticks(space, rows, order) for order in orders]
    found: list[Candidate] = []
    for resident in product((False, True), repeat=max((*shape.owner, -1)) + 1):
        staged = [i for i, owner in enumerate(shape.owner) if owner == -1 or (owner >= 0 and not resident[owner])]
        total = sum(space.accesses[a].tile_bytes(space.sizes) for a in staged)
        large = [a for a in staged if space.accesses[a].tile_bytes(space.sizes) > total / 16]
        front = Front()
        for order, tick in zip(orders, ticks, strict=True):
            moving = {a: tick.repeats(a) > 1 for a in staged}
            for depth in depth_choices(staged, large, shape.double_buffer):
                depths = {a: np.where(moving[a], depth[a], 1) for a in staged}
                held = kept.copy()
                for a in staged:
                    held = held + costs[a].buffer * depths[a]
                cycles = step_cycles(compute, tiles, tick, {a: costs[a] for a in staged}, depths)
                front.add(held, cycles, (order, depths))
        for i, (order, depths), held_bytes, cycles in front.best(shape.front):
            sizes = tuple(rows[i].tolist())
            cut = tuple(d for d in order if sizes[d] < space.dims[d].size)
            depth_of = tuple(int(depths[a][i]) if a in staged else int(a in inside) for a in range(len(shape.owner)))
            found.append(Candidate(number, sizes, cut, depth_of, resident, held_bytes, cycles))
    return found


Origin = tuple[tuple[int, ...], dict[int, Ints]]
"""Loop order, and the depth of each staged access for each tiling."""


class Front:
    """Collects (bytes, cycles) of many candidates and gives those that are not dominated."""

    def __init__(self) -> None:
        self._bytes: list[Ints] = []
        self._cycles: list[Floats] = []
        self._origin: list[Origin] = []

    def add(self, held: Ints, cycles: Floats, origin: Origin) -> None:
        """One candidate per array element; `origin` is given back with the winners."""
        self._bytes.append(held)
        self._cycles.append(np.ceil(cycles))
        self._origin.append(origin)

    @property
    def finite(self) -> bool:
        """Whether any candidate takes less than for ever."""
        return any(bool(np.isfinite(cycles).any()) for cycles in self._cycles)

    def best(self, limit: int) -> list[tuple[int, Origin, int, int]]:
        """(element, origin, bytes, cycles) of the front by ascending bytes, thinned to about `limit`.

        Thinning keeps both ends and drops what saves too little over the one before, more of it where cycles are far
        from the least; ties go to the first added."""
        held, cycles = np.concatenate(self._bytes), np.concatenate(self._cycles)
        rank: Ints = np.lexsort((cycles, held))  # stable: ties in the order added
        before = np.minimum.accumulate(np.concatenate(([np.inf], cycles[rank][:-1])))
        front = rank[cycles[rank] < before].tolist()
        saving, least = 0.001, cycles[front[-1]]
        while True:
            kept = [front[0]]
            for i in front[1:]:
                worth = min(saving * (cycles[kept[-1]] / least) ** 2, max(saving, 0.5))
                if cycles[i] <= cycles[kept[-1]] * (1 - worth) or i == front[-1]:
                    kept.append(i)
            if len(kept) <= limit:
                break
            saving *= 1.3
        width = len(self._bytes[0])
        return [(int(i % width), self._origin[i // width], int(held[i]), int(cycles[i])) for i in kept]


def transfer_bytes(space: IterationSpace, candidate: Candidate, inside: Collection[int] = ()) -> tuple[int, ...]:
    """Bytes that one run of the step moves for each access, into or out of the engine's memory; none of the accesses
    `inside`."""
    rows = np.array([candidate.sizes], dtype=np.int64)
    ticks = loop_ticks(space, rows, candidate.order)
    moved = [0] * len(space.accesses)
    for i, access in enumerate(space.accesses):
        if candidate.depths[i] and i not in inside:
            geometry = AccessGeometry(access, space.dims)
            total = geometry.bytes_total(candidate.sizes) * int(ticks.repeats(i)[0])
            moved[i] = total // geometry.tiles(candidate.sizes)
    return tuple(moved)
