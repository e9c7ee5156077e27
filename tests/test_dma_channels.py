"""Steps with more operands than a DMA has channels: transfers are waited for when channels run out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64

from deeploy_mlir import api
from deeploy_mlir.dialects.soc import DmaOp
from deeploy_mlir.frontend import import_model
from deeploy_mlir.interpreters.run import RunOptions, run_module
from deeploy_mlir.machine.registry import load_soc
from deeploy_mlir.support.numpy_types import Array

from .network_levels import run_passes
from .test_frontend import Shape, model, node

OPTIONS = RunOptions(), RunOptions(copy_at_start=True, reverse_cores=True)
Network = tuple[onnx.ModelProto, list[Array], Array]


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(-8, 9, shape).astype(np.float32)


def sum_of_many() -> Network:
    xs = [numbers(4, 20, seed=i) for i in range(19)]
    inputs: dict[str, Shape] = {f"x{i}": [4, 20] for i in range(19)}
    return model([node("Sum", " ".join(inputs), "y")], inputs, {"y": [4, 20]}), xs, np.sum(xs, 0)


def antialias() -> Network:
    """A mean of 12 neighbours: thrice as many operands."""
    x = numbers(1, 1, 24, 4)
    nodes = [node("Resize", "x _ s", "y", antialias=1, mode="linear")]
    proto = model(nodes, {"x": [1, 1, 24, 4]}, {"y": None}, {"s": np.array([1, 1, 1 / 6, 1], "f")})
    (expected,) = cast(Any, ReferenceEvaluator(proto)).run(None, {"x": x})
    return proto, [x], expected


def two_products() -> Network:
    """Products and a sum of their results, tiled."""
    x, z = numbers(48, 24), numbers(48, 32, seed=3)
    w, b = numbers(24, 32, seed=1), numbers(32, seed=2)
    nodes = [node("MatMul", "x w", "p"), node("Add", "p b", "q"), node("Mul", "q z", "y")]
    proto = model(nodes, {"x": [48, 24], "z": [48, 32]}, {"y": [48, 32]}, {"w": w, "b": b})
    return proto, [x, z], (x @ w + b) * z


NETWORKS: list[Callable[[], Network]] = [sum_of_many, antialias, two_products]


def compiled(proto: onnx.ModelProto, channels: int, room: int) -> ModuleOp:
    """The network just before it becomes C, for a DMA of so many channels and `room` bytes of L1 beside the stacks."""
    module = import_model(proto)
    stacks = sum(engine.reserved_bytes for engine in load_soc("siracusa").engines)
    pipeline = api.pipeline_for(api.pipeline_options("siracusa", l1=stacks + room)).split(",")
    run_passes(module, pipeline[0])
    for dma in [op for op in module.walk() if isinstance(op, DmaOp) and op.same_as_attr is None]:
        dma.properties["channels"] = IntegerAttr(channels, i64)
    run_passes(module, ",".join(pipeline[1 : pipeline.index("convert-cluster-to-c")]))
    return module


@pytest.mark.parametrize("room", [3_000, 16_000])
@pytest.mark.parametrize("channels", [1, 2, 4, 16])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda f: f.__name__)
def test_no_more_transfers_than_channels(network: Callable[[], Network], channels: int, room: int) -> None:
    """`deeploy-verify-plan` and the interpreter both count the transfers in flight."""
    proto, inputs, expected = network()
    module = compiled(proto, channels, room)
    for options in OPTIONS:
        (found,) = run_module(module, inputs, options=options)
        np.testing.assert_allclose(found, expected, atol=1e-5 * float(np.abs(expected).max()))
