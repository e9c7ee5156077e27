"""Operators of other domains, and non-standard ones in the standard's domain, by operator type alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from deeploy_mlir.frontend.gradients import BY_TYPE as GRADIENTS
from deeploy_mlir.frontend.integers import channel_parameter, integer_parameter
from deeploy_mlir.frontend.qonnx import BY_TYPE as QONNX
from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.node import Node, Rule
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError


def _marked(values: list[Value]) -> list[Value]:
    for value in values:
        value.retyped = value.is_integer
    return values


def _integer_operand(node: Node, index: int = 0) -> Value:
    value = node.required(index)
    if not value.is_integer:
        raise DeeployError(
            f"{node.op_type} is an integer operator, but its input '{value.name}' is {value.type}; give the types of "
            "the network's inputs with --input-type NAME=ui8, or --types-from-data FILE.npz",
            node.name,
        )
    return value


def _requant_shift(emitter: Emitter, node: Node) -> list[Value]:
    x = _integer_operand(node)
    parameters: list[Value] = []
    for index, what in ((1, "mul"), (2, "add")):
        value = integer_parameter(node.required(index), node.name, what)
        if value.is_constant:
            value = Value.of_array(channel_parameter(value.array(), x.shape, node.name, what), value.name)
        parameters.append(value)
    levels = "n_levels_out" if "n_levels_out" in node.attrs else "n_levels"
    attrs = {"div": node.integer("div"), "n_levels": node.integer(levels), "signed": node.integer("signed")}
    return _marked(emitter.qnn("RequantShift", [x, *parameters], attrs, node.name))


def _integer_op(*attributes: str, parameters: int = 0) -> Rule:
    """A `qnn` operator of the same name: an integer operand, constant integer parameters, integer attributes."""

    def rule(emitter: Emitter, node: Node) -> list[Value]:
        x = _integer_operand(node)
        inputs = [x, *(integer_parameter(node.required(1 + k), node.name, f"input {1 + k}") for k in range(parameters))]
        return _marked(emitter.qnn(node.op_type, inputs, {a: node.integer(a) for a in attributes}, node.name))

    return rule


def _integer_div(emitter: Emitter, node: Node) -> list[Value]:
    operands = [_integer_operand(node), integer_parameter(node.required(1), node.name, "the divisor")]
    attrs = {"Delta": node.integer("Delta"), "eps": node.integer("eps", 0), "eta": node.integer("eta", 1)}
    return _marked(emitter.qnn("IntegerDiv", operands, attrs, node.name))


def _integer_mean(emitter: Emitter, node: Node) -> list[Value]:
    axes = np.asarray(node.attrs.get("axes", []), np.int64).reshape(-1).tolist()
    given = node.constant_input(1)
    if given is not None:
        axes = given.reshape(-1).tolist()
    attrs = {"axes": axes, "keepdims": node.integer("keepdims", 1)}
    return _marked(emitter.qnn("IntegerMean", [_integer_operand(node)], attrs, node.name))


def _rms_norm(emitter: Emitter, node: Node) -> list[Value]:
    epsilon = node.number("epsilon", node.number("eps", 1e-6))
    attrs: dict[str, Any] = {"axis": -1, "epsilon": epsilon}
    return emitter.onnx("RMSNormalization", [node.required(0), node.required(1)], attrs, node.name)


def _gelu_grad(emitter: Emitter, node: Node) -> list[Value]:
    attrs = {"approximate": str(node.attrs.get("approximate", "none"))}
    return emitter.qnn("GeluGrad", [node.required(0), node.required(1)], attrs, node.name)


def _layer_norm_grad(emitter: Emitter, node: Node) -> list[Value]:
    x = node.required(1)
    axis = node.integer("axis", -1)
    if axis % len(x.shape) != len(x.shape) - 1:
        raise DeeployError(f"LayerNormalizationGrad is known along the last axis only, not axis {axis}", node.name)
    attrs = {"axis": -1, "epsilon": node.number("epsilon", 1e-5)}
    return emitter.qnn("LayerNormalizationGrad", node.inputs, attrs, node.name)


def _cross_entropy_grad(emitter: Emitter, node: Node) -> list[Value]:
    if str(node.attrs.get("reduction", "mean")) != "mean":
        raise DeeployError("SoftmaxCrossEntropyLossGrad is known for reduction = mean only", node.name)
    return emitter.qnn("SoftmaxCrossEntropyLossGrad", [node.required(0), node.required(1)], {}, node.name)


def _sgd(emitter: Emitter, node: Node) -> list[Value]:
    return emitter.qnn("SGD", [node.required(0), node.required(1)], {"lr": node.number("lr")}, node.name)


BY_TYPE: dict[str, Rule] = {
    **QONNX,
    **GRADIENTS,
    "RequantShift": _requant_shift,
    "iSoftmax": _integer_op("coeffA", "coeffB", "coeffC", "log2", "n_levels"),
    "ITAMax": _integer_op("n_levels"),
    "ITAPartialMax": _integer_op("n_levels", "group_width"),
    "iGELU": _integer_op("b", "one"),
    "iHardswish": _integer_op("one_over_six", "three", "six"),
    "iLayerNorm": _integer_op("D", "n_levels", parameters=2),
    "iRMSNorm": _integer_op("D", "n_levels", parameters=1),
    "iNoNorm": _integer_op("mul", "D", "n_levels", parameters=2),
    "TrueIntegerDiv": _integer_op("Delta", "eps", "eta", "y"),
    "IntegerDiv": _integer_div,
    "IntegerMean": _integer_mean,
    "RMSNorm": _rms_norm,
    "SimplifiedLayerNormalization": _rms_norm,
    "GeluGrad": _gelu_grad,
    "LayerNormalizationGrad": _layer_norm_grad,
    "SoftmaxCrossEntropyLossGrad": _cross_entropy_grad,
    "SGD": _sgd,
}
"""Operators that ONNX's standard does not have -> how they are built."""
