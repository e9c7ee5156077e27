"""Operators that only move elements, alone and in chains."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from .builder import INTEGERS, Builder

TYPES = (np.float32, np.float32, np.float32, *INTEGERS, np.bool_, np.float16)
Shape = tuple[int, ...]
Step = Callable[[Builder, str, Shape, type], tuple[str, Shape]]
"""Takes a value with its shape and type, and returns the moved one with its shape."""


def transpose(b: Builder, x: str, shape: Shape, _: type) -> tuple[str, Shape]:
    perm = b.permutation(len(shape))
    return b.op("Transpose", x, perm=perm), tuple(shape[p] for p in perm)


def slice_(b: Builder, x: str, shape: Shape, _: type) -> tuple[str, Shape]:
    axes = b.subset(len(shape), 1)
    starts, ends, steps, target = list[int](), list[int](), list[int](), list(shape)
    for axis in axes:
        n, step = shape[axis], b.pick([1, 1, 2, 3, -1, -2])
        first = b.number(0, n - 1)
        if step > 0:
            start, end = first, b.pick([n, 2**31, b.number(first + 1, n)])
        else:
            start, end = b.pick([first, 2**31 if first == n - 1 else first]), b.pick([-n - 1, -(2**31)])
        last = n - 1 if start > n else start
        target[axis] = len(range(last, min(end, n), step)) if step > 0 else len(range(last, -1, step))
        starts.append(start - (n if step > 0 and b.flag() else 0))
        ends.append(end)
        steps.append(step)
    named = [axis - (len(shape) if b.flag() else 0) for axis in axes]
    return b.op("Slice", x, *map(b.numbers, (starts, ends, named, steps))), tuple(target)


def pad(b: Builder, x: str, shape: Shape, dtype: type) -> tuple[str, Shape]:
    rank, mode = len(shape), b.pick(["constant", "edge", "reflect", "wrap"])
    if dtype in (np.bool_, np.float16):
        mode = "constant"
    axes = b.subset(rank, 1)
    most = [{"constant": 3, "edge": 3, "reflect": shape[a] - 1, "wrap": shape[a]}[mode] for a in axes]
    pads = [b.number(0, min(m, 4)) for m in most * 2]
    if mode == "constant" and b.flag():
        for i, axis in enumerate(axes):
            if shape[axis] + pads[i] > 2:
                pads[len(axes) + i] = -1
    value = [b.constant(b.array((), dtype))] if mode == "constant" and b.flag() else [""]
    words = [b.numbers(pads), *value, b.numbers([a - (rank if b.flag() else 0) for a in axes])]
    target = list(shape)
    for i, axis in enumerate(axes):
        target[axis] += pads[i] + pads[len(axes) + i]
    return b.op("Pad", x, *words, mode=mode), tuple(target)


def concat(b: Builder, x: str, shape: Shape, dtype: type) -> tuple[str, Shape]:
    axis = b.number(0, len(shape) - 1)
    more = [(*shape[:axis], b.number(1, 3), *shape[axis + 1 :]) for _ in range(b.number(1, 2))]
    words = [x, *(b.either(b.array(s, dtype)) for s in more)]
    if b.flag():
        words.append(x)
        more.append(shape)
    words = [words[i] for i in b.permutation(len(words))]
    joined = b.op("Concat", *words, axis=axis - (len(shape) if b.flag() else 0))
    return joined, (*shape[:axis], shape[axis] + sum(s[axis] for s in more), *shape[axis + 1 :])


def split(b: Builder, x: str, shape: Shape, _: type) -> tuple[str, Shape]:
    axis = b.number(0, len(shape) - 1)
    if shape[axis] < 2:
        return x, shape
    first = b.number(1, shape[axis] - 1)
    sizes = [first, shape[axis] - first]
    parts = b.ops("Split", x, b.numbers(sizes), results=2, axis=axis)
    which = b.number(0, 1)
    return parts[which], (*shape[:axis], sizes[which], *shape[axis + 1 :])


def even_split(b: Builder, x: str, shape: Shape, _: type) -> tuple[str, Shape]:
    axis = b.number(0, len(shape) - 1)
    count = b.number(1, min(shape[axis], 4))
    size = -(-shape[axis] // count)
    if size * (count - 1) >= shape[axis]:
        return x, shape
    parts = b.ops("Split", x, results=count, axis=axis, num_outputs=count)
    which = b.number(0, count - 1)
    return parts[which], (*shape[:axis], min(size, shape[axis] - which * size), *shape[axis + 1 :])


def tile(b: Builder, x: str, shape: Shape, _: type) -> tuple[str, Shape]:
    repeats = [b.number(1, 3) if b.number(0, 2) == 2 else 1 for _ in shape]
    return b.op("Tile", x, b.numbers(repeats)), tuple(n * r for n, r in zip(shape, repeats, strict=True))


def expand(b: Builder, x: str, shape: Shape, _: type) -> tuple[str, Shape]:
    target = [b.number(2, 4) if n == 1 else n for n in shape]
    words = [b.pick([n, t]) if n == 1 else b.pick([1, t]) for n, t in zip(shape, target, strict=True)]
    result = tuple(max(n, w) for n, w in zip(shape, words, strict=True))
    front = [b.number(1, 3)] if len(shape) < 4 and b.flag() else []
    return b.op("Expand", x, b.numbers(front + words)), (*front, *result)


def reshape(b: Builder, x: str, shape: Shape, _: type) -> tuple[str, Shape]:
    at = b.number(0, len(shape) - 1)
    if len(shape) > 1 and at < len(shape) - 1 and b.flag():
        target = (*shape[:at], shape[at] * shape[at + 1], *shape[at + 2 :])
    elif len(shape) < 5:
        factor = b.pick([f for f in range(1, shape[at] + 1) if shape[at] % f == 0])
        target = (*shape[:at], factor, shape[at] // factor, *shape[at + 1 :])
    else:
        target = (prod(shape),)
    written = list(target)
    if b.flag():
        written[b.number(0, len(target) - 1)] = -1
    return b.op("Reshape", x, b.numbers(written)), target


def squeeze(b: Builder, x: str, shape: Shape, _: type) -> tuple[str, Shape]:
    at = b.number(0, len(shape))
    if len(shape) < 5:
        x = b.op("Unsqueeze", x, b.numbers([at]))
        shape = (*shape[:at], 1, *shape[at:])
    ones = [i for i, n in enumerate(shape) if n == 1]
    if not ones or len(shape) < 2:
        return x, shape
    gone = b.pick(ones)
    return b.op("Squeeze", x, b.numbers([gone - len(shape)])), (*shape[:gone], *shape[gone + 1 :])


def flatten(b: Builder, x: str, shape: Shape, _: type) -> tuple[str, Shape]:
    axis = b.number(0, len(shape))
    return b.op("Flatten", x, axis=axis), (prod(shape[:axis]), prod(shape[axis:]))


def trilu(b: Builder, x: str, shape: Shape, _: type) -> tuple[str, Shape]:
    if len(shape) < 2:
        return x, shape
    return b.op("Trilu", x, b.constant(np.int64(b.number(-3, 3))), upper=b.number(0, 1)), shape


STEPS: tuple[Step, ...] = (
    *(transpose, transpose, slice_, slice_, pad, pad, concat, concat, split, even_split),
    *(tile, expand, reshape, reshape, squeeze, flatten, trilu),
)


def chain(b: Builder) -> str | tuple[str, ...]:
    """Several movements; what an inner one gives may be an output too."""
    shape: Shape = b.shape(b.number(1, 4), 4)
    dtype = b.pick(TYPES)
    x = b.input(b.array(shape, dtype))
    before: list[str] = []
    for _ in range(b.number(1, 5)):
        moved, new = b.pick(STEPS)(b, x, shape, dtype)
        if prod(new) > 3000:
            break
        if moved != x:
            before.append(x)
        x, shape = moved, new
    if not before:
        return b.op("Identity", x)
    return (x, before[-1]) if len(before) > 1 and b.number(0, 3) == 3 else x


def space(b: Builder) -> str:
    block, n, c = b.number(1, 3), b.number(1, 2), b.number(1, 3)
    h, w = b.number(1, 4), b.number(1, 4)
    if b.flag():
        return b.op("SpaceToDepth", b.input(b.real((n, c, h * block, w * block))), blocksize=block)
    mode = b.pick(["DCR", "CRD"])
    return b.op("DepthToSpace", b.input(b.real((n, c * block * block, h, w))), blocksize=block, mode=mode)


def reverse(b: Builder) -> str:
    """Sequences reversed up to their lengths."""
    time, batch, *rest = (*b.shape(2, 6), *b.shape(b.number(0, 2), 4))
    lengths = b.either(b.rng.integers(1, time + 1, batch).astype(np.int64))
    first = b.flag()
    shape = (time, batch, *rest) if first else (batch, time, *rest)
    return b.op("ReverseSequence", b.input(b.real(shape)), lengths, time_axis=int(not first), batch_axis=int(first))


def crop(b: Builder) -> str:
    shape = b.shape(b.number(1, 3), 6)
    axes = b.subset(len(shape), 1)
    target = [b.number(1, shape[a] + 3) for a in axes]
    return b.op("CenterCropPad", b.input(b.real(shape)), b.numbers(target), axes=axes)


CASES = (chain, chain, chain, chain, chain, space, reverse, crop)
