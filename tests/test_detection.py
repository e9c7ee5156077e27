"""RoiAlign and DeformConv beyond the random graphs of `operator_cases.detection`: odd regions, tiles, refusals."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator
from xdsl.context import Context

import deeploy_mlir
from deeploy_mlir.frontend import import_model
from deeploy_mlir.interpreters.run import run_module
from deeploy_mlir.lowering.onnx_to_kernel import ConvertOnnxToKernelPass
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

from .by_onnxruntime import onnxruntime_session


def model_of(op_type: str, inputs: Mapping[str, Array], opset: int = 16, **attributes: Any) -> onnx.ModelProto:
    infos = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in inputs.items()
    ]
    node = helper.make_node(op_type, list(inputs), ["y"], "node", **attributes)
    graph = helper.make_graph([node], "graph", infos, [onnx.ValueInfoProto(name="y")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def by_kernels(model: onnx.ModelProto, inputs: Mapping[str, Array]) -> Array:
    """The output of the kernels that the node becomes."""
    module = import_model(model)
    ConvertOnnxToKernelPass().apply(Context(), module)
    return run_module(module, list(inputs.values()))[0]


def by_evaluator(model: onnx.ModelProto, inputs: Mapping[str, Array]) -> Array:
    """The output that ONNX's own evaluator gives."""
    evaluator: Any = ReferenceEvaluator(model)
    return evaluator.run(None, dict(inputs))[0]


def regions(*rois: tuple[float, float, float, float], channels: int = 2, size: int = 6) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, channels, size, size)).astype(np.float32)
    return {"x": x, "rois": np.array(rois, np.float32), "batch": np.arange(len(rois), dtype=np.int64) % 2}


ODD = [
    (0.0, 0.0, 6.0, 6.0),  # the whole image, samples on its border
    (-3.0, -3.0, 9.0, 9.0),  # around it
    (-40.0, 2.0, 50.0, 3.0),  # far around it: more samples than the image has pixels
    (2.0, 2.0, 2.0, 2.0),  # nothing
    (4.0, 4.0, 1.0, 1.0),  # less than nothing
    (20.0, 20.0, 30.0, 30.0),  # outside
    (1.25, 0.5, 1.5, 5.75),
]
"""Regions x1, y1, x2, y2."""


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("samples", [0, 1, 2])
@pytest.mark.parametrize("coordinates", ["half_pixel", "output_half_pixel"])
def test_odd_regions(mode: str, samples: int, coordinates: str) -> None:
    rois = [r for r in ODD if mode == "avg" or samples or max(r[2] - r[0], r[3] - r[1]) <= 6]
    inputs = regions(*rois)
    model = model_of(
        "RoiAlign", inputs, mode=mode, sampling_ratio=samples, output_height=3, output_width=2,
        coordinate_transformation_mode=coordinates,
    )  # fmt: skip
    wanted = by_evaluator(model, inputs)
    np.testing.assert_allclose(by_kernels(model, inputs), wanted, rtol=1e-5, atol=1e-5)


def test_coordinates_of_old_files_are_not_shifted() -> None:
    inputs = regions(*ODD)
    model = model_of("RoiAlign", inputs, 10, output_height=2, output_width=2, sampling_ratio=2)
    (wanted,) = onnxruntime_session(model).run(None, inputs)
    np.testing.assert_allclose(by_kernels(model, inputs), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("mode", "samples"), [("avg", 0), ("max", 1)])
def test_an_image_larger_than_l1_is_read_in_tiles(mode: str, samples: int) -> None:
    inputs = regions((0.0, 1.0, 20.0, 23.0), (3.0, 3.0, 9.5, 12.0), channels=16, size=24)
    model = model_of("RoiAlign", inputs, mode=mode, output_height=4, output_width=4, sampling_ratio=samples)
    wanted = by_evaluator(model, inputs)
    program = deeploy_mlir.compile(model, "siracusa", l1="24KiB")
    np.testing.assert_allclose(program.run(inputs)["y"], wanted, rtol=1e-4, atol=1e-5)


def test_the_largest_of_adaptive_samples_says_what_it_assumes(caplog: pytest.LogCaptureFixture) -> None:
    inputs = regions(ODD[0])
    with caplog.at_level(logging.WARNING):
        by_kernels(model_of("RoiAlign", inputs, mode="max", output_height=2, output_width=2), inputs)
    assert "regions are taken to be no larger than the image of 6 x 6" in caplog.text


def deformed(**changed: tuple[int, ...]) -> dict[str, Array]:
    shapes = {"x": (1, 4, 5, 5), "w": (2, 2, 3, 3), "offset": (1, 36, 3, 3), "bias": (2,), "mask": (1, 18, 3, 3)}
    rng = np.random.default_rng(1)
    return {n: rng.standard_normal(s).astype(np.float32) for n, s in (shapes | changed).items()}


REFUSED: Mapping[str, tuple[str, dict[str, Array], dict[str, Any]]] = {
    "largest of 24 x 24 samples of a bin": ("RoiAlign", regions(ODD[0], size=24), {"mode": "max"}),
    "sampling_ratio of 1 to 8": ("RoiAlign", regions(ODD[0]), {"sampling_ratio": 9, "mode": "max"}),
    "averages 17 samples": ("RoiAlign", regions(ODD[0]), {"sampling_ratio": 17}),
    "which ONNX does not know": ("RoiAlign", regions(ODD[0]), {"mode": "median"}),
    "has a bias": ("DeformConv", deformed(bias=(3,)), {"group": 2, "offset_group": 2}),
    "has a mask": ("DeformConv", deformed(mask=(1, 9, 3, 3)), {"group": 2, "offset_group": 2}),
    "which do not fit": ("DeformConv", deformed(offset=(1, 18, 3, 3)), {"group": 2, "offset_group": 2}),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused(message: str) -> None:
    op_type, inputs, attributes = REFUSED[message]
    with pytest.raises(DeeployError, match=f"node: .*{message}"):
        by_kernels(model_of(op_type, inputs, 22, **attributes), inputs)


def test_an_image_deformed_in_tiles() -> None:
    rng = np.random.default_rng(2)
    shapes = {"x": (1, 8, 14, 14), "w": (8, 8, 3, 3), "offset": (1, 18, 14, 14), "bias": (8,), "mask": (1, 9, 14, 14)}
    inputs = {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    model = model_of("DeformConv", inputs, 22, pads=[1, 1, 1, 1])
    (wanted,) = onnxruntime_session(model).run(None, inputs)
    program = deeploy_mlir.compile(model, "siracusa", l1="24KiB")
    np.testing.assert_allclose(program.run(inputs)["y"], wanted, rtol=1e-4, atol=1e-4)
