"""`deeploy-choose-requantization`: the arithmetic that does each requantisation.

`kernel.requantize` says what ONNX defines. Once a kernel has its whole epilogue, constants and bounds of the
accumulator are known, so that integer arithmetic can be searched for that gives the same for every accumulator
(`requantization.integer_form`): a multiplication, an addition and a shift, in 32 bits or with a product of 64; with
rounding half to even where ties are met; a division of integers. Numbers that differ by channel become operands, in
the place of the scales.

    %3 = kernel.requantize %acc, %scale {…}            %3 = arith.muli %acc64, %multiplier
                                                ->     %4 = arith.addi %3, %addend
                                                       %5 = arith.shrsi %4, %shift …

Where there is none, it is done in double precision; with `fixed-point` by integers that are within one step. A remark
names the layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.context import Context
from xdsl.dialects import arith
from xdsl.dialects.builtin import FloatAttr, ModuleOp, i32, i64
from xdsl.ir import Attribute, BlockArgument, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.kernel import KernelOp, MapOp, RequantizeOp, YieldOp, element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import selected
from deeploy_mlir.ir.body_ranges import body_intervals
from deeploy_mlir.ir.constants import add_constant, constant_of, load_constant, module_of
from deeploy_mlir.ir.kernel_rewriting import element_operands, output_of, with_used_operands
from deeploy_mlir.ir.scalar_body import ScalarBody, integer_range
from deeploy_mlir.kernels.generated import requantization as arithmetic
from deeploy_mlir.requantization.definition import Requantization
from deeploy_mlir.requantization.fixed_point import fixed_point
from deeploy_mlir.requantization.integer_form import (
    IntegerForm,
    Quotient,
    integer_form,
    quotient,
)
from deeploy_mlir.space.intervals import Interval
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.support.remarks import remark

_MOST_LEVELS = 256
"""Of results whose steps are all looked at."""


@dataclass(frozen=True)
class ChooseRequantizationPass(ModulePass):
    """`fixed_point`: what has no exact integer form takes integers nevertheless, within one step."""

    name = "deeploy-choose-requantization"

    fixed_point: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        inexact: dict[str, None] = {}
        for inner in list(op.walk()):
            if isinstance(inner, KernelOp) and inner.result is not None and requantizations(inner):
                _Rewriting(inner, self.fixed_point, inexact).run()
        if inexact:
            how = "by integers within one step" if self.fixed_point else "in double precision"
            remark(", ".join(inexact), f"requantised {how}: no integer multiplication, addition and shift is exact")


def requantizations(op: KernelOp) -> list[RequantizeOp]:
    """The requantisations in the body of a kernel."""
    return [] if op.body is None else [inner for inner in op.body.block.ops if isinstance(inner, RequantizeOp)]


@dataclass(frozen=True)
class Parameters:
    """A requantisation with its numbers: `definition` has scales and offsets of one shape, read through `map` (None:
    the same for all elements), and `least` and `most` bound x for each of them, flattened."""

    definition: Requantization
    shape: tuple[int, ...]
    map: AffineMap | None
    least: Array
    most: Array


def exact_form(parameters: Parameters) -> IntegerForm | Quotient | None:
    """Integer arithmetic of the generated kernels that equals the definition for every x within its bounds."""
    d, least, most = parameters.definition, parameters.least, parameters.most
    if d.high - d.low >= _MOST_LEVELS:
        return None
    steps = d.steps(least, most)
    for form in arithmetic.FORMS:
        found = integer_form(steps, d.ratio, d.centre, d.zero_point, form)
        if found is not None:
            return found
    return quotient(d, int(max(-least.min(), most.max(), 0)))


def parameters_of(op: KernelOp, inner: RequantizeOp, interval: Interval | None) -> Parameters | None:
    """What a requantisation computes with, for x in an interval; None if scale and offset differ along different axes,
    or are no constants."""
    scale = _parameter(op, inner.scale)
    offset = (np.zeros(()), None) if inner.offset is None else _parameter(op, inner.offset)
    if scale is None or offset is None:
        return None
    if scale[1] is not None and offset[1] is not None and (scale[1] != offset[1] or scale[0].shape != offset[0].shape):
        return None
    map_ = scale[1] if scale[1] is not None else offset[1]
    if scale[1] is None and offset[1] is not None:
        scale = np.broadcast_to(scale[0], offset[0].shape), map_
    interval = Interval.of(*integer_range(inner.x.type)) if interval is None else interval
    least, most = _bounds(op, interval, scale[0].shape, map_)
    return Parameters(inner.definition(scale[0], offset[0]), scale[0].shape, map_, least, most)


def _parameter(op: KernelOp, value: SSAValue) -> tuple[Array, AffineMap | None] | None:
    """The elements of a constant that the body reads, and their map; a scalar without one."""
    if isinstance(value.owner, arith.ConstantOp) and isinstance(value.owner.value, FloatAttr):
        return np.asarray(value.owner.value.value.data, np.float64), None
    if not isinstance(value, BlockArgument):
        return None
    values, maps, first = element_operands(op)
    position = value.index - first
    array = constant_of(values[position]) if position >= 0 else None
    return None if array is None else (array, maps[position])


def _bounds(op: KernelOp, interval: Interval, shape: tuple[int, ...], map_: AffineMap | None) -> tuple[Array, Array]:
    """The bounds of x beside each element of a parameter, flattened."""
    count = prod(shape)
    low, high = interval.bounds
    dims = None if map_ is None else selected(map_)
    sizes = [d.size for d in op.dims()] if isinstance(op, MapOp) else list(shape_of(op.out))
    used = [d for d in dims or [] if d is not None]
    kept = [size if d in used else 1 for d, size in enumerate(sizes)]
    if used != sorted(used) or not used or prod(kept) != count:
        return np.full(count, low, np.int64), np.full(count, high, np.int64)
    others = tuple(d for d in range(len(sizes)) if d not in used)
    ends: list[Array] = []
    for array, extremum in ((interval.low, np.minimum), (interval.high, np.maximum)):
        placed = np.asarray(array).reshape((1,) * (len(sizes) - np.ndim(array)) + np.shape(array))
        reduced = extremum.reduce(placed, axis=others, keepdims=True) if others else placed
        ends.append(np.broadcast_to(reduced, kept).reshape(-1).astype(np.int64))
    return ends[0], ends[1]


class _Rewriting:
    """A kernel with arithmetic in the place of its requantisations."""

    def __init__(self, op: KernelOp, fixed_point: bool, inexact: dict[str, None]) -> None:
        assert op.body is not None
        self.op, self.old, self.fixed_point, self.inexact = op, op.body, fixed_point, inexact
        self.body = ScalarBody([a.type for a in op.body.block.args])
        self.values, self.maps, _ = element_operands(op)

    def run(self) -> None:
        """Puts the new kernel in the place of the old one."""
        intervals = body_intervals(self.op)
        known: dict[SSAValue, SSAValue] = dict(zip(self.old.block.args, self.body.arguments, strict=True))
        for inner in self.old.block.ops:
            if isinstance(inner, YieldOp):
                region = self.body.finish(known[inner.value], element_type_of_value(self.op.out))
                new = with_used_operands(self.op, self.values, self.maps, region)
                Rewriter.insert_op(new, InsertPoint.before(self.op))
                output_of(self.op).replace_all_uses_with(output_of(new))
                Rewriter.erase_op(self.op)
                return
            if isinstance(inner, RequantizeOp):
                known[inner.result] = self.lowered(inner, known, intervals[inner.x])
            else:
                copy = inner.clone(known)
                self.body.emit(copy)
                known.update(zip(inner.results, copy.results, strict=True))

    def lowered(self, inner: RequantizeOp, known: dict[SSAValue, SSAValue], interval: Interval | None) -> SSAValue:
        """The arithmetic of one requantisation."""
        x = known[inner.x]
        p = parameters_of(self.op, inner, interval)
        found = None if p is None else exact_form(p)
        if p is not None and isinstance(found, Quotient):
            return arithmetic.division(self.body, x, found, p.definition)
        if p is not None and isinstance(found, IntegerForm):
            numbers = arithmetic.Numbers(self.number(found.multiplier, p), self.number(found.addend, p))
            return arithmetic.integers(self.body, x, found, numbers, p.definition)
        self.inexact[self.op.layer.data] = None
        near = self.near(x, p) if p is not None and self.fixed_point else None
        if near is not None:
            return near
        offset = None if inner.offset is None else known[inner.offset]
        definition = inner.definition(np.zeros(()), np.zeros(()))
        return arithmetic.doubles(self.body, x, known[inner.scale], offset, definition)

    def near(self, x: SSAValue, p: Parameters) -> SSAValue | None:
        """Integers within one step; None if 64 bits do not hold them."""
        d = p.definition
        bound = np.maximum(np.abs(p.least), np.abs(p.most)).astype(np.float64)
        offsets = (d.centre - d.zero_point).reshape(-1)
        found = fixed_point(d.ratio.reshape(-1), offsets, bound, d.high - d.low + 1, d.zero_point)
        if found is None:
            return None
        least, most = (None, None) if found.limit is None else (self.number(s * found.limit, p) for s in (-1, 1))
        addend = np.broadcast_to(found.add, found.multiplier.shape)
        numbers = arithmetic.LimitedNumbers(self.number(found.multiplier, p), self.number(addend, p), least, most)
        return arithmetic.near_integers(self.body, x, found, numbers, d)

    def number(self, array: Array, p: Parameters) -> SSAValue:
        """Integers, one for all elements or one a channel, as a scalar of the body."""
        if array.size == 1 or np.all(array == array.flat[0]):
            return self.body.constant(int(array.flat[0]), i64)
        assert p.map is not None
        low, high = integer_range(i32)
        narrow = low <= int(array.min()) and int(array.max()) <= high
        element: Attribute = i32 if narrow else i64
        elements = array.astype(np.int32 if narrow else np.int64).reshape(p.shape)
        constant = add_constant(module_of(self.op), elements, f"{self.op.layer.data}_requantization", element)
        load = load_constant(constant)
        Rewriter.insert_op(load, InsertPoint.before(self.op))
        self.values.append(load.results[0])
        self.maps.append(p.map)
        return self.body.block.insert_arg(element, len(self.body.block.args))
