"""The integer form of the float operators between DequantizeLinear and QuantizeLinear."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp, tensor_type
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.frontend.value import Value
from deeploy_mlir.numpy_types import Array
from deeploy_mlir.passes.graph_rewriting import GraphRewriter, producer
from deeploy_mlir.passes.quantization import Quantization, Quantized, dequantized, integer_dtype, is_f32
from deeploy_mlir.remarks import remark

BIAS_TOLERANCE = 2.0**-4
"""A bias that is no multiple of the accumulator's scale is rounded to one if that moves the result by less than this
many of its steps before rounding."""

BIAS_EXACT = 2.0**-10
"""Above this many steps a remark says that the bias was rounded."""

_INT32_MAX = 2**31 - 1


@dataclass(frozen=True)
class Target:
    """Where a pattern's integers go: the QuantizeLinear, its parameters, and how scales are written."""

    rewriter: GraphRewriter
    op: OnnxOp
    quantization: Quantization
    mode: str
    """`f32` or `f64`: qnn.Requantize with scales of that type; `fixed`: qnn.RequantShift."""

    @property
    def dtype(self) -> np.dtype[np.integer]:
        """The result's dtype."""
        return integer_dtype(self.op.results[0])

    def insert(
        self, op_type: str, inputs: Sequence[SSAValue | Value | None], attrs: dict[str, Any] | None = None
    ) -> Value:
        """A new ONNX operation before the QuantizeLinear."""
        return self.rewriter.insert(self.op, op_type, inputs, attrs)

    def qnn(self, op_type: str, inputs: Sequence[SSAValue | Value], attrs: dict[str, Any]) -> Value:
        """A new `qnn` operation before the QuantizeLinear."""
        values = [self.rewriter.value(v) if isinstance(v, SSAValue) else v for v in inputs]
        return self.rewriter.before(self.op).qnn(op_type, values, attrs, self.op.node_name)[0]

    def constant(self, array: Array, name: str) -> Value:
        """A new constant."""
        return self.rewriter.constant(array, f"{self.op.node_name}_{name}")

    def requantize(self, x: SSAValue | Value, scale: Array, x_zero_point: int = 0) -> Value:
        """saturate(round((x - x_zero_point) * scale / y_scale) + y_zero_point); `scale` broadcasts to x."""
        factor = scale / self.quantization.scale
        if self.mode == "fixed":
            return self._fixed(x, factor, x_zero_point)
        zero = self.constant(np.asarray(int(self.quantization.zero_point), self.dtype), "zero_point")
        factor_value = self.constant(np.asarray(factor, np.float32 if self.mode == "f32" else np.float64), "scale")
        return self.qnn("Requantize", [self.centred(x, x_zero_point), factor_value, zero], {})

    def centred(self, x: SSAValue | Value, zero_point: int) -> SSAValue | Value:
        """x - zero_point in i32; x itself if the zero point is 0."""
        if zero_point == 0:
            return x
        value = self.rewriter.value(x) if isinstance(x, SSAValue) else x
        wide = value if value.element_type == i32 else self.insert("Cast", [x], {"to": int(onnx.TensorProto.INT32)})
        return self.insert("Sub", [wide, self.constant(np.asarray(zero_point, np.int32), "zero_point")])

    def _fixed(self, x: SSAValue | Value, factor: Array, x_zero_point: int) -> Value:
        """One multiplier of up to 31 bits for each channel and one shift for all of them."""
        shift = int(min(46, 30 - np.floor(np.log2(factor.max()))))
        multiplier = np.rint(factor * 2.0**shift).astype(np.int64)
        offset = (int(self.quantization.zero_point) << shift) - x_zero_point * multiplier
        info = np.iinfo(self.dtype)
        attrs = {"div": 1 << shift, "n_levels": 1 << info.bits, "signed": int(info.min < 0)}
        mul, add = self.constant(multiplier.astype(np.int32), "mul"), self.constant(offset, "add")
        return self.qnn("RequantShift", [x, mul, add], attrs)


Pattern = Callable[[Target, OnnxOp], "Value | None"]
"""Integers that equal the QuantizeLinear of the operation's result, or None if the operation stays in float."""


def _operand(target: Target, op: OnnxOp, index: int) -> Quantized | None:
    found = dequantized(target.rewriter, op.operands[index]) if index < len(op.operands) else None
    return found if found is not None and is_f32(op.operands[index]) else None


def _zero_point(target: Target, operand: Quantized, name: str) -> Value | None:
    """The zero point of an operand as a constant of its type, None if it is 0."""
    points = operand.quantization.zero_point
    if not np.any(points):
        return None
    return target.constant(points.astype(integer_dtype(operand.integers)), name)


def _bias(
    target: Target, bias: SSAValue | None, scale: Array, factor: float = 1.0, *, flat: bool = False
) -> Array | None:
    """The bias in units of `scale` (one of each channel, or one), as i32; None if not known or not close enough.

    `flat`: all of its dimensions but one are 1, and it is to be a vector."""
    if bias is None:
        return np.zeros(0, np.int32)
    found = dequantized(target.rewriter, bias)
    if found is not None and found.constant is not None:
        if found.quantization.scale.size > 1 and (flat or found.quantization.axis != len(found.shape) - 1):
            return None
        real = (found.constant - found.quantization.zero_point) * found.quantization.scale
    else:
        constant = target.rewriter.array(bias)
        if constant is None:
            return None
        real = constant.astype(np.float64)
    units = (real.reshape(-1) if flat else real) * factor / scale
    rounded = np.rint(units)
    error = np.abs(units - rounded) * scale / target.quantization.scale
    if np.any(error > BIAS_TOLERANCE) or np.any(np.abs(rounded) > _INT32_MAX):
        return None
    if np.any(error > BIAS_EXACT):
        remark(target.op, f"the bias is rounded to i32, which moves the result by up to {error.max():.3f} steps")
    return rounded.astype(np.int32)


def _fits_accumulator(x: Quantized, w: Quantized, terms: int) -> bool:
    """Whether no sum of `terms` products, each less its zero point, leaves i32."""
    largest = 1
    for operand in (x, w):
        info = np.iinfo(integer_dtype(operand.integers))
        points = operand.quantization.zero_point
        largest *= max(int(info.max) - int(points.min()), int(points.max()) - int(info.min))
    return terms * largest <= _INT32_MAX


def _accumulated(target: Target, acc: Value, bias: Array, scale: Array) -> Value:
    if bias.size and np.any(bias):
        acc = target.insert("Add", [acc, target.constant(bias, "bias")])
    return target.requantize(acc, scale)


def _convolution(target: Target, op: OnnxOp, added: SSAValue | None = None) -> Value | None:
    x, w = _operand(target, op, 0), _operand(target, op, 1)
    if (
        x is None
        or w is None
        or not x.quantization.per_tensor
        or (w.quantization.scale.size > 1 and w.quantization.axis != 0)
    ):
        return None
    if not _fits_accumulator(x, w, math.prod(w.shape[1:])):
        return None
    scale = x.quantization.scale * w.quantization.scale
    bias = _bias(target, op.input("B") if added is None else added, scale, flat=added is not None)
    if bias is None:
        return None
    zeros = [_zero_point(target, x, "x_zero_point"), _zero_point(target, w, "w_zero_point")]
    acc = target.insert("ConvInteger", [x.integers, w.integers, *zeros], op.python_attrs())
    channels = (-1, *[1] * (len(x.shape) - 2))
    return _accumulated(
        target, acc, bias.reshape(channels) if bias.size else bias, scale.reshape(channels) if scale.size > 1 else scale
    )


def _swapped(target: Target, operand: Quantized, swap: bool) -> tuple[SSAValue | Value, int]:
    """The integers of a matrix, transposed if asked, and the axis of its scales then."""
    axis, rank = operand.quantization.axis, len(operand.shape)
    if not swap:
        return operand.integers, axis
    if operand.constant is not None:
        return target.constant(np.ascontiguousarray(operand.constant.T), "transposed"), rank - 1 - axis
    return target.insert("Transpose", [operand.integers], {"perm": [1, 0]}), rank - 1 - axis


def _product(target: Target, op: OnnxOp, added: SSAValue | None = None) -> Value | None:
    """MatMul and Gemm: scales of the second operand may differ by column."""
    a, b = _operand(target, op, 0), _operand(target, op, 1)
    if a is None or b is None or not a.quantization.per_tensor or min(len(a.shape), len(b.shape)) < 2:
        return None
    gemm = op.op_type == "Gemm"
    if not _fits_accumulator(a, b, a.shape[-2 if gemm and op.attr("transA") else -1]):
        return None
    left, _ = _swapped(target, a, gemm and bool(op.attr("transA")))
    right, axis = _swapped(target, b, gemm and bool(op.attr("transB")))
    if not b.quantization.per_tensor and axis != len(b.shape) - 1:
        return None
    scale = a.quantization.scale * b.quantization.scale * (op.attr("alpha") if gemm else 1.0)
    if np.any(scale <= 0):
        return None
    factor = float(op.attr("beta")) if gemm and added is None else 1.0
    bias = _bias(target, op.input("C") if gemm and added is None else added, scale, factor)
    if bias is None:
        return None
    zeros = [_zero_point(target, a, "a_zero_point"), _zero_point(target, b, "b_zero_point")]
    return _accumulated(target, target.insert("MatMulInteger", [left, right, *zeros]), bias, scale)


def _biased(target: Target, op: OnnxOp) -> Value | None:
    """A product or a convolution without bias, then the sum with a constant along its channels."""
    for index in (0, 1):
        inner = producer(op.operands[index], "MatMul", "Gemm", "Conv")
        added = op.operands[1 - index]
        if inner is None or len(inner.operands) > 2 or not op.operands[index].has_one_use():
            continue
        shape = tuple(tensor_type(op.results[0]).get_shape())
        axis = 1 if inner.op_type == "Conv" else len(shape) - 1
        channels = [n if i == axis else 1 for i, n in enumerate(shape)]
        along = channels[len(shape) - len(tensor_type(added).get_shape()) :]
        if (
            tuple(tensor_type(added).get_shape()) != tuple(along)
            or tensor_type(op.operands[index]).get_shape() != shape
        ):
            continue
        return (_convolution if inner.op_type == "Conv" else _product)(target, inner, added)
    return None


def _sum(target: Target, op: OnnxOp) -> Value | None:
    biased = _biased(target, op) if op.op_type == "Add" else None
    if biased is not None:
        return biased
    a, b = _operand(target, op, 0), _operand(target, op, 1)
    if a is None or b is None or not (a.quantization.per_tensor and b.quantization.per_tensor):
        return None
    if target.mode == "fixed":
        return _fixed_sum(target, a, b, -1 if op.op_type == "Sub" else 1)
    real = np.float32 if target.mode == "f32" else np.float64
    scales = [a.quantization.scale, b.quantization.scale * (-1 if op.op_type == "Sub" else 1)]
    first, second = (target.constant(np.asarray(s / target.quantization.scale, real), "scale") for s in scales)
    zero = target.constant(np.asarray(int(target.quantization.zero_point), target.dtype), "zero_point")
    attrs = {"a_zero_point": int(a.quantization.zero_point), "b_zero_point": int(b.quantization.zero_point)}
    return target.qnn("RequantizeAdd", [a.integers, b.integers, first, second, zero], attrs)


_SUM_BITS = 21
"""Of the multipliers of a sum: with centred operands of 9 bits, products, sum and zero point stay within i32."""


def _fixed_sum(target: Target, a: Quantized, b: Quantized, sign: int) -> Value | None:
    """(a * a_mul + b * b_mul) >> shift: each multiplier is within half a unit, so that the sum before rounding is
    within 255 / 2^shift steps of the exact one."""
    if max(integer_dtype(x.integers).itemsize for x in (a, b)) > 1:
        return None
    factors = [float(x.quantization.scale / target.quantization.scale) for x in (a, b)]
    shift = min(_SUM_BITS, _SUM_BITS - 1 - math.floor(math.log2(max(factors))))
    if shift < 9:
        return None
    terms: list[Value] = []
    for x, factor in zip((a, b), (factors[0], sign * factors[1]), strict=True):
        multiplier = target.constant(np.asarray(round(factor * 2.0**shift), np.int32), "mul")
        terms.append(target.insert("Mul", [_centred(target, x), multiplier]))
    info = np.iinfo(target.dtype)
    attrs = {"div": 1 << shift, "n_levels": 1 << info.bits, "signed": int(info.min < 0)}
    one = target.constant(np.asarray(1, np.int32), "one")
    zero = target.constant(np.asarray(int(target.quantization.zero_point) << shift, np.int64), "add")
    return target.qnn("RequantShift", [target.insert("Add", terms), one, zero], attrs)


def _centred(target: Target, x: Quantized) -> Value:
    """The integers less their zero point, as i32."""
    wide = target.insert("Cast", [x.integers], {"to": int(onnx.TensorProto.INT32)})
    centred = target.centred(wide, int(x.quantization.zero_point))
    return centred if isinstance(centred, Value) else wide


def _multiplied(target: Target, op: OnnxOp) -> Value | None:
    a, b = _operand(target, op, 0), _operand(target, op, 1)
    if a is None or b is None or not (a.quantization.per_tensor and b.quantization.per_tensor):
        return None
    if max(integer_dtype(a.integers).itemsize, integer_dtype(b.integers).itemsize) > 1:
        return None
    product = target.insert("Mul", [_centred(target, a), _centred(target, b)])
    return target.requantize(product, a.quantization.scale * b.quantization.scale)


def _mean(target: Target, op: OnnxOp) -> Value | None:
    """Means over axes: the sum in i32, the count in the scale."""
    x = _operand(target, op, 0)
    if x is None or not x.quantization.per_tensor or integer_dtype(x.integers).itemsize > 2:
        return None
    rank, keepdims = len(x.shape), 1
    if op.op_type == "GlobalAveragePool":
        axes = list(range(2, rank))
    else:
        found = target.rewriter.array(op.input("axes"))
        if op.input("axes") is not None and found is None:
            return None
        axes = [int(a) % rank for a in found] if found is not None and found.size else list(range(rank))
        if (found is None or not found.size) and op.attr("noop_with_empty_axes"):
            return None
        keepdims = int(op.attr("keepdims"))
    count = int(np.prod([x.shape[a] for a in axes]))
    wide = target.insert("Cast", [x.integers], {"to": int(onnx.TensorProto.INT32)})
    axes_value = target.constant(np.asarray(axes, np.int64), "axes")
    total = target.insert("ReduceSum", [wide, axes_value], {"keepdims": keepdims})
    return target.requantize(total, x.quantization.scale / count, int(x.quantization.zero_point) * count)


def _average_pool(target: Target, op: OnnxOp) -> Value | None:
    """A mean over windows of one size is a depthwise convolution with ones."""
    x = _operand(target, op, 0)
    pads: list[int] = op.attr("pads") or [0]
    if (
        x is None
        or not x.quantization.per_tensor
        or op.attr("ceil_mode")
        or (any(pads) and not op.attr("count_include_pad"))
    ):
        return None
    attrs = {
        key: value
        for key, value in op.python_attrs().items()
        if key in ("kernel_shape", "strides", "dilations", "pads")
    }
    kernel: list[int] = attrs["kernel_shape"]
    channels = x.shape[1]
    ones = target.constant(np.ones((channels, 1, *kernel), np.int8), "ones")
    zero = _zero_point(target, x, "x_zero_point")
    acc = target.insert("ConvInteger", [x.integers, ones, zero], attrs | {"group": channels})
    return target.requantize(acc, x.quantization.scale / float(math.prod(kernel)))


PATTERNS: dict[str, Pattern] = {
    "Conv": _convolution,
    "MatMul": _product,
    "Gemm": _product,
    "Add": _sum,
    "Sub": _sum,
    "Mul": _multiplied,
    "GlobalAveragePool": _mean,
    "ReduceMean": _mean,
    "AveragePool": _average_pool,
}


def clamps(rewriter: GraphRewriter, value: SSAValue) -> tuple[SSAValue, float, float] | None:
    """Skip back over Relu and Clip that nobody else uses: the value before them, and the bounds they set.

    None if a bound is not constant."""
    low, high = -np.inf, np.inf
    while (op := producer(value, "Relu", "Clip")) is not None and value.has_one_use():
        bounds = [0.0, np.inf]
        if op.op_type == "Clip":
            for index, (name, none) in enumerate((("min", -np.inf), ("max", np.inf))):
                bound = op.input(name)
                array = np.asarray(none) if bound is None else rewriter.array(bound)
                if array is None:
                    return None
                bounds[index] = float(array.reshape(()))
        low, high = min(max(low, bounds[0]), high), max(min(high, bounds[1]), low)
        value = op.operands[0]
    return value, low, high


def clamp(target: Target, y: Value, low: float, high: float) -> Value:
    """The integers clipped to where the bounds are; nothing where the type's own range is as narrow."""
    info = np.iinfo(target.dtype)
    least = info.min if low == -np.inf else target.quantization.quantize(low, target.dtype)
    most = info.max if high == np.inf else target.quantization.quantize(high, target.dtype)
    if least == info.min and most == info.max:
        return y
    bounds = [target.constant(np.asarray(bound, target.dtype), name) for bound, name in ((least, "min"), (most, "max"))]
    return target.insert("Clip", [y, *bounds])


def is_between(op: GraphOp) -> bool:
    """Whether an operation in float takes a DequantizeLinear and gives to a QuantizeLinear."""
    takes = any(producer(value, "DequantizeLinear") is not None for value in op.operands)
    gives = any(
        isinstance(use.operation, OnnxOp) and use.operation.op_type == "QuantizeLinear"
        for result in op.results
        for use in result.uses
    )
    return takes and gives
