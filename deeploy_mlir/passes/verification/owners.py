"""Who wrote each byte of an array last."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from deeploy_mlir.passes.verification.regions import Region, bytes_in

UNWRITTEN = 0

SMALL = 1 << 22
"""Arrays of at most so many bytes have an entry for each, larger ones intervals while their regions are few."""
FEW = 4096


def intervals(region: Region) -> tuple[int, list[tuple[int, int]]]:
    """A region as runs of bytes that follow each other: the length of each, and (number, distance) of the runs along
    each axis that separates them."""
    length, apart = region.buffer.element_bytes, list[tuple[int, int]]()
    axes = sorted(zip(region.buffer.strides, region.sizes, strict=True))
    for stride, size in axes:
        if size == 1:
            continue
        if not apart and stride == length:
            length *= size
        else:
            apart.append((size, stride))
    return length, apart


def _runs(region: Region) -> Iterator[tuple[int, int]]:
    """First byte and the one behind of each run."""
    length, apart = intervals(region)
    for indices in product(*(range(size) for size, _ in apart)):
        low = region.low + sum(i * stride for i, (_, stride) in zip(indices, apart, strict=True))
        yield low, low + length


class Owners:
    """A number for each byte of an array: that of the last writer, `UNWRITTEN` at first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: npt.NDArray[np.int32] | None = np.zeros(size, np.int32) if size <= SMALL else None
        self._starts: list[int] = [0]
        self._numbers: list[int] = [UNWRITTEN]
        """Of large arrays: where intervals begin, and the number of each."""

    def own(self, region: Region, number: int) -> None:
        """The region is written by `number`."""
        entries = self._each(region)
        if entries is not None:
            bytes_in(entries, region)[...] = number
            return
        for low, high in _runs(region):
            first, last = bisect_right(self._starts, low) - 1, bisect_right(self._starts, high) - 1
            starts, numbers = [low], [number]
            if self._starts[first] < low:
                starts, numbers = [self._starts[first], low], [self._numbers[first], number]
            if high < self._size and self._starts[last] != high:
                starts.append(high)
                numbers.append(self._numbers[last])
            end = last + 1 if self._starts[last] != high else last
            self._starts[first:end], self._numbers[first:end] = starts, numbers

    def other(self, region: Region, number: int) -> int | None:
        """The number of some byte of the region that is not `number`'s; None if all are."""
        entries = self._each(region)
        if entries is not None:
            found = bytes_in(entries, region)
            return None if (found == number).all() else int(found[found != number][0])
        for low, high in _runs(region):
            at = bisect_right(self._starts, low) - 1
            while at < len(self._starts) and self._starts[at] < high:
                if self._numbers[at] != number:
                    return self._numbers[at]
                at += 1
        return None

    def _each(self, region: Region) -> npt.NDArray[np.int32] | None:
        """An entry for each byte; None while intervals do."""
        if self._entries is None and prod(size for size, _ in intervals(region)[1]) > FEW:
            ends = [*self._starts[1:], self._size]
            lengths = [end - start for start, end in zip(self._starts, ends, strict=True)]
            self._entries = np.repeat(np.array(self._numbers, np.int32), lengths)
        return self._entries
