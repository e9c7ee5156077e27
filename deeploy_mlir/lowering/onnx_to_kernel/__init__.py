"""`convert-onnx-to-kernel`: graph operations become structured kernels with an iteration space.

The rules are grouped by family, one module each; every table maps an operation's name to its rule. All values keep the
layout of ONNX (channels after the batch); `deeploy-channels-last` changes it afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.errors import DeeployError
from deeploy_mlir.lowering.onnx_to_kernel import (
    convolution,
    elementwise,
    gradients,
    indexing,
    integer,
    matmul,
    movement,
    pooling,
    reduction,
    rows,
)
from deeploy_mlir.lowering.onnx_to_kernel.builder import LayerBuilder, Rule

RULES: Mapping[str, Rule] = {
    **convolution.RULES,
    **elementwise.RULES,
    **gradients.RULES,
    **indexing.RULES,
    **integer.RULES,
    **matmul.RULES,
    **movement.RULES,
    **pooling.RULES,
    **reduction.RULES,
    **rows.RULES,
}
"""Operation name, such as `onnx.Conv`, -> its rule."""


@dataclass(frozen=True)
class ConvertOnnxToKernelPass(ModulePass):
    """Lowers every operation of the graph level. Raises DeeployError naming the node that has no lowering."""

    name = "convert-onnx-to-kernel"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in list(op.walk()):
            if isinstance(inner, GraphOp):
                lower(inner)


def lower(op: GraphOp) -> None:
    """Replaces one graph operation by kernels. Raises DeeployError if it has no lowering."""
    rule = RULES.get(op.name)
    builder = LayerBuilder(op)
    if rule is None:
        raise builder.error("is not supported: no kernel implements it")
    try:
        values = list(rule(op, builder))
        values += [None] * (len(op.results) - len(values))
        for result, value in zip(op.results, values, strict=True):
            if value is None and result.first_use is not None:
                raise builder.error(f"result {result.index} is used, but only the first {len(values)} are computed")
            if value is not None and value.type != result.type:
                raise builder.error(f"gives {value.type}, but the graph declares {result.type}")
    except (VerifyException, KeyError, ValueError) as error:
        raise builder.error(f"cannot be lowered: {error}") from error
    for result, value in zip(op.results, values, strict=True):
        if value is not None:
            result.replace_all_uses_with(value)
    Rewriter.erase_op(op)


__all__ = ["RULES", "ConvertOnnxToKernelPass", "DeeployError", "lower"]
