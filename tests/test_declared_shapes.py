"""Shapes that a file declares, and those that its operators give."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from deeploy_mlir import api
from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import run_module
from deeploy_mlir.support.numpy_types import Array

from .test_frontend import data, model, node

WINDOWS = [
    (image, kernel, stride, dilation, extra)
    for image, kernel, stride, dilation in itertools.product((1, 4), (1, 2, 3), (1, 2, 4), (1, 2))
    for extra in (0, 1)
    if extra < stride
]


def transposed(x: Array, w: Array, stride: int, dilation: int, extra: int, *, upper: bool) -> Array:
    """A transposed convolution of one axis and channel by its definition, SAME as onnxruntime has it."""
    reach = dilation * (len(w) - 1) + 1
    full = np.zeros(stride * (len(x) - 1) + reach + extra, np.float32)
    for i, j in itertools.product(range(len(x)), range(len(w))):
        full[i * stride + j * dilation] += x[i] * w[j]
    total = max(len(full) - stride * len(x), 0)
    low = total // 2 if upper else total - total // 2
    return full[low : len(full) - (total - low)]


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
def test_conv_transpose_same(mode: str) -> None:
    for image, kernel, stride, dilation, extra in WINDOWS:
        x, w = data(1, 1, image), data(1, 1, kernel, seed=1)
        attributes: dict[str, Any] = {"strides": [stride], "dilations": [dilation], "output_padding": [extra]}
        nodes = [node("ConvTranspose", "x w", "y", auto_pad=mode, **attributes)]
        module = import_model(model(nodes, {"x": [1, 1, image]}, {"y": None}, {"w": w}))
        (found,) = run_module(module, [x])
        expected = transposed(x[0, 0], w[0, 0], stride, dilation, extra, upper=mode == "SAME_UPPER")
        np.testing.assert_allclose(found[0, 0], expected, atol=1e-6, err_msg=str((image, kernel, stride, extra)))


def test_conv_transpose_same_with_a_short_kernel_runs() -> None:
    x, w = data(1, 1, 3, 3), data(1, 2, 1, 2, seed=1)
    nodes = [node("ConvTranspose", "x w", "y", auto_pad="SAME_UPPER", strides=[3, 3])]
    program = api.compile(model(nodes, {"x": [1, 1, 3, 3]}, {"y": [1, 2, 7, 8]}, {"w": w}), "generic")
    found = program.run({"x": x})["y"]
    expected = np.zeros((1, 2, 7, 8), np.float32)
    for j in range(2):
        expected[:, :, ::3, j::3] = x * w[0, :, 0, j].reshape(1, 2, 1, 1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_another_shape_than_declared_is_told(caplog: pytest.LogCaptureFixture) -> None:
    proto = model([node("Relu", "x", "h"), node("Flatten", "h", "y")], {"x": [1, 2, 3]}, {"y": [1, 7]})
    import_model(proto)
    assert "remark: test: 'y' is declared as [1, 7], but has shape [1, 6]" in caplog.text
    caplog.clear()
    proto.graph.output[0].type.tensor_type.shape.dim.add().dim_value = 1
    import_model(proto)
    assert "'y' is declared as [1, 7, 1], but has shape [1, 6]" in caplog.text


@pytest.mark.parametrize("shape", [[1, 6], ["N", 6], [-1, 6], [0, 6], None])
def test_the_same_shape_or_an_open_one_is_not_told(
    shape: list[int | str] | None, caplog: pytest.LogCaptureFixture
) -> None:
    import_model(model([node("Flatten", "x", "y")], {"x": [1, 2, 3]}, {"y": shape}))
    assert caplog.text == ""


def test_an_intermediate_tensor_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    proto = model([node("Relu", "x", f"h{i}") for i in range(5)] + [node("Neg", "h0", "y")], {"x": [4]}, {"y": [4]})
    for i in range(5):
        proto.graph.value_info.append(model([], {f"h{i}": [3]}, {}).graph.input[0])
    import_model(proto)
    assert "'h0' is declared as [3], but has shape [4]; 'h1'" in caplog.text
    assert "and 2 tensors more" in caplog.text
