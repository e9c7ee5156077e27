"""Constants added one after the other in a body become one: the rounding term of a requantisation joins its offset."""

from __future__ import annotations

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, IntegerType
from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from deeploy_mlir.constants import add_constant, constant_of, load_constant, module_of, name_hint
from deeploy_mlir.dialects.kernel import CastOp, KernelOp, MapOp, element_type_of_value
from deeploy_mlir.kernel_rewriting import output_of, padded_pairs, rebuilt
from deeploy_mlir.scalar_body import integer_range


def fold_rounding(op: KernelOp) -> KernelOp:
    """x + vector + constant becomes x + (vector + constant), where `vector` is a constant operand with no other use.

    Gives the operator that now stands in the place of `op`. The sums must be exact: both additions are in i64 and the
    operand, in i32, holds the sum, else nothing is done."""
    assert op.body is not None
    for outer in op.body.block.ops:
        found = _constant_term(outer)
        if found is None:
            continue
        inner, number = found
        for term in inner.operands:
            argument = term.owner.value if isinstance(term.owner, CastOp) else None
            if isinstance(argument, BlockArgument) and _used_once(argument) and _used_once(term):
                folded = _folded(op, outer, inner, argument, number)
                if folded is not None:
                    return fold_rounding(folded)
    return op


def _used_once(value: SSAValue) -> bool:
    return len(list(value.uses)) == 1


def _constant_term(op: Operation) -> tuple[Operation, int] | None:
    """For (a + b) + constant with the inner sum used once: the inner sum and the constant."""
    if not isinstance(op, arith.AddiOp):
        return None
    for sum_, term in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
        constant = term.owner
        inner = sum_.owner
        if isinstance(constant, arith.ConstantOp) and isinstance(inner, arith.AddiOp) and _used_once(sum_):
            value = constant.value
            if isinstance(value, IntegerAttr):
                return inner, value.value.data
    return None


def _folded(op: KernelOp, outer: Operation, inner: Operation, argument: BlockArgument, number: int) -> KernelOp | None:
    """`op` with `number` added to the constant operand behind `argument`; None if that is none or has no room."""
    is_map = isinstance(op, MapOp)
    position = argument.index - (0 if is_map else 1)
    values = list(op.ins) if is_map else list(op.extras)
    if position < 0 or (isinstance(op, MapOp) and position in {o for o, _ in padded_pairs(op)}):
        return None
    value = values[position]
    element, array = element_type_of_value(value), constant_of(value)
    if array is None or array.size == 0 or not isa(element, IntegerType) or element.bitwidth != 32:
        return None
    total = array.astype(np.int64) + number
    low, high = integer_range(element)
    if int(total.min()) < low or int(total.max()) > high:
        return None
    load = load_constant(add_constant(module_of(op), total, f"{name_hint(value)}_rounding", element))
    Rewriter.insert_op(load, InsertPoint.before(op))
    values[position] = load.results[0]
    outer.results[0].replace_all_uses_with(inner.results[0])
    Rewriter.erase_op(outer)
    new = rebuilt(op, values, op.out) if is_map else rebuilt(op, list(op.ins), op.out, extras=values)
    Rewriter.insert_op(new, InsertPoint.before(op))
    output_of(op).replace_all_uses_with(output_of(new))
    Rewriter.erase_op(op)
    return new
