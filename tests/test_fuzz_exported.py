"""Random integer networks as quantisation flows export them, and random steps of training, through the whole compiler.

The reference is the graph level's own interpreter, whose operators the peer suite's goldens hold to their meaning:
what is looked for here is whatever a later level does to them."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from onnx import helper

from deeploy_mlir.frontend import import_model
from deeploy_mlir.interpreters.run import run_module

from .operator_cases import Builder, exported
from .test_fuzz_operators import MANY, agree, compiled, fuzzing, l1_sizes

FAMILIES = {"integers": exported.INTEGERS, "training": exported.TRAINING}
by_family = pytest.mark.parametrize("family", FAMILIES)


@st.composite
def models(draw: st.DrawFn, family: str) -> Builder:
    """A model of several random networks."""
    contents = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    b = Builder(lambda low, high: draw(st.integers(low, high)), contents)
    for _ in range(draw(st.integers(1, 6))):
        b.add(b.pick(FAMILIES[family]))
    return b


def model_of(b: Builder) -> tuple[onnx.ModelProto, dict[str, str]]:
    """The model, whose inputs are declared FLOAT where they are bytes; the types that they have."""
    types = {n: f"{'u' if a.dtype.kind == 'u' else ''}i{a.dtype.itemsize * 8}" for n, a in b.values.items()}
    bytes_ = {n: t for n, t in types.items() if b.values[n].dtype.itemsize == 1}
    inputs = [
        helper.make_tensor_value_info(
            n, onnx.TensorProto.FLOAT if n in bytes_ else helper.np_dtype_to_tensor_dtype(a.dtype), a.shape
        )
        for n, a in b.values.items()
    ]
    outputs = [onnx.ValueInfoProto(name=n) for n in b.outputs]
    graph = helper.make_graph(b.nodes, "exported", inputs, outputs, b.weights)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("PACTOps", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9), bytes_


def check(
    b: Builder, target: str, l1: int | None = None, double_buffer: bool = True, platform: str | None = None
) -> None:
    """The compiled model computes what the graph level does."""
    logging.getLogger("deeploy_mlir").setLevel(logging.ERROR)
    model, types = model_of(b)
    wanted = run_module(import_model(model, input_types=types), list(b.values.values()))
    got = compiled(model, target, l1, double_buffer, types).run(b.values, platform)
    for value, want in zip(got.values(), wanted, strict=True):
        assert agree(value, want, 0), f"{value} is not {want}"


def check_noted(b: Builder, *options: Any) -> None:
    note(onnx.printer.to_text(model_of(b)[0]))
    check(b, *options)


@by_family
def test_on_the_host(family: str) -> None:
    @fuzzing(3, same=True)
    @given(models(family))
    def run(b: Builder) -> None:
        check_noted(b, "generic")

    run()


@by_family
def test_on_siracusa_with_little_l1(family: str) -> None:
    @fuzzing(3, same=True)
    @given(models(family), l1_sizes, st.booleans())
    def run(b: Builder, l1: int, double_buffer: bool) -> None:
        check_noted(b, "siracusa", l1, double_buffer)

    run()


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
