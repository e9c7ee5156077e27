"""What fuzzing found: each case by itself, small; all of them in one model, so that one build on each target serves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .fuzzing import STACKS, check
from .operator_cases import Builder, Case

SIDES = ("UPPER", "LOWER")


def scale_that_broadcasts(b: Builder) -> str:
    """LayerNormalization over several axes with a scale and a bias of the last, or of one element an axis."""
    words = [b.input(b.real((2, 3, 4))), b.constant(b.real((4,))), b.input(b.real((3, 1)))]
    return b.op("LayerNormalization", *words, axis=1)


def sequences_of_different_lengths(b: Builder) -> tuple[str, ...]:
    """What is beyond a sequence's end leaves the state as it is, and gives zeros."""
    weights = [b.constant((b.real((2, rows, 3)) / 8).astype(np.float32)) for rows in (12, 12)]
    lengths = b.input(np.array([3, 1], np.int32))
    return b.ops("LSTM", b.input(b.real((3, 2, 3))), *weights, "", lengths, results=3, **_both(3))


def _both(hidden: int) -> dict[str, Any]:
    return {"direction": "bidirectional", "hidden_size": hidden}


def state_with_the_batch_first(b: Builder) -> tuple[str, ...]:
    weights = [b.constant((b.real((2, 3, 3)) / 8).astype(np.float32)) for _ in range(2)]
    words = [b.input(b.real((2, 4, 3))), *weights, "", "", b.input(b.real((2, 2, 3)))]
    return b.ops("RNN", *words, results=2, layout=1, **_both(3))


def sequences_backwards(b: Builder) -> tuple[str, ...]:
    """ReverseSequence with either axis first, lengths known at compile time or not."""
    lengths = np.array([1, 4, 2], np.int64)
    first = b.op("ReverseSequence", b.input(b.real((4, 3, 2))), b.input(lengths), time_axis=0, batch_axis=1)
    second = b.op("ReverseSequence", b.input(b.real((3, 4))), b.constant(lengths), time_axis=1, batch_axis=0)
    return first, second


def fewer_updates_than_lines(b: Builder) -> str:
    """ScatterElements whose indices are fewer than the data along other axes too."""
    at = b.input(np.array([[2, -1, 0]], np.int64))
    return b.op("ScatterElements", b.input(b.real((4, 5))), at, b.input(b.real((1, 3))), axis=0, reduction="add")


def maxima_of_half_floats(b: Builder) -> tuple[str, ...]:
    """Compared in f32, over axes and over windows, and in a row that is too long for one tile."""
    x = b.input(b.real((1, 2, 4, 4)).astype(np.float16))
    reduced = [b.op(kind, x) for kind in ("ReduceMax", "ReduceMin", "GlobalMaxPool")]
    row = b.op("Softmax", b.input(b.real((1, 2000)).astype(np.float16)))
    return (*reduced, b.op("MaxPool", x, kernel_shape=[2, 2], pads=[1, 1, 1, 1]), row)


def windows_over_a_cut_axis(b: Builder) -> tuple[str, ...]:
    """Reductions of more elements, of a prime number of them, than a small L1 holds; rows that are as long."""
    x = b.input(b.real((1, 2503)))
    long = b.input(b.real((2, 1000)))
    scale = b.constant(b.real((1000,)))
    reduced = [b.op(f"Reduce{kind}", x, b.numbers([1])) for kind in ("Mean", "Max", "Min")]
    rows = [b.op(kind, long) for kind in ("Softmax", "LogSoftmax")]
    return (*reduced, *rows, b.op("RMSNormalization", long, scale), b.op("LayerNormalization", long, scale, scale))


def minima_of_many(b: Builder) -> str:
    """A loop around 40 comparisons in straight code took clang hours."""
    return b.op("ReduceMin", b.input(b.real((8, 1, 3, 30))), b.numbers([0, 1, 3]))


def outputs_a_stride_times_as_large(b: Builder) -> tuple[str, ...]:
    """ConvTranspose with SAME: `output_padding` only moves the image."""
    w = b.constant(b.real((2, 2, 2)))
    given: dict[str, Any] = {"kernel_shape": [2], "strides": [2], "output_padding": [1]}
    return tuple(b.op("ConvTranspose", b.input(b.real((1, 2, 3))), w, auto_pad=f"SAME_{s}", **given) for s in SIDES)


def position_next_to_an_integer(b: Builder) -> str:
    """A cubic Resize whose first output lies 6e-17 behind an element: its neighbours are one above that, not below."""
    given: dict[str, Any] = {"coordinate_transformation_mode": "half_pixel_symmetric", "exclude_outside": 1}
    scales = b.constant(np.array([1, 1, 1.5], np.float32))
    return b.op("Resize", b.input(b.real((2, 1, 3))), "", scales, mode="cubic", **given)


def position_next_to_a_half(b: Builder) -> str:
    """The first output lies a rounding error behind the middle of two elements, in the order of the reference."""
    given: dict[str, Any] = {"coordinate_transformation_mode": "half_pixel_symmetric", "mode": "nearest"}
    return b.op("Resize", b.input(b.real((2, 1, 6))), "", b.constant(np.array([1, 1, 0.75], np.float32)), **given)


def constants_that_are_no_numbers(b: Builder) -> str:
    return b.op("Add", b.input(b.real((3,))), b.constant(np.array([-np.inf, np.inf, np.nan], np.float32)))


def reduction_of_no_axes(b: Builder) -> tuple[str, ...]:
    x, none = b.input(b.real((2, 3))), b.numbers([])
    return tuple(b.op(f"Reduce{k}", x, none, noop_with_empty_axes=1) for k in ("LogSumExp", "Max", "Mean"))


FINDINGS: tuple[Case, ...] = (
    scale_that_broadcasts,
    sequences_of_different_lengths,
    state_with_the_batch_first,
    sequences_backwards,
    fewer_updates_than_lines,
    maxima_of_half_floats,
    windows_over_a_cut_axis,
    minima_of_many,
    outputs_a_stride_times_as_large,
    position_next_to_an_integer,
    position_next_to_a_half,
    constants_that_are_no_numbers,
    reduction_of_no_axes,
)


@pytest.mark.parametrize("target", ["generic", "siracusa"])
def test_findings(target: str) -> None:
    b = Builder(lambda low, _: low, np.random.default_rng(3))
    for case in FINDINGS:
        b.add(case)
    check(b, target, 8 * 1024 if target == "siracusa" else None)


def test_the_smallest_l1_that_is_named_does() -> None:
    """A tensor between two steps that would suit the one in L1, the other outside: `check` tries what was named."""
    b = Builder(lambda low, _: low, np.random.default_rng(3))
    sizes = b.numbers([1, 3, 1, 4])
    b.add(lambda b: b.op("Resize", b.input(b.real((1, 3, 3, 5))), "", "", sizes, mode="cubic"))
    check(b, "siracusa", STACKS + 8, False)
