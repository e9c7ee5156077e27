"""Exact intervals of integers, one for each element of a small array (a channel, say); free of IR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Objects = npt.NDArray[np.object_]


def _objects(value: Any) -> Objects:
    """Python integers, which do not overflow; numpy gives bare numbers for arrays without axes."""
    return np.asarray(value).astype(object)


@dataclass(frozen=True)
class Interval:
    """All integers from `low` to `high`, arrays of Python integers that broadcast against each other."""

    low: Objects
    high: Objects

    @staticmethod
    def of(low: Any, high: Any) -> Interval:
        """An interval from numbers or integer arrays."""
        return Interval(_objects(low), _objects(high))

    @staticmethod
    def constant(value: Any) -> Interval:
        """The interval of one known value."""
        return Interval.of(value, value)

    @property
    def bounds(self) -> tuple[int, int]:
        """Least and greatest value over all elements."""
        return int(self.low.min()), int(self.high.max())

    @property
    def single(self) -> int | None:
        """The only value possible, if there is one."""
        low, high = self.bounds
        return low if low == high else None

    def within(self, low: int, high: int) -> bool:
        """Whether every value lies in [low, high]."""
        least, greatest = self.bounds
        return low <= least and greatest <= high

    def clipped(self, low: int, high: int) -> Interval:
        """The interval if it lies in [low, high], else all of that: what an operation that wraps may give."""
        return self if self.within(low, high) else Interval.of(low, high)

    def add(self, other: Interval) -> Interval:
        return Interval.of(self.low + other.low, self.high + other.high)

    def sub(self, other: Interval) -> Interval:
        return Interval.of(self.low - other.high, self.high - other.low)

    def corners(self, other: Interval, function: Callable[[Any, Any], Any]) -> Interval:
        """The interval of a function that is monotonic in each operand: its extremes are at the corners."""
        values = [_objects(function(a, b)) for a in (self.low, self.high) for b in (other.low, other.high)]
        low, high = values[0], values[0]
        for value in values[1:]:
            low, high = _objects(np.minimum(low, value)), _objects(np.maximum(high, value))
        return Interval(low, high)

    def mul(self, other: Interval) -> Interval:
        return self.corners(other, lambda a, b: a * b)

    def max(self, other: Interval) -> Interval:
        return Interval(_objects(np.maximum(self.low, other.low)), _objects(np.maximum(self.high, other.high)))

    def min(self, other: Interval) -> Interval:
        return Interval(_objects(np.minimum(self.low, other.low)), _objects(np.minimum(self.high, other.high)))

    def union(self, other: Interval) -> Interval:
        return Interval(_objects(np.minimum(self.low, other.low)), _objects(np.maximum(self.high, other.high)))

    def shift_right(self, amount: int) -> Interval:
        return Interval.of(self.low >> amount, self.high >> amount)

    def floor_divide(self, divisor: int) -> Interval:
        """Quotient by a positive number, rounded down."""
        return Interval.of(self.low // divisor, self.high // divisor)

    def truncating_divide(self, divisor: int) -> Interval:
        """Quotient by a number other than 0, rounded toward zero."""

        def quotient(a: Any) -> Objects:
            magnitude = _objects(np.abs(a)) // abs(divisor)
            return _objects(np.where((_objects(a) < 0) == (divisor < 0), magnitude, -magnitude))

        a, b = quotient(self.low), quotient(self.high)
        return Interval(_objects(np.minimum(a, b)), _objects(np.maximum(a, b)))

    def at_least(self, other: Interval) -> bool:
        """Whether every value is at least every value of `other`, element by element."""
        return bool(np.all(self.low >= other.high))
