"""Cycles of float operations on the simulator: two neighbouring cores share an FPU, all share one divider."""

from __future__ import annotations

import pytest

from .siracusa_images import compiled, loaded

INDEPENDENT, DEPENDENT, FUSED, DIVISION, ROOT = range(5)
COUNT = 64 * 16
LOOP = 0.35
"""Cycles an operation of the loop around 16 of them, at most."""


def cycles(active: int) -> list[float]:
    """Cycles of each of the operations where so many of the eight cores are at it."""
    result = loaded(compiled("fpu.c", defines=(("ACTIVE", active),))).run(10_000_000)
    assert result.fault is None, str(result.fault)
    found: list[float] = []
    for region in range(5):
        cores = result.regions[region].cores
        assert len(cores) == active
        assert all(core.cycles == core.instructions + core.stalls.total() for core in cores.values())
        found.append(max(core.cycles for core in cores.values()) / COUNT)
    return found


@pytest.mark.parametrize(
    ("active", "plain", "division"),
    [(1, 1, 11), (2, 2, 28), (8, 2, 112)],
)
def test_an_operation_takes(active: int, plain: float, division: float) -> None:
    """On eight cores 2 cycles, and 112 where it divides; on one core 1, also if it needs the one before, and 11."""
    measured = cycles(active)
    for kind in (INDEPENDENT, DEPENDENT, FUSED):
        assert plain <= measured[kind] <= plain + LOOP, (kind, measured)
    for kind in (DIVISION, ROOT):
        assert division * 0.98 <= measured[kind] <= division + LOOP, (kind, measured)


def test_who_waits_for_an_fpu_is_counted() -> None:
    result = loaded(compiled("fpu.c", defines=(("ACTIVE", 8),))).run(10_000_000)
    for core in result.regions[INDEPENDENT].cores.values():
        assert 0.6 * COUNT < core.stalls.fpu <= COUNT  # less by what the loops take
