"""Values of inputs that are bound when compiling, and the branches that they select."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from deeploy_mlir import api, cli
from deeploy_mlir.frontend import import_model
from deeploy_mlir.frontend.input_values import Given
from deeploy_mlir.graph.evaluate import run_module
from deeploy_mlir.program.network import network_of
from deeploy_mlir.support.errors import DeeployError

from .test_frontend import Shape, data, model, node


def typed(kind: int, shape: Shape | None) -> onnx.ModelProto:
    """y = x + float(v), where v has this type and shape."""
    proto = model([node("Cast", "v", "f", to=TensorProto.FLOAT), node("Add", "x f", "y")], {"x": [3]}, {"y": None})
    proto.graph.input.append(helper.make_tensor_value_info("v", kind, shape))
    return proto


GOOD: list[tuple[int, Shape | None, Given, Any]] = [
    (TensorProto.INT64, [], "16000", 16000),
    (TensorProto.INT64, [], 16000, 16000),
    (TensorProto.INT64, None, "16000", 16000),
    (TensorProto.INT64, [1], "-5", -5),
    (TensorProto.INT32, [3], "1,2,3", [1, 2, 3]),
    (TensorProto.INT32, ["N"], "[1, 2, 3]", [1, 2, 3]),
    (TensorProto.INT32, [1, -1], "[1, 2, 3]", [[1, 2, 3]]),
    (TensorProto.FLOAT, [], "0.5", 0.5),
    (TensorProto.FLOAT, [], "-1e-3", -1e-3),
    (TensorProto.FLOAT16, [3], [0.5, 1, 2], [0.5, 1, 2]),
    (TensorProto.BOOL, [], "true", 1),
    (TensorProto.BOOL, [3], "True,false,1", [1, 0, 1]),
    (TensorProto.UINT8, [1, 3], np.array([[1, 2, 255]]), [[1, 2, 255]]),
]


@pytest.mark.parametrize(("kind", "shape", "given", "value"), GOOD)
def test_values(kind: int, shape: Shape | None, given: Given, value: Any) -> None:
    x = data(3)
    module = import_model(typed(kind, shape), input_values={"v": given})
    assert [tensor.name for tensor in network_of(module).inputs] == ["x"]
    np.testing.assert_allclose(run_module(module, [x])[0], x + np.asarray(value, np.float32), rtol=1e-6)


BAD: list[tuple[int, Shape | None, Given, str]] = [
    (TensorProto.INT64, [], "16k", "v: cannot have the value '16k'; it takes a number of type int64"),
    (TensorProto.INT64, [], "1.5", "v: cannot have the value '1.5'; it takes a number of type int64"),
    (TensorProto.INT64, [], 1.5, "v: has type int64, which does not hold the value 1.5"),
    (TensorProto.INT8, [], "128", "v: has type int8, which does not hold the value 128"),
    (TensorProto.UINT8, [2], "1,-1", "v: has type uint8, which does not hold the value 1,-1"),
    (TensorProto.INT64, [], "9" * 400, "v: cannot have the value '9999999999999999999999999999999999999\\.\\.\\."),
    (TensorProto.BOOL, [], "maybe", "v: cannot have the value 'maybe'; it takes true or false"),
    (TensorProto.INT64, [3], "1,2", r"v: has shape \[3\], but the value 1,2 has 2 elements"),
    (TensorProto.INT64, [], "1,2", r"v: has shape \[\], but the value 1,2 has 2 elements"),
    (TensorProto.INT64, [3], "1", r"v: has shape \[3\], but the value 1 has 1 elements"),
    (TensorProto.INT64, [2, "N"], "1,2,3", r"v: has shape \[2, 1\], but the value 1,2,3 has 3 elements"),
    (TensorProto.FLOAT, [], "x", "v: cannot have the value 'x'; it takes a number of type float32"),
    (TensorProto.FLOAT, [3], ["a"], "v: cannot have the value"),
]


@pytest.mark.parametrize(("kind", "shape", "given", "message"), BAD)
def test_misfits(kind: int, shape: Shape | None, given: Given, message: str) -> None:
    with pytest.raises(DeeployError, match=message):
        import_model(typed(kind, shape), input_values={"v": given})


def test_names_and_types_are_checked() -> None:
    with pytest.raises(DeeployError, match="a value is given for 'w', but the inputs are x, v"):
        import_model(typed(TensorProto.INT64, []), input_values={"w": 1})
    with pytest.raises(DeeployError, match="v: is given a value, which has its declared type"):
        import_model(typed(TensorProto.INT64, []), input_values={"v": 1}, input_types={"v": "i8"})


def branch(name: str, *nodes: onnx.NodeProto, output: str) -> onnx.GraphProto:
    return helper.make_graph(list(nodes), name, [], [helper.make_empty_tensor_value_info(output)])


def by_rate(condition: list[onnx.NodeProto], constants: dict[str, Any]) -> onnx.ModelProto:
    """-x where the condition holds, else an operator that nobody knows."""
    chosen = branch("then", node("Neg", "x", "a"), output="a")
    other = branch("else", node("Unheard", "x", "u"), node("NonZero", "u", "b"), output="b")
    nodes = [*condition, node("If", "c", "y", then_branch=chosen, else_branch=other)]
    proto = model(nodes, {"x": [1, 4]}, {"y": None}, constants)
    proto.graph.input.append(helper.make_tensor_value_info("sr", TensorProto.INT64, []))
    return proto


CONDITIONS: dict[str, list[onnx.NodeProto]] = {
    "equal": [node("Equal", "sr rate", "c")],
    "an expression": [
        node("Div", "sr thousand", "k"),
        node("Cast", "k", "f", to=TensorProto.FLOAT),
        node("Greater", "f half", "g"),
        node("Equal", "sr rate", "e"),
        node("And", "g e", "c"),
    ],
    "of a shape": [
        node("Shape", "x", "s"),
        node("Gather", "s one", "n"),
        node("Mul", "n sr", "p"),
        node("Equal", "p product", "e"),
        node("Unsqueeze", "e zeros", "c"),
    ],
    "by another If": [
        node("Equal", "sr rate", "e"),
        node(
            "If",
            "e",
            "c",
            then_branch=branch("t", node("Not", "never", "n"), output="n"),
            else_branch=branch("f", node("Identity", "never", "m"), output="m"),
        ),
    ],
}
CONSTANTS: dict[str, Any] = {
    "rate": np.array(16000),
    "thousand": np.array(1000),
    "half": np.array(0.5, np.float32),
    "one": np.array(1),
    "product": np.array(64000),
    "zeros": np.array([0]),
    "never": np.array(False),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_if_takes_one_branch_before_the_other_is_looked_at(name: str) -> None:
    x = data(1, 4)
    proto = by_rate(CONDITIONS[name], CONSTANTS)
    (found,) = run_module(import_model(proto, input_values={"sr": "16000"}), [x])
    np.testing.assert_array_equal(found, -x)
    with pytest.raises(DeeployError, match="Unheard"):
        import_model(proto, input_values={"sr": 8000})
    with pytest.raises(DeeployError, match="Unheard"):
        import_model(proto)


@pytest.mark.parametrize("target", ["generic", "siracusa"])
def test_command_line(tmp_path: Path, target: str) -> None:
    x = data(1, 4)
    (tmp_path / "net.onnx").write_bytes(by_rate(CONDITIONS["equal"], CONSTANTS).SerializeToString())
    np.savez(tmp_path / "in.npz", x=x, sr=np.array(16000))
    np.savez(tmp_path / "out.npz", y=-x)
    words = ["check", str(tmp_path / "net.onnx"), "--target", target, "--inputs", str(tmp_path / "in.npz")]
    words += ["--expect", str(tmp_path / "out.npz")]
    assert cli.main([*words, "--input-value", "sr=16000"]) == 0
    assert cli.main([*words, "--input-value", "sr=fast"]) == 2


def test_from_python() -> None:
    program = api.compile(by_rate(CONDITIONS["equal"], CONSTANTS), "generic", input_values={"sr": 16000})
    x = data(1, 4)
    np.testing.assert_array_equal(program.run({"x": x})["y"], -x)
