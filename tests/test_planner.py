"""The planner against simulation, exhaustive search and its own promises."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product
from math import prod

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deeploy_mlir.passes.planning import planner
from deeploy_mlir.passes.planning.candidates import (
    Candidate,
    choosable_tensors,
    enumerate_candidates,
    step_shape,
    transfer_bytes,
    transfer_cycles,
)
from deeploy_mlir.passes.planning.choice import StepChoices, all_choices
from deeploy_mlir.passes.planning.placement import Buffer, Placement, place
from deeploy_mlir.passes.planning.planner import plan
from deeploy_mlir.passes.planning.problem import (
    AHEAD_CYCLES,
    BARRIERS_CYCLES,
    STEP_CYCLES,
    TILE_CYCLES,
    Dma,
    Options,
    PlanResult,
    Problem,
    Step,
    TensorKind,
    align_up,
)
from deeploy_mlir.space.iteration_space import IterationSpace
from deeploy_mlir.space.transfer import AccessGeometry
from deeploy_mlir.support.errors import DeeployError

from .planning_problems import Network, add_space, conv_space, matmul_space, residual_network


def tile_sequence(space: IterationSpace, sizes: Sequence[int], order: Sequence[int]) -> list[tuple[int, ...]]:
    """The first index along each dimension of every tile, in order of execution."""
    result: list[tuple[int, ...]] = []
    for indices in product(*(range(space.trips(sizes)[d]) for d in order)):
        low = [0] * len(sizes)
        for d, i in zip(order, indices, strict=True):
            low[d] = i * sizes[d]
        result.append(tuple(low))
    return result


def simulate(step: Step, candidate: Candidate, dma: Dma) -> tuple[float, int, int]:
    """Cycles, bytes in and bytes out of a step, tile by tile."""
    space = step.space
    compute = step.implementations[0].tile_cycles(candidate.sizes) + BARRIERS_CYCLES + TILE_CYCLES
    staged = [i for i, depth in enumerate(candidate.depths) if depth]
    cost = {i: transfer_cycles(AccessGeometry(space.accesses[i], space.dims), candidate.sizes, dma) for i in staged}
    total, moved, previous = float(STEP_CYCLES), [0, 0], None
    for low in tile_sequence(space, candidate.sizes, candidate.order):
        exposed = hidden = 0.0
        part = [min(s, d.size - at) for s, d, at in zip(candidate.sizes, space.dims, low, strict=True)]
        for i in staged:
            access = space.accesses[i]
            changed = previous is None or any(low[d] != previous[d] for d in access.dims)
            if not changed:
                continue
            regions = space.regions(access, low, part)
            moved[access.written] += prod(r.size for r in regions) * access.element_bytes
            issue, transfer = cost[i]
            exposed += issue
            if previous is not None and candidate.depths[i] == 2 and not access.written:
                exposed += AHEAD_CYCLES
            if previous is None or candidate.depths[i] == 1:
                exposed += transfer
            else:
                hidden += transfer
        total += compute + exposed + max(0.0, hidden - compute)
        previous = low
    return total, moved[0], moved[1]


@pytest.mark.parametrize(
    "space",
    [conv_space(9, 7, 4, 6), conv_space(10, 10, 3, 8, 3, 2, 1), matmul_space(3, 10, 12, 8), add_space(4, 6, 10)],
    ids=["conv", "strided", "matmul", "add"],
)
@pytest.mark.parametrize("double_buffer", [True, False])
def test_candidates_cost_what_the_execution_costs(space: IterationSpace, double_buffer: bool) -> None:
    net = Network()
    tensors = [net.tensor(f"x{i}", a.tile_bytes(space.sizes)) for i, a in enumerate(space.accesses)]
    net.step("step", space, tensors)
    problem = net.problem(1 << 16)
    options = Options(double_buffer=double_buffer, front=40)
    choosable = choosable_tensors(problem, problem.steps[0])
    candidates = enumerate_candidates(problem.steps[0], step_shape(problem, problem.steps[0], choosable, options))
    assert len(candidates) > 10
    assert any(max(c.depths) == 2 for c in candidates) == double_buffer
    for candidate in candidates:
        cycles, moved_in, moved_out = simulate(problem.steps[0], candidate, Dma())
        assert candidate.cycles == pytest.approx(cycles, abs=1.01)
        moved = transfer_bytes(space, candidate)
        assert (sum(moved[:-1]), moved[-1]) == (moved_in, moved_out)
        held = sum(
            depth * align_up(a.tile_bytes(candidate.sizes), 4)
            for a, depth in zip(space.accesses, candidate.depths, strict=True)
        )
        assert candidate.bytes == held


def exhaustive(problem: Problem, choices: Sequence[StepChoices]) -> int | None:
    """Fewest cycles over all combinations of candidates with consistent homes that fit."""
    best: int | None = None
    for combination in product(*(c.candidates for c in choices)):
        cycles = sum(c.cycles for c in combination)
        if best is not None and cycles >= best:
            continue
        resident: dict[int, set[bool]] = {}
        for step, candidate in zip(choices, combination, strict=True):
            for t, flag in zip(step.choosable, candidate.resident, strict=True):
                resident.setdefault(t, set()).add(flag)
        if any(len(flags) > 1 for flags in resident.values()):
            continue
        home = {t: flags.pop() for t, flags in resident.items()}
        for number, candidate in enumerate(combination):
            alive = [(align_up(problem.tensors[t].bytes, 4), home.get(t, False)) for t in problem.alive[number]]
            l1 = candidate.bytes + sum(size for size, inside in alive if inside)
            l2 = sum(size for size, inside in alive if not inside)
            if l1 > problem.memory("l1").capacity or l2 > problem.room(problem.memory("l2")):
                break
        else:
            best = cycles
    return best


@pytest.mark.parametrize("l1", [200, 400, 600, 1000, 1500, 2500, 8000])
@pytest.mark.parametrize("l2", [2600, 1 << 20])
def test_optimal_over_the_candidates(l1: int, l2: int) -> None:
    net = Network()
    x = net.conv(net.tensor("input", 6 * 6 * 2, TensorKind.BOUNDARY), conv_space(6, 6, 2, 8))
    y = net.conv(x, conv_space(6, 6, 8, 8, 1, 1, 0))
    z = net.tensor("sum", 6 * 6 * 8)
    net.step("add", add_space(6, 6, 8), (x, y, z))
    net.conv(z, conv_space(6, 6, 8, 4), TensorKind.BOUNDARY)
    options = Options(gap=1e-9, front=4)
    problem = net.problem(l1, l2)
    expected = exhaustive(problem, all_choices(problem, options))
    if expected is None:
        with pytest.raises(DeeployError):
            plan(problem, options)
        return
    result = plan(problem, options)
    assert result.cycles == expected
    assert result.bound == pytest.approx(expected, rel=1e-6)
    check(problem, result)


def check(problem: Problem, result: PlanResult) -> None:
    """The promises of a plan: inside the budgets, aligned, nothing alive together overlaps."""
    for memory, used in zip(problem.memories, result.memories, strict=True):
        assert used.name == memory.name
        assert used.bound <= used.arena
        assert used.arena % memory.align == 0
        assert used.used <= memory.capacity
        spans: list[tuple[int, int, int, int]] = []
        for t, home in enumerate(result.homes):
            if home.memory == memory.name and home.offset is not None:
                spans.append((home.offset, home.offset + problem.tensors[t].bytes, *problem.lifetime(t)))
        for number, (step, chosen) in enumerate(zip(problem.steps, result.steps, strict=True)):
            for access, tensor, offsets in zip(step.space.accesses, step.tensors, chosen.offsets, strict=True):
                if step.memory != memory.name:
                    continue
                assert bool(offsets) == (result.homes[tensor].memory != memory.name)
                size = access.tile_bytes(chosen.sizes)
                spans += [(offset, offset + size, number, number) for offset in offsets]
        for i, (low, high, first, last) in enumerate(spans):
            assert low % memory.align == 0
            assert high <= used.arena
            for other_low, other_high, other_first, other_last in spans[:i]:
                if first <= other_last and other_first <= last:
                    assert high <= other_low or other_high <= low
    assert result.cycles == sum(s.cycles for s in result.steps)
    assert result.bound <= result.objective


@settings(max_examples=15, deadline=None)
@given(st.integers(6, 14), st.sampled_from([4, 8, 12]), st.integers(300, 6000), st.booleans())
def test_budget_is_never_exceeded(size: int, channels: int, l1: int, double_buffer: bool) -> None:
    problem = residual_network(size, channels).problem(l1, align=8)
    try:
        result = plan(problem, Options(double_buffer=double_buffer))
    except DeeployError:
        assume(False)
        raise
    check(problem, result)
    assert double_buffer or all(len(offsets) <= 1 for step in result.steps for offsets in step.offsets)


@pytest.mark.parametrize("double_buffer", [True, False])
def test_more_memory_never_costs_cycles(double_buffer: bool) -> None:
    net = residual_network(16, 16, 3)
    cycles: list[int] = []
    for l1 in (1000, 1500, 2000, 3000, 4000, 6000, 8000, 12000, 16000, 32000):
        result = plan(net.problem(l1), Options(double_buffer=double_buffer, gap=1e-6))
        check(net.problem(l1), result)
        cycles.append(result.cycles)
    assert all(a >= b * (1 - 1e-5) for a, b in pairwise(cycles))
    assert cycles[-1] < cycles[0]


def test_double_buffering_never_costs_cycles_and_helps_where_transfers_dominate() -> None:
    problem = residual_network(24, 16, 2).problem(6000, dma=Dma(bytes_per_cycle=0.5))
    double, single = (plan(problem, Options(double_buffer=flag)).cycles for flag in (True, False))
    assert double < single


def test_activations_stay_in_l1_where_there_is_room() -> None:
    result = plan(residual_network(12, 8, 2).problem(64_000))
    assert [home.memory for home in result.homes if home.offset is not None] == ["l1"] * 4
    assert result.memories[1].arena == 0


def test_identical_steps_are_enumerated_once() -> None:
    calls: list[int] = []
    for blocks in (3, 9):
        net = residual_network(8, 8, blocks)
        all_choices(net.problem(4000), Options())
        calls.append(net.cycles_calls)
    assert calls[0] == calls[1]


def test_equal_problems_give_equal_plans() -> None:
    first, second = (plan(residual_network(13, 8, 3).problem(3000)) for _ in range(2))
    assert replace(first, seconds=0.0) == replace(second, seconds=0.0)


def test_a_single_memory_works_in_place() -> None:
    net = residual_network(8, 8, 2)
    problem = replace(net.problem(1 << 20), home="l1", dmas={})
    result = plan(problem)
    assert all(s.order == () and not any(s.offsets) for s in result.steps)
    assert all(s.sizes == step.space.sizes for s, step in zip(result.steps, problem.steps, strict=True))
    check(problem, result)


def smallest_named(error: DeeployError, memory: str) -> int:
    found = re.search(rf"smallest {memory} that would do is (\d+) bytes", str(error))
    assert found is not None
    return int(found[1])


def test_too_small_l1_names_the_layer_and_what_would_do() -> None:
    net = residual_network(12, 16, 2)
    with pytest.raises(DeeployError, match="bytes of l1 even with the smallest tiles") as caught:
        plan(net.problem(200))
    assert caught.value.node is not None
    assert caught.value.node.startswith("conv")
    assert "w1" in str(caught.value)
    enough = smallest_named(caught.value, "l1")
    check(net.problem(enough), plan(net.problem(enough)))
    with pytest.raises(DeeployError):
        plan(net.problem(enough - 4))


def test_too_small_l2_names_the_tensors_and_what_would_do() -> None:
    net = residual_network(16, 16, 2)
    with pytest.raises(DeeployError, match="activations are alive") as caught:
        plan(net.problem(1500, 16_000))
    assert "t0 4096" in str(caught.value)
    enough = smallest_named(caught.value, "l2")
    check(net.problem(1500, enough), plan(net.problem(1500, enough)))
    with pytest.raises(DeeployError):
        plan(net.problem(1500, enough - 4))


def test_weights_that_do_not_fit_are_named() -> None:
    net = residual_network(8, 16, 2)
    with pytest.raises(DeeployError, match=r"weights, inputs and outputs of .* take \d+ bytes of l2") as caught:
        plan(net.problem(4000, 3000))
    assert "w1 2304" in str(caught.value)


def constants_in(problem: Problem, result: PlanResult, memory: str) -> int:
    """Bytes of the constants that live in a memory."""
    return sum(
        align_up(tensor.bytes, 4)
        for tensor, home in zip(problem.tensors, result.homes, strict=True)
        if tensor.kind == TensorKind.CONSTANT and home.memory == memory
    )


def test_weights_that_l2_has_no_room_for_live_in_the_weight_memory() -> None:
    net = residual_network(8, 16, 2)
    roomy = plan(net.problem(4000, wmem=8000))
    assert constants_in(net.problem(4000), roomy, "wmem") == 0
    problem = net.problem(4000, 6000, wmem=8000)
    result = plan(problem)
    check(problem, result)
    away = constants_in(problem, result, "wmem")
    assert away >= problem.fixed_bytes(problem.memory("l2")) - 6000 > 0
    assert {m.name: m.used for m in result.memories}["wmem"] == away
    assert result.cycles == pytest.approx(roomy.cycles, rel=1e-3)


def test_activations_and_inputs_never_live_in_the_weight_memory() -> None:
    problem = residual_network(16, 16, 2).problem(1500, 18_000, wmem=1 << 20)
    result = plan(problem)
    check(problem, result)
    for tensor, home in zip(problem.tensors, result.homes, strict=True):
        assert home.memory != "wmem" or tensor.kind == TensorKind.CONSTANT
    with pytest.raises(DeeployError, match="activations are alive") as caught:
        plan(residual_network(16, 16, 2).problem(1500, 8_000, wmem=1 << 20))
    enough = smallest_named(caught.value, "l2")
    plan(residual_network(16, 16, 2).problem(1500, enough, wmem=1 << 20))
    with pytest.raises(DeeployError):
        plan(residual_network(16, 16, 2).problem(1500, enough - 4, wmem=1 << 20))


def test_weights_that_neither_memory_holds_are_named() -> None:
    net = residual_network(8, 16, 2)
    with pytest.raises(
        DeeployError, match=r"bytes of l2, after as many weights as wmem holds, which has 1000"
    ) as caught:
        plan(net.problem(4000, 1000, wmem=2500))
    assert "w1 2304" in str(caught.value)


def test_no_steps() -> None:
    result = plan(Network().problem(100))
    assert result.cycles == 0
    assert result.steps == ()


def test_reserved_bytes_count_and_are_named() -> None:
    net = residual_network(12, 16, 2)

    def problem(l1: int) -> Problem:
        plain = net.problem(l1)
        return replace(plain, memories=(replace(plain.memories[0], reserved=4096), plain.memories[1]))

    with pytest.raises(DeeployError, match="of the budget of 4296 bytes the stacks take 4096") as caught:
        plan(problem(4296))
    enough = smallest_named(caught.value, "l1")
    result = plan(problem(enough))
    assert 4096 < result.memories[0].used <= enough
    with pytest.raises(DeeployError):
        plan(problem(enough - 4))


def test_a_choice_that_cannot_be_placed_is_made_again_with_less(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = residual_network(12, 8, 2).problem(2500)
    best = plan(problem)
    tight = max(step.live_bytes for step in best.steps)
    rooms: list[int] = []

    def failing_once(buffers: Sequence[Buffer], align: int, capacity: int) -> Placement:
        """Pretends that the fullest step of L1 has a hole."""
        placed = place(buffers, align, capacity)
        if capacity == 2500:
            rooms.append(placed.peak)
        if len(rooms) != 1 or capacity != 2500:
            return placed
        highest = max(range(len(buffers)), key=lambda i: placed.offsets[i] + buffers[i].size)
        offsets = list(placed.offsets)
        offsets[highest] = capacity
        return replace(placed, offsets=tuple(offsets), peak=capacity + buffers[highest].size)

    monkeypatch.setattr(planner, "place", failing_once)
    again = plan(problem)
    check(problem, again)
    assert len(rooms) == 2
    assert again.cycles >= best.cycles
    assert max(step.live_bytes for step in again.steps) <= tight
