"""The peer suite's networks through the whole compiler: compiled, built, run, compared.

By default the smaller leaves on the host and, with 64 KiB of L1, on the simulator; with the `slow` ones, every leaf on
both, the simulator with less L1 and without double buffering too, and the host builds under sanitizers.
"""

from __future__ import annotations

import shlex
import shutil
import time
from typing import Any

import numpy as np
import onnx
import pytest

import deeploy_mlir
from deeploy_mlir import api
from deeploy_mlir.machine.toolchain import ZIG_CC
from deeploy_mlir.program.comparison import compare_outputs
from deeploy_mlir.program.execution import Execution
from deeploy_mlir.program.npz import load_arrays
from deeploy_mlir.program.program import Program

from .peer_suite import Leaf, all_leaves, suite, within

SMALL, FEW = 300_000, 60
"""Multiply-accumulates and nodes up to which a leaf is run by default."""

COMPILE_SECONDS = 5.0
"""Of processor time for a network of up to `MANY` nodes, so that other work on the machine does not count."""
MANY = 100

BUDGETS = {"64KiB": 64 * 1024, "16KiB": 16 * 1024}

pytestmark = pytest.mark.skipif(not all_leaves(), reason=f"the peer suite is not at {suite()}; set DEEPLOY_SHARED")
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="the sanitizers are those of gcc")


def quick(leaf: Leaf) -> bool:
    return leaf.macs <= SMALL and leaf.nodes <= FEW


def configurations() -> list[Any]:
    """Leaf, L1 size and double buffering; what is not quick is marked slow."""
    found: list[Any] = []
    for leaf in all_leaves():
        for l1 in BUDGETS:
            for double in (True, False):
                marks = [] if quick(leaf) and l1 == "64KiB" and double else [pytest.mark.slow]
                name = f"{leaf.path}-{l1}-{'double' if double else 'single'}"
                found.append(pytest.param(leaf, l1, double, id=name, marks=marks))
    return found


def leaves() -> list[Any]:
    """Every leaf; what is not quick is marked slow."""
    return [pytest.param(leaf, id=leaf.path, marks=[] if quick(leaf) else [pytest.mark.slow]) for leaf in all_leaves()]


def compile_leaf(leaf: Leaf, target: str, **options: Any) -> Program:
    folder = suite() / leaf.path
    started = time.process_time()
    program = deeploy_mlir.compile(folder / "network.onnx", target, types_from=folder / "inputs.npz", **options)
    assert leaf.nodes > MANY or time.process_time() - started < COMPILE_SECONDS
    return program


def run_and_compare(
    program: Program, leaf: Leaf, platform: str | None = None, sanitize: tuple[str, ...] = ()
) -> Execution:
    folder = suite() / leaf.path
    inputs = api.match_inputs(program.network, folder / "inputs.npz")
    golden = api.match_outputs(program.network, folder / "outputs.npz")
    execution = program.execute(inputs, platform, sanitize)
    comparisons = compare_outputs(execution.outputs, golden, leaf.tolerance)
    assert [c for c in comparisons if not c.match] == []
    assert len(comparisons) == len(program.network.outputs)
    assert execution.warnings == ""
    return execution


@pytest.mark.parametrize("leaf", leaves())
def test_on_the_host(leaf: Leaf) -> None:
    program = compile_leaf(leaf, "generic")
    run_and_compare(program, leaf)


@pytest.mark.parametrize(("leaf", "l1", "double"), configurations())
def test_on_siracusa(leaf: Leaf, l1: str, double: bool) -> None:
    program = within(BUDGETS[l1], lambda size: compile_leaf(leaf, "siracusa", l1=size, double_buffer=double))
    for memory in program.plan.memory:
        assert memory.used <= memory.capacity
    assert program.plan.solver is not None
    assert program.plan.solver.bound <= program.plan.solver.objective * (1 + 1e-9)
    execution = run_and_compare(program, leaf)
    assert execution.linked["l1"] <= {m.name: m.used for m in program.plan.memory}["l1"]


ON_HOST = [("generic", "host"), ("siracusa", "threads")]


@pytest.mark.slow
@pytest.mark.parametrize("leaf", leaves())
@pytest.mark.parametrize(("target", "platform"), ON_HOST)
def test_with_clang_as_the_host_compiler(
    leaf: Leaf, target: str, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPLOY_CC", shlex.join(ZIG_CC))
    run_and_compare(compile_leaf(leaf, target), leaf, platform)


@needs_gcc
@pytest.mark.slow
@pytest.mark.parametrize("leaf", leaves())
@pytest.mark.parametrize("sanitize", [("address", "undefined"), ("thread",)], ids="+".join)
@pytest.mark.parametrize(("target", "platform"), ON_HOST)
def test_under_sanitizers(leaf: Leaf, target: str, platform: str, sanitize: tuple[str, ...]) -> None:
    run_and_compare(compile_leaf(leaf, target), leaf, platform, sanitize)


WITH_ACTIVATIONS = [
    pytest.param(leaf, id=leaf.path)
    for leaf in all_leaves()
    if leaf.weak and (suite() / leaf.path / "activations.npz").is_file()
]


@pytest.mark.parametrize("leaf", WITH_ACTIVATIONS)
@pytest.mark.parametrize("target", ["generic", pytest.param("siracusa", marks=pytest.mark.slow)])
def test_activations_where_the_output_says_little(leaf: Leaf, target: str) -> None:
    """The requantised activation of every layer, made an output of the network, against the stored ones."""
    folder = suite() / leaf.path
    model = onnx.ModelProto.FromString((folder / "network.onnx").read_bytes())
    outputs = {o.name for o in model.graph.output}
    inner = [n.output[0] for n in model.graph.node if n.op_type == "RequantShift" and n.output[0] not in outputs]
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in inner)
    program = deeploy_mlir.compile(model, target, types_from=folder / "inputs.npz", name="activations")
    got = program.run(api.match_inputs(program.network, folder / "inputs.npz"))
    stored = [array for name, array in load_arrays(folder / "activations.npz").items() if "_act_pass_" in name]
    assert len(stored) == len(inner) + len(outputs)
    for name, array in zip([*inner, *outputs], stored, strict=True):
        np.testing.assert_array_equal(got[name].reshape(-1), array.reshape(-1), err_msg=name)
