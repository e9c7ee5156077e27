"""Operators on NaN, infinities, zeros and integers at the ends of their ranges: as onnxruntime where ONNX defines a
result, and never undefined behaviour in C."""

from __future__ import annotations

import shutil
import warnings
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from deeploy_mlir import compile as compile_model
from deeploy_mlir.program.program import Program
from deeploy_mlir.support.numpy_types import Array

NAN, INF = np.nan, np.inf
FLOATS = np.array(
    [NAN, -NAN, 0.0, -0.0, 0.5, -0.5, 2.5, -2.5, INF, -INF, 1e30, -1e30, 300.7, -300.7, 2.0**31, -(2.0**31) - 256, -7],
    np.float32,
)
LEAST = -(2**31)
INTEGERS = np.array([LEAST, LEAST, 2**31 - 1, -1, 7, -7, 5, LEAST, 9], np.int32)
DIVISORS = np.array([-1, 3, -1, -1, -3, 3, -2, -2, -4], np.int32)
ROWS = np.array([[1, NAN, 5, 2], [NAN, 3, 3, 1], [4, 2, 9, NAN], [NAN, NAN, NAN, NAN], [1, 7, 7, 0]], np.float32)


def program(nodes: list[onnx.NodeProto], inputs: dict[str, Array], constants: dict[str, Any] | None = None) -> Program:
    """One output for each result of the nodes."""
    graph = helper.make_graph(
        nodes,
        "special",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in inputs.items()
        ],
        [onnx.ValueInfoProto(name=name) for node in nodes for name in node.output],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return compile_model(onnx.shape_inference.infer_shapes(model), target="generic")


def node(op: str, *inputs: str, results: int = 1, **attributes: Any) -> onnx.NodeProto:
    words = [op, *inputs, *(str(v) for v in attributes.values())]
    names = [f"{'_'.join(words)}_{n}" for n in range(results)]
    return helper.make_node(op, list(inputs), names, None, **attributes)


def test_elementwise_operators_on_special_floats() -> None:
    """Every pair of a NaN, an infinity, a zero or a number."""
    x, y = FLOATS.reshape(-1, 1), FLOATS.reshape(1, -1)
    nodes = [
        *(node(op, "x") for op in ("Sign", "Relu", "Round", "Abs")),
        *(node(op, "x", "y") for op in ("Min", "Max")),
    ]
    nodes += [node("Clip", "x", "low", "high"), node("Mod", "x", "y", fmod=1)]
    outputs = program(nodes, {"x": x, "y": y}, {"low": np.float32(-1), "high": np.float32(1)}).run({"x": x, "y": y})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        relu = np.where(np.isnan(x), x, np.maximum(x, 0))
        wanted = [np.sign(x), relu, np.rint(x), np.abs(x), np.minimum(x, y), np.maximum(x, y), np.clip(x, -1, 1)]
        wanted.append(np.fmod(x, y))
    for (name, output), expected in zip(outputs.items(), wanted, strict=True):
        np.testing.assert_array_equal(output, expected, name)


def test_dynamic_quantisation_of_zeros_has_a_scale() -> None:
    x = np.zeros((2, 3), np.float32)
    values, scale, zero = program([node("DynamicQuantizeLinear", "x", results=3)], {"x": x}).run({"x": x}).values()
    assert scale == 1
    assert zero == 0
    assert not values.any()


def test_positions_of_extremes_exist() -> None:
    """Where a row holds a NaN too: numpy's and ONNX's maximum of it is the NaN, of which an index must not point out of
    the row."""
    nodes = [
        node(op, "x", axis=1, keepdims=0, select_last_index=last) for op in ("ArgMax", "ArgMin") for last in (0, 1)
    ]
    nodes.append(node("Hardmax", "x", axis=1))
    outputs = list(program(nodes, {"x": ROWS}).run({"x": ROWS}).values())
    for positions in outputs[:4]:
        assert positions.min() >= 0
        assert positions.max() < ROWS.shape[1]
    assert [int(o[4]) for o in outputs[:4]] == [1, 2, 3, 3]
    np.testing.assert_array_equal(outputs[4].sum(1), np.ones(len(ROWS)))


@pytest.mark.parametrize("largest", [0, 1])
def test_the_k_largest_of_rows_with_nan(largest: int) -> None:
    """NaN is larger than all numbers; equal elements keep their order."""
    nodes = [node("TopK", "x", "k", results=2, axis=1, largest=largest)]
    values, places = program(nodes, {"x": ROWS}, {"k": np.array([3])}).run({"x": ROWS}).values()
    keys = np.where(np.isnan(ROWS), 1e9, ROWS)
    order = np.argsort(-keys if largest else keys, axis=1, kind="stable")[:, :3]
    np.testing.assert_array_equal(places, order)
    np.testing.assert_array_equal(values, np.take_along_axis(ROWS, order, 1))


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a compiler with UBSan")
def test_nothing_is_undefined_in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Divisions that overflow or divide by zero, and casts of what an integer cannot hold, which ONNX leaves open."""
    monkeypatch.setenv("DEEPLOY_CC", "gcc")
    types = (TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64)
    nodes = [node("Cast", "x", to=t) for t in types]
    nodes += [node(op, "a", "b") for op in ("Div", "Mod", "Add", "Sub", "Mul")]
    nodes += [node("Mod", "a", "b", fmod=1), node("Abs", "a"), node("Neg", "a"), node("Div", "a", "zeros")]
    nodes += [node("QuantizeLinear", "x", "scale", "zero")]
    constants = {"scale": np.float32(0.5), "zero": np.int8(3)}
    arrays = {"x": FLOATS, "a": INTEGERS, "b": DIVISORS, "zeros": np.zeros_like(INTEGERS)}
    compiled = program(nodes, arrays, constants)
    outputs = compiled.execute(arrays, sanitize=["undefined"]).outputs
    inside = slice(3, None)  # where the quotient is an int32
    np.testing.assert_array_equal(
        outputs["Div_a_b_0"][inside], np.trunc(INTEGERS[inside] / DIVISORS[inside].astype(float)).astype(np.int32)
    )
    np.testing.assert_array_equal(outputs["Mod_a_b_0"], np.mod(INTEGERS, DIVISORS.astype(np.int64)))
    np.testing.assert_array_equal(outputs["Mod_a_b_1_0"], np.fmod(INTEGERS, DIVISORS.astype(np.int64)))
    fits = np.abs(FLOATS) < 100
    np.testing.assert_array_equal(outputs["Cast_x_3_0"][fits], FLOATS[fits].astype(np.int8))
