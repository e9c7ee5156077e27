"""Random operators through the whole compiler, on host and emulated SoC, against `onnx.reference`.

Each example is a model of several independent graphs, so that one build serves them all; one that fails in the
nightly run is shrunk. A few examples, always the same, run by default. With the `slow` marker it is the nightly run:
DEEPLOY_FUZZ examples of each family and target (100 by default), new ones each time.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from onnx import helper

import deeploy_mlir
from deeploy_mlir.errors import DeeployError
from deeploy_mlir.numpy_types import Array
from deeploy_mlir.program import Program
from deeploy_mlir.targets.registry import load_soc

from .operator_cases import FAMILIES, Builder
from .operator_cases.references import expected

pytest.importorskip("onnxruntime", reason="onnxruntime is the reference where onnx's own is wrong")

MANY = int(os.environ.get("DEEPLOY_FUZZ", "100"))
CASES = 8
"""Most graphs in a model."""
QUANTIZING = ("QuantizeLinear", "QLinear", "DynamicQuantizeLinear")
"""Operators whose results may be one step off: products of floats are rounded in another order."""

by_family = pytest.mark.parametrize("family", FAMILIES)
STACKS = sum(engine.reserved_bytes for engine in load_soc("siracusa").engines)
l1_sizes = st.one_of(st.just(STACKS + 8), st.integers(STACKS + 512, 64 * 1024))
"""Next to nothing beside the stacks, which is refused with the least that would do; or some of what there may be."""


def fuzzing(examples: int, *, same: bool) -> settings:
    """New examples each time, shrunk where they fail; or the same ones each time, as they are."""
    return settings(
        max_examples=examples,
        derandomize=same,
        phases=[Phase.generate] if same else [Phase.generate, Phase.shrink],
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


@st.composite
def models(draw: st.DrawFn, family: str) -> Builder:
    """A model of several random graphs of a family."""
    contents = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    b = Builder(lambda low, high: draw(st.integers(low, high)), contents)
    for _ in range(draw(st.integers(1, CASES))):
        b.add(b.pick(FAMILIES[family]))
    return b


def agree(got: Array, wanted: Array, steps: int) -> bool:
    """Integers up to `steps` apart; floats within 1e-5 of the largest, of 16 bits within their precision."""
    if got.shape != wanted.shape or got.dtype != wanted.dtype:
        return False
    if got.dtype.kind in "iu" and steps:
        return bool(np.abs(got.astype(np.int64) - wanted).max(initial=0) <= steps)
    if got.dtype.kind in "iub":
        return bool(np.array_equal(got, wanted))
    most = float(np.abs(wanted, where=np.isfinite(wanted), out=np.zeros_like(wanted)).max(initial=0))
    limit = 1e-5 if got.dtype.itemsize > 2 else 1e-3
    return bool(np.allclose(got, wanted, rtol=limit, atol=limit * max(most, 1e-3), equal_nan=True))


def compiled(
    model: onnx.ModelProto, target: str, l1: int | None, double_buffer: bool, types: Mapping[str, str] | None = None
) -> Program:
    """The program; where `l1` is refused with the least that would do, with that. `types`: of the inputs."""

    def program(l1: int | None) -> Program:
        return deeploy_mlir.compile(model, target, l1=l1, name="fuzz", double_buffer=double_buffer, input_types=types)

    try:
        return program(l1)
    except DeeployError as error:
        enough = re.search(r"the smallest l1 that would do is (\d+) bytes", str(error))
        if enough is None:
            raise
        return program(int(enough[1]))


def check(
    b: Builder, target: str, l1: int | None = None, double_buffer: bool = True, platform: str | None = None
) -> None:
    """The compiled model computes what it should."""
    logging.getLogger("deeploy_mlir").setLevel(logging.ERROR)
    model = b.model()
    wanted = expected(model, b.values)
    got = compiled(model, target, l1, double_buffer).run(b.values, platform)
    nodes = {name: node for node in model.graph.node for name in node.output}
    for name, value in zip(b.outputs, wanted, strict=True):
        node = nodes[name]
        assert agree(got[name], value, int(node.op_type.startswith(QUANTIZING))), (
            f"{node.name}: {got[name]} is not {value}"
        )


def check_noted(b: Builder, *options: Any) -> None:
    """`check`, from within a test of hypothesis, which prints the model of an example that fails."""
    note(onnx.printer.to_text(b.model()))
    check(b, *options)


@by_family
def test_on_the_host(family: str) -> None:
    @fuzzing(2, same=True)
    @given(models(family))
    def run(b: Builder) -> None:
        check_noted(b, "generic")

    run()


@by_family
def test_on_siracusa_with_little_l1(family: str) -> None:
    @fuzzing(2, same=True)
    @given(models(family), l1_sizes, st.booleans())
    def run(b: Builder, l1: int, double_buffer: bool) -> None:
        check_noted(b, "siracusa", l1, double_buffer)

    run()


@fuzzing(4, same=True)
@given(st.sampled_from(list(FAMILIES)).flatmap(models), l1_sizes, st.booleans())
def test_on_host_threads(b: Builder, l1: int, double_buffer: bool) -> None:
    check_noted(b, "siracusa", l1, double_buffer, "threads")


@pytest.mark.slow
@by_family
@pytest.mark.parametrize("platform", ["generic", "siracusa", "threads"])
def test_nightly(family: str, platform: str) -> None:
    @fuzzing(MANY, same=False)
    @given(models(family), l1_sizes, st.booleans())
    def run(b: Builder, l1: int, double_buffer: bool) -> None:
        if platform == "generic":
            check_noted(b, "generic")
        else:
            check_noted(b, "siracusa", l1, double_buffer, platform)

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
    a, b = (np.arange(6, dtype=np.float32) + start for start in (0, 6))
    got = deeploy_mlir.compile(model, "generic", name="tie").run({"a": a, "b": b})
    parts = [a.reshape(2, 3).T, b.reshape(3, 2)]
    np.testing.assert_array_equal(got["left"], np.concatenate(parts, 1))
    np.testing.assert_array_equal(got["right"], np.concatenate(parts[::-1], 1))
