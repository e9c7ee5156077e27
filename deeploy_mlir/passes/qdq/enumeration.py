"""Functions of one quantised tensor of 8 bits, known by their 256 results (of each channel): a multiplication, an
addition and a shift of integers where that gives just these, else a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from xdsl.ir import SSAValue

from deeploy_mlir.graph.value import Value
from deeploy_mlir.passes.qdq.quantization import Quantized, integer_dtype
from deeploy_mlir.passes.qdq.target import StaysFloat, Target
from deeploy_mlir.requantization.definition import Steps
from deeploy_mlir.requantization.integer_form import NARROW, WIDE, integer_form
from deeploy_mlir.support.numpy_types import Array


@dataclass(frozen=True)
class Line:
    """real = (integer - zero_point) * factor + offset, about: where multipliers are searched for. Both (float64)
    broadcast to the integers."""

    factor: Array
    offset: Array


def is_enumerable(x: Quantized) -> bool:
    """Whether a tensor's type has so few integers that all results are computed."""
    return integer_dtype(x.integers).itemsize == 1


def requantized(target: Target, x: Quantized) -> Value | None:
    """QuantizeLinear of a DequantizeLinear; None where its steps in float32 stay. Raises StaysFloat."""
    quantization = x.quantization
    if quantization.same(target.quantization) and integer_dtype(x.integers) == target.dtype:
        return target.clipped(target.rewriter.value(x.integers))
    scale, points = x.along_axis(quantization.scale), quantization.zero_point
    if integer_dtype(x.integers).itemsize > 4:
        raise StaysFloat("it has more than 32 bits")
    if is_enumerable(x):
        offset = -(x.along_axis(points) - points.reshape(-1)[0]) * scale
        return function(target, x, limited_and_quantized(target, x.floats(x.every()[:, None])).T, Line(scale, offset))
    if not target.fixed_point:
        return None
    if np.any(points != points.reshape(-1)[0]):
        raise StaysFloat("its channels have different zero points")
    return target.near(x.integers, scale, int(points.reshape(-1)[0]))


def limited_and_quantized(target: Target, values: Array) -> Array:
    """QuantizeLinear of what Relu and Clip leave of float32 numbers, as int64."""
    limited = np.minimum(np.maximum(values, np.float32(target.low)), np.float32(target.high))
    return target.quantization.quantize_array(limited, target.dtype)


def function(target: Target, x: Quantized, results: Array, line: Line, part: slice = slice(None)) -> Value:
    """The function with results[c, i] for the i-th integer of the type and channel c (one for all, or as many as the
    line's factor or offset has elements); only a `part` of the integers counts. Raises StaysFloat if neither integers
    nor a table give it."""
    found = shifted(target, x, results, line, part)
    if found is not None:
        return found
    if results.shape[0] == 1:
        return table(target, x.integers, results[0])
    zero = int(x.quantization.zero_point.reshape(-1)[0])
    return target.near(x.integers, line.factor, zero, offset=line.offset)


def shifted(target: Target, x: Quantized, results: Array, line: Line, part: slice = slice(None)) -> Value | None:
    """`function` by a multiplication and a shift; None if there are no numbers that equal it."""
    integers = x.every()[part]
    steps = Steps.of_values(results[:, part], int(integers[0]), *target.levels(real=False))
    factor, offset = np.broadcast_arrays(line.factor, line.offset)
    if steps is None or factor.size != results.shape[0]:
        return None
    y_scale = float(target.quantization.scale)
    ratio = np.broadcast_to(factor.reshape(-1) / y_scale, steps.sign.shape)
    zero = int(x.quantization.zero_point.reshape(-1)[0])
    centre = np.broadcast_to(offset.reshape(-1) / y_scale + target.zero_point, steps.sign.shape) - zero * ratio
    for form in (NARROW, WIDE):
        found = integer_form(steps, ratio, centre, target.zero_point, form)
        if found is not None:
            shape = factor.shape
            multiplier, addend = (a.reshape(shape if a.size > 1 else ()) for a in (found.multiplier, found.addend))
            return target.shifted(x.integers, multiplier, addend, found.shift)
    return None


def table(target: Target, integers: SSAValue, results: Array) -> Value:
    """A look-up of the results, which stand in the order of the integers."""
    dtype = integer_dtype(integers)
    # Negative integers count from the end of the table, as indices do.
    ordered = np.roll(results, int(np.iinfo(dtype).min)).astype(target.dtype)
    index = target.insert("Cast", [integers], {"to": int(onnx.TensorProto.INT32)})
    return target.insert("Gather", [target.constant(ordered, "table"), index], {"axis": 0})
