"""Small float networks, one for each family of architectures, to be quantised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from deeploy_mlir.support.numpy_types import Array

OPSET = 17


class Network:
    """A float graph under construction."""

    def __init__(self, seed: int, *shape: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.shape = shape
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, array: Any) -> str:
        """A constant's name."""
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def floats(self, *values: float) -> list[str]:
        """Scalars."""
        return [self.constant(np.float32(v)) for v in values]

    def ints(self, *values: int) -> str:
        """A vector of indices, axes or sizes."""
        return self.constant(np.asarray(values, np.int64))

    def normal(self, *shape: int, scale: float = 1.0) -> str:
        """Random weights."""
        return self.constant((self.rng.standard_normal(shape) * scale).astype(np.float32))

    def op(self, op_type: str, *inputs: str, outputs: int = 1, **attrs: Any) -> Any:
        """The output's name, or a list of them."""
        names = [f"t{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(op_type, list(inputs), names, f"{op_type}_{len(self.nodes)}", **attrs))
        return names[0] if outputs == 1 else names

    def conv(self, x: str, inputs: int, outputs: int, *kernel: int, stride: int = 1, group: int = 1) -> str:
        """A convolution with bias that keeps the size, but for the stride."""
        w = self.normal(outputs, inputs // group, *kernel, scale=1.4 / np.sqrt(inputs // group * np.prod(kernel)))
        pads = [k // 2 for k in kernel] * 2
        return self.op("Conv", x, w, self.normal(outputs, scale=0.1), group=group, pads=pads,
                       strides=[stride] * len(kernel), kernel_shape=list(kernel))  # fmt: skip

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        """MatMul and Add, as transformers are exported."""
        y = self.op("MatMul", x, self.normal(inputs, outputs, scale=1 / np.sqrt(inputs)))
        return self.op("Add", y, self.normal(outputs, scale=0.1))

    def model(self, output: str) -> onnx.ModelProto:
        """The model from `x` to this tensor."""
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)]
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)]
        graph = helper.make_graph(self.nodes, "net", inputs, outputs, self.weights)
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        return onnx.shape_inference.infer_shapes(proto)

    def sample(self, seed: int) -> Array:
        """A value of the input."""
        return np.random.default_rng(seed).standard_normal(self.shape).astype(np.float32)


def residual() -> tuple[Network, str]:
    """Blocks with a shortcut, one of them after a BatchNormalization that is not folded."""
    n = Network(1, 1, 3, 10, 10)
    a = n.op("Relu", n.conv("x", 3, 8, 3, 3))
    spread = n.constant(n.rng.uniform(0.5, 1.5, 8).astype(np.float32))
    b = n.op("BatchNormalization", n.conv(a, 8, 8, 3, 3), n.normal(8), n.normal(8), n.normal(8), spread)
    y = n.op("Relu", n.op("Add", n.op("Relu", b), a))
    y = n.op("Add", n.conv(y, 8, 12, 3, 3, stride=2), n.conv(y, 8, 12, 1, 1, stride=2))
    y = n.op("Flatten", n.op("GlobalAveragePool", y))
    return n, n.op("Gemm", y, n.normal(5, 12), n.normal(5), transB=1)


def inverted_residual() -> tuple[Network, str]:
    """Depthwise convolutions, Clip to [0, 6], an average pool, a softmax."""
    n = Network(2, 1, 3, 12, 12)
    zero, six = n.floats(0, 6)
    a = n.op("Clip", n.conv("x", 3, 8, 3, 3, stride=2), zero, six)
    b = n.op("Clip", n.conv(a, 8, 16, 1, 1), zero, six)
    b = n.op("Clip", n.conv(b, 16, 16, 3, 3, group=16), zero, six)
    y = n.op("AveragePool", n.op("Add", n.conv(b, 16, 8, 1, 1), a), kernel_shape=[6, 6])
    y = n.linear(n.op("Reshape", y, n.ints(1, -1)), 8, 5)
    return n, n.op("Softmax", y, axis=-1)


def branches() -> tuple[Network, str]:
    """Pools and convolutions joined, channels shuffled, padded, split."""
    n = Network(3, 1, 4, 9, 9)
    pool: dict[str, Any] = {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1]}
    parts = [n.op("Relu", n.conv("x", 4, 4, 1, 1)), n.conv("x", 4, 4, 3, 3), n.op("MaxPool", "x", **pool),
             n.op("AveragePool", "x", **pool)]  # fmt: skip
    y = n.op("Reshape", n.op("Concat", *parts, axis=1), n.ints(1, 4, 4, 9, 9))
    y = n.op("Reshape", n.op("Transpose", y, perm=[0, 2, 1, 3, 4]), n.ints(1, 16, 9, 9))
    left, right = n.op("Split", y, n.ints(8, 8), outputs=2, axis=1)
    y = n.op("Concat", n.op("LeakyRelu", n.conv(left, 8, 8, 3, 3), alpha=0.1), right, axis=1)
    y = n.op("Pad", y, n.ints(0, 0, 1, 1, 0, 0, 0, 0))
    return n, n.op("ReduceMean", n.conv(y, 16, 6, 3, 3, stride=2), axes=[2, 3], keepdims=0)


def gated() -> tuple[Network, str]:
    """Hard swish in one operator and in several, SiLU, squeeze and excitation."""
    n = Network(4, 1, 3, 8, 8)
    three, zero, six = n.floats(3, 0, 6)
    a = n.op("HardSwish", n.conv("x", 3, 8, 3, 3))
    b = n.conv(a, 8, 8, 3, 3, stride=2)
    b = n.op("Div", n.op("Mul", b, n.op("Clip", n.op("Add", b, three), zero, six)), six)
    s = n.op("HardSigmoid", n.conv(n.op("Relu", n.conv(n.op("GlobalAveragePool", b), 8, 4, 1, 1)), 4, 8, 1, 1))
    c = n.conv(n.op("Mul", b, s), 8, 6, 1, 1)
    c = n.op("Mul", c, n.op("Sigmoid", c))
    return n, n.op("Flatten", n.op("GlobalAveragePool", c))


def decoder() -> tuple[Network, str]:
    """Down, up by nearest neighbours and by a transposed convolution, with the skip connection."""
    n = Network(5, 1, 2, 8, 8)
    a = n.op("Relu", n.conv("x", 2, 6, 3, 3))
    b = n.op("Relu", n.conv(n.op("MaxPool", a, kernel_shape=[2, 2], strides=[2, 2]), 6, 8, 3, 3))
    up = n.op("Resize", b, "", n.constant(np.array([1, 1, 2, 2], np.float32)), mode="nearest",
              coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
    y = n.op("Relu", n.conv(n.op("Concat", up, a, axis=1), 14, 6, 3, 3))
    y = n.op("ConvTranspose", y, n.normal(6, 2, 2, 2, scale=0.4), n.normal(2), strides=[2, 2], kernel_shape=[2, 2])
    return n, n.op("Sigmoid", y)


def transformer() -> tuple[Network, str]:
    """A block of attention and a feed-forward layer with GELU."""
    n = Network(8, 1, 6, 16)
    one, half, root, step = n.floats(1, 0.5, np.sqrt(2), np.sqrt(8))
    h = n.op("LayerNormalization", "x", n.normal(16), n.normal(16))
    split = n.ints(1, 6, 2, 8)
    q, k, v = (n.op("Transpose", n.op("Reshape", n.linear(h, 16, 16), split), perm=[0, 2, 1, 3]) for _ in range(3))
    scores = n.op("Div", n.op("MatMul", q, n.op("Transpose", k, perm=[0, 1, 3, 2])), step)
    mixed = n.op("Transpose", n.op("MatMul", n.op("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
    y = n.op("Add", "x", n.linear(n.op("Reshape", mixed, n.ints(1, 6, 16)), 16, 16))
    f = n.linear(y, 16, 24)
    f = n.op("Mul", n.op("Mul", f, n.op("Add", n.op("Erf", n.op("Div", f, root)), one)), half)
    return n, n.op("Add", y, n.linear(f, 24, 16))


def audio() -> tuple[Network, str]:
    """One axis: strided and grouped convolutions, PRelu, a gate."""
    n = Network(11, 1, 1, 48)
    a = n.op("Relu", n.conv("x", 1, 8, 9, stride=2))
    a = n.op("PRelu", n.conv(a, 8, 8, 3, group=8), n.constant(np.full((8, 1), 0.2, np.float32)))
    a = n.op("MaxPool", a, kernel_shape=[2], strides=[2])
    y = n.op("Mul", n.op("Tanh", n.conv(a, 8, 6, 3)), n.op("Sigmoid", n.conv(a, 8, 6, 3)))
    return n, n.op("Flatten", n.op("GlobalAveragePool", y))


def recurrent() -> tuple[Network, str]:
    """A GRU, whose operator stays float, and a linear layer."""
    n = Network(10, 5, 1, 6)
    w, r, b = n.normal(1, 24, 6, scale=0.4), n.normal(1, 24, 8, scale=0.3), n.normal(1, 48, scale=0.1)
    y, _ = n.op("GRU", "x", w, r, b, outputs=2, hidden_size=8, linear_before_reset=1)
    return n, n.linear(n.op("Reshape", y, n.ints(5, 8)), 8, 4)


NETWORKS: dict[str, Callable[[], tuple[Network, str]]] = {
    f.__name__: f
    for f in (residual, inverted_residual, branches, gated, decoder, transformer, audio, recurrent)
}  # fmt: skip
"""The network and its output, by name."""
