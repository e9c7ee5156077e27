"""Outputs against golden outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

DEFAULT_TOLERANCE = 1e-5
"""Of the largest golden magnitude of an output, for float outputs; integer outputs are compared exactly."""


@dataclass(frozen=True)
class Comparison:
    """One output: the largest absolute error, what was allowed, and how many elements are beyond it."""

    name: str
    max_abs_error: float
    allowed: float
    wrong: int
    elements: int

    @property
    def match(self) -> bool:
        return self.wrong == 0


def compare_outputs(
    outputs: Mapping[str, Array], golden: Mapping[str, Array], tolerance: float | None = None
) -> tuple[Comparison, ...]:
    """Compares every output for which there is a golden array.

    `tolerance` is relative to the largest golden magnitude; None means exact for integers and 1e-5 for floats.
    NaN matches NaN and an infinity itself. Raises DeeployError if there is nothing to compare or shapes
    differ in more than axes of size 1."""
    common = [name for name in outputs if name in golden]
    if not common:
        raise DeeployError(f"no golden array for any output: outputs {', '.join(outputs)}, data {', '.join(golden)}")
    return tuple(_compare(name, outputs[name], np.asarray(golden[name]), tolerance) for name in common)


def check_shape(name: str, output: Sequence[int], golden: Sequence[int]) -> None:
    """Raises DeeployError if the shape of a golden array is not that of the output, axes of size 1 aside."""
    if [n for n in output if n != 1] != [n for n in golden if n != 1]:
        raise DeeployError(f"the output has shape {list(output)}, the golden array {list(golden)}", name)


def _compare(name: str, output: Array, golden: Array, tolerance: float | None) -> Comparison:
    check_shape(name, output.shape, golden.shape)
    exact = output.dtype.kind in "iub"
    if tolerance is None:
        tolerance = 0.0 if exact else DEFAULT_TOLERANCE
    got, want = (a.reshape(-1).astype(np.float64) for a in (output, golden))
    same = (output.reshape(-1) == golden.reshape(-1)) | (np.isnan(got) & np.isnan(want))
    with np.errstate(invalid="ignore"):
        error = np.where(same, 0.0, np.abs(got - want))
    finite = np.abs(want[np.isfinite(want)])
    allowed = tolerance * float(finite.max(initial=0.0))
    wrong = ~same & ((allowed == 0) | ~(error <= allowed))
    worst = float(np.nan_to_num(error, nan=np.inf).max(initial=0.0))
    return Comparison(name, worst, allowed, int(wrong.sum()), output.size)
