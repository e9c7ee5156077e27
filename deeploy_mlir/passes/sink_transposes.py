"""`deeploy-sink-transposes`: transposes move towards the results and meet others that undo them.

A transpose is a `kernel.map` that only permutes axes. It passes through elementwise maps, slices, pads, concatenations,
reshapes that keep its axes together, row functions, reductions and matrix products; two that meet become one, and one
that meets the constant weights behind a flatten permutes these instead. What moves only axes of size 1 is a reshape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.transforms.dead_code_elimination import dce

from deeploy_mlir.dialects.kernel import (
    KernelOp,
    MapOp,
    MatmulOp,
    ReduceOp,
    ReshapeOp,
    RowOp,
    element_type_of_value,
    ints,
    shape_of,
)
from deeploy_mlir.ir.affine_maps import compose, inverse
from deeploy_mlir.ir.kernel_rewriting import (
    axis_groups,
    defining,
    empty_like,
    extra_maps_of,
    output_of,
    permuting_map,
    place_transpose,
    rebuilt,
    transposing,
)
from deeploy_mlir.passes.sinking.sink_maps import fold_constant_layouts, sink_below_concatenation, sink_below_map
from deeploy_mlir.passes.sinking.sink_weights import permute_weights


@dataclass(frozen=True)
class SinkTransposesPass(ModulePass):
    """Rewrites to a fixpoint."""

    name = "deeploy-sink-transposes"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        changed = True
        while changed:
            changed = False
            for inner in list(op.walk()):
                if inner.parent_block() is not None and isinstance(inner, KernelOp | ReshapeOp):
                    changed |= _rewrite(inner)
            dce(op)
        for inner in list(op.walk()):
            if isinstance(inner, KernelOp) and inner.result is not None:
                fold_constant_layouts(inner)


def _rewrite(op: KernelOp | ReshapeOp) -> bool:
    """Tries each rewriting of one operation; True if one was done."""
    if isinstance(op, ReshapeOp):
        return _merge_reshapes(op) or _sink_below_reshape(op)
    if op.result is None or op.result.first_use is None:
        return False
    if isinstance(op, MapOp):
        if transposing(op) is not None:
            return _merge_transposes(op)
        return sink_below_map(op) or sink_below_concatenation(op)
    if isinstance(op, RowOp):
        return _sink_below_row(op)
    if isinstance(op, ReduceOp):
        return _sink_below_reduction(op)
    if isinstance(op, MatmulOp):
        return _absorb_into_product(op) or permute_weights(op)
    return False


def _replace(op: Operation, value: SSAValue) -> bool:
    op.results[0].replace_all_uses_with(value)
    Rewriter.erase_op(op)
    return True


def _transposed_operand(value: SSAValue) -> tuple[SSAValue, tuple[int, ...]] | None:
    """Source and permutation of a transpose that makes a value."""
    op = defining(value)
    permutation = transposing(op)
    return None if permutation is None or not isinstance(op, MapOp) else (op.ins[0], permutation)


def _merge_reshapes(op: ReshapeOp) -> bool:
    """A reshape of a reshape, and one that keeps the shape."""
    if shape_of(op.source) == shape_of(op.result):
        return _replace(op, op.source)
    source = defining(op.source)
    if not isinstance(source, ReshapeOp):
        return False
    merged = ReshapeOp(source.source, shape_of(op.result))
    Rewriter.insert_op(merged, InsertPoint.before(op))
    return _replace(op, merged.results[0])


def _merge_transposes(op: MapOp) -> bool:
    """transpose(transpose(x)), and one of axes of size 1."""
    permutation = transposing(op)
    assert permutation is not None
    point, layer = InsertPoint.before(op), op.layer.data
    before = _transposed_operand(op.ins[0])
    if before is not None:
        source, first = before
        return _replace(op, place_transpose(source, [first[p] for p in permutation], layer, point))
    shape = shape_of(op.ins[0])
    moved = [p for p in permutation if shape[p] != 1]
    if moved == sorted(moved):
        return _replace(op, place_transpose(op.ins[0], permutation, layer, point))
    return False


def _sink_below_reshape(op: ReshapeOp) -> bool:
    """reshape(transpose(x)) = transpose(reshape(x)) where the axes that the reshape joins or splits stay together."""
    before = _transposed_operand(op.source)
    if before is None:
        return False
    source, permutation = before
    shape, target = shape_of(op.source), shape_of(op.result)
    if 0 in shape:
        return False
    # Groups in the order of the transpose's result; the order of the source is that of their positions in it.
    groups = axis_groups(shape, target)
    ordered: list[tuple[int, tuple[int, ...]]] = []
    last = -1
    for group in groups:
        wide = [permutation[a] for a in group.before if shape[a] != 1]
        if wide != sorted(wide) or any(shape_of(source)[a] != 1 and a not in wide for a in range(*_span(wide))):
            return False
        last = wide[0] if wide else last
        ordered.append((last, group.after))
    ordered.sort(key=lambda item: item[0])
    order = [axis for _, after in ordered for axis in after]
    point = InsertPoint.before(op)
    reshape = ReshapeOp(source, [target[a] for a in order])
    Rewriter.insert_op(reshape, point)
    layer = op.source.owner.layer.data if isinstance(op.source.owner, MapOp) else ""
    return _replace(op, place_transpose(reshape.results[0], inverse(order), layer, point))


def _span(axes: Sequence[int]) -> tuple[int, int]:
    return (axes[0], axes[-1]) if axes else (0, 0)


def _sink_below_row(op: RowOp) -> bool:
    """A function of rows commutes with a transpose that keeps the rows."""
    before = _transposed_operand(op.ins[0])
    if before is None or before[1][-1] != len(before[1]) - 1:
        return False
    source, permutation = before
    point = InsertPoint.before(op)
    out = empty_like(shape_of(source), element_type_of_value(op.out))
    over_old = permuting_map(permutation)
    maps = [compose(m, over_old) for m in extra_maps_of(op)]
    new = rebuilt(op, [source, *list(op.ins)[1:]], out.results[0], extra_maps=maps)
    Rewriter.insert_op([out, new], point)
    return _replace(op, place_transpose(output_of(new), permutation, op.layer.data, point))


def _sink_below_reduction(op: ReduceOp) -> bool:
    """A reduction of a transpose reduces the source's own axes."""
    before = _transposed_operand(op.ins[0])
    if before is None:
        return False
    source, permutation = before
    reduced = {permutation[int(a)] for a in op.axes.get_values()}
    old_kept = [permutation[a] for a in range(len(permutation)) if permutation[a] not in reduced]
    new_kept = sorted(old_kept)
    point = InsertPoint.before(op)
    shape = shape_of(source)
    out = empty_like([shape[a] for a in new_kept], element_type_of_value(op.out))
    # Axis i of the old result is axis order[i] of the new one.
    order = [new_kept.index(a) for a in old_kept]
    maps = [compose(m, permuting_map(order)) for m in extra_maps_of(op)]
    new = rebuilt(op, [source], out.results[0], extra_maps=maps, properties={"axes": ints(sorted(reduced))})
    Rewriter.insert_op([out, new], point)
    return _replace(op, place_transpose(output_of(new), order, op.layer.data, point))


def _absorb_into_product(op: MatmulOp) -> bool:
    """A transpose of the last two axes of an operand becomes the product's flag."""
    for i, name in enumerate(("transpose_a", "transpose_b")):
        before = _transposed_operand(op.ins[i])
        if before is None:
            continue
        source, permutation = before
        rank = len(permutation)
        if permutation != (*range(rank - 2), rank - 1, rank - 2):
            continue
        ins = list(op.ins)
        ins[i] = source
        flag = None if name in op.properties else UnitAttr()
        new = rebuilt(op, ins, op.out, properties={name: flag})
        Rewriter.insert_op(new, InsertPoint.before(op))
        return _replace(op, output_of(new))
    return False
