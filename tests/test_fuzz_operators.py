"""Random operators through the whole compiler, on host and emulated SoC, against `onnx.reference`.

Each example is a model of several independent graphs, so that one build serves them all. A few examples run by
default; with the `slow` marker, and DEEPLOY_FUZZ examples of each family (400 by default), it is the nightly run.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from onnx import helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

import deeploy_mlir
from deeploy_mlir.numpy_types import Array

from .operator_cases import FAMILIES, random_model

FEW = 3
MANY = int(os.environ.get("DEEPLOY_FUZZ", "400"))
CASES = 8
SMALL_L1 = ("10KiB", "12KiB", "16KiB", "64KiB")
"""The stacks take 5 KiB of it."""

by_family = pytest.mark.parametrize("family", FAMILIES)
seeds = st.integers(0, 2**32 - 1)


def fuzzing(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )


class ConvTranspose(OpRun):
    """The reference evaluator's own fails for many shapes."""

    op_domain = ""

    def _run(self, x: Array, w: Array, **attributes: Any) -> tuple[Array]:  # type: ignore[override]
        group, strides = attributes["group"], attributes["strides"]
        n, channels, *sizes = x.shape
        outs, kernel = w.shape[1], w.shape[2:]
        y = np.zeros((n, outs * group, *((s - 1) * t + k for s, t, k in zip(sizes, strides, kernel, strict=True))))
        for c in range(channels):
            part = c // (channels // group) * outs
            for i, j in np.ndindex(*sizes):
                at = (
                    slice(i * strides[0], i * strides[0] + kernel[0]),
                    slice(j * strides[1], j * strides[1] + kernel[1]),
                )
                y[:, part : part + outs, *at] += x[:, c, i, j].reshape(-1, 1, 1, 1) * w[c]
        return (y.astype(x.dtype),)


def agree(got: Array, expected: Array) -> bool:
    """Integers of at most 8 bits within one step (requantisation of f32 products), others equal; floats within 1e-5."""
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return False
    if got.dtype.kind in "iu":
        return bool(np.abs(got.astype(np.int64) - expected).max(initial=0) <= (got.dtype.itemsize == 1))
    if got.dtype.kind == "b":
        return bool(np.array_equal(got, expected))
    most = float(np.abs(expected).max(initial=0))
    return bool(np.allclose(got, expected, rtol=1e-5, atol=1e-5 * max(most, 1e-3), equal_nan=True))


def check(family: str, seed: int, target: str, l1: str | None = None) -> None:
    logging.getLogger("deeploy_mlir").setLevel(logging.ERROR)
    built = random_model(family, seed, CASES)
    model = built.model()
    reference: Any = ReferenceEvaluator(model, new_ops=[ConvTranspose])
    expected: list[Any] = reference.run(None, built.values)
    program = deeploy_mlir.compile(model, target, l1=l1, name="fuzz")
    got = program.run(built.values)
    for name, wanted in zip(built.outputs, expected, strict=True):
        node = next(n for n in built.nodes if n.output[0] == name)
        assert agree(got[name], np.asarray(wanted)), f"seed {seed}: {node.name}: {got[name]} is not {wanted}"


@by_family
def test_on_the_host(family: str) -> None:
    @fuzzing(FEW)
    @given(seeds)
    def run(seed: int) -> None:
        check(family, seed, "generic")

    run()


@by_family
def test_on_siracusa_with_little_l1(family: str) -> None:
    @fuzzing(1)
    @given(seeds, st.sampled_from(SMALL_L1))
    def run(seed: int, l1: str) -> None:
        check(family, seed, "siracusa", l1)

    run()


@pytest.mark.slow
@by_family
@pytest.mark.parametrize("target", ["generic", "siracusa"])
def test_nightly(family: str, target: str) -> None:
    @fuzzing(MANY)
    @given(seeds, st.sampled_from(SMALL_L1))
    def run(seed: int, l1: str) -> None:
        check(family, seed, target, l1 if target == "siracusa" else None)

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
