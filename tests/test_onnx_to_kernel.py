"""The official node cases of ONNX at the kernel level: after all of its passes the module computes what the case wants,
or the compiler said beforehand that it cannot."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from xdsl.context import Context

from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.frontend import import_model
from deeploy_mlir.interpreters.run import run_module, the_function
from deeploy_mlir.pipelines import GRAPH, run_pipeline
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, numpy_dtype
from deeploy_mlir.universe import UNIVERSE

PASSES = (
    "convert-onnx-to-kernel",
    "deeploy-channels-last",
    "deeploy-sink-transposes",
    "deeploy-fuse-epilogues",
    "deeploy-narrow-arithmetic",
    "deeploy-remove-dead-globals",
)
FAMILIES = (
    "conv", "convtranspose", "matmul", "gemm", "maxpool", "averagepool", "softmax", "layer_normalization", "gather",
    "scatter", "resize", "einsum", "lstm", "gru", "top_k", "argmax", "cumsum", "triu", "pad", "concat", "clip",
    "where", "bitshift", "reduce_max", "quantizelinear", "depthtospace", "tile", "pow",
)  # fmt: skip


@cache
def cases() -> dict[str, Any]:
    """The node cases that are not expanded functions."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: list[Any] = collect_testcases(None)  # type: ignore[reportArgumentType]
    return {c.name: c for c in found if not c.name.endswith("_expanded")}


def arrays_of(values: Any) -> list[Array]:
    return [numpy_helper.to_array(v) if isinstance(v, onnx.TensorProto) else np.asarray(v) for v in values]


def passes(case: Any) -> bool:
    """Whether the case computes what it wants; False if it is refused. Raises AssertionError if it is wrong."""
    try:
        inputs, expected = (arrays_of(v) for v in case.data_sets[0])
        module = import_model(case.model)
        run_pipeline(module, ",".join(GRAPH))
        for name in PASSES:
            UNIVERSE.all_passes[name]()().apply(Context(), module)
            module.verify()
    except DeeployError:
        return False
    arguments = the_function(module).args
    given = [
        np.asarray(x.astype(numpy_dtype(element_type_of_value(a))).reshape(shape_of(a)), order="C")
        for x, a in zip(inputs, arguments, strict=True)
    ]
    for want, got in zip(expected, run_module(module, given), strict=True):
        if want.dtype.kind in "iub":
            np.testing.assert_array_equal(got, want)
            continue
        rough = 2e-2 if want.dtype.itemsize == 2 else 1e-3
        np.testing.assert_allclose(got.astype(np.float64), want.astype(np.float64), rtol=rough, atol=1e-5)
    return True


@pytest.mark.parametrize("family", FAMILIES)
def test_family(family: str) -> None:
    """Two cases of each family at least pass, of the first ten."""
    chosen = [c for name, c in cases().items() if name.startswith(f"test_{family}_")][:10]
    assert sum(passes(case) for case in chosen) >= min(2, len(chosen))


@pytest.mark.slow
def test_every_case_passes_or_is_refused() -> None:
    wrong: list[str] = []
    good = 0
    for name, case in cases().items():
        if any(
            not isinstance(v, np.ndarray | np.generic | onnx.TensorProto) for part in case.data_sets[0] for v in part
        ):
            continue
        try:
            good += passes(case)
        except Exception as error:
            wrong.append(f"{name}: {error}")
    assert not wrong
    assert good >= 950
