"""Every network of the peer suite imported and run on the graph level, before and after the graph passes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from deeploy_mlir.dialects.graph_op import GraphOp, tensor_type
from deeploy_mlir.dialects.qnn import is_integer
from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import graph_function, run_module, string_names
from deeploy_mlir.passes.expand_functions import ExpandFunctionsPass
from deeploy_mlir.passes.fold_batch_norm import FoldBatchNormPass
from deeploy_mlir.passes.fold_constants import FoldConstantsPass
from deeploy_mlir.passes.qdq_to_integer import QdqToIntegerPass
from deeploy_mlir.passes.simplify_graph import SimplifyGraphPass
from deeploy_mlir.program.npz import load_arrays, match_arrays
from deeploy_mlir.support.numpy_types import Array

from .peer_suite import suite

PASSES = (
    FoldConstantsPass(),
    FoldBatchNormPass(),
    QdqToIntegerPass(),
    SimplifyGraphPass(),
    ExpandFunctionsPass(),
    FoldConstantsPass(dequantize=True),
)


def records() -> list[Any]:
    """The manifest's leaves; one that is skipped where the suite is absent."""
    manifest = suite() / "manifest.json"
    if not manifest.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no peer suite at {suite()}"))]
    leaves: list[dict[str, Any]] = json.loads(manifest.read_text())["leaves"]
    return [pytest.param(leaf, id=leaf["path"]) for leaf in leaves]


def assert_matches(results: list[Array], golden: list[Array], tolerance: dict[str, Any]) -> None:
    """Compare as the manifest says: exactly, or relative to the largest golden value; infinities must agree."""
    for got, expected in zip(results, golden, strict=True):
        assert got.size == expected.size
        a, b = got.astype(np.float64).ravel(), expected.astype(np.float64).ravel()
        finite = np.isfinite(b)
        assert np.array_equal(a[~finite], b[~finite])
        largest = float(np.abs(b[finite]).max(initial=0.0))
        allowed = 0.0 if tolerance["kind"] == "exact" else float(tolerance["value"]) * largest
        assert float(np.abs(a[finite] - b[finite]).max(initial=0.0)) <= allowed


def float_operations(module: ModuleOp) -> list[str]:
    """Operations with a float result."""
    return [
        op.node_name
        for op in graph_function(module).body.block.ops
        if isinstance(op, GraphOp) and not all(is_integer(tensor_type(r).element_type) for r in op.results)
    ]


@pytest.mark.parametrize("leaf", records())
def test_leaf(leaf: dict[str, Any]) -> None:
    folder = suite() / str(leaf["path"])
    inputs, outputs = load_arrays(folder / "inputs.npz"), load_arrays(folder / "outputs.npz")
    module = import_model(folder / "network.onnx", types_from=inputs)
    module.verify()
    function = graph_function(module)
    arguments = list(match_arrays(inputs, string_names(function, "arg_names")).values())
    golden = list(match_arrays(outputs, string_names(function, "result_names")).values())
    if leaf["arithmetic"] == "integer":
        assert float_operations(module) == []
    before = run_module(module, arguments)
    assert_matches(before, golden, leaf["tolerance"])
    for graph_pass in PASSES:
        graph_pass.apply(Context(), module)
        module.verify()
    assert_matches(run_module(module, arguments), golden, leaf["tolerance"])


WEAK = ("Models/MLPerf/KeywordSpotting", "Models/MLPerf/VisualWakeWords")


@pytest.mark.parametrize("path", WEAK)
def test_activations(path: str) -> None:
    """The goldens of these networks do not depend on the input, so compare what lies between as well: the file's keys
    are no tensor names, but each stored tensor equals some value of the network."""
    folder: Path = suite() / path
    if not (folder / "activations.npz").is_file():
        pytest.skip(f"no activations at {folder}")
    inputs = load_arrays(folder / "inputs.npz")
    module = import_model(folder / "network.onnx", types_from=inputs)
    values: dict[Any, Array] = {}
    run_module(module, list(inputs.values()), values=values)
    for name, stored in load_arrays(folder / "activations.npz").items():
        expected = stored.astype(np.float64).ravel()
        candidates = [v.astype(np.float64).ravel() for v in values.values() if v.size == expected.size]
        assert any(np.array_equal(expected, candidate) for candidate in candidates), name


def test_input_types_by_option() -> None:
    """The types may be given by name instead of by sample data."""
    folder = suite() / "Models/MLPerf/KeywordSpotting"
    if not folder.is_dir():
        pytest.skip(f"no peer suite at {suite()}")
    inputs = load_arrays(folder / "inputs.npz")
    by_option = import_model(folder / "network.onnx", input_types={"input": "ui8"}, name="kws")
    by_data = import_model(folder / "network.onnx", types_from=inputs, name="kws")
    assert by_option.is_structurally_equivalent(by_data)
