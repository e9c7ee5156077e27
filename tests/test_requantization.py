"""Requantisation: its definition against fractions, and integer arithmetic that equals it for every accumulator."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeploy_mlir.requantization.definition import Requantization, Steps
from deeploy_mlir.requantization.integer_form import (
    LONG,
    NARROW,
    NARROW_EVEN,
    WIDE,
    WIDE_EVEN,
    Form,
    IntegerForm,
    agrees,
    integer_form,
    quotient,
)
from deeploy_mlir.support.numpy_types import Array

HIGH_WORD = Form(dropped=32)
DOUBLING_HIGH = Form(free_addend=False)
FORMS = [NARROW, WIDE, LONG, NARROW_EVEN, WIDE_EVEN, HIGH_WORD, DOUBLING_HIGH]


def by_fractions(d: Requantization, x: int, scale: float, offset: float) -> int:
    """The definition, one number at a time."""
    real = (x * Fraction(scale) + Fraction(offset)) / Fraction(d.y_scale)
    return max(d.low, min(d.high, round(real) + d.zero_point))


def channels(rng: np.random.Generator, count: int, ties: bool) -> Array:
    """Products of float32 scales, as float64 holds them exactly; with ties powers of two."""
    if ties:
        return 2.0 ** rng.integers(-9, 3, count).astype(np.float64)
    x, w = np.float32(rng.uniform(0.001, 0.1)), np.exp(rng.uniform(-8, -3, count)).astype(np.float32)
    return w.astype(np.float64) * float(x)


def definition(seed: int, count: int, ties: bool, with_offset: bool) -> Requantization:
    """A random requantisation to 8 bits."""
    rng = np.random.default_rng(seed)
    low = int(rng.choice([-128, 0]))
    scale = channels(rng, count, ties) * rng.choice([-1, 1], count)
    y_scale = 0.5 if ties else float(np.float32(np.abs(scale).max() * np.exp(rng.uniform(1, 7))))
    offset = rng.uniform(-9, 9, count).astype(np.float32).astype(np.float64) if with_offset else np.zeros(())
    zero = int(rng.integers(low, low + 256))
    return Requantization(scale, y_scale, zero, max(low, zero) if rng.random() < 0.3 else low, low + 255, offset)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans(), st.integers(1, 30))
def test_the_definition(seed: int, ties: bool, with_offset: bool, bits: int) -> None:
    """The array form, and the steps, against fractions."""
    d = definition(seed, 3, ties, with_offset)
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.integers(-(1 << bits), 1 << bits, (60, 3)), np.arange(-20, 20)[:, None].repeat(3, axis=1)])
    offsets = np.broadcast_to(d.offset, (3,))
    expected = [[by_fractions(d, int(v), d.scale[c], offsets[c]) for c, v in enumerate(row)] for row in x]
    np.testing.assert_array_equal(d.exact(x), expected)
    least, most = np.full(3, -(1 << bits)), np.full(3, 1 << bits)
    steps = d.steps(least, most)
    for c in range(3):
        for start, result, reached, left in zip(
            steps.starts[c], steps.results, steps.is_reached[c], steps.is_left[c], strict=True
        ):
            sign = int(steps.sign[c])
            if reached:
                assert by_fractions(d, sign * int(start), d.scale[c], offsets[c]) >= result
            if left:
                assert by_fractions(d, sign * (int(start) - 1), d.scale[c], offsets[c]) < result


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 10**6), st.booleans(), st.booleans(), st.sampled_from(FORMS), st.integers(1, 24), st.integers(1, 3)
)
def test_what_is_found_equals_the_definition(
    seed: int, ties: bool, with_offset: bool, form: Form, bits: int, count: int
) -> None:
    """For all accumulators up to 16 bits, a sample of longer ones; in the form's bits."""
    d = definition(seed, count, ties, with_offset)
    bound = np.full(count, 1 << bits)
    found = integer_form(d.steps(-bound, bound), d.ratio, d.centre, d.zero_point, form)
    if found is None:
        return
    rng = np.random.default_rng(seed)
    every = np.arange(-(1 << bits), (1 << bits) + 1) if bits < 16 else rng.integers(-(1 << bits), 1 << bits, 50000)
    x = every[:, None].repeat(count, axis=1)
    np.testing.assert_array_equal(np.clip(found.apply(x), d.low, d.high), d.exact(x))
    most = 1 << (form.product_bits - 1)
    for m, a in np.broadcast(found.multiplier, found.addend):
        assert (1 << bits) * abs(int(m)) + abs(int(a)) < most
        assert abs(int(m)) < 1 << (form.multiplier_bits - 1)
        assert int(a) % (1 << form.dropped) == 0


def test_nearly_every_scale_has_an_integer_form() -> None:
    """Scales from 2^-12 to 2^-4, accumulators of 24 bits, zero points at random: all 400, in at most 5 ms each."""
    rng = np.random.default_rng(0)
    bound = np.full(400, 1 << 24)
    scale = np.exp2(rng.uniform(-12, -4, 400)).astype(np.float32).astype(np.float64) * float(np.float32(0.0173))
    d = Requantization(scale, float(np.float32(0.0173)), int(rng.integers(-128, 128)), -128, 127)
    start = time.process_time()
    steps = d.steps(-bound, bound)
    for c in range(400):
        own = Steps(steps.starts[[c]], steps.first, steps.least[[c]], steps.most[[c]], steps.sign[[c]])
        assert integer_form(own, d.ratio[[c]], d.centre, d.zero_point, WIDE) is not None
    assert time.process_time() - start < 400 * 0.005
    together = integer_form(steps, d.ratio, d.centre, d.zero_point, WIDE)
    assert together is not None
    assert together.addend.size == 1
    x = rng.integers(-(1 << 24), 1 << 24, (1000, 400))
    np.testing.assert_array_equal(np.clip(together.apply(x), -128, 127), d.exact(x))


@pytest.mark.parametrize("power", [-7, -1, 0, 2])
def test_ties_of_powers_of_two(power: int) -> None:
    """Half to even by shifting; no form that rounds down has it where there are ties."""
    d = Requantization(np.array([2.0**power]), 1.0, 3, -128, 127)
    bound = np.array([50000])
    steps = d.steps(-bound, bound)
    found = integer_form(steps, d.ratio, d.centre, 3, NARROW_EVEN)
    assert found is not None
    x = np.arange(-50000, 50001)[:, None]
    np.testing.assert_array_equal(np.clip(found.apply(x), -128, 127), d.exact(x))
    assert (integer_form(steps, d.ratio, d.centre, 3, WIDE) is None) == (power < 0)


def test_quotients() -> None:
    """Means of six integers have ties that no shift hits."""
    scale = float(np.float32(0.1))
    d = Requantization(np.array(scale), 6 * scale, 0, -128, 127)
    bound = np.array([1530])
    steps = d.steps(-bound, bound)
    assert all(integer_form(steps, d.ratio, d.centre, 0, form) is None for form in FORMS)
    found = quotient(d, 1530)
    assert found is not None
    assert (found.numerator, found.denominator) == (1, 6)
    assert quotient(replace(d, offset=np.ones(1)), 1530) is None
    assert quotient(replace(d, y_scale=float(np.float32(0.0371))), 1 << 40) is None


def test_channels_with_scales_far_apart() -> None:
    """One shift for scales from 2^-18 to 2^-4: multipliers longer than 32 bits."""
    rng = np.random.default_rng(3)
    d = Requantization(np.exp2(rng.uniform(-18, -4, 200)), 1.0, -7, -128, 127)
    bound = np.full(200, 1 << 22)
    found = integer_form(d.steps(-bound, bound), d.ratio, d.centre, -7, LONG)
    assert found is not None
    x = rng.integers(-(1 << 22), 1 << 22, (2000, 200))
    np.testing.assert_array_equal(np.clip(found.apply(x), -128, 127), d.exact(x))


def test_values_as_steps() -> None:
    """Functions given by all their results; falling ones count backwards; others are none."""
    x = np.arange(-128, 128)
    rising, falling = np.clip(x // 3, -20, 30), np.clip(-x // 5, -9, 9)
    for values in (rising, falling):
        steps = Steps.of_values(values[None], -128, int(values.min()), int(values.max()))
        assert steps is not None
        slope = 1 / 3 if values is rising else -1 / 5
        found = integer_form(steps, np.array([slope]), np.array([0.0]), 0, NARROW)
        assert found is not None
        assert agrees(steps, found)
        got = np.clip(found.apply(x[:, None]), values.min(), values.max())
        np.testing.assert_array_equal(got[:, 0], values)
    assert Steps.of_values(np.abs(x)[None], -128, 0, 128) is None


def test_a_wrong_multiplier_does_not_agree() -> None:
    """The check of the steps finds what one accumulator in 2^17 would."""
    d = Requantization(np.array([0.0123]), 1.0, 0, -128, 127)
    steps = d.steps(np.array([-(1 << 16)]), np.array([1 << 16]))
    found = integer_form(steps, d.ratio, d.centre, 0, WIDE)
    assert found is not None
    assert agrees(steps, found)
    assert not agrees(steps, replace(found, multiplier=found.multiplier + (found.multiplier >> 9)))
    assert not agrees(steps, IntegerForm(WIDE, found.multiplier, found.addend - (1 << (found.shift - 1)), found.shift))
