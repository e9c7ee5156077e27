"""Sums of many floats: errors against float64 are at most onnxruntime's, however long a sum is, whatever its terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from deeploy_mlir import compile as compile_model
from deeploy_mlir.kernels.generated import HOST, RV32, Tuning, long_sums, rows
from deeploy_mlir.kernels.generated.long_sums import Division, division
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.testing.native import Native, run_cases

from .test_kernel_to_c import compare, random_cases

Doubles = NDArray[np.float64]
ROWS, COLUMNS = 4, 3
ULP = 2.0**-23
KINDS = ("mixed", "positive", "far", "one huge")
LENGTHS = [
    pytest.param(n, marks=pytest.mark.slow if n not in (1009, 200_000) else ())
    for n in (100, 1000, 1009, 6625, 16384, 100_003, 200_000)
]


def sample(kind: str, length: int) -> Array:
    """Rows of one kind of data."""
    x = np.random.default_rng(length).standard_normal((ROWS, length))
    if kind == "positive":
        x = np.abs(x)
    if kind == "far":
        x += 100
    if kind == "one huge":
        x[:, length // 3] = 1e6
    return x.astype(np.float32)


def _softmax(x: Doubles) -> Doubles:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _log_softmax(x: Doubles) -> Doubles:
    shifted = x - x.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _normalised(x: Doubles) -> Doubles:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def weights(length: int) -> Array:
    return np.random.default_rng(1).standard_normal((length, COLUMNS)).astype(np.float32)


Reference = Callable[[Doubles, Doubles], tuple[Doubles, float]]
"""Of x and weights: the result in float64, and the size of terms that errors are measured by."""


def relative(function: Callable[[Doubles], Doubles]) -> Reference:
    """Errors in parts of the largest result."""

    def reference(x: Doubles, w: Doubles) -> tuple[Doubles, float]:
        result = function(x)
        return result, float(np.abs(result).max())

    return reference


def _mean(x: Doubles, w: Doubles) -> tuple[Doubles, float]:
    return x.mean(-1, keepdims=True), float(np.abs(x).mean(-1).max())


def _sum(x: Doubles, w: Doubles) -> tuple[Doubles, float]:
    return x.sum(-1, keepdims=True), float(np.abs(x).sum(-1).max())


def _product(x: Doubles, w: Doubles) -> tuple[Doubles, float]:
    return x @ w, float((np.abs(x) @ np.abs(w)).max())


def _columns(x: Doubles, w: Doubles) -> tuple[Doubles, float]:
    return x.mean(-1), float(np.abs(x).mean(-1).max())


def _root(x: Doubles) -> Doubles:
    return np.sqrt((x * x).sum(-1, keepdims=True))


OPERATORS: dict[str, tuple[list[tuple[str, list[str], dict[str, Any]]], Reference]] = {
    "Softmax": ([("Softmax", ["x"], {"axis": -1})], relative(_softmax)),
    "LogSoftmax": ([("LogSoftmax", ["x"], {"axis": -1})], relative(_log_softmax)),
    "LayerNormalization": ([("LayerNormalization", ["x", "one"], {"axis": -1})], relative(_normalised)),
    "InstanceNormalization": ([("InstanceNormalization", ["image", "ones", "zeros"], {})], relative(_normalised)),
    "MeanVarianceNormalization": (
        [("MeanVarianceNormalization", ["x"], {"axes": [1]})],
        relative(lambda x: (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)),
    ),
    "LpNormalization": ([("LpNormalization", ["x"], {"axis": -1, "p": 2})], relative(lambda x: x / _root(x))),
    "ReduceL2": ([("ReduceL2", ["x", "last"], {})], relative(_root)),
    "ReduceSumSquare": ([("ReduceSumSquare", ["x", "last"], {})], relative(lambda x: _root(x) ** 2)),
    "ReduceMean": ([("ReduceMean", ["x", "last"], {})], _mean),
    "ReduceSum": ([("ReduceSum", ["x", "last"], {})], _sum),
    "GlobalAveragePool": ([("GlobalAveragePool", ["image"], {})], _mean),
    "AveragePool": ([("AveragePool", ["image"], {"kernel_shape": ["length"]})], _mean),
    "mean of columns": ([("Transpose", ["x"], {}), ("ReduceMean", ["<", "first"], {"keepdims": 0})], _columns),
    "MatMul": ([("MatMul", ["x", "w"], {})], _product),
    "Gemm": ([("Gemm", ["x", "wt"], {"transB": 1})], _product),
    "Conv": ([("Unsqueeze", ["x", "last"], {}), ("Conv", ["<", "kernel"], {})], _product),
}
"""Nodes ("<": the one before), and what they compute."""


def model_of(length: int) -> onnx.ModelProto:
    """All operators on one input [rows, length]."""
    w = weights(length)
    constants = {
        "one": np.ones(length, np.float32),
        "ones": np.ones(ROWS, np.float32),
        "zeros": np.zeros(ROWS, np.float32),
        "first": np.array([0]),
        "last": np.array([-1]),
        "w": w,
        "wt": w.T,
        "kernel": np.ascontiguousarray(w.T).reshape(COLUMNS, length, 1),
    }
    nodes = [helper.make_node("Unsqueeze", ["x", "first"], ["image"])]
    outputs: list[str] = []
    for name, (steps, _) in OPERATORS.items():
        last = ""
        for number, (kind, inputs, attributes) in enumerate(steps):
            last = f"{name}_{number}".replace(" ", "_")
            before = nodes[-1].output[0]
            given: dict[str, Any] = {k: [length] if v == ["length"] else v for k, v in attributes.items()}
            nodes.append(helper.make_node(kind, [before if i == "<" else i for i in inputs], [last], None, **given))
        outputs.append(last)
    graph = helper.make_graph(
        nodes,
        "sums",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [ROWS, length])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.mark.parametrize("length", LENGTHS)
def test_errors_are_at_most_those_of_onnxruntime(length: int) -> None:
    """Or two and a half units in the last place of what they are measured by."""
    onnxruntime: Any = pytest.importorskip("onnxruntime")
    model, w = model_of(length), weights(length).astype(np.float64)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    with compile_model(model, target="generic").built() as run:
        for kind in KINDS:
            x = sample(kind, length)
            ours, theirs = run({"x": x}).outputs.values(), session.run(None, {"x": x})
            for name, got, other in zip(OPERATORS, ours, theirs, strict=True):
                wanted, size = OPERATORS[name][1](x.astype(np.float64), w)
                errors = [float(np.abs(a.reshape(wanted.shape) - wanted).max()) / size for a in (got, other)]
                assert errors[0] <= max(errors[1], 2.5 * ULP), (name, kind, errors)


@pytest.mark.parametrize("target", ["siracusa", "generic"])
def test_what_is_infinite_stays_so(target: str) -> None:
    """A total of long sums is infinite or NaN where the plain sum is; what rounding loses does not matter then."""
    length = 5000
    x = np.ones((ROWS, length), np.float32)
    x[0, 7], x[1, 4321], x[2, 300], x[2, 4000] = np.inf, -np.inf, np.inf, -np.inf
    x[3] = 3e38
    graph = helper.make_graph(
        [helper.make_node("ReduceSum", ["x", "axes"], ["y"]), helper.make_node("MatMul", ["x", "w"], ["z"])],
        "sums",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [ROWS, length])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "yz"],
        [
            numpy_helper.from_array(np.array([1]), "axes"),
            numpy_helper.from_array(np.ones((length, 2), np.float32), "w"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    y, z = compile_model(model, target=target).run({"x": x}).values()
    wanted = np.array([[np.inf], [-np.inf], [np.nan], [np.inf]])
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(z, np.repeat(wanted, 2, 1))


def test_a_row_of_equal_elements_has_no_deviation() -> None:
    """The mean of such a row may be off by a rounding, of which no variance below zero must come."""
    x = np.full((1, 1000), 0.1, np.float32)
    graph = helper.make_graph(
        [helper.make_node("LayerNormalization", ["x", "one"], ["y"], axis=-1, epsilon=1e-12)],
        "norm",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1000])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ones(1000, np.float32), "one")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    (y,) = compile_model(model, target="generic").run({"x": x}).values()
    assert np.abs(y).max() < 0.1


def test_loops_are_divided_into_runs() -> None:
    assert division([96], 64) is None
    assert division([16, 3, 3], 128) is None
    assert division([6625], 64) == Division(0, 53, 125)
    assert division([1009], 256, 4) == Division(0, 256, 4)
    assert division([512, 3, 3], 64) == Division(0, 7, 74)
    assert division([4, 512, 3], 64) == Division(1, 21, 100)
    assert division([None], 64, 4) == Division(0, 64, None)
    assert division([None, 9], 64) == Division(0, 7, None)


@pytest.mark.parametrize("kind", ["matmul", "conv", "pool", "reduce", "row"])
@pytest.mark.parametrize("tuning", [HOST, RV32], ids=["host", "rv32"])
def test_random_kernels_in_short_runs(kind: str, tuning: Tuning, tmp_path: Path, monkeypatch: Any) -> None:
    """As other random kernels, with runs of three terms and totals of two runs: every way to divide loops is taken."""
    monkeypatch.setattr(long_sums, "SUMS", 2)
    monkeypatch.setattr(rows, "RUN", 1)
    cases = random_cases(kind, 6, 8, 12)
    compare(cases, run_cases(cases, replace(tuning, run=3), tmp_path, Native(flags=("-O1",))))
