"""Where the integers of a pattern go: requantisation to what a QuantizeLinear asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from xdsl.dialects.builtin import FloatAttr, f64, i32, i64
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.qdq.quantization import Quantization, Quantized, dequantized, integer_dtype, is_f32
from deeploy_mlir.passes.shared.graph_rewriting import GraphRewriter
from deeploy_mlir.requantization.fixed_point import fixed_point
from deeploy_mlir.support.numpy_types import Array, numpy_dtype


class StaysFloat(Exception):
    """Why an operator is not done on integers; the text goes into a remark."""


@dataclass(frozen=True)
class Sums:
    """real = sums * scale + offset. `sums` is i32; scale, `bound` (largest magnitude) and offset broadcast to it.

    `step`: the least scale of a result that a bias rounded to whole sums is exact enough for."""

    sums: Value
    scale: Array
    bound: Array
    offset: Array
    step: float


@dataclass(frozen=True)
class Target:
    """The QuantizeLinear, its parameters, and what of its operand's range is used.

    `fixed_point`: whether integers that are within one step serve where none are exact. `low` and `high`: real numbers
    that Relu and Clip before the QuantizeLinear limit its operand to."""

    rewriter: GraphRewriter
    op: OnnxOp
    quantization: Quantization
    fixed_point: bool
    inexact: dict[str, None]
    """Gets the names of the nodes whose integers are within one step only."""
    sums: dict[OnnxOp, Sums]
    """Of the products that were quantised before; gets those of others."""
    low: float = -np.inf
    high: float = np.inf

    @property
    def dtype(self) -> np.dtype[np.integer]:
        """The result's dtype."""
        return integer_dtype(self.op.results[0])

    @property
    def zero_point(self) -> int:
        """The result's zero point."""
        return int(self.quantization.zero_point)

    def levels(self, *, real: bool) -> tuple[int, int]:
        """Least and greatest result: where `low` and `high` go, by QuantizeLinear in float32 or by real numbers."""
        info, quantize = np.iinfo(self.dtype), self.quantization.quantize
        low = int(info.min) if self.low == -np.inf else quantize(self.low, self.dtype, real=real)
        high = int(info.max) if self.high == np.inf else quantize(self.high, self.dtype, real=real)
        return low, high

    def insert(
        self, op_type: str, inputs: Sequence[SSAValue | Value | None], attrs: dict[str, Any] | None = None
    ) -> Value:
        """A new ONNX operation before the QuantizeLinear."""
        return self.rewriter.insert(self.op, op_type, inputs, attrs)

    def qnn(self, op_type: str, inputs: Sequence[SSAValue | Value], attrs: dict[str, Any]) -> Value:
        """A new `qnn` operation before the QuantizeLinear."""
        return self.rewriter.insert_qnn(self.op, op_type, inputs, attrs)

    def constant(self, array: Array, name: str) -> Value:
        """A new constant."""
        return self.rewriter.constant(array, f"{self.op.node_name}_{name}")

    def cast(self, x: SSAValue | Value, dtype: Any) -> Value:
        """The integers in another type; themselves if they have it."""
        value = self.rewriter.value(x) if isinstance(x, SSAValue) else x
        if numpy_dtype(value.element_type) == np.dtype(dtype):
            return value
        return self.insert("Cast", [value], {"to": int(onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))})

    def centred(self, x: SSAValue | Value, zero_point: int) -> Value:
        """x - zero_point in i32 (an i64 stays one); x itself if the zero point is 0."""
        value = self.rewriter.value(x) if isinstance(x, SSAValue) else x
        if zero_point == 0:
            return value
        wide = value if value.element_type in (i32, i64) else self.cast(value, np.int32)
        point = np.asarray(zero_point, numpy_dtype(wide.element_type))
        return self.insert("Sub", [wide, self.constant(point, "zero_point")])

    def requantize(
        self,
        sums: SSAValue | Value,
        scale: Array,
        zero_point: int = 0,
        *,
        divisor: int = 1,
        offset: Array | None = None,
    ) -> Value:
        """saturate(round(((sums - zero_point) * scale + offset) / (y_scale * divisor)) + y_zero_point) of real numbers.

        `scale` and `offset` (float64), in real units times the divisor, broadcast to the sums."""
        low, high = self.levels(real=True)
        attrs = {"y_scale": FloatAttr(float(self.quantization.scale) * divisor, f64), "low": low, "high": high}
        point = self.constant(np.asarray(self.zero_point, self.dtype), "zero_point")
        factor = np.asarray(scale, np.float64)
        added: list[Value] = []
        if offset is not None and np.any(offset):
            factor, offsets = np.broadcast_arrays(factor, np.asarray(offset, np.float64))
            added.append(self.constant(offsets.copy(), "offset"))
        factor_value = self.constant(factor.copy(), "scale")
        return self.qnn("Requantize", [self.centred(sums, zero_point), factor_value, point, *added], attrs)

    def clipped(self, y: Value) -> Value:
        """Integers limited to where `low` and `high` go; nothing where the type's own range is as narrow."""
        info, bounds = np.iinfo(self.dtype), self.levels(real=False)
        if bounds == (info.min, info.max):
            return y
        limits = [
            self.constant(np.asarray(v, self.dtype), name) for v, name in zip(bounds, ("min", "max"), strict=True)
        ]
        return self.insert("Clip", [y, *limits])

    def shifted(self, x: SSAValue | Value, multiplier: Array, addend: Array, shift: int) -> Value:
        """(x * multiplier + addend) >> shift, saturated, and limited by `low` and `high`."""
        info = np.iinfo(self.dtype)
        attrs = {"div": 1 << shift, "n_levels": 1 << info.bits, "signed": int(info.min < 0)}
        parameters = [np.asarray(multiplier), np.asarray(addend) - ((1 << shift) >> 1)]
        narrow = [np.abs(p).max(initial=0) < 2**31 for p in parameters]
        constants = [
            self.constant(p.astype(np.int32 if is_narrow else np.int64), name)
            for p, is_narrow, name in zip(parameters, narrow, ("mul", "add"), strict=True)
        ]
        return self.clipped(self.qnn("RequantShift", [x, *constants], attrs))

    def near(
        self,
        x: SSAValue | Value,
        scale: Array,
        x_zero_point: int = 0,
        *,
        offset: Array | None = None,
        bound: Array | None = None,
    ) -> Value:
        """As `requantize`, within one step: by a multiplier and a shift, where the target takes that.

        `bound`: largest magnitude of x - x_zero_point, by default what x's type holds. Raises StaysFloat."""
        if not self.fixed_point:
            raise StaysFloat("no integer arithmetic equals its steps in float32")
        value = self.rewriter.value(x) if isinstance(x, SSAValue) else x
        if bound is None:
            info = np.iinfo(numpy_dtype(value.element_type))
            bound = np.asarray(max(int(info.max) - x_zero_point, x_zero_point - int(info.min)))
        info = np.iinfo(self.dtype)
        factor = np.asarray(scale / self.quantization.scale, np.float64)
        steps = np.zeros(()) if offset is None else np.asarray(offset / self.quantization.scale)
        found = fixed_point(factor, steps, bound, int(info.max) - int(info.min) + 1, self.zero_point)
        if found is None:
            raise StaysFloat("64 bits do not hold its fixed-point arithmetic")
        self.inexact[self.op.node_name] = None
        if found.limit is not None:
            value, x_zero_point = self.centred(value, x_zero_point), 0
            value = value if value.element_type in (i32, i64) else self.cast(value, np.int32)
            limit = found.limit.astype(numpy_dtype(value.element_type))
            value = self.insert("Max", [value, self.constant(-limit, "least")])
            value = self.insert("Min", [value, self.constant(limit, "most")])
        add = found.add - x_zero_point * found.multiplier + ((1 << found.shift) >> 1)
        return self.shifted(value, found.multiplier, add, found.shift)


def operand(rewriter: GraphRewriter, op: OnnxOp, index: int) -> Quantized | None:
    """The integers behind an operand that is the DequantizeLinear to f32 of something; None if it is not."""
    found = dequantized(rewriter, op.operands[index]) if index < len(op.operands) else None
    return found if found is not None and is_f32(op.operands[index]) else None


def tensor_operand(rewriter: GraphRewriter, op: OnnxOp, index: int) -> Quantized:
    """`operand`, quantised per tensor. Raises StaysFloat for another."""
    found = operand(rewriter, op, index)
    if found is None:
        raise StaysFloat("not all of its operands are quantised")
    if not found.quantization.per_tensor:
        raise StaysFloat("it has an operand that is quantised by channel")
    return found
