"""Siracusa's builtins.c, compiled for this machine under other names: the bits of this machine's own arithmetic."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable

import numpy as np
import pytest

from deeploy_mlir.machine.host import HOST
from deeploy_mlir.machine.toolchain import Toolchain
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.targets.siracusa.platforms import SIRACUSA

SOURCE = SIRACUSA.folder / "builtins.c"
NAMES = re.findall(r"^\w+ (__\w+)\(", SOURCE.read_text(), re.MULTILINE)
C_TYPES = {"f8": "double", "f4": "float", "i8": "int64_t", "u8": "uint64_t", "i4": "int32_t", "u4": "uint32_t"}


def _quotient(a: Array, b: Array) -> Array:
    """Towards zero."""
    return (a - np.fmod(a, b)) // b


BINARY: dict[str, tuple[Callable[..., Array], str]] = {
    "adddf3": (np.add, "f8"),
    "subdf3": (np.subtract, "f8"),
    "muldf3": (np.multiply, "f8"),
    "divdf3": (np.divide, "f8"),
    "udivdi3": (np.floor_divide, "u8"),
    "umoddi3": (np.remainder, "u8"),
    "divdi3": (_quotient, "i8"),
    "moddi3": (np.fmod, "i8"),
}
COMPARISONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]] = {
    "eqdf2": (lambda r: r == 0, np.equal),
    "nedf2": (lambda r: r != 0, np.not_equal),
    "ltdf2": (lambda r: r < 0, np.less),
    "ledf2": (lambda r: r <= 0, np.less_equal),
    "gtdf2": (lambda r: r > 0, np.greater),
    "gedf2": (lambda r: r >= 0, np.greater_equal),
    "unorddf2": (lambda r: r != 0, lambda a, b: np.isnan(a) | np.isnan(b)),
}
"""How a result is read, and what it then says."""

SHIFTS: dict[str, tuple[Callable[..., Array], str]] = {
    "ashldi3": (np.left_shift, "u8"),
    "lshrdi3": (np.right_shift, "u8"),
    "ashrdi3": (np.right_shift, "i8"),
}
CONVERSIONS = {
    "floatundidf": ("u8", "f8"), "floatdidf": ("i8", "f8"), "floatsidf": ("i4", "f8"), "floatunsidf": ("u4", "f8"),
    "fixdfdi": ("f8", "i8"), "fixunsdfdi": ("f8", "u8"), "fixdfsi": ("f8", "i4"), "fixunsdfsi": ("f8", "u4"),
    "extendsfdf2": ("f4", "f8"), "truncdfsf2": ("f8", "f4"),
    "floatundisf": ("u8", "f4"), "floatdisf": ("i8", "f4"), "fixsfdi": ("f4", "i8"), "fixunssfdi": ("f4", "u8"),
}  # fmt: skip

pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="builtins.c is little-endian")


def numbers(dtype: str, count: int = 40_000, seed: int = 1) -> Array:
    """Random bits, small numbers, and the ends of the range; of floats numbers near integers too."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 256, count * np.dtype(dtype).itemsize, np.uint8).view(dtype)
    shifts = rng.integers(0, np.dtype(dtype).itemsize * 8, count)
    unsigned = f"u{dtype[1]}"
    small = (bits.view(unsigned) >> shifts.astype(unsigned)).view(dtype)
    if dtype[0] in "iu":
        info = np.iinfo(dtype)
        ends = np.array([info.min, info.min + 1, 0, 1, 2, info.max - 1, info.max], dtype)
        return np.concatenate([bits, small, ends])
    whole = (rng.integers(-(2**62), 2**62, count) >> shifts) / np.where(rng.integers(0, 2, count), 2.0, 1.0)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, 2**31, -(2**31), 2**32, 2**63, -(2**63), 2**64, 5e-324, 2**-149]
    with np.errstate(all="ignore"):
        return np.concatenate([bits, small, whole.astype(dtype), np.array(special, np.float64).astype(dtype)])


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Each function as a loop over arrays."""
    assert {name.strip("_") for name in NAMES} == {*BINARY, *COMPARISONS, *SHIFTS, *CONVERSIONS}
    loops = [f'#include "{SOURCE}"']
    kinds = {name: (t, t, t) for name, (_, t) in BINARY.items()}
    kinds |= {name: ("f8", "f8", "i4") for name in COMPARISONS} | {n: (t, "i4", t) for n, (_, t) in SHIFTS.items()}
    for name, (a, b, result) in kinds.items():
        types = [C_TYPES[t] for t in (a, b, result)]
        loops.append(
            f"void {name}(uint32_t n, const {types[0]} *a, const {types[1]} *b, {types[2]} *r) "
            f"{{ for (uint32_t i = 0; i < n; i++) r[i] = __{name}(a[i], b[i]); }}"
        )
    for name, (a, result) in CONVERSIONS.items():
        loops.append(
            f"void {name}(uint32_t n, const {C_TYPES[a]} *a, const void *b, {C_TYPES[result]} *r) "
            f"{{ (void)b; for (uint32_t i = 0; i < n; i++) r[i] = __{name}(a[i]); }}"
        )
    folder = tmp_path_factory.mktemp("builtins")
    (folder / "loops.c").write_text("\n".join(loops) + "\n")
    renamed = {name: f"dm{name}" for name in NAMES}
    compiler = Toolchain("host", HOST.compiler().command, ("-shared", "-fPIC"))
    defines = {"DM_BUILTINS": 1, **renamed}
    assert compiler.build([folder / "loops.c"], [], folder / "builtins.so", opt="-O2", defines=defines) == ""
    return ctypes.CDLL(str(folder / "builtins.so"))


def call(library: ctypes.CDLL, name: str, a: Array, b: Array, to: str) -> Array:
    result = np.empty(len(a), to)
    getattr(library, name)(len(a), *(x.ctypes.data_as(ctypes.c_void_p) for x in (a, b, result)))
    return result


def same(got: Array, want: Array) -> bool:
    """Equal bits, any NaN for a NaN."""
    want = want.astype(got.dtype)
    bits = f"u{got.dtype.itemsize}"
    equal = got.view(bits) == want.view(bits)
    return bool(np.all(equal | (np.isnan(got) & np.isnan(want)))) if got.dtype.kind == "f" else bool(np.all(equal))


@pytest.mark.parametrize("name", sorted(BINARY))
def test_arithmetic(name: str, library: ctypes.CDLL) -> None:
    operator, dtype = BINARY[name]
    a, b = numbers(dtype, seed=1), numbers(dtype, seed=2)
    rng = np.random.default_rng(3)
    if dtype == "f8":  # near each other too, where sums cancel and round
        with np.errstate(all="ignore"):
            close = a * np.float64(1 + 2.0**-50)
        a, b = np.concatenate([a, a, a]), np.concatenate([b, -close, rng.permutation(b)])
    else:
        a, b = np.concatenate([a, a]), np.concatenate([b, rng.permutation(b)])
        kept = (b != 0) & ~((a == np.iinfo(dtype).min) & (b.astype(np.float64) == -1))
        a, b = a[kept], b[kept]
    with np.errstate(all="ignore"):
        assert same(call(library, name, a, b, dtype), operator(a, b))


@pytest.mark.parametrize("name", sorted(COMPARISONS))
def test_comparisons(name: str, library: ctypes.CDLL) -> None:
    a, b = numbers("f8", seed=1), numbers("f8", seed=2)
    a, b = np.concatenate([a, a, a]), np.concatenate([b, a, -a])
    read, relation = COMPARISONS[name]
    np.testing.assert_array_equal(read(call(library, name, a, b, "i4")), relation(a, b))


@pytest.mark.parametrize("name", sorted(SHIFTS))
def test_shifts(name: str, library: ctypes.CDLL) -> None:
    operator, dtype = SHIFTS[name]
    a = numbers(dtype)
    n = np.random.default_rng(5).integers(0, 64, len(a)).astype("i4")
    assert same(call(library, name, a, n, dtype), operator(a, n.astype(dtype)))


@pytest.mark.parametrize("name", sorted(CONVERSIONS))
def test_conversions(name: str, library: ctypes.CDLL) -> None:
    source, to = CONVERSIONS[name]
    a = numbers(source)
    if to[0] in "iu":  # what does not fit is a matter of the platform
        info, a = np.iinfo(to), a[np.isfinite(a)]
        a = a[(np.trunc(a) >= info.min) & (np.trunc(a).astype("f8") < float(info.max) + (to[1] == "4"))]
        assert len(a) > 10_000
    with np.errstate(all="ignore"):
        assert same(call(library, name, a, a, to), a.astype(to))


def test_what_is_out_of_range_is_as_the_hardware_has_it(library: ctypes.CDLL) -> None:
    a = np.array([1e30, -1e30, np.inf, -np.inf, np.nan], "f8")
    for name, dtype in {"fixdfdi": "i8", "fixunsdfdi": "u8", "fixdfsi": "i4", "fixunsdfsi": "u4"}.items():
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        np.testing.assert_array_equal(call(library, name, a, a, dtype), np.array([high, low, high, low, high], dtype))
