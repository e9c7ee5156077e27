"""`convert-onnx-to-kernel`: graph operations become structured kernels with an iteration space.

The rules are grouped by family, one module each; every table maps an operation's name to its rule. All values keep the
layout of ONNX (channels after the batch); `deeploy-channels-last` changes it afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.kernel import element_type_of_value, shape_of
from deeploy_mlir.graph.budget import Budget, stored_bytes
from deeploy_mlir.graph.evaluate import evaluate
from deeploy_mlir.ir.constants import constant_of
from deeploy_mlir.lowering.onnx_to_kernel import (
    convolution,
    deform_conv,
    dynamic,
    einsum,
    elementwise,
    fourier,
    gradients,
    grid_sample,
    indexing,
    integer,
    matmul,
    movement,
    pooling,
    recurrent,
    reduction,
    resize,
    roi_align,
    rows,
    selection,
    sequences,
)
from deeploy_mlir.lowering.onnx_to_kernel.builder import MAX_CONSTANT_ELEMENTS, LayerBuilder, Rule
from deeploy_mlir.support.errors import DeeployError

RULES: Mapping[str, Rule] = {
    **convolution.RULES,
    **deform_conv.RULES,
    **dynamic.RULES,
    **einsum.RULES,
    **elementwise.RULES,
    **fourier.RULES,
    **gradients.RULES,
    **grid_sample.RULES,
    **indexing.RULES,
    **integer.RULES,
    **matmul.RULES,
    **movement.RULES,
    **pooling.RULES,
    **recurrent.RULES,
    **reduction.RULES,
    **resize.RULES,
    **roi_align.RULES,
    **rows.RULES,
    **selection.RULES,
    **sequences.RULES,
}
"""Operation name, such as `onnx.Conv`, -> its rule."""


_MISFITS = (VerifyException, LookupError, ValueError, TypeError, ArithmeticError, AssertionError, AttributeError)
"""What building kernels raises where shapes and attributes contradict each other in a way that nobody looked for."""

SIZED_BY_DATA = frozenset({"onnx.NonZero", "onnx.Unique", "onnx.Compress", "onnx.NonMaxSuppression"})
"""Operators that no static network can hold unless they are folded."""


@dataclass(frozen=True)
class ConvertOnnxToKernelPass(ModulePass):
    """Lowers every operation of the graph level. Raises DeeployError naming the node that has no lowering."""

    name = "convert-onnx-to-kernel"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        budget = Budget(stored_bytes(op))
        for inner in list(op.walk()):
            if isinstance(inner, GraphOp):
                lower(inner, budget)


def lower(op: GraphOp, budget: Budget) -> None:
    """Replaces one graph operation by kernels; constants are computed as far as the budget goes.

    Raises DeeployError if it has no lowering."""
    rule = RULES.get(op.name)
    builder = LayerBuilder(op)
    try:
        values = _evaluated(op, builder, budget)
        if values is None and rule is None:
            if op.name in SIZED_BY_DATA:
                raise builder.error("gives a tensor whose size depends on data; sizes must be known at compile time")
            raise builder.error("is not supported: no kernel implements it")
        if values is None and rule is not None:
            values = list(rule(op, builder))
        assert values is not None
        values += [None] * (len(op.results) - len(values))
        for result, value in zip(op.results, values, strict=True):
            if value is None and result.first_use is not None:
                raise builder.error(f"result {result.index} is used, but only the first {len(values)} are computed")
            if value is not None and value.type != result.type:
                raise builder.error(f"gives {value.type}, but the graph declares {result.type}")
    except _MISFITS as error:
        raise builder.error(f"does not take these inputs and attributes: {error}") from error
    for result, value in zip(op.results, values, strict=True):
        if value is not None:
            result.replace_all_uses_with(value)
    Rewriter.erase_op(op)


def _evaluated(op: GraphOp, builder: LayerBuilder, budget: Budget) -> list[SSAValue | None] | None:
    """The results as constants: if they have no elements, or all operands are constants (of shapes, mostly, that only
    this pass knows)."""
    if op.results and all(prod(shape_of(result)) == 0 for result in op.results):
        return [builder.filled(shape_of(r), 0, element_type_of_value(r)) for r in op.results]
    inputs = op.inputs
    arrays = [None if value is None else constant_of(value) for value in inputs]
    if not inputs or any(v is not None and a is None for v, a in zip(inputs, arrays, strict=True)):
        return None
    if sum(prod(shape_of(result)) for result in op.results) > MAX_CONSTANT_ELEMENTS or not budget.take(op):
        return None
    try:
        results = evaluate(op, arrays)
    except DeeployError:
        return None  # its own rule says what is wrong with it
    return [builder.constant(array, f"{builder.layer}_value") for array in results]


__all__ = ["RULES", "ConvertOnnxToKernelPass", "DeeployError", "lower"]
