"""Meanings that instruction tables state and that the generator of kernels looks for.

Each function gives a new region, since a region belongs to one owner; equal ones have one text."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerType, i32
from xdsl.ir import Region

from deeploy_mlir.ir.scalar_body import ScalarBody


def dot(a: IntegerType, b: IntegerType, lanes: int) -> Region:
    """acc + a0 * b0 + a1 * b1 + ... in i32, which wraps."""
    body = ScalarBody([*[a] * lanes, *[b] * lanes, i32])
    *values, total = body.arguments
    for x, y in zip(values[:lanes], values[lanes:], strict=True):
        total = body.add(total, body.mul(body.widen(x), body.widen(y)))
    return body.finish(total, i32)


def multiply_accumulate() -> Region:
    """acc + a * b in i32, which wraps."""
    return dot(i32, i32, 1)


def minimum() -> Region:
    """The smaller of two i32."""
    body = ScalarBody([i32, i32])
    return body.finish(body.min(*body.arguments), i32)


def maximum() -> Region:
    """The larger of two i32."""
    body = ScalarBody([i32, i32])
    return body.finish(body.max(*body.arguments), i32)


def clip(low: int, high: int) -> Region:
    """An i32 limited to [low, high]."""
    body = ScalarBody([i32])
    return body.finish(body.clamp(body.arguments[0], low, high), i32)


def lane_as(source: IntegerType, lanes: int, lane: int, result: IntegerType) -> Region:
    """One of the lanes of a register, converted to another type."""
    body = ScalarBody([source] * lanes)
    return body.finish(body.arguments[lane], result)


def lanewise(operation: str, element: IntegerType, lanes: int, lane: int) -> Region:
    """One lane of an operation on each pair of lanes: `add` and `sub`, which wrap, `min` or `max`."""
    body = ScalarBody([element] * (2 * lanes))
    x, y = (body.widen(body.arguments[at]) for at in (lane, lanes + lane))
    result = {"add": body.add, "sub": body.sub, "min": body.min, "max": body.max}[operation](x, y)
    return body.finish(result, element)
