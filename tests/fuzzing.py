"""Random models of operators compiled and run, against what they should compute."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping

import numpy as np
import onnx
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from onnx import helper

import deeploy_mlir
from deeploy_mlir.frontend import import_model
from deeploy_mlir.interpreters.run import run_module
from deeploy_mlir.machine.registry import load_soc
from deeploy_mlir.program.program import Program
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

from .operator_cases import EXPORTED, FAMILIES, Builder
from .operator_cases.references import expected

MANY = int(os.environ.get("DEEPLOY_FUZZ", "100"))
"""Examples in a nightly run."""
ALL_FAMILIES = FAMILIES | EXPORTED
CASES = 8
"""Most graphs in a model."""
QUANTIZING = ("QuantizeLinear", "QLinear", "DynamicQuantizeLinear")
"""Operators whose results may be one step off: products of floats are rounded in another order."""

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
        b.add(b.pick(ALL_FAMILIES[family]))
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


def exported_model(b: Builder) -> tuple[onnx.ModelProto, dict[str, str]]:
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


def check_exported(
    b: Builder, target: str, l1: int | None = None, double_buffer: bool = True, platform: str | None = None
) -> None:
    """The compiled model computes what the graph level's interpreter does, whose operators the peer suite holds
    to their meaning: looked for is what a later level does to them."""
    logging.getLogger("deeploy_mlir").setLevel(logging.ERROR)
    model, types = exported_model(b)
    wanted = run_module(import_model(model, input_types=types), list(b.values.values()))
    got = compiled(model, target, l1, double_buffer, types).run(b.values, platform)
    for value, want in zip(got.values(), wanted, strict=True):
        assert agree(value, want, 0), f"{value} is not {want}"
