"""Parts of buffers, by byte: whether two overlap, and who wrote one last."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided


@dataclass(frozen=True)
class Buffer:
    """A strided array at byte `offset` of the array named `symbol`; strides are in bytes.

    `key` says whose data it holds: buffers of one key may hand data to each other, all others must not meet."""

    symbol: str
    memory: str
    offset: int
    strides: tuple[int, ...]
    element_bytes: int
    key: Hashable
    name: str


@dataclass(frozen=True)
class Region:
    """A box of a buffer, in elements."""

    buffer: Buffer
    starts: tuple[int, ...]
    sizes: tuple[int, ...]

    @cached_property
    def empty(self) -> bool:
        return any(s <= 0 for s in self.sizes)

    @property
    def bytes(self) -> int:
        return prod(self.sizes) * self.buffer.element_bytes

    @cached_property
    def low(self) -> int:
        """Byte of `symbol`'s array where the region begins."""
        return self.buffer.offset + sum(i * s for i, s in zip(self.starts, self.buffer.strides, strict=True))

    @cached_property
    def high(self) -> int:
        """First byte behind the region."""
        reach = sum((n - 1) * s for n, s in zip(self.sizes, self.buffer.strides, strict=True))
        return self.low + reach + self.buffer.element_bytes

    @cached_property
    def dense(self) -> bool:
        """Whether every byte from the first to the last belongs to the region."""
        return self.high - self.low == self.bytes

    def overlaps(self, other: Region) -> bool:
        """Whether the regions have a byte in common."""
        if self.buffer.symbol != other.buffer.symbol or self.empty or other.empty:
            return False
        if self.low >= other.high or other.low >= self.high:
            return False
        a, b = self.buffer, other.buffer
        if (a.offset, a.strides, a.element_bytes) == (b.offset, b.strides, b.element_bytes):
            return all(
                i < j + m and j < i + n
                for i, n, j, m in zip(self.starts, self.sizes, other.starts, other.sizes, strict=True)
            )
        if self.dense and other.dense:
            return True
        base = min(self.low, other.low)
        mask = np.zeros(max(self.high, other.high) - base, np.bool_)
        bytes_in(mask, self, base)[...] = True
        return bool(bytes_in(mask, other, base).any())


def bytes_in(array: npt.NDArray[Any], region: Region, base: int = 0) -> npt.NDArray[Any]:
    """The entries of `array`, one a byte from byte `base` of the symbol's array on, that a region covers."""
    buffer = region.buffer
    shape = (*region.sizes, buffer.element_bytes)
    strides = (*(s * array.itemsize for s in buffer.strides), array.itemsize)
    return as_strided(array[region.low - base :], shape, strides)
