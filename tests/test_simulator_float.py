"""RV32F on the simulator against a reference on exact fractions: results, rounding modes and exception flags."""

from __future__ import annotations

import ctypes
import ctypes.util
import math
import platform
import struct
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from .siracusa_images import compiled, loaded

NX, UF, OF, DZ, NV = 1, 2, 4, 8, 16
CANONICAL = 0x7FC00000
INFINITY = 0x7F800000
RNE, RTZ, RDN, RUP, RMM = range(5)
Outcome = tuple[int, int]


def is_nan(v: int) -> bool:
    return v & 0x7FFFFFFF > INFINITY


def is_signaling(v: int) -> bool:
    return is_nan(v) and not v & 0x400000


def is_infinite(v: int) -> bool:
    return v & 0x7FFFFFFF == INFINITY


def value(v: int) -> Fraction:
    sign, exponent, fraction = v >> 31, v >> 23 & 255, v & 0x7FFFFF
    significand = fraction | (0x800000 if exponent else 0)
    return (-1) ** sign * Fraction(significand) * Fraction(2) ** (max(exponent, 1) - 150)


def round_integer(x: Fraction, mode: int, negative: bool) -> int:
    """`x` >= 0, of a number whose sign is given."""
    low = x.numerator // x.denominator
    rest = x - low
    if mode == RNE:
        return low + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1))
    if mode == RMM:
        return low + (rest >= Fraction(1, 2))
    return low + (rest > 0 and mode != RTZ and (mode == RDN) == negative)


def exponent_of(x: Fraction) -> int:
    """floor(log2(x)), x > 0."""
    e = x.numerator.bit_length() - x.denominator.bit_length()
    return e if Fraction(2) ** e <= x else e - 1


def round_float(x: Fraction, mode: int, zero_sign: int) -> Outcome:
    """The float nearest to an exact value and its flags; tininess is found after rounding."""
    if x == 0:
        return zero_sign << 31, 0
    negative, size = x < 0, abs(x)
    exponent = exponent_of(size)
    ulp = Fraction(2) ** (max(exponent, -126) - 23)
    n = round_integer(size / ulp, mode, negative)
    flags = NX if n * ulp != size else 0
    if flags and exponent < -126:
        unbounded = Fraction(2) ** (exponent - 23)
        if round_integer(size / unbounded, mode, negative) * unbounded < Fraction(2) ** -126:
            flags |= UF
    if n * ulp >= Fraction(2) ** 128:
        to_infinity = mode in (RNE, RMM) or ((mode == RDN) == negative and mode != RTZ)
        return negative << 31 | (INFINITY if to_infinity else INFINITY - 1), NX | OF
    if n < 0x800000:  # only where the exponent is the smallest
        return negative << 31 | n, flags
    extra = n.bit_length() - 24
    biased = max(exponent, -126) + extra + 127
    return negative << 31 | biased << 23 | (n >> extra) & 0x7FFFFF, flags


def add(a: int, b: int, mode: int) -> Outcome:
    if is_nan(a) or is_nan(b):
        return CANONICAL, NV if is_signaling(a) or is_signaling(b) else 0
    if is_infinite(a) or is_infinite(b):
        if is_infinite(a) and is_infinite(b) and a != b:
            return CANONICAL, NV
        return (a if is_infinite(a) else b), 0
    return round_float(value(a) + value(b), mode, a >> 31 if a >> 31 == b >> 31 else int(mode == RDN))


def multiply(a: int, b: int, mode: int) -> Outcome:
    sign = (a ^ b) >> 31
    if is_nan(a) or is_nan(b):
        return CANONICAL, NV if is_signaling(a) or is_signaling(b) else 0
    if is_infinite(a) or is_infinite(b):
        return (CANONICAL, NV) if value_is_zero(a) or value_is_zero(b) else (sign << 31 | INFINITY, 0)
    return round_float(value(a) * value(b), mode, sign)


def value_is_zero(v: int) -> bool:
    return v & 0x7FFFFFFF == 0


def divide(a: int, b: int, mode: int) -> Outcome:
    sign = (a ^ b) >> 31
    if is_nan(a) or is_nan(b):
        return CANONICAL, NV if is_signaling(a) or is_signaling(b) else 0
    if is_infinite(a):
        return (CANONICAL, NV) if is_infinite(b) else (sign << 31 | INFINITY, 0)
    if is_infinite(b):
        return sign << 31, 0
    if value_is_zero(b):
        return (CANONICAL, NV) if value_is_zero(a) else (sign << 31 | INFINITY, DZ)
    return round_float(value(a) / value(b), mode, sign)


def square_root(a: int, mode: int) -> Outcome:
    if is_nan(a):
        return CANONICAL, NV if is_signaling(a) else 0
    if value_is_zero(a):
        return a, 0
    if a >> 31:
        return CANONICAL, NV
    if is_infinite(a):
        return a, 0
    x = value(a)
    scale = 2 ** (200 - exponent_of(x) // 2)  # 200 bits of the root and a sticky one stand for the exact root
    n = x * scale * scale
    root = math.isqrt(n.numerator // n.denominator)
    exact = root * root == n
    return round_float(Fraction(2 * root + (not exact), 2 * scale), mode, 0)


def fused(a: int, b: int, c: int, mode: int) -> Outcome:
    sign = (a ^ b) >> 31
    signaling = NV if any(map(is_signaling, (a, b, c))) else 0
    invalid = (is_infinite(a) and value_is_zero(b)) or (value_is_zero(a) and is_infinite(b))
    if is_nan(a) or is_nan(b):
        return CANONICAL, signaling
    if invalid or is_nan(c):
        return CANONICAL, NV if invalid else signaling
    if is_infinite(a) or is_infinite(b):
        return (CANONICAL, NV) if is_infinite(c) and c >> 31 != sign else (sign << 31 | INFINITY, 0)
    if is_infinite(c):
        return c, 0
    return round_float(value(a) * value(b) + value(c), mode, sign if sign == c >> 31 else int(mode == RDN))


def min_max(a: int, b: int, larger: bool) -> Outcome:
    flags = NV if is_signaling(a) or is_signaling(b) else 0
    if is_nan(a) or is_nan(b):
        return (CANONICAL if is_nan(a) and is_nan(b) else b if is_nan(a) else a), flags
    key = [(-1 if v >> 31 else 1) * ((v & 0x7FFFFFFF) + 1) for v in (a, b)]  # -0 below +0
    return (a if (key[0] > key[1]) == larger else b), flags


def compare(a: int, b: int, kind: str) -> Outcome:
    if is_nan(a) or is_nan(b):
        return 0, NV if kind != "eq" or is_signaling(a) or is_signaling(b) else 0
    x, y = (float(np.uint32(v).view(np.float32)) for v in (a, b))
    return int({"eq": x == y, "lt": x < y, "le": x <= y}[kind]), 0


def classify(v: int) -> Outcome:
    exponent, fraction = v >> 23 & 255, v & 0x7FFFFF
    if is_nan(v):
        return 1 << (8 if is_signaling(v) else 9), 0
    kind = 0 if exponent == 255 else 1 if exponent else 2 if fraction else 3
    return 1 << (kind if v >> 31 else 7 - kind), 0


def to_integer(v: int, mode: int, low: int, high: int) -> Outcome:
    if is_nan(v) or is_infinite(v):
        return (low if v == 0xFF800000 else high) & 0xFFFFFFFF, NV
    x = value(v)
    n = round_integer(abs(x), mode, x < 0) * (-1 if x < 0 else 1)
    if not low <= n <= high:
        return (low if n < low else high) & 0xFFFFFFFF, NV
    return n & 0xFFFFFFFF, NX if n != x else 0


def signed(v: int) -> int:
    return v - (v >> 31 << 32)


MINUS = 0x80000000
INT = (-(2**31), 2**31 - 1)
UINT = (0, 2**32 - 1)
OPERATIONS: list[tuple[str, Callable[[int, int, int, int], Outcome]]] = [
    ("fadd", lambda a, b, c, m: add(a, b, m)),
    ("fsub", lambda a, b, c, m: add(a, b if is_nan(b) else b ^ MINUS, m)),
    ("fmul", lambda a, b, c, m: multiply(a, b, m)),
    ("fdiv", lambda a, b, c, m: divide(a, b, m)),
    ("fsqrt", lambda a, b, c, m: square_root(a, m)),
    ("fmadd", lambda a, b, c, m: fused(a, b, c, m)),
    ("fmsub", lambda a, b, c, m: fused(a, b, c ^ MINUS, m)),
    ("fnmsub", lambda a, b, c, m: fused(a ^ MINUS, b, c, m)),
    ("fnmadd", lambda a, b, c, m: fused(a ^ MINUS, b, c ^ MINUS, m)),
    ("fmin", lambda a, b, c, m: min_max(a, b, False)),
    ("fmax", lambda a, b, c, m: min_max(a, b, True)),
    ("fsgnj", lambda a, b, c, m: (a & ~MINUS | b & MINUS, 0)),
    ("fsgnjn", lambda a, b, c, m: (a & ~MINUS | ~b & MINUS, 0)),
    ("fsgnjx", lambda a, b, c, m: (a ^ b & MINUS, 0)),
    ("feq", lambda a, b, c, m: compare(a, b, "eq")),
    ("flt", lambda a, b, c, m: compare(a, b, "lt")),
    ("fle", lambda a, b, c, m: compare(a, b, "le")),
    ("fclass", lambda a, b, c, m: classify(a)),
    ("fcvt.w.s", lambda a, b, c, m: to_integer(a, m, *INT)),
    ("fcvt.wu.s", lambda a, b, c, m: to_integer(a, m, *UINT)),
    ("fcvt.s.w", lambda a, b, c, m: round_float(Fraction(signed(a)), m, 0)),
    ("fcvt.s.wu", lambda a, b, c, m: round_float(Fraction(a), m, 0)),
    ("fcvt.w.s rtz", lambda a, b, c, m: to_integer(a, RTZ, *INT)),
    ("fcvt.w.s rmm", lambda a, b, c, m: to_integer(a, RMM, *INT)),
    ("fadd rup", lambda a, b, c, m: add(a, b, RUP)),
]
"""In the order of float_ops.c."""

SPECIAL = [
    *(0, 1, 0x7FFFFF, 0x800000, 0x3F800000, 0x3F800001, 0x3EFFFFFF, 0x3F000000, 0x3FC00000, 0x40200000),
    *(0x4B000001, 0x4EFFFFFF, 0x4F000000, 0x4F7FFFFF, 0x4F800000, 0x7F7FFFFF, INFINITY, CANONICAL, 0x7F800001),
]


def operands() -> tuple[list[int], list[int], list[int]]:
    """All pairs of special values of both signs, then random bits, then values of similar size that cancel."""
    special = [v | s for v in SPECIAL for s in (0, MINUS)]
    rng = np.random.default_rng(7)
    a = [x for x in special for _ in special]
    b = [y for _ in special for y in special]
    c = [special[int(i)] for i in rng.integers(0, len(special), len(a))]
    random = rng.integers(0, 2**32, (3, 600), dtype=np.uint32)
    near = rng.uniform(0.5, 2, (3, 400)).astype(np.float32) * np.array([[1], [1], [-1]], dtype=np.float32)
    near[2, :200] = -(near[0, :200] * near[1, :200])
    small = (rng.uniform(-3, 3, (3, 300)) * np.array([[1e-19], [1e-19], [1e-38]])).astype(np.float32)
    more = np.concatenate([random, near.view(np.uint32), small.view(np.uint32)], axis=1)
    return a + more[0].tolist(), b + more[1].tolist(), c + more[2].tolist()


def execute(operation: int, mode: int, columns: tuple[list[int], list[int], list[int]], core: int = 0) -> list[Outcome]:
    n = len(columns[0])
    words = {"operation": operation, "rounding": mode, "count": n, "on_core": core}
    simulator = loaded(compiled("float_ops.c"), words)
    image = simulator.image
    assert image is not None
    for name, column in zip("abc", columns, strict=True):
        simulator.write(image.address_of(name), struct.pack(f"<{n}I", *column))
    result = simulator.run(max_cycles=10_000_000)
    assert result.fault is None, str(result.fault)
    assert result.exit_code == 0
    got = [struct.unpack(f"<{n}I", simulator.read(image.address_of(name), 4 * n)) for name in ("result", "flags")]
    return list(zip(*got, strict=True))


@pytest.mark.parametrize("operation", range(len(OPERATIONS)), ids=[name for name, _ in OPERATIONS])
@pytest.mark.parametrize("mode", [RNE, RTZ, RDN, RUP])
def test_operation(operation: int, mode: int) -> None:
    columns = operands()
    reference = OPERATIONS[operation][1]
    for a, b, c, (got, flags) in zip(*columns, execute(operation, mode, columns, core=mode), strict=True):
        want, want_flags = reference(a, b, c, mode)
        shown = f"{a:08x} {b:08x} {c:08x}: got {got:08x} flags {flags:02x}, want {want:08x} flags {want_flags:02x}"
        assert (got, flags) == (want, want_flags), shown


def test_reference_agrees_with_numpy() -> None:
    """The reference itself, where the host computes the same."""
    a, b, _ = operands()
    x, y = (np.array(v, dtype=np.uint32).view(np.float32) for v in (a, b))
    with np.errstate(all="ignore"):
        for ufunc, name in ((np.add, "fadd"), (np.multiply, "fmul"), (np.divide, "fdiv")):
            reference = dict(OPERATIONS)[name]
            want = np.array([reference(p, q, 0, RNE)[0] for p, q in zip(a, b, strict=True)], dtype=np.uint32)
            got = ufunc(x, y)
            same = (got.view(np.uint32) == want) | (np.isnan(got) & (want == CANONICAL))
            assert same.all()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the host's rounding mode is set by its number")
def test_the_callers_rounding_mode_is_of_no_influence() -> None:
    columns = operands()
    expected = execute(0, RNE, columns)
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    libm.fesetround(0x800)  # upward
    try:
        assert execute(0, RNE, columns) == expected
        assert libm.fegetround() == 0x800
    finally:
        libm.fesetround(0)


def test_rounding_to_nearest_away_is_refused_for_arithmetic() -> None:
    simulator = loaded(compiled("float_ops.c"), {"operation": 0, "rounding": RMM, "count": 1, "on_core": 2})
    fault = simulator.run().fault
    assert fault is not None
    assert fault.kind == "illegal"
    assert fault.core == "core 2"
