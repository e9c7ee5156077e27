"""Operators that move or select elements commute with quantisation: DequantizeLinear sinks below them, QuantizeLinear
rises above them, so that they are done on integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import Attribute, SSAValue

from deeploy_mlir.dialects.graph_op import tensor_type
from deeploy_mlir.dialects.onnx import OnnxOp, allowed_types
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.qdq.quantization import (
    Quantization,
    Quantized,
    dequantize,
    dequantized,
    integer_dtype,
    is_f32,
    quantization_of,
)
from deeploy_mlir.passes.shared.graph_rewriting import GraphRewriter, drop_unused, only_quantized
from deeploy_mlir.support.numpy_types import numpy_dtype

_MOVES = frozenset(
    "Reshape Flatten Squeeze Unsqueeze Transpose Slice Gather GatherElements GatherND MaxPool GlobalMaxPool Identity "
    "Split Expand Tile DepthToSpace SpaceToDepth ReduceMax ReduceMin Resize".split()
)
"""Operators on one tensor that only move or select elements (Resize: where its mode is nearest)."""

_JOINED: dict[str, tuple[int, ...] | None] = {
    "Concat": None,
    "Max": None,
    "Min": None,
    "Where": (1, 2),
    "ScatterElements": (0, 2),
    "ScatterND": (0, 2),
}
"""Operators that choose among the elements of several tensors, and which operands these are (None: all)."""


def sink(rewriter: GraphRewriter, op: OnnxOp) -> bool:
    """op(DequantizeLinear(x)) -> DequantizeLinear(op(x)). Whether it was done."""
    if op.op_type in _JOINED:
        return _sink_joined(rewriter, op)
    if len(op.operands) == 0 or not (moves(op) or op.op_type in ("Relu", "Clip", "Pad")):
        return False
    x = dequantized(rewriter, op.operands[0])
    if x is None or not _takes(op, tensor_type(x.integers).element_type):
        return False
    axis = x.quantization.axis
    if not x.quantization.per_tensor:
        if op.op_type != "Transpose":
            return False
        axis = list(op.attr("perm") or reversed(range(len(x.shape)))).index(axis)
    if op.op_type == "Pad" and not _pads_exactly(rewriter, op, x):
        return False
    if op.op_type == "Clip":
        return _sink_clip(rewriter, op, x)
    values = _moved(rewriter, op, op, rewriter.value(x.integers), x.quantization)
    rewriter.replace(op, [dequantize(rewriter, op, value, x.op, axis) for value in values])
    return True


def moves(op: OnnxOp) -> bool:
    """Whether an operator on one tensor only moves or selects its elements."""
    if op.op_type == "Resize":
        return op.attr("mode") == "nearest" and op.attr("coordinate_transformation_mode") != "tf_crop_and_resize"
    return op.op_type in _MOVES


def _takes(op: OnnxOp, element: Attribute) -> bool:
    """Whether the operator exists on integers of this type; of MaxPool the indices are not moved."""
    if op.op_type == "MaxPool" and len(op.results) > 1:
        return False
    name = {"GlobalMaxPool": "ReduceMax", "Relu": "Max"}.get(op.op_type, op.op_type)
    index = (_JOINED.get(name) or (0,))[0]
    formal = op.schema.inputs[index] if name == op.op_type else None
    allowed = allowed_types(name)
    return element in (allowed["T"] if formal is None else allowed[formal.type_str])


def _fill(rewriter: GraphRewriter, op: OnnxOp) -> float | None:
    """What a Pad fills with; None if that is not constant. 0 in the modes that copy elements."""
    value = op.input("constant_value")
    if op.attr("mode") != "constant" or value is None:
        return 0.0
    found = rewriter.array(value)
    return None if found is None else float(found.reshape(-1)[0])


def _pads_exactly(rewriter: GraphRewriter, op: OnnxOp, x: Quantized) -> bool:
    """Whether an integer means just what a Pad fills with."""
    if op.attr("mode") != "constant":
        return True
    fill = _fill(rewriter, op)
    if fill is None:
        return False
    level = x.quantization.quantize(fill, integer_dtype(x.integers))
    return (level - int(x.quantization.zero_point)) * float(x.quantization.scale) == fill


def _sink_clip(rewriter: GraphRewriter, op: OnnxOp, x: Quantized) -> bool:
    """A Clip to bounds that integers mean exactly, or that none of them reaches."""
    dtype, scale, point = integer_dtype(x.integers), float(x.quantization.scale), int(x.quantization.zero_point)
    levels = [int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)]
    for index, name in enumerate(("min", "max")):
        bound = op.input(name)
        array = rewriter.array(bound)
        if bound is None:
            continue
        if array is None:
            return False
        real = float(array.reshape(()))
        if (levels[index] - point) * scale <= real if index else (levels[index] - point) * scale >= real:
            continue
        level = x.quantization.quantize(real, dtype)
        if np.float32((level - point) * scale) != np.float32(real):
            return False
        levels[index] = level
    bounds = [rewriter.constant(np.asarray(v, dtype), f"{op.node_name}_bound") for v in levels]
    clipped = rewriter.insert(op, "Clip", [x.integers, *bounds])
    rewriter.replace(op, [dequantize(rewriter, op, clipped, x.op, x.quantization.axis)])
    return True


def _moved(rewriter: GraphRewriter, before: OnnxOp, op: OnnxOp, x: Value, quantization: Quantization) -> list[Value]:
    """The operator on integers of this quantisation, before another."""
    inputs: list[Value | None] = [x, *(None if v is None else rewriter.value(v) for v in op.inputs[1:])]
    dtype = numpy_dtype(x.element_type)
    if op.op_type == "Relu":
        zero = rewriter.constant(np.asarray(int(quantization.zero_point), dtype), f"{op.node_name}_zero_point")
        return [rewriter.insert(before, "Max", [x, zero])]
    if op.op_type == "GlobalMaxPool":
        axes = rewriter.constant(np.arange(2, len(x.shape)), f"{op.node_name}_axes")
        return [rewriter.insert(before, "ReduceMax", [x, axes], {"keepdims": 1})]
    fill = _fill(rewriter, op) if op.op_type == "Pad" else None
    if fill is not None and op.attr("mode") == "constant":
        inputs.extend([None] * (3 - len(inputs)))
        inputs[2] = rewriter.constant(np.asarray(quantization.quantize(fill, dtype), dtype), f"{op.node_name}_fill")
    wanted = [True] * len(op.results)
    moved = rewriter.before(before).onnx(op.op_type, inputs, op.python_attrs(), op.node_name, wanted)
    return [Value.of_array(value.array(), value.name) if value.is_constant else value for value in moved]


def _joined(op: OnnxOp) -> Sequence[int]:
    return _JOINED[op.op_type] or range(len(op.operands))


def _sink_joined(rewriter: GraphRewriter, op: OnnxOp) -> bool:
    """Operators that join tensors of one quantisation."""
    if op.op_type.startswith("Scatter") and op.attr("reduction") != "none":
        return False
    data = _joined(op)
    found = [dequantized(rewriter, op.operands[index]) for index in data]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found) or not all(part.quantization.same(parts[0].quantization) for part in parts):
        return False
    element = tensor_type(parts[0].integers).element_type
    if any(tensor_type(part.integers).element_type != element for part in parts) or not _takes(op, element):
        return False
    inputs: list[SSAValue | Value | None] = list(op.inputs)
    for index, part in zip(data, parts, strict=True):
        inputs[index] = part.integers
    joined = rewriter.insert(op, op.op_type, inputs, op.python_attrs())
    rewriter.replace(op, [dequantize(rewriter, op, joined, parts[0].op, parts[0].quantization.axis)])
    return True


def rise(rewriter: GraphRewriter, quantize: OnnxOp) -> list[OnnxOp] | None:
    """QuantizeLinear(op(x)) -> op(QuantizeLinear(x)): the new QuantizeLinears, None if it was not done.

    Rounding and saturation keep the order of numbers, so this is exact for operators that choose by it, too."""
    value, op = quantize.operands[0], quantize.operands[0].owner
    quantization = quantization_of(rewriter, quantize)
    element = tensor_type(quantize.results[0]).element_type
    if quantization is None or not isinstance(op, OnnxOp) or len(op.results) != 1 or not only_quantized(value):
        return None
    if op.op_type == "Pad" or moves(op):
        data: Sequence[int] = (0,)
    elif op.op_type in _JOINED and not op.op_type.startswith("Scatter"):
        data = _joined(op)
    else:
        return None
    if op.op_type == "Pad" and _fill(rewriter, op) is None:
        return None
    if not _takes(op, element) or not all(is_f32(op.operands[index]) for index in data):
        return None
    if all(rewriter.array(op.operands[index]) is not None for index in data):
        return None
    raised: list[OnnxOp] = []
    inputs: list[SSAValue | Value | None] = list(op.inputs)
    for index in data:
        parameters = [op.operands[index], *quantize.inputs[1:]]
        inputs[index] = integers = rewriter.insert(quantize, "QuantizeLinear", parameters, quantize.python_attrs())
        raised.append(_owner(integers))
    if op.op_type in _JOINED:
        result = rewriter.insert(quantize, op.op_type, inputs, op.python_attrs())
    else:
        (result,) = _moved(rewriter, quantize, op, rewriter.value(raised[0].results[0]), quantization)
    rewriter.replace(quantize, [result])
    drop_unused(value)
    return raised


def _owner(value: Value) -> OnnxOp:
    assert value.ssa is not None
    owner = value.ssa.owner
    assert isinstance(owner, OnnxOp)
    return owner


def merge(rewriter: GraphRewriter) -> None:
    """QuantizeLinears of one value with the same parameters become the first of them."""
    kept: list[OnnxOp] = []
    for op in rewriter.graph_ops():
        if not isinstance(op, OnnxOp) or op.op_type != "QuantizeLinear":
            continue
        same = next((k for k in kept if k.operands[0] is op.operands[0] and _alike(rewriter, k, op)), None)
        if same is None:
            kept.append(op)
        else:
            rewriter.replace(op, [same.results[0]])


def _alike(rewriter: GraphRewriter, a: OnnxOp, b: OnnxOp) -> bool:
    first, second = (quantization_of(rewriter, op) for op in (a, b))
    return first is not None and second is not None and first.same(second) and a.results[0].type == b.results[0].type
