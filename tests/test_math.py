"""The elementary float functions: their stated errors against double precision, special values, and the same bits
from every compiler and on the emulated core."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deeploy_mlir.machine.host import HOST
from deeploy_mlir.machine.toolchain import RUNTIME, ZIG_CC, Toolchain
from deeploy_mlir.simulators.siracusa.simulator import Simulator
from deeploy_mlir.targets.siracusa.platforms import SIRACUSA

from .siracusa_images import configuration

Floats = NDArray[np.float32]
PROGRAM = Path(__file__).resolve().parent / "programs" / "math" / "functions.c"
SOURCES = [PROGRAM, RUNTIME / "kernels" / "dm_math.c"]
INCLUDE = [RUNTIME / "kernels"]

FUNCTIONS = ["exp", "log", "tanh", "erf", "sin", "cos", "sigmoid", "sqrt", "floor", "ceil", "trunc", "rint", "round"]
BINARY = ["pow", "fmod"]
ALL = [*FUNCTIONS, *BINARY]
STATED = {"exp": 0.96, "log": 0.84, "tanh": 1.34, "erf": 0.97, "sin": 2.7, "cos": 2.7, "sigmoid": 2.41, "pow": 0.95}
"""Units in the last place, as dm_math.h states; the functions not named are exact or correctly rounded."""


def half_away(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.copysign(np.floor(np.abs(x) + 0.5), x)


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x))


REFERENCE: dict[str, Callable[..., NDArray[np.float64]]] = {
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
    "sigmoid": sigmoid,
    "round": half_away,
    "pow": np.power,
    "fmod": np.fmod,
}


def reference(name: str, x: Floats, y: Floats) -> NDArray[np.float64]:
    function = REFERENCE.get(name) or getattr(np, name)
    with np.errstate(all="ignore"):
        return function(*([x.astype(np.float64), y.astype(np.float64)] if name in BINARY else [x.astype(np.float64)]))


def build(command: tuple[str, ...], out: Path, *flags: str) -> Callable[[str, Floats, Floats], Floats]:
    warnings = Toolchain("host", command, ("-shared", "-fPIC", *flags)).build(SOURCES, INCLUDE, out, opt="-O2")
    assert warnings == ""
    library = ctypes.CDLL(str(out))

    def call(name: str, x: Floats, y: Floats) -> Floats:
        result = np.empty_like(x)
        library.apply(ALL.index(name), len(x), *(a.ctypes.data_as(ctypes.c_void_p) for a in (x, y, result)))
        return result

    return call


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Floats, Floats], Floats]:
    return build(HOST.compiler().command, tmp_path_factory.mktemp("math") / "host.so")


SPECIAL = np.array(
    [
        *(0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1.5, 2.5, 1e30, -1e30, 1e-40, -1e-45, 2**24, 2**23 + 1, -(2**22) - 0.5),
        *(np.inf, -np.inf, np.nan, -0.0, 88.7, 89, -87.3, -103.9, -104.1, 1 - 2**-24, 1 + 2**-23, 3.4028235e38),
        *(511.9, 512, 8388607.5, -4194303.5),
    ],
    dtype=np.float32,
)


def operands(name: str, n: int, seed: int) -> tuple[Floats, Floats]:
    """All pairs of special values, random bits, and values in the range where the function does something."""
    rng = np.random.default_rng(seed)
    x, y = (a.ravel() for a in np.meshgrid(SPECIAL, SPECIAL))
    bits = rng.integers(0, 2**32, (2, n), dtype=np.uint32).view(np.float32)
    usual = rng.uniform(-12, 12, (2, n)).astype(np.float32)
    if name in ("log", "sqrt", "pow"):
        usual[0] = np.abs(usual[0])
    return np.concatenate([x, bits[0], usual[0]]), np.concatenate([y, bits[1], usual[1]])


def ulps(got: Floats, want: NDArray[np.float64]) -> NDArray[np.float64]:
    """The error in units of the last place of the float that holds `want`; infinite where one is NaN and not both."""
    with np.errstate(all="ignore"):
        nearest = want.astype(np.float32)
        unit = np.exp2(np.maximum(np.floor(np.log2(np.abs(want))), -126) - 23)
        error = np.abs(got.astype(np.float64) - want) / np.where(want == 0, 2.0**-149, unit)
    same = (got == nearest) & (~np.isfinite(nearest) | (want == 0))
    return np.where(same | (np.isnan(got) & np.isnan(want)), 0, np.where(np.isnan(error), np.inf, error))


@pytest.mark.parametrize("name", ALL)
def test_errors_are_as_stated(host: Callable[[str, Floats, Floats], Floats], name: str) -> None:
    x, y = operands(name, 200_000 if name != "erf" else 20_000, seed=3)
    got, want = host(name, x, y), reference(name, x, y)
    errors = ulps(got, want)
    worst = int(np.argmax(errors))
    assert errors[worst] <= STATED.get(name, 0.5), f"{name}({x[worst]!r}, {y[worst]!r}) = {got[worst]!r}"
    zero = (want == 0) & (got == 0)
    assert (np.signbit(got[zero]) == np.signbit(want[zero])).all()


@pytest.mark.parametrize(
    ("command", "flags"),
    [(ZIG_CC, ()), (ZIG_CC, ("-O3", "-march=native")), (ZIG_CC, ("-DDM_MATH_INTEGER_SQRT",))],
    ids=["zig", "zig-native", "integer-sqrt"],
)
def test_same_bits_from_another_compiler(
    host: Callable[[str, Floats, Floats], Floats], tmp_path: Path, command: tuple[str, ...], flags: tuple[str, ...]
) -> None:
    other = build(command, tmp_path / "other.so", *flags)
    for name in ALL:
        x, y = operands(name, 20_000, seed=5)
        want, got = host(name, x, y), other(name, x, y)
        same = (got.view(np.uint32) == want.view(np.uint32)) | (np.isnan(got) & np.isnan(want))
        assert same.all(), name


def test_same_bits_on_the_emulated_core(host: Callable[[str, Floats, Floats], Floats], tmp_path: Path) -> None:
    elf = tmp_path / "math.elf"
    assert SIRACUSA.build(SOURCES, INCLUDE, elf, configuration(), opt="-O2", defines={"ON_TARGET": 1}) == ""
    for name in ALL:
        x, y = (a[-3000:] for a in operands(name, 2500, seed=9))
        simulator = Simulator()
        image = simulator.load(elf.read_bytes())
        for variable, value in {"function": ALL.index(name), "count": len(x)}.items():
            simulator.write(image.address_of(variable), value.to_bytes(4, "little"))
        for variable, array in {"x": x, "y": y}.items():
            simulator.write(image.address_of(variable), array.tobytes())
        result = simulator.run(max_cycles=50_000_000)
        assert result.fault is None, str(result.fault)
        got = np.frombuffer(simulator.read(image.address_of("result"), 4 * len(x)), dtype=np.float32)
        want = host(name, x, y)
        same = (got.view(np.uint32) == want.view(np.uint32)) | (np.isnan(got) & np.isnan(want))
        assert same.all(), name
