"""Model files that nobody should be able to compile, by name; all made here, none stored.

`BAD` gives the bytes of each. They are broken, contradict themselves, or ask for more than any machine has."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
HUGE = 2**40

Node = onnx.NodeProto
Input = onnx.ValueInfoProto
Weights = Mapping[str, Any]


def node(op_type: str, inputs: Sequence[str], outputs: Sequence[str] | None = None, **attributes: Any) -> Node:
    """A node, its output `y` if nothing else is said."""
    return helper.make_node(op_type, list(inputs), list(outputs or ["y"]), f"{op_type}_node", **attributes)


def tensor_input(name: str, shape: Sequence[int | str] | None, element: int = FLOAT) -> Input:
    return helper.make_tensor_value_info(name, element, None if shape is None else list(shape))


def graph_of(
    nodes: Sequence[Node],
    inputs: Sequence[Input] | None = None,
    outputs: Sequence[str] = ("y",),
    weights: Weights | None = None,
    name: str = "graph",
) -> onnx.GraphProto:
    """A graph; one input `x` of [4] floats if nothing else is said; outputs of no declared type."""
    tensors = [
        w if isinstance(w, TensorProto) else numpy_helper.from_array(np.asarray(w), k)
        for k, w in (weights or {}).items()
    ]
    found = [tensor_input("x", [4])] if inputs is None else list(inputs)
    values = [helper.make_empty_tensor_value_info(output) for output in outputs]
    return helper.make_graph(list(nodes), name, found, values, tensors)


def model_of(
    nodes: Sequence[Node],
    inputs: Sequence[Input] | None = None,
    outputs: Sequence[str] = ("y",),
    weights: Weights | None = None,
    opset: int = 20,
    functions: Sequence[onnx.FunctionProto] = (),
) -> onnx.ModelProto:
    """A model of one graph; see `graph_of`."""
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("local", 1), helper.make_opsetid("com.microsoft", 1)]
    graph = graph_of(nodes, inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=9)


def i64(*values: int) -> Any:
    return np.array(values, np.int64)


def raw_tensor(name: str, dims: Sequence[int], data: bytes, element: int = FLOAT) -> TensorProto:
    """An initializer with whatever dimensions and bytes."""
    proto = TensorProto(name=name, data_type=element, raw_data=data)
    proto.dims.extend(dims)
    return proto


def _relu_of(x: Input) -> onnx.ModelProto:
    return model_of([node("Relu", ["x"])], [x])


def _with_weight(proto: TensorProto) -> onnx.ModelProto:
    return model_of([node("Add", ["x", "w"])], weights={"w": proto})


def _on_constants(op_type: str, weights: Weights, **attributes: Any) -> onnx.ModelProto:
    """An operator on constants, added to the input."""
    return model_of([node(op_type, list(weights), ["big"], **attributes), node("Add", ["x", "big"])], weights=weights)


def _on_x(op_type: str, shape: Sequence[int], weights: Weights | None = None, **attributes: Any) -> onnx.ModelProto:
    """An operator on an input of this shape, and constants."""
    names = ["x", *(weights or {})]
    return model_of([node(op_type, names, **attributes)], [tensor_input("x", shape)], weights=weights)


# ---- bytes ----


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _nested_bytes() -> bytes:
    """A graph in an attribute of a node of a graph ..., 5000 deep: fields 7 (graph), 1 (node), 5 (attribute), 6 (g)."""
    data = b""
    for _ in range(5000):
        for field in (6, 5, 1):
            data = bytes([field << 3 | 2]) + _varint(len(data)) + data
    return bytes([7 << 3 | 2]) + _varint(len(data)) + data


def _digits_cut() -> bytes:
    whole = model_of([node("MatMul", ["x", "w"])], [tensor_input("x", [1, 64])], weights={"w": np.ones((64, 64), "f")})
    return whole.SerializeToString()[:-1000]


BYTES: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "zeros": lambda: bytes(4096),
    "text": lambda: b"this is no model\n" * 100,
    "random": lambda: np.random.default_rng(0).bytes(65536),
    "elf": lambda: b"\x7fELF" + bytes(1000),
    "zip": lambda: b"PK\x03\x04" + bytes(1000),
    "truncated": _digits_cut,
    "length of 2 GiB": lambda: bytes([7 << 3 | 2]) + _varint(2**31 - 2) + b"\x0a\x02ab",
    "length of 2^63": lambda: bytes([7 << 3 | 2]) + _varint(2**63 - 1) + b"\x0a\x02ab",
    "nested messages": _nested_bytes,
    "group end": lambda: struct.pack("BB", 0x0C, 0x3C) * 100,
}

# ---- dimensions ----


def _doubled(op_type: str, rounds: int, **attributes: Any) -> onnx.ModelProto:
    """Each node doubles the size of its operand."""
    nodes = [
        helper.make_node(op_type, [f"v{i}"] * 2, [f"v{i + 1}"], f"double_{i}", **attributes) for i in range(rounds)
    ]
    nodes += [node("ReduceSum", [f"v{rounds}"])]
    return model_of(nodes, weights={"v0": np.ones(4, np.float32)})


def _sparse(dims: Sequence[int], indices: Any, values: Any) -> onnx.ModelProto:
    model = model_of([node("Add", ["x", "w"])])
    sparse = helper.make_sparse_tensor(
        numpy_helper.from_array(np.asarray(values), "w"), numpy_helper.from_array(i64(*indices), "w_i"), list(dims)
    )
    model.graph.sparse_initializer.append(sparse)
    return model


DIMENSIONS: dict[str, Callable[[], onnx.ModelProto]] = {
    "input of 2^62": lambda: _relu_of(tensor_input("x", [2**62])),
    "input of 2^63 - 1": lambda: _relu_of(tensor_input("x", [2**63 - 1, 2**63 - 1])),
    "input negative": lambda: _relu_of(tensor_input("x", [4, -4])),
    "input of wrapped size": lambda: _relu_of(tensor_input("x", [2**32, 2**32, 2])),
    "input of rank 10000": lambda: _relu_of(tensor_input("x", [1] * 10000)),
    "input of 2^30": lambda: _relu_of(tensor_input("x", [2**30, 1])),
    "empty input with a huge side": lambda: _relu_of(tensor_input("x", [0, 2**62])),
    "weight of huge dims": lambda: _with_weight(raw_tensor("w", [HUGE], b"abcd")),
    "weight of wrapped dims": lambda: _with_weight(raw_tensor("w", [2**32, 2**32], b"")),
    "weight of wrapped dims and data": lambda: _with_weight(raw_tensor("w", [2**62 + 1, 4], bytes(16))),
    "weight of negative dims": lambda: _with_weight(raw_tensor("w", [-1, 4], bytes(16))),
    "weight with too few bytes": lambda: _with_weight(raw_tensor("w", [4], bytes(15))),
    "weight with too many bytes": lambda: _with_weight(raw_tensor("w", [4], bytes(2**20))),
    "weight without bytes": lambda: _with_weight(raw_tensor("w", [4], b"")),
    "sparse of huge dims": lambda: _sparse([HUGE, HUGE], [0], np.ones(1, np.float32)),
    "sparse index outside": lambda: _sparse([4], [9], np.ones(1, np.float32)),
    "sparse index negative": lambda: _sparse([4], [-9], np.ones(1, np.float32)),
    "sparse with too few indices": lambda: _sparse([4], [1], np.ones(3, np.float32)),
    "ConstantOfShape": lambda: _on_constants("ConstantOfShape", {"s": i64(HUGE)}),
    "ConstantOfShape of 2^27": lambda: _on_constants("ConstantOfShape", {"s": i64(2**27)}),
    "ConstantOfShape negative": lambda: _on_constants("ConstantOfShape", {"s": i64(-4)}),
    "Expand": lambda: _on_constants("Expand", {"a": np.float32(1), "s": i64(HUGE)}),
    "Expand of x": lambda: _on_x("Expand", [1], {"s": i64(2**31, 2**31)}),
    "Tile": lambda: _on_constants("Tile", {"a": np.ones(4, np.float32), "s": i64(HUGE)}),
    "Tile negative": lambda: _on_x("Tile", [4], {"s": i64(-3)}),
    "Tile of x": lambda: _on_x("Tile", [4], {"s": i64(2**62)}),
    "Range": lambda: _on_constants("Range", {"a": np.float32(0), "b": np.float32(1e12), "c": np.float32(1)}),
    "Range by 0": lambda: _on_constants("Range", {"a": np.int64(0), "b": np.int64(9), "c": np.int64(0)}),
    "Range by 0.0": lambda: _on_constants("Range", {"a": np.float32(0), "b": np.float32(9), "c": np.float32(0)}),
    "Range of NaN": lambda: _on_constants("Range", {"a": np.float32("nan"), "b": np.float32(9), "c": np.float32(1)}),
    "Range of int64": lambda: _on_constants(
        "Range", {"a": np.int64(-(2**63)), "b": np.int64(2**63 - 1), "c": np.int64(1)}
    ),
    "Pad": lambda: _on_x("Pad", [4], {"p": i64(HUGE, HUGE)}),
    "Pad constant": lambda: _on_constants("Pad", {"a": np.ones(4, np.float32), "p": i64(2**62, 2**62)}),
    "Pad negative": lambda: _on_x("Pad", [4], {"p": i64(-9, -9)}),
    "Resize": lambda: _on_x("Resize", [1, 1, 4, 4], {"r": np.zeros(0, "f"), "s": np.array([1, 1, 1e9, 1e9], "f")}),
    "Resize by NaN": lambda: _on_x(
        "Resize", [1, 1, 4, 4], {"r": np.zeros(0, "f"), "s": np.array([1, 1, np.nan, 2], "f")}
    ),
    "Resize by 0": lambda: _on_x("Resize", [1, 1, 4, 4], {"r": np.zeros(0, "f"), "s": np.array([1, 1, 0, 2], "f")}),
    "OneHot": lambda: model_of(
        [node("OneHot", ["i", "d", "v"])],
        [tensor_input("i", [4], INT64)],
        weights={"d": np.int64(HUGE), "v": np.array([0, 1], np.float32)},
    ),
    "EyeLike": lambda: _on_x("EyeLike", [2**15, 2**16]),
    "HannWindow": lambda: _on_constants("HannWindow", {"n": np.int64(HUGE)}),
    "MelWeightMatrix": lambda: _on_constants(
        "MelWeightMatrix",
        {"n": np.int64(2**30), "d": np.int64(2**30), "r": np.int64(8000), "l": np.float32(0), "u": np.float32(4000)},
    ),
    "DFT": lambda: _on_x("DFT", [1, 4, 1], {"n": np.int64(HUGE)}),
    "Col2Im": lambda: _on_x("Col2Im", [1, 4, 4], {"s": i64(HUGE, HUGE), "b": i64(2, 2)}),
    "AffineGrid": lambda: _on_x("AffineGrid", [1, 2, 3], {"s": i64(1, 1, 2**32, 2**32)}),
    "RoiAlign": lambda: model_of(
        [node("RoiAlign", ["x", "r", "b"], output_height=2**31, output_width=2**31)],
        [tensor_input("x", [1, 1, 4, 4])],
        weights={"r": np.array([[0, 0, 1, 1]], "f"), "b": i64(0)},
    ),
    "Split into 2^30": lambda: _on_x("Split", [2**30], axis=0, num_outputs=2**30),
    "ConvTranspose of huge stride": lambda: _on_x(
        "ConvTranspose", [1, 1, 4, 4], {"w": np.ones((1, 1, 3, 3), "f")}, strides=[HUGE, HUGE]
    ),
    "ConvTranspose of stride 2^14": lambda: _on_x(
        "ConvTranspose", [1, 1, 2, 2], {"w": np.ones((1, 1, 3, 3), "f")}, strides=[2**14, 2**14]
    ),
    "ConvTranspose of huge output padding": lambda: _on_x(
        "ConvTranspose", [1, 1, 4], {"w": np.ones((1, 1, 3), "f")}, output_padding=[HUGE]
    ),
    "Conv of huge pads": lambda: _on_x(
        "Conv", [1, 1, 4, 4], {"w": np.ones((1, 1, 3, 3), "f")}, pads=[2**30, 2**30, 2**30, 2**30]
    ),
    "Conv of huge pads and strides": lambda: _on_x(
        "Conv", [1, 1, 4, 4], {"w": np.ones((1, 1, 3, 3), "f")}, pads=[2**40] * 4, strides=[2**40] * 2
    ),
    "MaxPool of huge kernel": lambda: _on_x("MaxPool", [1, 1, 4, 4], kernel_shape=[2**31, 2**31], pads=[2**30] * 4),
    "AveragePool of huge kernel": lambda: _on_x(
        "AveragePool", [1, 1, 4], kernel_shape=[HUGE], pads=[HUGE, HUGE], strides=[HUGE], count_include_pad=1
    ),
    "LpPool of huge dilation": lambda: _on_x(
        "MaxPool", [1, 1, 4], kernel_shape=[2], pads=[2**33, 2**33], dilations=[2**34]
    ),
    "Einsum of many letters": lambda: model_of(
        [node("Einsum", ["x", "x"], equation="abcdefghijklm,nopqrstuvwxyz->abcdefghijklmnopqrstuvwxyz")],
        [tensor_input("x", [3] * 13)],
    ),
    "Einsum of long sum": lambda: model_of(
        [node("Einsum", ["x"] * 6, equation="abcd,efgh,ijkl,mnop,qrst,uvwx->")], [tensor_input("x", [8] * 4)]
    ),
    "Concat doubled": lambda: _doubled("Concat", 60, axis=0),
    "Concat doubled of 2^30": lambda: _doubled("Concat", 28, axis=0),
    "RNN of huge hidden": lambda: model_of(
        [node("RNN", ["x", "w", "r"], ["", "y"], hidden_size=HUGE)],
        [tensor_input("x", [2, 1, 3])],
        weights={"w": np.ones((1, 4, 3), "f"), "r": np.ones((1, 4, 4), "f")},
    ),
    "LSTM of negative hidden": lambda: model_of(
        [node("LSTM", ["x", "w", "r"], ["", "y"], hidden_size=-4)],
        [tensor_input("x", [2, 1, 3])],
        weights={"w": np.ones((1, 16, 3), "f"), "r": np.ones((1, 16, 4), "f")},
    ),
    "GRU of 2^20 steps": lambda: model_of(
        [node("GRU", ["x", "w", "r"], ["", "y"], hidden_size=4)],
        [tensor_input("x", [2**20, 1, 3])],
        weights={"w": np.ones((1, 12, 3), "f"), "r": np.ones((1, 12, 4), "f")},
    ),
    "TopK of huge k": lambda: _on_x("TopK", [4], {"k": i64(HUGE)}),
    "Gather of huge index": lambda: _on_x("Gather", [4], {"i": i64(HUGE)}),
    "MatMul of 2^20": lambda: model_of(
        [node("MatMul", ["a", "b"])], [tensor_input("a", [2**20, 1]), tensor_input("b", [1, 2**20])]
    ),
    "broadcast of 2^40": lambda: model_of(
        [node("Add", ["a", "b"])], [tensor_input("a", [2**20, 1]), tensor_input("b", [1, 2**20])]
    ),
    "DepthToSpace of huge block": lambda: _on_x("DepthToSpace", [1, 4, 2, 2], blocksize=2**31),
    "SpaceToDepth by 0": lambda: _on_x("SpaceToDepth", [1, 4, 2, 2], blocksize=0),
    "Reshape to huge": lambda: _on_x("Reshape", [4], {"s": i64(2**62, 4, -1)}),
    "Einsum of bytes": lambda: _on_x("Einsum", [4], equation=b"\xff\xfe"),
    "Einsum of digits": lambda: _on_x("Einsum", [4], equation="1->1"),
    "Einsum without an end": lambda: _on_x("Einsum", [4], equation="i->-"),
    "Einsum of half an ellipsis": lambda: _on_x("Einsum", [4], equation="..->i"),
    "Einsum of too many terms": lambda: _on_x("Einsum", [4], equation="i,j->ij"),
    "GlobalMaxPool of nothing": lambda: _on_x("GlobalMaxPool", [1, 2, 0]),
    "Reshape to more elements": lambda: _on_x("Reshape", [4], {"s": i64(2, 3)}),
    "Reshape by two unknowns": lambda: _on_x("Reshape", [4], {"s": i64(-1, -1)}),
    "Slice by 0": lambda: _on_x("Slice", [4], {"a": i64(0), "b": i64(4), "c": i64(0), "d": i64(0)}),
    "NonZero of x": lambda: _on_x("NonZero", [4]),
}

# ---- attributes and operands that contradict each other ----


def _conv(**attributes: Any) -> onnx.ModelProto:
    return _on_x("Conv", [1, 4, 8, 8], {"w": np.ones((6, 2, 3, 3), "f")}, **{"group": 2, **attributes})


def _quantized(scale: Any, zero: Any = None, **attributes: Any) -> onnx.ModelProto:
    nodes = [node("QuantizeLinear", ["x", "s", "z"], ["q"], **attributes), node("DequantizeLinear", ["q", "s", "z"])]
    return model_of(nodes, [tensor_input("x", [2, 4])], weights={"s": scale, "z": np.int8(0) if zero is None else zero})


def _layer(op_type: str, shape: Sequence[int], *weights: Any, **attributes: Any) -> onnx.ModelProto:
    named = {f"w{i}": np.ones(w, np.float32) for i, w in enumerate(weights)}
    return _on_x(op_type, shape, named, **attributes)


CONTRADICTIONS: dict[str, Callable[[], onnx.ModelProto]] = {
    "Conv with stride 0": lambda: _conv(strides=[0, 0]),
    "Conv with negative stride": lambda: _conv(strides=[-1, 1]),
    "Conv with dilation 0": lambda: _conv(dilations=[0, 1]),
    "Conv with negative pads": lambda: _conv(pads=[-9, -9, -9, -9]),
    "Conv with another kernel": lambda: _conv(kernel_shape=[5, 5]),
    "Conv with kernel 0": lambda: _conv(kernel_shape=[0, 0]),
    "Conv with negative kernel": lambda: _conv(kernel_shape=[-3, -3]),
    "Conv with group 0": lambda: _conv(group=0),
    "Conv with negative group": lambda: _conv(group=-2),
    "Conv with another group": lambda: _conv(group=3),
    "Conv with too few strides": lambda: _conv(strides=[1]),
    "Conv with too many pads": lambda: _conv(pads=[1] * 6),
    "Conv with bad auto_pad": lambda: _conv(auto_pad="SIDEWAYS"),
    "Conv with a short bias": lambda: _layer("Conv", [1, 4, 8, 8], (6, 4, 3, 3), (5,)),
    "Conv with a matrix as bias": lambda: _layer("Conv", [1, 4, 8, 8], (6, 4, 3, 3), (6, 1)),
    "Conv on a vector": lambda: _layer("Conv", [4], (6, 4, 3, 3)),
    "Conv with a kernel of 0": lambda: _layer("Conv", [1, 4, 8, 8], (6, 4, 0, 3)),
    "MaxPool with stride 0 and SAME": lambda: _on_x(
        "MaxPool", [1, 1, 8, 8], kernel_shape=[2, 2], strides=[0, 1], auto_pad="SAME_LOWER"
    ),
    "ScatterElements of fewer updates": lambda: _on_x(
        "ScatterElements", [4, 4], {"i": np.zeros((4, 4), np.int64), "u": np.ones((2, 3), "f")}
    ),
    "ScatterND of fewer updates": lambda: _on_x(
        "ScatterND", [4, 4], {"i": np.zeros((3, 1), np.int64), "u": np.ones((2, 4), "f")}
    ),
    "GatherElements of another rank": lambda: _on_x("GatherElements", [4, 4], {"i": i64(0, 1)}),
    "MaxPool with stride 0": lambda: _on_x("MaxPool", [1, 1, 8, 8], kernel_shape=[2, 2], strides=[0, 0]),
    "MaxPool with kernel 0": lambda: _on_x("MaxPool", [1, 1, 8, 8], kernel_shape=[0, 2]),
    "MaxPool with pads beyond its kernel": lambda: _on_x(
        "MaxPool", [1, 1, 8, 8], kernel_shape=[2, 2], pads=[5, 5, 5, 5]
    ),
    "AveragePool with negative kernel": lambda: _on_x("AveragePool", [1, 1, 8, 8], kernel_shape=[-2, 2]),
    "Gemm of other sizes": lambda: _layer("Gemm", [2, 3], (4, 5)),
    "Gemm with a bias that does not fit": lambda: _layer("Gemm", [2, 3], (3, 5), (7,)),
    "MatMul of other sizes": lambda: _layer("MatMul", [2, 3], (4, 5)),
    "Add of other sizes": lambda: _layer("Add", [2, 3], (4,)),
    "BatchNormalization of other sizes": lambda: _layer("BatchNormalization", [1, 4, 2, 2], (3,), (4,), (4,), (4,)),
    "InstanceNormalization of other sizes": lambda: _layer("InstanceNormalization", [1, 4, 2], (3,), (5,)),
    "LayerNormalization of other sizes": lambda: _layer("LayerNormalization", [2, 4], (3,), (4,)),
    "PRelu of other sizes": lambda: _layer("PRelu", [2, 4], (3,)),
    "LSTM of other sizes": lambda: model_of(
        [node("LSTM", ["x", "w0", "w1"], ["", "y"], hidden_size=4)],
        [tensor_input("x", [2, 1, 3])],
        weights={"w0": np.ones((1, 15, 3), "f"), "w1": np.ones((1, 16, 5), "f")},
    ),
    "Concat of other sizes": lambda: _layer("Concat", [2, 3], (2, 4), axis=0),
    "Concat along axis 9": lambda: _layer("Concat", [2, 3], (2, 3), axis=9),
    "Concat without an axis": lambda: _layer("Concat", [2, 3], (2, 3)),
    "Transpose by no permutation": lambda: _on_x("Transpose", [2, 3], perm=[0, 0]),
    "Transpose by another rank": lambda: _on_x("Transpose", [2, 3], perm=[0, 1, 2]),
    "Softmax along axis 9": lambda: _on_x("Softmax", [2, 3], axis=9),
    "Flatten at axis -9": lambda: _on_x("Flatten", [2, 3], axis=-9),
    "Split of other sizes": lambda: _on_x("Split", [4], {"s": i64(1, 2)}, axis=0),
    "Unsqueeze twice": lambda: _on_x("Unsqueeze", [4], {"a": i64(0, 0)}),
    "Squeeze of a long axis": lambda: _on_x("Squeeze", [4], {"a": i64(0)}),
    "ReduceSum along axis 5": lambda: _on_x("ReduceSum", [4], {"a": i64(5)}),
    "Gather outside": lambda: _on_x("Gather", [4], {"i": i64(-5)}),
    "Einsum without operands": lambda: _on_x("Einsum", [4], equation="->"),
    "Einsum of nonsense": lambda: _on_x("Einsum", [4], equation="i..j->%"),
    "Cast to type 99": lambda: _on_x("Cast", [4], to=99),
    "Cast to a string": lambda: _on_x("Cast", [4], to=TensorProto.STRING),
    "scale of NaN": lambda: _quantized(np.float32("nan")),
    "scale of infinity": lambda: _quantized(np.float32("inf")),
    "scale of 0": lambda: _quantized(np.float32(0)),
    "scale of another length": lambda: _quantized(np.ones(3, "f"), np.zeros(3, np.int8), axis=1),
    "scale along axis 7": lambda: _quantized(np.ones(4, "f"), np.zeros(4, np.int8), axis=7),
    "scale without elements": lambda: _quantized(np.ones(0, "f"), np.zeros(0, np.int8)),
    "zero point of another length": lambda: _quantized(np.ones(4, "f"), np.zeros(3, np.int8), axis=1),
    "zero point of float": lambda: _quantized(np.float32(1), np.float32(0)),
    "unknown operator": lambda: _on_x("NoSuchOperator", [4]),
    "operator without a name": lambda: _on_x("", [4]),
    "operator of another domain": lambda: _on_x("Relu6", [4], domain="com.example"),
    "tensor as attribute": lambda: _on_x("Softmax", [4], axis=numpy_helper.from_array(i64(0))),
    "graph as attribute": lambda: _on_x("Softmax", [4], axis=graph_of([])),
    "too many inputs": lambda: model_of([node("Relu", ["x", "x", "x"])]),
    "too few inputs": lambda: model_of([node("Add", ["x"])]),
    "random numbers": lambda: _on_x("RandomNormalLike", [4]),
}

# ---- structure ----


def _function(name: str, nodes: Sequence[Node]) -> onnx.FunctionProto:
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("local", 1)]
    return helper.make_function("local", name, ["a"], ["b"], list(nodes), opsets)


def _call(name: str, source: str, target: str) -> Node:
    return helper.make_node(name, [source], [target], domain="local")


def _functions(count: int, calls: int) -> onnx.ModelProto:
    """Functions that each call the next one this often."""
    functions = [_function(f"f{count}", [node("Relu", ["a"], ["b"])])]
    for i in range(count):
        names = ["a", *(f"t{k}" for k in range(calls - 1)), "b"]
        functions.append(_function(f"f{i}", [_call(f"f{i + 1}", s, t) for s, t in pairwise(names)]))
    return model_of([_call("f0", "x", "y")], functions=functions)


def _recursive() -> onnx.ModelProto:
    functions = [_function("f", [_call("g", "a", "b")]), _function("g", [_call("f", "a", "b")])]
    return model_of([_call("f", "x", "y")], functions=functions)


def _nested_if(depth: int) -> onnx.ModelProto:
    graph = graph_of([node("Relu", ["x"])], [])
    for _ in range(depth):
        graph = graph_of([node("If", ["c"], then_branch=graph, else_branch=graph_of([node("Relu", ["x"])], []))], [])
    model = model_of([node("Relu", ["x"])], weights={"c": np.array(True)})
    model.graph.node[0].CopyFrom(graph.node[0])
    return model


def _loop(trips: int | None, depth: int = 1, condition: bool | None = True, stop: str = "c") -> onnx.ModelProto:
    """Loops in loops, each of this many trips, around an Add."""
    inner = [node("Add", ["v0", "x"], ["w0"])]
    for level in range(depth):
        inputs = [tensor_input(f"t{level}", [], INT64), tensor_input(f"c{level}", [], BOOL)]
        inputs.append(tensor_input(f"v{level}", [4]))
        same = node("Identity", [f"c{level}"], [f"d{level}"])
        body = graph_of([*inner, same], inputs, [f"d{level}", f"w{level}"])
        source = "x" if level == depth - 1 else f"v{level + 1}"
        names = ["" if trips is None else "trips", "" if condition is None else stop, source]
        inner = [node("Loop", names, [f"w{level + 1}"], body=body)]
    weights: dict[str, Any] = {"trips": np.int64(trips or 0), "c": np.array(bool(condition))}
    inner[0].output[0] = "y"
    inputs = [tensor_input("x", [4]), tensor_input("flag", [], BOOL)]
    return model_of(inner, inputs, weights=weights)


def _growing_loop() -> onnx.ModelProto:
    """A loop whose carried value doubles in each of its 60 trips."""
    inputs = [tensor_input("t", [], INT64), tensor_input("c", [], BOOL), tensor_input("v", None)]
    body = graph_of([node("Concat", ["v", "v"], ["w"], axis=0), node("Identity", ["c"], ["d"])], inputs, ["d", "w"])
    return model_of([node("Loop", ["n", "", "x"], body=body)], weights={"n": np.int64(60)})


def _scan(trips: int) -> onnx.ModelProto:
    body = graph_of(
        [node("Add", ["s", "e"], ["t"])], [tensor_input("s", [1]), tensor_input("e", [1])], ["t"], name="body"
    )
    scan = node("Scan", ["s0", "x"], ["y"], body=body, num_scan_inputs=1)
    return model_of([scan], [tensor_input("x", [trips, 1])], weights={"s0": np.zeros(1, np.float32)})


def _chain(op_type: str, count: int, second: bool = False) -> onnx.ModelProto:
    nodes = [helper.make_node(op_type, [f"v{i}", "one"] if second else [f"v{i}"], [f"v{i + 1}"]) for i in range(count)]
    return model_of(nodes, [tensor_input("v0", [4])], [f"v{count}"], {"one": np.ones(4, np.float32)})


def _outputs(*names: str) -> onnx.ModelProto:
    return model_of([node("Relu", ["x"])], outputs=names)


def _opset(version: int) -> onnx.ModelProto:
    return model_of([node("Relu", ["x"])], opset=version)


def _bad_utf8(field: str) -> bytes:
    name = "ABCDEFGH"
    model = _on_x("Relu", [4])
    if field == "node":
        model.graph.node[0].name = name
    elif field == "tensor":
        model.graph.node[0].output[0] = model.graph.output[0].name = name
    elif field == "op_type":
        model.graph.node[0].op_type = name
    elif field == "dimension":
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = name
    elif field == "graph":
        model.graph.name = name
    else:
        model.graph.initializer.append(numpy_helper.from_array(np.ones(4, "f"), name))
    return model.SerializeToString().replace(name.encode(), b"\xff\xfe\xfd\x80\xc0\xc1\xf8\xff")


def _external(location: str, **more: str) -> onnx.ModelProto:
    proto = TensorProto(name="w", data_type=FLOAT, data_location=TensorProto.EXTERNAL)
    proto.dims.extend([4])
    for key, value in {"location": location, **more}.items():
        proto.external_data.add(key=key, value=value)
    return _with_weight(proto)


def _typed(element: int, data: bytes = bytes(16)) -> onnx.ModelProto:
    return model_of([node("Identity", ["w"])], [], weights={"w": raw_tensor("w", [4], data, element)})


def _strings() -> onnx.ModelProto:
    text = helper.make_tensor("w", TensorProto.STRING, [1], cast(Any, [b"a"]))
    return model_of([node("Identity", ["w"])], [], weights={"w": text})


def _sequence_input() -> onnx.ModelProto:
    model = _on_x("Relu", [4])
    model.graph.input[0].type.CopyFrom(helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, [4])))
    return model


STRUCTURE: dict[str, Callable[[], onnx.ModelProto | bytes]] = {
    "node that feeds itself": lambda: model_of([node("Add", ["x", "y"])]),
    "cycle of two": lambda: model_of([node("Add", ["x", "b"], ["y"]), node("Relu", ["y"], ["b"])]),
    "cycle of 5000": lambda: model_of(
        [helper.make_node("Relu", [f"v{(i + 1) % 5000}"], [f"v{i}"]) for i in range(5000)], outputs=["v0"]
    ),
    "cycle through a branch": lambda: model_of(
        [
            node(
                "If", ["c"], then_branch=graph_of([node("Relu", ["y"], ["z"])], [], ["z"]), else_branch=graph_of([], [])
            )
        ],
        weights={"c": np.array(True)},
    ),
    "dangling input": lambda: model_of([node("Add", ["x", "nowhere"])]),
    "missing output": lambda: _outputs("nowhere"),
    "output without a name": lambda: _outputs(""),
    "no outputs": lambda: _outputs(),
    "no nodes and no such output": lambda: model_of([]),
    "tensor given twice": lambda: model_of([node("Relu", ["x"]), node("Sigmoid", ["x"])]),
    "output over an input": lambda: model_of([node("Relu", ["x"], ["x"])], outputs=["x"]),
    "input given twice": lambda: model_of([node("Relu", ["x"])], [tensor_input("x", [4]), tensor_input("x", [5])]),
    "weight given twice": lambda: _twice(),
    "recursive functions": _recursive,
    "function that calls itself": lambda: model_of(
        [_call("f", "x", "y")], functions=[_function("f", [_call("f", "a", "b")])]
    ),
    "functions 1000 deep": lambda: _functions(1000, 1),
    "functions doubled 40 times": lambda: _functions(40, 2),
    "functions tenfold 10 times": lambda: _functions(10, 10),
    "function of a missing one": lambda: model_of(
        [_call("f", "x", "y")], functions=[_function("f", [_call("missing", "a", "b")])]
    ),
    "If without branches": lambda: model_of([node("If", ["c"])], weights={"c": np.array(True)}),
    "Loop without a body": lambda: model_of([node("Loop", ["n", "", "x"])], weights={"n": np.int64(3)}),
    "Loop of 2^40 trips": lambda: _loop(HUGE),
    "Loop for ever": lambda: _loop(None),
    "Loop for ever without a condition": lambda: _loop(None, condition=None),
    "Loop of a negative count": lambda: _loop_scanning(-5),
    "Loop on data": lambda: _loop(None, stop="flag"),
    "Loop cubed": lambda: _loop(1000, 3),
    "Loop that grows": _growing_loop,
    "Scan of 2^30": lambda: _scan(2**30),
    "Scan of nothing": lambda: _scan(0),
    "Relu of 50000": lambda: _chain("Relu", 50_000),
    "operator set 0": lambda: _opset(0),
    "operator set -1": lambda: _opset(-1),
    "operator set 1000": lambda: _opset(1000),
    "operator set 1": lambda: _opset(1),
    "node not UTF-8": lambda: _bad_utf8("node"),
    "tensor not UTF-8": lambda: _bad_utf8("tensor"),
    "operator not UTF-8": lambda: _bad_utf8("op_type"),
    "dimension not UTF-8": lambda: _bad_utf8("dimension"),
    "graph not UTF-8": lambda: _bad_utf8("graph"),
    "weight not UTF-8": lambda: _bad_utf8("weight"),
    "operator of a long name": lambda: _on_x("X" * 2**20, [4]),
    "dangling input of a long name": lambda: model_of([node("Add", ["x", "n" * 2**20])]),
    "external data outside": lambda: _external("../../../../../../etc/passwd"),
    "external data at an absolute path": lambda: _external("/etc/passwd"),
    "external data without end": lambda: _external("/dev/zero"),
    "external data in a device": lambda: _external("../../../../../../../../dev/zero"),
    "external data absent": lambda: _external("absent.bin"),
    "external data without a location": lambda: _external(""),
    "external data of the folder": lambda: _external("."),
    "external data at a negative offset": lambda: _external("bad.onnx", offset="-5", length="16"),
    "external data beyond the end": lambda: _external("bad.onnx", offset=str(HUGE), length="16"),
    "external data of huge length": lambda: _external("bad.onnx", offset="0", length=str(HUGE)),
    "external data at no number": lambda: _external("bad.onnx", offset="zero", length="many"),
    "strings": _strings,
    "complex": lambda: _typed(TensorProto.COMPLEX64, bytes(32)),
    "element type 0": lambda: _typed(0),
    "element type 77": lambda: _typed(77),
    "sequence as input": _sequence_input,
    "input without a shape": lambda: model_of([node("Relu", ["x"])], [tensor_input("x", None)]),
    "input of symbolic size": lambda: model_of([node("Relu", ["x"])], [tensor_input("x", ["batch", 4])]),
    "input of element type 0": lambda: model_of([node("Relu", ["x"])], [tensor_input("x", [4], 0)]),
}


def _twice() -> onnx.ModelProto:
    model = _layer("Add", [4], (4,))
    model.graph.initializer.append(model.graph.initializer[0])
    return model


def if_on_data() -> onnx.ModelProto:
    """Branches in branches, 20 deep, on a condition that depends on data: a network, if an odd one."""
    model = _nested_if(20)
    del model.graph.initializer[:]
    model.graph.input.append(tensor_input("c", [], BOOL))
    return model


def _loop_scanning(trips: int) -> onnx.ModelProto:
    inputs = [tensor_input("t", [], INT64), tensor_input("c", [], BOOL)]
    body = graph_of([node("Relu", ["x"], ["w"]), node("Identity", ["c"], ["d"])], inputs, ["d", "w"])
    return model_of([node("Loop", ["n", ""], body=body)], weights={"n": np.int64(trips)})


def _bytes_of(make: Callable[[], onnx.ModelProto | bytes]) -> bytes:
    found = make()
    return found if isinstance(found, bytes) else found.SerializeToString()


BAD: Mapping[str, Callable[[], onnx.ModelProto | bytes]] = {**BYTES, **DIMENSIONS, **CONTRADICTIONS, **STRUCTURE}
"""All of them."""


def bad_bytes(name: str) -> bytes:
    """The file of this name."""
    return _bytes_of(BAD[name])
