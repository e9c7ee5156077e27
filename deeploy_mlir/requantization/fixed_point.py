"""Requantisation by an integer multiplier and a shift: the numbers, without IR."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deeploy_mlir.support.numpy_types import Array

_ERROR = 0.125
"""Steps of the result that the rounding of multipliers may cost; half a step more is rounding of the result."""

_MULTIPLIER_BITS = 31
_MOST_SHIFT = 46
_SUM_BITS = 61
"""Of x * multiplier, and of the addend; their sum and the rounding term are within 63 bits then."""


@dataclass(frozen=True)
class FixedPoint:
    """y = (clip(x, -limit, limit) * multiplier + add + half) >> shift, half = 2^shift / 2; no clip without `limit`.

    All but the shift are i64 and broadcast to x; `add` holds the result's zero point."""

    multiplier: Array
    add: Array
    shift: int
    limit: Array | None = None


def fixed_point(factor: Array, offset: Array, bound: Array, levels: int, zero_point: int) -> FixedPoint | None:
    """x * factor + offset + zero_point to the nearest integer, for |x| <= bound, where a result that is further out
    than the `levels` of its type saturates. Within 1/8 step before rounding; None if 64 bits do not suffice for that.
    """
    added = zero_point + offset
    return _plain(factor, added, bound) or _limited(factor, offset, added, bound, levels)


def _plain(factor: Array, added: Array, bound: Array) -> FixedPoint | None:
    """Multipliers of up to 31 bits, one shift for all channels."""
    # Beyond 2^31 every x but 0 saturates.
    factor = np.clip(factor, -(2.0**_MULTIPLIER_BITS), 2.0**_MULTIPLIER_BITS)
    bits = min(_MULTIPLIER_BITS, _SUM_BITS - int(bound.max()).bit_length())
    largest = 2**bits - 1
    top, most = float(np.abs(factor).max()), float(np.abs(added).max())
    if top == 0:
        shift = 0 if not np.any(added % 1) else _MOST_SHIFT
    else:
        shift = bits - 1 - math.floor(math.log2(top))
    shift = max(0, min(_MOST_SHIFT, shift, _SUM_BITS - math.ceil(math.log2(most + 1))))
    if shift > 0 and np.abs(np.rint(factor * 2.0**shift)).max() > largest:
        shift -= 1
    multiplier = np.clip(np.rint(factor * 2.0**shift), -largest, largest)
    if most * 2.0**shift >= 2.0**_SUM_BITS or np.any(bound * np.abs(multiplier / 2.0**shift - factor) > _ERROR):
        return None
    return FixedPoint(multiplier.astype(np.int64), np.rint(added * 2.0**shift).astype(np.int64), shift)


def _limited(factor: Array, offset: Array, added: Array, bound: Array, levels: int) -> FixedPoint | None:
    """Scales of channels that are far apart: x is clipped to where the result saturates, multipliers take 64 bits."""
    beyond = levels + np.abs(offset)
    # Beyond twice that every x but 0 saturates; larger factors would only cost the other channels bits.
    factor = np.clip(factor, -2.0 * beyond, 2.0 * beyond)
    size = np.abs(factor)
    reach = np.divide(beyond, size, out=np.full(np.broadcast(offset, size).shape, np.inf), where=size > 0)
    limit = np.minimum(np.ceil(reach) + 1, bound)
    top = float((limit * size + np.abs(added)).max())
    if not math.isfinite(top):
        return None
    shift = min(_MOST_SHIFT, _SUM_BITS - 1 - math.ceil(math.log2(top + 1)))
    if shift < 0:
        return None
    multiplier = np.rint(factor * 2.0**shift)
    if np.any(limit * np.abs(multiplier / 2.0**shift - factor) > _ERROR):
        return None
    add = np.rint(added * 2.0**shift).astype(np.int64)
    return FixedPoint(multiplier.astype(np.int64), add, shift, limit.astype(np.int64))
