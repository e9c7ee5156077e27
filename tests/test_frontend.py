"""The frontend on small models: forms of files, older operators, integer rules, and what it refuses."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from xdsl.dialects.builtin import ModuleOp, i32

from deeploy_mlir.dialects.graph_op import GraphOp, tensor_type
from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import graph_function, run_module, string_names
from deeploy_mlir.graph.types import type_from_data
from deeploy_mlir.program.npz import match_arrays
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

Shape = Sequence[int | str]


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: dict[str, Shape],
    outputs: dict[str, Shape | None],
    constants: dict[str, Array] | None = None,
    *,
    opset: int = 21,
    kind: int = TensorProto.FLOAT,
    extra: Sequence[onnx.OperatorSetIdProto] = (),
) -> onnx.ModelProto:
    """A model of these nodes."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info(name, kind, list(shape)) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), *extra])


def node(op: str, inputs: str, outputs: str, name: str = "", **attrs: Any) -> onnx.NodeProto:
    """A node from names separated by spaces; `_` is an absent input."""
    return helper.make_node(op, [n.strip("_") for n in inputs.split()], outputs.split(), name=name, **attrs)


def data(*shape: int, seed: int = 0) -> Array:
    """Reproducible numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def operations(module: ModuleOp) -> list[GraphOp]:
    """The graph-level operations."""
    return [op for op in graph_function(module).body.block.ops if isinstance(op, GraphOp)]


def names(module: ModuleOp) -> list[str]:
    """Their operator names."""
    return [op.name for op in operations(module)]


def check(proto: onnx.ModelProto, *arrays: Array) -> ModuleOp:
    """Import, run, and compare with ONNX's reference evaluator on the unchanged model."""
    module = import_model(proto)
    feeds = {value.name: array for value, array in zip(proto.graph.input, arrays, strict=True)}
    evaluator: Any = ReferenceEvaluator(proto)
    for got, expected in zip(run_module(module, list(arrays)), evaluator.run(None, feeds), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
        assert got.shape == np.asarray(expected).shape
    return module


def test_nodes_in_any_order() -> None:
    nodes = [node("Relu", "b", "y"), node("Neg", "a", "b"), node("Abs", "x", "a")]
    proto = model(nodes, {"x": [3]}, {"y": [3]})
    module = import_model(proto)
    assert names(module) == ["onnx.Abs", "onnx.Neg", "onnx.Relu"]
    np.testing.assert_array_equal(run_module(module, [data(3)])[0], np.zeros(3))


def test_initializer_that_is_an_input_is_a_constant() -> None:
    proto = model([node("Add", "x w", "y")], {"x": [3], "w": [3]}, {"y": [3]}, {"w": data(3)})
    function = graph_function(import_model(proto))
    assert string_names(function, "arg_names") == ["x"]


def test_names_and_symbol() -> None:
    proto = model([node("Relu", "x", "y")], {"x": [3]}, {"y": [3]})
    with pytest.raises(
        DeeployError, match=r"'9 lives' cannot be the prefix of C names: .* --name net_9_lives would do"
    ):
        import_model(proto, name="9 lives")
    function = graph_function(import_model(proto, name="net_9_lives"))
    assert function.sym_name.data == "net_9_lives"
    assert (string_names(function, "arg_names"), string_names(function, "result_names")) == (["x"], ["y"])


def test_outputs_that_are_inputs_or_constants() -> None:
    proto = model([], {"x": [2]}, {"x": [2], "c": [2]}, {"c": data(2)})
    x = data(2, seed=1)
    got = run_module(import_model(proto), [x])
    np.testing.assert_array_equal(got, [x, data(2)])


def test_zero_size_tensors() -> None:
    proto = model([node("Concat", "x e", "y", axis=0)], {"x": [2, 3], "e": [0, 3]}, {"y": [2, 3]})
    x = data(2, 3)
    np.testing.assert_array_equal(run_module(import_model(proto), [x, np.zeros((0, 3), np.float32)])[0], x)


def test_constant_nodes_of_every_form() -> None:
    nodes = [
        node("Constant", "", "a", value_float=2.0),
        node("Constant", "", "b", value_floats=[1.0, 2.0, 3.0]),
        node("Constant", "", "c", value=numpy_helper.from_array(np.array([4.0], np.float32))),
        node("Mul", "x a", "p"),
        node("Add", "p b", "q"),
        node("Sub", "q c", "y"),
    ]
    x = data(3)
    got = run_module(import_model(model(nodes, {"x": [3]}, {"y": [3]})), [x])[0]
    np.testing.assert_allclose(got, x * 2 + np.array([1, 2, 3], np.float32) - 4, rtol=1e-6)


def test_external_data(tmp_path: Path) -> None:
    proto = model([node("Add", "x w", "y")], {"x": [64]}, {"y": [64]}, {"w": data(64)})
    path = tmp_path / "net.onnx"
    cast(Any, onnx).save_model(proto, str(path), save_as_external_data=True, location="net.data", size_threshold=0)
    x = data(64, seed=1)
    np.testing.assert_array_equal(run_module(import_model(path), [x])[0], x + data(64))
    (tmp_path / "net.data").unlink()
    with pytest.raises(DeeployError, match="w: cannot read the tensor"):
        import_model(path)
    with pytest.raises(DeeployError, match="w: has external data"):
        import_model(path.read_bytes())


def test_symbolic_dimensions() -> None:
    proto = model([node("Relu", "x", "y")], {"x": ["N", 3]}, {"y": ["N", 3]})
    function = graph_function(import_model(proto, dims={"N": 2}))
    assert tensor_type(function.body.block.args[0]).get_shape() == (2, 3)
    with pytest.raises(DeeployError, match=r"x: dimension 0 \('N'\) has no size; bind it with --dim N=1"):
        import_model(proto)
    with pytest.raises(DeeployError, match="no dimension is called 'M'; the symbolic ones are: N"):
        import_model(proto, dims={"N": 1, "M": 1})


def test_shape_arithmetic_is_resolved() -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s i", "first", axis=0),
        node("Concat", "first rest", "t", axis=0),
        node("Reshape", "x t", "y"),
    ]
    constants = {"i": np.array([0]), "rest": np.array([-1])}
    module = check(model(nodes, {"x": [2, 3, 4]}, {"y": [2, 12]}, constants), data(2, 3, 4))
    assert tensor_type(operations(module)[-1].results[0]).get_shape() == (2, 12)


OLD: dict[str, tuple[int, onnx.NodeProto, Shape, dict[str, Array]]] = {
    "squeeze": (11, node("Squeeze", "x", "y", axes=[0, 2]), [1, 3, 1, 4], {}),
    "unsqueeze": (11, node("Unsqueeze", "x", "y", axes=[0, 3]), [3, 4], {}),
    "reduce-sum": (11, node("ReduceSum", "x", "y", axes=[1], keepdims=0), [2, 3, 4], {}),
    "reduce-mean": (13, node("ReduceMean", "x", "y", axes=[0, 2]), [2, 3, 4], {}),
    "pad": (10, node("Pad", "x", "y", pads=[0, 1, 2, 0], value=1.5), [2, 3], {}),
    "clip": (10, node("Clip", "x", "y", min=-0.5, max=0.25), [4, 5], {}),
    "clip-below": (10, node("Clip", "x", "y", min=0.1), [4, 5], {}),
    "softmax-flat": (11, node("Softmax", "x", "y", axis=1), [2, 3, 4], {}),
    "softmax-default": (11, node("Softmax", "x", "y"), [2, 3, 4], {}),
    "log-softmax-first": (12, node("LogSoftmax", "x", "y", axis=0), [3, 4], {}),
    "dropout": (10, node("Dropout", "x", "y", ratio=0.5), [3, 4], {}),
    "split": (11, node("Split", "x", "y z", axis=1), [2, 4], {}),
    "split-sizes": (11, node("Split", "x", "y z", axis=1, split=[1, 3]), [2, 4], {}),
    "group-norm": (
        18,
        node("GroupNormalization", "x s b", "y", num_groups=2),
        [1, 4, 3, 3],
        {"s": data(2), "b": data(2)},
    ),
    "batch-norm": (
        9,
        node("BatchNormalization", "x s s s v", "y"),
        [2, 3, 4],
        {"s": data(3), "v": np.abs(data(3)) + 1},
    ),
    "upsample": (
        9,
        node("Upsample", "x s", "y", mode="nearest"),
        [1, 1, 2, 2],
        {"s": np.array([1, 1, 2, 3], np.float32)},
    ),
    "slice": (9, node("Slice", "x", "y", starts=[1], ends=[3], axes=[1]), [2, 5], {}),
    "same-upper": (
        11,
        node("Conv", "x w", "y", auto_pad="SAME_UPPER", strides=[2, 2]),
        [1, 2, 7, 8],
        {"w": data(3, 2, 3, 4)},
    ),
    "same-lower": (11, node("MaxPool", "x", "y", auto_pad="SAME_LOWER", kernel_shape=[2, 3]), [1, 2, 5, 5], {}),
    "valid": (11, node("AveragePool", "x", "y", auto_pad="VALID", kernel_shape=[2, 2]), [1, 2, 5, 5], {}),
}


@pytest.mark.parametrize("case", OLD)
def test_older_forms(case: str) -> None:
    opset, old, shape, constants = OLD[case]
    outputs: dict[str, Shape | None] = dict.fromkeys(old.output)
    proto = model([old], {"x": shape}, outputs, constants, opset=opset)
    x = data(*[int(n) for n in shape])
    if case == "batch-norm":
        expected = [
            (x - data(3)[:, None]) / np.sqrt(np.abs(data(3)) + 1 + 1e-5)[:, None] * data(3)[:, None] + data(3)[:, None]
        ]
    elif case == "upsample":
        expected = [x.repeat(2, 2).repeat(3, 3)]
    elif case == "slice":
        expected = [x[:, 1:3]]
    elif case in ("softmax-flat", "softmax-default"):
        flat = np.exp(x.reshape(2, -1))
        expected = [(flat / flat.sum(1, keepdims=True)).reshape(x.shape)]
    elif case == "log-softmax-first":
        expected = [x - np.log(np.exp(x).sum())]
    elif case == "dropout":
        expected = [x]
    else:
        evaluator: Any = ReferenceEvaluator(proto)
        expected = evaluator.run(None, {"x": x})
    for got, wanted in zip(run_module(import_model(proto), [x]), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_windows_are_written_out() -> None:
    conv = operations(
        import_model(model([OLD["same-upper"][1]], {"x": [1, 2, 7, 8]}, {"y": None}, {"w": data(3, 2, 3, 4)}))
    )[0]
    assert conv.python_attrs() == {
        "group": 1, "kernel_shape": [3, 4], "strides": [2, 2], "dilations": [1, 1], "pads": [1, 1, 1, 1],
    }  # fmt: skip


def test_attributes_of_newer_inputs_in_newer_operator_sets() -> None:
    """Exporters mix them: axes as a plain integer attribute under operator set 13."""
    module = import_model(model([node("Squeeze", "x", "y", axes=0)], {"x": [1, 3]}, {"y": [3]}, opset=13))
    assert tensor_type(operations(module)[0].results[0]).get_shape() == (3,)


def test_if_loop_and_scan_are_imported_in_place() -> None:
    then = helper.make_graph(
        [node("Neg", "x", "t")], "t", [], [helper.make_tensor_value_info("t", TensorProto.FLOAT, None)]
    )
    other = helper.make_graph(
        [node("Abs", "x", "e")], "e", [], [helper.make_tensor_value_info("e", TensorProto.FLOAT, None)]
    )
    branch = helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)
    module = import_model(model([branch], {"x": [3]}, {"y": [3]}, {"c": np.array(False)}))
    assert names(module) == ["onnx.Abs"]
    body = helper.make_graph(
        [node("Add", "v x", "w"), node("Identity", "going", "still"), node("Mul", "w w", "out")],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [3]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [3]),
            helper.make_tensor_value_info("out", TensorProto.FLOAT, [3]),
        ],
    )
    loop = helper.make_node("Loop", ["n", "c", "x"], ["y", "z"], body=body)
    constants = {"n": np.array(4), "c": np.array(True)}
    x = data(3)
    y, z = run_module(import_model(model([loop], {"x": [3]}, {"y": [3], "z": [4, 3]}, constants)), [x])
    np.testing.assert_allclose(y, 5 * x, rtol=1e-6)
    np.testing.assert_allclose(z, np.stack([(k * x) ** 2 for k in (2, 3, 4, 5)]), rtol=1e-5)


def test_local_functions_are_inlined() -> None:
    inner = helper.make_function("own", "Twice", ["a"], ["b"], [node("Add", "a a", "b")], [helper.make_opsetid("", 21)])
    call = helper.make_node("Twice", ["x"], ["y"], domain="own")
    proto = model([call], {"x": [3]}, {"y": [3]}, extra=[helper.make_opsetid("own", 1)])
    proto.functions.append(inner)
    assert names(check(proto, data(3))) == ["onnx.Add"]


# Integer networks


def test_integer_convolution_with_bias() -> None:
    w, b = np.array([[[[2.0]]], [[[-3.0]]]], np.float32), np.array([100.0, 70000.0], np.float32)
    proto = model([node("Conv", "x w b", "y", "c")], {"x": [1, 1, 2, 2]}, {"y": [1, 2, 2, 2]}, {"w": w, "b": b})
    module = import_model(proto, input_types={"x": "ui8"})
    assert names(module) == ["onnx.ConvInteger", "onnx.Add"]
    conv = operations(module)[0]
    assert [str(tensor_type(v).element_type) for v in conv.operands] == ["ui8", "i8"]
    x = np.array([[[[0, 1], [254, 255]]]])
    expected = x * w.reshape(1, 2, 1, 1).astype(int) + b.reshape(1, 2, 1, 1).astype(int)
    np.testing.assert_array_equal(run_module(module, [x])[0], expected)


@pytest.mark.parametrize(("largest", "element"), [(127, "i8"), (128, "ui8"), (300, "i16"), (70000, "i32")])
def test_weights_take_the_smallest_type(largest: int, element: str) -> None:
    w = np.array([[0, largest]], np.float32).T
    module = import_model(
        model([node("MatMul", "x w", "y")], {"x": [1, 2]}, {"y": [1, 1]}, {"w": w}), input_types={"x": "i8"}
    )
    assert names(module) == ["onnx.MatMulInteger"]
    assert str(tensor_type(operations(module)[0].operands[1]).element_type) == element
    assert run_module(module, [np.array([[5, -7]])])[0].item() == -7 * largest


def test_integer_gemm_keeps_alpha_and_beta() -> None:
    constants = {"w": np.array([[1, 2], [3, 4], [5, 6]], np.float32), "c": np.array([10, 20, 30], np.float32)}
    gemm = node("Gemm", "x w c", "y", transB=1, alpha=2.0, beta=3.0)
    module = import_model(model([gemm], {"x": [1, 2]}, {"y": [1, 3]}, constants), input_types={"x": "i8"})
    assert names(module) == ["onnx.MatMulInteger", "onnx.Mul", "onnx.Add"]
    x = np.array([[-5, 7]])
    expected = 2 * (x @ constants["w"].T) + 3 * constants["c"]
    np.testing.assert_array_equal(run_module(module, [x])[0], expected)


def test_sums_are_widened_and_do_not_wrap() -> None:
    proto = model([node("Add", "a b", "y")], {"a": [2], "b": [2]}, {"y": [2]})
    module = import_model(proto, input_types={"a": "i8", "b": "ui8"})
    assert tensor_type(operations(module)[-1].results[0]).element_type == i32
    np.testing.assert_array_equal(run_module(module, [np.array([127, -128]), np.array([255, 0])])[0], [382, -128])


def test_concat_takes_the_smallest_common_type() -> None:
    proto = model([node("Concat", "a b", "y", axis=0)], {"a": [1], "b": [1]}, {"y": [2]})
    module = import_model(proto, input_types={"a": "i8", "b": "ui8"})
    assert str(tensor_type(operations(module)[-1].results[0]).element_type) == "i16"
    np.testing.assert_array_equal(run_module(module, [np.array([-1]), np.array([255])])[0], [-1, 255])


def test_indices_and_tables_of_integer_networks() -> None:
    """Token numbers that the file calls FLOAT, and a table that is integral."""
    table = np.array([[1, 2], [-3, 4], [5, 6]], np.float32)
    module = import_model(
        model([node("Gather", "t i", "y")], {"i": [2]}, {"y": [2, 2]}, {"t": table}), input_types={"i": "ui8"}
    )
    assert str(tensor_type(operations(module)[-1].results[0]).element_type) == "i8"
    np.testing.assert_array_equal(run_module(module, [np.array([2, 1])])[0], [[5, 6], [-3, 4]])
    scatter = node("ScatterElements", "x i u", "y", axis=0)
    constants = {"i": np.array([1]), "u": np.array([7.0], np.float32)}
    module = import_model(model([scatter], {"x": [3]}, {"y": [3]}, constants), input_types={"x": "i8"})
    assert names(module) == ["onnx.ScatterElements"]
    np.testing.assert_array_equal(run_module(module, [np.array([1, 2, 3])])[0], [1, 7, 3])


def test_constants_that_are_not_integral_mean_float(caplog: pytest.LogCaptureFixture) -> None:
    proto = model([node("Mul", "x s", "y", "scale")], {"x": [2]}, {"y": [2]}, {"s": np.array(0.5, np.float32)})
    module = import_model(proto, input_types={"x": "i8"})
    assert names(module) == ["onnx.Cast", "onnx.Mul"]
    assert "scale: Mul of integers is computed in float32" in caplog.text
    np.testing.assert_array_equal(run_module(module, [np.array([3, -5])])[0], [1.5, -2.5])


@pytest.mark.parametrize("opset", [10, 13])
def test_bounds_and_fills_that_no_integer_is(opset: int) -> None:
    """A bound of 0.5 is not cut to 0, and a fill beyond the type widens it."""
    clip = model([node("Clip", "x", "y", min=0.5, max=2.0)], {"x": [3]}, {"y": [3]}, opset=opset)
    got = run_module(import_model(clip, input_types={"x": "i8"}), [np.array([-7, 1, 9])])[0]
    np.testing.assert_array_equal(got, [0.5, 1.0, 2.0])
    pad = model([node("Pad", "x", "y", pads=[1, 0], value=1000.0)], {"x": [2]}, {"y": [3]}, opset=opset)
    module = import_model(pad, input_types={"x": "i8"})
    assert str(tensor_type(operations(module)[-1].results[0]).element_type) == "i16"
    np.testing.assert_array_equal(run_module(module, [np.array([1, -2])])[0], [1000, 1, -2])


def requantized(mul: Array, add: Array, shape: Shape, **attrs: float) -> onnx.ModelProto:
    """A RequantShift as quantisation flows export it: in the default domain, with tensors as attributes."""
    tensors = {key: numpy_helper.from_array(np.array(value, np.float32)) for key, value in attrs.items()}
    op = node("RequantShift", "x mul add", "y", "rq", **tensors)
    return model([op], {"x": shape}, {"y": shape}, {"mul": mul, "add": add}, opset=10)


def test_requantisation_rounds_half_up_and_clips() -> None:
    proto = requantized(np.array(1.0, np.float32), np.array(0.0, np.float32), [6], div=4.0, n_levels=8.0, signed=1.0)
    module = import_model(proto, input_types={"x": "i16"})
    x = np.array([-6, -2, 1, 2, 6, 400])
    np.testing.assert_array_equal(run_module(module, [x])[0], [-1, 0, 0, 1, 2, 3])


@pytest.mark.parametrize("shape", [(3, 1, 1), (1, 3, 1), (3, 1), (1, 3, 1, 1)])
def test_requantisation_of_each_channel_in_every_shape_in_use(shape: tuple[int, ...]) -> None:
    mul = np.array([1, 10, 100], np.float32).reshape(shape)
    x_shape = (1, 3, 5) if len(shape) < 4 else (1, 3, 5, 2)
    proto = requantized(mul, np.zeros(shape, np.float32), x_shape, div=1.0, n_levels=65536.0, signed=1.0)
    module = import_model(proto, input_types={"x": "i8"})
    got = run_module(module, [np.ones(x_shape)])[0]
    np.testing.assert_array_equal(got.reshape(3, -1)[:, 0], [1, 10, 100])


def test_integer_operators_need_input_types() -> None:
    proto = requantized(np.array(1.0, np.float32), np.array(0.0, np.float32), [6], div=4.0, n_levels=8.0, signed=1.0)
    with pytest.raises(DeeployError, match=r"rq: RequantShift is an integer operator, .*--input-type NAME=ui8"):
        import_model(proto)


@pytest.mark.parametrize(
    ("values", "element"),
    [
        ([0.0, 255.0], "ui8"), ([-1.0, 5.0], "i8"), ([256.0], "ui16"), ([-129.0], "i16"), ([0.5], "f32"),
        ([0.0, 0.0], "f32"), ([3.0005], "ui8"), ([70000.0], "ui32"), ([np.inf], "f32"), ([], "i8"),
    ],
)  # fmt: skip
def test_types_by_sample(values: list[float], element: str) -> None:
    assert str(type_from_data(np.array(values, np.float32))) == element


def test_declared_types_are_kept_where_they_are_no_floats() -> None:
    proto = model([node("Gather", "t i", "y")], {}, {"y": [2, 3]}, {"t": data(4, 3)})
    proto.graph.input.append(helper.make_tensor_value_info("i", TensorProto.INT64, [2]))
    module = import_model(proto, types_from={"i": np.array([1, 3])})
    assert str(tensor_type(graph_function(module).body.block.args[0]).element_type) == "i64"


def test_arrays_are_matched_by_name_or_position() -> None:
    a, b, c = (np.array(k) for k in range(3))
    assert match_arrays({"p": a, "q": b, "r": c}, ["q", "p"]) == {"q": b, "p": a}
    assert match_arrays({"arr_0": a, "arr_1": b, "arr_2": c}, ["x", "y"]) == {"x": a, "y": b}
    with pytest.raises(DeeployError, match="2 arrays needed"):
        match_arrays({"arr_0": a}, ["x", "y"])


# What is refused


REFUSED: dict[str, tuple[onnx.ModelProto, str]] = {
    "cycle": (
        model([node("Add", "x b", "a", "first"), node("Neg", "a", "b", "second")], {"x": [1]}, {"a": [1]}),
        "first: graph 'test' has a cycle through this node",
    ),
    "missing": (model([node("Neg", "q", "y", "n")], {"x": [1]}, {"y": [1]}), "n: input 'q' is given by no node"),
    "twice": (
        model([node("Neg", "x", "y", "n1"), node("Abs", "x", "y", "n2")], {"x": [1]}, {"y": [1]}),
        "n2: tensor 'y' is given twice",
    ),
    "unknown": (
        model([node("Frobnicate", "x", "y", "f")], {"x": [1]}, {"y": [1]}),
        "f: operator Frobnicate is not known",
    ),
    "old": (model([node("Add", "x x", "y")], {"x": [1]}, {"y": [1]}, opset=6), "is written for operator set 6"),
    "arity": (model([node("Add", "x", "y", "a")], {"x": [1]}, {"y": [1]}), "a: "),
    "shapes": (model([node("Add", "x w", "y", "a")], {"x": [2]}, {"y": [2]}, {"w": data(3)}), "a: Add does not take"),
    "dynamic": (
        model([node("NonZero", "x", "y", "nz")], {"x": [3]}, {"y": None}),
        "nz: dimension 1 of output 0 depends on data",
    ),
    "huge": (
        model([node("Expand", "x s", "y", "e")], {"x": [1]}, {"y": None}, {"s": np.array([1 << 20, 1 << 20])}),
        "e: output 0: has shape",
    ),
    "string": (
        model([node("Identity", "x", "y")], {"x": [1]}, {"y": [1]}, kind=TensorProto.STRING),
        "x: has element type STRING",
    ),
    "random": (
        model([node("RandomNormalLike", "x", "y", "r")], {"x": [1]}, {"y": [1]}),
        "r: RandomNormalLike gives random",
    ),
    "empty": (onnx.ModelProto(), "is not an ONNX model"),
    "no outputs": (model([node("Neg", "x", "y")], {"x": [1]}, {}), "the graph has no outputs"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    proto, message = REFUSED[case]
    with pytest.raises(DeeployError) as found:
        import_model(proto)
    assert message in str(found.value)


def test_unknown_input_and_type_are_refused() -> None:
    proto = model([node("Relu", "x", "y")], {"x": [3]}, {"y": [3]})
    with pytest.raises(DeeployError, match="an input type is given for 'z', but the inputs are x"):
        import_model(proto, input_types={"z": "i8"})
    with pytest.raises(DeeployError, match="unknown element type 'byte'"):
        import_model(proto, input_types={"x": "byte"})


def test_files_that_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(DeeployError, match="cannot be read"):
        import_model(tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("hello world, this is no model")
    with pytest.raises(DeeployError, match="is not an ONNX model"):
        import_model(tmp_path / "text.onnx")


def small_network() -> bytes:
    """A network with several kinds of operators, attributes and constants."""
    nodes = [
        node("Conv", "x w b", "c", "conv", strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Relu", "c", "r", "relu"),
        node("MaxPool", "r", "m", "pool", kernel_shape=[2, 2]),
        node("Reshape", "m s", "f", "flat"),
        node("Gemm", "f v", "g", "gemm", transB=1),
        node("Softmax", "g", "y", "soft", axis=-1),
    ]
    constants = {"w": data(4, 3, 3, 3), "b": data(4), "s": np.array([1, -1]), "v": data(5, 36)}
    return model(nodes, {"x": [1, 3, 8, 8]}, {"y": [1, 5]}, constants).SerializeToString()


SMALL = small_network()


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_mutated_files_give_an_error_or_a_module(chance: random.Random) -> None:
    """Bytes changed, left out or put in: nothing but DeeployError, within two seconds."""
    content = bytearray(SMALL)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(content))
        kind = chance.random()
        if kind < 0.6:
            content[at] = chance.randrange(256)
        elif kind < 0.8:
            del content[at : at + chance.randrange(1, 64)]
        else:
            content[at:at] = chance.randbytes(chance.randrange(1, 16))
    start = time.process_time()
    try:
        import_model(bytes(content)).verify()
    except DeeployError:
        pass
    assert time.process_time() - start < 2.0
