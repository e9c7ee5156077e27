"""`deeploy-split-reductions`: what comes together in one element, or one row, and does not fit the engine's memory is
computed in parts.

Tiles cut only dimensions of the output. Where even the smallest tile needs more than the engine's memory holds,

- a reduction becomes two: the first gives one partial result for each part of the reduced elements, so that the parts
  are a dimension of its output, the second combines them;
- a float softmax or normalisation of rows becomes the reductions and elementwise functions that it consists of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.kernel import (
    Combiner,
    KernelOp,
    ReduceOp,
    ReshapeOp,
    RowOp,
    element_type_of_value,
    identity_body,
    ints,
    shape_of,
)
from deeploy_mlir.dialects.kernel.map import MapOp
from deeploy_mlir.dialects.soc import SystemOp
from deeploy_mlir.ir.affine_maps import linear_map
from deeploy_mlir.ir.kernel_rewriting import empty_like, maps_attr, output_of, padded_attr, rebuilt
from deeploy_mlir.machine.registry import system_of
from deeploy_mlir.passes.shared.row_parts import ROW_PARTS, in_parts
from deeploy_mlir.support.numpy_types import element_bytes

BUFFER_ALIGN = 8
PART = 4
"""A part takes up to this fraction of the memory, so that there is room for two buffers and more than one part."""


@dataclass(frozen=True)
class SplitReductionsPass(ModulePass):
    """Rewrites the operators that do not fit; what cannot be done in parts stays, for the planner to refuse."""

    name = "deeploy-split-reductions"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        system = system_of(op)
        engine = system.engines[0]
        if engine.memory_name == system.host.memory_name:
            return  # operands are where they are at home
        room = room_for_operands(system)
        waiting = [kernel for kernel in op.walk() if isinstance(kernel, ReduceOp | RowOp)]
        while waiting:
            kernel = waiting.pop()
            if kernel.result is None or least_bytes(kernel) <= room:
                continue
            if isinstance(kernel, ReduceOp):
                waiting += split(kernel, room // PART)
            elif kernel.function.data in ROW_PARTS:
                waiting += in_parts(kernel)


def room_for_operands(system: SystemOp) -> int:
    """Bytes of the first engine's memory that its stacks leave."""
    memory = system.engines[0].memory_name
    reserved = sum(engine.reserved_bytes for engine in system.engines if engine.memory_name == memory)
    return system.memory(memory).size - reserved


def least_bytes(op: KernelOp) -> int:
    """What one tile of the operator takes at least: one element along each dimension that tiles may cut."""
    space = op.iteration_space()
    sizes = [1 if d in space.tileable else size for d, size in enumerate(space.sizes)]
    return sum(-(-access.tile_bytes(sizes) // BUFFER_ALIGN) * BUFFER_ALIGN for access in space.accesses)


def split(op: ReduceOp, most_bytes: int) -> list[ReduceOp]:
    """The operator as a reduction of parts of up to `most_bytes` and one of the partial results, in its place; nothing
    where there is no such part."""
    x, combiner = op.ins[0], op.combiner.data
    if combiner == Combiner.AVERAGE:
        return []
    shape, axes, point = list(shape_of(x)), list(op.axes.get_values()), InsertPoint.before(op)
    most = most_bytes // element_bytes(element_type_of_value(x))
    inner: list[int] = []
    taken = 1
    for axis in reversed(axes):
        if shape[axis] * taken <= most:
            inner.insert(0, axis)
            taken *= shape[axis]
            continue
        part = _part_of(shape[axis], most // taken)
        if part > 1:
            x = _reshaped(x, [*shape[:axis], shape[axis] // part, part, *shape[axis + 1 :]], point)
        elif most // taken > 3 and combiner != Combiner.PRODUCT:
            x = _in_windows(x, axis, most // taken, op, point)
        if len(shape_of(x)) > len(shape):
            inner = [axis + 1, *(i + 1 for i in inner)]
            axes = [*(a for a in axes if a <= axis), *(a + 1 for a in axes if a >= axis)]
        break
    if not inner or inner == axes:
        return []
    return _in_two(op, x, axes, inner)


def _part_of(extent: int, most: int) -> int:
    """The largest divisor of `extent` up to `most`, unless it is far smaller; 1 for none."""
    found = max(d for d in range(1, max(1, min(extent, most)) + 1) if extent % d == 0)
    return found if found * 8 >= min(extent, most) else 1


def _in_two(op: ReduceOp, x: SSAValue, axes: Sequence[int], inner: Sequence[int]) -> list[ReduceOp]:
    """The reduction of `x` over `inner`, and of its results over the others of `axes`."""
    shape, point = shape_of(x), InsertPoint.before(op)
    partial = empty_like([n for i, n in enumerate(shape) if i not in inner], op.accumulator())
    first = ReduceOp(
        [x], partial.tensor, layer=op.layer.data, properties={"combiner": op.combiner, "axes": ints(inner)}
    )
    left = [axis - sum(i < axis for i in inner) for axis in axes if axis not in inner]
    out = empty_like(shape_of(op.out), element_type_of_value(op.out))
    Rewriter.insert_op([partial, first, out], point)
    second = rebuilt(op, [output_of(first)], out.tensor, properties={"axes": ints(left)})
    assert isinstance(second, ReduceOp)
    Rewriter.replace_op(op, second, [output_of(second)])
    return [first, second]


def _reshaped(x: SSAValue, shape: Sequence[int], point: InsertPoint) -> SSAValue:
    reshape = ReshapeOp(x, shape)
    Rewriter.insert_op(reshape, point)
    return reshape.results[0]


def _in_windows(x: SSAValue, axis: int, most: int, op: ReduceOp, point: InsertPoint) -> SSAValue:
    """A copy of `x` with windows of up to `most` elements of an axis, and their elements, in place of the axis.

    The last window of a sum ends in zeros; those of a maximum or minimum overlap instead."""
    shape, element = shape_of(x), element_type_of_value(x)
    if op.combiner.data == Combiner.SUM:
        count, size, stride = -(-shape[axis] // most), most, most
    else:
        stride = most // 2
        count = shape[axis] // stride
        size = shape[axis] - (count - 1) * stride
    rank = len(shape) + 1
    units = [[int(i == j) for j in range(rank)] for i in range(rank)]
    within = [stride * a + b for a, b in zip(units[axis], units[axis + 1], strict=True)]
    map_ = linear_map(rank, [(row, 0) for row in (*units[:axis], within, *units[axis + 2 :])])
    out = empty_like([*shape[:axis], count, size, *shape[axis + 1 :]], element)
    beyond = count * stride > shape[axis] and op.combiner.data == Combiner.SUM
    copy = MapOp(
        [x],
        out.tensor,
        layer=op.layer.data,
        body=identity_body(element, element),
        properties={"maps": maps_attr([map_]), "padded": padded_attr([(0, axis)] if beyond else [])},
    )
    Rewriter.insert_op([out, copy], point)
    return output_of(copy)
