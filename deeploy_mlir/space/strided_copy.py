"""The geometry of a strided copy between two memrefs: runs of bytes and the dimensions around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class StridedDim(Generic[T]):
    """One dimension of a copy: number of elements and the step between them on either side, in elements."""

    size: T | int
    source_stride: int
    destination_stride: int


@dataclass(frozen=True)
class StridedCopy(Generic[T]):
    """`dims` (outermost first) around a run of `line` elements that are contiguous on both sides."""

    dims: tuple[StridedDim[T], ...]
    line: T | int
    line_elements: int
    """Elements that each unit of `line` stands for."""


def strided_copy(
    sizes: Sequence[T | int], source_strides: Sequence[int], destination_strides: Sequence[int]
) -> StridedCopy[T]:
    """Merges the axes of a copy as far as they are contiguous on both sides; axes of one element vanish.

    A size that is not an int is only known at run time: it may be merged into from outside no further."""
    dims: list[StridedDim[T]] = []
    line: T | int = 1
    unit = 1
    open_line = True
    for size, s, d in reversed(list(zip(sizes, source_strides, destination_strides, strict=True))):
        if isinstance(size, int) and size == 1:
            continue
        contiguous = isinstance(line, int) and s == d == line * unit
        if open_line and contiguous:
            assert isinstance(line, int)
            if isinstance(size, int):
                line = line * size
            else:
                line, unit, open_line = size, line * unit, False
            continue
        open_line = False
        if dims:
            inner = dims[-1]
            fits = isinstance(inner.size, int) and (s, d) == (
                inner.source_stride * inner.size,
                inner.destination_stride * inner.size,
            )
            if fits and isinstance(inner.size, int) and isinstance(size, int):
                dims[-1] = StridedDim(size * inner.size, inner.source_stride, inner.destination_stride)
                continue
        dims.append(StridedDim(size, s, d))
    return StridedCopy(tuple(reversed(dims)), line, unit)
