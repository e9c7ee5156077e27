"""Where the integers of a pattern go: requantisation to what a QuantizeLinear asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from xdsl.dialects.builtin import i32, i64
from xdsl.ir import SSAValue

from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.qdq.fixed_point import fixed_point
from deeploy_mlir.passes.qdq.quantization import Quantization, Quantized, dequantized, integer_dtype, is_f32
from deeploy_mlir.passes.shared.graph_rewriting import GraphRewriter
from deeploy_mlir.support.numpy_types import Array, numpy_dtype


class StaysFloat(Exception):
    """Why an operator is not done on integers; the text goes into a remark."""


@dataclass(frozen=True)
class Target:
    """The QuantizeLinear, its parameters, and how scales are written."""

    rewriter: GraphRewriter
    op: OnnxOp
    quantization: Quantization
    mode: str
    """`f32` or `f64`: floats of that type scale, rounding half to even; `fixed`: qnn.RequantShift."""

    @property
    def dtype(self) -> np.dtype[np.integer]:
        """The result's dtype."""
        return integer_dtype(self.op.results[0])

    @property
    def real(self) -> type[np.floating[Any]]:
        """The type of float scales."""
        return np.float64 if self.mode == "f64" else np.float32

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
        x: SSAValue | Value,
        scale: Array,
        x_zero_point: int = 0,
        *,
        offset: Array | None = None,
        bound: Array | None = None,
    ) -> Value:
        """saturate(round(((x - x_zero_point) * scale + offset) / y_scale) + y_zero_point).

        `scale` and `offset`, in real units, broadcast to x. `bound`: largest magnitude of x - x_zero_point, by default
        what x's type holds. Raises StaysFloat if fixed-point arithmetic is not close enough."""
        factor = np.asarray(scale / self.quantization.scale, np.float64)
        steps = None if offset is None or not np.any(offset) else np.asarray(offset / self.quantization.scale)
        if self.mode == "fixed":
            return self._fixed(x, factor, x_zero_point, steps, bound)
        zero = self.constant(np.asarray(int(self.quantization.zero_point), self.dtype), "zero_point")
        factor_value = self.constant(factor.astype(self.real), "scale")
        if steps is None:
            return self.qnn("Requantize", [self.centred(x, x_zero_point), factor_value, zero], {})
        # As many bits as the float type holds, so that the offset is as exact as the scale.
        unit = float(np.abs(steps).max()) / (2.0**30 if self.mode == "f64" else 2.0**23)
        added = self.constant(np.rint(steps / unit).astype(np.int32), "offset")
        unit_value = self.constant(np.asarray(unit, self.real), "offset_scale")
        attrs = {"a_zero_point": x_zero_point, "b_zero_point": 0}
        return self.qnn("RequantizeAdd", [x, added, factor_value, unit_value, zero], attrs)

    def _fixed(
        self, x: SSAValue | Value, factor: Array, x_zero_point: int, offset: Array | None, bound: Array | None
    ) -> Value:
        value = self.rewriter.value(x) if isinstance(x, SSAValue) else x
        if bound is None:
            info = np.iinfo(numpy_dtype(value.element_type))
            bound = np.asarray(max(int(info.max) - x_zero_point, x_zero_point - int(info.min)))
        info = np.iinfo(self.dtype)
        levels, point = int(info.max) - int(info.min) + 1, int(self.quantization.zero_point)
        found = fixed_point(factor, np.zeros(()) if offset is None else offset, bound, levels, point)
        if found is None:
            raise StaysFloat("64 bits do not hold its fixed-point arithmetic")
        add = found.add
        if found.limit is not None:
            value, x_zero_point = self.centred(value, x_zero_point), 0
            value = value if value.element_type in (i32, i64) else self.cast(value, np.int32)
            limit = found.limit.astype(numpy_dtype(value.element_type))
            value = self.insert("Max", [value, self.constant(-limit, "least")])
            value = self.insert("Min", [value, self.constant(limit, "most")])
        add = add - x_zero_point * found.multiplier
        attrs = {"div": 1 << found.shift, "n_levels": levels, "signed": int(info.min < 0)}
        narrow = np.abs(found.multiplier).max() < 2**31
        mul = self.constant(found.multiplier.astype(np.int32 if narrow else np.int64), "mul")
        return self.qnn("RequantShift", [value, mul, self.constant(add, "add")], attrs)


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
