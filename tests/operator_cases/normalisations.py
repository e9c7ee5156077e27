"""Normalisations and softmaxes."""

from __future__ import annotations

from .builder import Builder


def softmax(b: Builder) -> str:
    shape = b.shape(b.number(1, 4), 6)
    axis = b.number(-len(shape), len(shape) - 1)
    return b.op(b.pick(["Softmax", "LogSoftmax", "Hardmax"]), b.input(b.real(shape)), axis=axis)


def layer(b: Builder) -> str:
    shape = b.shape(b.number(1, 4), 6)
    axis = b.number(-len(shape), len(shape) - 1)
    tail = shape[axis:]
    scale = b.either(b.real(b.pick([tail, tail, tail[-1:]])))
    if b.flag():
        return b.op("RMSNormalization", b.input(b.real(shape)), scale, axis=axis, epsilon=b.pick([1e-5, 0.125]))
    bias = [b.either(b.real(tail))] if b.flag() else []
    return b.op("LayerNormalization", b.input(b.real(shape)), scale, *bias, axis=axis, epsilon=b.pick([1e-5, 0.125]))


def by_channel(b: Builder) -> str:
    """Instance, group and batch normalisation."""
    groups = b.number(1, 3)
    n, c = b.number(1, 2), groups * b.number(1, 3)
    sizes = tuple(s + 1 for s in b.shape(b.number(1, 3), 5))
    x = b.input(b.real((n, c, *sizes)))
    words = [b.constant(b.real((c,))) for _ in range(2)]
    kind = b.pick(["InstanceNormalization", "GroupNormalization", "BatchNormalization"])
    if kind == "GroupNormalization":
        return b.op(kind, x, *words, num_groups=groups, epsilon=0.0625)
    if kind == "BatchNormalization":
        words += [b.constant(b.real((c,))), b.constant(b.real((c,), 0.25, 4))]
    return b.op(kind, x, *words, epsilon=0.0625)


def across_channels(b: Builder) -> str:
    shape = (b.number(1, 2), b.number(1, 7), *b.shape(b.number(1, 3), 4))
    x = b.input(b.real(shape))
    if b.flag():
        return b.op("LRN", x, size=b.number(1, 5), alpha=b.pick([0.0001, 0.25]), beta=0.75, bias=b.pick([1.0, 2.0]))
    return b.op("LpNormalization", x, axis=b.number(-len(shape), len(shape) - 1), p=b.number(1, 2))


def mean_variance(b: Builder) -> str:
    shape = (b.number(1, 2), b.number(1, 4), *(s + 1 for s in b.shape(2, 4)))
    axes = [[0, 2, 3], [2, 3], [0, 1, 2, 3], [1]][b.number(0, 3)]
    return b.op("MeanVarianceNormalization", b.input(b.real(shape)), axes=axes)


CASES = (softmax, softmax, layer, layer, by_channel, by_channel, across_channels, mean_variance)
