"""Reductions, running sums, and what is chosen along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from .builder import Builder

KINDS = "Sum Mean Max Min Prod L1 L2 SumSquare LogSum LogSumExp".split()


def reduction(b: Builder) -> str:
    shape = b.shape(b.number(1, 4), 5)
    kind = b.pick(KINDS)
    dtype: Any = np.float32
    if kind in ("Sum", "Max", "Min", "Prod", "L1", "SumSquare") and b.flag():
        dtype = b.pick([np.int32, np.int64, *([np.int8, np.uint8] if kind in ("Max", "Min") else [])])
    x = b.array(shape, dtype, 9)
    if kind == "Prod":
        x = np.sign(x) * np.clip(np.abs(x), 1, 2).astype(dtype)
    if kind == "LogSum":
        x = b.real(shape, 0.25, 4)
    words: list[str] = [b.input(x.astype(dtype))]
    attributes: dict[str, Any] = {"keepdims": b.number(0, 1)}
    how = b.pick(["axes", "axes", "axes", "none", "empty"])
    if how == "axes":
        axes = [a - (len(shape) if b.flag() else 0) for a in b.subset(len(shape), 1)]
        words.append(b.numbers(axes))
    elif how == "empty":
        words.append(b.numbers([]))
        attributes["noop_with_empty_axes"] = b.number(0, 1)
    return b.op(f"Reduce{kind}", *words, **attributes)


def long_reduction(b: Builder) -> str:
    """More elements than a small L1 holds come together in one."""
    shape = [b.number(1, 3), *(b.number(20, 70) for _ in range(2)), b.number(1, 3)]
    shape = tuple(shape[i] for i in b.permutation(4))
    kind = b.pick(["Sum", "Mean", "Max", "Min", "L1", "L2", "SumSquare", "LogSumExp"])
    axes = [i for i, n in enumerate(shape) if n > 3 or b.flag()]
    return b.op(f"Reduce{kind}", b.input(b.real(shape)), b.numbers(axes), keepdims=b.number(0, 1))


def arg(b: Builder) -> str:
    shape = b.shape(b.number(1, 3), 7)
    x = b.array(shape, b.pick([np.float32, np.float32, np.int32, np.int8, np.uint8]), 3)
    axis = b.number(-len(shape), len(shape) - 1)
    last = b.number(0, 1)
    return b.op(b.pick(["ArgMax", "ArgMin"]), b.input(x), axis=axis, keepdims=b.number(0, 1), select_last_index=last)


def running(b: Builder) -> str:
    shape = b.shape(b.number(1, 3), 7)
    x = b.array(shape, b.pick([np.float32, np.int32, np.int64]), 99)
    axis = b.constant(np.array(b.number(-len(shape), len(shape) - 1), b.pick([np.int32, np.int64])))
    return b.op("CumSum", b.input(x), axis, exclusive=b.number(0, 1), reverse=b.number(0, 1))


def top(b: Builder) -> tuple[str, ...]:
    """Distinct values, since ONNX leaves the order of equal ones to their indices, and what is sorted may be short."""
    shape = b.shape(b.number(1, 3), 7)
    axis = b.number(-len(shape), len(shape) - 1)
    count = int(np.prod(shape))
    values = b.rng.permutation(count).reshape(shape).astype(b.pick([np.float32, np.int32, np.int64]))
    k = b.numbers([b.number(1, shape[axis])])
    return b.ops("TopK", b.input(values), k, results=2, axis=axis, largest=b.number(0, 1), sorted=1)


CASES = (reduction, reduction, reduction, long_reduction, arg, running, top)
