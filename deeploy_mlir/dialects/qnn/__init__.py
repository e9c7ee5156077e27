"""The `qnn` dialect: integer operators that quantisation flows export, and gradients, which ONNX has no operator for.

All arithmetic is on integers and exact; `>>` is an arithmetic shift (floor), `/` truncates toward zero unless an
operator says otherwise. A result narrower than the value is saturated. `n` is `n_levels`; a signed result
has the range [-n/2, n/2-1], an unsigned one [0, n-1], and the smallest element type that holds it.
Tensors are laid out as in ONNX (NCHW, [batch, sequence, feature]). Attributes are i64 unless said otherwise.
"""

from __future__ import annotations

from xdsl.ir import Dialect

from deeploy_mlir.dialects.qnn.base import (
    QnnOp,
    broadcast_shape,
    integer_bits,
    integer_type,
    is_integer,
    is_unsigned,
    level_range,
)
from deeploy_mlir.dialects.qnn.gradients import (
    GeluGradOp,
    LayerNormalizationGradOp,
    SGDOp,
    SoftmaxCrossEntropyLossGradOp,
    SoftmaxGradOp,
)
from deeploy_mlir.dialects.qnn.integer import (
    ConvTransposeIntegerOp,
    IGeluOp,
    IHardswishOp,
    ILayerNormOp,
    INoNormOp,
    IntegerDivOp,
    IntegerMeanOp,
    IRMSNormOp,
    ISoftmaxOp,
    ITAMaxOp,
    ITAPartialMaxOp,
    RequantizeAddOp,
    RequantizeOp,
    RequantShiftOp,
    TrueIntegerDivOp,
)
from deeploy_mlir.dialects.qnn.quantization import QuantizationAttr

_OPERATIONS: list[type[QnnOp]] = [
    RequantShiftOp,
    RequantizeOp,
    RequantizeAddOp,
    ConvTransposeIntegerOp,
    ISoftmaxOp,
    ITAMaxOp,
    ITAPartialMaxOp,
    IGeluOp,
    IHardswishOp,
    TrueIntegerDivOp,
    IntegerDivOp,
    ILayerNormOp,
    IRMSNormOp,
    INoNormOp,
    IntegerMeanOp,
    SoftmaxGradOp,
    GeluGradOp,
    LayerNormalizationGradOp,
    SoftmaxCrossEntropyLossGradOp,
    SGDOp,
]

OPERATORS: dict[str, type[QnnOp]] = {op.name.split(".", 1)[1]: op for op in _OPERATIONS}
"""Operator name -> class, such as `OPERATORS["RequantShift"]`."""

Qnn = Dialect("qnn", [*_OPERATIONS], [QuantizationAttr])

__all__ = [
    "OPERATORS",
    "ConvTransposeIntegerOp",
    "GeluGradOp",
    "IGeluOp",
    "IHardswishOp",
    "ILayerNormOp",
    "INoNormOp",
    "IRMSNormOp",
    "ISoftmaxOp",
    "ITAMaxOp",
    "ITAPartialMaxOp",
    "IntegerDivOp",
    "IntegerMeanOp",
    "LayerNormalizationGradOp",
    "Qnn",
    "QnnOp",
    "QuantizationAttr",
    "RequantShiftOp",
    "RequantizeAddOp",
    "RequantizeOp",
    "SGDOp",
    "SoftmaxCrossEntropyLossGradOp",
    "SoftmaxGradOp",
    "TrueIntegerDivOp",
    "broadcast_shape",
    "integer_bits",
    "integer_type",
    "is_integer",
    "is_unsigned",
    "level_range",
]
