"""The C of small networks is what stands in tests/golden, so that changes of generated code are seen in review.

`DEEPLOY_UPDATE_GOLDEN=1 pytest tests/test_golden_c.py` writes the files anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import deeploy_mlir

from .float_networks import Network, inverted_residual, residual
from .qdq_graphs import Graph, finish

GOLDEN = Path(__file__).parent / "golden"
DIGITS = Path(__file__).parent.parent / "examples" / "digits"
UPDATE = os.environ.get("DEEPLOY_UPDATE_GOLDEN") == "1"


def floats(shape: tuple[int, ...], build: Callable[[Network, str], str]) -> Callable[[], onnx.ModelProto]:
    """A network of one operator on one float input."""

    def make() -> onnx.ModelProto:
        net = Network(0, *shape)
        return net.model(build(net, "x"))

    return make


def quantized(shape: tuple[int, ...], build: Callable[[Graph, str], str]) -> Callable[[], onnx.ModelProto]:
    """A network of one operator between DequantizeLinear and QuantizeLinear, on one int8 input."""

    def make() -> onnx.ModelProto:
        graph = Graph(0)
        return finish(graph, build(graph, graph.input(shape, np.int8)), np.int8)[0]

    return make


def convolution(weights: tuple[int, ...], axis: int | None = 0, **attrs: Any) -> Callable[[Graph, str], str]:
    """A convolution with weights of these shapes, quantised by channel, and a bias."""

    def build(graph: Graph, x: str) -> str:
        w, scale = graph.weight(weights, axis)
        return graph.op("Conv", x, w, graph.bias(x, scale, weights[0]), **attrs)

    return build


def dense(graph: Graph, x: str) -> str:
    """A fully connected layer with a bias."""
    w, scale = graph.weight((24, 10), 1)
    return graph.op("Gemm", x, w, graph.bias(x, scale, 10))


MODELS: dict[str, tuple[str, str | None, Callable[[], onnx.ModelProto]]] = {
    "conv_int8": ("siracusa", None, quantized((1, 4, 9, 9), convolution((8, 4, 3, 3), pads=[1, 1, 1, 1]))),
    "conv_int8_tiled": ("siracusa", "6KiB", quantized((1, 4, 24, 24), convolution((8, 4, 3, 3)))),
    "conv_int8_host": ("generic", None, quantized((1, 4, 9, 9), convolution((8, 4, 3, 3), pads=[1, 1, 1, 1]))),
    "depthwise_int8": ("siracusa", None, quantized((1, 8, 9, 9), convolution((8, 1, 3, 3), group=8))),
    "pointwise_int8": ("siracusa", None, quantized((1, 16, 5, 5), convolution((8, 16, 1, 1)))),
    "dense_int8": ("siracusa", None, quantized((4, 24), dense)),
    "maxpool_int8": (
        "siracusa",
        None,
        quantized((1, 8, 8, 8), lambda g, x: g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])),
    ),
    "averagepool_int8": ("siracusa", None, quantized((1, 8, 7, 7), lambda g, x: g.op("GlobalAveragePool", x))),
    "add_int8": ("siracusa", None, quantized((4, 50), lambda g, x: g.op("Add", x, g.input((4, 50), np.int8)))),
    "sigmoid_int8": ("siracusa", None, quantized((4, 50), lambda g, x: g.op("Sigmoid", x))),
    "conv_f32_host": ("generic", None, floats((1, 4, 9, 9), lambda n, x: n.conv(x, 4, 8, 3, 3))),
    "matmul_f32_host": ("generic", None, floats((6, 24), lambda n, x: n.linear(x, 24, 10))),
    "matmul_f32": ("siracusa", None, floats((6, 24), lambda n, x: n.linear(x, 24, 10))),
    "softmax_f32": ("siracusa", None, floats((4, 50), lambda n, x: n.op("Softmax", x, axis=-1))),
    "layernorm_f32": (
        "siracusa",
        None,
        floats((4, 32), lambda n, x: n.op("LayerNormalization", x, n.normal(32), n.normal(32))),
    ),
    "reducemean_f32": ("siracusa", None, floats((8, 40), lambda n, x: n.op("ReduceMean", x, axes=[1], keepdims=0))),
    "gelu_f32": ("siracusa", None, floats((4, 50), lambda n, x: n.op("Gelu", x))),
    "transpose_f32": ("siracusa", None, floats((6, 5, 4), lambda n, x: n.op("Transpose", x, perm=[2, 0, 1]))),
    "pad_reflect_f32": (
        "generic",
        None,
        floats((3, 20), lambda n, x: n.op("Pad", x, n.ints(0, 4, 0, 4), mode="reflect")),
    ),
    "resize_f32": (
        "siracusa",
        None,
        floats(
            (1, 3, 6, 6),
            lambda n, x: n.op("Resize", x, "", n.constant(np.array([1, 1, 2, 2], np.float32)), mode="nearest"),
        ),
    ),
    "digits_int8": (
        "siracusa",
        "64KiB",
        lambda: onnx.ModelProto.FromString((DIGITS / "digits_int8.onnx").read_bytes()),
    ),
    "residual": ("siracusa", "16KiB", lambda: residual()[0].model(residual()[1])),
    "inverted_residual": ("generic", None, lambda: inverted_residual()[0].model(inverted_residual()[1])),
}
"""Name -> target, L1 to use at most, and the network."""


@pytest.mark.parametrize("name", list(MODELS))
def test_c_is_what_it_was(name: str) -> None:
    target, l1, make = MODELS[name]
    program = deeploy_mlir.compile(make(), target=target, name=name, l1=l1)
    text, file = program.sources[f"{name}.c"], GOLDEN / f"{name}.c"
    if UPDATE:
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text(), f"{file} differs; is the change meant? The module says how to write it anew"


def test_no_file_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.glob("*.c")} == set(MODELS)
