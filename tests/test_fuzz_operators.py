"""Random operators through the whole compiler, on host and emulated SoC, against `onnx.reference`; integer networks as
quantisation flows export them and steps of training, against the graph level's interpreter.

Each example is a model of several independent graphs, so that one build serves them all; one that fails in the
nightly run is shrunk. A few examples, always the same, run by default. With the `slow` marker it is the nightly run:
DEEPLOY_FUZZ examples of each family and target (100 by default), new ones each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from onnx import helper

import deeploy_mlir

from .fuzzing import ALL_FAMILIES, MANY, check, check_exported, exported_model, fuzzing, l1_sizes, models
from .operator_cases import EXPORTED, Builder

pytest.importorskip("onnxruntime", reason="onnxruntime is the reference where onnx's own is wrong")

by_family = pytest.mark.parametrize("family", ALL_FAMILIES)


def check_noted(family: str, b: Builder, *options: Any) -> None:
    """Checks from within a test of hypothesis, which prints the model of an example that fails."""
    if family in EXPORTED:
        note(onnx.printer.to_text(exported_model(b)[0]))
        check_exported(b, *options)
    else:
        note(onnx.printer.to_text(b.model()))
        check(b, *options)


@by_family
def test_on_the_host(family: str) -> None:
    @fuzzing(2, same=True)
    @given(models(family))
    def run(b: Builder) -> None:
        check_noted(family, b, "generic")

    run()


@by_family
def test_on_siracusa_with_little_l1(family: str) -> None:
    @fuzzing(2, same=True)
    @given(models(family), l1_sizes, st.booleans())
    def run(b: Builder, l1: int, double_buffer: bool) -> None:
        check_noted(family, b, "siracusa", l1, double_buffer)

    run()


@fuzzing(4, same=True)
@given(st.data(), st.sampled_from(list(ALL_FAMILIES)), l1_sizes, st.booleans())
def test_on_host_threads(data: st.DataObject, family: str, l1: int, double_buffer: bool) -> None:
    check_noted(family, data.draw(models(family)), "siracusa", l1, double_buffer, "threads")


@pytest.mark.slow
@by_family
@pytest.mark.parametrize("platform", ["generic", "siracusa", "threads"])
def test_nightly(family: str, platform: str) -> None:
    @fuzzing(MANY, same=False)
    @given(models(family), l1_sizes, st.booleans())
    def run(b: Builder, l1: int, double_buffer: bool) -> None:
        if platform == "generic":
            check_noted(family, b, "generic")
        else:
            check_noted(family, b, "siracusa", l1, double_buffer, platform)

    run()


def test_a_tie_between_the_parts_of_a_concatenation_is_settled_once() -> None:
    """One half transposed, the other not: an order that wins by being transposed would win again after each change."""
    nodes = [
        helper.make_node("Transpose", ["a"], ["t"], "transpose", perm=[1, 0]),
        helper.make_node("Concat", ["t", "b"], ["left"], "left", axis=1),
        helper.make_node("Concat", ["b", "t"], ["right"], "right", axis=1),
    ]
    inputs = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in (("a", [2, 3]), ("b", [3, 2]))]
    outputs = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [3, 4]) for n in ("left", "right")]
    model = helper.make_model(helper.make_graph(nodes, "tie", inputs, outputs), ir_version=9)
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    b = np.arange(6, 12, dtype=np.float32).reshape(3, 2)
    got = deeploy_mlir.compile(model, "generic", name="tie").run({"a": a, "b": b})
    parts = [a.T, b]
    np.testing.assert_array_equal(got["left"], np.concatenate(parts, 1))
    np.testing.assert_array_equal(got["right"], np.concatenate(parts[::-1], 1))
