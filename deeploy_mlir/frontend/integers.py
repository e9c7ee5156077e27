"""Integer networks: files that declare FLOAT but whose inputs were said to be integers.

`RULES` turns each operator that meets such a value into standard integer operators with explicit widening:

| operator | becomes |
|---|---|
| Conv, MatMul, Gemm | ConvInteger / MatMulInteger with an i32 result, then i32 Mul (alpha, beta), Add (bias) |
| Add, Sub, Mul, Neg, Abs, ReduceSum, Sum | operands cast to i32 (i64 if one is), then the operator (Add for Sum) |
| Concat, Max, Min, Where | operands cast to the smallest type that holds all of theirs |
| ReduceMean, GlobalAveragePool | qnn.IntegerMean |
| Div with Delta, eta, eps | qnn.IntegerDiv |
| Reshape, Transpose, MaxPool, Pad, Slice, Gather, Relu ... | the same operator on the integer type |
| Round, Floor, Ceil, Cast to float, Relu of unsigned | nothing |
| anything else, or a constant that is not integral | operands cast to f32, then the operator in float |

Integral constants become integers: weights i8 if they fit, else ui8, i16, i32; operands of arithmetic the type of the
others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import onnx
from xdsl.dialects.builtin import Float32Type, IntegerType, Signedness, i32, i64
from xdsl.ir import Attribute

from deeploy_mlir.dialects.onnx import OPERATORS, allowed_types
from deeploy_mlir.dialects.qnn import integer_bits, integer_type, is_unsigned
from deeploy_mlir.frontend.legacy import drop_unknown_attributes
from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.node import Node, Rule
from deeploy_mlir.graph.types import constant_type, is_integral
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, numpy_dtype
from deeploy_mlir.support.remarks import remark

_UI32 = IntegerType(32, Signedness.UNSIGNED)


def _integral(value: Value | None) -> bool:
    """Whether a value is an integer tensor, or a constant that can be one."""
    return value is None or value.is_integer or (value.is_constant and is_integral(value.array()))


def _as_integer(emitter: Emitter, value: Value, node: str) -> Value:
    """A value with integer elements: an integral float constant in the smallest type that holds it."""
    if value.is_integer and not (value.is_constant and value.ssa is None):
        return value
    array = np.rint(value.array()) if value.array().dtype.kind == "f" else value.array()
    found = Value.of_array(array.astype(numpy_dtype(constant_type(array))), value.name)
    return found


def _retyped(values: Sequence[Value]) -> list[Value]:
    for value in values:
        value.retyped = value.is_integer
    return list(values)


def _emit(emitter: Emitter, node: Node, inputs: Sequence[Value | None], op_type: str | None = None) -> list[Value]:
    node.op_type = op_type or node.op_type
    drop_unknown_attributes(node)
    return _retyped(emitter.onnx(node.op_type, inputs, node.attrs, node.name, node.wanted))


def _in_float(emitter: Emitter, node: Node) -> None:
    """Integer operands that the file declares as FLOAT are cast to f32, and the operator stays as it is."""
    for index, value in enumerate(node.inputs):
        if value is not None and value.retyped:
            found = emitter.as_type(value, Float32Type(), node.name)
            found.retyped = False
            node.inputs[index] = found


def _wide_type(values: Sequence[Value]) -> Attribute:
    """i32, or i64 if a value is not in the range of i32."""
    for value in values:
        element = value.element_type
        bits = integer_bits(element)
        if bits == 64 or (bits == 32 and is_unsigned(element)):
            if not value.is_constant or np.any(np.abs(value.array()) >= 1 << 31):
                return i64
    return i32


def _widened(emitter: Emitter, values: Sequence[Value], node: str) -> list[Value]:
    integers = [_as_integer(emitter, value, node) for value in values]
    wide = _wide_type(integers)
    return [emitter.as_type(value, wide, node) for value in integers]


def _widen(emitter: Emitter, node: Node) -> list[Value] | None:
    operands = [value for value in node.inputs if value is not None]
    if node.op_type == "ReduceSum":
        operands = operands[:1]
    if not all(map(_integral, operands)):
        return None
    return _emit(emitter, node, [*_widened(emitter, operands, node.name), *node.inputs[len(operands) :]])


def common_type(values: Sequence[Value]) -> Attribute:
    """The smallest integer type that holds every type of these; tensors without elements do not count."""
    low, high = 0, 0
    for value in values:
        element = value.element_type
        if 0 in value.shape or not isinstance(element, IntegerType):
            continue
        info = np.iinfo(cast(Any, numpy_dtype(cast(Attribute, element))))
        low, high = min(low, int(info.min)), max(high, int(info.max))
    return integer_type(low, high) if high else values[0].element_type


def _unify(emitter: Emitter, node: Node) -> list[Value] | None:
    first = 1 if node.op_type == "Where" else 0
    operands = [value for value in node.inputs[first:] if value is not None]
    if not all(map(_integral, operands)):
        return None
    integers = [_as_integer(emitter, value, node.name) for value in operands]
    target = common_type(integers)
    cast = [emitter.as_type(value, target, node.name) for value in integers]
    return _emit(emitter, node, [*node.inputs[:first], *cast])


def _fits(array: Array, x: Value) -> bool:
    """Whether the values of an array are in the range of another tensor's integer type."""
    info = np.iinfo(cast(Any, numpy_dtype(x.element_type)))
    return array.size == 0 or bool(array.min() >= info.min and array.max() <= info.max)


def _sum(emitter: Emitter, node: Node) -> list[Value] | None:
    operands = [node.required(index) for index in range(len(node.inputs))]
    if not all(map(_integral, operands)):
        return None
    total = operands[0]
    for value in operands[1:]:
        total = _add(emitter, total, value, node.name)
    return _retyped([total])


def _keep(emitter: Emitter, node: Node) -> list[Value] | None:
    """Operators that move or select elements: the data operand's type is kept; a fill value gets it too."""
    x = node.required(0)
    if not x.is_integer:
        return None
    inputs = list(node.inputs)
    if node.op_type == "Pad":
        fill = node.input(2)
        if fill is not None and not _integral(fill):
            return None
        if fill is not None:
            found = _as_integer(emitter, fill, node.name)
            target = common_type([x, found]) if found.is_constant and not _fits(found.array(), x) else x.element_type
            inputs[0], inputs[2] = (emitter.as_type(value, target, node.name) for value in (x, found))
    formal = OPERATORS[node.op_type].schema.inputs[0].type_str
    if x.element_type not in allowed_types(node.op_type).get(formal, frozenset({x.element_type})):
        inputs[0] = emitter.as_type(x, i32, node.name)
    return _emit(emitter, node, inputs)


def _index(emitter: Emitter, value: Value, node: str) -> Value:
    """Indices in a type that they may have; the file may call them FLOAT like everything else."""
    if value.is_constant and not value.is_integer:
        return emitter.constant(value.array().astype(np.int64), value.name)
    narrow = value.is_integer and value.element_type not in (i32, i64)
    return emitter.as_type(value, i64 if value.element_type == _UI32 else i32, node) if narrow else value


def _gather(emitter: Emitter, node: Node) -> list[Value] | None:
    """Elements of a table by indices: an integral table has the smallest type that holds it."""
    table = node.required(0)
    data = _as_integer(emitter, table, node.name) if _integral(table) else table
    return _emit(emitter, node, [data, _index(emitter, node.required(1), node.name)])


def _scatter(emitter: Emitter, node: Node) -> list[Value] | None:
    parts = [node.required(0), node.required(2)]
    if not all(map(_integral, parts)):
        return None
    integers = [_as_integer(emitter, value, node.name) for value in parts]
    target = common_type(integers)
    data, updates = (emitter.as_type(value, target, node.name) for value in integers)
    return _emit(emitter, node, [data, _index(emitter, node.required(1), node.name), updates])


def _same(emitter: Emitter, node: Node) -> list[Value] | None:
    """Operators that do nothing to integers."""
    return [node.required(0)]


def _relu(emitter: Emitter, node: Node) -> list[Value] | None:
    return _same(emitter, node) if is_unsigned(node.required(0).element_type) else _keep(emitter, node)


def _clip(emitter: Emitter, node: Node) -> list[Value] | None:
    x = node.required(0)
    bounds = node.inputs[1:]
    if not all(value is None or (value.is_constant and is_integral(value.array())) for value in bounds):
        return None
    info = np.iinfo(numpy_dtype(x.element_type))
    limited = [
        None
        if value is None
        else Value.of_array(np.clip(value.array(), info.min, info.max).astype(info.dtype), value.name)
        for value in bounds
    ]
    return _emit(emitter, node, [x, *limited])


def _cast(emitter: Emitter, node: Node) -> list[Value] | None:
    """A cast to a float type means nothing in a file where FLOAT stands for the integers."""
    to = onnx.helper.tensor_dtype_to_np_dtype(node.integer("to"))
    return _same(emitter, node) if np.dtype(to).kind not in "iub" else _emit(emitter, node, node.inputs)


def _add(emitter: Emitter, a: Value, b: Value, node: str) -> Value:
    (found,) = emitter.onnx("Add", _widened(emitter, [a, b], node), {}, node)
    return found


def _conv(emitter: Emitter, node: Node) -> list[Value] | None:
    operands = [node.required(0), node.required(1)]
    bias = node.input(2)
    if not all(map(_integral, [*operands, bias])):
        return None
    x, w = (_as_integer(emitter, value, node.name) for value in operands)
    node.inputs = [x, w]
    (y,) = _emit(emitter, node, node.inputs, "ConvInteger")
    if bias is not None:
        y = _add(emitter, y, _reshaped(emitter, bias, (-1, *[1] * (len(y.shape) - 2)), node.name), node.name)
    return _retyped([y])


def _reshaped(emitter: Emitter, value: Value, shape: tuple[int, ...], node: str) -> Value:
    if value.is_constant:
        return Value.of_array(value.array().reshape(shape), value.name)
    (found,) = emitter.onnx("Reshape", [value, emitter.constant(list(shape), f"{value.name}_shape")], {}, node)
    return found


def _matmul(emitter: Emitter, node: Node) -> list[Value] | None:
    if not all(map(_integral, node.inputs)):
        return None
    operands = [_as_integer(emitter, node.required(index), node.name) for index in (0, 1)]
    return _emit(emitter, node, operands, "MatMulInteger")


def _transposed(emitter: Emitter, value: Value, node: str) -> Value:
    rank = len(value.shape)
    perm = [*range(rank - 2), rank - 1, rank - 2]
    if value.is_constant:
        return Value.of_array(np.ascontiguousarray(value.array().transpose(perm)), value.name)
    (found,) = emitter.onnx("Transpose", [value], {"perm": perm}, node)
    return found


def _scaled(emitter: Emitter, value: Value, factor: int, node: str) -> Value:
    if factor == 1:
        return value
    if value.is_constant:
        return Value.of_array(np.rint(value.array()).astype(np.int64) * factor, value.name)
    scale = emitter.constant(np.asarray(factor, np.int32), f"{node}_factor")
    (found,) = emitter.onnx("Mul", _widened(emitter, [value, scale], node), {}, node)
    return found


def _gemm(emitter: Emitter, node: Node) -> list[Value] | None:
    """alpha * A' B' + beta * C; A may have more than two dimensions (a batch), which ONNX's Gemm does not allow."""
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    if not all(map(_integral, node.inputs)) or not alpha.is_integer() or not beta.is_integer():
        return None
    a, b = (_as_integer(emitter, node.required(index), node.name) for index in (0, 1))
    a = _transposed(emitter, a, node.name) if node.integer("transA", 0) else a
    b = _transposed(emitter, b, node.name) if node.integer("transB", 0) else b
    (y,) = emitter.onnx("MatMulInteger", [a, b], {}, node.name)
    y = _scaled(emitter, y, int(alpha), node.name)
    c = node.input(2)
    if c is not None and beta != 0:
        y = _add(emitter, y, _scaled(emitter, _as_integer(emitter, c, node.name), int(beta), node.name), node.name)
    return _retyped([y])


def _global_max(emitter: Emitter, node: Node) -> list[Value] | None:
    """A MaxPool over the whole image, since the global one takes floats only."""
    x = node.required(0)
    rank = len(x.shape) - 2
    node.attrs = {
        "kernel_shape": list(x.shape[2:]),
        "strides": [1] * rank,
        "dilations": [1] * rank,
        "pads": [0] * (2 * rank),
    }
    return _emit(emitter, node, [x], "MaxPool")


def _mean(emitter: Emitter, node: Node) -> list[Value] | None:
    x = node.required(0)
    if node.op_type == "GlobalAveragePool":
        axes, keepdims = list(range(2, len(x.shape))), 1
    else:
        found = node.constant_input(1)
        axes, keepdims = [] if found is None else [int(a) for a in found.reshape(-1)], node.integer("keepdims", 1)
    return _retyped(emitter.qnn("IntegerMean", [x], {"axes": axes, "keepdims": keepdims}, node.name))


def _div(emitter: Emitter, node: Node) -> list[Value] | None:
    """Division with the attributes Delta, eta and eps is the integer one; without them it is a division of floats."""
    if "Delta" not in node.attrs or not all(map(_integral, node.inputs)):
        return None
    operands = [_as_integer(emitter, node.required(index), node.name) for index in (0, 1)]
    attrs = {name: node.integer(name, default) for name, default in (("Delta", None), ("eps", 0), ("eta", 1))}
    return _retyped(emitter.qnn("IntegerDiv", operands, attrs, node.name))


_KEEP = (
    "DepthToSpace Dropout Expand Flatten Identity MaxPool Pad ReduceMax "
    "ReduceMin Reshape Resize Slice SpaceToDepth Split Squeeze Tile TopK Transpose Trilu Unsqueeze"
).split()

RULES: dict[str, Rule] = {
    "Conv": _conv,
    "MatMul": _matmul,
    "Gemm": _gemm,
    **dict.fromkeys(("Add", "Sub", "Mul", "Neg", "Abs", "ReduceSum"), _widen),
    **dict.fromkeys(
        ("Concat", "Max", "Min", "Where", "Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"), _unify
    ),
    **dict.fromkeys(("ReduceMean", "GlobalAveragePool"), _mean),
    **dict.fromkeys(("Round", "Floor", "Ceil"), _same),
    **dict.fromkeys(_KEEP, _keep),
    **dict.fromkeys(("Gather", "GatherElements", "GatherND"), _gather),
    **dict.fromkeys(("ScatterElements", "ScatterND"), _scatter),
    "Sum": _sum,
    "Relu": _relu,
    "GlobalMaxPool": _global_max,
    "Clip": _clip,
    "Cast": _cast,
    "Div": _div,
}


def _misfit(node: Node) -> bool:
    """Whether an operand is an integer that the standard operator does not take."""
    allowed = allowed_types(node.op_type)
    for value, formal in zip(node.inputs, OPERATORS[node.op_type].schema.inputs, strict=False):
        if value is not None and value.is_integer and formal.type_str in allowed:
            if value.element_type not in allowed[formal.type_str]:
                return True
    return False


def apply_rules(emitter: Emitter, node: Node) -> list[Value] | None:
    """Outputs of an operator on integers that the file calls FLOAT; None where the operator is to be taken as it is."""
    if not any(value is not None and value.retyped for value in node.inputs):
        if not any(value is not None and value.is_integer and not value.is_constant for value in node.inputs):
            return None
        if not _misfit(node):
            return None
    rule = RULES.get(node.op_type)
    outputs = rule(emitter, node) if rule is not None else None
    if outputs is None and any(value is not None and value.retyped for value in node.inputs):
        remark(node.name, f"{node.op_type} of integers is computed in float32")
        _in_float(emitter, node)
    return outputs


def integer_parameter(value: Value, node: str, what: str) -> Value:
    """A constant that an integer operator takes as i32 (i64 if it does not fit). Raises DeeployError: not integral."""
    if not value.is_constant:
        if value.is_integer:
            return value
        raise DeeployError(f"{what} must be integers or integral constants, but '{value.name}' is {value.type}", node)
    array = value.array()
    if not is_integral(array):
        raise DeeployError(f"{what} must be integral, but '{value.name}' is not", node)
    wide = np.rint(array).astype(np.int64) if array.dtype.kind == "f" else array.astype(np.int64)
    fits = wide.size == 0 or (wide.min() >= -(1 << 31) and wide.max() < 1 << 31)
    return Value.of_array(wide.astype(np.int32) if fits else wide, value.name)


def channel_parameter(array: Array, shape: tuple[int, ...], node: str, what: str) -> Array:
    """A requantisation parameter with a shape that broadcasts to its tensor's: scalar, by numpy's rules, or a channel
    each on axis 1. Raises DeeployError naming both shapes otherwise."""
    if array.size == 1:
        return array.reshape(())
    try:
        if np.broadcast_shapes(array.shape, shape) == shape:
            return array
    except ValueError:
        pass
    if len(shape) > 1 and array.size == shape[1]:
        return array.reshape(-1, *[1] * (len(shape) - 2))
    raise DeeployError(f"{what} of shape {list(array.shape)} does not broadcast to {list(shape)}", node)
