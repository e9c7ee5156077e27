"""Fused groups as C: on Siracusa's simulator and on threads, where ThreadSanitizer watches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp

from deeploy_mlir.interpreters.run import run_module
from deeploy_mlir.ir.plan_report import plan_of
from deeploy_mlir.lowering.print_c import c_sources
from deeploy_mlir.machine.platform import configuration_of
from deeploy_mlir.machine.registry import load_soc
from deeploy_mlir.pipelines import PipelineOptions, pipeline_for, run_pipeline
from deeploy_mlir.program.network import network_of
from deeploy_mlir.program.program import Program
from deeploy_mlir.support.numpy_types import Array

from .fused_groups import GROUPS
from .test_fuse_nests import least_l1


def compiled(module: ModuleOp, group: str | None, l1: int | None) -> Program:
    """The program of a network on the kernel level, with or without the group in a nest."""
    network, module = network_of(module), module.clone()
    attach, rest = pipeline_for(PipelineOptions("siracusa", l1=l1)).split(",", 1)
    fuse = "" if group is None else f'deeploy-fuse-nests{{groups="{group}"}},'
    start = rest.index("deeploy-plan")
    pipeline = f"{attach},convert-kernel-to-tiled,{fuse}{rest[start:]}"
    run_pipeline(module, pipeline)
    plan = plan_of(module)
    assert plan is not None
    assert len(plan.steps) == 1 or group is None
    configuration = configuration_of(load_soc("siracusa"))
    return Program(network, "siracusa", module, plan, c_sources(module), pipeline, 0.0, configuration)


def both(group: str, seed: int, room: int) -> tuple[ModuleOp, dict[str, Array], Program, Program]:
    """A random network with its inputs, its program with `room` bytes of L1 more than fused it needs, and the one whose
    kernels have a nest each."""
    module, arrays = GROUPS[group](np.random.default_rng(seed))
    fused = compiled(module, group, least_l1(module, group) + room)
    named = {f"x{number}": array for number, array in enumerate(arrays)}
    return module, named, fused, compiled(module, None, None)


@settings(deadline=None, max_examples=3, derandomize=True)
@given(seed=st.integers(0, 1 << 32), room=st.integers(0, 2000))
@pytest.mark.parametrize("group", GROUPS)
def test_on_the_simulator(group: str, seed: int, room: int) -> None:
    module, arrays, fused, alone = both(group, seed, room)
    np.testing.assert_array_equal(fused.run(arrays)["y"], alone.run(arrays)["y"])
    if arrays["x0"].dtype.kind == "i":
        np.testing.assert_array_equal(fused.run(arrays)["y"], run_module(module, list(arrays.values()))[0])


@settings(deadline=None, max_examples=3, derandomize=True)
@given(seed=st.integers(0, 1 << 32), room=st.integers(0, 2000))
@pytest.mark.parametrize("group", GROUPS)
def test_on_threads(group: str, seed: int, room: int) -> None:
    _, arrays, fused, alone = both(group, seed, room)
    seen = fused.execute(arrays, "threads", sanitize=["thread"])
    np.testing.assert_array_equal(seen.outputs["y"], alone.run(arrays, "threads")["y"])
    assert "ThreadSanitizer" not in seen.stdout
