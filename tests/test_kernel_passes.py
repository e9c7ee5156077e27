"""The passes of the kernel level, each checked by running the module before and after it on numpy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr

from deeploy_mlir.dialects.kernel import ConvOp, MapOp, MatmulOp, element_type_of_value, shape_of
from deeploy_mlir.frontend import import_model
from deeploy_mlir.interpreters.run import run_module, the_function
from deeploy_mlir.pipelines import GRAPH, run_pipeline
from deeploy_mlir.program.npz import load_arrays, match_arrays
from deeploy_mlir.support.numpy_types import Array, numpy_dtype
from deeploy_mlir.universe import UNIVERSE

from .peer_suite import suite

PASSES = (
    "convert-onnx-to-kernel",
    "deeploy-channels-last",
    "deeploy-sink-transposes",
    "deeploy-fuse-epilogues",
    "deeploy-narrow-arithmetic",
    "deeploy-remove-dead-globals",
)
QUICK = 200_000
"""Multiply-accumulates up to which a leaf is run by default."""


@dataclass(frozen=True)
class Case:
    """One leaf of the suite; `tolerance` is relative to the largest golden value, None for exact."""

    path: str
    macs: int
    tolerance: float | None


@cache
def cases() -> tuple[Case, ...]:
    manifest = suite() / "manifest.json"
    if not manifest.is_file():
        return ()
    records: list[dict[str, Any]] = json.loads(manifest.read_text())["leaves"]
    return tuple(Case(r["path"], r["macs"], r["tolerance"].get("value")) for r in records)


def parameters() -> list[Any]:
    return [
        pytest.param(case, id=case.path, marks=[] if case.macs <= QUICK else [pytest.mark.slow]) for case in cases()
    ]


needs_suite = pytest.mark.skipif(not cases(), reason=f"the peer suite is not at {suite()}; set DEEPLOY_SHARED")


def names(module: ModuleOp, attribute: str) -> list[str]:
    found = the_function(module).attributes[attribute]
    assert isinstance(found, ArrayAttr)
    return [item.data for item in cast("ArrayAttr[StringAttr]", found)]


def run_pass(module: ModuleOp, name: str) -> None:
    UNIVERSE.all_passes[name]()().apply(Context(), module)
    module.verify()


def kernels_of(case: Case) -> ModuleOp:
    folder = suite() / case.path
    module = import_model(folder / "network.onnx", types_from=load_arrays(folder / "inputs.npz"))
    run_pipeline(module, ",".join(GRAPH))
    return module


def inputs_of(module: ModuleOp, case: Case) -> list[Array]:
    arrays = match_arrays(load_arrays(suite() / case.path / "inputs.npz"), names(module, "arg_names"))
    values: list[Array] = []
    for array, argument in zip(arrays.values(), the_function(module).args, strict=True):
        values.append(array.reshape(shape_of(argument)).astype(numpy_dtype(element_type_of_value(argument))))
    return values


def assert_golden(case: Case, golden: Array, got: Array, after: str) -> None:
    expected = golden.reshape(got.shape)
    if got.dtype.kind in "iub":
        np.testing.assert_array_equal(got.astype(np.int64), expected.astype(np.int64), err_msg=after)
        return
    finite = np.abs(expected[np.isfinite(expected)])
    limit = (case.tolerance or 1e-5) * float(finite.max(initial=1e-30))
    np.testing.assert_allclose(got.astype(np.float64), expected, rtol=0, atol=limit, err_msg=after)


@needs_suite
@pytest.mark.parametrize("case", parameters())
def test_golden_after_each_pass(case: Case) -> None:
    module = kernels_of(case)
    inputs = inputs_of(module, case)
    golden = match_arrays(load_arrays(suite() / case.path / "outputs.npz"), names(module, "result_names"))
    for name in PASSES:
        run_pass(module, name)
        for array, got in zip(golden.values(), run_module(module, inputs), strict=True):
            assert_golden(case, array, got, f"after {name}")


INTEGER_NETWORKS = (
    "Models/MLPerf/KeywordSpotting",
    "Models/MLPerf/VisualWakeWords",
    "Models/CNN_Linear1",
    "Models/miniMobileNetv2",
)


@needs_suite
@pytest.mark.parametrize("path", INTEGER_NETWORKS)
def test_no_transposes_inside_networks(path: str) -> None:
    """At most the input is transposed; everything elementwise is in an epilogue, and no i32 tensor is stored inside."""
    case = next(c for c in cases() if c.path == path)
    module = kernels_of(case)
    for name in PASSES:
        run_pass(module, name)
    operators = [op for op in the_function(module).body.walk() if isinstance(op, MapOp | ConvOp | MatmulOp)]
    maps = [op for op in operators if isinstance(op, MapOp)]
    argument = the_function(module).args[0]
    assert all(value is argument for op in maps for value in op.ins)
    assert len(maps) <= 1
    inner = [op for op in operators if op.result is not None and op.result.first_use is not None]
    stored = {str(element_type_of_value(op.out)) for op in inner[:-1]}
    assert "i32" not in stored
