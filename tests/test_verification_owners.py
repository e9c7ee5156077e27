"""Owners of bytes, by entries and by intervals: the same answers."""

from __future__ import annotations

import numpy as np
import pytest

from deeploy_mlir.passes.verification import owners
from deeploy_mlir.passes.verification.owners import Owners
from deeploy_mlir.passes.verification.regions import Buffer, Region

SIZE = 600


def _region(rng: np.random.Generator) -> Region:
    """A box of a 2-D array that lies in `SIZE` bytes, row by row or transposed."""
    rows, columns, element = int(rng.integers(1, 8)), int(rng.integers(1, 12)), int(rng.choice([1, 2, 4]))
    pitch = element * (columns + int(rng.integers(0, 3)))
    strides = (pitch, element) if rng.integers(2) else (element, pitch)
    shape = (rows, columns) if strides[1] == element else (columns, rows)
    starts = tuple(int(rng.integers(n)) for n in shape)
    sizes = tuple(int(rng.integers(1, n - s + 1)) for n, s in zip(shape, starts, strict=True))
    offset = int(rng.integers(0, SIZE - rows * pitch + 1))
    return Region(Buffer("a", "l1", offset, strides, element, "key", "a"), starts, sizes)


@pytest.mark.parametrize("few", [1, 3, 4096])
def test_intervals_say_what_entries_say(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "FEW", few)
    rng = np.random.default_rng(0)
    for _ in range(60):
        by_entry = Owners(SIZE)
        monkeypatch.setattr(owners, "SMALL", 0)
        by_interval = Owners(SIZE)
        monkeypatch.setattr(owners, "SMALL", 1 << 22)
        for _ in range(20):
            region, number = _region(rng), int(rng.integers(1, 4))
            by_entry.own(region, number)
            by_interval.own(region, number)
            asked, expected = _region(rng), int(rng.integers(0, 4))
            assert (by_entry.other(asked, expected) is None) == (by_interval.other(asked, expected) is None)
            assert by_interval.other(region, number) is None


def test_large_arrays_take_no_memory() -> None:
    found = Owners(1 << 40)
    whole = Region(Buffer("a", "l2", 0, (1,), 1, "key", "a"), (0,), (1 << 40,))
    half = Region(Buffer("a", "l2", 1 << 39, (1,), 1, "key", "a"), (0,), (1 << 39,))
    assert found.other(whole, 1) == 0
    found.own(whole, 1)
    assert found.other(half, 1) is None
    found.own(half, 2)
    assert found.other(whole, 1) == 2
