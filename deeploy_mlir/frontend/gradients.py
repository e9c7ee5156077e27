"""Gradients of activations as onnxruntime's training exports them, as operators of the standard.

Operands: the gradient by the activation's result, then that result (or the activation's operand: the two have the same
sign where it matters, for Relu). Gradients with kernels of their own are in `quantized.py`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.node import Node, Rule
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.numpy_types import numpy_dtype


def _number(emitter: Emitter, node: Node, value: float, like: Value) -> Value:
    return emitter.constant(np.asarray(value, numpy_dtype(like.element_type)), f"{node.name}_{value}")


def _apply(emitter: Emitter, node: Node, op_type: str, *values: Value) -> Value:
    return emitter.onnx(op_type, list(values), {}, node.name)[0]


def _relu(emitter: Emitter, node: Node) -> list[Value]:
    """dy where y > 0, else 0."""
    dy, y = node.required(0), node.required(1)
    zero = _number(emitter, node, 0, y)
    passed = _apply(emitter, node, "Greater", y, zero)
    return emitter.onnx("Where", [passed, dy, _number(emitter, node, 0, dy)], {}, node.name)


def _sigmoid(emitter: Emitter, node: Node) -> list[Value]:
    """dy * y * (1 - y)."""
    dy, y = node.required(0), node.required(1)
    left = _apply(emitter, node, "Sub", _number(emitter, node, 1, y), y)
    return emitter.onnx("Mul", [dy, _apply(emitter, node, "Mul", y, left)], {}, node.name)


def _tanh(emitter: Emitter, node: Node) -> list[Value]:
    """dy * (1 - y^2)."""
    dy, y = node.required(0), node.required(1)
    left = _apply(emitter, node, "Sub", _number(emitter, node, 1, y), _apply(emitter, node, "Mul", y, y))
    return emitter.onnx("Mul", [dy, left], {}, node.name)


def _softmax(emitter: Emitter, node: Node) -> list[Value]:
    return emitter.qnn(
        "SoftmaxGrad", [node.required(0), node.required(1)], {"axis": node.integer("axis", -1)}, node.name
    )


def _log_softmax(emitter: Emitter, node: Node) -> list[Value]:
    """dy - exp(y) * sum(dy) along the axis."""
    dy, y = node.required(0), node.required(1)
    axes = emitter.constant(np.array([node.integer("axis", -1)], np.int64), f"{node.name}_axes")
    total = emitter.onnx("ReduceSum", [dy, axes], {"keepdims": 1}, node.name)[0]
    share = _apply(emitter, node, "Mul", _apply(emitter, node, "Exp", y), total)
    return emitter.onnx("Sub", [dy, share], {}, node.name)


BY_TYPE: Mapping[str, Rule] = {
    "ReluGrad": _relu,
    "SigmoidGrad": _sigmoid,
    "TanhGrad": _tanh,
    "SoftmaxGrad": _softmax,
    "SoftmaxGrad_13": _softmax,
    "LogSoftmaxGrad": _log_softmax,
    "LogSoftmaxGrad_13": _log_softmax,
}
"""Operator -> what gives its outputs."""
