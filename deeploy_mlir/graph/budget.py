"""How much may be computed while compiling: a budget of steps for operations on constants."""

from __future__ import annotations

import math
from typing import Any, cast

from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.dialects.ml_program import GlobalOp
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.graph_op import GraphOp, tensor_type
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.graph.evaluate import type_bytes

_STEPS = 1 << 29
"""Multiply-accumulates of a matrix product, which are the cheapest steps: some tenths of a second."""
_STEPS_A_BYTE = 64
"""What each byte of the file's constants adds: the work is in proportion to the file."""
_STEPS_AN_ELEMENT = 8
"""Of an elementwise operation by numpy."""
_STEPS_AN_OPERATION = 1 << 18
"""Of setting one operation up for ONNX's reference evaluator."""
_STEPS_A_LOOP = 1 << 12
"""Of one round of a loop in Python."""
_BYTES = 1 << 28
"""Of the results of all operations together; four times what the file's constants have comes to it."""
_WINDOW_BYTES = 1 << 27
"""Most bytes of the windows of a convolution, each of whose elements is copied for every window that it is in."""

_LOOPS = frozenset(
    """AveragePool CenterCropPad Col2Im Compress ConvTranspose DeformConv Det GatherElements GatherND GlobalLpPool
    GridSample LRN LpPool MaxRoiPool MaxUnpool NonMaxSuppression ReverseSequence Resize RoiAlign ScatterElements
    ScatterND STFT TfIdfVectorizer TopK Unique Upsample""".split()
)
"""Operators that ONNX's reference evaluator computes element by element."""
_RECURRENT = frozenset(("GRU", "LSTM", "RNN"))
_CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}
"""Convolutions, and the operand that has their weights."""


def _shape(op: GraphOp, index: int) -> tuple[int, ...]:
    value = op.inputs[index] if index < len(op.inputs) else None
    return () if value is None else tuple(tensor_type(value).get_shape())


def _elements(op: GraphOp) -> int:
    """Elements of results and of operands, each counted once."""
    return sum(math.prod(tensor_type(value).get_shape()) for value in {*op.operands, *op.results})


def _einsum_steps(op: OnnxOp) -> int:
    """The product of all the sizes that the letters stand for."""
    terms = str(op.attr("equation")).replace(" ", "").split("->")[0].split(",")
    sizes = {letter: size for i, term in enumerate(terms) for letter, size in zip(term, _shape(op, i), strict=False)}
    return math.prod(sizes.values())


def _window_steps(op: OnnxOp, results: int) -> int:
    kernel: Any = op.attr("kernel_shape") if op.op_type.endswith("Pool") and not op.op_type.startswith("Gl") else None
    return results * math.prod(cast("list[int]", kernel or [1]))


def stored_bytes(module: ModuleOp) -> int:
    """Bytes of the constants that a module holds."""
    types = [op.type for op in module.ops if isinstance(op, GlobalOp)]
    return sum(type_bytes(t) for t in types if isa(t, TensorType))


def steps_of(op: GraphOp) -> int:
    """About how many multiply-accumulates of a matrix product evaluating an operation takes as long as."""
    elements = _STEPS_AN_OPERATION + _STEPS_AN_ELEMENT * _elements(op)
    results = sum(math.prod(tensor_type(result).get_shape()) for result in op.results)
    if not isinstance(op, OnnxOp):
        return elements
    if op.op_type in _CONVOLUTIONS:
        weights = _shape(op, _CONVOLUTIONS[op.op_type])
        window = math.prod(weights[1:])
        copied = 8 * results // max(1, weights[0]) * window * int(op.attr("group", 1))
        return elements + results * window if copied <= _WINDOW_BYTES else _STEPS_A_LOOP * copied
    if op.op_type in ("MatMul", "MatMulInteger", "Gemm"):
        left = _shape(op, 0)
        return elements + results * (max(left) if op.op_type == "Gemm" else left[-1] if left else 1)
    if op.op_type == "Einsum":
        return elements + _STEPS_AN_ELEMENT * _einsum_steps(op)
    if op.op_type == "ConvTranspose":
        return elements + _STEPS_A_LOOP * math.prod(_shape(op, 1)[1:]) * math.prod(_shape(op, 0)) // 16
    if op.op_type in _RECURRENT:
        steps = _shape(op, 0)[0]
        return elements + _STEPS_A_LOOP * 8 * steps + steps * math.prod(_shape(op, 2))
    if op.op_type == "MaxPool":
        return elements + _STEPS_AN_ELEMENT * _window_steps(op, results)
    if op.op_type in _LOOPS:
        return elements + _STEPS_A_LOOP * _window_steps(op, results)
    return elements


class Budget:
    """What is left for evaluating operations: steps, and bytes of results."""

    def __init__(self, constant_bytes: int = 0) -> None:
        """For a network whose constants, as the file holds them, have so many bytes."""
        self._steps = _STEPS + _STEPS_A_BYTE * constant_bytes
        self._bytes = _BYTES + 4 * constant_bytes

    def take(self, op: GraphOp) -> bool:
        """Whether the operation may be evaluated; if so what it takes is gone."""
        steps, size = steps_of(op), sum(type_bytes(tensor_type(result)) for result in op.results)
        if steps > self._steps or size > self._bytes:
            return False
        self._steps -= steps
        self._bytes -= size
        return True
