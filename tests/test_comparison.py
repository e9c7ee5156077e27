from __future__ import annotations

import numpy as np
import pytest

from deeploy_mlir.program.comparison import compare_outputs
from deeploy_mlir.support.errors import DeeployError


def test_integers_are_compared_exactly_whatever_type_the_golden_has() -> None:
    outputs = {"y": np.array([1, -2, 3], np.int8)}
    assert compare_outputs(outputs, {"y": np.array([1.0, -2.0, 3.0])})[0].match
    (off,) = compare_outputs(outputs, {"y": np.array([1, -2, 5], np.int64)})
    assert not off.match
    assert (off.max_abs_error, off.wrong, off.elements) == (2, 1, 3)


def test_large_integers_are_not_rounded_before_they_are_compared() -> None:
    outputs = {"y": np.array([2**53 + 1], np.int64)}
    assert not compare_outputs(outputs, {"y": np.array([2**53], np.int64)})[0].match


def test_floats_may_differ_by_a_part_of_the_largest_golden_magnitude() -> None:
    golden = {"y": np.array([0.0, -100.0])}
    near, far = np.array([9e-4, -100.0], np.float32), np.array([2e-3, -100.0], np.float32)
    assert compare_outputs({"y": near}, golden)[0].match
    assert not compare_outputs({"y": far}, golden)[0].match
    assert compare_outputs({"y": far}, golden, tolerance=1e-4)[0].match


def test_not_a_number_and_infinity_match_only_themselves() -> None:
    special = np.array([np.nan, np.inf, -np.inf, 1], np.float32)
    assert compare_outputs({"y": special}, {"y": special.copy()})[0].match
    finite = np.array([0, np.inf, -np.inf, 1], np.float32)
    assert not compare_outputs({"y": finite}, {"y": special})[0].match
    assert not compare_outputs({"y": special}, {"y": finite})[0].match
    assert compare_outputs({"y": special}, {"y": finite})[0].max_abs_error == np.inf


def test_a_golden_array_of_another_size_or_of_no_output_is_an_error() -> None:
    with pytest.raises(DeeployError, match=r"y: the output has shape \[2\], the golden array \[3\]"):
        compare_outputs({"y": np.zeros(2)}, {"y": np.zeros(3)})
    with pytest.raises(DeeployError, match="no golden array for any output: outputs y, data z"):
        compare_outputs({"y": np.zeros(2)}, {"z": np.zeros(2)})
