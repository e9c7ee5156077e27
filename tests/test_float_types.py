"""Operators on float64 keep its precision, and those on 16-bit floats round once, through the generated C."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from deeploy_mlir.backend import prepare
from deeploy_mlir.support.numpy_types import Array

Shape = Sequence[int]


def outputs_of(op_type: str, shapes: Sequence[Shape], dtype: Any, **attributes: Any) -> tuple[Array, Array]:
    """What the generated C and the reference evaluator give for random operands."""
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    names = [f"x{i}" for i in range(len(shapes))]
    node = helper.make_node(op_type, names, ["y"], **attributes)
    infos = [helper.make_tensor_value_info(n, element, s) for n, s in zip(names, shapes, strict=True)]
    graph = helper.make_graph([node], "g", infos, [helper.make_tensor_value_info("y", element, None)])
    model = onnx.shape_inference.infer_shapes(helper.make_model(graph))
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    reference: Any = ReferenceEvaluator(model)
    expected = reference.run(None, dict(zip(names, arrays, strict=True)))
    return prepare(model).run(arrays)[0], expected[0]


IMAGE = (1, 3, 9, 9)


@pytest.mark.parametrize(
    ("op_type", "shapes", "attributes"),
    [
        ("MatMul", [(5, 70), (70, 6)], {}),
        ("Conv", [IMAGE, (4, 3, 3, 3)], {}),
        ("ReduceSum", [(5, 70)], {}),
        ("ReduceLogSumExp", [(5, 70)], {}),
        ("Softmax", [(5, 70)], {}),
        ("LogSoftmax", [(5, 70)], {}),
        ("LayerNormalization", [(5, 70), (70,), (70,)], {}),
        ("AveragePool", [IMAGE], {"kernel_shape": [3, 3]}),
        ("MaxPool", [IMAGE], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
        ("Tanh", [(5, 70)], {}),
    ],
)
def test_double(op_type: str, shapes: Sequence[Shape], attributes: dict[str, Any]) -> None:
    got, expected = outputs_of(op_type, shapes, np.float64, **attributes)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    ("op_type", "shapes", "attributes"),
    [
        ("MaxPool", [IMAGE], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
        ("ReduceMax", [(5, 70)], {}),
        ("ReduceMin", [(5, 70)], {}),
    ],
)
def test_half_maxima_are_exact(op_type: str, shapes: Sequence[Shape], attributes: dict[str, Any]) -> None:
    got, expected = outputs_of(op_type, shapes, np.float16, **attributes)
    assert got.dtype == np.float16
    np.testing.assert_array_equal(got, expected)
