"""Subgraphs as exporters write them, and control flow that is known when a network is compiled, against onnxruntime's
or ONNX's own evaluator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import deeploy_mlir
from deeploy_mlir.frontend import import_model
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

from .adversarial import graph_of, i64, model_of, tensor_input
from .by_onnxruntime import onnxruntime_session

INT64, BOOL = TensorProto.INT64, TensorProto.BOOL
TORCH = "pkg.onnxscript.torch_lib"


def n(op_type: str, inputs: str, outputs: str = "y", **attributes: Any) -> onnx.NodeProto:
    """A node; names are separated by spaces, `-` is an input that is absent."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(op_type, names, outputs.split(), f"{op_type}_{outputs.split()[0]}", **attributes)


@dataclass(frozen=True)
class Idiom:
    """A model, the shape of its input `x`, and symbolic dimensions to bind.

    `by_onnx`: it is compared with ONNX's own evaluator, since onnxruntime does not take it."""

    model: onnx.ModelProto
    shape: tuple[int, ...]
    dims: Mapping[str, int] = field(default_factory=dict[str, int])
    by_onnx: bool = False


def real(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def _model(
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int | str],
    weights: Mapping[str, Any],
    outputs: Sequence[str] = ("y",),
    functions: Sequence[onnx.FunctionProto] = (),
    opset: int = 17,
) -> onnx.ModelProto:
    model = model_of(nodes, [tensor_input("x", shape)], outputs, weights, opset, functions)
    model.opset_import.append(helper.make_opsetid(TORCH, 1))
    return model


def torch_view() -> Idiom:
    """`x.view(x.size(0), -1)` and a linear layer."""
    nodes = [n("Shape", "x", "s"), n("Gather", "s zero", "b", axis=0), n("Unsqueeze", "b z", "bu")]
    nodes += [n("Concat", "bu m", "ns", axis=0), n("Reshape", "x ns", "f"), n("Gemm", "f w bias", transB=1)]
    weights = {"zero": np.int64(0), "z": i64(0), "m": i64(-1), "w": real(4, 6), "bias": real(4)}
    return Idiom(_model(nodes, ["N", 2, 3], weights), (2, 2, 3), {"N": 2})


def torch_attention() -> Idiom:
    """Heads split by computed shapes, and a causal mask of Range."""
    nodes = [n("Shape", "x", "s"), n("Slice", "s zero one", "b"), n("Slice", "s one two", "t")]
    nodes += [n("Concat", "b t heads depth", "ns", axis=0), n("Reshape", "x ns", "r")]
    nodes += [n("Transpose", "r", "q", perm=[0, 2, 1, 3]), n("Transpose", "r", "k", perm=[0, 2, 3, 1])]
    nodes += [n("MatMul", "q k", "a"), n("Cast", "depth", "d", to=1), n("Sqrt", "d", "root"), n("Div", "a root", "e")]
    nodes += [n("Squeeze", "t zero", "length"), n("Range", "first length step", "ra")]
    nodes += [n("Unsqueeze", "ra one", "rows"), n("Unsqueeze", "ra zero", "columns")]
    nodes += [n("LessOrEqual", "columns rows", "seen"), n("Where", "seen e low", "m"), n("Softmax", "m", "p", axis=-1)]
    nodes += [n("MatMul", "p q", "o"), n("Transpose", "o", "ot", perm=[0, 2, 1, 3])]
    nodes += [n("Concat", "b t minus", "fs", axis=0), n("Reshape", "ot fs")]
    weights = {"zero": i64(0), "one": i64(1), "two": i64(2), "heads": i64(2), "depth": i64(4), "minus": i64(-1)}
    weights |= {"first": np.int64(0), "step": np.int64(1), "low": np.float32(-1e9)}
    return Idiom(_model(nodes, ["B", "T", 8], weights), (1, 5, 8), {"B": 1, "T": 5})


def torch_squeeze(size: int) -> Idiom:
    """`x.squeeze(1)` of the old exporter: an If on a computed shape; only the branch that is taken has to fit."""
    branches = {
        "then_branch": graph_of([n("Squeeze", "x axis", "squeezed")], [], ["squeezed"]),
        "else_branch": graph_of([n("Identity", "x", "same")], [], ["same"]),
    }
    nodes = [n("Shape", "x", "s"), n("Gather", "s one", "d", axis=0), n("Equal", "d one", "c")]
    nodes += [n("If", "c", "q", **branches), n("Relu", "q")]
    return Idiom(_model(nodes, [3, size, 4], {"one": np.int64(1), "axis": i64(1)}), (3, size, 4), by_onnx=size != 1)


def torch_functions() -> Idiom:
    """Functions of the new exporter: nested, with an attribute handed on, and an If on a rank."""
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(TORCH, 1)]
    rank = helper.make_function(TORCH, "Rank", ["v"], ["r"], [n("Shape", "v", "t"), n("Size", "t", "r")], opsets)
    leaky = n("LeakyRelu", "a", "l")
    leaky.attribute.add(name="alpha", ref_attr_name="alpha", type=onnx.AttributeProto.FLOAT)
    call = helper.make_node("Rank", ["a"], ["rank"], domain=TORCH)
    branches = {
        "then_branch": graph_of([n("Neg", "l", "negative")], [], ["negative"]),
        "else_branch": graph_of([n("Abs", "l", "positive")], [], ["positive"]),
    }
    body = [
        leaky,
        call,
        n("Constant", "", "two", value_int=2),
        n("Equal", "rank two", "c"),
        n("If", "c", "b", **branches),
    ]
    outer = helper.make_function(TORCH, "leaky", ["a"], ["b"], body, opsets, ["alpha"])
    start = helper.make_node("leaky", ["x"], ["y"], domain=TORCH, alpha=0.3)
    return Idiom(_model([start], [3, 4], {}, functions=[outer, rank], opset=18), (3, 4))


def torch_class_token() -> Idiom:
    """A vision transformer's token, expanded over the batch."""
    nodes = [n("Shape", "x", "s", start=0, end=1), n("Concat", "s rest", "es", axis=0), n("Expand", "token es", "e")]
    nodes += [n("Concat", "e x", axis=1)]
    return Idiom(_model(nodes, ["B", 3, 4], {"rest": i64(1, 4), "token": real(1, 1, 4)}), (2, 3, 4), {"B": 2})


def tensorflow_convolution() -> Idiom:
    """tf2onnx: channels last between transposes, padding of its own, a mean over the image, a dense layer."""
    nodes = [n("Transpose", "x", "t", perm=[0, 3, 1, 2]), n("Pad", "t pads", "p")]
    nodes += [n("Conv", "p w b", "c", strides=[2, 2], kernel_shape=[3, 3]), n("Clip", "c low high", "c6")]
    nodes += [n("Transpose", "c6", "u", perm=[0, 2, 3, 1]), n("ReduceMean", "u", "g", axes=[1, 2], keepdims=0)]
    nodes += [n("MatMul", "g wd", "d"), n("Add", "d bd", "l"), n("Softmax", "l", axis=-1)]
    weights = {
        "pads": i64(0, 0, 0, 0, 0, 0, 1, 1),
        "w": real(4, 3, 3, 3),
        "b": real(4),
        "wd": real(4, 5),
        "bd": real(5),
    }
    weights |= {"low": np.float32(0), "high": np.float32(6)}
    return Idiom(_model(nodes, ["unk__1", 8, 8, 3], weights), (1, 8, 8, 3), {"unk__1": 1})


def tensorflow_reshape() -> Idiom:
    """A shape computed in int32."""
    nodes = [n("Shape", "x", "s"), n("Cast", "s", "s32", to=TensorProto.INT32), n("Slice", "s32 zero one", "b")]
    nodes += [n("Squeeze", "b axis", "b0"), n("Unsqueeze", "b0 axis", "b1"), n("Concat", "b1 k", "ns", axis=0)]
    nodes += [n("Cast", "ns", "n64", to=INT64), n("Reshape", "x n64", "r"), n("MatMul", "r w")]
    weights = {"zero": np.zeros(1, np.int32), "one": np.ones(1, np.int32), "axis": i64(0), "w": real(12, 3)}
    weights |= {"k": np.array([12], np.int32)}
    return Idiom(_model(nodes, ["N", 2, 6], weights), (1, 2, 6), {"N": 1})


def scikit_classifier() -> Idiom:
    """A multilayer perceptron with labels and probabilities, and a batch axis without a name."""
    nodes = [n("Cast", "x", "c", to=1), n("MatMul", "c w1", "m1"), n("Add", "m1 b1", "a1"), n("Relu", "a1", "r1")]
    nodes += [n("MatMul", "r1 w2", "m2"), n("Add", "m2 b2", "a2"), n("Softmax", "a2", "p", axis=-1)]
    nodes += [n("ArgMax", "p", "am", axis=1, keepdims=0), n("Gather", "classes am", "label")]
    weights = {"w1": real(4, 6), "b1": real(6), "w2": real(6, 3), "b2": real(3), "classes": i64(7, 8, 9)}
    model = _model(nodes, ["N", 4], weights, ["label", "p"])
    model.graph.input[0].type.tensor_type.shape.dim[0].Clear()
    return Idiom(model, (1, 4), {"x_0": 1})


def _body(
    nodes: Sequence[onnx.NodeProto], carried: Mapping[str, int], outputs: str, names: str = "i c"
) -> onnx.GraphProto:
    """A loop's body; `carried` gives the element type of each carried value."""
    count, condition = names.split()
    inputs = [tensor_input(count, [], INT64), tensor_input(condition, [], BOOL)]
    inputs += [tensor_input(name, None, element) for name, element in carried.items()]
    return graph_of(nodes, inputs, outputs.split(), name="body")


def loop_over_rows() -> Idiom:
    """A recurrent cell: as many trips as rows, a carried state and an output a trip."""
    nodes = [n("Gather", "x i", "row", axis=0), n("Add", "h row", "a"), n("Tanh", "a", "g"), n("Identity", "c", "d")]
    body = _body(nodes, {"h": 1}, "d g a")
    start = [n("Shape", "x", "s"), n("Gather", "s zero", "trips", axis=0), n("Loop", "trips - h0", "y z", body=body)]
    weights = {"zero": np.int64(0), "h0": np.zeros(4, np.float32)}
    return Idiom(_model(start, [3, 4], weights, ["y", "z"]), (3, 4))


def loop_until() -> Idiom:
    """A while: its counter and condition are known, its trip count is the largest integer."""
    nodes = [n("Add", "k one", "l"), n("Less", "l three", "d"), n("Mul", "v half", "w")]
    loop = n("Loop", "big true k0 x", "last y", body=_body(nodes, {"k": INT64, "v": 1}, "d l w"))
    weights = {"big": np.int64(2**63 - 1), "true": np.array(True), "k0": np.int64(0), "one": np.int64(1)}
    return Idiom(_model([loop], [4], weights | {"three": np.int64(3), "half": np.float32(0.5)}), (4,))


def nested_loops() -> Idiom:
    """A loop in a loop, and an If on the number of the trip."""
    inner = _body([n("Add", "u x", "t"), n("Identity", "e", "f")], {"u": 1}, "f t", "j e")
    branches = {
        "then_branch": graph_of([n("Add", "v one", "more")], [], ["more"]),
        "else_branch": graph_of([n("Loop", "two - v", "sum", body=inner)], [], ["sum"]),
    }
    nodes = [n("Equal", "i zero", "first"), n("If", "first", "w", **branches), n("Identity", "c", "d")]
    loop = n("Loop", "three - x", "y", body=_body(nodes, {"v": 1}, "d w"))
    weights = {"zero": np.int64(0), "two": np.int64(2), "three": np.int64(3), "one": np.float32(1)}
    return Idiom(_model([loop], [4], weights), (4,))


def scan() -> Idiom:
    """Two sequences, one from its end, a state, and outputs along the second axis in reverse."""
    nodes = [n("Mul", "e f", "m"), n("Add", "s m", "t"), n("Identity", "t", "o")]
    body = graph_of(nodes, [tensor_input(name, [4]) for name in "sef"], ["t", "o"])
    attributes = {"scan_input_directions": [1, 0], "scan_output_axes": [1], "scan_output_directions": [1]}
    node = n("Scan", "s0 x w", "y z", body=body, num_scan_inputs=2, **attributes)
    return Idiom(_model([node], [3, 4], {"s0": np.ones(4, np.float32), "w": real(3, 4)}, ["y", "z"]), (3, 4))


IDIOMS: dict[str, Callable[[], Idiom]] = {
    "view": torch_view,
    "attention": torch_attention,
    "squeeze of 1": lambda: torch_squeeze(1),
    "squeeze of 2": lambda: torch_squeeze(2),
    "functions": torch_functions,
    "class token": torch_class_token,
    "convolution of TensorFlow": tensorflow_convolution,
    "reshape of TensorFlow": tensorflow_reshape,
    "classifier of scikit-learn": scikit_classifier,
    "loop over rows": loop_over_rows,
    "loop until": loop_until,
    "nested loops": nested_loops,
    "scan": scan,
}


def expected(idiom: Idiom, x: Array) -> list[Array]:
    if idiom.by_onnx:
        evaluator: Any = ReferenceEvaluator(idiom.model)
        return evaluator.run(None, {"x": x})
    return onnxruntime_session(idiom.model).run(None, {"x": x})


def check(name: str, target: str) -> None:
    idiom = IDIOMS[name]()
    x = real(*idiom.shape)
    wanted = expected(idiom, x)
    execution = deeploy_mlir.compile(idiom.model, target, name="idiom", dims=idiom.dims).execute({"x": x})
    assert execution.warnings == ""
    for output, want in zip(idiom.model.graph.output, wanted, strict=True):
        got = execution.outputs[output.name]
        assert got.shape == want.shape
        assert np.allclose(got, want, rtol=1e-5, atol=1e-5), output.name


@pytest.mark.parametrize("name", IDIOMS)
def test_on_the_host(name: str) -> None:
    check(name, "generic")


@pytest.mark.slow
@pytest.mark.parametrize("name", IDIOMS)
def test_on_the_simulator(name: str) -> None:
    check(name, "siracusa")


def test_unbound_dimensions_are_named() -> None:
    """The message says how to bind it, and that works, whether the file names the dimension or not."""
    for dimension, label in (("N", "N"), ("", "x_0")):
        proto = model_of([n("Relu", "x")], [tensor_input("x", [dimension, 4])])
        if not dimension:
            proto.graph.input[0].type.tensor_type.shape.dim[0].Clear()
        with pytest.raises(DeeployError, match=f"x: dimension 0 .* has no size; bind it with --dim {label}=1"):
            import_model(proto)
        with pytest.raises(DeeployError, match=f"no dimension is called 'M'; the symbolic ones are: {label}"):
            import_model(proto, dims={"M": 1})
        assert "tensor<3x4xf32>" in str(import_model(proto, dims={label: 3}))


def test_loops_that_cannot_be_compiled_say_why() -> None:
    body = _body(
        [n("Relu", "v", "w"), n("ReduceSum", "v", "sum", keepdims=0), n("Cast", "sum", "d", to=BOOL)], {"v": 1}, "d w"
    )
    proto = model_of([n("Loop", "three - x", body=body)], weights={"three": np.int64(3)})
    with pytest.raises(DeeployError, match="condition of Loop depends on data"):
        import_model(proto)
    proto = model_of([n("Loop", "count - x", body=body)], [tensor_input("x", [4]), tensor_input("count", [], INT64)])
    with pytest.raises(DeeployError, match="trip count of Loop depends on data"):
        import_model(proto)
