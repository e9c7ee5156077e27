"""Generated C of random kernels, whole and as tiles, against the numpy interpreter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import StringAttr

from deeploy_mlir.interpreters.kernel import run_kernel_op
from deeploy_mlir.kernels.generated import HOST, RV32, Tuning, kernel_function
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.testing.kernel_cases import KernelCase, random_tile
from deeploy_mlir.testing.native import Native, run_cases
from deeploy_mlir.testing.random_kernels import RANDOM_KERNELS

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


def random_cases(kind: str, seed: int, wholes: int, tiles: int) -> list[KernelCase]:
    """Whole operators and tiles of others."""
    rng = np.random.default_rng(seed)
    cases = [RANDOM_KERNELS[kind](rng) for _ in range(wholes)]
    return cases + [random_tile(rng, RANDOM_KERNELS[kind](rng)) for _ in range(tiles)]


@pytest.mark.parametrize("kind", list(RANDOM_KERNELS))
@pytest.mark.parametrize("tuning", [HOST, RV32], ids=["host", "rv32"])
def test_random_kernels(kind: str, tuning: Tuning, tmp_path: Path):
    cases = random_cases(kind, 4, 10, 16)
    compare(cases, run_cases(cases, tuning, tmp_path, SANITIZED))


@pytest.mark.parametrize("kind", ["matmul", "conv", "pool"])
def test_vectorised_by_the_compiler(kind: str, tmp_path: Path):
    cases = random_cases(kind, 5, 12, 6)
    compare(cases, run_cases(cases, HOST, tmp_path, Native(flags=("-O3",))))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", list(RANDOM_KERNELS))
@pytest.mark.parametrize("tuning", [HOST, RV32], ids=["host", "rv32"])
def test_many_random_kernels(kind: str, tuning: Tuning, seed: int, tmp_path: Path):
    cases = random_cases(kind, 100 + seed, 15, 25)
    compare(cases, run_cases(cases, tuning, tmp_path, SANITIZED))


@pytest.mark.parametrize("tuning", [HOST, RV32], ids=["host", "rv32"])
def test_an_operand_padded_along_one_dimension_and_along_two(tuning: Tuning, tmp_path: Path):
    """Only the axes that one dimension moves along are ranges of loops; the others are tested for each element."""
    cases = random_cases("map", 104, 15, 25)[39:40]
    pads = cases[0].op.iteration_space().accesses[1].axes
    assert {len(axis.dims) for axis in pads if axis.padded} == {1, 2}
    compare(cases, run_cases(cases, tuning, tmp_path, SANITIZED))


def test_equal_kernels_have_equal_functions():
    rng = np.random.default_rng(0)
    op = RANDOM_KERNELS["conv"](rng).op
    again = op.clone()
    again.layer = StringAttr("another")
    assert str(kernel_function(op, "kernel", RV32)) == str(kernel_function(again, "kernel", RV32))
