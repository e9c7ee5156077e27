"""The runtime's further scalar functions against numpy."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.testing.native import RUNTIME

KERNELS = RUNTIME / "kernels"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    path: Path = tmp_path_factory.mktemp("dm") / "dm.so"
    sources = [str(KERNELS / name) for name in ("dm_math.c", "dm_more.c", "dm_double.c", "dm_small_floats.c")]
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, *sources, "-o", str(path)], check=True)
    return ctypes.CDLL(str(path))


def apply(library: ctypes.CDLL, name: str, x: Array, source: Any, result: Any) -> Array:
    function = library[name]
    function.argtypes, function.restype = [source], result
    return np.array([function(v) for v in x.tolist()])


DOMAINS = {
    "expm1": (-30, 80), "log1p": (-0.999, 100), "tan": (-1.5, 1.5), "asin": (-1, 1), "acos": (-1, 1),
    "atan": (-1000, 1000), "sinh": (-88, 88), "cosh": (-88, 88), "asinh": (-1e5, 1e5), "acosh": (1, 1e5),
    "atanh": (-0.9999, 0.9999),
}  # fmt: skip


@pytest.mark.parametrize("name", list(DOMAINS))
def test_elementary_functions(library: ctypes.CDLL, name: str):
    low, high = DOMAINS[name]
    rng = np.random.default_rng(1)
    small = rng.uniform(-1e-3, 1e-3, 200) if low < 0 else rng.uniform(1, 1.001, 200)
    x = np.concatenate([rng.uniform(low, high, 2000), rng.uniform(max(low, -1), min(high, 1.5), 500), small])
    x = x.astype(np.float32)
    numpy_name = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
                  "atanh": "arctanh"}.get(name, name)  # fmt: skip
    expected = getattr(np, numpy_name)(x.astype(np.float64))
    actual = apply(library, f"dm_{name}f", x, ctypes.c_float, ctypes.c_float)
    np.testing.assert_allclose(actual, expected, rtol=2e-6, atol=1e-9)


def test_nothing_outside_the_domain(library: ctypes.CDLL):
    for name in ("asin", "acos", "atanh"):
        outside = np.array([1.5, -2.0], np.float32)
        assert np.isnan(apply(library, f"dm_{name}f", outside, ctypes.c_float, ctypes.c_float)).all()


@pytest.mark.parametrize("name", ["rint", "floor", "ceil", "trunc"])
def test_double_rounding(library: ctypes.CDLL, name: str):
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.uniform(-1e3, 1e3, 1000), np.arange(-8, 8, 0.25), [0.0, -0.0, 1e300, -1e300, 2.0**52 + 1]])
    actual = apply(library, f"dm_{name}", x, ctypes.c_double, ctypes.c_double)
    np.testing.assert_array_equal(actual, getattr(np, name)(x))


@pytest.mark.parametrize(("name", "dtype"), [("bf16", ml_dtypes.bfloat16), ("f16", np.float16)])
def test_16_bit_floats(library: ctypes.CDLL, name: str, dtype: Any):
    every = np.arange(1 << 16, dtype=np.uint16)
    expected = every.view(dtype).astype(np.float32)
    widened = apply(library, f"dm_{name}_to_f32", every, ctypes.c_uint16, ctypes.c_float).astype(np.float32)
    np.testing.assert_array_equal(widened, expected)
    rng = np.random.default_rng(3)
    finite = expected[np.isfinite(expected)]
    x = np.concatenate([
        rng.integers(0, 1 << 32, 4000, np.uint32).view(np.float32),
        finite[rng.integers(0, len(finite), 4000)] * rng.uniform(0.99, 1.01, 4000).astype(np.float32),
        rng.uniform(-1e-7, 1e-7, 500).astype(np.float32),
    ])  # fmt: skip
    x = x[~np.isnan(x)]
    with np.errstate(over="ignore"):
        rounded = x.astype(dtype).view(np.uint16)
    np.testing.assert_array_equal(apply(library, f"dm_f32_to_{name}", x, ctypes.c_float, ctypes.c_uint16), rounded)


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "tanh", "sqrt"])
def test_elementary_functions_on_double(library: ctypes.CDLL, name: str):
    rng = np.random.default_rng(4)
    low, high = {"exp": (-745, 709), "expm1": (-40, 700), "tanh": (-25, 25), "log1p": (-0.999, 1e3)}.get(name, (0, 1e4))
    near = rng.uniform(-0.5, 0.5, 300) if low < 0 else rng.uniform(0.5, 1.5, 300)
    x = np.concatenate([rng.uniform(low, high, 2000), near, [0.0, 1.0, np.inf, np.nan, 5e-324, 1e-310]])
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
    actual = apply(library, f"dm_{name}", x, ctypes.c_double, ctypes.c_double)
    np.testing.assert_allclose(actual, expected, rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", ["pow", "fmod"])
def test_binary_functions_on_double(library: ctypes.CDLL, name: str):
    rng = np.random.default_rng(5)
    special = [0.0, 1.0, -1.0, 2.0, -2.0, 3.0, 0.5, -0.5, np.inf, -np.inf, np.nan, 1e300, 1e-300, 5e-324]
    x, y = (a.ravel() for a in np.meshgrid(special, special))
    x = np.concatenate([x, rng.uniform(-20, 20, 500), rng.uniform(0, 9, 500)])
    y = np.concatenate([y, rng.integers(-9, 9, 500).astype(np.float64), rng.uniform(-9, 9, 500)])
    function = library[f"dm_{name}"]
    function.argtypes, function.restype = [ctypes.c_double, ctypes.c_double], ctypes.c_double
    actual = np.array([function(a, c) for a, c in zip(x.tolist(), y.tolist(), strict=True)])
    with np.errstate(all="ignore"):
        expected = getattr(np, {"pow": "power"}.get(name, name))(x, y)
    np.testing.assert_allclose(actual, expected, rtol=1e-13 if name == "pow" else 0, atol=0)


SMALL_FLOATS = {
    "f8E4M3FN": ml_dtypes.float8_e4m3fn, "f8E4M3FNUZ": ml_dtypes.float8_e4m3fnuz, "f8E5M2": ml_dtypes.float8_e5m2,
    "f8E5M2FNUZ": ml_dtypes.float8_e5m2fnuz, "f4E2M1FN": ml_dtypes.float4_e2m1fn,
}  # fmt: skip


@pytest.mark.parametrize("name", list(SMALL_FLOATS))
def test_small_floats(library: ctypes.CDLL, name: str):
    dtype = np.dtype(SMALL_FLOATS[name])
    codes = np.arange(16 if name.startswith("f4") else 256, dtype=np.uint8)
    expected = codes.view(dtype).astype(np.float32)
    widened = apply(library, f"dm_{name}_to_f32", codes, ctypes.c_uint8, ctypes.c_float).astype(np.float32)
    np.testing.assert_array_equal(widened, expected)
    np.testing.assert_array_equal(np.signbit(widened[widened == 0]), np.signbit(expected[expected == 0]))
    rng = np.random.default_rng(6)
    finite = expected[np.isfinite(expected)]
    between = (np.sort(finite)[1:] + np.sort(finite)[:-1]) / 2
    x = np.concatenate([
        rng.integers(0, 1 << 32, 3000, np.uint32).view(np.float32), finite, between, np.nextafter(between, np.inf),
        finite[rng.integers(0, len(finite), 2000)] * rng.uniform(0.9, 1.1, 2000).astype(np.float32),
        np.array([np.inf, -np.inf, 0.0, -0.0, np.nan, 1e30, -1e30], np.float32),
    ]).astype(np.float32)  # fmt: skip
    with np.errstate(all="ignore"):
        rounded = x.astype(dtype)
    got = apply(library, f"dm_f32_to_{name}", x, ctypes.c_float, ctypes.c_uint8).astype(np.uint8).view(dtype)
    number = ~np.isnan(rounded.astype(np.float32))
    np.testing.assert_array_equal(np.isnan(got.astype(np.float32)), ~number)
    number &= ~np.isnan(x)  # a format without NaN makes it a zero of either sign
    np.testing.assert_array_equal(got.view(np.uint8)[number], rounded.view(np.uint8)[number])
