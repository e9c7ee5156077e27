"""`--ram` of the generic target: activations, inputs and outputs obey it; constants lie in flash and do not count."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

import deeploy_mlir
from deeploy_mlir import cli
from deeploy_mlir.program.program import Program
from deeploy_mlir.support.errors import DeeployError

DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits"


def used(program: Program) -> dict[str, int]:
    return {m.name: m.used for m in program.plan.memory}


def smallest(error: pytest.ExceptionInfo[DeeployError]) -> int:
    """The RAM that the refusal offers."""
    found = re.search(r"the smallest ram that (?:would do|holds them) is (\d+) bytes", str(error.value))
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("network", ["digits", "digits_int8"])
def test_the_smallest_budget_is_told_and_does(network: str) -> None:
    model = DIGITS / f"{network}.onnx"
    free = used(deeploy_mlir.compile(model, "generic"))
    with pytest.raises(DeeployError) as refused:
        deeploy_mlir.compile(model, "generic", ram=free["ram"] - 1)
    least = smallest(refused)
    program = deeploy_mlir.compile(model, "generic", ram=least)
    assert used(program)["ram"] <= least
    assert used(program)["flash"] == free["flash"] > 10_000
    with pytest.raises(DeeployError, match="smallest ram"):
        deeploy_mlir.compile(model, "generic", ram=least - 1)


def test_check_obeys_the_budget(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["check", str(DIGITS / "digits_int8.onnx"), "--target", "generic", "--inputs", str(DIGITS / "inputs.npz")]
    words += ["--expect", str(DIGITS / "expect_int8.npz"), "--ram"]
    assert cli.main([*words, "2KiB"]) == 0
    assert "of 2,048 bytes" in capsys.readouterr().out
    assert cli.main([*words, "1KiB"]) == 2
    assert "the smallest ram that would do is 1576 bytes" in capsys.readouterr().err


def dense(widths: list[int]) -> bytes:
    """Layers of these widths, each a product with a constant and a Relu."""
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    for i, (rows, columns) in enumerate(pairwise(widths)):
        weights.append(numpy_helper.from_array(np.full((rows, columns), 0.5, np.float32), f"w{i}"))
        nodes.append(helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"y{i}"], name=f"layer{i}"))
        nodes.append(helper.make_node("Tanh", [f"y{i}"], [f"x{i + 1}"]))
    last = len(widths) - 1
    graph = helper.make_graph(
        nodes,
        "dense",
        [helper.make_tensor_value_info("x0", onnx.TensorProto.FLOAT, [1, widths[0]])],
        [helper.make_tensor_value_info(f"x{last}", onnx.TensorProto.FLOAT, [1, widths[-1]])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=3, max_size=6))
def test_the_budget_is_for_activations_inputs_and_outputs(widths: list[int]) -> None:
    def padded(elements: int) -> int:
        return -(-elements * 4 // 8) * 8

    inner = widths[1:-1]
    alive = max(padded(a) + padded(b) for a, b in zip([0, *inner], [*inner, 0], strict=True))
    need = padded(widths[0]) + padded(widths[-1]) + alive
    assert used(deeploy_mlir.compile(dense(widths), "generic", ram=need))["ram"] <= need
    with pytest.raises(DeeployError) as refused:
        deeploy_mlir.compile(dense(widths), "generic", ram=need - 8)
    assert smallest(refused) == need
