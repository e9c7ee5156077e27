"""What values the operands and operations of a kernel's body can take, by exact interval arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, IntegerType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.kernel import (
    CastOp,
    Combiner,
    ConvOp,
    KernelOp,
    MapOp,
    MatmulOp,
    PoolOp,
    ReduceOp,
    RequantizeOp,
    RowFunction,
    RowOp,
    ScatterOp,
    element_type_of_value,
    shape_of,
)
from deeploy_mlir.ir.affine_maps import selected
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.ir.kernel_rewriting import extra_maps_of, maps_of, padded_pairs
from deeploy_mlir.ir.scalar_body import integer_range
from deeploy_mlir.space.intervals import Interval
from deeploy_mlir.support.numpy_types import Array

MAX_ELEMENTS = 1 << 14
"""Constants with more elements than this count as one interval."""


def type_interval(element: Attribute) -> Interval | None:
    """All values of an integer type; None for floats."""
    return Interval.of(*integer_range(element)) if isa(element, IntegerType) else None


def argument_intervals(op: KernelOp) -> list[Interval | None]:
    """The interval of each argument of the body of `op`, over the axes of its output (None: a float)."""
    sizes = [d.size for d in op.dims()] if isinstance(op, MapOp) else list(shape_of(op.out))
    if isinstance(op, MapOp):
        padded = {operand for operand, _ in padded_pairs(op)}
        maps = maps_of(op)
        return [
            _with_value(interval, op.pad_value()) if i in padded else interval
            for i, interval in enumerate(_operand_intervals(list(op.ins), maps, sizes))
        ]
    if isinstance(op, ScatterOp):
        return [type_interval(element) for element in op.body_argument_types()]
    return [accumulator_interval(op), *_operand_intervals(list(op.extras), extra_maps_of(op), sizes)]


def body_intervals(op: KernelOp) -> dict[SSAValue, Interval | None]:
    """The interval of each argument of the body of `op` and of each value in it."""
    assert op.body is not None
    found: dict[SSAValue, Interval | None] = dict(zip(op.body.block.args, argument_intervals(op), strict=True))
    for inner in op.body.block.ops:
        for result in inner.results:
            found[result] = operation_interval(inner, [found[v] for v in inner.operands])
    return found


def _with_value(interval: Interval | None, value: int | float) -> Interval | None:
    return None if interval is None else interval.union(Interval.constant(int(value)))


def _operand_intervals(
    values: Sequence[SSAValue], maps: Sequence[AffineMap], sizes: Sequence[int]
) -> list[Interval | None]:
    return [_operand_interval(value, map_, sizes) for value, map_ in zip(values, maps, strict=True)]


def _operand_interval(value: SSAValue, map_: AffineMap, sizes: Sequence[int]) -> Interval | None:
    element = element_type_of_value(value)
    array = constant_of(value) if isa(element, IntegerType) else None
    if array is None or array.size == 0:
        return type_interval(element)
    dims = selected(map_)
    everywhere = Interval.of(int(array.min()), int(array.max()))
    if dims is None or array.size > MAX_ELEMENTS:
        return everywhere
    shape = [1] * map_.num_dims
    for dim, size in zip(dims, array.shape, strict=True):
        if size != (1 if dim is None else sizes[dim]):
            return everywhere
        if dim is not None:
            shape[dim] = size
    order = sorted(range(array.ndim), key=lambda a: -1 if dims[a] is None else (dims[a] or 0))
    return Interval.constant(array.astype(np.int64).transpose(order).reshape(shape))


def accumulator_interval(op: KernelOp) -> Interval | None:
    """The interval of the accumulator of `op`; what wraps around gives the whole type. None for floats."""
    accumulator = op.accumulator()
    whole = type_interval(accumulator)
    if whole is None:
        return None
    exact: Interval | None = None
    if isinstance(op, ConvOp):
        exact = _convolution(op)
    elif isinstance(op, MatmulOp):
        exact = _product(op)
    elif isinstance(op, PoolOp | ReduceOp):
        exact = _combination(op)
    elif isinstance(op, RowOp):
        exact = _row(op)
    return whole if exact is None else exact.clipped(*integer_range(accumulator))


def _sums(weights: Array, low: int, high: int) -> Interval:
    """For rows of weights: the interval of their products with anything in [low, high], summed."""
    wide = weights.astype(np.float64 if weights.dtype.kind == "f" else np.int64).reshape(weights.shape[0], -1)
    positive, negative = np.maximum(wide, 0).sum(1), np.minimum(wide, 0).sum(1)
    lows = [int(p) * low + int(n) * high for p, n in zip(positive, negative, strict=True)]
    highs = [int(p) * high + int(n) * low for p, n in zip(positive, negative, strict=True)]
    return Interval.of(np.array(lows, dtype=object), np.array(highs, dtype=object))


def _placed(interval: Interval, axis: int, rank: int) -> Interval:
    """A vector of intervals along one axis of an output of this rank."""
    shape = [-1 if i == axis else 1 for i in range(rank)]
    return Interval(interval.low.reshape(shape), interval.high.reshape(shape))


def _operand_bounds(value: SSAValue) -> tuple[int, int]:
    array = constant_of(value)
    if array is not None and array.size:
        return int(array.min()), int(array.max())
    return integer_range(element_type_of_value(value))


def _convolution(op: ConvOp) -> Interval:
    low, high = _operand_bounds(op.ins[0])
    if any(op.pads.get_values()):
        low, high = min(low, int(op.pad_value())), max(high, int(op.pad_value()))
    weights = constant_of(op.ins[1])
    if weights is not None and weights.size:
        return _placed(_sums(weights, low, high), op.channel_axis, len(shape_of(op.out)))
    terms = prod(shape_of(op.ins[1])[1:])
    return _repeated(Interval.of(low, high).mul(Interval.of(*_operand_bounds(op.ins[1]))), terms)


def _repeated(interval: Interval, terms: int) -> Interval:
    """The sum of between 0 and `terms` values of an interval."""
    low, high = interval.bounds
    return Interval.of(min(low * terms, 0), max(high * terms, 0))


def _product(op: MatmulOp) -> Interval:
    rank = len(shape_of(op.out))
    for index, flag, axis in ((1, op.transpose_b, rank - 1), (0, op.transpose_a, rank - 2)):
        array = constant_of(op.ins[index])
        if array is None or array.size == 0 or prod(array.shape[:-2]) != 1:
            continue
        matrix = array.reshape(array.shape[-2:])
        rows = matrix if (flag is not None) == (index == 1) else matrix.T
        return _placed(_sums(rows, *_operand_bounds(op.ins[1 - index])), axis, rank)
    terms = op.dims()[-1].size
    pair = [Interval.of(*_operand_bounds(v)) for v in op.ins]
    return _repeated(pair[0].mul(pair[1]), terms)


def _combination(op: PoolOp | ReduceOp) -> Interval | None:
    bounds = Interval.of(*_operand_bounds(op.ins[0]))
    combiner = op.combiner.data
    if combiner in (Combiner.MAX, Combiner.MIN):
        return bounds
    if combiner != Combiner.SUM:
        return None
    if isinstance(op, ReduceOp):
        return _repeated(bounds, prod(shape_of(op.ins[0])[int(a)] for a in op.axes.get_values()))
    return _repeated(bounds.union(Interval.constant(int(op.pad_value()))), prod(op.window.get_values()))


def _row(op: RowOp) -> Interval | None:
    function = op.function.data
    if function in (RowFunction.I_SOFTMAX, RowFunction.ITA_MAX):
        return Interval.of(0, int(op.parameter("n_levels")) - 1)
    return None


def operation_interval(op: Operation, operands: Sequence[Interval | None]) -> Interval | None:
    """The interval of an operation's result from those of its operands; the whole type where it may wrap.

    None for a float result."""
    result = op.results[0].type
    whole = type_interval(result)
    if whole is None or not isa(result, IntegerType):
        return None
    exact = _exact(op, operands)
    return whole if exact is None else exact.clipped(*integer_range(result))


def _exact(op: Operation, operands: Sequence[Interval | None]) -> Interval | None:
    if isinstance(op, arith.ConstantOp) and isinstance(op.value, IntegerAttr):
        return Interval.constant(op.value.value.data % 2 if op.result.type == IntegerType(1) else op.value.value.data)
    if isinstance(op, RequantizeOp):
        return Interval.of(int(op.low.value.data), int(op.high.value.data))
    if any(o is None for o in operands):
        return None
    known = [o for o in operands if o is not None]
    if isinstance(op, CastOp):
        return known[0]
    if isinstance(op, arith.AddiOp):
        return known[0].add(known[1])
    if isinstance(op, arith.SubiOp):
        return known[0].sub(known[1])
    if isinstance(op, arith.MuliOp):
        square = op.lhs is op.rhs
        product = known[0].mul(known[1])
        return product.max(Interval.constant(0)) if square else product
    if isinstance(op, arith.MaxSIOp):
        return known[0].max(known[1])
    if isinstance(op, arith.MinSIOp):
        return known[0].min(known[1])
    if isinstance(op, arith.SelectOp):
        return known[1].union(known[2])
    return _exact_by_constant(op, known)


def _exact_by_constant(op: Operation, known: Sequence[Interval]) -> Interval | None:
    """Shifts and divisions by one known number."""
    if len(known) != 2 or (number := known[1].single) is None:
        return None
    if isinstance(op, arith.AndIOp) and number >= 0:
        return Interval.of(0, number)
    if isinstance(op, arith.ShRSIOp) and 0 <= number < 64:
        return known[0].shift_right(number)
    if isinstance(op, arith.FloorDivSIOp) and number > 0:
        return known[0].floor_divide(number)
    if isinstance(op, arith.DivSIOp) and number != 0:
        return known[0].truncating_divide(number)
    if isinstance(op, arith.RemSIOp) and number != 0:
        low, high = known[0].bounds
        limit = abs(number) - 1
        return Interval.of(-limit if low < 0 else 0, limit if high > 0 else 0)
    return None
