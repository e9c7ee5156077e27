"""Integer networks give the same bits on every target, with every compiler and at every level of optimisation."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from deeploy_mlir import compile as compile_model
from deeploy_mlir.program.program import Program
from deeploy_mlir.support.numpy_types import Array

from .qdq_graphs import Graph
from .test_qdq_compiled import quantized_outputs

ZIG = shlex.join([sys.executable, "-m", "ziglang", "cc"])
FUSING = "-mfma" if os.uname().machine == "x86_64" else ""
"""Makes the compiler free to fuse a product with a sum, where its language mode allows that."""
COMPILERS = {
    "gcc": "gcc",
    "gcc-O0": "gcc -O0",
    "gcc, free to fuse": f"gcc -ffp-contract=fast {FUSING}",
    "gcc -march=native": "gcc -march=native",
    "clang": "clang",
    "clang -march=native": "clang -march=native",
    "zig": f"{ZIG} {FUSING}",
}


def linear_operators() -> tuple[onnx.ModelProto, Array]:
    """onnxruntime's QLinear operators on random data, as far as they have kernels of their own, and an input."""
    rng = np.random.default_rng(3)
    nodes: list[onnx.NodeProto] = []
    weights: dict[str, Array] = {}

    def constant(value: Any) -> str:
        weights[f"c{len(weights)}"] = np.asarray(value)
        return f"c{len(weights) - 1}"

    def scaled(low: float, high: float) -> list[str]:
        return [constant(np.float32(rng.uniform(low, high))), constant(np.uint8(rng.integers(90, 160)))]

    def node(kind: str, inputs: list[str], **attributes: Any) -> str:
        domain = "" if kind in ("QLinearConv", "QLinearMatMul") else "com.microsoft"
        nodes.append(helper.make_node(kind, inputs, [f"t{len(nodes)}"], domain=domain, **attributes))
        return nodes[-1].output[0]

    xs = scaled(0.02, 0.03)
    kernel = constant(rng.integers(0, 255, (6, 4, 3, 3)).astype(np.uint8))
    ys, zs = scaled(0.4, 0.6), scaled(0.4, 0.6)
    y = node("QLinearConv", ["x", *xs, kernel, *scaled(0.01, 0.02), *ys], pads=[1, 1, 1, 1])
    z = node("QLinearAdd", [y, *ys, y, *ys, *zs])
    z = node("QLinearMul", [z, *zs, y, *ys, *scaled(6, 9)])
    matrix = constant(rng.integers(0, 255, (8, 5)).astype(np.uint8))
    product = node("QLinearMatMul", [y, *ys, matrix, *scaled(0.01, 0.02), *scaled(1, 2)])
    pooled = node("QLinearGlobalAveragePool", [y, *ys, *scaled(0.3, 0.5)], channels_last=0)
    sigmoid = node("QLinearSigmoid", [y, *ys, *scaled(0.003, 0.005)])
    graph = helper.make_graph(
        nodes,
        "qlinear",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 4, 9, 8])],
        [helper.make_tensor_value_info(name, TensorProto.UINT8, None) for name in (z, product, pooled, sigmoid)],
        [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets), rng.integers(0, 255, (1, 4, 9, 8)).astype(np.uint8)


def all_pairs() -> tuple[onnx.ModelProto, list[Array]]:
    """Quantised operators on all pairs of bytes, and inputs. Scales are such that many results lie between two steps,
    where a rounding more or less decides."""
    graph = Graph(5)
    zero = graph.constant(np.int8(0))

    def scale(value: float) -> str:
        return graph.constant(np.float32(value))

    x, y = graph.input((256, 1), np.int8), graph.input((1, 256), np.int8)
    for node, step in zip(graph.nodes, (0.1, 0.05), strict=True):
        node.input[1:] = [scale(step), zero]
    factor = graph.constant(np.linspace(0.5, 2, 256, dtype=np.float32).reshape(256, 1))
    reals = [graph.op(kind, x, y) for kind in ("Add", "Sub", "Mul")]
    reals.append(graph.op("Add", graph.op("Mul", y, factor), factor))
    names = [
        graph.op("QuantizeLinear", real, scale(step), zero)
        for real, step in zip(reals, (0.1, 0.1, 0.01, 0.05), strict=True)
    ]
    model = graph.model(names[0], TensorProto.INT8)
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.INT8, None) for name in names[1:])
    ramp = np.arange(-128, 128).astype(np.int8)
    return model, [ramp.reshape(256, 1), ramp.reshape(1, 256)]


def network(family: str) -> tuple[onnx.ModelProto, list[Array]]:
    """A model with an output for each operator of a family, and inputs."""
    if family == "qlinear":
        model, x = linear_operators()
        return model, [x]
    if family == "pairs":
        return all_pairs()
    return quantized_outputs(family.removeprefix("qdq "), 11)


def on_host(program: Program, inputs: Mapping[str, Array], platform: str, compiler: str, monkeypatch: Any) -> list[Any]:
    monkeypatch.setenv("DEEPLOY_CC", compiler)
    return list(program.run(inputs, platform).values())


@pytest.mark.parametrize(
    "family",
    ["pairs", "qdq int8", "qlinear", pytest.param("qdq uint8", marks=pytest.mark.slow)],
)
def test_all_give_the_same_bits(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, arrays = network(family)
    programs = {target: compile_model(model, target=target) for target in ("siracusa", "generic")}
    names = [tensor.name for tensor in programs["generic"].network.inputs]
    inputs = dict(zip(names, arrays, strict=True))
    expected = list(programs["siracusa"].run(inputs).values())
    native = "clang -march=native" if shutil.which("clang") is not None else "gcc -march=native"
    results = {"threads": on_host(programs["siracusa"], inputs, "threads", native, monkeypatch)}
    for name, compiler in COMPILERS.items():
        if shutil.which(compiler.split()[0]) is not None:
            results[name] = on_host(programs["generic"], inputs, "host", compiler, monkeypatch)
    for name, outputs in results.items():
        for number, (output, wanted) in enumerate(zip(outputs, expected, strict=True)):
            differing = int(np.count_nonzero(output != wanted))
            assert differing == 0, f"{name}: output {number} differs in {differing} of {output.size} elements"
