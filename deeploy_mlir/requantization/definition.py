"""Requantisation as ONNX defines it: real numbers, one rounding; and as the step function that it is.

A result of 8 bits is a step function of the accumulator with at most 255 steps, so arithmetic of any kind that is
monotonic equals it for every accumulator if and only if it agrees on both sides of each step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

import numpy as np

from deeploy_mlir.support.numpy_types import Array

_RELATIVE_ERROR = 2.0**-49
"""More than float64 loses in the few operations done here."""


def _no_offset() -> Array:
    return np.zeros(())


@dataclass(frozen=True)
class Requantization:
    """y = clip(round((x * scale + offset) / y_scale) + zero_point, low, high) of real numbers: every float stands for
    the number that it is, nothing is rounded but the result, half to even.

    `scale` and `offset` (float64) broadcast to x; y_scale is positive."""

    scale: Array
    y_scale: float
    zero_point: int
    low: int
    high: int
    offset: Array = field(default_factory=_no_offset)

    @property
    def ratio(self) -> Array:
        """The slope, in steps of y."""
        return np.asarray(self.scale, np.float64) / self.y_scale

    @property
    def centre(self) -> Array:
        """Where x = 0 goes, before rounding."""
        return np.asarray(self.offset, np.float64) / self.y_scale + self.zero_point

    def exact(self, x: Array) -> Array:
        """The results (int64) of integers x."""
        wide = np.asarray(x, np.int64)
        with np.errstate(over="ignore"):
            products = wide * np.asarray(self.scale, np.float64)
            value = np.asarray((products + self.offset) / self.y_scale)
            size = (np.abs(products) + np.abs(self.offset)) / self.y_scale
        # Further out every result saturates.
        near = np.asarray(np.clip(value, self.low - self.zero_point - 1.0, self.high - self.zero_point + 1.0))
        result = np.asarray(np.rint(near).astype(np.int64))
        tied = np.abs(np.abs(near - np.floor(near)) - 0.5) <= size * _RELATIVE_ERROR
        if np.any(tied):
            parts = [np.broadcast_to(a, value.shape)[tied] for a in (wide, self.scale, self.offset)]
            result[tied] = [
                round((int(n) * Fraction(float(s)) + Fraction(float(o))) / Fraction(self.y_scale))
                for n, s, o in zip(*parts, strict=True)
            ]
        return np.clip(result + self.zero_point, self.low, self.high)

    def steps(self, least: Array, most: Array) -> Steps:
        """The step functions of the channels, for x from `least` to `most` (integers, one of each channel).

        The channels are the elements of `scale`, flattened; `offset` has as many, or one."""
        scale = np.asarray(self.scale, np.float64).reshape(-1)
        offset = np.broadcast_to(np.asarray(self.offset, np.float64).reshape(-1), scale.shape)
        sign = np.where(scale < 0, -1, 1).astype(np.int64)
        lowest, highest = np.where(sign > 0, least, -most), np.where(sign > 0, most, -least)
        results = np.arange(self.low + 1, self.high + 1)
        starts = np.empty((scale.size, results.size), np.int64)
        for channel, (s, o) in enumerate(zip(np.abs(scale), offset, strict=True)):
            ends = int(lowest[channel]), int(highest[channel]) + 1
            starts[channel] = self._starts(float(s), float(o), results - self.zero_point, *ends)
        return Steps(starts, self.low + 1, lowest, highest, sign)

    def _starts(self, scale: float, offset: float, levels: Array, first: int, end: int) -> Array:
        """The least x from `first` on whose result is at least each level (zero point taken off); `end` for none."""
        if scale == 0:
            level = round(Fraction(offset) / Fraction(self.y_scale))
            return np.where(levels <= level, first, end)
        with np.errstate(over="ignore"):
            edges = (self.y_scale * (levels - 0.5) - offset) / scale
            size = (np.abs(self.y_scale * levels) + self.y_scale + abs(offset)) / scale
        edges = np.clip(edges, first - 1.0, float(end))
        whole = np.rint(edges)
        starts = np.ceil(edges).astype(np.int64)
        close = np.flatnonzero(np.abs(edges - whole) <= size * _RELATIVE_ERROR)
        if close.size:
            numbers = [Fraction(v) for v in (scale, offset, self.y_scale)]
            common = lcm(*(n.denominator for n in numbers))
            s, o, y = (int(n * common) for n in numbers)
            for i in close:
                x, level = int(whole[i]), int(levels[i])
                twice, edge = 2 * (x * s + o), y * (2 * level - 1)
                starts[i] = x if twice > edge or (twice == edge and level % 2 == 0) else x + 1
        return np.clip(starts, first, end)


@dataclass(frozen=True)
class Steps:
    """Non-decreasing step functions of sign * x, one a channel: results go from `first` - 1 up by one at a time.

    starts[c, j] (int64): the least sign * x of channel c with a result of at least first + j; `most` + 1 if there is
    none. `least` and `most` bound sign * x."""

    starts: Array
    first: int
    least: Array
    most: Array
    sign: Array

    @staticmethod
    def of_values(values: Array, least: int, low: int, high: int) -> Steps | None:
        """The functions whose results values[c, i] at x = least + i are known, and clipped to [low, high]; None if one
        is not monotonic."""
        rise = np.diff(values, axis=1)
        falling = np.any(rise < 0, axis=1)
        if np.any(falling & np.any(rise > 0, axis=1)):
            return None
        sign = np.where(falling, -1, 1).astype(np.int64)
        count = values.shape[1]
        lowest = np.where(falling, -(least + count - 1), least).astype(np.int64)
        ordered = np.where(falling[:, None], values[:, ::-1], values)
        results = np.arange(low + 1, high + 1)
        places: list[Array] = [np.searchsorted(row, results).astype(np.int64) for row in ordered]
        starts = np.stack(places) + lowest[:, None]
        return Steps(starts, low + 1, lowest, lowest + count - 1, sign)

    @property
    def results(self) -> Array:
        """The result that begins at each of a channel's starts."""
        return self.first + np.arange(self.starts.shape[1], dtype=np.int64)

    @property
    def is_reached(self) -> Array:
        """Where x can be at a start: the result is at least that of the start from there on."""
        return self.starts <= self.most[:, None]

    @property
    def is_left(self) -> Array:
        """Where x can be before a start: the result is less there."""
        return self.starts > self.least[:, None]
