"""ONNX's own node tests through the importer, the graph passes and the graph interpreter: nothing gives a wrong answer.

Most of the arithmetic is the reference evaluator's, so this checks the importer (types, shapes, older forms,
attributes) and that the passes, function expansion above all, keep the meaning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import onnx
import pytest
from xdsl.context import Context
from xdsl.passes import ModulePass

from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import run_module
from deeploy_mlir.passes.expand_functions import ExpandFunctionsPass
from deeploy_mlir.passes.fold_batch_norm import FoldBatchNormPass
from deeploy_mlir.passes.fold_constants import FoldConstantsPass
from deeploy_mlir.passes.qdq_to_integer import QdqToIntegerPass
from deeploy_mlir.passes.simplify_graph import SimplifyGraphPass
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

SIMPLIFY: tuple[ModulePass, ...] = (FoldConstantsPass(), FoldBatchNormPass(), QdqToIntegerPass(), SimplifyGraphPass())
EXPAND: tuple[ModulePass, ...] = (ExpandFunctionsPass(keep=()), FoldConstantsPass(dequantize=True))

CONSTANT_INPUTS = frozenset(
    "cond trip_count scales sizes roi ratio training_mode axis start limit delta size window_length k split repeats "
    "shape axes num_bins depth".split()
)
"""Inputs that a compiled network knows; the node tests feed them as arrays."""


def cases() -> list[Any]:
    """The node tests on tensors, without those that repeat another one expanded by its function."""
    from onnx.backend.test.case.node import collect_testcases

    found: list[Any] = cast(Any, collect_testcases)(None)
    return [case for case in found if "_expanded" not in case.name]


def arrays_of(values: Sequence[Any]) -> list[Array] | None:
    """Arrays of a test's data, None if some are no tensors."""
    arrays: list[Array] = []
    for value in values:
        if isinstance(value, list | dict) or value is None:
            return None
        arrays.append(onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value))
    return arrays


def is_parameter(name: str, array: Array, *, first: bool) -> bool:
    """Whether an input is one that a network would have as a constant."""
    return array.ndim <= 1 and (name in CONSTANT_INPUTS or (array.dtype.kind in "iub" and not first))


def run(model: onnx.ModelProto, arrays: Sequence[Array], passes: Sequence[ModulePass], *, bind: bool) -> list[Array]:
    """Results of the model; with `bind`, parameters are constants."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    fed: list[Array] = []
    for index, (value, array) in enumerate(zip(model.graph.input, arrays, strict=True)):
        if bind and is_parameter(value.name, array, first=index == 0):
            copy.graph.initializer.append(onnx.numpy_helper.from_array(array, value.name))
        else:
            fed.append(array)
    module = import_model(copy, name="node")
    for graph_pass in passes:
        graph_pass.apply(Context(), module)
        module.verify()
    return run_module(module, fed)


def outcome(case: Any, passes: Sequence[ModulePass]) -> str:
    """`ok`, `refused`, `no tensors`; or what is wrong."""
    inputs, outputs = (arrays_of(values) for values in case.data_sets[0])
    if inputs is None or outputs is None:
        return "no tensors"
    try:
        try:
            results = run(case.model, inputs, passes, bind=False)
        except DeeployError:
            results = run(case.model, inputs, passes, bind=True)
    except DeeployError:
        return "refused"
    for got, expected in zip(results, outputs, strict=True):
        if got.shape != expected.shape or got.dtype != expected.dtype:
            return f"{got.dtype}{list(got.shape)} instead of {expected.dtype}{list(expected.shape)}"
        half = expected.dtype.itemsize == 2
        close = np.isclose(
            got.astype(np.float64),
            expected.astype(np.float64),
            rtol=1e-2 if half else max(1e-3, case.rtol),
            atol=2e-3 if half else 1e-5,
            equal_nan=True,
        )
        if not np.all(close):
            return f"{np.count_nonzero(~close)} of {close.size} values differ"
    return "ok"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("passes", [(), SIMPLIFY, EXPAND], ids=["import", "simplify", "expand"])
def test_node_cases(passes: Sequence[ModulePass]) -> None:
    outcomes = {case.name: outcome(case, passes) for case in cases()}
    known = ("ok", "refused", "no tensors")
    assert {name: text for name, text in outcomes.items() if text not in known} == {}
    assert Counter(outcomes.values())["ok"] >= 1150
