"""Transposes through elementwise maps, slices, pads and concatenations: rewritings of `deeploy-sink-transposes`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects.tensor import EmptyOp
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.kernel import KernelOp, MapOp, element_type_of_value, ints, shape_of
from deeploy_mlir.ir.affine_maps import axes_of, compose, inverse, select, selected
from deeploy_mlir.ir.constants import add_constant, constant_of, is_constant, load_constant, module_of, name_hint
from deeploy_mlir.ir.kernel_rewriting import (
    defining,
    empty_like,
    extra_maps_of,
    forwarded,
    gathered,
    maps_attr,
    maps_of,
    output_of,
    padded_attr,
    padded_pairs,
    permuting_map,
    place_transpose,
    rebuilt,
    transposing,
)
from deeploy_mlir.support.numpy_types import Array


def sink_below_map(op: MapOp) -> bool:
    """Reads operands at the source of their transposes, and computes in the order in which the largest one lies."""
    if _read_sources(op):
        return True
    if op.out_offsets is not None or gathered(op):
        return False
    order = _natural_order([op])
    if order is None:
        return False
    point = InsertPoint.before(op)
    shape = shape_of(op.out)
    out = empty_like([shape[d] for d in order], element_type_of_value(op.out))
    new = rebuilt(op, list(op.ins), out.results[0], properties={"maps": maps_attr(_reordered(op, order))})
    Rewriter.insert_op([out, new], point)
    result = place_transpose(output_of(new), inverse(order), op.layer.data, point)
    output_of(op).replace_all_uses_with(result)
    Rewriter.erase_op(op)
    return True


def sink_below_concatenation(op: MapOp) -> bool:
    """A chain of maps that fill the parts of one tensor fills a transposed one, if most of them read one."""
    pieces = _chain(op)
    if pieces is None:
        return False
    order = _natural_order(pieces)
    if order is None:
        return False
    point = InsertPoint.before(op)
    shape = shape_of(op.out)
    out = empty_like([shape[d] for d in order], element_type_of_value(op.out))
    Rewriter.insert_op(out, point)
    value: SSAValue = out.results[0]
    for piece in pieces:
        assert piece.out_offsets is not None
        assert piece.sizes is not None
        offsets, sizes = piece.out_offsets.get_values(), piece.sizes.get_values()
        new = rebuilt(
            piece,
            list(piece.ins),
            value,
            properties={
                "maps": maps_attr(_reordered(piece, order)),
                "out_offsets": ints([int(offsets[d]) for d in order]),
                "sizes": ints([int(sizes[d]) for d in order]),
            },
        )
        Rewriter.insert_op(new, point)
        value = output_of(new)
    result = place_transpose(value, inverse(order), op.layer.data, point)
    output_of(op).replace_all_uses_with(result)
    for piece in reversed(pieces):
        Rewriter.erase_op(piece)
    return True


def _chain(op: MapOp) -> list[MapOp] | None:
    """The pieces of a concatenation that ends with `op`, first to last; None if it does not end there."""
    if op.out_offsets is None or any(
        isinstance(use.operation, MapOp) and use.operation.out is output_of(op) for use in output_of(op).uses
    ):
        return None
    pieces = [op]
    while True:
        before = defining(pieces[0].out)
        if isinstance(before, EmptyOp):
            return pieces
        if not isinstance(before, MapOp) or before.out_offsets is None or len(list(output_of(before).uses)) != 1:
            return None
        pieces.insert(0, before)


def _reordered(op: MapOp, order: Sequence[int]) -> list[AffineMap]:
    """The maps of `op` when dimension i of its output becomes the old dimension order[i]."""
    over_old = permuting_map(inverse(order))
    return [compose(m, over_old) for m in maps_of(op)]


def _read_sources(op: MapOp) -> bool:
    """Replaces operands that are transposes (or other copies) by what these read."""
    values, maps, pairs = list(op.ins), maps_of(op), padded_pairs(op)
    padded = {operand for operand, _ in pairs}
    changed = False
    for i, value in enumerate(values):
        if i in gathered(op):
            continue
        if i not in padded:
            values[i], maps[i] = forwarded(value, maps[i])
            changed |= values[i] is not value
            continue
        source = defining(value)
        permutation = transposing(source)
        if permutation is not None and isinstance(source, MapOp):
            values[i] = source.ins[0]
            maps[i] = AffineMap(maps[i].num_dims, 0, tuple(maps[i].results[a] for a in inverse(permutation)))
            pairs = [(o, permutation[a] if o == i else a) for o, a in pairs]
            changed = True
    if changed:
        new = rebuilt(op, values, op.out, properties={"maps": maps_attr(maps), "padded": padded_attr(pairs)})
        Rewriter.insert_op(new, InsertPoint.before(op))
        output_of(op).replace_all_uses_with(output_of(new))
        Rewriter.erase_op(op)
    return changed


def _natural_order(ops: Sequence[MapOp]) -> list[int] | None:
    """The order of the output's dimensions in which most of the elements read lie; None if it is the present one."""
    shape = shape_of(ops[0].out)
    votes: dict[tuple[int, ...], int] = {}
    for op in ops:
        sizes = [d.size for d in op.dims()]
        best: tuple[tuple[int, ...], int] | None = None
        for value, map_ in zip(op.ins, maps_of(op), strict=True):
            order = None if is_constant(value) else _order(map_, sizes)
            elements = prod(shape_of(value))
            if order is not None and (best is None or elements > best[1]):
                best = order, elements
        if best is not None:
            votes[best[0]] = votes.get(best[0], 0) + best[1]
    if not votes:
        return None
    # Of two orders that are equally good the first operation's wins; a rule that a transposition turns around (such as
    # "the transposed one") would transpose for ever.
    order = max(votes, key=lambda o: votes[o])
    if list(order) == sorted(order):
        return None
    full = list(order)
    for dim in range(len(shape)):
        if dim not in full:
            full.insert(full.index(dim - 1) + 1 if dim - 1 in full else 0, dim)
    return None if full == list(range(len(shape))) else full


def _order(map_: AffineMap, sizes: Sequence[int]) -> tuple[int, ...] | None:
    """The dimensions above size 1 in the order of the operand's axes; None if one is missing or an axis mixes two."""
    found: list[int] = []
    for coefficients, _ in axes_of(map_):
        dims = [d for d, c in enumerate(coefficients) if c and sizes[d] != 1]
        if len(dims) > 1:
            return None
        found += dims
    wide = [d for d, s in enumerate(sizes) if s != 1]
    return tuple(found) if sorted(found) == wide else None


def fold_constant_layouts(op: KernelOp) -> None:
    """Constants that are read elementwise are stored in the order in which they are read, without unit axes."""
    values = list(op.ins) if isinstance(op, MapOp) else list(op.extras)
    maps = maps_of(op) if isinstance(op, MapOp) else extra_maps_of(op)
    padded = {operand for operand, _ in padded_pairs(op)} if isinstance(op, MapOp) else set[int]()
    changed = False
    for i, (value, map_) in enumerate(zip(values, maps, strict=True)):
        stored = None if i in padded | gathered(op) else _stored_in_order(value, map_)
        if stored is None:
            continue
        array, dims = stored
        constant = add_constant(module_of(op), array, name_hint(value), element_type_of_value(value))
        load = load_constant(constant)
        Rewriter.insert_op(load, InsertPoint.before(op))
        values[i], maps[i], changed = load.results[0], select(map_.num_dims, dims), True
    if not changed:
        return
    if isinstance(op, MapOp):
        new = rebuilt(op, values, op.out, properties={"maps": maps_attr(maps)})
    else:
        new = rebuilt(op, list(op.ins), op.out, extras=values, extra_maps=maps)
    Rewriter.insert_op(new, InsertPoint.before(op))
    output_of(op).replace_all_uses_with(output_of(new))
    Rewriter.erase_op(op)


def _stored_in_order(value: SSAValue, map_: AffineMap) -> tuple[Array, list[int]] | None:
    """The elements of a constant with its axes in the order of the dimensions that read them, and these dimensions.

    None if they lie so already, or the value is no constant read at whole axes."""
    dims, array = selected(map_), constant_of(value)
    if dims is None or array is None:
        return None
    read = sorted((d, a) for a, d in enumerate(dims) if d is not None and array.shape[a] != 1)
    axes = [a for _, a in read]
    others = [a for a in range(array.ndim) if a not in axes]
    if axes == list(range(array.ndim)) or any(array.shape[a] != 1 for a in others):
        return None
    stored = array.transpose([*others, *axes]).reshape([array.shape[a] for a in axes])
    return stored, [d for d, _ in read]
