"""Several kernels in a nest: what they compute together is what they compute one by one."""

from __future__ import annotations

import re

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from deeploy_mlir.dialects.tiled import NestOp
from deeploy_mlir.interpreters.run import RunOptions, run_module
from deeploy_mlir.machine.registry import load_soc
from deeploy_mlir.support.errors import DeeployError

from .fused_groups import GROUPS
from .network_levels import ops_of, run_passes
from .test_lowering_random import LOWERING, give_homes, give_random_plan

QUICK, MANY = 8, 150
"""Networks of each kind by default, and among the slow tests."""


def fused(module: ModuleOp, group: str) -> NestOp:
    """Lowers the module to nests and fuses the group; returns its nest."""
    run_passes(
        module, f'deeploy-attach-soc{{target=siracusa}},convert-kernel-to-tiled,deeploy-fuse-nests{{groups="{group}"}}'
    )
    (nest,) = ops_of(module, NestOp)
    return nest


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("seed", [pytest.param(s, marks=[] if s < QUICK else [pytest.mark.slow]) for s in range(MANY)])
def test_fused_groups_under_random_plans(group: str, seed: int) -> None:
    """Every level, with any tiles, loop order, buffers and splits, computes what the kernels one by one do."""
    rng = np.random.default_rng([seed, len(group)])
    module, arrays = GROUPS[group](rng)
    expected = run_module(module, arrays)[0]
    nest = fused(module, group)
    assert [k.layer.data for k in nest.kernels] == group.split("+")
    np.testing.assert_array_equal(run_module(module, arrays)[0], expected)
    give_random_plan(nest, rng)
    give_homes(module)
    module.verify()
    np.testing.assert_array_equal(run_module(module, arrays)[0], expected)
    for name in LOWERING:
        run_passes(module, name)
        for options in (RunOptions(), RunOptions(copy_at_start=True, reverse_cores=True)):
            np.testing.assert_array_equal(run_module(module, arrays, options=options)[0], expected, err_msg=name)


def least_l1(module: ModuleOp, group: str) -> int:
    """Bytes of L1 with which the fused network can just be planned."""
    stacks = sum(engine.reserved_bytes for engine in load_soc("siracusa").engines)
    with pytest.raises(DeeployError, match="even with the smallest tiles") as told:
        run_passes(module.clone(), pipeline(group, "siracusa", f" l1={stacks + 8}"))
    return int(re.findall(r"the smallest l1 that would do is (\d+) bytes", str(told.value))[0])


def pipeline(group: str, target: str, sizes: str = "") -> str:
    return (
        f"deeploy-attach-soc{{target={target}{sizes}}},convert-kernel-to-tiled,"
        f'deeploy-fuse-nests{{groups="{group}"}},deeploy-plan'
    )


@pytest.mark.parametrize("target", ["siracusa", "generic"])
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("seed", range(3))
def test_fused_groups_are_planned(group: str, seed: int, target: str) -> None:
    """With hardly any L1, the plan and all that is made of it computes what the kernels one by one do."""
    rng = np.random.default_rng([seed, len(group), 1])
    module, arrays = GROUPS[group](rng)
    expected = run_module(module, arrays)[0]
    l1 = f" l1={least_l1(module, group) + int(rng.integers(0, 500))}" if target == "siracusa" else ""
    run_passes(module, pipeline(group, target, l1))
    (nest,) = ops_of(module, NestOp)
    assert all(k.binding is not None and k.split is not None for k in nest.kernels)
    np.testing.assert_array_equal(run_module(module, arrays)[0], expected)
    for name in LOWERING:
        run_passes(module, name)
        np.testing.assert_array_equal(run_module(module, arrays)[0], expected, err_msg=name)
    run_passes(module, "deeploy-verify-plan")
