"""`deeploy-fold-constants`: evaluate operations whose operands are all constants."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.traits import is_side_effect_free

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.graph.dead_code import erase_dead
from deeploy_mlir.graph.evaluate import evaluate, is_small
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.shared.graph_rewriting import GraphRewriter, is_onnx
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.remarks import remark


@dataclass(frozen=True)
class FoldConstantsPass(ModulePass):
    """Replaces operations on constants by their value, computed on numpy.

    `dequantize`: DequantizeLinear of constants too; otherwise it stays, since it is how quantised weights are written.
    `limit`: results of more bytes stay operations unless they are no larger than their operands."""

    name = "deeploy-fold-constants"

    dequantize: bool = False
    limit: int = 1 << 24

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for rewriter in GraphRewriter.of_module(op):
            for graph_op in rewriter.graph_ops():
                self._fold(rewriter, graph_op)
        erase_dead(op)

    def _fold(self, rewriter: GraphRewriter, op: GraphOp) -> None:
        if not is_side_effect_free(op) or (is_onnx(op, "DequantizeLinear") and not self.dequantize):
            return
        inputs = op.inputs
        arrays = [None if value is None else rewriter.array(value) for value in inputs]
        if any(value is not None and array is None for value, array in zip(inputs, arrays, strict=True)):
            return
        if not is_small(op, self.limit):
            return
        if not rewriter.emitter.budget.take(op):
            remark(op, "is not folded: computing it while compiling would take too long")
            return
        try:
            results = evaluate(op, arrays)
        except DeeployError as error:
            remark(op, f"is not folded: {error}")
            return
        rewriter.replace(op, [Value.of_array(r, f"{op.node_name}_value") for r in results])
