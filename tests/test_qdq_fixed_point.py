"""Fixed-point requantisation: within one step of the exact result, whatever the scales, in 64 bits."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from deeploy_mlir import compile as compile_model
from deeploy_mlir.frontend import import_model
from deeploy_mlir.graph.evaluate import run_module
from deeploy_mlir.requantization.fixed_point import FixedPoint, fixed_point
from deeploy_mlir.support.numpy_types import Array

from .qdq_graphs import Graph

TYPES = {8: (-128, 127), -8: (0, 255), 16: (-32768, 32767), -16: (0, 65535)}
"""Ranges of results by their bits, negative for unsigned ones."""

LOG = st.floats(-45, 34)
"""Exponents of factors: from those that make every x zero to those that saturate all but zero."""


def computed(found: FixedPoint, x: int, channel: int, low: int, high: int) -> int:
    """What the generated code does, on numbers that do not overflow; fails where 64 bits would."""
    if found.limit is not None:
        limit = int(np.broadcast_to(found.limit, found.multiplier.shape).reshape(-1)[channel])
        x = max(-limit, min(limit, x))
    product = x * int(found.multiplier.reshape(-1)[channel])
    total = product + int(np.broadcast_to(found.add, found.multiplier.shape).reshape(-1)[channel])
    total_rounded = total + ((1 << found.shift) >> 1)
    for value in (product, total, total_rounded):
        assert -(1 << 63) <= value < 1 << 63
    return max(low, min(high, total_rounded >> found.shift))


def exact(x: int, factor: float, offset: float, zero: int, low: int, high: int) -> int:
    """The nearest integer, computed with fractions."""
    return max(low, min(high, round(x * Fraction(factor) + Fraction(offset)) + zero))


def inputs(bound: int, factor: float, offset: float, levels: int) -> list[int]:
    """Values of x at the ends, around 0, and where the result starts to saturate."""
    found = [0, 1, -1, 2, bound, -bound, bound // 2, bound // 3, -bound // 7]
    for reach in (levels, levels / 3, -levels / 2, levels / 77):
        edge = (reach - offset) / factor if factor else 0.0
        if abs(edge) < bound - 2:
            found += [int(edge) + k for k in (-1, 0, 1)]
    return [x for x in found if abs(x) <= bound]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(LOG, min_size=1, max_size=4), st.booleans(), st.sampled_from(sorted(TYPES)), st.integers(0, 2**31 - 1),
    st.integers(0, 10**6), st.sampled_from([0.0, 1.0, 300.0, 1e5]),
)  # fmt: skip
def test_within_one_step(logs: list[float], signed: bool, kind: int, bound: int, seed: int, spread: float) -> None:
    """Channels whose scales are up to 2^79 apart, zero points and offsets anywhere."""
    rng, (low, high) = np.random.default_rng(seed), TYPES[kind]
    factor = 2.0 ** np.array(logs) * (rng.choice([-1, 1], len(logs)) if signed else 1)
    offset = rng.uniform(-spread, spread, len(logs))
    zero = int(rng.integers(low, high + 1))
    found = fixed_point(factor, offset, np.asarray(bound), high - low + 1, zero)
    assert found is not None
    for channel in range(len(logs)):
        for x in inputs(bound, factor[channel], offset[channel], high - low + 1):
            got = computed(found, x, channel, low, high)
            assert abs(got - exact(x, factor[channel], offset[channel], zero, low, high)) <= 1


@pytest.mark.parametrize("power", range(-46, 32, 3))
def test_factors_beside_powers_of_two(power: int) -> None:
    """The multiplier of a factor just below a power of two rounds up to one that 31 bits do not hold."""
    for factor in (np.nextafter(2.0**power, 0), 2.0**power, 2.0**power * (1 - 2.0**-34)):
        found = fixed_point(np.asarray(factor), np.zeros(()), np.asarray(2**31 - 1), 256, -128)
        assert found is not None
        for x in inputs(2**31 - 1, factor, 0.0, 256):
            assert abs(computed(found, x, 0, -128, 127) - exact(x, factor, 0.0, -128, -128, 127)) <= 1


def test_products_of_16_bits_take_shorter_multipliers() -> None:
    """x of 35 bits: x * multiplier stays within 64."""
    found = fixed_point(np.asarray(3e-6), np.zeros(()), np.asarray(2**34), 65536, 0)
    assert found is not None
    assert int(found.multiplier) < 2**27
    for x in inputs(2**34, 3e-6, 0.0, 65536):
        assert abs(computed(found, x, 0, -32768, 32767) - exact(x, 3e-6, 0.0, 0, -32768, 32767)) <= 1


def test_all_scales_zero() -> None:
    found = fixed_point(np.zeros(3), np.array([0.0, 2.0, -1.5]), np.asarray(100), 256, 7)
    assert found is not None
    assert [computed(found, 50, c, -128, 127) for c in range(3)] in ([7, 9, 5], [7, 9, 6])


def scales_far_apart() -> tuple[Array, Array]:
    """Scales of channels from 2^-20 to 2^10 beside a result's scale of 1, and weights."""
    rng = np.random.default_rng(0)
    return (2.0 ** np.array([-20, -9, 0, 10])).astype(np.float32), rng.integers(-127, 128, (4, 2048)).astype(np.int8)


def test_generated_code_with_scales_far_apart() -> None:
    """The second form, with clipped sums and multipliers of 64 bits, in C; no float between input and output."""
    scale, weights = scales_far_apart()
    graph = Graph(0)
    x = graph.input((6, 2048), np.int8)
    w = graph.op("DequantizeLinear", graph.constant(weights), graph.constant(scale), axis=0)
    real = graph.op("Gemm", x, w, transB=1)
    y = graph.op("QuantizeLinear", real, graph.constant(np.float32(1)), graph.constant(np.int8(3)))
    proto, arrays = graph.model(y, TensorProto.INT8), graph.sample()
    program = compile_model(proto, target="generic", requantize="fixed-point")
    name = program.network.inputs[0].name
    (got,) = program.run({name: arrays[0]}).values()
    expected = run_module(import_model(proto), arrays)[0].astype(int)
    assert np.abs(got.astype(int) - expected).max() <= 1
    kernels = [text for name, text in program.sources.items() if name.endswith(".c")]
    assert not any("float" in text or "double" in text for text in kernels)
