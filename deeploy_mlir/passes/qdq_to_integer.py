"""`deeploy-qdq-to-integer`: DequantizeLinear-operator-QuantizeLinear patterns into integer arithmetic.

QLinearConv and QLinearMatMul, which state such a pattern in one operator, are opened up; DequantizeLinear sinks below
operators that only move or select elements, QuantizeLinear rises above them (`qdq.movement`); then each QuantizeLinear
whose operator has integers behind its operands (`qdq.patterns.PATTERNS`, with Relu and Clip in between) becomes that
operator on integers: sums and one requantisation, or, of 8 bits, what all results show to equal the steps in float32
(`qdq.enumeration`, `qdq.pairs`); other elementwise operators on one tensor of 8 bits become a table (`qdq.tables`).
Products of quantised tensors that stay float sum up integers. What integers at the boundary of a network mean is stated
in attributes of its function (`qdq.boundary`). Every other operator between the two says in a remark that it stays in
float, and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from deeploy_mlir.dialects.graph_op import GraphOp, tensor_type
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.dialects.qnn import is_integer
from deeploy_mlir.graph.dead_code import erase_dead
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.qdq.boundary import state_boundary
from deeploy_mlir.passes.qdq.elementwise import linear
from deeploy_mlir.passes.qdq.enumeration import requantized
from deeploy_mlir.passes.qdq.movement import merge, rise, sink
from deeploy_mlir.passes.qdq.patterns import PATTERNS, clamps
from deeploy_mlir.passes.qdq.products import float_product
from deeploy_mlir.passes.qdq.quantization import dequantized, quantization_of
from deeploy_mlir.passes.qdq.tables import tabulated
from deeploy_mlir.passes.qdq.target import StaysFloat, Sums, Target
from deeploy_mlir.passes.shared.graph_rewriting import GraphRewriter, drop_unused, is_onnx, only_quantized
from deeploy_mlir.support.remarks import remark


def _open(rewriter: GraphRewriter, op: OnnxOp) -> bool:
    """QLinearConv and QLinearMatMul as DequantizeLinear, operator, QuantizeLinear. Whether it was one."""
    if op.op_type not in ("QLinearConv", "QLinearMatMul"):
        return False
    conv = op.op_type == "QLinearConv"
    x, w = ("x", "w") if conv else ("a", "b")

    def real(name: str, axis: int) -> Value:
        inputs = [op.required(name), op.required(f"{name}_scale"), op.required(f"{name}_zero_point")]
        return rewriter.insert(op, "DequantizeLinear", inputs, {"axis": axis})

    operands: list[SSAValue | Value | None] = [real(x, 1), real(w, 0 if conv else -1)]
    bias = op.input("B") if conv else None
    if bias is not None:
        x_scale, w_scale = (rewriter.array(op.required(f"{name}_scale")) for name in (x, w))
        if x_scale is None or w_scale is None:
            return False
        scale = rewriter.constant(
            (x_scale.astype(np.float64) * w_scale).astype(np.float32), f"{op.node_name}_bias_scale"
        )
        operands.append(rewriter.insert(op, "DequantizeLinear", [bias, scale], {"axis": 0}))
    y = rewriter.insert(op, "Conv" if conv else "MatMul", operands, op.python_attrs())
    rewriter.replace(
        op, [rewriter.insert(op, "QuantizeLinear", [y, op.required("y_scale"), op.required("y_zero_point")])]
    )
    return True


def _quantize(target: Target, value: SSAValue) -> Value | None:
    """The integers of a QuantizeLinear of this value; None if there is no pattern. Raises StaysFloat."""
    found = clamps(target.rewriter, value)
    if found is None:
        return tabulated(target, value)
    inner, low, high = found
    target = replace(target, low=low, high=high)
    x = dequantized(target.rewriter, inner)
    if x is not None:
        return requantized(target, x)
    result = tabulated(target, value)
    if result is None:
        result = linear(target, inner)
    return _by_pattern(target, inner) if result is None else result


def _by_pattern(target: Target, value: SSAValue) -> Value | None:
    source = value.owner
    if not isinstance(source, OnnxOp) or source.op_type not in PATTERNS:
        return None
    if not value.has_one_use() and not only_quantized(value):
        raise StaysFloat("its result is used in float as well")
    return PATTERNS[source.op_type](target, source)


@dataclass(frozen=True)
class _Found:
    """Why operations have not been done on integers yet, and the names of those whose integers are not exact."""

    reasons: dict[GraphOp, str] = field(default_factory=dict[GraphOp, str])
    inexact: dict[str, None] = field(default_factory=dict[str, None])


class _Function:
    """One function being rewritten."""

    def __init__(self, rewriter: GraphRewriter, fixed_point: bool, found: _Found) -> None:
        self.rewriter, self.fixed_point = rewriter, fixed_point
        self.reasons, self.inexact = found.reasons, found.inexact
        self.sums: dict[OnnxOp, Sums] = {}

    def _onnx_ops(self, *op_types: str) -> list[OnnxOp]:
        found = [op for op in self.rewriter.graph_ops() if isinstance(op, OnnxOp)]
        return [op for op in found if not op_types or op.op_type in op_types]

    def rewrite(self) -> None:
        """Everything but products that stay float, and the removal of what has become dead."""
        others = [op for op in self._onnx_ops() if not _open(self.rewriter, op)]
        state_boundary(self.rewriter)
        for op in others:
            sink(self.rewriter, op)
        merge(self.rewriter)
        self._quantize_all()

    def products(self) -> None:
        """Products that stay float, whose results may be quantised after that."""
        for op in self._onnx_ops():
            try:
                result = float_product(self.rewriter, op)
            except StaysFloat as reason:
                self.reasons[op] = str(reason)
                continue
            if result is not None:
                self.rewriter.replace(op, [result])
        self._quantize_all()

    def _quantize_all(self) -> None:
        waiting = self._onnx_ops("QuantizeLinear")[::-1]
        while waiting:
            quantize = waiting.pop()
            risen = rise(self.rewriter, quantize)
            if risen is None:
                self._quantize(quantize)
            else:
                waiting.extend(risen)

    def _quantize(self, op: OnnxOp) -> None:
        quantization = quantization_of(self.rewriter, op)
        if quantization is None:
            return
        value = op.operands[0]
        try:
            target = Target(self.rewriter, op, quantization, self.fixed_point, self.inexact, self.sums)
            result = _quantize(target, value)
        except StaysFloat as reason:
            source = clamps(self.rewriter, value)
            owner = (value if source is None else source[0]).owner
            if isinstance(owner, GraphOp):
                self.reasons[owner] = str(reason)
            return
        if result is not None:
            self.rewriter.replace(op, [result])
            drop_unused(value)

    def remarks(self) -> None:
        """What stays in float between a DequantizeLinear and a QuantizeLinear, and products of integers that do: one
        remark for all nodes of a kind, since a language model has hundreds."""
        ops = self.rewriter.graph_ops()
        left = set(between(ops))
        nodes: dict[tuple[str, str], list[str]] = {}
        for op in ops:
            if op in left or op in self.reasons:
                reason = f": {self.reasons[op]}" if op in self.reasons else ""
                nodes.setdefault((op.op_type, reason), []).append(op.node_name)
        for (op_type, reason), names in nodes.items():
            remark(", ".join(names), f"{op_type} stays in float between DequantizeLinear and QuantizeLinear{reason}")


def between(ops: list[GraphOp]) -> Iterator[GraphOp]:
    """Operations in float on a way from a DequantizeLinear to a QuantizeLinear."""
    after: set[SSAValue] = set()
    for op in ops:
        if is_onnx(op, "DequantizeLinear") or any(value in after for value in op.operands):
            after.update(r for r in op.results if not is_integer(tensor_type(r).element_type))
    before: set[SSAValue] = set()
    found: list[GraphOp] = []
    for op in reversed(ops):
        if is_onnx(op, "DequantizeLinear", "QuantizeLinear"):
            before.update(op.operands if op.op_type == "QuantizeLinear" else ())
        elif any(r in before and r in after for r in op.results):
            before.update(op.operands)
            found.append(op)
    yield from reversed(found)


@dataclass(frozen=True)
class QdqToIntegerPass(ModulePass):
    """See the module. `fixed_point`: integers that are within one step of ONNX's definition serve where none equal it,
    so that nothing is done in float that can do without."""

    name = "deeploy-qdq-to-integer"

    fixed_point: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        found = _Found()
        for rewriter in GraphRewriter.of_module(op):
            _Function(rewriter, self.fixed_point, found).rewrite()
        erase_dead(op)
        for rewriter in GraphRewriter.of_module(op):
            _Function(rewriter, self.fixed_point, found).products()
        erase_dead(op)
        for rewriter in GraphRewriter.of_module(op):
            _Function(rewriter, self.fixed_point, found).remarks()
        if found.inexact:
            remark(", ".join(found.inexact), "on integers, within one step: none equal ONNX's definition everywhere")
