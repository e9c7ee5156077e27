"""What the integers of a tensor mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, Float32Type, FloatAttr, IntegerAttr, UnitAttr, f32, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.utils.exceptions import VerifyException

ARGUMENTS, RESULTS = "arg_quantization", "result_quantization"
"""Attributes of a network's function: a `#qnn.quantization` of each argument or result, `unit` where none is known."""

ARRAY = "quantization"
"""Attribute of the array of an input or output, a `#qnn.quantization`, where it is known."""


@irdl_attr_definition
class QuantizationAttr(ParametrizedAttribute):
    """An integer q stands for the number (q - zero_point) * scale: `#qnn.quantization<5.0e-02 : f32, -128 : i64>`."""

    name = "qnn.quantization"
    scale: FloatAttr[Float32Type]
    zero_point: IntegerAttr

    @staticmethod
    def of(scale: float, zero_point: int) -> QuantizationAttr:
        """The attribute of a scale, rounded to f32, and a zero point."""
        return QuantizationAttr(FloatAttr(scale, f32), IntegerAttr(zero_point, i64))

    def verify(self) -> None:
        scale = self.scale.value.data
        if not (scale > 0 and math.isfinite(scale)):
            raise VerifyException(f"#qnn.quantization: a scale is positive and finite, not {scale}")


def state_quantization(function: FuncOp, key: str, found: Sequence[QuantizationAttr | None]) -> None:
    """Writes what is known of a function's arguments or results into its attribute; no attribute if that is nothing."""
    if any(found):
        function.attributes[key] = ArrayAttr([UnitAttr() if one is None else one for one in found])


def stated_quantization(function: FuncOp, key: str, count: int) -> list[QuantizationAttr | None]:
    """What a function's attribute says of each of its `count` arguments or results."""
    stated = function.attributes.get(key)
    if not isinstance(stated, ArrayAttr):
        return [None] * count
    ones = cast("ArrayAttr[Attribute]", stated).data
    return [one if isinstance(one, QuantizationAttr) else None for one in ones]


def quantization_of_array(array: Operation) -> QuantizationAttr | None:
    """What the integers of an input's or output's array mean, if that is known."""
    stated = array.attributes.get(ARRAY)
    return stated if isinstance(stated, QuantizationAttr) else None
