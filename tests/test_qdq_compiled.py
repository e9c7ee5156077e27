"""Quantised operators in generated C: each operator's result by itself, on the host and on the emulated SoC."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from deeploy_mlir import compile as compile_model
from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import run_module
from deeploy_mlir.support.numpy_types import Array

from .qdq_graphs import Graph


def operators(graph: Graph, dtype: Any) -> list[str]:
    """Real results of quantised operators of every kind on tensors of one type."""
    x, other = graph.input((1, 4, 9, 8), dtype), graph.input((4, 1, 8), dtype)
    rows, column = graph.input((5, 24), dtype), graph.input((1, 4, 3, 1), dtype)
    full, scales = graph.weight((6, 4, 3, 3), 0)
    depthwise, _ = graph.weight((4, 1, 3, 3), 0)
    transposed, transposed_scale = graph.weight((4, 3, 2, 2), None)
    matrix, columns = graph.weight((24, 7), 1)
    vector = graph.constant(graph.rng.uniform(0.2, 2, (4, 1, 1)).astype(np.float32))
    bias = graph.constant(graph.rng.standard_normal(7).astype(np.float32))
    results = [
        graph.op("Relu", graph.op("Conv", x, full, graph.bias(x, scales, 6), pads=[1, 1, 1, 1])),
        graph.op("Conv", x, depthwise, group=4, strides=[2, 1]),
        graph.op("ConvTranspose", x, transposed, graph.bias(x, transposed_scale, 3), strides=[2, 2]),
        graph.op("Gemm", rows, matrix, graph.bias(rows, columns, 7)),
        graph.op("Add", graph.op("MatMul", rows, matrix), bias),
        graph.op("Add", x, other),
        graph.op("Mul", x, other),
        graph.op("Mul", graph.op("Add", x, vector), vector),
        graph.op("PRelu", x, vector),
        graph.op("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        graph.op("GlobalAveragePool", x),
        graph.op("ReduceSum", rows, graph.constant(np.array([1]))),
        graph.op("Concat", graph.op("MaxPool", x, kernel_shape=[2, 8]), column, axis=2),
        graph.op("Resize", x, "", graph.constant(np.array([1, 1, 2, 2], np.float32)), mode="nearest"),
        graph.op("Max", x, other),
    ]
    if np.dtype(dtype).itemsize == 1:
        results += [graph.op("Softmax", rows, axis=1), graph.op("HardSwish", x)]
    return results


def quantized_outputs(dtype: Any, seed: int) -> tuple[onnx.ModelProto, list[Array]]:
    """A model with one output for each operator, quantised to the type so that it fills the range, and inputs."""
    graph = Graph(seed)
    results, arrays = operators(graph, dtype), graph.sample()
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    values = run_module(import_model(float_model(graph, results)), arrays)
    names = [graph.quantize(real, value, dtype) for real, value in zip(results, values, strict=True)]
    proto = graph.model(names[0], kind)
    proto.graph.output.extend(helper.make_tensor_value_info(name, kind, None) for name in names[1:])
    return proto, arrays


def float_model(graph: Graph, results: list[str]) -> onnx.ModelProto:
    """The results before they are quantised."""
    proto = graph.model(results[0])
    proto.graph.output.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in results[1:])
    return proto


QUICK = {("siracusa", "fixed-point", "int8"), ("generic", "exact", "uint8"), ("siracusa", "exact", "int16")}
CASES = [
    pytest.param(t, m, d, marks=() if (t, m, d) in QUICK else pytest.mark.slow)
    for t in ("generic", "siracusa")
    for m in ("exact", "fixed-point")
    for d in ("int8", "uint8", "int16")
]


@pytest.mark.parametrize(("target", "mode", "dtype"), CASES)
def test_each_operator(target: str, mode: str, dtype: str) -> None:
    """Within one step everywhere, exactly equal but for what lies on the edge between two steps; in fixed-point
    arithmetic without a float."""
    proto, arrays = quantized_outputs(dtype, 11)
    expected = run_module(import_model(proto), arrays)
    limits: dict[str, Any] = {"l1": "20KiB"} if target == "siracusa" else {}
    program = compile_model(proto, target=target, requantize=mode, **limits)
    names = [tensor.name for tensor in program.network.inputs]
    outputs = program.run(dict(zip(names, arrays, strict=True)))
    for (name, got), wanted in zip(outputs.items(), expected, strict=True):
        steps = np.abs(got.astype(int) - wanted.astype(int))
        assert steps.max() <= 1, name
        assert np.mean(steps) < 0.03, name
    if mode == "fixed-point":
        for name, text in program.sources.items():
            # The header's functions quantise and dequantise what enters and leaves.
            if name.endswith(".c"):
                assert "float" not in text, name
                assert "double" not in text, name
