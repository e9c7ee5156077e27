"""Helpers of the passes that rewrite `kernel` operators on tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, cast

from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, TensorType
from xdsl.dialects.tensor import EmptyOp
from xdsl.ir import Attribute, Operation, OpResult, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.kernel import (
    KernelOp,
    MapOp,
    ReshapeOp,
    YieldOp,
    element_type_of_value,
    identity_body,
    ints,
    map_op,
    shape_of,
)
from deeploy_mlir.ir.affine_maps import axes_of, compose, inverse, linear_map, permutation_of, select
from deeploy_mlir.ir.scalar_body import ScalarBody

_OWN = ("layer", "extra_maps", "operandSegmentSizes")


def maps_of(op: MapOp) -> list[AffineMap]:
    """The maps of a `kernel.map`, one per operand."""
    return [m.data for m in op.maps.data]


def extra_maps_of(op: KernelOp) -> list[AffineMap]:
    """The maps of the extras."""
    return [m.data for m in op.extra_maps] if op.extra_maps is not None else []


def maps_attr(maps: Sequence[AffineMap]) -> ArrayAttr[AffineMapAttr]:
    """Maps as a property."""
    return ArrayAttr([AffineMapAttr(m) for m in maps])


def padded_pairs(op: MapOp) -> list[tuple[int, int]]:
    """(operand, axis) pairs that may leave the operand."""
    flat = [int(v) for v in op.padded.get_values()] if op.padded is not None else []
    return list(zip(flat[::2], flat[1::2], strict=True))


def padded_attr(pairs: Sequence[tuple[int, int]]) -> Attribute | None:
    """The property of (operand, axis) pairs; None for no pair."""
    return ints([i for pair in pairs for i in pair]) if pairs else None


def empty_like(shape: Sequence[int], element: Attribute) -> EmptyOp:
    """A new tensor to write into, not yet placed."""
    return EmptyOp([], TensorType(cast(Any, element), list(shape)))


def rebuilt(
    op: KernelOp,
    ins: Sequence[SSAValue],
    out: SSAValue,
    *,
    extras: Sequence[SSAValue] | None = None,
    extra_maps: Sequence[AffineMap] | None = None,
    body: Region | None = None,
    properties: Mapping[str, Attribute | None] | None = None,
    layer: str | None = None,
) -> KernelOp:
    """The same operator on other operands, not yet placed. `body` None: a copy of the old one."""
    if body is None and op.body is not None:
        body = op.body.clone()
    kept: dict[str, Attribute | None] = {k: v for k, v in op.properties.items() if k not in _OWN}
    build = cast(Callable[..., KernelOp], type(op))
    new = build(
        ins,
        out,
        layer=op.layer.data if layer is None else layer,
        extras=list(op.extras) if extras is None else extras,
        extra_maps=extra_maps_of(op) if extra_maps is None else extra_maps,
        body=body,
        properties={**kept, **(properties or {})},
    )
    new.attributes.update(op.attributes)
    return new


def inline(body: ScalarBody, region: Region, arguments: Sequence[SSAValue], *, move: bool = False) -> SSAValue:
    """Copies a region's operations to the end of `body` and gives the value that it yields.

    `move`: takes the operations out of the region, whose operator is to be erased, instead of copying them."""
    if move:
        return _moved(body, region, arguments)
    values: dict[SSAValue, SSAValue] = dict(zip(region.block.args, arguments, strict=True))
    for op in region.block.ops:
        if isinstance(op, YieldOp):
            return values.get(op.value, op.value)
        body.block.add_op(op.clone(values))
    raise ValueError("a scalar region ends in kernel.yield")


def _moved(body: ScalarBody, region: Region, arguments: Sequence[SSAValue]) -> SSAValue:
    for old, new in zip(region.block.args, arguments, strict=True):
        old.replace_all_uses_with(new)
    last = region.block.last_op
    if not isinstance(last, YieldOp):
        raise ValueError("a scalar region ends in kernel.yield")
    result = last.value
    last.detach()
    last.erase()
    for op in list(region.block.ops):
        op.detach()
        body.block.add_op(op)
    return result


def body_size(op: KernelOp) -> int:
    """The number of scalar operations in an operator's body."""
    return 0 if op.body is None else len(op.body.block.ops)


def gathered(op: Operation) -> set[int]:
    """Operands of a map that are read at indices that are data."""
    return {operand for operand, _, _ in op.indirect_axes} if isinstance(op, MapOp) else set()


def is_copy(op: Operation) -> bool:
    """Whether the operation is a `kernel.map` that only moves the elements of one operand, all of its output."""
    if not isinstance(op, MapOp) or op.out_offsets is not None or len(op.ins) != 1 or op.body is None:
        return False
    last = op.body.block.last_op
    return isinstance(last, YieldOp) and last.value is op.body.block.args[0]


def defining(value: SSAValue) -> Operation | None:
    """The operation whose result a value is."""
    return value.op if isinstance(value, OpResult) else None


def copy_behind(value: SSAValue) -> MapOp | None:
    """The unpadded copy that makes a value."""
    op = defining(value)
    return op if isinstance(op, MapOp) and is_copy(op) and op.padded is None else None


def copied(op: MapOp) -> tuple[SSAValue, AffineMap]:
    """Source and map of a copy."""
    return op.ins[0], maps_of(op)[0]


@dataclass(frozen=True)
class AxisGroup:
    """Axes of a shape and of a reshaped one that hold the same elements together; one side may be empty (unit axes)."""

    before: tuple[int, ...]
    after: tuple[int, ...]


def axis_groups(before: Sequence[int], after: Sequence[int]) -> list[AxisGroup]:
    """The finest correspondence of axes under a row-major reshape. Unit axes stand alone where they have no partner."""
    groups: list[AxisGroup] = []
    i = j = 0
    while i < len(before) or j < len(after):
        if i < len(before) and j < len(after) and before[i] == after[j]:
            groups.append(AxisGroup((i,), (j,)))
            i, j = i + 1, j + 1
        elif i < len(before) and before[i] == 1:
            groups.append(AxisGroup((i,), ()))
            i += 1
        elif j < len(after) and after[j] == 1:
            groups.append(AxisGroup((), (j,)))
            j += 1
        else:
            first, second = [i], [j]
            i, j = i + 1, j + 1
            while (left := prod(before[a] for a in first)) != (right := prod(after[a] for a in second)):
                if left < right and i < len(before):
                    first.append(i)
                    i += 1
                elif j < len(after):
                    second.append(j)
                    j += 1
                else:
                    raise ValueError(f"{list(before)} cannot be reshaped to {list(after)}")
            groups.append(AxisGroup(tuple(first), tuple(second)))
    return groups


def only_unit_axes(before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether a reshape only adds and drops axes of size 1."""
    return [s for s in before if s != 1] == [s for s in after if s != 1]


def through_unit_reshape(map_: AffineMap, before: Sequence[int], after: Sequence[int]) -> AffineMap:
    """The map to a tensor of shape `before` that reads what `map_` reads of it reshaped to `after` (unit axes only)."""
    axes = axes_of(map_)
    zero = (0,) * map_.num_dims
    wide = iter([axis for axis, size in zip(axes, after, strict=True) if size != 1])
    return linear_map(map_.num_dims, [next(wide) if size != 1 else (zero, 0) for size in before])


def reshape_source(value: SSAValue) -> SSAValue | None:
    """The value before a `kernel.reshape`."""
    op = defining(value)
    return op.source if isinstance(op, ReshapeOp) else None


def output_of(op: KernelOp) -> OpResult:
    """The tensor that an operator computes. Raises ValueError on memrefs."""
    if op.result is None:
        raise ValueError(f"{op.name} on memrefs has no result")
    return op.result


def forwarded(value: SSAValue, map_: AffineMap) -> tuple[SSAValue, AffineMap]:
    """The value and map that read the same elements without the copies and unit reshapes in between."""
    while True:
        copy = copy_behind(value)
        source = reshape_source(value)
        if copy is not None:
            inner, inner_map = copied(copy)
            map_ = compose(inner_map, map_)
            value = inner
        elif source is not None and only_unit_axes(shape_of(source), shape_of(value)):
            map_ = through_unit_reshape(map_, shape_of(source), shape_of(value))
            value = source
        else:
            return value, map_


def permuting_map(permutation: Sequence[int]) -> AffineMap:
    """The map whose result i is dimension permutation[i]."""
    return select(len(permutation), list(permutation))


def transposing(op: Operation | None) -> tuple[int, ...] | None:
    """For a copy that only permutes axes: which axis of the source each axis of the result is; None for other ones."""
    if not isinstance(op, MapOp) or not is_copy(op) or op.padded is not None:
        return None
    followed, shape = permutation_of(maps_of(op)[0]), shape_of(op.out)
    if not followed or shape_of(op.ins[0]) != tuple(shape[d] for d in followed):
        return None
    return inverse(followed)


def place_transpose(value: SSAValue, permutation: Sequence[int], layer: str, point: InsertPoint) -> SSAValue:
    """A tensor whose axis i is axis permutation[i] of `value`, made at `point`.

    An identity is left out, and where only axes of size 1 change places it is a reshape."""
    if list(permutation) == list(range(len(permutation))):
        return value
    before = shape_of(value)
    after = [before[p] for p in permutation]
    moved = [p for p in permutation if before[p] != 1]
    if moved == sorted(moved):
        reshape = ReshapeOp(value, after)
        Rewriter.insert_op(reshape, point)
        return reshape.results[0]
    element = element_type_of_value(value)
    out = empty_like(after, element)
    op = map_op(
        [value],
        [permuting_map(inverse(permutation))],
        out.results[0],
        identity_body(element, element),
        layer=layer,
    )
    Rewriter.insert_op([out, op], point)
    return output_of(op)


def element_operands(op: KernelOp) -> tuple[list[SSAValue], list[AffineMap], int]:
    """The operands that the body sees by elements (ins of a map, extras of others), their maps, and the position of
    the first one's argument."""
    if isinstance(op, MapOp):
        return list(op.ins), maps_of(op), 0
    return list(op.extras), extra_maps_of(op), 1


def with_used_operands(op: KernelOp, values: Sequence[SSAValue], maps: Sequence[AffineMap], body: Region) -> KernelOp:
    """`op` with these element operands and the body on them, without the operands that the body does not use; not yet
    placed. A map keeps its first operand, and all where some are read at indices that are data."""
    first = 0 if isinstance(op, MapOp) else 1
    used = [bool(a.uses.get_length()) for a in body.block.args[first:]]
    if isinstance(op, MapOp):
        used = [True] * len(used) if gathered(op) else used
        used[0] = used[0] or not any(used)
    for index in reversed([i for i, kept in enumerate(used) if not kept]):
        body.block.erase_arg(body.block.args[first + index])
    kept_values = [v for v, kept in zip(values, used, strict=True) if kept]
    kept_maps = [m for m, kept in zip(maps, used, strict=True) if kept]
    if not isinstance(op, MapOp):
        return rebuilt(op, list(op.ins), op.out, extras=kept_values, extra_maps=kept_maps, body=body)
    pairs = [(sum(used[:operand]), axis) for operand, axis in padded_pairs(op)]
    properties = {"maps": maps_attr(kept_maps), "padded": padded_attr(pairs)}
    return rebuilt(op, kept_values, op.out, body=body, properties=properties)
