"""Functions of two integers of 8 bits, given by all their results: the integer arithmetic that equals them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import floor, log2

import numpy as np

from deeploy_mlir.support.numpy_types import Array

_NEIGHBOURS = (0, 1, -1, 2, -2)
_FAR = 1 << 62
_NEAR = 2.0**-6
"""Steps of the result: terms nearer to an edge between two results than this decide the multipliers."""


@dataclass(frozen=True)
class WeightedSum:
    """y = clip((sum of terms * multipliers + addend) >> shift)."""

    multipliers: tuple[int, ...]
    addend: int
    shift: int


def weighted_sum(
    results: Array,
    clipped: tuple[int, int],
    terms: Sequence[Array],
    slopes: Sequence[float],
    centre: float,
    bits: int,
) -> WeightedSum | None:
    """The weighted sum that is `results` everywhere if it is clipped to this range; None if none is found.

    The integers `terms` have the shape of `results`, which are about the sum of terms * slopes, plus `centre`. Sums and
    products have `bits` bits, multipliers at most 32."""
    flat = [np.asarray(t, np.int64).reshape(-1) for t in terms]
    values = np.asarray(results, np.int64).reshape(-1)
    reach = sum(abs(s) * float(np.abs(t).max()) for s, t in zip(slopes, flat, strict=True)) + abs(centre) + 2
    spare = 4.0 * sum(float(np.abs(t).max()) for t in flat)
    shift = floor(min(log2((2.0 ** (bits - 1) - spare) / reach), log2((2.0**31 - 4) / max(map(abs, slopes)))))
    if shift < 0:
        return None
    real = sum((s * t for s, t in zip(slopes, flat, strict=True)), np.full(values.shape, centre))
    near = np.flatnonzero(np.abs(real - np.floor(real) - 0.5) < _NEAR + 4 * spare * 2.0**-shift)
    for multipliers in _candidates(slopes, shift):
        if _addend(values, clipped, flat, multipliers, shift, near) is None:
            continue
        addend = _addend(values, clipped, flat, multipliers, shift, None)
        if addend is not None:
            return WeightedSum(multipliers, addend, shift)
    return None


def _candidates(slopes: Sequence[float], shift: int) -> Iterator[tuple[int, ...]]:
    nearest = [round(s * 2.0**shift) for s in slopes]
    for moved in product(_NEIGHBOURS, repeat=len(slopes)):
        yield tuple(n + m for n, m in zip(nearest, moved, strict=True))


def _addend(
    results: Array,
    clipped: tuple[int, int],
    terms: Sequence[Array],
    multipliers: Sequence[int],
    shift: int,
    at: Array | None,
) -> int | None:
    """An addend with which the sum gives the results `at` these places (None: all); None if there is none."""
    low, high = clipped
    values = results if at is None else results[at]
    total = np.zeros_like(values)
    for multiplier, term in zip(multipliers, terms, strict=True):
        total += multiplier * (term if at is None else term[at])
    least = np.where(values > low, (values << shift) - total, -_FAR).max(initial=-_FAR)
    most = np.where(values < high, ((values + 1) << shift) - 1 - total, _FAR).min(initial=_FAR)
    return None if least > most else (int(least) + int(most)) // 2
