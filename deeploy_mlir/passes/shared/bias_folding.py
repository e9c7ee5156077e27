"""Constants added one after the other in a body become one: the rounding term of a requantisation joins its offset, and
a bias the correction for an input's zero point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, i32
from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.kernel import CastOp, KernelOp, MapOp, element_type_of_value
from deeploy_mlir.ir.constants import add_constant, constant_of, load_constant, module_of, name_hint
from deeploy_mlir.ir.kernel_rewriting import (
    element_operands,
    gathered,
    maps_attr,
    output_of,
    padded_attr,
    padded_pairs,
    rebuilt,
)
from deeploy_mlir.ir.scalar_body import integer_range
from deeploy_mlir.support.numpy_types import Array


@dataclass(frozen=True)
class _Term:
    """A constant that a body adds: a number (no map), or an operand's elements with the map that reads them."""

    elements: Array
    map: AffineMap | None
    argument: BlockArgument | None


def fold_added_constants(op: KernelOp) -> KernelOp:
    """(x + vector) + constant becomes x + (vector + constant) where `vector` is a constant i32 operand read only there,
    and `constant` a number or another such operand with the same map.

    Gives the operator that now stands in the place of `op`. Nothing is done where i32 does not hold the sum."""
    assert op.body is not None
    if gathered(op):
        return op
    for outer in op.body.block.ops:
        if not isinstance(outer, arith.AddiOp):
            continue
        for sum_, last in ((outer.lhs, outer.rhs), (outer.rhs, outer.lhs)):
            inner = sum_.owner
            if not isinstance(inner, arith.AddiOp) or not _used_once(sum_):
                continue
            second = _term(op, last)
            for first in (_term(op, term) for term in inner.operands):
                if second is not None and first is not None and first.argument is not None:
                    folded = _folded(op, outer, inner, first, second)
                    if folded is not None:
                        return fold_added_constants(folded)
    return op


def _used_once(value: SSAValue) -> bool:
    return len(list(value.uses)) == 1


def _term(op: KernelOp, value: SSAValue) -> _Term | None:
    """The constant behind an addend, through a widening cast."""
    owner = value.owner
    if isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr):
        return _Term(np.asarray(owner.value.value.data, np.int64), None, None)
    if isinstance(owner, CastOp):
        if not _used_once(value):
            return None
        value = owner.value
    if not isinstance(value, BlockArgument) or value.type != i32 or not _used_once(value):
        return None
    values, maps, first = element_operands(op)
    position = value.index - first
    padded = {o for o, _ in padded_pairs(op)} if isinstance(op, MapOp) else set[int]()
    array = constant_of(values[position]) if position >= 0 and position not in padded else None
    return None if array is None or array.size == 0 else _Term(array.astype(np.int64), maps[position], value)


def _folded(op: KernelOp, outer: Operation, inner: Operation, first: _Term, second: _Term) -> KernelOp | None:
    """`op` with `second` added to the operand of `first`; None if the sum does not fit."""
    assert first.argument is not None
    if second.map is not None and (second.map != first.map or second.elements.shape != first.elements.shape):
        return None
    total = first.elements + second.elements
    low, high = integer_range(i32)
    if int(total.min()) < low or int(total.max()) > high:
        return None
    values, _, lead = element_operands(op)
    position = first.argument.index - lead
    old = values[position]
    load = load_constant(add_constant(module_of(op), total, f"{name_hint(old)}_sum", element_type_of_value(old)))
    Rewriter.insert_op(load, InsertPoint.before(op))
    values[position] = load.results[0]
    outer.results[0].replace_all_uses_with(inner.results[0])
    Rewriter.erase_op(outer)
    if second.argument is not None:
        return _without(op, values, second.argument)
    new = rebuilt(op, values, op.out) if lead == 0 else rebuilt(op, list(op.ins), op.out, extras=values)
    return _placed(op, new)


def _without(op: KernelOp, values: list[SSAValue], argument: BlockArgument) -> KernelOp:
    """`op` on `values` but for the operand of `argument`, whose uses (a cast at most) are dead."""
    assert op.body is not None
    _, maps, lead = element_operands(op)
    gone = argument.index - lead
    for use in list(argument.uses):
        Rewriter.erase_op(use.operation)
    body = op.body.clone()
    body.block.erase_arg(body.block.args[argument.index])
    kept = [v for i, v in enumerate(values) if i != gone]
    kept_maps = [m for i, m in enumerate(maps) if i != gone]
    if isinstance(op, MapOp):
        pairs = [(o - (o > gone), a) for o, a in padded_pairs(op)]
        properties = {"maps": maps_attr(kept_maps), "padded": padded_attr(pairs)}
        return _placed(op, rebuilt(op, kept, op.out, body=body, properties=properties))
    return _placed(op, rebuilt(op, list(op.ins), op.out, extras=kept, extra_maps=kept_maps, body=body))


def _placed(op: KernelOp, new: KernelOp) -> KernelOp:
    Rewriter.insert_op(new, InsertPoint.before(op))
    output_of(op).replace_all_uses_with(output_of(new))
    Rewriter.erase_op(op)
    return new
