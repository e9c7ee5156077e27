"""Reflected and repeated borders and reversed axes of any length: a handful of C functions, equal to numpy."""

from __future__ import annotations

import re
from typing import Any, cast

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeploy_mlir import api
from deeploy_mlir.frontend import import_model
from deeploy_mlir.interpreters.run import run_module
from deeploy_mlir.machine.registry import load_soc
from deeploy_mlir.pipelines import GRAPH, run_pipeline
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

from .test_frontend import data, model, node

MODES = ("edge", "reflect", "wrap")


def padded(x: Array, pads: list[tuple[int, int]], mode: str) -> Array:
    """numpy's pad, amounts below 0 cut first, as ONNX has it."""
    cut = x[tuple(slice(max(-low, 0), n - max(-high, 0)) for n, (low, high) in zip(x.shape, pads, strict=True))]
    return np.pad(cut, [(max(low, 0), max(high, 0)) for low, high in pads], mode=cast(Any, mode))


def pad_model(x: Array, pads: list[tuple[int, int]], mode: str) -> onnx.ModelProto:
    flat = np.array([low for low, _ in pads] + [high for _, high in pads])
    return model([node("Pad", "x p", "y", mode=mode)], {"x": x.shape}, {"y": None}, {"p": flat})


@st.composite
def paddings(draw: st.DrawFn) -> tuple[Array, list[tuple[int, int]], str]:
    shape = draw(st.lists(st.integers(1, 12), min_size=1, max_size=3))
    amounts = st.sampled_from([-1, 0, 0, 1, 2, 4, 5, 9, 30])
    # At least one element of each axis is left.
    pads = [(draw(amounts), draw(amounts)) if n > 2 else (0, draw(st.integers(0, 9))) for n in shape]
    return data(*shape), pads, draw(st.sampled_from(MODES))


@given(paddings())
@settings(max_examples=40, deadline=None)
def test_pad(case: tuple[Array, list[tuple[int, int]], str]) -> None:
    x, pads, mode = case
    module = import_model(pad_model(x, pads, mode))
    run_pipeline(module, ",".join([*GRAPH, "convert-onnx-to-kernel", "deeploy-sink-transposes"]))
    (found,) = run_module(module, [x])
    np.testing.assert_array_equal(found, padded(x, pads, mode), err_msg=f"{pads} {mode}")


def functions(program: Any) -> int:
    """The kernels' C functions of a program."""
    return sum(len(re.findall(r"DM_KERNEL", text)) for text in program.sources.values())


@pytest.mark.parametrize(("mode", "target"), [*((mode, "generic") for mode in MODES), ("reflect", "siracusa")])
def test_wide_borders_run(mode: str, target: str) -> None:
    x = data(2, 500)
    pads = [(1, 0), (400, 300)]
    program = api.compile(pad_model(x, pads, mode), target)
    assert functions(program) <= 10
    np.testing.assert_array_equal(program.run({"x": x})["y"], padded(x, pads, mode))


@pytest.mark.parametrize("mode", ["reflect", "wrap"])
def test_borders_wider_than_the_axis_run(mode: str) -> None:
    x = data(3, 2)
    pads = [(40, 50), (0, 100)]
    program = api.compile(pad_model(x, pads, mode), "generic")
    assert functions(program) <= 10
    np.testing.assert_array_equal(program.run({"x": x})["y"], padded(x, pads, mode))


def test_borders_in_tiles_run() -> None:
    """An axis longer than L1 has room for; images too, between transposes."""
    stacks = sum(engine.reserved_bytes for engine in load_soc("siracusa").engines)
    x = data(1, 9_000)
    program = api.compile(pad_model(x, [(0, 0), (512, 512)], "reflect"), "siracusa", l1=stacks + 8_000)
    np.testing.assert_array_equal(program.run({"x": x})["y"], padded(x, [(0, 0), (512, 512)], "reflect"))


def test_images_between_convolutions_run() -> None:
    x, w = data(1, 3, 12, 10), data(4, 3, 3, 3, seed=1)
    pads = [(0, 0), (0, 0), (6, 5), (2, 8)]
    flat = np.array([low for low, _ in pads] + [high for _, high in pads])
    nodes = [node("Pad", "x p", "b", mode="reflect"), node("Conv", "b w", "y")]
    program = api.compile(model(nodes, {"x": x.shape}, {"y": None}, {"p": flat, "w": w}), "siracusa", l1="12KiB")
    windows = np.lib.stride_tricks.sliding_window_view(padded(x, pads, "reflect"), (3, 3), (2, 3))
    expected = np.einsum("nchwij,mcij->nmhw", windows, w)
    np.testing.assert_allclose(program.run({"x": x})["y"], expected, atol=1e-5 * float(np.abs(expected).max()))


@pytest.mark.parametrize("step", [-1, -3])
def test_a_long_axis_in_reverse_order_runs(step: int) -> None:
    x = data(2, 5000)
    bounds = {"s": np.array([-1]), "e": np.array([-(2**62)]), "a": np.array([1]), "d": np.array([step])}
    program = api.compile(model([node("Slice", "x s e a d", "y")], {"x": x.shape}, {"y": None}, bounds), "siracusa")
    assert functions(program) <= 6
    np.testing.assert_array_equal(program.run({"x": x})["y"], x[:, ::step])


def test_huge_borders_are_refused() -> None:
    with pytest.raises(DeeployError):
        api.compile(pad_model(data(4), [(2**28, 2**28)], "wrap"), "generic")
