"""Requantisation in scalar regions, by its definition."""

from __future__ import annotations

from xdsl.dialects.builtin import Float64Type, FloatAttr, IntegerAttr, IntegerType, f64, i32, i64
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from deeploy_mlir.requantization.definition import Requantization
from deeploy_mlir.support.numpy_types import Array


@irdl_op_definition
class RequantizeOp(IRDLOperation):
    """clip(round((x * scale + offset) / y_scale) + zero_point, low, high) of real numbers, rounding half to even: what
    ONNX defines, whatever arithmetic a kernel does instead. The result is an i32.

    `deeploy-choose-requantization` replaces it by arithmetic once bounds and scales of the accumulator are known."""

    name = "kernel.requantize"
    x = operand_def(IntegerType)
    scale = operand_def(f64)
    offset = opt_operand_def(f64)
    y_scale = prop_def(FloatAttr[Float64Type])
    zero_point = prop_def(IntegerAttr)
    low = prop_def(IntegerAttr)
    high = prop_def(IntegerAttr)
    result = result_def(i32)
    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$x `,` $scale (`,` $offset^)? attr-dict `:` type($x)"

    def __init__(self, x: SSAValue, scale: SSAValue, offset: SSAValue | None, definition: Requantization) -> None:
        """All but scale and offset from a definition."""
        numbers = {"zero_point": definition.zero_point, "low": definition.low, "high": definition.high}
        super().__init__(
            operands=[x, scale, offset],
            result_types=[i32],
            properties={
                "y_scale": FloatAttr(definition.y_scale, f64),
                **{name: IntegerAttr(number, i64) for name, number in numbers.items()},
            },
        )

    def definition(self, scale: Array, offset: Array) -> Requantization:
        """The definition with these scales and offsets."""
        zero_point, low, high = (int(a.value.data) for a in (self.zero_point, self.low, self.high))
        return Requantization(scale, float(self.y_scale.value.data), zero_point, low, high, offset)
