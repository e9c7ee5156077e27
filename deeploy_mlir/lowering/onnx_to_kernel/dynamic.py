"""Slice and Pad; where their bounds are computed at run time, the sources along an axis are a table made then.

The sizes are those that the graph declares; sources out of range are limited to the axis, so that the generated code
never leaves its buffers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import i8, i32, i64
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.ir.affine_maps import linear_map, select
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.ir.scalar_body import ScalarBody
from deeploy_mlir.lowering.onnx_to_kernel import movement
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule
from deeploy_mlir.lowering.onnx_to_kernel.indexing import positions
from deeploy_mlir.lowering.onnx_to_kernel.parts import take


@dataclass(frozen=True)
class PerAxis:
    """Vectors with one number for each axis that `axes` lists (all of them, in order, where it is absent)."""

    b: LayerBuilder
    rank: int
    axes: SSAValue | None
    count: int

    def known(self) -> list[int] | None:
        """The axes, if they are known."""
        if self.axes is None:
            return list(range(self.count))
        array = constant_of(self.axes)
        return None if array is None else [self.b.axis(int(a), self.rank) for a in array.reshape(-1)]

    def entries(self, axis: int) -> list[int]:
        """The entries of the vectors that may belong to an axis."""
        known = self.known()
        return list(range(self.count)) if known is None else [k for k, a in enumerate(known) if a == axis]

    def table(
        self,
        axis: int,
        size: int,
        vectors: Sequence[tuple[SSAValue, Sequence[int], int]],
        function: Callable[[ScalarBody, SSAValue, Sequence[SSAValue]], SSAValue],
    ) -> SSAValue:
        """For an axis the values `function` gives for the positions 0 to size - 1, as i32.

        It takes the position and one number, in i64, of each of the `vectors`: (vector, where each entry's number
        stands in it, the number of an axis without an entry)."""
        entries, at_run_time = self.entries(axis), self.known() is None
        ins: list[SSAValue] = [positions(self.b, size)]
        maps = [select(1, [0])]
        for k in entries:
            if at_run_time and self.axes is not None:
                ins.append(self.axes)
                maps.append(linear_map(1, [([0], k)]))
            for vector, places, _ in vectors:
                ins.append(vector)
                maps.append(linear_map(1, [([0], places[k])]))

        def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
            wide = [body.cast(value, i64) for value in v]
            numbers = [body.constant(default, i64) for _, _, default in vectors]
            rest = wide[1:]
            for _ in entries:
                hit = None
                if at_run_time:
                    number = rest.pop(0)
                    same = [body.compare("eq", number, body.constant(a, i64)) for a in (axis, axis - self.rank)]
                    hit = body.emit(arith.OrIOp(same[0], same[1]))
                for j in range(len(vectors)):
                    found = rest.pop(0)
                    numbers[j] = found if hit is None else body.select(hit, found, numbers[j])
            return function(body, wide[0], numbers)

        return self.b.map(ins, maps, [size], i32, build)


def dynamic_slice(op: GraphOp, b: LayerBuilder) -> SSAValue:
    """onnx.Slice: the source of position p is start + p * step, the start limited as numpy limits it."""
    value = op.required("data")
    shape, target = shape_of(value), b.result_shape
    starts, steps = op.required("starts"), op.input("steps")
    count = shape_of(starts)[0]
    per_axis = PerAxis(b, len(shape), op.input("axes"), count)
    vectors = [(starts, range(count), 0), *([(steps, range(count), 1)] if steps is not None else [])]
    for axis, size in enumerate(shape):
        if not per_axis.entries(axis):
            continue

        def source(body: ScalarBody, position: SSAValue, v: Sequence[SSAValue], size: int = size) -> SSAValue:
            zero, extent = body.constant(0, i64), body.constant(size, i64)
            start = body.select(body.compare("lt", v[0], zero), body.add(v[0], extent), v[0])
            step = v[1] if len(v) > 1 else body.constant(1, i64)
            # Running backwards, a start behind the end is the last element; so is any that is out of range.
            first = body.clamp(start, 0, size - 1)
            return body.clamp(body.add(first, body.mul(position, step)), 0, size - 1)

        value = take(b, value, axis, per_axis.table(axis, target[axis], vectors, source))
    return value


def dynamic_pad(op: GraphOp, b: LayerBuilder) -> SSAValue:
    """onnx.Pad in all modes."""
    value = op.required("data")
    shape, target, mode = shape_of(value), b.result_shape, op.attr("mode") or "constant"
    if mode not in _SOURCES:
        raise b.error(f"has mode = {mode}; {', '.join(_SOURCES)} are supported")
    pads = op.required("pads")
    count = shape_of(pads)[0] // 2
    per_axis = PerAxis(b, len(shape), op.input("axes"), count)
    masks: list[tuple[int, SSAValue]] = []
    for axis, size in enumerate(shape):
        if not per_axis.entries(axis):
            continue
        vectors = [(pads, range(count), 0)]

        def at(body: ScalarBody, position: SSAValue, v: Sequence[SSAValue]) -> SSAValue:
            return body.sub(position, v[0])

        def source(body: ScalarBody, position: SSAValue, v: Sequence[SSAValue], size: int = size) -> SSAValue:
            return body.clamp(_SOURCES[mode](body, at(body, position, v), size), 0, size - 1)

        def inside(body: ScalarBody, position: SSAValue, v: Sequence[SSAValue], size: int = size) -> SSAValue:
            index = at(body, position, v)
            above = body.compare("ge", index, body.constant(0, i64))
            return body.cast(body.emit(arith.AndIOp(above, body.compare("lt", index, body.constant(size, i64)))), i32)

        value = take(b, value, axis, per_axis.table(axis, target[axis], vectors, source))
        if mode == "constant":
            masks.append((axis, b.cast(per_axis.table(axis, target[axis], vectors, inside), i8)))
    return _filled_outside(op, b, value, masks) if masks else value


def _filled_outside(op: GraphOp, b: LayerBuilder, value: SSAValue, masks: Sequence[tuple[int, SSAValue]]) -> SSAValue:
    """The padding value (default 0) where any mask along an axis is 0."""
    rank, given = len(shape_of(value)), op.input("constant_value")
    ins = [value, *(mask for _, mask in masks)]
    maps = [select(rank, list(range(rank))), *(select(rank, [axis]) for axis, _ in masks)]
    if given is not None:
        ins.append(b.reshape(given, [1]))
        maps.append(select(rank, [None]))

    def build(body: ScalarBody, v: Sequence[SSAValue]) -> SSAValue:
        fill = v[-1] if given is not None else body.constant(0, v[0].type)
        result = v[0]
        for flag in v[1 : 1 + len(masks)]:
            result = body.select(body.compare("ne", flag, body.constant(0, flag.type)), result, fill)
        return result

    return b.map(ins, maps, shape_of(value), element_type_of_value(value), build)


def _unchanged(body: ScalarBody, index: SSAValue, size: int) -> SSAValue:
    return index


def _modulo(body: ScalarBody, index: SSAValue, period: int) -> SSAValue:
    """index modulo a positive period, not negative."""
    divisor = body.constant(period, i64)
    rest = body.rem(index, divisor)
    return body.select(body.compare("lt", rest, body.constant(0, i64)), body.add(rest, divisor), rest)


def _reflected(body: ScalarBody, index: SSAValue, size: int) -> SSAValue:
    if size == 1:
        return body.constant(0, i64)
    period = 2 * (size - 1)
    rest = _modulo(body, index, period)
    return body.min(rest, body.sub(body.constant(period, i64), rest))


_SOURCES: dict[str, Callable[[ScalarBody, SSAValue, int], SSAValue]] = {
    "constant": _unchanged,
    "edge": _unchanged,
    "reflect": _reflected,
    "wrap": _modulo,
}
"""Where an index before or behind the axis reads from, by mode; what is still outside is limited to the axis."""


def _computed(op: GraphOp, *names: str) -> bool:
    """Whether any of the operands is computed at run time."""
    values = [op.input(name) for name in names]
    return any(value is not None and constant_of(value) is None for value in values)


def slice_rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Slice."""
    return [dynamic_slice(op, b)] if _computed(op, "starts", "axes", "steps") else movement.slice_(op, b)


def pad_rule(op: GraphOp, b: LayerBuilder) -> Sequence[SSAValue]:
    """onnx.Pad."""
    return [dynamic_pad(op, b)] if _computed(op, "pads", "axes") else movement.pad(op, b)


RULES: dict[str, Rule] = {"onnx.Slice": slice_rule, "onnx.Pad": pad_rule}
"""Rules of this family."""
