"""Gradients of activations, against differences of the activations themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import helper

from deeploy_mlir.frontend import import_model
from deeploy_mlir.interpreters.run import run_module
from deeploy_mlir.support.numpy_types import Array


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "ReluGrad": lambda x: np.maximum(x, 0),
    "SigmoidGrad": lambda x: 1 / (1 + np.exp(-x)),
    "TanhGrad": np.tanh,
    "SoftmaxGrad": softmax,
    "SoftmaxGrad_13": softmax,
    "LogSoftmaxGrad": lambda x: np.log(softmax(x)),
    "LogSoftmaxGrad_13": lambda x: np.log(softmax(x)),
}


@pytest.mark.parametrize("op_type", ACTIVATIONS)
def test_gradient(op_type: str) -> None:
    """dy * dactivation/dx, which central differences give to about 1e-9."""
    activation = ACTIVATIONS[op_type]
    rng = np.random.default_rng(1)
    x, dy = rng.normal(size=(3, 5)), rng.normal(size=(3, 5)).astype(np.float32)
    wanted = np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-6
        wanted[place] = ((activation(x + step) - activation(x - step)) / 2e-6 * dy).sum()
    node = helper.make_node(op_type, ["dy", "y"], ["dx"], "gradient", domain="com.microsoft")
    tensors = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [3, 5]) for n in ("dy", "y", "dx")]
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(helper.make_graph([node], "g", tensors[:2], tensors[2:]), opset_imports=opsets)
    (got,) = run_module(import_model(model), [dy, activation(x).astype(np.float32)])
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)
