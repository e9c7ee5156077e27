"""Networks as onnxruntime's quantiser writes them, in every format, against onnxruntime itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.frontend import import_model
from deeploy_mlir.frontend.npz import load_arrays
from deeploy_mlir.interpreters.graph import graph_function, run_module
from deeploy_mlir.numpy_types import Array
from deeploy_mlir.pipelines import GRAPH, run_pipeline

DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits"
FLOAT_OPERATORS = {"onnx.Conv", "onnx.Gemm", "onnx.MatMul", "onnx.Relu"}


def samples() -> tuple[str, list[Array]]:
    """Name of the network's input, and images for it."""
    name = onnx.load_model_from_string((DIGITS / "digits.onnx").read_bytes()).graph.input[0].name
    (first, *_) = load_arrays(DIGITS / "inputs.npz").values()
    rng = np.random.default_rng(0)
    return name, [first.astype(np.float32), *(rng.uniform(0, 1, first.shape).astype(np.float32) for _ in range(7))]


class Reader:
    """Calibration data as onnxruntime asks for it."""

    def __init__(self) -> None:
        name, arrays = samples()
        self._arrays: Iterator[dict[str, Array]] = iter([{name: array} for array in arrays])

    def get_next(self) -> dict[str, Array] | None:
        """The next sample, None at the end."""
        return next(self._arrays, None)


def quantized(path: Path, *, fmt: str, activation: str, weight: str, per_channel: bool) -> Path:
    """The digits network quantised by onnxruntime."""
    tool: Any = pytest.importorskip("onnxruntime.quantization", reason="onnxruntime is not installed")
    out = path / "quantized.onnx"
    if fmt == "dynamic":
        tool.quantize_dynamic(DIGITS / "digits.onnx", out)
        return out
    tool.quantize_static(
        DIGITS / "digits.onnx",
        out,
        Reader(),
        quant_format=tool.QuantFormat[fmt],
        activation_type=tool.QuantType[activation],
        weight_type=tool.QuantType[weight],
        per_channel=per_channel,
    )
    return out


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("activation", ["QUInt8", "QInt8"])
@pytest.mark.parametrize("fmt", ["QOperator", "QDQ", "dynamic"])
def test_formats(tmp_path: Path, fmt: str, activation: str, per_channel: bool) -> None:
    """Statically quantised networks compute on integers alone, and all give what onnxruntime gives."""
    path = quantized(tmp_path, fmt=fmt, activation=activation, weight="QInt8", per_channel=per_channel)
    runtime: Any = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    module = import_model(path)
    run_pipeline(module, ",".join(GRAPH))
    operators = {op.name for op in graph_function(module).body.block.ops if isinstance(op, GraphOp)}
    if fmt != "dynamic":
        assert not operators & FLOAT_OPERATORS
    name, arrays = samples()
    for array in arrays:
        (expected,) = session.run(None, {name: array})
        # one step of the output's scale at most, and in all of these not even that
        np.testing.assert_allclose(run_module(module, [array])[0], expected, rtol=1e-5, atol=1e-5)
