"""Networks as onnxruntime's quantiser writes them, in every format, against onnxruntime itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from xdsl.dialects.builtin import AnyFloat

from deeploy_mlir import compile as compile_model
from deeploy_mlir.dialects.graph_op import GraphOp, tensor_type
from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import graph_function, run_module
from deeploy_mlir.pipelines import GRAPH, QDQ, run_pipeline
from deeploy_mlir.program.npz import load_arrays
from deeploy_mlir.support.numpy_types import Array

from .by_onnxruntime import onnxruntime_session
from .float_networks import NETWORKS, Network

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
    # Unoptimised, QDQ is computed in floats, rounding by rounding; but products of uint8 would saturate.
    unsigned = fmt == "dynamic" or (fmt == "QOperator" and activation == "QUInt8")
    session = onnxruntime_session(onnx.load_model_from_string(path.read_bytes()), optimised=unsigned)
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


# Other architectures and options, on networks that cover the operators

LEFT = {"transformer": {"LayerNormalization"}}
"""Operators that stay float between two quantisations in networks of 8 bits, with fixed-point arithmetic."""

OPTIONS: dict[str, dict[str, Any]] = {
    "QDQ uint8": {"activation_type": "QUInt8"},
    "QDQ int8 by channel": {"per_channel": True},
    "QDQ uint8 weights": {"activation_type": "QUInt8", "weight_type": "QUInt8", "reduce_range": True},
    "QDQ int16": {"activation_type": "QInt16", "per_channel": True},
    "QDQ uint16": {"activation_type": "QUInt16", "weight_type": "QUInt8"},
    "QDQ 4-bit weights": {"activation_type": "QUInt8", "weight_type": "QInt4"},
    "QDQ weights with a pair": {"per_channel": True, "extra": {"AddQDQPairToWeight": True}},
    "QDQ bias in float": {"extra": {"QuantizeBias": False}},
    "QDQ pair for each": {"extra": {"DedicatedQDQPair": True}},
    "QDQ symmetric": {"extra": {"ActivationSymmetric": True, "WeightSymmetric": True}},
    "QDQ products in float": {"extra": {"OpTypesToExcludeOutputQuantization": ["MatMul", "Gemm", "Conv"]}},
    "QOperator uint8": {"fmt": "QOperator", "activation_type": "QUInt8"},
    "QOperator int8 by channel": {"fmt": "QOperator", "per_channel": True},
}
"""Arguments of quantize_static."""

QUICK = {"QDQ uint8", "QDQ int8 by channel", "QDQ int16", "QOperator int8 by channel"}


class Samples:
    """Calibration data of a network."""

    def __init__(self, network: Network) -> None:
        self._arrays = iter([{"x": network.sample(seed)} for seed in range(8)])

    def get_next(self) -> dict[str, Array] | None:
        """The next sample, None at the end."""
        return next(self._arrays, None)


def statically_quantized(path: Path, name: str, options: dict[str, Any]) -> tuple[Path, Network]:
    """A network of `float_networks` as onnxruntime quantises it."""
    tool: Any = pytest.importorskip("onnxruntime.quantization", reason="onnxruntime is not installed")
    network, output = NETWORKS[name]()
    source, out = path / "float.onnx", path / "quantized.onnx"
    source.write_bytes(network.model(output).SerializeToString())
    types = {k: tool.QuantType[options.get(k, "QInt8")] for k in ("activation_type", "weight_type")}
    flags = {k: v for k, v in options.items() if k in ("per_channel", "reduce_range")}
    tool.quantize_static(
        source, out, Samples(network), quant_format=tool.QuantFormat[options.get("fmt", "QDQ")], **types, **flags,
        extra_options=options.get("extra", {}),
    )  # fmt: skip
    return out, network


def lowered(path: Path, mode: str) -> Any:
    """The module after the graph passes with a way to requantise."""
    module = import_model(path)
    options = "{fixed-point=true}" if mode == "fixed-point" else ""
    run_pipeline(module, ",".join(f"{p}{options}" if p == QDQ else p for p in GRAPH))
    return module


def float_operators(module: Any) -> set[str]:
    """Types of operators with a float result, but for quantisation itself."""
    ops = [op for op in graph_function(module).body.block.ops if isinstance(op, GraphOp)]
    found = {op.op_type for op in ops if any(isinstance(tensor_type(r).element_type, AnyFloat) for r in op.results)}
    return found - {"QuantizeLinear", "DequantizeLinear"}


CASES = [
    pytest.param(name, option, marks=() if option in QUICK else pytest.mark.slow)
    for name in NETWORKS
    for option in OPTIONS
]


@pytest.mark.parametrize(("name", "option"), CASES)
def test_networks(tmp_path: Path, name: str, option: str, caplog: pytest.LogCaptureFixture) -> None:
    """Close to what the float text of the quantised network computes: a rounding at the edge of two steps may go
    either way there, and others follow. Of 8 bits nothing is left in float between two quantisations but `LEFT`."""
    path, network = statically_quantized(tmp_path, name, OPTIONS[option])
    written = import_model(path)
    exact = lowered(path, "exact")
    with caplog.at_level(logging.WARNING, logger="deeploy_mlir"):
        fixed = lowered(path, "fixed-point")
    narrow = "16" not in option
    for seed in range(20, 23):
        x = network.sample(seed)
        expected = run_module(written, [x])[0]
        for module in (exact, fixed):
            error: Array = np.abs(run_module(module, [x])[0] - expected) / np.abs(expected).max()
            assert error.max() <= (0.03 if narrow else 0.001)
            assert np.mean(error * error) <= (1e-4 if narrow else 1e-7)
    told = {op for op in float_operators(fixed) if f"{op} stays in float" in caplog.text}
    if narrow and "in float" not in option and "QOperator" not in option:
        assert told == LEFT.get(name, set())


@pytest.mark.parametrize(
    "name",
    ["gated", "decoder", *(pytest.param(n, marks=pytest.mark.slow) for n in ("residual", "branches", "transformer"))],
)
def test_networks_on_the_soc(tmp_path: Path, name: str) -> None:
    """Tiled for little L1, with fixed-point arithmetic: as the graph passes' module computes."""
    path, network = statically_quantized(tmp_path, name, OPTIONS["QDQ int8 by channel"])
    x = network.sample(30)
    program = compile_model(path, target="siracusa", l1="16KiB", requantize="fixed-point")
    (got,) = program.run({"x": x}).values()
    expected = run_module(lowered(path, "fixed-point"), [x])[0]
    np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max() if name != "transformer" else 0.02)
