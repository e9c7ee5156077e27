"""`deeploy-simplify-graph`: operators that do nothing, chains of reshapes and transposes, dead code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from deeploy_mlir.dialects.graph_op import tensor_type
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.dialects.qnn import integer_bits, is_integer, is_unsigned
from deeploy_mlir.graph.dead_code import erase_dead
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.shared.graph_rewriting import GraphRewriter, producer

Replacement = SSAValue | Value | None
Pattern = Callable[[GraphRewriter, OnnxOp], Replacement]
"""Gives what replaces the operation's only result, or None if it stays."""

RESHAPES = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")


def _shape(value: SSAValue) -> tuple[int, ...]:
    return tuple(tensor_type(value).get_shape())


def _same_type(op: OnnxOp) -> bool:
    return op.operands[0].type == op.results[0].type


def _nothing(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    return op.operands[0]


def _dropout(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    """Dropout does nothing outside training."""
    training = op.input("training_mode")
    off = training is None or ((array := rewriter.array(training)) is not None and not np.any(array))
    return op.operands[0] if off else None


def _nothing_if_same(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    """Operators that keep every element when the result has the operand's type."""
    return op.operands[0] if _same_type(op) else None


def _slice(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    """A Slice that keeps everything, in order (a negative step of the same size would reverse it)."""
    steps = op.input("steps")
    forward = steps is None or ((array := rewriter.array(steps)) is not None and bool(np.all(array > 0)))
    return op.operands[0] if _same_type(op) and forward else None


def _pad(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    """A Pad of nothing (negative amounts could shift)."""
    amounts = rewriter.array(op.required("pads"))
    return op.operands[0] if amounts is not None and not np.any(amounts) else None


def _single_operand(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    return op.operands[0] if len(op.operands) == 1 else None


def reshaped(rewriter: GraphRewriter, before: OnnxOp, x: SSAValue, shape: tuple[int, ...]) -> Value:
    """`x` with another shape, all of whose dimensions are stated."""
    attrs = {"allowzero": 1} if 0 in shape else {}
    return rewriter.insert(before, "Reshape", [x, rewriter.constant(list(shape), f"{before.node_name}_shape")], attrs)


def _reshape(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    """One Reshape of stated dimensions for any chain of Reshape, Flatten, Squeeze and Unsqueeze."""
    source = op.operands[0]
    while (before := producer(source, *RESHAPES)) is not None:
        source = before.operands[0]
    shape = _shape(op.results[0])
    if _shape(source) == shape:
        return source
    if source is op.operands[0] and op.op_type == "Reshape":
        asked = rewriter.array(op.operands[1])
        if asked is not None and tuple(int(n) for n in asked) == shape:
            return None
    return reshaped(rewriter, op, source, shape)


def _transpose(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    """Transposes in a row become one; one that only moves dimensions of size 1 becomes a Reshape."""
    source = op.operands[0]
    rank = len(_shape(source))
    perm: list[int] = op.attr("perm") or list(reversed(range(rank)))
    before = producer(source, "Transpose")
    if before is not None:
        inner: list[int] = before.attr("perm") or list(reversed(range(rank)))
        perm, source = [inner[p] for p in perm], before.operands[0]
    if perm == list(range(rank)):
        return source
    shape = _shape(source)
    moved = [p for p in perm if shape[p] != 1]
    if moved == sorted(moved):
        return reshaped(rewriter, op, source, _shape(op.results[0]))
    return rewriter.insert(op, "Transpose", [source], {"perm": perm}) if before is not None else None


def _constant_operand(rewriter: GraphRewriter, op: OnnxOp, neutral: float, *, commutes: bool) -> Replacement:
    for index in (1, 0) if commutes else (1,):
        array = rewriter.array(op.operands[index])
        other = op.operands[1 - index]
        if array is not None and array.size and np.all(array == neutral) and other.type == op.results[0].type:
            return other
    return None


def _add(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    return _constant_operand(rewriter, op, 0, commutes=True)


def _sub(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    return _constant_operand(rewriter, op, 0, commutes=False)


def _mul(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    return _constant_operand(rewriter, op, 1, commutes=True)


def _div(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    return _constant_operand(rewriter, op, 1, commutes=False)


def _relu(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    before = producer(op.operands[0], "Relu", "Sigmoid")
    return op.operands[0] if before is not None else None


def _padded_convolution(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    """A Pad with zeros before a convolution goes into the convolution's own pads."""
    pad = producer(op.operands[0], "Pad")
    if pad is None or pad.attr("mode") != "constant" or not pad.results[0].has_one_use():
        return None
    if op.op_type == "ConvInteger" and op.input("x_zero_point") is not None:
        return None
    fill = rewriter.array(pad.input("constant_value")) if pad.input("constant_value") is not None else np.zeros(1)
    amounts, axes = rewriter.array(pad.required("pads")), pad.input("axes")
    rank = len(_shape(pad.operands[0]))
    if fill is None or np.any(fill != 0) or amounts is None or axes is not None or np.any(amounts < 0):
        return None
    begins, ends = [int(n) for n in amounts[:rank]], [int(n) for n in amounts[rank:]]
    if any(begins[:2]) or any(ends[:2]):
        return None
    attrs = op.python_attrs()
    own: list[int] = attrs.get("pads", [0] * (2 * (rank - 2)))
    attrs["pads"] = [a + b for a, b in zip(own, begins[2:] + ends[2:], strict=True)]
    return rewriter.insert(op, op.op_type, [pad.operands[0], *op.inputs[1:]], attrs)


def _cast(rewriter: GraphRewriter, op: OnnxOp) -> Replacement:
    """A cast to the same type; a cast of a cast where the first one only widened integers."""
    if _same_type(op):
        return op.operands[0]
    before = producer(op.operands[0], "Cast")
    if before is None:
        return None
    types = [tensor_type(v).element_type for v in (before.operands[0], before.results[0], op.results[0])]
    if not all(is_integer(t) for t in types):
        return None
    first, middle = types[0], types[1]
    loses_sign = is_unsigned(middle) and not is_unsigned(first)
    if integer_bits(middle) <= integer_bits(first) or loses_sign:
        return None
    if before.operands[0].type == op.results[0].type:
        return before.operands[0]
    return rewriter.insert(op, "Cast", [before.operands[0]], {"to": op.attr("to")})


PATTERNS: dict[str, Pattern] = {
    "Identity": _nothing,
    "Dropout": _dropout,
    "Cast": _cast,
    **dict.fromkeys(("Expand", "Tile"), _nothing_if_same),
    "Slice": _slice,
    "Pad": _pad,
    **dict.fromkeys(("Concat", "Sum", "Max", "Min", "Mean"), _single_operand),
    **dict.fromkeys(RESHAPES, _reshape),
    "Transpose": _transpose,
    "Add": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "Relu": _relu,
    **dict.fromkeys(("Conv", "ConvInteger"), _padded_convolution),
}


@dataclass(frozen=True)
class SimplifyGraphPass(ModulePass):
    """Applies `PATTERNS` in the order of the network until none matches, then erases what is dead."""

    name = "deeploy-simplify-graph"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        changed = True
        while changed:
            changed = False
            for rewriter in GraphRewriter.of_module(op):
                for graph_op in rewriter.graph_ops():
                    changed |= self._rewrite(rewriter, graph_op)
            erase_dead(op)

    @staticmethod
    def _rewrite(rewriter: GraphRewriter, op: object) -> bool:
        if not isinstance(op, OnnxOp) or op.op_type not in PATTERNS:
            return False
        if any(result.first_use is not None for result in op.results[1:]):
            return False
        found = PATTERNS[op.op_type](rewriter, op)
        if found is None:
            return False
        rewriter.replace(op, [found, *[None] * (len(op.results) - 1)])
        return True
