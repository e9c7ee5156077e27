"""Random single-operator graphs, several in one model, for fuzzing against `onnx.reference`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from deeploy_mlir.numpy_types import Array

OPSET = 19
Case = Callable[["Builder"], str]


@dataclass
class Builder:
    """A model under construction: nodes, weights, inputs with their values."""

    rng: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])
    weights: list[onnx.TensorProto] = field(default_factory=list[onnx.TensorProto])
    values: dict[str, Array] = field(default_factory=dict[str, Array])
    outputs: list[str] = field(default_factory=list[str])
    count: int = 0

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def number(self, low: int, high: int) -> int:
        """From `low` to `high`, both possible."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, values: Sequence[Any]) -> Any:
        return values[self.number(0, len(values) - 1)]

    def shape(self, rank: int, most: int = 6) -> tuple[int, ...]:
        return tuple(self.number(1, most) for _ in range(rank))

    def real(self, shape: Sequence[int]) -> Array:
        """Floats of few bits, so that sums are exact in any order."""
        return (self.rng.integers(-64, 65, shape) / 16).astype(np.float32)

    def input(self, array: Array) -> str:
        name = self.name("x")
        self.values[name] = array
        return name

    def constant(self, array: Any) -> str:
        name = self.name("w")
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def op(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        name = self.name("y")
        self.nodes.append(helper.make_node(op_type, list(inputs), [name], f"{op_type}_{name}", **attributes))
        return name

    def quantized(self, shape: Sequence[int]) -> str:
        """DequantizeLinear of an input with random parameters."""
        dtype = self.pick([np.int8, np.uint8])
        info = np.iinfo(dtype)
        x = self.input(self.rng.integers(info.min, info.max + 1, shape).astype(dtype))
        return self.op("DequantizeLinear", x, self.scale(), self.constant(dtype(self.number(info.min, info.max))))

    def scale(self) -> str:
        return self.constant(np.float32(2.0 ** self.number(-7, -3) * self.rng.uniform(1, 2)))

    def requantize(self, value: str, scale: float) -> str:
        dtype = self.pick([np.int8, np.uint8])
        zero = self.constant(dtype(self.number(0, 20)))
        return self.op("QuantizeLinear", value, self.constant(np.float32(scale)), zero)

    def model(self) -> onnx.ModelProto:
        """The model; its outputs have the types that shape inference finds."""
        inputs = [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in self.values.items()
        ]
        outputs = [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in self.outputs]
        graph = helper.make_graph(self.nodes, "fuzz", inputs, outputs, self.weights)
        for value in graph.output:
            value.ClearField("type")
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


def _window(b: Builder, dims: int) -> tuple[dict[str, Any], list[int]]:
    """Attributes of a window, and the least input sizes that it needs."""
    kernel = [b.number(1, 3) for _ in range(dims)]
    dilations = [b.number(1, 2) for _ in range(dims)]
    strides = [b.number(1, 3) for _ in range(dims)]
    pads = [b.number(0, k - 1) for k in kernel * 2]
    sizes = [max(1, d * (k - 1) + 1) + b.number(0, 5) for k, d in zip(kernel, dilations, strict=True)]
    return {"kernel_shape": kernel, "dilations": dilations, "strides": strides, "pads": pads}, sizes


def conv(b: Builder) -> str:
    dims, group = b.pick([1, 2, 2, 2]), b.pick([1, 1, 2, 3])
    attributes, sizes = _window(b, dims)
    channels, outs = group * b.number(1, 3), group * b.number(1, 4)
    x = b.input(b.real((b.number(1, 2), channels, *sizes)))
    w = b.constant(b.real((outs, channels // group, *attributes["kernel_shape"])))
    return b.op("Conv", x, w, *([b.constant(b.real((outs,)))] if b.number(0, 1) else []), group=group, **attributes)


def conv_transpose(b: Builder) -> str:
    group = b.pick([1, 1, 2])
    kernel, strides = [b.number(1, 3) for _ in range(2)], [b.number(1, 2) for _ in range(2)]
    channels, outs = group * b.number(1, 3), b.number(1, 3)
    x = b.input(b.real((1, channels, *b.shape(2))))
    w = b.constant(b.real((channels, outs, *kernel)))
    return b.op("ConvTranspose", x, w, kernel_shape=kernel, strides=strides, group=group)


def pool(b: Builder) -> str:
    attributes, sizes = _window(b, 2)
    x = b.input(b.real((1, b.number(1, 4), *sizes)))
    if b.number(0, 1):
        return b.op("MaxPool", x, **attributes)
    return b.op("AveragePool", x, count_include_pad=b.number(0, 1), **(attributes | {"dilations": [1, 1]}))


def matmul(b: Builder) -> str:
    m, k, n = b.number(1, 9), b.number(1, 20), b.number(1, 9)
    batch = b.pick([(), (2,), (2, 3)])
    left, right = b.real((*b.pick([batch, ()]), m, k)), b.real((*batch, k, n))
    return b.op("MatMul", b.input(left), b.pick([b.input, b.constant])(right))


def gemm(b: Builder) -> str:
    m, k, n, ta, tb = b.number(1, 9), b.number(1, 20), b.number(1, 9), b.number(0, 1), b.number(0, 1)
    a, w = b.real((k, m) if ta else (m, k)), b.real((n, k) if tb else (k, n))
    c = b.real(b.pick([(n,), (1, n), (m, 1), (m, n), ()]))
    attributes = {"transA": ta, "transB": tb, "alpha": b.pick([1.0, 0.5]), "beta": b.pick([1.0, 2.0])}
    return b.op("Gemm", b.input(a), b.constant(w), b.constant(c), **attributes)


def elementwise(b: Builder) -> str:
    shape = b.shape(b.number(1, 4), 5)
    other = tuple(b.pick([n, 1]) for n in shape)[b.number(0, len(shape) - 1) :]
    shapes = [shape, other] if b.number(0, 1) else [other, shape]
    kind = b.pick(["Add", "Sub", "Mul", "Max", "Min", "Less", "GreaterOrEqual", "Equal", "Div", "Where", "Mod"])
    if kind == "Mod":
        arrays = [b.rng.integers(-20, 20, shapes[0]), b.rng.integers(1, 9, shapes[1]) * b.pick([1, -1])]
        return b.op("Mod", *(b.input(a.astype(np.int32)) for a in arrays))
    first, second = (b.real(s) for s in shapes)
    if kind == "Div":
        second = np.where(second == 0, np.float32(1), second)
    if kind == "Where":
        return b.op("Where", b.input(b.rng.integers(0, 2, shape).astype(bool)), b.input(first), b.input(second))
    return b.op(kind, b.input(first), b.input(second))


def reduction(b: Builder) -> str:
    shape = b.shape(b.number(1, 4), 5)
    axes = b.rng.permutation(len(shape))[: b.number(1, len(shape))]
    kind = b.pick(["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceSumSquare"])
    x, keep = b.input(b.real(shape)), b.number(0, 1)
    if kind == "ReduceSum":
        return b.op(kind, x, b.constant(axes.astype(np.int64)), keepdims=keep)
    return b.op(kind, x, b.constant(axes.astype(np.int64)), keepdims=keep)


def rows(b: Builder) -> str:
    shape = b.shape(b.number(2, 3), 7)
    axis = b.number(-len(shape), len(shape) - 1)
    kind = b.pick(["Softmax", "LogSoftmax", "LayerNormalization", "ArgMax", "CumSum"])
    x = b.input(b.real(shape))
    if kind == "LayerNormalization":
        tail = shape[axis:]
        return b.op(kind, x, b.constant(b.real(tail)), b.constant(b.real(tail)), axis=axis)
    if kind == "CumSum":
        return b.op(kind, x, b.constant(np.int64(axis)), exclusive=b.number(0, 1), reverse=b.number(0, 1))
    return b.op(kind, x, axis=axis, **({"keepdims": b.number(0, 1)} if kind == "ArgMax" else {}))


def movement(b: Builder) -> str:
    shape = tuple(n + 1 for n in b.shape(b.number(2, 4), 4))
    x, rank = b.input(b.real(shape)), len(shape)
    for _ in range(b.number(1, 3)):
        kind = b.pick(["Transpose", "Slice", "Pad", "Concat"])
        if kind == "Transpose":
            perm = [int(p) for p in b.rng.permutation(rank)]
            x, shape = b.op("Transpose", x, perm=perm), tuple(shape[p] for p in perm)
        elif kind == "Slice":
            axis, step = b.number(0, rank - 1), b.pick([1, 2, -1])
            start, stop = (0, shape[axis]) if step > 0 else (shape[axis] - 1, -shape[axis] - 1)
            start += b.pick([0, step]) if shape[axis] > 2 else 0
            words = [b.constant(np.array([v], np.int64)) for v in (start, stop, axis, step)]
            x = b.op("Slice", x, *words)
            length = len(range(shape[axis])[slice(start, None if step < 0 else stop, step)])
            shape = (*shape[:axis], length, *shape[axis + 1 :])
        elif kind == "Pad":
            mode = b.pick(["constant", "edge", "reflect"])
            pads = [b.number(0, 2 if mode == "constant" else min(1, n - 1)) for n in shape * 2]
            x = b.op("Pad", x, b.constant(np.array(pads, np.int64)), mode=mode)
            shape = tuple(n + pads[i] + pads[i + rank] for i, n in enumerate(shape))
        else:
            axis = b.number(0, rank - 1)
            more = (*shape[:axis], b.number(1, 3), *shape[axis + 1 :])
            x = b.op("Concat", x, b.pick([b.input, b.constant])(b.real(more)), axis=axis)
            shape = (*shape[:axis], shape[axis] + more[axis], *shape[axis + 1 :])
    return x


def _weight(b: Builder, shape: Sequence[int], axis: int) -> tuple[str, Array]:
    """DequantizeLinear of constant weights, per tensor or by channel, and its scales."""
    count = shape[axis] if b.number(0, 1) else 1
    scales = (2.0 ** b.number(-8, -5) * b.rng.uniform(1, 2, count)).astype(np.float32)
    w = b.constant(b.rng.integers(-127, 128, shape).astype(np.int8))
    scale = b.constant(scales if count > 1 else scales.reshape(()))
    zero = b.constant(np.zeros(count if count > 1 else (), np.int8))
    return b.op("DequantizeLinear", w, scale, zero, axis=axis), scales


def qdq_conv(b: Builder) -> str:
    group = b.pick([1, 1, 2])
    attributes, sizes = _window(b, 2)
    channels, outs = group * b.number(1, 3), group * b.number(1, 4)
    w, _ = _weight(b, (outs, channels // group, *attributes["kernel_shape"]), 0)
    y = b.op("Conv", b.quantized((1, channels, *sizes)), w, group=group, **attributes)
    return b.requantize(b.op("Relu", y) if b.number(0, 1) else y, 0.05)


def qdq_matmul(b: Builder) -> str:
    m, k, n = b.number(1, 8), b.number(1, 24), b.number(1, 8)
    w, _ = _weight(b, (k, n), 1)
    return b.requantize(b.op("MatMul", b.quantized((m, k)), w), 0.1)


def qdq_binary(b: Builder) -> str:
    shape = b.shape(3, 5)
    kind = b.pick(["Add", "Sub", "Mul"])
    return b.requantize(b.op(kind, b.quantized(shape), b.quantized(tuple(b.pick([n, 1]) for n in shape))), 0.09)


def qlinear_matmul(b: Builder) -> str:
    m, k, n = b.number(1, 8), b.number(1, 24), b.number(1, 8)
    words: list[str] = []
    for shape in ((m, k), (k, n)):
        dtype = b.pick([np.int8, np.uint8])
        info = np.iinfo(dtype)
        array = b.rng.integers(info.min, info.max + 1, shape).astype(dtype)
        words += [b.input(array), b.scale(), b.constant(dtype(b.number(0, 20)))]
    dtype = b.pick([np.int8, np.uint8])
    return b.op("QLinearMatMul", *words, b.constant(np.float32(2.0)), b.constant(dtype(b.number(0, 20))))


FAMILIES: dict[str, tuple[Case, ...]] = {
    "convolution": (conv, conv_transpose, pool),
    "product": (matmul, gemm),
    "elementwise": (elementwise, reduction, rows),
    "movement": (movement,),
    "quantized": (qdq_conv, qdq_matmul, qdq_binary, qlinear_matmul),
}


def random_model(family: str, seed: int, cases: int) -> Builder:
    """A model with `cases` independent graphs of a family."""
    b = Builder(np.random.default_rng(seed))
    for _ in range(cases):
        b.outputs.append(b.pick(FAMILIES[family])(b))
    return b
