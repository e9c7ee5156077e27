"""What a network's header says of quantised inputs and outputs: scale and zero point, and functions that apply them."""

from __future__ import annotations

from typing import cast

from xdsl.dialects import memref
from xdsl.dialects.builtin import IntegerType, Signedness, f32, i32
from xdsl.ir import Operation

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.qnn.quantization import QuantizationAttr, quantization_of_array
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.lowering.c_printer.spelling import Spelling

INLINE = ("static", "inline")
WIDEST = 16
"""Bits of the widest elements that get a function: the range of wider ones is no range of floats."""


def meaning_of(array: memref.GlobalOp) -> str:
    """What the integers of an array mean, to follow other words; nothing where that is not known."""
    quantization = quantization_of_array(array)
    if quantization is None:
        return ""
    zero_point = quantization.zero_point.value.data
    steps = f"(q {'-' if zero_point > 0 else '+'} {abs(zero_point)})" if zero_point else "q"
    return f"; q stands for {steps} * {_scale(quantization)}"


def quantization_macros(array: memref.GlobalOp, symbol: str) -> list[Operation]:
    """Scale and zero point of the array called `symbol`; nothing where no quantisation is known."""
    quantization = quantization_of_array(array)
    if quantization is None:
        return []
    zero_point = quantization.zero_point.value.data
    return [
        c.DefineOp(f"{symbol.upper()}_SCALE", _scale(quantization)),
        c.DefineOp(f"{symbol.upper()}_ZERO_POINT", str(zero_point) if zero_point >= 0 else f"({zero_point})"),
    ]


def quantization_function(array: memref.GlobalOp, name: str, *, is_input: bool) -> list[Operation]:
    """An inline function with a comment: for an input from a number to its integer, for an output back.

    Nothing where no quantisation is known, or the integers are wider than `WIDEST`."""
    quantization, element = quantization_of_array(array), cast(IntegerType, array.type.element_type)
    if quantization is None or element.width.data > WIDEST:
        return []
    if not is_input:
        return [c.CommentOp("The number that an integer stands for."), _dequantize(name, element, quantization)]
    text = "The integer that stands for a number: the nearest, of two the even one; saturates."
    return [c.CommentOp(text), _quantize(name, element, quantization)]


def _scale(quantization: QuantizationAttr) -> str:
    return Spelling("int32_t").floating(quantization.scale.value.data, f32)


def _quantize(name: str, element: IntegerType, quantization: QuantizationAttr) -> c.FuncOp:
    """ONNX's QuantizeLinear of one number; a NaN becomes the least integer."""
    signed = element.signedness.data != Signedness.UNSIGNED
    bits = element.width.data
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    zero_point = quantization.zero_point.value.data
    function = c.FuncOp(name, [("value", f32)], element, INLINE)
    assert function.block is not None
    b = CBuilder(function.block)
    steps = b.call_value("dm_rintf", [b.div(function.block.args[0], quantization.scale.value.data)], f32)
    above = b.select(b.cmp("gt", steps, float(low - zero_point)), steps, float(low - zero_point))
    within = b.select(b.cmp("lt", above, float(high - zero_point)), above, float(high - zero_point))
    b.return_(b.cast(b.add(b.cast(within, i32), zero_point), element))
    return function


def _dequantize(name: str, element: IntegerType, quantization: QuantizationAttr) -> c.FuncOp:
    """ONNX's DequantizeLinear of one integer."""
    function = c.FuncOp(name, [("q", element)], f32, INLINE)
    assert function.block is not None
    b = CBuilder(function.block)
    steps = b.sub(b.cast(function.block.args[0], i32), quantization.zero_point.value.data)
    b.return_(b.mul(b.cast(steps, f32), quantization.scale.value.data))
    return function
