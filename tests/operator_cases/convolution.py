"""Sliding windows: convolutions and pools."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .builder import BYTES, Builder


def window(b: Builder, dims: int, *, auto: bool = True) -> tuple[dict[str, Any], list[int]]:
    """Attributes of a window, and sizes of an image that it fits into."""
    kernel = [b.number(1, 4 - (dims == 3)) for _ in range(dims)]
    dilations = [b.number(1, 3) if b.number(0, 2) == 2 else 1 for _ in range(dims)]
    strides = [b.number(1, 3) for _ in range(dims)]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    sizes = [r + b.number(0, 5) for r in reach]
    attributes: dict[str, Any] = {"kernel_shape": kernel, "dilations": dilations, "strides": strides}
    how = b.pick(["pads", "pads", "pads", "SAME_UPPER", "SAME_LOWER", "VALID", "none"] if auto else ["pads"])
    if how == "pads":
        attributes["pads"] = [b.number(0, k - 1) for k in kernel * 2]
    elif how != "none":
        attributes["auto_pad"] = how
        if how != "VALID":  # the standard does not say how dilations count there, nor what a negative pad means
            attributes["dilations"] = [1] * dims
            attributes["strides"] = [min(s, k) for s, k in zip(strides, kernel, strict=True)]
    return attributes, sizes


def channels(b: Builder) -> tuple[int, int, int]:
    """Channels in, channels out, groups; depthwise now and then, with several outputs per channel too."""
    group = b.pick([1, 1, 2, 3, 4])
    depthwise = group > 1 and b.flag()
    return group * (1 if depthwise else b.number(1, 4)), group * b.number(1, 4), group


def conv(b: Builder) -> str:
    dims = b.pick([1, 2, 2, 2, 3])
    attributes, sizes = window(b, dims)
    c, m, group = channels(b)
    x = b.input(b.real((b.number(1, 2), c, *sizes)))
    w = b.either(b.real((m, c // group, *attributes["kernel_shape"])))
    return b.op("Conv", x, w, *([b.either(b.real((m,)))] if b.flag() else []), group=group, **attributes)


def conv_integer(b: Builder) -> str:
    dims = b.pick([1, 2, 2])
    attributes, sizes = window(b, dims)
    c, m, group = channels(b)
    x_type, w_type = b.pick(BYTES), b.pick(BYTES)
    words = [
        b.input(b.whole((b.number(1, 2), c, *sizes), x_type)),
        b.either(b.whole((m, c // group, *attributes["kernel_shape"]), w_type)),
    ]
    if b.flag():
        words.append(b.constant(b.whole((), x_type)))
        if b.flag():
            words.append(b.constant(b.whole(b.pick([(), (m,)]), w_type)))
    return b.op("ConvInteger", *words, group=group, **attributes)


def conv_transpose(b: Builder) -> str:
    dims = b.pick([1, 2, 2, 2, 3])
    group = b.pick([1, 1, 2, 3])
    kernel = [b.number(1, 4 - (dims == 3)) for _ in range(dims)]
    strides = [b.number(1, 3) for _ in range(dims)]
    dilations = [b.number(1, 2) if b.number(0, 2) == 2 else 1 for _ in range(dims)]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    c, outs = group * b.number(1, 3), b.number(1, 3)
    sizes = [b.number(1, 5) for _ in range(dims)]
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": strides, "dilations": dilations}
    full = [(n - 1) * s + r for n, s, r in zip(sizes, strides, reach, strict=True)]
    if b.flag():
        attributes["output_padding"] = [b.number(0, s - 1) for s in strides]
    how = b.pick(["pads", "pads", "SAME_UPPER", "SAME_LOWER", "VALID", "none"])
    if how == "pads":
        low = [b.number(0, min(r, f - 1)) for r, f in zip(reach, full, strict=True)]
        attributes["pads"] = low + [b.number(0, min(r, f - 1 - p)) for r, f, p in zip(reach, full, low, strict=True)]
    elif how != "none" and all(f >= n * s for f, n, s in zip(full, sizes, strides, strict=True)):
        attributes["auto_pad"] = how
    x = b.input(b.real((b.number(1, 2), c, *sizes)))
    w = b.constant(b.real((c, outs, *kernel)))
    bias = [b.constant(b.real((outs * group,)))] if b.flag() else []
    return b.op("ConvTranspose", x, w, *bias, group=group, **attributes)


def max_pool(b: Builder) -> str:
    attributes, sizes = window(b, b.pick([1, 2, 2, 3]))
    dtype = b.pick(["float32", "float32", "int8", "uint8"])
    x = b.input(b.array((b.number(1, 2), b.number(1, 5), *sizes), dtype))
    return b.op("MaxPool", x, ceil_mode=_ceil(b, attributes), **attributes)


def average_pool(b: Builder) -> str:
    attributes, sizes = window(b, b.pick([1, 2, 2, 3]))
    x = b.input(b.real((b.number(1, 2), b.number(1, 5), *sizes)))
    more: dict[str, Any] = {"ceil_mode": _ceil(b, attributes), "count_include_pad": b.number(0, 1)}
    return b.op("AveragePool", x, **attributes, **more)


def lp_pool(b: Builder) -> str:
    attributes, sizes = window(b, b.pick([1, 2, 2]))
    x = b.input(b.real((1, b.number(1, 4), *sizes)))
    return b.op("LpPool", x, p=b.number(1, 3), ceil_mode=_ceil(b, attributes), **attributes)


def col2im(b: Builder) -> str:
    attributes, sizes = window(b, b.pick([2, 2, 3]), auto=False)
    block, pads = attributes.pop("kernel_shape"), attributes["pads"]
    dims = len(sizes)
    reach = [d * (k - 1) + 1 for k, d in zip(block, attributes["dilations"], strict=True)]
    padded = [n + pads[i] + pads[dims + i] for i, n in enumerate(sizes)]
    windows = [(n - r) // s + 1 for n, r, s in zip(padded, reach, attributes["strides"], strict=True)]
    x = b.input(b.real((b.number(1, 2), b.number(1, 3) * prod(block), prod(windows))))
    return b.op("Col2Im", x, b.numbers(sizes), b.numbers(block), **attributes)


def max_unpool(b: Builder) -> str:
    dims = b.pick([1, 2, 2, 3])
    kernel, strides = [b.number(1, 3) for _ in range(dims)], [b.number(1, 3) for _ in range(dims)]
    shape = (b.number(1, 2), b.number(1, 3), *(b.number(1, 4) for _ in range(dims)))
    full = [(n - 1) * s + k for n, s, k in zip(shape[2:], strides, kernel, strict=True)]
    low = [b.number(0, min(k - 1, f - 1)) for k, f in zip(kernel, full, strict=True)]
    pads = low + [b.number(0, min(k - 1, f - 1 - p)) for k, f, p in zip(kernel, full, low, strict=True)]
    pooled: list[int] = [f - pads[i] - pads[dims + i] for i, f in enumerate(full)]
    places = np.asarray(b.rng.integers(0, prod([*shape[:2], *pooled]), shape))  # the last one that names a place stays
    words = [b.input(b.real(shape)), b.either(places)]
    if b.flag():
        words.append(b.numbers([*shape[:2], *(n + b.number(0, 2) for n in pooled)]))
    return b.op("MaxUnpool", *words, kernel_shape=kernel, strides=strides, pads=pads)


def _ceil(b: Builder, attributes: dict[str, Any]) -> int:
    """Sizes rounded up or down; what that means beside `auto_pad` is not settled."""
    return 0 if "auto_pad" in attributes else b.number(0, 1)


def global_pool(b: Builder) -> str:
    x = b.input(b.real((b.number(1, 2), b.number(1, 5), *b.shape(b.number(1, 3)))))
    return b.op(b.pick(["GlobalAveragePool", "GlobalMaxPool"]), x)


CASES = (conv, conv, conv_integer, conv_transpose, max_pool, average_pool, lp_pool, global_pool, col2im, max_unpool)
