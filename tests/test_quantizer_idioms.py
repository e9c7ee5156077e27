"""What PyTorch, Brevitas, QONNX and 4-bit quantisers write, by hand: against the numbers that the operators define."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import graph_function, run_module
from deeploy_mlir.pipelines import GRAPH, run_pipeline
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

from .by_onnxruntime import onnxruntime_session
from .qdq_graphs import Graph, floats

QONNX = "qonnx.custom_op.general"
INTERFACE = {"onnx.QuantizeLinear", "onnx.DequantizeLinear"}


def float_input(graph: Graph, *shape: int) -> str:
    """A float input's name."""
    name = graph.name()
    graph.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))
    return name


def modules(proto: onnx.ModelProto) -> tuple[Any, Any]:
    """The network as it is written, and after the graph passes."""
    lowered = import_model(proto)
    run_pipeline(lowered, ",".join(GRAPH))
    return import_model(proto), lowered


def compare(proto: onnx.ModelProto, x: Array, step: float) -> Any:
    """The lowered module, which differs from the written one by one step of its result's scale at most, and rarely."""
    written, lowered = modules(proto)
    expected, got = run_module(written, [x])[0], run_module(lowered, [x])[0]
    steps = np.abs(got.astype(np.float64) - expected) / step
    assert steps.max() <= 1.001
    assert np.mean(steps > 0.5) < 0.05
    assert len(np.unique(expected)) > 4
    return lowered


def fake_quantized(graph: Graph, x: str, scale: float, zero: Any, bounds: tuple[int, int] | None = None) -> str:
    """QuantizeLinear, Clip to a narrow range if asked, DequantizeLinear."""
    parameters = graph.constant(np.float32(scale)), graph.constant(np.asarray(zero))
    q = graph.op("QuantizeLinear", x, *parameters)
    if bounds is not None:
        q = graph.op("Clip", q, *(graph.constant(np.asarray(b, np.asarray(zero).dtype)) for b in bounds))
    return graph.op("DequantizeLinear", q, *parameters)


@pytest.mark.parametrize("weights", ["integers", "float and per-channel pair", "no zero point"])
def test_pytorch_linear_and_convolution(weights: str) -> None:
    """Unsigned activations, signed weights by channel with the linear layer's transposed by an operator, a float bias,
    Relu after the convolution; weights as integers, or as floats with a QuantizeLinear of their own."""
    graph = Graph(1)
    x = fake_quantized(graph, float_input(graph, 2, 3, 8, 8), 0.03, np.uint8(120))

    def weight(*shape: int) -> str:
        scale = graph.constant(graph.rng.uniform(0.005, 0.02, shape[0]).astype(np.float32))
        zero = graph.constant(np.zeros(shape[0], np.int8))
        integers = graph.rng.integers(-127, 128, shape).astype(np.int8)
        if weights == "no zero point":
            return graph.op("DequantizeLinear", graph.constant(integers), scale, axis=0)
        value = graph.constant(integers)
        if weights != "integers":
            real = graph.constant((graph.rng.standard_normal(shape) * 0.4).astype(np.float32))
            value = graph.op("QuantizeLinear", real, scale, zero, axis=0)
        return graph.op("DequantizeLinear", value, scale, zero, axis=0)

    bias = graph.constant(graph.rng.standard_normal(4).astype(np.float32))
    y = graph.op("Relu", graph.op("Conv", x, weight(4, 3, 3, 3), bias))
    y = fake_quantized(graph, y, 0.05, np.uint8(0), (0, 127))
    y = graph.op("Reshape", y, graph.constant(np.array([2, -1])))
    y = graph.op("MatMul", y, graph.op("Transpose", weight(5, 144), perm=[1, 0]))
    y = graph.op("Add", graph.constant(graph.rng.standard_normal(5).astype(np.float32)), y)
    y = fake_quantized(graph, y, 0.6, np.uint8(128))
    rng = np.random.default_rng(0)
    lowered = compare(graph.model(y), rng.standard_normal((2, 3, 8, 8)).astype(np.float32), 0.6)
    assert set(floats(lowered)) == {"onnx.DequantizeLinear"}


def test_brevitas_qcdq() -> None:
    """Narrow ranges: 4-bit weights and activations kept in bytes, clipped between the pair; an i32 bias."""
    graph = Graph(2)
    x = fake_quantized(graph, float_input(graph, 4, 12), 0.25, np.int8(0), (-8, 7))
    scale = graph.constant(np.float32(0.1))
    integers = graph.constant(graph.rng.integers(-7, 8, (6, 12)).astype(np.int8))
    clipped = graph.op("Clip", integers, graph.constant(np.int8(-7)), graph.constant(np.int8(7)))
    w = graph.op("DequantizeLinear", clipped, scale, graph.constant(np.int8(0)))
    bias = graph.op(
        "DequantizeLinear", graph.constant(graph.rng.integers(-40, 40, 6).astype(np.int32)),
        graph.constant(np.float32(0.025)), graph.constant(np.int32(0)),
    )  # fmt: skip
    y = graph.op("Relu", graph.op("Gemm", x, w, bias, transB=1))
    y = fake_quantized(graph, y, 0.4, np.uint8(0), (0, 15))
    lowered = compare(graph.model(y), np.random.default_rng(0).standard_normal((4, 12)).astype(np.float32), 0.4)
    assert set(floats(lowered)) == {"onnx.DequantizeLinear"}


def qonnx_model(graph: Graph, y: str) -> onnx.ModelProto:
    """A model whose operators of QONNX are in their domain."""
    proto = graph.model(y)
    for node in proto.graph.node:
        if node.op_type in ("Quant", "BipolarQuant", "Trunc"):
            node.domain = QONNX
    proto.opset_import.append(helper.make_opsetid(QONNX, 1))
    return proto


def quant(
    graph: Graph, x: str, scale: Any, zero: float, bits: int, *, signed: int = 1, narrow: int = 0, mode: str = "ROUND"
) -> str:
    """QONNX's Quant."""
    parameters = (graph.constant(np.asarray(v, np.float32)) for v in (scale, zero, bits))
    return graph.op("Quant", x, *parameters, signed=signed, narrow=narrow, rounding_mode=mode)


def reference_quant(x: Array, scale: Any, zero: float, low: int, high: int) -> Array:
    """What QONNX defines."""
    return (np.clip(np.rint(x / np.asarray(scale, np.float32) + zero), low, high) - zero) * np.asarray(scale)


@pytest.mark.parametrize(
    ("bits", "signed", "narrow", "zero", "low", "high"),
    [
        (4, 1, 1, 0, -7, 7),
        (3, 0, 0, 2, 0, 7),
        (8, 1, 0, 5, -128, 127),
        (8, 0, 1, 0, 0, 254),
        (12, 1, 0, 0, -2048, 2047),
    ],
)
def test_qonnx_quant(bits: int, signed: int, narrow: int, zero: int, low: int, high: int) -> None:
    graph = Graph(3)
    y = quant(graph, float_input(graph, 3, 50), 0.11, zero, bits, signed=signed, narrow=narrow)
    x = (np.random.default_rng(1).standard_normal((3, 50)) * 20).astype(np.float32)
    expected = reference_quant(x, np.float32(0.11), zero, low, high)
    for module in modules(qonnx_model(graph, y)):
        np.testing.assert_allclose(run_module(module, [x])[0], expected, rtol=1e-6)


def test_qonnx_network() -> None:
    """Weights by channel and a bias of 24 bits as Quants of constants, a binary layer behind."""
    graph = Graph(4)
    x = quant(graph, float_input(graph, 1, 3, 6, 6), 0.05, 0, 8)
    scale = graph.rng.uniform(0.01, 0.1, (4, 1, 1, 1))
    w = quant(graph, graph.constant(graph.rng.standard_normal((4, 3, 3, 3)).astype(np.float32)), scale, 0, 4, narrow=1)
    b = quant(graph, graph.constant(graph.rng.standard_normal(4).astype(np.float32)), scale.reshape(4) * 0.05, 0, 24)
    y = quant(graph, graph.op("Relu", graph.op("Conv", x, w, b)), 0.1, 0, 6, signed=0)
    signs = graph.constant(graph.rng.standard_normal((64, 5)).astype(np.float32))
    binary = graph.op("BipolarQuant", signs, graph.constant(np.float32(0.2)))
    y = quant(graph, graph.op("MatMul", graph.op("Flatten", y), binary), 0.5, 0, 8)
    sample = np.random.default_rng(0).standard_normal((1, 3, 6, 6)).astype(np.float32)
    written, lowered = modules(qonnx_model(graph, y))
    np.testing.assert_allclose(run_module(lowered, [sample])[0], run_module(written, [sample])[0], atol=0.501)
    names = {op.name for op in graph_function(lowered).body.block.ops if isinstance(op, GraphOp)}
    assert {"onnx.ConvInteger", "onnx.MatMulInteger"} <= names
    assert not {"onnx.Conv", "onnx.MatMul"} & names


REFUSED: dict[str, Callable[[Graph, str], str]] = {
    "rounding_mode FLOOR": lambda g, x: quant(g, x, 0.1, 0, 8, mode="FLOOR"),
    "whole zero points": lambda g, x: quant(g, x, 0.1, 0.5, 8),
    "up to 16 bits": lambda g, x: quant(g, x, 0.1, 0, 20),
    "one for each index of an axis": lambda g, x: quant(g, x, np.full((3, 8), 0.1), 0, 8),
    "differs between versions": lambda g, x: g.op("Trunc", x, *(g.constant(np.float32(v)) for v in (1, 0, 8, 4))),
}
"""Operators of QONNX that are not taken, by words of the message."""


@pytest.mark.parametrize("message", REFUSED)
def test_qonnx_refusals(message: str) -> None:
    graph = Graph(5)
    y = REFUSED[message](graph, float_input(graph, 3, 8))
    with pytest.raises(DeeployError, match=message):
        import_model(qonnx_model(graph, y))


@pytest.mark.parametrize("kind", [TensorProto.INT4, TensorProto.UINT4])
@pytest.mark.parametrize("per_channel", [False, True])
def test_weights_of_four_bits(kind: int, per_channel: bool) -> None:
    graph = Graph(6)
    low, high = (-8, 8) if kind == TensorProto.INT4 else (0, 16)
    x = fake_quantized(graph, float_input(graph, 3, 10), 0.04, np.uint8(128))
    scale = graph.rng.uniform(0.05, 0.2, 4 if per_channel else ()).astype(np.float32)
    zeros = graph.rng.integers(low, high, scale.shape)
    w = graph.op("DequantizeLinear", "w", graph.constant(scale), "z", axis=1)
    y = fake_quantized(graph, graph.op("MatMul", x, w), 0.3, np.int8(0))
    proto = graph.model(y)
    for name, array in (("w", graph.rng.integers(low, high, (10, 4))), ("z", zeros)):
        proto.graph.initializer.append(helper.make_tensor(name, kind, array.shape, array.reshape(-1).tolist()))
    lowered = compare(proto, np.random.default_rng(0).standard_normal((3, 10)).astype(np.float32), 0.3)
    assert set(floats(lowered)) == {"onnx.DequantizeLinear"}


def test_activations_of_four_bits() -> None:
    """A QuantizeLinear whose zero point is UINT4 saturates at 15."""
    graph = Graph(7)
    x, scale = float_input(graph, 40), graph.constant(np.float32(0.1))
    y = graph.op("DequantizeLinear", graph.op("QuantizeLinear", x, scale, "z"), scale, "z")
    proto = graph.model(y)
    proto.graph.initializer.append(helper.make_tensor("z", TensorProto.UINT4, [], [3]))
    sample = np.linspace(-2, 3, 40, dtype=np.float32)
    expected = (np.clip(np.rint(sample / np.float32(0.1)) + 3, 0, 15) - 3) * np.float32(0.1)
    for module in modules(proto):
        np.testing.assert_allclose(run_module(module, [sample])[0], expected, rtol=1e-6)


def test_weights_in_blocks() -> None:
    """DequantizeLinear with a scale for each block of a column, as weight-only quantisers write: float weights."""
    graph = Graph(8)
    scale = graph.constant(graph.rng.uniform(0.05, 0.2, (4, 6)).astype(np.float32))
    integers = graph.rng.integers(-8, 8, (32, 6)).astype(np.int8)
    w = graph.op("DequantizeLinear", graph.constant(integers), scale, axis=0, block_size=8)
    y = graph.op("MatMul", float_input(graph, 3, 32), w)
    x = np.random.default_rng(0).standard_normal((3, 32)).astype(np.float32)
    expected = x @ (integers * np.repeat(graph.constants[scale], 8, axis=0))
    for module in modules(graph.model(y)):
        np.testing.assert_allclose(run_module(module, [x])[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("zeros", [None, "packed"])
def test_matmul_n_bits(bits: int, zeros: str | None) -> None:
    """Packed weights in blocks of 16 along K = 40, the last block incomplete; against onnxruntime."""
    rng = np.random.default_rng(bits)
    n, k, block = 6, 40, 16
    blocks = -(-k // block)
    arrays = {
        "B": rng.integers(0, 256, (n, blocks, block * bits // 8)).astype(np.uint8),
        "scales": rng.uniform(0.01, 0.1, n * blocks).astype(np.float32),
    }
    if zeros is not None:
        arrays["zeros"] = rng.integers(0, 256, n * -(-blocks * bits // 8)).astype(np.uint8)
    node = helper.make_node(
        "MatMulNBits", ["A", *arrays], ["Y"], "m", domain="com.microsoft", N=n, K=k, bits=bits, block_size=block
    )
    graph = helper.make_graph(
        [node], "n_bits", [helper.make_tensor_value_info("A", TensorProto.FLOAT, [2, k])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [2, n])],
        [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    a = rng.standard_normal((2, k)).astype(np.float32)
    (expected,) = onnxruntime_session(proto).run(None, {"A": a})
    np.testing.assert_allclose(run_module(import_model(proto), [a])[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("op", ["MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QLinearWhere"])
def test_other_operators_of_onnxruntime(op: str) -> None:
    """Against onnxruntime."""
    rng = np.random.default_rng(0)
    b, scale = rng.integers(-127, 128, (12, 5)).astype(np.int8), rng.uniform(0.01, 0.05, 5).astype(np.float32)
    zero, bias = np.zeros(5, np.int8), rng.standard_normal(5).astype(np.float32)
    x: Array = rng.standard_normal((4, 12)).astype(np.float32)
    kinds = TensorProto.FLOAT, TensorProto.FLOAT
    if op == "MatMulIntegerToFloat":
        x, kinds = rng.integers(0, 256, (4, 12)).astype(np.uint8), (TensorProto.UINT8, TensorProto.FLOAT)
        arrays = {"b": b, "xs": np.float32(0.02), "bs": scale, "xz": np.uint8(110), "bz": zero, "bias": bias}
        inputs = ["x", *arrays]
    elif op == "DynamicQuantizeMatMul":
        arrays = {"b": b, "bs": scale, "bz": zero, "bias": bias}
        inputs = ["x", *arrays]
    else:
        x, kinds = rng.integers(0, 256, (4, 12)).astype(np.uint8), (TensorProto.UINT8, TensorProto.UINT8)
        arrays = {
            "c": rng.integers(0, 2, (4, 12)).astype(bool), "xs": np.float32(0.02), "xz": np.uint8(110),
            "y": rng.integers(0, 256, (12,)).astype(np.uint8), "ys": np.float32(0.03), "yz": np.uint8(10),
            "zs": np.float32(0.04), "zz": np.uint8(60),
        }  # fmt: skip
        inputs = ["c", "x", "xs", "xz", "y", "ys", "yz", "zs", "zz"]
    graph = helper.make_graph(
        [helper.make_node(op, inputs, ["out"], "n", domain="com.microsoft")], "g",
        [helper.make_tensor_value_info("x", kinds[0], x.shape)], [helper.make_tensor_value_info("out", kinds[1], None)],
        [onnx.numpy_helper.from_array(np.asarray(a), name) for name, a in arrays.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    (expected,) = onnxruntime_session(proto).run(None, {"x": x})
    atol = 1 if op == "QLinearWhere" else 1e-4
    for module in modules(proto):
        got = run_module(module, [x])[0]
        np.testing.assert_allclose(got.astype(np.float64), expected.astype(np.float64), rtol=1e-4, atol=atol)


def test_convolution_of_one_axis_by_channel() -> None:
    """QLinearConv on [N, C, W] with a scale for each channel, which ONNX's reference evaluator does not broadcast."""
    rng = np.random.default_rng(0)
    names = ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"]
    arrays = [
        np.float32(0.02), np.uint8(120), rng.integers(-127, 128, (5, 3, 3)).astype(np.int8),
        rng.uniform(0.01, 0.05, 5).astype(np.float32), np.zeros(5, np.int8), np.float32(0.2), np.uint8(100),
        rng.integers(-500, 500, 5).astype(np.int32),
    ]  # fmt: skip
    graph = helper.make_graph(
        [helper.make_node("QLinearConv", names, ["y"], "q", pads=[1, 1])], "q",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 3, 20])],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, [1, 5, 20])],
        [onnx.numpy_helper.from_array(np.asarray(a), name) for name, a in zip(names[1:], arrays, strict=True)],
    )  # fmt: skip
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    x = rng.integers(0, 256, (1, 3, 20)).astype(np.uint8)
    written, lowered = (run_module(module, [x])[0].astype(int) for module in modules(proto))
    padded = np.pad(x.astype(float) - 120, ((0, 0), (0, 0), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=2)
    sums = np.einsum("ncwk,mck->nmw", windows, arrays[2].astype(float)) + arrays[7].reshape(5, 1)
    factor = 0.02 * arrays[3].astype(float).reshape(5, 1) / 0.2
    expected = np.clip(np.rint(sums * factor) + 100, 0, 255)
    assert np.abs(written - expected).max() <= 1
    assert np.abs(lowered - expected).max() <= 1
    assert np.mean(lowered == expected) > 0.97
