"""Small files that ask for large tensors, many operands, or much arithmetic on constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from ..adversarial import INT64, i64, model_of, node, tensor_input
from .case import Cases, compiled

SIZES = (2**20, 2**24, 10**8, 2**27, 2**29, 2**31, 2**40, 2**62)
"""Elements, or bytes, that are asked for."""

Make = Callable[[int], onnx.ModelProto]


def on_x(
    op_type: str, shape: Sequence[int], weights: Mapping[str, Any] | None = None, **attributes: Any
) -> onnx.ModelProto:
    """An operator on an input and constants; its result is summed, so that it is all that is large."""
    names = ["x", *(weights or {})]
    nodes = [node(op_type, names, ["large"], **attributes), node("ReduceSum", ["large"])]
    return model_of(nodes, [tensor_input("x", shape)], weights=weights)


def on_constants(op_type: str, weights: Mapping[str, Any], **attributes: Any) -> onnx.ModelProto:
    """An operator on constants; its result is summed and added to the input."""
    nodes = [
        node(op_type, list(weights), ["large"], **attributes),
        node("Cast", ["large"], ["cast"], to=TensorProto.FLOAT),
        node("ReduceSum", ["cast"], ["sum"]),
        node("Add", ["x", "sum"]),
    ]
    return model_of(nodes, weights=weights)


def _side(n: int) -> int:
    return max(1, round(n**0.5))


LARGE: dict[str, Make] = {
    "input": lambda n: model_of([node("Relu", ["x"])], [tensor_input("x", [n])]),
    "input that is not read": lambda n: model_of(
        [node("Relu", ["z"])], [tensor_input("x", [n]), tensor_input("z", [1])]
    ),
    "Expand": lambda n: on_x("Expand", [1], {"s": i64(n)}),
    "Expand of a constant": lambda n: on_constants("Expand", {"a": np.float32(1), "s": i64(n)}),
    "Expand of an output": lambda n: model_of(
        [node("Expand", ["x", "s"])], [tensor_input("x", [1])], weights={"s": i64(n)}
    ),
    "Tile": lambda n: on_x("Tile", [1], {"s": i64(n)}),
    "Tile of a constant": lambda n: on_constants("Tile", {"a": np.ones(1, "f"), "s": i64(n)}),
    "ConstantOfShape": lambda n: on_constants("ConstantOfShape", {"s": i64(n)}),
    "Range": lambda n: on_constants("Range", {"a": np.int64(0), "b": np.int64(n), "c": np.int64(1)}),
    "Resize": lambda n: on_x(
        "Resize", [1, 1, 1, 1], {"r": np.zeros(0, "f"), "e": np.zeros(0, "f"), "s": i64(1, 1, _side(n), _side(n))}
    ),
    "Resize of a constant": lambda n: on_constants(
        "Resize",
        {
            "a": np.ones((1, 1, 2, 2), "f"),
            "r": np.zeros(0, "f"),
            "e": np.zeros(0, "f"),
            "s": i64(1, 1, _side(n), _side(n)),
        },
        mode="linear",
    ),
    "Pad": lambda n: on_x("Pad", [4], {"p": i64(n, 0)}),
    "Pad by reflection": lambda n: on_x("Pad", [4], {"p": i64(n, 0)}, mode="wrap"),
    "OneHot": lambda n: model_of(
        [node("OneHot", ["i", "d", "v"])],
        [tensor_input("i", [4], INT64)],
        weights={"d": np.int64(n), "v": np.array([0, 1], "f")},
    ),
    "EyeLike": lambda n: on_x("EyeLike", [_side(n), _side(n)]),
    "MelWeightMatrix of bins": lambda n: on_constants(
        "MelWeightMatrix",
        {"n": np.int64(n), "d": np.int64(8), "r": np.int64(8000), "l": np.float32(0), "u": np.float32(4000)},
    ),
    "MelWeightMatrix of points": lambda n: on_constants(
        "MelWeightMatrix",
        {"n": np.int64(2), "d": np.int64(n), "r": np.int64(8000), "l": np.float32(0), "u": np.float32(4000)},
    ),
    "HannWindow": lambda n: on_constants("HannWindow", {"n": np.int64(n)}),
    "DFT": lambda n: on_x("DFT", [1, 4, 1], {"n": np.int64(n)}),
    "AffineGrid": lambda n: on_x("AffineGrid", [1, 2, 3], {"s": i64(1, 1, _side(n), _side(n))}),
    "MatMul": lambda n: model_of(
        [node("MatMul", ["a", "b"], ["c"]), node("ReduceSum", ["c"])],
        [tensor_input("a", [_side(n), 1]), tensor_input("b", [1, _side(n)])],
    ),
    "broadcast": lambda n: model_of(
        [node("Add", ["a", "b"], ["c"]), node("ReduceSum", ["c"])],
        [tensor_input("a", [_side(n), 1]), tensor_input("b", [1, _side(n)])],
    ),
    "Conv by its padding": lambda n: on_x(
        "Conv", [1, 1, 4, 4], {"w": np.ones((1, 1, 3, 3), "f")}, pads=[_side(n) // 2] * 4
    ),
    "ConvTranspose by its stride": lambda n: on_x(
        "ConvTranspose", [1, 1, 2, 2], {"w": np.ones((1, 1, 3, 3), "f")}, strides=[_side(n)] * 2
    ),
    "MaxPool by its padding": lambda n: on_x(
        "MaxPool", [1, 1, 4, 4], kernel_shape=[_side(n)] * 2, pads=[_side(n) // 2] * 4
    ),
    "DepthToSpace": lambda n: on_x("Reshape", [n, 1], {"s": i64(1, -1)}),
    "GatherND": lambda n: model_of(
        [node("Gather", ["x", "i"], ["g"]), node("ReduceSum", ["g"])],
        [tensor_input("x", [4]), tensor_input("i", [n], INT64)],
    ),
}


def _operands(op_type: str, n: int, **attributes: Any) -> onnx.ModelProto:
    return model_of([node(op_type, ["x"] * n, **attributes)])


def _constant_operands(op_type: str, n: int, **attributes: Any) -> onnx.ModelProto:
    return model_of([node(op_type, ["x", *["w"] * n], **attributes)], weights={"w": np.ones(4, "f")})


def _inputs(op_type: str, n: int, **attributes: Any) -> onnx.ModelProto:
    names = [f"x{i}" for i in range(n)]
    return model_of([node(op_type, names, **attributes)], [tensor_input(name, [4]) for name in names])


def _outputs(n: int) -> onnx.ModelProto:
    return model_of([helper.make_node("Relu", ["x"], [f"y{i}"]) for i in range(n)], outputs=[f"y{i}" for i in range(n)])


def _chain(op_type: str, n: int, *others: str) -> onnx.ModelProto:
    nodes = [helper.make_node(op_type, [f"v{i}", *others], [f"v{i + 1}"]) for i in range(n)]
    return model_of(nodes, [tensor_input("v0", [4])], [f"v{n}"], {"w": np.ones(4, "f")})


def _fan(n: int) -> onnx.ModelProto:
    """Each node reads all before it."""
    nodes = [helper.make_node("Sum", [f"v{k}" for k in range(i + 1)], [f"v{i + 1}"]) for i in range(n)]
    return model_of(nodes, [tensor_input("v0", [4])], [f"v{n}"])


def _weights(n: int) -> onnx.ModelProto:
    nodes = [helper.make_node("Add", [f"v{i}", f"w{i}"], [f"v{i + 1}"]) for i in range(n)]
    return model_of(nodes, [tensor_input("v0", [4])], [f"v{n}"], {f"w{i}": np.full(4, i, "f") for i in range(n)})


def _same_names(n: int) -> onnx.ModelProto:
    nodes = [helper.make_node("MatMul", [f"v{i}", f"w{i}"], [f"v{i + 1}"], "same") for i in range(n)]
    weights = {f"w{i}": np.full((4, 4), i, "f") for i in range(n)}
    return model_of(nodes, [tensor_input("v0", [4, 4])], [f"v{n}"], weights)


MANY: dict[str, Make] = {
    "operands of Sum": lambda n: _operands("Sum", n),
    "operands of Max": lambda n: _operands("Max", n),
    "operands of Mean": lambda n: _operands("Mean", n),
    "operands of Concat": lambda n: _operands("Concat", n, axis=0),
    "constant operands of Concat": lambda n: _constant_operands("Concat", n, axis=0),
    "inputs of Sum": lambda n: _inputs("Sum", n),
    "inputs of Concat": lambda n: _inputs("Concat", n, axis=0),
    "outputs": _outputs,
    "Relu in a chain": lambda n: _chain("Relu", n),
    "Sigmoid in a chain": lambda n: _chain("Sigmoid", n),
    "Softmax in a chain": lambda n: _chain("Softmax", n),
    "Add in a chain": lambda n: _chain("Add", n, "w"),
    "Identity in a chain": lambda n: _chain("Identity", n),
    "nodes that read all before them": lambda n: _fan(min(14, round(n**0.25))),
    "weights": _weights,
    "nodes of one name": _same_names,
    "outputs of Split": lambda n: model_of(
        [
            helper.make_node("Split", ["x"], [f"s{i}" for i in range(n)], axis=0, num_outputs=n),
            node("Sum", [f"s{i}" for i in range(n)]),
        ],
        [tensor_input("x", [n])],
    ),
    "constants that are folded": lambda n: model_of(
        [helper.make_node("Add", [f"c{i}", "w"], [f"c{i + 1}"]) for i in range(n)] + [node("Add", ["x", f"c{n}"])],
        weights={"c0": np.ones(4, "f"), "w": np.ones(4, "f")},
    ),
    "attribute values": lambda n: _operands("Squeeze", 1, unknown=list(range(n))),
    "axes": lambda n: model_of([node("Unsqueeze", ["x", "a"])], weights={"a": np.arange(n)}),
    "declared values": lambda n: _declared(n),
}
COUNTS = (20_000, 100_000)


def _declared(n: int) -> onnx.ModelProto:
    model = model_of([node("Relu", ["x"])])
    for i in range(n):
        model.graph.value_info.append(tensor_input(f"t{i}", [4]))
    return model


def _folded_conv(side: int, kernel: int) -> onnx.ModelProto:
    nodes = [
        node("ConstantOfShape", ["s"], ["image"]),
        node("ConstantOfShape", ["k"], ["weights"]),
        node("Conv", ["image", "weights"], ["c"], pads=[kernel // 2] * 4),
        node("ReduceSum", ["c"], ["sum"]),
        node("Add", ["x", "sum"]),
    ]
    return model_of(nodes, weights={"s": i64(1, 8, side, side), "k": i64(8, 8, kernel, kernel)})


def _folded(op_type: str, shapes: Sequence[Sequence[int]], **attributes: Any) -> onnx.ModelProto:
    """An operator on tensors of ones that the file names by their shapes only."""
    nodes = [node("ConstantOfShape", [f"s{i}"], [f"c{i}"]) for i in range(len(shapes))]
    nodes += [
        node(op_type, [f"c{i}" for i in range(len(shapes))], ["large"], **attributes),
        node("Cast", ["large"], ["cast"], to=TensorProto.FLOAT),
        node("ReduceSum", ["cast"], ["sum"]),
        node("Add", ["x", "sum"]),
    ]
    return model_of(nodes, weights={f"s{i}": i64(*shape) for i, shape in enumerate(shapes)})


FOLDED: dict[str, Make] = {
    "Conv": lambda n: _folded_conv(n, 7),
    "Conv of a large kernel": lambda n: _folded_conv(n, n // 8 | 1),
    "ConvTranspose": lambda n: _folded("ConvTranspose", [(1, 4, n, n), (4, 4, 5, 5)]),
    "MatMul": lambda n: _folded("MatMul", [(n, n), (n, n)]),
    "batched MatMul": lambda n: _folded("MatMul", [(16, n, n), (1, n, n)]),
    "Gemm": lambda n: _folded("Gemm", [(n, n), (n, n)]),
    "MaxPool": lambda n: _folded("MaxPool", [(1, 4, n, n)], kernel_shape=[9, 9], pads=[4] * 4),
    "AveragePool": lambda n: _folded("AveragePool", [(1, 4, n, n)], kernel_shape=[9, 9], pads=[4] * 4),
    "LpPool": lambda n: _folded("LpPool", [(1, 4, n, n)], kernel_shape=[5, 5]),
    "Softmax": lambda n: _folded("Softmax", [(n, n)]),
    "LRN": lambda n: _folded("LRN", [(1, 4, n, n)], size=3),
    "Einsum": lambda n: _folded("Einsum", [(n, n), (n, n), (n, n)], equation="ab,bc,cd->ad"),
    "CumSum": lambda n: model_of(
        [
            node("ConstantOfShape", ["s"], ["c"]),
            node("CumSum", ["c", "a"], ["d"]),
            node("ReduceSum", ["d"], ["e"]),
            node("Add", ["x", "e"]),
        ],
        weights={"s": i64(n, n), "a": np.int64(0)},
    ),
    "LSTM": lambda n: _folded("LSTM", [(n, 1, 4), (1, 4 * n, 4), (1, 4 * n, n)], hidden_size=n),
    "Det": lambda n: _folded("Det", [(n, n)]),
    "InstanceNormalization": lambda n: _folded("InstanceNormalization", [(1, 4, n, n), (4,), (4,)]),
    "Erf": lambda n: _folded("Erf", [(n, n)]),
    "Where": lambda n: _folded("Mod", [(n, n), (n, n)], fmod=1),
    "Transpose": lambda n: _folded("Transpose", [(n, n, 4)]),
    "outer product": lambda n: _folded("Mul", [(n * 8, 1), (1, n * 8)]),
}
SIDES = (100, 700, 3000)


def cases() -> Cases:
    """Each of the sizes, counts and sides."""
    for what, make in LARGE.items():
        for size in SIZES:
            yield compiled(f"{what} of {size}", lambda m=make, n=size: m(n))
    for what, make in MANY.items():
        for count in COUNTS:
            yield compiled(f"{count} {what}", lambda m=make, n=count: m(n))
    for what, make in FOLDED.items():
        for side in SIDES:
            yield compiled(f"{what} of constants of {side}", lambda m=make, n=side: m(n))
