"""The weights of resizing along one axis, free of IR; formulas of the ONNX operator Resize."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, nan

import numpy as np

from deeploy_mlir.support.numpy_types import Array


@dataclass(frozen=True)
class Resampling:
    """How one axis is resampled: each of `size` outputs is the sum of taps, `weights` times the inputs at `indices`
    ([size, taps] each); where `outside` it is a given value instead."""

    indices: Array
    weights: Array
    outside: Array


@dataclass(frozen=True)
class ResizeMode:
    """The attributes of Resize that matter along an axis."""

    mode: str
    coordinates: str
    nearest: str
    cubic_a: float
    exclude_outside: bool
    antialias: bool


def source_position(x: int, extent: int, size: int, scale: float, coordinates: str, roi: tuple[float, float]) -> float:
    """Where output element `x` of `size` lies in an axis of `extent` elements. Raises KeyError: unknown mode.

    In the order of ONNX's reference: next to a half or a whole element, rounding decides which one is the nearest."""
    length = scale * extent
    if coordinates == "align_corners":
        return 0.0 if length == 1 else x * (extent - 1) / (length - 1)
    if coordinates == "asymmetric":
        return x / scale
    if coordinates == "tf_crop_and_resize":
        span = roi[1] - roi[0]
        inside = span * (extent - 1) / 2 if length == 1 else x * span * (extent - 1) / (length - 1)
        return inside + roi[0] * (extent - 1)
    centre = (x + 0.5) / scale - 0.5
    if coordinates == "pytorch_half_pixel":
        return -0.5 if length == 1 else centre
    if coordinates == "half_pixel":
        return centre
    if coordinates == "half_pixel_symmetric":
        return extent / 2 * (1 - size / length) + (x + 0.5) / scale - 0.5
    raise KeyError(coordinates)


def _cubic(x: float, a: float) -> float:
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def _nearest(ratio: float, rule: str) -> list[float]:
    if ratio == 1:
        return [0.0, 1.0]
    low = {"round_prefer_floor": ratio <= 0.5, "round_prefer_ceil": ratio < 0.5, "floor": True, "ceil": False}[rule]
    return [1.0, 0.0] if low else [0.0, 1.0]


def coefficients(ratio: float, scale: float, mode: ResizeMode) -> list[float]:
    """Weights of the neighbours of a position that lies `ratio` behind the one below it. Raises KeyError."""
    if mode.mode == "nearest":
        return _nearest(ratio, mode.nearest)
    if mode.mode not in ("linear", "cubic"):
        raise KeyError(mode.mode)
    reach = 1 if mode.mode == "linear" else 2

    def kernel(x: float) -> float:
        return max(0.0, 1 - abs(x)) if mode.mode == "linear" else _cubic(x, mode.cubic_a)

    if not mode.antialias:
        return [kernel(i - ratio) for i in range(1 - reach, 1 + reach)]
    shrink = min(scale, 1.0)
    start = floor(-reach / shrink) + 1
    values = [kernel((i - ratio) * shrink) for i in range(start, 2 - start)]
    return [v / sum(values) for v in values]


def neighbours(position: float, count: int) -> list[int]:
    """The `count` (even) integers nearest to a position; of a position that is one of them, more lie below."""
    first = ceil(position) - count // 2
    return list(range(first, first + count))


def resample(
    extent: int, size: int, scale: float, mode: ResizeMode, roi: tuple[float, float] = (0.0, 1.0)
) -> Resampling:
    """The taps of each output along one axis. Raises KeyError for a mode that ONNX does not know."""
    indices: list[Sequence[int]] = []
    weights: list[Sequence[float]] = []
    outside: list[bool] = []
    for x in range(size):
        at = source_position(x, extent, size, scale, mode.coordinates, roi)
        ratio = 1.0 if at == floor(at) else at - floor(at)
        taps = coefficients(ratio, scale, mode)
        places = neighbours(at, len(taps))
        if mode.exclude_outside:
            taps = [w if 0 <= i < extent else 0.0 for w, i in zip(taps, places, strict=True)]
            total = sum(taps)
            taps = [w / total if total else nan for w in taps]  # so far out that no neighbour counts
        indices.append([min(max(i, 0), extent - 1) for i in places])
        weights.append(taps)
        outside.append(mode.coordinates == "tf_crop_and_resize" and not 0 <= at <= extent - 1)
    return Resampling(np.array(indices, np.int32), np.array(weights, np.float64), np.array(outside, np.bool_))
