"""Operators of QONNX, which Brevitas and FINN write: a number rounded to a grid and back in one operator.

They become QuantizeLinear, Clip where the grid has fewer levels than its type, and DequantizeLinear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.node import Node, Rule
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

_ROUNDING: Mapping[str, Callable[[Array], Array]] = {
    "ROUND": np.rint,
    "FLOOR": np.floor,
    "CEIL": np.ceil,
    "ROUND_TO_ZERO": np.trunc,
}


def _parameter(node: Node, index: int, what: str) -> Array:
    found = node.constant_input(index)
    if found is None:
        raise DeeployError(f"{node.op_type} needs {what}", node.name)
    return found.astype(np.float64)


def _along(node: Node, parameter: Array, shape: tuple[int, ...]) -> tuple[Array, int]:
    """A parameter that broadcasts to a tensor as a scalar or as a vector along one axis, and that axis."""
    if parameter.size == 1:
        return parameter.reshape(()), 0
    padded = (1,) * (len(shape) - parameter.ndim) + parameter.shape
    axes = [i for i, n in enumerate(padded) if n != 1]
    if len(padded) != len(shape) or len(axes) != 1 or padded[axes[0]] != shape[axes[0]]:
        raise DeeployError(
            f"{node.op_type} of a tensor of shape {list(shape)} with a parameter of shape {list(parameter.shape)}; "
            "one for the tensor or one for each index of an axis is supported",
            node.name,
        )
    return parameter.reshape(-1), axes[0]


def _dequantize(emitter: Emitter, node: Node, integers: Value, scale: Array, zero: Array | None, axis: int) -> Value:
    inputs: list[Value | None] = [integers, emitter.constant(scale.astype(np.float32), f"{node.name}_scale")]
    if zero is not None:
        inputs.append(emitter.constant(zero, f"{node.name}_zero_point"))
    return emitter.onnx("DequantizeLinear", inputs, {"axis": axis}, node.name)[0]


def _range(node: Node, bits: int) -> tuple[int, int]:
    signed, narrow = bool(node.integer("signed", 1)), node.integer("narrow", 0)
    if signed:
        return -(1 << (bits - 1)) + narrow, (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1 - narrow


def _bits(node: Node) -> int:
    found = _parameter(node, 3, "a bit width")
    if found.size != 1 or not float(found.reshape(())).is_integer() or not 1 <= int(found.reshape(())) <= 32:
        raise DeeployError(f"{node.op_type} to {found.tolist()} bits; a number from 1 to 32 is supported", node.name)
    return int(found.reshape(()))


def _rounding(node: Node, *, constant: bool) -> Callable[[Array], Array]:
    mode = str(node.attrs.get("rounding_mode", "ROUND")).upper()
    if mode not in _ROUNDING or (mode != "ROUND" and not constant):
        raise DeeployError(
            f"{node.op_type} with rounding_mode {mode} is not supported; ROUND (half to even) is, and FLOOR, "
            "CEIL and ROUND_TO_ZERO of constants",
            node.name,
        )
    return _ROUNDING[mode]


def _quant(emitter: Emitter, node: Node) -> list[Value]:
    """y = (clip(round(x / scale + zeropt)) - zeropt) * scale, to `bitwidth` bits."""
    x = node.required(0)
    low, high = _range(node, _bits(node))
    scale, axis = _along(node, _parameter(node, 1, "a scale"), x.shape)
    zeros, zero_axis = _along(node, _parameter(node, 2, "a zero point"), x.shape)
    if np.any(zeros % 1) or np.any(scale <= 0) or (zeros.size > 1 and zero_axis != axis):
        raise DeeployError(f"{node.op_type} needs positive scales, and whole zero points along their axis", node.name)
    rounded = _rounding(node, constant=x.is_constant)
    dtype = _holds(node, min(low, int(zeros.min())), max(high, int(zeros.max())), constant=x.is_constant)
    zero = np.broadcast_to(zeros, np.broadcast_shapes(scale.shape, zeros.shape)).astype(dtype)
    scale = np.broadcast_to(scale, zero.shape)
    if x.is_constant:
        shape = [-1 if scale.size > 1 and i == axis else 1 for i in range(len(x.shape))]
        units = x.array().astype(np.float64) / scale.reshape(shape) + zero.astype(np.float64).reshape(shape)
        levels = np.clip(rounded(units), low, high).astype(dtype)
        integers = emitter.constant(levels, f"{node.name}_integers")
        return [_dequantize(emitter, node, integers, scale, zero if np.any(zero) else None, axis)]
    parameters = (
        emitter.constant(scale.astype(np.float32), f"{node.name}_scale"),
        emitter.constant(zero, f"{node.name}_zero_point"),
    )
    integers = emitter.onnx("QuantizeLinear", [x, *parameters], {"axis": axis}, node.name)[0]
    return [_dequantize(emitter, node, clipped(emitter, node, integers, low, high, dtype), scale, zero, axis)]


def _holds(node: Node, low: int, high: int, *, constant: bool) -> np.dtype[Any]:
    for name in ("int8", "uint8", "int16", "uint16", *(["int32"] if constant else [])):
        info = np.iinfo(name)
        if info.min <= low and high <= info.max:
            return np.dtype(name)
    raise DeeployError(f"{node.op_type} to [{low}, {high}] is not supported; up to 16 bits are", node.name)


def clipped(emitter: Emitter, node: Node, integers: Value, low: int, high: int, dtype: Any) -> Value:
    """Integers within a range narrower than their type's; themselves if it is not."""
    info = np.iinfo(dtype)
    if low <= info.min and high >= info.max:
        return integers
    bounds = [
        emitter.constant(np.asarray(v, dtype), f"{node.name}_{name}") for v, name in ((low, "min"), (high, "max"))
    ]
    return emitter.onnx("Clip", [integers, *bounds], {}, node.name)[0]


def _bipolar_quant(emitter: Emitter, node: Node) -> list[Value]:
    """y = scale where x >= 0, else -scale."""
    x = node.required(0)
    scale, axis = _along(node, _parameter(node, 1, "a scale"), x.shape)
    one, minus = (
        emitter.constant(np.asarray(v, np.int8), f"{node.name}_{name}") for v, name in ((1, "one"), (-1, "minus"))
    )
    if x.is_constant:
        integers = emitter.constant(np.where(x.array() >= 0, 1, -1).astype(np.int8), f"{node.name}_integers")
    else:
        one, minus = (emitter.constant(np.asarray(sign, np.int8), f"{node.name}_sign") for sign in (1, -1))
        zero = emitter.as_type(emitter.constant(np.asarray(0.0), f"{node.name}_zero"), x.element_type, node.name)
        positive = emitter.onnx("GreaterOrEqual", [x, zero], {}, node.name)[0]
        integers = emitter.onnx("Where", [positive, one, minus], {}, node.name)[0]
    return [_dequantize(emitter, node, integers, scale, None, axis)]


def _trunc(emitter: Emitter, node: Node) -> list[Value]:
    raise DeeployError(
        f"{node.op_type} drops low bits of a sum in a way that differs between versions of QONNX; "
        "export the average pool with a Quant behind it instead",
        node.name,
    )


def quantize_to_four_bits(emitter: Emitter, node: Node) -> list[Value]:
    """A QuantizeLinear whose zero point says INT4 or UINT4, in bytes."""
    attrs = {"axis": node.integer("axis", 1), "block_size": node.integer("block_size", 0)}
    integers = emitter.onnx("QuantizeLinear", node.inputs, attrs, node.name)[0]
    dtype = node.required(2).array().dtype
    low, high = (-8, 7) if dtype.kind == "i" else (0, 15)
    return [clipped(emitter, node, integers, low, high, dtype)]


BY_TYPE: Mapping[str, Rule] = {"Quant": _quant, "IntQuant": _quant, "BipolarQuant": _bipolar_quant, "Trunc": _trunc}
"""Operator type -> how it is built."""
