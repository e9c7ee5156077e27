"""The numpy meaning of kernels against plain loops over the iteration space, and tiles against the whole."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from deeploy_mlir.dialects.kernel import Combiner, ConvOp, MapOp, MatmulOp, PoolOp, ReduceOp, ScatterOp
from deeploy_mlir.interpreters.kernel import run_kernel_op
from deeploy_mlir.interpreters.scalar import run_scalar_body
from deeploy_mlir.space.iteration_space import DimKind
from deeploy_mlir.support.numpy_types import Array, numpy_dtype
from deeploy_mlir.testing.kernel_cases import KernelCase, random_tile
from deeploy_mlir.testing.random_kernels import RANDOM_KERNELS


def element(array: Array, axes: Any, point: tuple[int, ...]) -> Any:
    """One element, or None where the index is in the padding."""
    index: list[int] = []
    for axis, extent in zip(axes, array.shape, strict=True):
        i = sum(c * p for c, p in zip(axis.coefficients, point, strict=True)) + axis.offset
        if not 0 <= i < extent:
            assert axis.padded
            return None
        index.append(i)
    return array[tuple(index)].item()


def combine(op: Any, values: list[Any]) -> Any:
    """Combines the elements (None in padding) of a pool or reduction in Python numbers."""
    inside = [v for v in values if v is not None]
    match op.combiner.data:
        case Combiner.MAX:
            return max(inside, default=None)
        case Combiner.MIN:
            return min(inside, default=None)
        case Combiner.PRODUCT:
            result = 1
            for v in inside:
                result *= v
            return result
        case Combiner.SUM:
            return sum(inside)
        case _:
            count = len(inside) if isinstance(op, PoolOp) and op.exclude_pad is not None else len(values)
            return sum(inside) / count if count else float("nan")


def naive(case: KernelCase) -> Array:
    """The operator by a loop over every point of its iteration space, in Python numbers."""
    op, space = case.op, case.op.iteration_space()
    out = case.arrays[-1].copy()
    parallel = [i for i, d in enumerate(space.dims) if d.kind == DimKind.PARALLEL]
    others = [i for i in range(len(space.dims)) if i not in parallel]
    for outer in product(*(range(space.sizes[i]) for i in parallel)):
        point = [0] * len(space.dims)
        for i, p in zip(parallel, outer, strict=True):
            point[i] = p
        groups: list[list[Any]] = [[] for _ in op.ins]
        for inner in product(*(range(space.sizes[i]) for i in others)):
            for i, p in zip(others, inner, strict=True):
                point[i] = p
            for o in range(len(op.ins)):
                groups[o].append(element(case.arrays[o], space.accesses[o].axes, tuple(point)))
        pad = op.pad_value()
        if isinstance(op, MatmulOp | ConvOp):
            accumulators = [sum((pad if a is None else a) * b for a, b in zip(*groups, strict=True))]
        elif isinstance(op, PoolOp | ReduceOp):
            accumulators = [combine(op, groups[0])]
        else:
            assert isinstance(op, MapOp)
            accumulators = [pad if g[0] is None else g[0] for g in groups]
        if accumulators[0] is None:
            info = np.finfo if out.dtype.kind == "f" else np.iinfo
            accumulators = [-np.inf if out.dtype.kind == "f" else info(case.arrays[0].dtype).min]
        extras = [
            element(case.arrays[len(op.ins) + i], space.accesses[len(op.ins) + i].axes, tuple(point))
            for i in range(len(op.extras))
        ]
        index = tuple(
            sum(c * p for c, p in zip(a.coefficients, point, strict=True)) + a.offset for a in space.output.axes
        )
        arguments: list[Any] = [*accumulators, *extras]
        dtypes = [numpy_dtype(t) for t in op.body_argument_types()]
        wrapped = [
            np.asarray(v % 2 ** (8 * t.itemsize), np.uint64).astype(t) if t.kind in "iu" else np.asarray(v, t)
            for v, t in zip(arguments, dtypes, strict=True)
        ]
        out[index] = wrapped[0] if op.body is None else run_scalar_body(op.body, wrapped)
    return out


def naive_scatter(case: KernelCase, op: ScatterOp) -> Array:
    """A scatter, an element of an update at a time."""
    data, positions, indices, updates = case.arrays[:4]
    out = data.copy()
    assert op.body is not None
    for point in product(*(range(n) for n in np.moveaxis(updates, op.along, 0).shape)):
        place = [*point[1:]]
        place.insert(op.along, point[0])
        own = [0 if n == 1 else i for n, i in zip(indices.shape, place, strict=True)]
        own[op.along] = point[0]
        at = int(indices[tuple(own)] - positions[0])
        if 0 <= at < data.shape[op.along]:
            update = updates[tuple(place)]
            place[op.along] = at
            out[tuple(place)] = run_scalar_body(op.body, [np.asarray(out[tuple(place)]), np.asarray(update)])
    return out


def same(actual: Array, expected: Array) -> None:
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)
    else:
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("kind", [k for k in RANDOM_KERNELS if k != "row"])
def test_against_loops(kind: str):
    rng = np.random.default_rng(7)
    done = 0
    while done < 25:
        case = RANDOM_KERNELS[kind](rng)
        if case.op.iteration_space().iterations() > 3000:
            continue
        expected = naive_scatter(case, case.op) if isinstance(case.op, ScatterOp) else naive(case)
        same(run_kernel_op(case.op, case.arrays), expected)
        done += 1


@pytest.mark.parametrize("kind", list(RANDOM_KERNELS))
def test_tiles_equal_the_whole(kind: str):
    rng = np.random.default_rng(11)
    for _ in range(60):
        case = RANDOM_KERNELS[kind](rng)
        whole = run_kernel_op(case.op, case.arrays)
        tile = random_tile(rng, case)
        tile.op.verify()
        part = run_kernel_op(tile.op, tile.parts(), tile.origins)
        where = tuple(slice(s, s + n) for s, n in zip(tile.starts[-1], tile.shapes[-1], strict=True))
        same(part, whole[where])
