"""`qnn` gradients and updates, in float."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    FloatAttr,
    IntegerAttr,
    StringAttr,
)
from xdsl.ir import Attribute
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects.qnn.base import QnnOp, is_integer


class LikeOp(QnnOp):
    """Base of float operators whose result has the type of one operand; the others broadcast to it."""

    def infer(self) -> Sequence[Attribute]:
        first = self.operand_type(0)
        if is_integer(first.element_type):
            raise VerifyException(f"{self.node_name}: {self.name} is an operator on floats, not on {first}")
        for index in range(1, len(self.operands)):
            self.broadcasts(index, first.get_shape())
        return [first]


@irdl_op_definition
class SoftmaxGradOp(LikeOp):
    """dx = y * (dy - sum(dy*y, axis)); y is the softmax's result."""

    name = "qnn.SoftmaxGrad"
    dy = operand_def()
    y = operand_def()
    axis = prop_def(IntegerAttr)
    dx = result_def()
    traits = traits_def(Pure())


@irdl_op_definition
class GeluGradOp(LikeOp):
    """dx = dy * d/dx Gelu(x); `approximate` is "none" (erf) or "tanh"."""

    name = "qnn.GeluGrad"
    dy = operand_def()
    x = operand_def()
    approximate = prop_def(StringAttr)
    dx = result_def()
    traits = traits_def(Pure())


@irdl_op_definition
class LayerNormalizationGradOp(LikeOp):
    """Gradient of LayerNormalization over the last axis to x: with h = (x-mean)/sqrt(var+epsilon), g = dy*scale,
    dx = (g - mean(g) - h*mean(g*h)) / sqrt(var+epsilon)."""

    name = "qnn.LayerNormalizationGrad"
    dy = operand_def()
    x = operand_def()
    scale = operand_def()
    bias = opt_operand_def()
    axis = prop_def(IntegerAttr)
    epsilon = prop_def(FloatAttr)
    dx = result_def()
    traits = traits_def(Pure())


@irdl_op_definition
class SoftmaxCrossEntropyLossGradOp(QnnOp):
    """dx = (exp(log_prob) - onehot(labels)) / B^2 for log_prob [B, C], integer labels [B].

    One B is the loss's mean, the other the upstream gradient, which the exporting tool folds in."""

    name = "qnn.SoftmaxCrossEntropyLossGrad"
    log_prob = operand_def()
    labels = operand_def()
    dx = result_def()
    traits = traits_def(Pure())

    def infer(self) -> Sequence[Attribute]:
        log_prob, labels = self.operand_type(0), self.integer_operand(1)
        shape = log_prob.get_shape()
        if len(shape) != 2 or tuple(labels.get_shape()) != tuple(shape[:1]):
            raise VerifyException(
                f"{self.node_name}: {self.name} takes log_prob [B, C] and labels [B], not {list(shape)} "
                f"and {list(labels.get_shape())}"
            )
        return [log_prob]


@irdl_op_definition
class SGDOp(LikeOp):
    """weight_updated = weight - lr * gradient; `lr` is an f32."""

    name = "qnn.SGD"
    weight = operand_def()
    gradient = operand_def()
    lr = prop_def(FloatAttr)
    weight_updated = result_def()
    traits = traits_def(Pure())
