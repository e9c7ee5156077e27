"""Elements chosen by indices that are data."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from deeploy_mlir.support.numpy_types import Array

from .builder import INTEGERS, Builder

TYPES = (np.float32, np.float32, *INTEGERS, np.bool_)


def _indices(b: Builder, shape: tuple[int, ...], extent: int) -> Array:
    """Indices of an axis, negative ones too."""
    return b.rng.integers(-extent, extent, shape).astype(b.pick([np.int32, np.int64]))


def gather(b: Builder) -> str:
    shape = b.shape(b.number(1, 4), 5)
    axis = b.number(-len(shape), len(shape) - 1)
    at = _indices(b, b.shape(b.number(0, 2), 4), shape[axis])
    return b.op("Gather", b.either(b.array(shape, b.pick(TYPES))), b.either(at), axis=axis)


def gather_elements(b: Builder) -> str:
    shape = b.shape(b.number(1, 3), 5)
    axis = b.number(-len(shape), len(shape) - 1)
    taken = [b.number(1, n) for n in shape]
    taken[axis] = b.number(1, 7)
    at = _indices(b, tuple(taken), shape[axis])
    return b.op("GatherElements", b.input(b.array(shape, b.pick(TYPES))), b.either(at), axis=axis)


def _tuples(b: Builder, shape: tuple[int, ...], count: tuple[int, ...], distinct: bool) -> Array:
    """Index tuples into the leading axes of `shape`, [*count, axes]."""
    total = prod(shape)
    flat = b.rng.permutation(total)[: prod(count)] if distinct else b.rng.integers(0, total, prod(count))
    at = np.stack(np.unravel_index(flat, shape), -1).reshape(*count, len(shape))
    negative = b.rng.integers(0, 2, at.shape) * np.array(shape)
    return (at - negative).astype(np.int64)


def gather_nd(b: Builder) -> str:
    shape = b.shape(b.number(1, 4), 5)
    batch = b.number(0, len(shape) - 1)
    depth = b.number(1, len(shape) - batch)
    count = (*shape[:batch], *b.shape(b.number(batch == 0, 2), 3))
    at = _tuples(b, shape[batch : batch + depth], count, distinct=False)
    return b.op("GatherND", b.input(b.array(shape, b.pick(TYPES))), b.either(at), batch_dims=batch)


def _reduction(b: Builder) -> dict[str, Any]:
    return {"reduction": b.pick(["none", "none", "add", "mul", "max", "min"])}


def scatter_elements(b: Builder) -> str:
    """Indices are distinct where the last one would win."""
    shape = b.shape(b.number(1, 3), 5)
    axis = b.number(0, len(shape) - 1)
    how = _reduction(b)
    taken = [b.number(1, n) for n in shape]
    every = np.broadcast_to(np.arange(shape[axis]), (*taken[:axis], *taken[axis + 1 :], shape[axis]))
    order = b.rng.permuted(every, axis=-1)
    at = np.moveaxis(order[..., : taken[axis]], -1, axis)
    if how["reduction"] != "none":
        at = b.rng.integers(0, shape[axis], taken)
    at = np.where(b.rng.integers(0, 2, at.shape), at, at - shape[axis]).astype(np.int64)
    dtype = b.pick([np.float32, np.int32])
    words = [b.input(b.array(shape, dtype, 9)), b.either(at), b.either(b.array(taken, dtype, 9))]
    return b.op("ScatterElements", *words, axis=axis - (len(shape) if b.flag() else 0), **how)


def scatter_nd(b: Builder) -> str:
    shape = b.shape(b.number(1, 4), 5)
    depth = b.number(1, len(shape))
    how = _reduction(b)
    most = prod(shape[:depth])
    count = (b.number(1, min(most, 6)),)
    at = _tuples(b, shape[:depth], count, distinct=how["reduction"] == "none")
    dtype = b.pick([np.float32, np.int32])
    updates = b.array((*count, *shape[depth:]), dtype, 9)
    return b.op("ScatterND", b.input(b.array(shape, dtype, 9)), b.either(at), b.either(updates), **how)


def one_hot(b: Builder) -> str:
    shape, depth = b.shape(b.number(1, 3), 4), b.number(1, 6)
    dtype = b.pick([np.float32, np.int32, np.int8])
    at = b.input(b.rng.integers(-depth, depth, shape).astype(np.int64))
    values = b.either(b.array((2,), dtype))
    return b.op("OneHot", at, b.constant(np.int64(depth)), values, axis=b.number(-len(shape) - 1, len(shape)))


CASES = (gather, gather, gather_elements, gather_nd, scatter_elements, scatter_nd, one_hot)
