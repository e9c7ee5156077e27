"""Quantised tensors of a QDQ graph: the integers behind a DequantizeLinear and the parameters of a QuantizeLinear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import Float32Type
from xdsl.ir import Attribute, SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp, tensor_type
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.dialects.qnn import is_integer
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.shared.graph_rewriting import GraphRewriter, producer
from deeploy_mlir.support.numpy_types import Array, numpy_dtype


@dataclass(frozen=True)
class Quantization:
    """real = (integer - zero_point) * scale; scale (float64) and zero point (int64) are scalars, or one of each channel
    along `axis`."""

    scale: Array
    zero_point: Array
    axis: int

    @property
    def per_tensor(self) -> bool:
        """Whether one scale and one zero point hold for the whole tensor."""
        return self.scale.size == 1 and self.zero_point.size == 1

    def same(self, other: Quantization) -> bool:
        """Whether equal integers mean equal numbers, both per tensor."""
        if not (self.per_tensor and other.per_tensor):
            return False
        return bool(self.scale == other.scale and self.zero_point == other.zero_point)

    def quantize(self, value: float, dtype: np.dtype[np.integer], *, real: bool = False) -> int:
        """QuantizeLinear of one number of float32, per tensor; with `real` its quotient is not rounded to float32."""
        info = np.iinfo(dtype)
        # Quotients of two float32 that are no ties are further from one than float64 rounds.
        number = np.float64 if real else np.float32
        with np.errstate(over="ignore"):
            ratio = float(number(value) / number(self.scale))
        return int(np.clip(np.rint(np.clip(ratio, -(2.0**40), 2.0**40)) + int(self.zero_point), info.min, info.max))

    def quantize_array(self, values: Array, dtype: np.dtype[np.integer]) -> Array:
        """QuantizeLinear of float32 numbers, per tensor, as int64."""
        info = np.iinfo(dtype)
        with np.errstate(over="ignore"):
            ratio = np.rint(values / np.float32(self.scale)).astype(np.float64)
        return np.clip(np.clip(ratio, -(2.0**40), 2.0**40) + int(self.zero_point), info.min, info.max).astype(np.int64)


@dataclass(frozen=True)
class Quantized:
    """Integers and what they mean; `constant` if they are known."""

    integers: SSAValue
    quantization: Quantization
    constant: Array | None
    op: OnnxOp

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return tuple(tensor_type(self.integers).get_shape())

    @property
    def largest(self) -> int:
        """The largest magnitude of an integer, with its zero point or without."""
        info, points = np.iinfo(integer_dtype(self.integers)), self.quantization.zero_point
        least, most = int(info.min), int(info.max)
        return max(-least, most, most - int(points.min()), int(points.max()) - least)

    def along_axis(self, parameter: Array) -> Array:
        """A scale or zero point shaped to broadcast to the tensor."""
        if parameter.size == 1:
            return parameter.reshape(())
        return parameter.reshape([-1 if i == self.quantization.axis else 1 for i in range(len(self.shape))])

    def centred(self) -> Array | None:
        """Constant integers less their zero points (int64)."""
        if self.constant is None:
            return None
        return self.constant.astype(np.int64) - self.along_axis(self.quantization.zero_point)

    def every(self) -> Array:
        """All integers of the type, ascending (int64)."""
        info = np.iinfo(integer_dtype(self.integers))
        return np.arange(int(info.min), int(info.max) + 1)

    def floats(self, integers: Array) -> Array:
        """DequantizeLinear of integers in float32; their last axis is that of the channels, if there are several."""
        difference = (integers - self.quantization.zero_point).astype(np.float32)
        return difference * self.quantization.scale.astype(np.float32)

    def real(self) -> Array | None:
        """The numbers (float64) that constant integers mean."""
        centred = self.centred()
        return None if centred is None else centred * self.along_axis(self.quantization.scale)


def _parameters(rewriter: GraphRewriter, op: OnnxOp, scale_name: str, zero_name: str) -> Quantization | None:
    scale = rewriter.array(op.required(scale_name))
    zero = op.input(zero_name)
    zero_point = np.zeros((), np.int64) if zero is None else rewriter.array(zero)
    if scale is None or zero_point is None or op.attr("block_size") or np.any(scale <= 0):
        return None
    if scale.size == 1:
        scale, zero_point = scale.reshape(()), zero_point if zero_point.size > 1 else zero_point.reshape(())
    elif zero_point.size == 1:
        zero_point = np.broadcast_to(zero_point.reshape(()), scale.shape)
    rank = len(tensor_type(op.operands[0]).get_shape())
    axis: int = op.attr("axis")
    return Quantization(scale.astype(np.float64), zero_point.astype(np.int64), axis + rank if axis < 0 else axis)


def dequantized(rewriter: GraphRewriter, value: SSAValue | None) -> Quantized | None:
    """The integers that a value is the DequantizeLinear of; None if it is not, they are no integers (floats of 8 bits),
    or its parameters are no constants."""
    op = producer(value, "DequantizeLinear")
    if op is None or not is_integer(element_type(op.operands[0])):
        return None
    found = _parameters(rewriter, op, "x_scale", "x_zero_point")
    return None if found is None else Quantized(op.operands[0], found, rewriter.array(op.operands[0]), op)


def real_constant(rewriter: GraphRewriter, value: SSAValue) -> Array | None:
    """The numbers (float64) of a constant, quantised or not; None if it is none."""
    found = dequantized(rewriter, value)
    if found is not None:
        return found.real()
    array = rewriter.array(value)
    return None if array is None else array.astype(np.float64)


def quantization_of(rewriter: GraphRewriter, op: OnnxOp) -> Quantization | None:
    """The parameters of a QuantizeLinear to integers, None unless they are constant and per tensor."""
    if not is_integer(element_type(op.results[0])):
        return None
    found = _parameters(rewriter, op, "y_scale", "y_zero_point")
    return found if found is not None and found.per_tensor else None


def element_type(value: SSAValue) -> Attribute:
    """The element type of a value."""
    return tensor_type(value).element_type


def dequantize(rewriter: GraphRewriter, before: GraphOp, integers: SSAValue | Value, like: OnnxOp, axis: int) -> Value:
    """DequantizeLinear of other integers with the parameters of `like`."""
    attrs = like.python_attrs() | {"axis": axis}
    return rewriter.insert(before, "DequantizeLinear", [integers, *like.inputs[1:]], attrs)


def is_f32(value: SSAValue) -> bool:
    """Whether a value has f32 elements."""
    return isinstance(element_type(value), Float32Type)


def integer_dtype(value: SSAValue) -> np.dtype[np.integer]:
    """The numpy dtype of a value of integers."""
    return numpy_dtype(element_type(value))
