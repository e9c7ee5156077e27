"""ONNX's node cases through the generated C: a sample of them, the page with the score, and ONNX's own runner."""

from __future__ import annotations

import re
import unittest
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import deeploy_mlir.backend
from deeploy_mlir.testing.kernel_types import KERNELS, kernel_types
from deeploy_mlir.testing.node_cases import Outcome, Verdict, node_cases, operators_of, run_case, run_cases
from deeploy_mlir.testing.operator_page import element_types, microsoft_section, stated, stated_kernels, updated

PAGE = (Path(__file__).parent.parent / "docs" / "operators.md").read_text()
SCORE = re.search(r"\*\*(\d+) pass, (\d+) refused, (\d+) wrong of (\d+) cases", PAGE)
EVERY = 71
"""One case in so many is run by default."""


def test_the_page_adds_up() -> None:
    assert SCORE is not None
    passed, refused, wrong, total = map(int, SCORE.groups())
    rows = stated(PAGE).values()
    assert (passed, refused, wrong) == (
        sum(row[0] for row in rows),
        sum(row[1] for row in rows),
        sum(row[2] for row in rows),
    )
    assert passed + refused + wrong == total
    assert wrong == 0


def test_a_sample_of_the_cases_is_as_the_page_says() -> None:
    rows = stated(PAGE)
    for case in node_cases()[::EVERY]:
        outcome = run_case(case)
        passed, refused, _, _ = rows["several" if len(operators_of(case)) > 1 else operators_of(case)[0]]
        assert outcome.verdict != Verdict.WRONG, outcome
        assert outcome.verdict == Verdict.REFUSED or passed, outcome
        assert outcome.verdict == Verdict.PASS or refused, outcome
        assert outcome.verdict == Verdict.PASS or outcome.reason


def test_element_types_are_those_of_the_cases() -> None:
    cases: dict[str, list[Any]] = {}
    for case in node_cases():
        if len(operators_of(case)) == 1:
            cases.setdefault(operators_of(case)[0], []).append(case)
    all_pass = {operator: row[3] for operator, row in stated(PAGE).items() if row[1:3] == (0, 0) and operator in cases}
    assert len(all_pass) > 100
    for operator, types in all_pass.items():
        assert element_types(cases[operator]) == types, operator


def test_the_page_says_what_of_onnxruntimes_operators_is_taken() -> None:
    assert microsoft_section() in PAGE
    assert updated(PAGE, [], {}) == PAGE


def test_a_row_of_the_page_can_be_written_anew() -> None:
    outcomes = [Outcome("one", ("Abs",), Verdict.PASS), Outcome("two", ("Abs",), Verdict.REFUSED, "node: a reason")]
    page = updated(PAGE, outcomes, {"Abs": ("f64",)})
    assert stated(page) == stated(PAGE) | {"Abs": (1, 1, 0, ("f64",))}
    assert "| Abs | 1 | 1 | 0 | f64 | a reason |" in page
    assert page.count("## com.microsoft") == 1


@pytest.mark.parametrize("kernel", [k if k == "row" else pytest.param(k, marks=pytest.mark.slow) for k in KERNELS])
def test_kernels_take_the_types_that_the_page_says(kernel: str) -> None:
    assert stated_kernels(PAGE).keys() == KERNELS.keys()
    assert kernel_types(kernel) == stated_kernels(PAGE)[kernel]


@pytest.mark.slow
def test_all_cases() -> None:
    assert SCORE is not None
    outcomes = list(run_cases(node_cases(), jobs=2))
    assert [o for o in outcomes if o.verdict == Verdict.WRONG] == []
    assert sum(o.verdict == Verdict.PASS for o in outcomes) >= int(SCORE.group(1))


def test_the_official_runner() -> None:
    from onnx.backend.test import BackendTest

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runner: Any = BackendTest(cast(Any, deeploy_mlir.backend), __name__)
    for pattern in ("test_relu_cpu", "test_maxpool_2d_default_cpu", "test_argmax_default_axis_example_cpu"):
        runner.include(f"^{pattern}$")
    suite = unittest.TestSuite()
    for tests in cast("dict[str, type[unittest.TestCase]]", runner.test_cases).values():
        suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(tests))
    result = unittest.TestResult()
    suite.run(result)
    assert result.wasSuccessful(), result.failures + result.errors
    assert result.testsRun - len(result.skipped) == 3


def model_of(node: onnx.NodeProto, inputs: dict[str, np.ndarray[Any, Any]], output: list[int]) -> onnx.ModelProto:
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in inputs.items()
    ]
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, output)
    return helper.make_model(helper.make_graph([node], "g", infos, [y]))


def test_bounds_of_a_slice_may_change_from_run_to_run() -> None:
    x = np.arange(40, dtype=np.float32).reshape(5, 8)
    node = helper.make_node("Slice", ["x", "starts", "ends", "axes", "steps"], ["y"])
    inputs = {"x": x, **{name: np.zeros(1, np.int64) for name in ("starts", "ends", "axes", "steps")}}
    compiled = deeploy_mlir.backend.prepare(model_of(node, inputs, [5, 3]))
    for start, end, step in ((0, 3, 1), (5, 8, 1), (-4, -1, 1), (1, 7, 2), (7, 4, -1), (-1, -7, -2)):
        arrays = [np.array([v]) for v in (start, end, 1, step)]
        np.testing.assert_array_equal(compiled.run([x, *arrays])[0], x[:, start:end:step])


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
def test_amounts_of_padding_may_change_from_run_to_run(mode: str) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    node = helper.make_node("Pad", ["x", "pads"], ["y"], mode=mode)
    compiled = deeploy_mlir.backend.prepare(model_of(node, {"x": x, "pads": np.zeros(4, np.int64)}, [5, 7]))
    for low, left in ((0, 0), (2, 3), (1, 2)):
        got = compiled.run([x, np.array([low, left, 2 - low, 3 - left])])[0]
        np.testing.assert_array_equal(got, np.pad(x, ((low, 2 - low), (left, 3 - left)), mode=cast(Any, mode)))


def test_an_if_on_data_takes_either_branch() -> None:
    branches = [
        helper.make_graph([helper.make_node(op, ["x"], ["z"])], op, [], [helper.make_empty_tensor_value_info("z")])
        for op in ("Neg", "Abs")
    ]
    node = helper.make_node("If", ["c"], ["y"], then_branch=branches[0], else_branch=branches[1])
    x = np.array([1, -2, 3], np.float32)
    compiled = deeploy_mlir.backend.prepare(model_of(node, {"c": np.array(True), "x": x}, [3]))
    np.testing.assert_array_equal(compiled.run([np.array(True), x])[0], -x)
    np.testing.assert_array_equal(compiled.run([np.array(False), x])[0], np.abs(x))


def test_operands_of_one_sum_are_padded_each_in_its_own_way() -> None:
    x = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    pads = {"p": np.array([0, 0, 2, 2]), "q": np.array([2, 2, 0, 0])}
    nodes = [
        helper.make_node("Pad", ["x", "p"], ["a"]),
        helper.make_node("Pad", ["x", "q"], ["b"]),
        helper.make_node("Sub", ["a", "b"], ["y"]),
    ]
    infos = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in (("x", [3, 4]), ("y", [5, 6]))]
    graph = helper.make_graph(
        nodes, "g", infos[:1], infos[1:], [numpy_helper.from_array(v, n) for n, v in pads.items()]
    )
    got = deeploy_mlir.backend.prepare(helper.make_model(graph)).run([x])[0]
    np.testing.assert_array_equal(got, np.pad(x, ((0, 2), (0, 2))) - np.pad(x, ((2, 0), (2, 0))))
