"""What kernels ask of the sizes of their tiles, and that the planner's candidates keep to it."""

from __future__ import annotations

import pytest

from deeploy_mlir.passes.planning.candidates import enumerate_candidates, step_shape, tilings
from deeploy_mlir.passes.planning.problem import Implementation, Options, Step
from deeploy_mlir.space.tile_constraints import TileConstraints
from deeploy_mlir.support.errors import DeeployError

from .planning_problems import Network, matmul_space


def test_sizes_along_a_dimension() -> None:
    limits = TileConstraints(multiples=(1, 4), maxima=(0, 16))
    assert [s for s in range(1, 31) if limits.allows_size(1, s, 30)] == [4, 8, 12, 16]
    assert limits.allows_size(1, 13, 13)  # the whole dimension
    assert not limits.allows_size(1, 30, 30)
    assert all(limits.allows_size(0, s, 30) for s in range(1, 31))
    assert TileConstraints(whole=frozenset({0})).allows((30, 1), (30, 30))
    assert not TileConstraints(whole=frozenset({0})).allows((15, 30), (30, 30))


@pytest.mark.parametrize("size", [48, 50, 7])
def test_tilings_keep_to_the_constraints(size: int) -> None:
    space = matmul_space(1, size, size, 32)
    limits = TileConstraints((1, 4, 8, 1), (0, 16, 24, 0), fits=lambda sizes: sizes[1] * sizes[2] <= 256)
    rows = [tuple(row) for row in tilings(space, (), limits).tolist()]
    assert rows
    for row in rows:
        assert row[1] <= 16
        assert row[1] % 4 == 0 or row[1] == size
        assert row[2] <= 24
        assert row[2] % 8 == 0 or row[2] == size
        assert row[1] * row[2] <= 256
    if size > 16:
        assert (1, 16, 16, 32) in rows


def candidates(*implementations: Implementation, l1: int = 1 << 16):
    """The candidates of one product in a network with these implementations."""
    net = Network()
    space = matmul_space(1, 64, 64, 64)
    net.step("fc", space, [net.tensor(name, 4096) for name in "abc"])
    step = net.steps[0] = Step("fc", space, net.steps[0].tensors, "l1", implementations, "kernel")
    return enumerate_candidates(step, step_shape(net.problem(l1), step, (), Options()))


def test_implementations_compete() -> None:
    slow = Implementation("any", lambda sizes, split: 10 * sizes[1] * sizes[2])
    fast = Implementation(
        "blocks", lambda sizes, split: sizes[1] * sizes[2], constraints=TileConstraints((1, 16, 16, 1), (0, 32, 32, 0))
    )
    found = candidates(slow, fast)
    assert {c.implementation for c in found} == {0, 1}  # tiles below 16 x 16 are for the slow one alone
    assert min(found, key=lambda c: c.cycles).implementation == 1
    assert all(c.sizes[1] % 16 == 0 and c.sizes[1] <= 32 for c in found if c.implementation == 1)


def test_no_tile_at_all_is_told() -> None:
    with pytest.raises(
        DeeployError, match=r"fc.*no tile of .*k=64 meets the constraints of the kernel bindings \(short\)"
    ):
        candidates(Implementation("short", lambda sizes, split: 1, constraints=TileConstraints(maxima=(0, 0, 0, 32))))
