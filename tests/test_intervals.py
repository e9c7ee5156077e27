"""Interval arithmetic and the narrowing that rests on it, against all values of small cases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType, i8, i32, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region
from xdsl.ir.affine import AffineMap

from deeploy_mlir.dialects.kernel import MatmulOp
from deeploy_mlir.interpreters.run import run_module
from deeploy_mlir.ir.constants import add_constant, load_constant
from deeploy_mlir.ir.kernel_rewriting import empty_like, output_of
from deeploy_mlir.ir.scalar_body import ScalarBody
from deeploy_mlir.passes.narrow_arithmetic import NarrowArithmeticPass
from deeploy_mlir.space.intervals import Interval

PAIRS: dict[str, tuple[Callable[[Interval, Interval], Interval], Callable[[int, int], int]]] = {
    "add": (Interval.add, lambda a, b: a + b),
    "sub": (Interval.sub, lambda a, b: a - b),
    "mul": (Interval.mul, lambda a, b: a * b),
    "max": (Interval.max, max),
    "min": (Interval.min, min),
}
numbers = st.integers(-6, 6)
bounds = st.tuples(numbers, numbers).map(lambda pair: (min(pair), max(pair)))


@pytest.mark.parametrize("name", sorted(PAIRS))
@given(first=bounds, second=bounds)
@settings(max_examples=60, deadline=None)
def test_binary_intervals_are_exact(name: str, first: tuple[int, int], second: tuple[int, int]) -> None:
    on_intervals, on_numbers = PAIRS[name]
    values = [on_numbers(a, b) for a in range(first[0], first[1] + 1) for b in range(second[0], second[1] + 1)]
    assert on_intervals(Interval.of(*first), Interval.of(*second)).bounds == (min(values), max(values))


@given(first=bounds, divisor=st.integers(1, 5), negative=st.booleans())
@settings(max_examples=100, deadline=None)
def test_divisions_are_exact(first: tuple[int, int], divisor: int, negative: bool) -> None:
    values = range(first[0], first[1] + 1)
    interval = Interval.of(*first)
    floors = [v // divisor for v in values]
    assert interval.floor_divide(divisor).bounds == (min(floors), max(floors))
    signed = -divisor if negative else divisor
    quotients = [int(v / signed) for v in values]
    assert interval.truncating_divide(signed).bounds == (min(quotients), max(quotients))
    shifted = [v >> divisor for v in values]
    assert interval.shift_right(divisor).bounds == (min(shifted), max(shifted))


def test_intervals_do_not_overflow() -> None:
    wide = Interval.of(-(1 << 63), (1 << 63) - 1)
    assert wide.mul(wide).bounds == (-((1 << 63) - 1) * (1 << 63), 1 << 126)
    assert wide.add(wide).max(Interval.constant(0)).bounds == (0, (1 << 64) - 2)


def requantised_product(weights: np.ndarray, mul: np.ndarray, add: np.ndarray, shift: int) -> ModuleOp:
    """x [2, k] i8 times constant weights, requantised per column in 64 bits to i8."""
    k, n = weights.shape
    module = ModuleOp([])
    body = Block(arg_types=[TensorType(i8, [2, k])])
    loads = [
        load_constant(add_constant(module, array, name, element))
        for array, name, element in ((weights, "w", i8), (mul, "mul", i32), (add, "add", i32))
    ]
    out = empty_like([2, n], i8)
    body.add_ops([*loads, out])
    scalar = ScalarBody([i32, i32, i32])
    acc, factor, offset = (scalar.cast(a, i64) for a in scalar.arguments)
    total = scalar.add(scalar.mul(acc, factor), offset)
    total = scalar.add(total, scalar.constant(1 << (shift - 1), i64))
    region = scalar.finish(scalar.clamp(scalar.shift_right(total, shift), -128, 127), i8)
    column = AffineMap.from_callable(lambda i, j: (j,))
    op = MatmulOp(
        [body.args[0], loads[0].results[0]],
        out.results[0],
        layer="fc",
        extras=[loads[1].results[0], loads[2].results[0]],
        extra_maps=[column, column],
        body=region,
    )
    body.add_ops([op, ReturnOp(output_of(op))])
    module.body.block.add_op(FuncOp("net", ([TensorType(i8, [2, k])], [TensorType(i8, [2, n])]), Region(body)))
    module.verify()
    return module


@given(seed=st.integers(0, 1 << 30), scale=st.integers(1, 30), shift=st.integers(1, 40), k=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_narrowing_keeps_every_result(seed: int, scale: int, shift: int, k: int) -> None:
    """Multipliers and offsets of every magnitude, and inputs at the ends of their range, where sums are largest."""
    random = np.random.default_rng(seed)
    weights = random.integers(-128, 128, (k, 3), dtype=np.int8)
    mul = random.integers(-(1 << scale), 1 << scale, 3, dtype=np.int32)
    add = random.integers(-(1 << 31), 1 << 31, 3, dtype=np.int64).astype(np.int32)
    x = random.choice(np.array([-128, -127, 0, 1, 127], np.int8), (2, k))
    # One row for which the first column's accumulator is extreme.
    x[0] = np.where(weights[:, 0] > 0, 127, -128)
    module = requantised_product(weights, mul, add, shift)
    (before,) = run_module(module, [x])
    NarrowArithmeticPass().apply(Context(), module)
    module.verify()
    (after,) = run_module(module, [x])
    np.testing.assert_array_equal(before, after)
    exact = x.astype(object) @ weights.astype(object)
    exact = (exact * mul.astype(object) + add.astype(object) + (1 << (shift - 1))) >> shift
    np.testing.assert_array_equal(after.astype(object), np.clip(exact, -128, 127))


def test_small_requantisation_is_done_in_32_bits() -> None:
    weights = np.array([[1, -2], [3, 4]], np.int8)
    module = requantised_product(weights, np.array([100, 200], np.int32), np.array([5, 6], np.int32), 8)
    NarrowArithmeticPass().apply(Context(), module)
    assert "i64" not in str(next(op for op in module.walk() if isinstance(op, MatmulOp)).body)


def test_constants_of_many_values_are_shared() -> None:
    module = ModuleOp([])
    first = add_constant(module, np.arange(3, dtype=np.int32), "c")
    assert add_constant(module, np.arange(3, dtype=np.int32), "c") is first
    assert add_constant(module, np.arange(1, 4, dtype=np.int32), "c") is not first
