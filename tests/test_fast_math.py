"""`--math fast`: the stated errors of the approximations, networks that use them, and what they gain."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import deeploy_mlir
from deeploy_mlir import api
from deeploy_mlir.machine.host import HOST
from deeploy_mlir.machine.toolchain import RUNTIME, Toolchain
from deeploy_mlir.pipelines import MATH, pipeline_for
from deeploy_mlir.support.errors import DeeployError

from .adversarial import model_of, node, tensor_input

Floats = NDArray[np.float32]
PROGRAM = Path(__file__).resolve().parent / "programs" / "math" / "fast.c"
FUNCTIONS = ("exp", "tanh", "erf")
STATED = 4e-6
"""Largest absolute error of tanh and erf; twice that is the relative one of exp."""


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Floats], NDArray[np.float64]]:
    out = tmp_path_factory.mktemp("fast") / "fast.so"
    host = Toolchain("host", HOST.compiler().command, ("-shared", "-fPIC"))
    assert host.build([PROGRAM], [RUNTIME / "kernels"], out, opt="-O2") == ""
    library = ctypes.CDLL(str(out))

    def call(name: str, x: Floats) -> NDArray[np.float64]:
        result = np.empty_like(x)
        library.apply(FUNCTIONS.index(name), len(x), *(a.ctypes.data_as(ctypes.c_void_p) for a in (x, result)))
        return result.astype(np.float64)

    return call


def sample(low: float, high: float, count: int) -> Floats:
    """Evenly spread, and every 4096th float from the smallest on."""
    bits = np.arange(0, 0x7F800000, 4096, dtype=np.uint32).view(np.float32)
    small = np.concatenate([bits, -bits])
    even = np.linspace(low, high, count).astype(np.float32)
    return np.concatenate([even, small[(small >= low) & (small <= high)]])


def test_exp_is_as_good_as_stated(fast: Callable[[str, Floats], NDArray[np.float64]]) -> None:
    x = sample(-87, 88, 4_000_000)
    want = np.exp(x.astype(np.float64))
    assert np.max(np.abs(fast("exp", x) - want) / want) <= 2 * STATED


@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_tanh_and_erf_are_as_good_as_stated(name: str, fast: Callable[[str, Floats], NDArray[np.float64]]) -> None:
    x = np.concatenate([sample(-12, 12, 400_000), np.array([1e30, -1e30, np.inf, -np.inf], np.float32)])
    want = np.tanh(x.astype(np.float64)) if name == "tanh" else np.array([math.erf(v) for v in x.tolist()])
    assert np.max(np.abs(fast(name, x) - want)) <= STATED


def test_beyond_the_ends(fast: Callable[[str, Floats], NDArray[np.float64]]) -> None:
    far = fast("exp", np.array([-1e30, -np.inf, -88, 89, 1e30, np.inf], np.float32))
    assert np.all((far[:3] >= 0) & (far[:3] < 2e-38))
    assert np.all((far[3:] > 1e38) & np.isfinite(far[3:]))
    assert all(np.isnan(fast(name, np.array([np.nan], np.float32))[0]) for name in FUNCTIONS)


NETWORKS: dict[str, tuple[onnx.ModelProto, tuple[int, ...]]] = {
    "softmax": (model_of([node("Softmax", ["x"], axis=-1)], [tensor_input("x", [64, 64])]), (64, 64)),
    "GELU": (model_of([node("Gelu", ["x"])], [tensor_input("x", [4096])]), (4096,)),
    "tanh": (model_of([node("Tanh", ["x"])], [tensor_input("x", [4096])]), (4096,)),
    "sigmoid": (model_of([node("Sigmoid", ["x"])], [tensor_input("x", [4096])]), (4096,)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_close_and_faster(name: str) -> None:
    proto, shape = NETWORKS[name]
    x = np.random.default_rng(1).normal(0, 3, shape).astype(np.float32)
    exact, fast = (deeploy_mlir.compile(proto, "siracusa", name="net", math=how).execute({"x": x}) for how in MATH)
    assert fast.warnings == ""
    largest = float(np.max(np.abs(exact.outputs["y"])))
    assert np.max(np.abs(exact.outputs["y"] - fast.outputs["y"])) <= 4 * STATED * max(largest, 1.0)
    assert exact.measured is not None
    assert fast.measured is not None
    print(f"{name}: {exact.measured.cycles} cycles exact, {fast.measured.cycles} fast")
    assert fast.measured.cycles is not None
    assert exact.measured.cycles is not None
    assert fast.measured.cycles < exact.measured.cycles


def test_the_option_is_a_pass() -> None:
    assert pipeline_for(api.pipeline_options("generic", math="fast")).endswith(",deeploy-approximate-math")
    assert "approximate" not in pipeline_for(api.pipeline_options("generic"))
    with pytest.raises(DeeployError, match="choose exact or fast"):
        api.pipeline_options("generic", math="rough")
