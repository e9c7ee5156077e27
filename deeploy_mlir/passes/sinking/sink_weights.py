"""A transpose before a flatten and constant weights becomes another order of the weights' rows."""

from __future__ import annotations

from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.kernel import MapOp, MatmulOp, ReshapeOp, element_type_of_value, shape_of
from deeploy_mlir.ir.constants import add_constant, constant_of, load_constant, module_of, name_hint
from deeploy_mlir.ir.kernel_rewriting import axis_groups, defining, output_of, rebuilt, transposing
from deeploy_mlir.support.numpy_types import Array


def permute_weights(op: MatmulOp) -> bool:
    """matmul(reshape(transpose(x)), w) = matmul(reshape(x), w with permuted rows), if the reshape joins into the rows,
    and into nothing else, all the axes that the transpose moves. True if `op` was such a product."""
    reshape = defining(op.ins[0])
    weights = constant_of(op.ins[1])
    if not isinstance(reshape, ReshapeOp) or weights is None or weights.ndim != 2 or op.transpose_a is not None:
        return False
    transpose = defining(reshape.source)
    permutation = transposing(transpose)
    if permutation is None or not isinstance(transpose, MapOp):
        return False
    shape, target = shape_of(reshape.source), shape_of(reshape.result)
    if 0 in shape:
        return False
    last = len(target) - 1
    group = next(g for g in axis_groups(shape, target) if last in g.after)
    joined = group.before
    if any(permutation[a] != a for a in range(len(shape)) if a not in joined) or not joined:
        return False
    # The axes may become several, of which the rows of the weights are one: then no order of the rows would do.
    if any(target[a] != 1 for a in group.after if a != last):
        return False
    columns = weights if op.transpose_b is not None else weights.T
    order = sorted(range(len(joined)), key=lambda i: permutation[joined[i]])
    sizes = [shape[a] for a in joined]
    split: Array = columns.reshape(columns.shape[0], *sizes)
    columns = split.transpose(0, *(1 + i for i in order)).reshape(columns.shape)
    stored = columns if op.transpose_b is not None else columns.T
    element = element_type_of_value(op.ins[1])
    load = load_constant(add_constant(module_of(op), stored, f"{name_hint(op.ins[1])}_permuted", element))
    source = ReshapeOp(transpose.ins[0], target)
    new = rebuilt(op, [source.results[0], load.results[0]], op.out)
    Rewriter.insert_op([load, source, new], InsertPoint.before(op))
    output_of(op).replace_all_uses_with(output_of(new))
    Rewriter.erase_op(op)
    return True
