"""`qnn` operations on integers."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    DenseArrayBase,
    Float32Type,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    TensorType,
    i32,
)
from xdsl.ir import Attribute
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects.qnn.base import QnnOp, broadcast_shape, levels_type


@irdl_op_definition
class RequantShiftOp(QnnOp):
    """y = clip((x * mul + add + 2^(k-1)) >> k), div = 2^k, no rounding term if k = 0: rounds half up.

    `mul` and `add` broadcast to x's shape by numpy's rules."""

    name = "qnn.RequantShift"
    x = operand_def()
    mul = operand_def()
    add = operand_def()
    div = prop_def(IntegerAttr)
    n_levels = prop_def(IntegerAttr)
    signed = prop_def(IntegerAttr)
    y = result_def()
    traits = traits_def(Pure())

    def infer(self) -> Sequence[Attribute]:
        x = self.integer_operand(0)
        for index in (1, 2):
            self.integer_operand(index)
            self.broadcasts(index, x.get_shape())
        self.positive("div", power_of_two=True)
        self.positive("n_levels")
        return [levels_type(x, self.attr("n_levels"), bool(self.attr("signed")))]


class FloatScaleOp(QnnOp):
    """Base of the operators that scale integers by floats and round half to even."""

    def scale_operand(self, index: int, shape: Sequence[int], *elements: type[Attribute]) -> None:
        """Check that an operand is of one of these float types and broadcasts to `shape`."""
        found = self.operand_type(index)
        if not isinstance(found.element_type, elements):
            name = self.get_irdl_definition().operands[index][0]
            kinds = " or ".join(str(element()) for element in elements)
            raise VerifyException(f"{self.node_name}: '{name}' of {self.name} must be {kinds}, but is {found}")
        self.broadcasts(index, shape)


@irdl_op_definition
class RequantizeOp(FloatScaleOp):
    """y = clip(round((x * scale + offset) / y_scale) + zero_point, low, high) of real numbers: every float stands for
    the number that it is, only the result is rounded, half to even. Its element type is that of `zero_point`.

    `scale` and `offset` (f64) broadcast to x's shape by numpy's rules; `zero_point` is a scalar."""

    name = "qnn.Requantize"
    x = operand_def()
    scale = operand_def()
    zero_point = operand_def()
    offset = opt_operand_def()
    y_scale = prop_def(FloatAttr[Float64Type])
    low = prop_def(IntegerAttr)
    high = prop_def(IntegerAttr)
    y = result_def()
    traits = traits_def(Pure())

    def infer(self) -> Sequence[Attribute]:
        x, zero_point = self.integer_operand(0), self.integer_operand(2)
        self.scale_operand(1, x.get_shape(), Float64Type)
        if len(self.operands) > 3:
            self.scale_operand(3, x.get_shape(), Float64Type)
        self.broadcasts(2, ())
        if not self.attr("y_scale") > 0:
            raise VerifyException(f"{self.node_name}: 'y_scale' of {self.name} is {self.attr('y_scale')}")
        return [TensorType(zero_point.element_type, x.get_shape())]


@irdl_op_definition
class RequantizeAddOp(FloatScaleOp):
    """y = saturate(round((a - a_zero_point) * a_scale + (b - b_zero_point) * b_scale) + zero_point),
    rounding half to even.

    a and b broadcast to each other, the scales to that; these are of one type (f32 or f64), in which each product and
    the sum are rounded; `zero_point` is a scalar of the result's element type."""

    name = "qnn.RequantizeAdd"
    a = operand_def()
    b = operand_def()
    a_scale = operand_def()
    b_scale = operand_def()
    zero_point = operand_def()
    a_zero_point = prop_def(IntegerAttr)
    b_zero_point = prop_def(IntegerAttr)
    y = result_def()
    traits = traits_def(Pure())

    def infer(self) -> Sequence[Attribute]:
        a, b, zero_point = (self.integer_operand(index) for index in (0, 1, 4))
        shape = broadcast_shape(a.get_shape(), b.get_shape())
        if shape is None:
            raise VerifyException(
                f"{self.node_name}: {self.name} of shapes {list(a.get_shape())} and {list(b.get_shape())}"
            )
        self.scale_operand(2, shape, Float32Type, Float64Type)
        self.scale_operand(3, shape, Float32Type, Float64Type)
        if self.operand_type(2).element_type != self.operand_type(3).element_type:
            raise VerifyException(f"{self.node_name}: the scales of {self.name} must have one type")
        self.broadcasts(4, ())
        return [TensorType(zero_point.element_type, shape)]


@irdl_op_definition
class ConvTransposeIntegerOp(QnnOp):
    """onnx.ConvTranspose of x - x_zero_point [N, C, s..] with w [C, M/group, k..] in i32: what ConvInteger is to Conv.

    All attributes are written out: `pads` (low ones, then high ones) cut elements off the result, which
    `output_padding` makes larger at its ends."""

    name = "qnn.ConvTransposeInteger"
    x = operand_def()
    w = operand_def()
    strides = prop_def(DenseArrayBase)
    dilations = prop_def(DenseArrayBase)
    pads = prop_def(DenseArrayBase)
    output_padding = prop_def(DenseArrayBase)
    group = prop_def(IntegerAttr)
    x_zero_point = prop_def(IntegerAttr)
    y = result_def()
    traits = traits_def(Pure())

    def infer(self) -> Sequence[Attribute]:
        image, weights = self.integer_operand(0).get_shape(), self.integer_operand(1).get_shape()
        rank, group = len(image) - 2, self.attr("group")
        strides, dilations, pads, extra = (
            self.attr(name) for name in ("strides", "dilations", "pads", "output_padding")
        )
        lengths = [len(weights) - 2, len(strides), len(dilations), len(pads), len(extra)]
        if lengths != [rank, rank, rank, 2 * rank, rank] or image[1] != weights[0] or image[1] % group:
            raise VerifyException(
                f"{self.node_name}: {self.name} of {list(image)} and {list(weights)} in {group} groups, with strides "
                f"{strides}, dilations {dilations}, pads {pads} and output_padding {extra}"
            )
        sizes = [
            strides[i] * (image[2 + i] - 1)
            + extra[i]
            + dilations[i] * (weights[2 + i] - 1)
            + 1
            - pads[i]
            - pads[rank + i]
            for i in range(rank)
        ]
        return [TensorType(i32, [image[0], weights[1] * group, *sizes])]


class LastAxisOp(QnnOp):
    """Base of operators along the last axis with an unsigned result of n_levels levels."""

    def infer(self) -> Sequence[Attribute]:
        self.positive("n_levels")
        return [levels_type(self.integer_operand(0), self.attr("n_levels"), signed=False)]


@irdl_op_definition
class ISoftmaxOp(LastAxisOp):
    """Last axis: d = x - max; z = clip(-d / log2, 0, 31); p = d + z*log2; e = (A*(p+B)^2 + C) >> z;
    y = floor(e*(n-1) / sum(e)). Unsigned."""

    name = "qnn.iSoftmax"
    x = operand_def()
    coeffA = prop_def(IntegerAttr)
    coeffB = prop_def(IntegerAttr)
    coeffC = prop_def(IntegerAttr)
    log2 = prop_def(IntegerAttr)
    n_levels = prop_def(IntegerAttr)
    y = result_def()
    traits = traits_def(Pure())


@irdl_op_definition
class ITAMaxOp(LastAxisOp):
    """Last axis: s = (max - x + 16) >> 5; S = sum(256 >> s); y = (((n-1)*256) / S) >> s. Unsigned."""

    name = "qnn.ITAMax"
    x = operand_def()
    n_levels = prop_def(IntegerAttr)
    y = result_def()
    traits = traits_def(Pure())


@irdl_op_definition
class ITAPartialMaxOp(LastAxisOp):
    """ITAMax in a stream over groups of `group_width` columns: the running maximum starts at -128, and when a group
    raises it by D the partial sum is shifted right by (D+16) >> 5; y = (((n/2-1)*256) / S) >> ((max - x + 16) >> 5).
    Unsigned."""

    name = "qnn.ITAPartialMax"
    x = operand_def()
    n_levels = prop_def(IntegerAttr)
    group_width = prop_def(IntegerAttr)
    y = result_def()
    traits = traits_def(Pure())


class Int32MapOp(QnnOp):
    """Base of elementwise operators with an i32 result."""

    def infer(self) -> Sequence[Attribute]:
        return [TensorType(i32, self.integer_operand(0).get_shape())]


@irdl_op_definition
class IGeluOp(Int32MapOp):
    """q = min(|x|, -b); L = sign(x) * (one - (q+b)^2); y = x * ((one + L) >> 1). b < 0. Result i32."""

    name = "qnn.iGELU"
    x = operand_def()
    b = prop_def(IntegerAttr)
    one = prop_def(IntegerAttr)
    y = result_def()
    traits = traits_def(Pure())


@irdl_op_definition
class IHardswishOp(Int32MapOp):
    """y = x * clip(x + three, 0, six) * one_over_six. Result i32."""

    name = "qnn.iHardswish"
    x = operand_def()
    one_over_six = prop_def(IntegerAttr)
    three = prop_def(IntegerAttr)
    six = prop_def(IntegerAttr)
    y = result_def()
    traits = traits_def(Pure())


@irdl_op_definition
class TrueIntegerDivOp(Int32MapOp):
    """z = x * floor(Delta*eta / (y*eta + eps)); all four are attributes. Result i32."""

    name = "qnn.TrueIntegerDiv"
    x = operand_def()
    Delta = prop_def(IntegerAttr)
    eps = prop_def(IntegerAttr)
    eta = prop_def(IntegerAttr)
    y = prop_def(IntegerAttr)
    z = result_def()
    traits = traits_def(Pure())


@irdl_op_definition
class IntegerDivOp(QnnOp):
    """den = eta*b + eps; num = a*Delta*eta (64 bits); z = (num + sign(num)*(den >> 1)) / den, sign(0) = 1. Result i32.

    `b` broadcasts to a's shape."""

    name = "qnn.IntegerDiv"
    a = operand_def()
    b = operand_def()
    Delta = prop_def(IntegerAttr)
    eps = prop_def(IntegerAttr)
    eta = prop_def(IntegerAttr)
    z = result_def()
    traits = traits_def(Pure())

    def infer(self) -> Sequence[Attribute]:
        a = self.integer_operand(0)
        self.integer_operand(1)
        self.broadcasts(1, a.get_shape())
        return [TensorType(i32, a.get_shape())]


class NormOp(QnnOp):
    """Base of integer normalisations along the last axis: `weight` and `bias` broadcast to x; the result is clipped to
    `n_levels` signed levels."""

    def infer(self) -> Sequence[Attribute]:
        x = self.integer_operand(0)
        for index in range(1, len(self.operands)):
            self.integer_operand(index)
            self.broadcasts(index, x.get_shape())
        self.positive("D", power_of_two=True)
        self.positive("n_levels")
        return [levels_type(x, self.attr("n_levels"), signed=True)]


@irdl_op_definition
class ILayerNormOp(NormOp):
    """Last axis of N: m = sum / N; v = sum((x-m)^2) / N + 1; s = floor(sqrt(v));
    y = ((x-m)*w / s + bias) >> k, D = 2^k."""

    name = "qnn.iLayerNorm"
    x = operand_def()
    weight = operand_def()
    bias = operand_def()
    D = prop_def(IntegerAttr)
    n_levels = prop_def(IntegerAttr)
    y = result_def()
    traits = traits_def(Pure())


@irdl_op_definition
class IRMSNormOp(NormOp):
    """Last axis of N: s = floor(sqrt(sum(x^2) / N + 1)); y = (x*w / s) >> k, D = 2^k."""

    name = "qnn.iRMSNorm"
    x = operand_def()
    weight = operand_def()
    D = prop_def(IntegerAttr)
    n_levels = prop_def(IntegerAttr)
    y = result_def()
    traits = traits_def(Pure())


@irdl_op_definition
class INoNormOp(NormOp):
    """y = ((x*w + bias) * mul) >> k, D = 2^k; no rounding."""

    name = "qnn.iNoNorm"
    x = operand_def()
    weight = operand_def()
    bias = operand_def()
    mul = prop_def(IntegerAttr)
    D = prop_def(IntegerAttr)
    n_levels = prop_def(IntegerAttr)
    y = result_def()
    traits = traits_def(Pure())


@irdl_op_definition
class IntegerMeanOp(QnnOp):
    """Mean over `axes` (none: all), rounded half up: floor((sum + floor(n/2)) / n) over n elements. Type of x."""

    name = "qnn.IntegerMean"
    x = operand_def()
    axes = opt_prop_def(DenseArrayBase)
    keepdims = prop_def(IntegerAttr)
    y = result_def()
    traits = traits_def(Pure())

    def reduced_axes(self) -> list[int]:
        """The axes, none of them negative."""
        rank = len(self.operand_type(0).get_shape())
        axes: list[int] = self.attr("axes") or list(range(rank))
        if any(not -rank <= axis < rank for axis in axes):
            raise VerifyException(f"{self.node_name}: axes {axes} of {self.name} are not all in a rank of {rank}")
        return sorted({axis % rank for axis in axes})

    def infer(self) -> Sequence[Attribute]:
        x = self.integer_operand(0)
        axes, keep = self.reduced_axes(), bool(self.attr("keepdims"))
        shape = [1 if i in axes else n for i, n in enumerate(x.get_shape()) if keep or i not in axes]
        return [TensorType(x.element_type, shape)]
