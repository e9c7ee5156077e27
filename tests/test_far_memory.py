"""Memories as a tree: what the host's memory has no room for lives in the one behind it, and comes nearer in blocks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest

import deeploy_mlir
from deeploy_mlir import api
from deeploy_mlir.dialects.tiled import NestOp
from deeploy_mlir.frontend import import_model
from deeploy_mlir.interpreters.run import RunOptions, run_module
from deeploy_mlir.ir.plan_report import Plan, plan_of
from deeploy_mlir.program.program import Program
from deeploy_mlir.support.numpy_types import Array

from .network_levels import ops_of, run_passes
from .test_frontend import model, node

TARGET = "siracusa-l3"
Network = tuple[onnx.ModelProto, list[Array], Array]


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(-8, 9, shape).astype(np.float32)


def large_weights() -> Network:
    """Two products with 64 KiB of weights each."""
    x, w, v = numbers(12, 64), numbers(64, 256, seed=1), numbers(256, 64, seed=2)
    nodes = [node("MatMul", "x w", "p"), node("Relu", "p", "q"), node("MatMul", "q v", "y")]
    proto = model(nodes, {"x": [12, 64]}, {"y": [12, 64]}, {"w": w, "v": v})
    return proto, [x], np.maximum(x @ w, 0) @ v


def large_activations() -> Network:
    """Two depthwise windows over 48 KiB between them, halos and all."""
    x = numbers(1, 8, 40, 36)
    nodes = [
        node("Mul", "x two", "a"),
        node("AveragePool", "a", "b", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
        node("MaxPool", "b", "y", kernel_shape=[4, 4], strides=[4, 4]),
    ]
    proto = model(nodes, {"x": [1, 8, 40, 36]}, {"y": None}, {"two": np.array([2], "f")})
    padded = np.pad(2 * x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    mean = sum(padded[:, :, i : i + 40, j : j + 36] for i in range(3) for j in range(3)) / np.float32(9)
    return proto, [x], mean.reshape(1, 8, 10, 4, 9, 4).max((3, 5))


NETWORKS: dict[str, tuple[Callable[[], Network], int, int]] = {
    "weights": (large_weights, 48_000, 24_000),
    "activations": (large_activations, 80_000, 16_000),
}
"""The network, and bytes of L2 and of L1 to run it with."""


def compiled(name: str, **options: int) -> Program:
    make, l2, l1 = NETWORKS[name]
    memories = {"wmem": 0, "l2": l2, "l1": l1, **options}
    return deeploy_mlir.compile(make()[0], target=TARGET, name=name, memories=memories)


@pytest.mark.parametrize("name", NETWORKS)
def test_blocks_come_through_the_host_memory(name: str) -> None:
    """Each level computes what the network means, and moves what the plan says."""
    make, l2, l1 = NETWORKS[name]
    proto, inputs, expected = make()
    module = import_model(proto)
    pipeline = api.pipeline_for(api.pipeline_options(TARGET, l1=l1, l2=l2, wmem=0)).split(",")
    run_passes(module, ",".join(pipeline[: pipeline.index("convert-tiled-to-mem")]))
    assert any(nest.inner is not None for nest in ops_of(module, NestOp))
    np.testing.assert_allclose(run_module(module, inputs)[0], expected, rtol=1e-5)
    for step in pipeline[pipeline.index("convert-tiled-to-mem") : pipeline.index("convert-cluster-to-c")]:
        run_passes(module, step)
        for options in (RunOptions(), RunOptions(copy_at_start=True, reverse_cores=True)):
            np.testing.assert_allclose(run_module(module, inputs, options=options)[0], expected, rtol=1e-5)
    plan = plan_of(module)
    assert plan is not None
    assert all(memory.used <= memory.capacity for memory in plan.memory)
    assert "l3" in {end for way in plan.traffic for end in (way.source, way.destination)}


def test_weights_come_once() -> None:
    plan = plan_of_program(compiled("weights"))
    away = [tensor for tensor in plan.far if tensor.kind == "constant"]
    assert away
    assert all(tensor.memory == "l3" and tensor.moved == tensor.bytes for tensor in away)
    assert all(tensor.kind == "constant" for tensor in plan.far)


def test_the_report_names_what_goes_out() -> None:
    plan = plan_of_program(compiled("activations"))
    assert any(tensor.kind == "activation" and tensor.moved >= 2 * tensor.bytes for tensor in plan.far)
    assert sum(t.moved for t in plan.far) == sum(w.bytes for w in plan.traffic if "l3" in (w.source, w.destination))


def test_what_fits_stays_near() -> None:
    plan = plan_of_program(compiled("weights", l2=400_000))
    assert plan.far == ()
    assert {memory.name: memory.used for memory in plan.memory}["l3"] == 0


def plan_of_program(program: Program) -> Plan:
    assert program.plan is not None
    return program.plan


@pytest.mark.parametrize("platform", ["siracusa-l3", "threads"])
@pytest.mark.parametrize("name", NETWORKS)
def test_it_runs(name: str, platform: str) -> None:
    program = compiled(name)
    (given,) = program.network.inputs
    _, inputs, expected = NETWORKS[name][0]()
    (found,) = program.run({given.name: inputs[0]}, platform).values()
    np.testing.assert_allclose(found, expected, rtol=1e-5)
