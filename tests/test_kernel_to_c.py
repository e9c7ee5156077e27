"""Generated C of random kernels, whole and as tiles, against the numpy interpreter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deeploy_mlir.interpreters.kernel import run_kernel_op
from deeploy_mlir.lowering.kernel_to_c import HOST, RV32, Tuning
from deeploy_mlir.numpy_types import Array
from deeploy_mlir.testing.kernel_cases import RANDOM_KERNELS, KernelCase, random_tile
from deeploy_mlir.testing.native import Native, run_cases

SANITIZED = Native(flags=("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"))


def expected_output(case: KernelCase) -> Array:
    """The output array with the part that the case writes replaced."""
    whole = case.arrays[-1].copy()
    where = tuple(slice(s, s + n) for s, n in zip(case.starts[-1], case.shapes[-1], strict=True))
    whole[where] = run_kernel_op(case.op, case.parts(), case.origins)
    return whole


def compare(cases: list[KernelCase], outputs: list[Array]) -> None:
    for case, actual in zip(cases, outputs, strict=True):
        expected = expected_output(case)
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4, err_msg=str(case.op))
        else:
            np.testing.assert_array_equal(actual, expected, err_msg=str(case.op))


@pytest.mark.parametrize("kind", list(RANDOM_KERNELS))
@pytest.mark.parametrize("tuning", [HOST, RV32], ids=["host", "rv32"])
def test_random_kernels(kind: str, tuning: Tuning, tmp_path: Path):
    rng = np.random.default_rng(4)
    cases = [RANDOM_KERNELS[kind](rng) for _ in range(12)]
    cases += [random_tile(rng, RANDOM_KERNELS[kind](rng)) for _ in range(20)]
    compare(cases, run_cases(cases, tuning, tmp_path, SANITIZED))
