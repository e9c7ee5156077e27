"""The epilogue of a kernel as step functions of its accumulator, one for each output channel.

Engines that requantise by themselves have arithmetic of their own. What they have to equal is not the form of an
epilogue but what it gives: where it is a non-decreasing function of the accumulator with few results, the least
accumulator of each of them says it all, and `requantization.integer_form` finds the numbers of the engine's form.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerType
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.kernel import CastOp, KernelOp, YieldOp, element_type_of_value, shape_of
from deeploy_mlir.interpreters.scalar import run_scalar_body
from deeploy_mlir.ir.affine_maps import selected
from deeploy_mlir.ir.body_ranges import accumulator_interval, body_intervals
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.ir.kernel_rewriting import extra_maps_of
from deeploy_mlir.ir.scalar_body import integer_range
from deeploy_mlir.requantization.definition import Steps
from deeploy_mlir.space.intervals import Interval
from deeploy_mlir.support.numpy_types import Array, numpy_dtype

MOST_LEVELS = 256
"""Of results whose steps are all looked at."""

_RISING = (arith.AddiOp, arith.MaxSIOp, arith.MinSIOp)
"""Non-decreasing in both operands."""


def epilogue_steps(op: KernelOp, channel_axis: int) -> Steps | str:
    """The epilogue of a kernel on whole tensors as steps, for the channels along an axis of its output; why not, if it
    is no such function."""
    out = element_type_of_value(op.out)
    interval = accumulator_interval(op)
    if op.body is None or interval is None or not isa(out, IntegerType):
        return "its epilogue is no function of integers"
    low, high = integer_range(out)
    if high - low >= MOST_LEVELS:
        return "its output has more than 8 bits"
    if (reason := _falling(op)) is not None:
        return f"its epilogue may fall where the sum rises: {reason}"
    channels = shape_of(op.out)[channel_axis]
    extras: list[Array] = []
    for value, map_ in zip(op.extras, extra_maps_of(op), strict=True):
        column = _column(value, map_, channel_axis, channels)
        if column is None:
            return "its epilogue reads more than constants of the output channel"
        extras.append(column)
    bounds = _along(interval, channel_axis, channels, len(shape_of(op.out)))
    if bounds is None:
        return "the bounds of its sums differ along more than the output channels"
    least, most = bounds
    results = np.arange(low + 1, high + 1)
    dtype = numpy_dtype(op.body.block.args[0].type)

    def reached(x: Array) -> Array:
        """Whether the result for x[channel, level] is at least that of the level."""
        assert op.body is not None
        return np.asarray(run_scalar_body(op.body, [x.astype(dtype), *extras])).astype(np.int64) >= results

    first = np.broadcast_to(least[:, None], (channels, len(results))).astype(np.int64)
    end = np.broadcast_to(most[:, None] + 1, first.shape).astype(np.int64)
    while np.any(first < end):
        middle = (first + end) >> 1
        up = reached(np.minimum(middle, most[:, None]))
        first, end = np.where(up, first, np.minimum(middle + 1, end)), np.where(up, middle, end)
    return Steps(end, low + 1, least, most, np.ones(channels, np.int64))


def slopes(steps: Steps) -> tuple[Array, Array]:
    """Slope, and result at x = 0 before rounding, of straight lines that the steps follow, one a channel.

    Of all lines that do, in the middle; channels whose steps allow it have the slope of the one whose steps leave least
    choice. Where no line follows the steps, one that nearly does."""
    count = len(steps.starts)
    least, most = np.zeros(count), np.full(count, np.inf)
    reached = steps.is_reached & steps.is_left
    for channel in range(count):
        starts, results = steps.starts[channel][reached[channel]], steps.results[reached[channel]]
        # m * s[i] + a >= r[i] and m * (s[j] - 1) + a < r[j]: bounds of m from every pair.
        rise = (results[:, None] - results[None, :]).astype(np.float64)
        run = (starts[:, None] - starts[None, :] + 1).astype(np.float64)
        up, down = run > 0, run < 0
        least[channel] = np.max(rise[up] / run[up], initial=0.0)
        most[channel] = np.min(rise[down] / run[down], initial=np.inf)
    middle = np.where(np.isinf(most), least, (least + most) / 2)
    width = np.where(middle > 0, (most - least) / np.maximum(middle, 1e-300), np.inf)
    shared = middle[int(np.argmin(width))] if count else 0.0
    slope = np.where((least < shared) & (shared < most), shared, middle)
    return slope, _centres(steps, slope, reached)


def _centres(steps: Steps, slope: Array, reached: Array) -> Array:
    """The result at x = 0 of the line of each slope in the middle of those that follow a channel's steps."""
    centre = np.zeros(len(slope))
    for channel, m in enumerate(slope):
        starts, results = steps.starts[channel][reached[channel]], steps.results[reached[channel]]
        if len(starts) == 0:
            # One result all over.
            centre[channel] = steps.first - 1 + int(np.count_nonzero(~steps.is_left[channel]))
            continue
        low, high = np.max(results - m * starts), np.min(results - m * (starts - 1))
        centre[channel] = (low + high) / 2 - 0.5
    return centre


def _column(value: SSAValue, map_: AffineMap, axis: int, channels: int) -> Array | None:
    """A constant that depends on the channel alone, as a column; None if it is none."""
    array, dims = constant_of(value), selected(map_)
    if array is None or dims is None:
        return None
    if any(dim is not None and dim != axis for dim, size in zip(dims, array.shape, strict=True) if size != 1):
        return None
    return np.broadcast_to(array.reshape(-1, 1), (channels, 1)) if array.size in (1, channels) else None


def _along(interval: Interval, axis: int, channels: int, rank: int) -> tuple[Array, Array] | None:
    """The bounds of each channel; None if they depend on anything else."""
    ends: list[Array] = []
    for array in (interval.low, interval.high):
        whole = np.asarray(array)
        placed = whole.reshape((1,) * (rank - whole.ndim) + whole.shape)
        if any(size != 1 for position, size in enumerate(placed.shape) if position != axis):
            return None
        ends.append(np.broadcast_to(placed.reshape(-1), (channels,)).astype(np.int64))
    return ends[0], ends[1]


def _falling(op: KernelOp) -> str | None:
    """What keeps the body from being non-decreasing in its first argument; None if it surely is."""
    assert op.body is not None
    intervals = body_intervals(op)
    depends: set[SSAValue] = {op.body.block.args[0]}
    for inner in op.body.block.ops:
        if isinstance(inner, YieldOp):
            return None
        if not any(value in depends for value in inner.operands):
            continue
        result = inner.results[0]
        if not _rises(inner, depends, intervals) or _wraps(inner, intervals[result]):
            return inner.name
        depends.add(result)
    return None


def _rises(op: Operation, depends: set[SSAValue], intervals: dict[SSAValue, Interval | None]) -> bool:
    if isinstance(op, _RISING):
        return True
    if isinstance(op, CastOp):
        inside = intervals[op.value]
        return inside is not None and isa(op.result.type, IntegerType) and inside.within(*integer_range(op.result.type))
    if len(op.operands) != 2:
        return False
    one, other = op.operands
    if isinstance(op, arith.MuliOp):
        if one in depends and other in depends:
            return False
        factor = intervals[other if one in depends else one]
        return factor is not None and factor.bounds[0] >= 0
    return isinstance(op, arith.SubiOp | arith.ShRSIOp) and other not in depends


def _wraps(op: Operation, interval: Interval | None) -> bool:
    """Whether an operation's result may have wrapped around: then its interval is its whole type."""
    result = op.results[0].type
    if interval is None or not isa(result, IntegerType):
        return True
    return not isinstance(op, CastOp) and interval.bounds == integer_range(result)
