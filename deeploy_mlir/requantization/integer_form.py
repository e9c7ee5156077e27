"""The search for integer arithmetic that equals a requantisation for every accumulator.

Multiplier and addend must lift the accumulator at which a result begins to that result, and leave the accumulator
before it below: with the shift and one of the two given, each step bounds the other from one side, so that what
serves all steps is an interval.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction

import numpy as np

from deeploy_mlir.requantization.definition import Requantization, Steps
from deeploy_mlir.support.numpy_types import Array

_NEIGHBOURS = (0, 1, -1, 2, -2)
"""Multipliers beside the nearest one that are tried with an addend of their own."""

_FAR = 1 << 62


class Rounding(Enum):
    """What the shift to the right does with the bits that it drops."""

    DOWN = "down"
    """Drops them; half a step in the addend makes that the nearest."""
    HALF_EVEN = "half_even"
    """The nearest, the even one of two; the zero point comes afterwards."""


@dataclass(frozen=True)
class Form:
    """Arithmetic that a kernel can do: y = clip((((x * multiplier) >> dropped) + addend) >> (shift - dropped)), where
    multiplier, product and their sum with the addend are signed numbers of so many bits.

    `dropped`: bits of the product that are cut off before the addend comes, 32 for a multiplication that gives the
    high word. `free_addend`: whether the addend is a number of the kernel's own; otherwise it is half a step and the
    zero point."""

    multiplier_bits: int = 32
    product_bits: int = 64
    dropped: int = 0
    free_addend: bool = True
    rounding: Rounding = Rounding.DOWN
    max_shift: int = 62


NARROW = Form(product_bits=32, max_shift=31)
"""One multiplication of 32 bits."""
WIDE = Form()
"""A product of 64 bits."""
LONG = Form(multiplier_bits=62, product_bits=63)
"""A multiplier of more than 32 bits, for channels whose scales are far apart."""
NARROW_EVEN = replace(NARROW, rounding=Rounding.HALF_EVEN)
WIDE_EVEN = replace(WIDE, rounding=Rounding.HALF_EVEN)


@dataclass(frozen=True)
class IntegerForm:
    """Numbers for a form (int64, one a channel or one for all). `addend` is in units of the product, a multiple of
    2^dropped; rounding half to even it is 0 and `zero_point` is added to the result."""

    form: Form
    multiplier: Array
    addend: Array
    shift: int
    zero_point: int = 0

    def apply(self, x: Array) -> Array:
        """The results before clipping, for integers whose last axis (or all) are the channels."""
        product = x * self.multiplier + self.addend
        if self.form.rounding is Rounding.HALF_EVEN and self.shift:
            product = product + ((1 << (self.shift - 1)) - 1) + ((product >> self.shift) & 1)
        return (product >> self.shift) + self.zero_point


def integer_form(steps: Steps, ratio: Array, centre: Array, zero_point: int, form: Form) -> IntegerForm | None:
    """Numbers with which `form` gives what `steps` say for every x between its bounds, clipped to their results; None
    if there are none (with one shift for all channels).

    `ratio` (slope, of x itself) and `centre` (result at x = 0, not rounded) are about what the steps follow."""
    slope, middle = np.abs(ratio).reshape(-1), np.broadcast_to(np.asarray(centre).reshape(-1), steps.sign.shape)
    levels = steps.starts.shape[1] + 2.0
    # A slope with which every x but 0 saturates may as well be smaller.
    slope = np.minimum(slope, 2 * (levels + np.abs(middle)))
    shift = _largest_shift(steps, slope, middle, form)
    if shift is None:
        return None
    if form.rounding is Rounding.HALF_EVEN:
        return _half_even(steps, slope, middle, zero_point, shift, form)
    found = _with_nearest_addend(steps, slope, middle, shift, form)
    if found is None and form.free_addend:
        found = _with_nearest_multiplier(steps, slope, shift, form)
    if found is None:
        return None
    multiplier, addend = found
    result = IntegerForm(form, multiplier * steps.sign, addend, shift)
    return result if _fits(steps, result) else None


def _largest_shift(steps: Steps, slope: Array, middle: Array, form: Form) -> int | None:
    """The largest shift whose numbers fit; what a smaller one can do it can, too."""
    reach = np.maximum(np.abs(steps.least), np.abs(steps.most)).astype(np.float64)
    multiplier = float(slope.max()) / (2.0 ** (form.multiplier_bits - 1) - 4)
    total = float((reach * slope + np.abs(middle) + 2).max()) / (2.0 ** (form.product_bits - 1) - 4 * reach.max() - 4)
    if total <= 0:
        return None
    most = min(-int(np.ceil(np.log2(max(multiplier, total)))), form.max_shift)
    return most if most >= form.dropped and most >= 0 else None


def _with_nearest_addend(
    steps: Steps, slope: Array, middle: Array, shift: int, form: Form
) -> tuple[Array, Array] | None:
    """Multipliers for the addend that rounds to nearest; one addend for all channels where they have one offset."""
    unit = 1 << form.dropped
    addend = np.rint((middle + 0.5) * 2.0**shift / unit).astype(np.int64) * unit
    least, most = _multipliers(steps, addend, shift)
    if np.any(least > most):
        return None
    multiplier = np.clip(np.rint(slope * 2.0**shift).astype(np.int64), least, most)
    return _one_if_equal(multiplier), _one_if_equal(addend)


def _with_nearest_multiplier(steps: Steps, slope: Array, shift: int, form: Form) -> tuple[Array, Array] | None:
    """Addends for multipliers at or beside the nearest ones; one for all channels if one serves all."""
    nearest, unit = np.rint(slope * 2.0**shift).astype(np.int64), 1 << form.dropped
    multiplier, addend = nearest.copy(), np.zeros_like(nearest)
    low, high, done = np.zeros_like(nearest), np.zeros_like(nearest), np.zeros(nearest.shape, np.bool_)
    for neighbour in _NEIGHBOURS:
        tried = nearest + neighbour
        least, most = _addends(steps, tried, shift)
        least, most = -(-least // unit), most // unit
        found = ~done & (least <= most)
        multiplier[found], low[found], high[found] = tried[found], least[found], most[found]
        done |= found
        if np.all(done):
            shared = int(low.max()), int(high.min())
            addend = (low + high) // 2 if shared[0] > shared[1] else np.full_like(low, sum(shared) // 2)
            return _one_if_equal(multiplier), _one_if_equal(addend * unit)
    return None


def _one_if_equal(values: Array) -> Array:
    return values[:1] if np.all(values == values[0]) else values


def _multipliers(steps: Steps, addend: Array, shift: int) -> tuple[Array, Array]:
    """The least and the greatest multiplier of each channel that serve all its steps with this addend."""
    goal = (steps.results << shift) - addend[:, None]
    least = np.full(goal.shape[:1], -_FAR, np.int64)
    most = -least
    # x * m >= goal at a start, x * m <= goal - 1 before it.
    for x, wanted, held, up in (
        (steps.starts, goal, steps.is_reached, True),
        (steps.starts - 1, goal - 1, steps.is_left, False),
    ):
        divisor = np.where(x == 0, 1, x)
        floor = np.floor_divide(wanted, divisor)
        ceiling = -np.floor_divide(-wanted, divisor)
        below = held & ((x > 0) if up else (x < 0))
        above = held & ((x < 0) if up else (x > 0))
        least = np.maximum(least, np.where(below, ceiling, -_FAR).max(axis=1, initial=-_FAR))
        most = np.minimum(most, np.where(above, floor, _FAR).min(axis=1, initial=_FAR))
        impossible = held & (x == 0) & ((wanted > 0) if up else (wanted < 0))
        most = np.where(np.any(impossible, axis=1), -_FAR, most)
    return np.maximum(least, 0), most


def _addends(steps: Steps, multiplier: Array, shift: int) -> tuple[Array, Array]:
    """The least and the greatest addend of each channel that serve all its steps with this multiplier."""
    goal = steps.results << shift
    least = np.where(steps.is_reached, goal - steps.starts * multiplier[:, None], -_FAR).max(axis=1, initial=-_FAR)
    before = goal - 1 - (steps.starts - 1) * multiplier[:, None]
    return least, np.where(steps.is_left, before, _FAR).min(axis=1, initial=_FAR)


def _half_even(
    steps: Steps, slope: Array, middle: Array, zero_point: int, shift: int, form: Form
) -> IntegerForm | None:
    """Multipliers that are the slopes themselves, so that a tie stays one."""
    if np.any(middle != zero_point):
        return None
    multiplier = np.rint(slope * 2.0**shift).astype(np.int64)
    # The shortest that hold the same numbers.
    zeros = min((int(m) & -int(m)).bit_length() - 1 for m in multiplier if m) if np.any(multiplier) else shift
    zeros = min(zeros, shift)
    multiplier, shift = multiplier >> zeros, shift - zeros
    result = IntegerForm(form, _one_if_equal(multiplier) * steps.sign, np.zeros(1, np.int64), shift, zero_point)
    return result if _fits(steps, result) and agrees(steps, result) else None


def _fits(steps: Steps, found: IntegerForm) -> bool:
    """Whether multipliers, products and sums have the form's bits."""
    multiplier, addend = (np.broadcast_to(a, steps.sign.shape).astype(object) for a in (found.multiplier, found.addend))
    half = 1 << found.shift
    reach = np.maximum(np.abs(steps.least), np.abs(steps.most)).astype(object)
    total = reach * np.abs(multiplier) + np.abs(addend) + (half if found.form.rounding is Rounding.HALF_EVEN else 0)
    return bool(
        np.abs(multiplier).max() < 1 << (found.form.multiplier_bits - 1)
        and total.max() < 1 << (found.form.product_bits - 1)
    )


def agrees(steps: Steps, found: IntegerForm) -> bool:
    """Whether the form gives at least the result of each step from its start on, and less before."""
    sign, results = steps.sign[:, None], steps.results
    columns = [a[:, None] if a.size > 1 else a for a in (found.multiplier, found.addend)]
    wide = replace(found, multiplier=columns[0], addend=columns[1])
    reached = wide.apply(steps.starts * sign) >= results
    left = wide.apply((steps.starts - 1) * sign) < results
    return bool(np.all(reached | ~steps.is_reached) and np.all(left | ~steps.is_left))


@dataclass(frozen=True)
class Quotient:
    """y = clip(round(x * numerator / denominator) + zero_point), half to even, by a division of integers."""

    numerator: int
    denominator: int
    zero_point: int


def quotient(definition: Requantization, reach: int) -> Quotient | None:
    """The requantisation as a quotient of integers of 64 bits for |x| <= reach; None without one scale for all, with an
    offset, or if the numbers are longer."""
    if np.asarray(definition.scale).size > 1 or np.any(definition.offset):
        return None
    ratio = Fraction(float(np.asarray(definition.scale).reshape(()))) / Fraction(definition.y_scale)
    if 2 * reach * abs(ratio.numerator) + 2 * ratio.denominator >= 1 << 62:
        return None
    return Quotient(ratio.numerator, ratio.denominator, definition.zero_point)
