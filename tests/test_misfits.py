"""Attributes, shapes and types that fit no kernel, and those that just do: a message or the right numbers."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import helper

from deeploy_mlir import api
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

from .test_frontend import Shape, data, model, node


def quantised(
    nodes: list[onnx.NodeProto], shape: Shape, zero: Array, extra: dict[str, Array] | None = None
) -> onnx.ModelProto:
    """DequantizeLinear of x, the nodes from f to g, QuantizeLinear to y; zero points of one type."""
    around = [node("DequantizeLinear", "x s z", "f"), *nodes, node("QuantizeLinear", "g s z", "y")]
    kind = int(helper.np_dtype_to_tensor_dtype(zero.dtype))
    constants = {"s": np.array(0.1, np.float32), "z": zero, **(extra or {})}
    return model(around, {"x": shape}, {"y": None}, constants, kind=kind)


def test_a_window_larger_than_its_image() -> None:
    """No element comes out of it, which is no network; with others beside it there is one."""
    proto = quantised([node("AveragePool", "f", "g", kernel_shape=[3, 3])], [1, 2, 2, 2], np.zeros((), np.int8))
    program = api.compile(proto, "generic")
    assert program.run({"x": np.zeros((1, 2, 2, 2), np.int8)})["y"].shape == (1, 2, 0, 0)


FLOAT8: list[Any] = [ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2]


@pytest.mark.parametrize("kind", FLOAT8)
@pytest.mark.parametrize("op", ["Conv", "MatMul", "Relu"])
def test_a_zero_point_of_float8(op: str, kind: Any) -> None:
    inputs = "f" if op == "Relu" else "f w"
    weights = {} if op == "Relu" else {"w": data(*((2, 2, 1, 1) if op == "Conv" else (4, 4)))}
    proto = quantised([node(op, inputs, "g")], [1, 2, 4, 4], np.zeros((), kind), weights)
    x: Array = data(1, 2, 4, 4).astype(kind)
    real = x.astype(np.float32) * np.float32(0.1)
    result = {
        "Relu": lambda: np.maximum(real, 0),
        "MatMul": lambda: real @ weights["w"],
        "Conv": lambda: np.einsum("nchw,mc->nmhw", real, weights["w"][:, :, 0, 0]),
    }[op]()
    found = api.compile(proto, "generic").run({"x": x})["y"]
    expected = (result / np.float32(0.1)).astype(kind).astype(np.float32)
    steps = np.abs(found.astype(np.float32) - expected) / np.maximum(np.abs(expected), 2**-6)
    # A sum may round to the next number of 8 bits, a quarter away.
    assert steps.max() <= 0.25 if op != "Relu" else not steps.any()


@pytest.mark.parametrize("size", [1, 3, 4, 100, 2**31, 2**62])
def test_lrn_over_more_channels_than_there_are(size: int) -> None:
    x = data(1, 3, 2, 2)
    proto = model([node("LRN", "x", "y", size=size, alpha=0.5)], {"x": [1, 3, 2, 2]}, {"y": None})
    expected = np.empty_like(x)
    for c in range(3):
        near = x[:, max(0, c - (size - 1) // 2) : c + size // 2 + 1]
        expected[:, c] = x[:, c] / (1 + 0.5 / size * (near**2).sum(1)) ** 0.75
    np.testing.assert_allclose(api.compile(proto, "generic").run({"x": x})["y"], expected, rtol=1e-5)


REFUSED: dict[str, tuple[onnx.NodeProto, dict[str, Shape], str]] = {
    "LRN of no channel": (node("LRN", "x", "y", size=0), {"x": [1, 3, 2]}, "has size = 0"),
    "LRN of minus one": (node("LRN", "x", "y", size=-1), {"x": [1, 3, 2]}, "has size = -1"),
    "DFT of 4 parts": (node("DFT", "x", "y"), {"x": [1, 4]}, r"signal of shape \[1, 4\]; its last axis must be 1"),
    "DFT of 3 parts": (node("DFT", "x", "y"), {"x": [1, 4, 3]}, "its last axis must be 1"),
    "GRU with a flat X": (
        node("GRU", "x w r", "y", hidden_size=2),
        {"x": [3, 4], "w": [1, 6, 4], "r": [1, 6, 2]},
        "each has 3 axes",
    ),
    "LSTM of another hidden size": (
        node("LSTM", "x w r", "y", hidden_size=3),
        {"x": [3, 1, 4], "w": [1, 8, 4], "r": [1, 8, 2]},
        "has hidden_size = 3, but R has 2 columns",
    ),
    "RNN with a short bias": (
        node("RNN", "x w r b", "y", hidden_size=2),
        {"x": [3, 1, 4], "w": [1, 2, 4], "r": [1, 2, 2], "b": [1, 3]},
        r"input 3 has shape \[1, 3\]; it must be \[1, 4\]",
    ),
    "GatherND with a batch of minus one": (
        node("GatherND", "x i", "y", batch_dims=-1),
        {"x": [2, 2]},
        "does not take these inputs and attributes|cannot be compiled with these inputs and attributes",
    ),
    "ArgMax of nothing": (node("ArgMax", "x", "y", axis=1), {"x": [2, 0, 3]}, "which has none"),
    "Trilu by a list": (node("Trilu", "x i2", "y"), {"x": [3, 3]}, "needs a tensor of 1 elements"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    nodes, inputs, message = REFUSED[name]
    constants = {"i": np.array([[0], [1]]), "i2": np.array([1, 1])}
    used = {key: value for key, value in constants.items() if key in nodes.input}
    with pytest.raises(DeeployError, match=message):
        api.compile(model([nodes], inputs, {"y": None}, used), "generic")
