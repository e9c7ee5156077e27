"""Moving an elementwise operand to the other side of a reshape, free of passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineMap

from deeploy_mlir.dialects.kernel import ReshapeOp, shape_of
from deeploy_mlir.ir.affine_maps import select, selected
from deeploy_mlir.ir.kernel_rewriting import axis_groups


@dataclass(frozen=True)
class Operand:
    """An operand, its map, and the reshapes (not yet placed) that make it."""

    value: SSAValue
    map: AffineMap
    reshapes: list[ReshapeOp] = field(default_factory=list[ReshapeOp])


def reshaped_operand(value: SSAValue, map_: AffineMap, shape: Sequence[int], target: Sequence[int]) -> Operand | None:
    """The operand that is read over the indices of `shape` as `value` is over those of `target`, its reshape.

    None where no reshape of `value` does that (it follows only some of the axes that the reshape merges)."""
    if tuple(shape) == tuple(target):
        return Operand(value, map_)
    dims = selected(map_)
    if dims is None or prod(target) == 0:
        return None
    own = shape_of(value)
    if any(d is not None and own[a] != target[d] for a, d in enumerate(dims)):
        return None
    new_shape: list[int] = []
    new_dims: list[int | None] = []
    position = 0
    groups = {d: group for group in axis_groups(shape, target) for d in group.after}
    while position < len(dims):
        dim = dims[position]
        if dim is None or target[dim] == 1:
            new_shape.append(own[position])
            new_dims.append(None)
            position += 1
            continue
        group = groups[dim]
        wanted = [d for d in group.after if target[d] != 1]
        taken: list[int] = []
        while position < len(dims) and len(taken) < len(wanted):
            here = dims[position]
            if here is not None and target[here] != 1:
                if here != wanted[len(taken)]:
                    return None
                taken.append(here)
            elif own[position] != 1:
                return None
            position += 1
        if taken != wanted or prod(target[d] for d in wanted) != prod(shape[s] for s in group.before):
            return None
        new_shape += [shape[s] for s in group.before]
        new_dims += list(group.before)
    new_map = select(len(shape), new_dims)
    if tuple(new_shape) == own:
        return Operand(value, new_map)
    reshape = ReshapeOp(value, new_shape)
    return Operand(reshape.results[0], new_map, [reshape])
