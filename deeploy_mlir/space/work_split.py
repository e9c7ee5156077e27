"""How the cores of an engine share a tile: along one or two dimensions, in contiguous runs. Free of IR.

Of n shares of a dimension, share i has the iterations from floor(i * size / n) to floor((i + 1) * size / n)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

from deeploy_mlir.space.iteration_space import IterationSpace

NARROW_WINDOWS = 1.45
"""How much longer a padded operator takes where cores share its inner spatial dimensions: little is left of each row
beside the borders, and what is inside is only known at run time. Measured: depthwise 1.5 to 1.57, 3x3 1.26 to 1.47."""
WORTH = 1.3
"""How much longer the largest share may be than that of the best balanced split, for a split to be worth pricing."""
BALANCED = 1.1
"""How much longer than total / cores the largest share may be for two dimensions not to be looked at."""


@dataclass(frozen=True)
class CoreSplit:
    """Dimensions that cores share, ascending, and the number of shares of each. Without dimensions one core works.

    With two dimensions of a and b shares, core i has share i // b of the first and i % b of the second; cores from
    a * b on have nothing."""

    dims: tuple[int, ...] = ()
    shares: tuple[int, ...] = ()

    @property
    def cores(self) -> int:
        """Cores that work."""
        return prod(self.shares)

    def largest_share(self, sizes: Sequence[int]) -> list[int]:
        """The dimension sizes of the largest share of a tile."""
        result = list(sizes)
        for dim, count in zip(self.dims, self.shares, strict=True):
            result[dim] = -(-sizes[dim] // count)
        return result


ONE_CORE = CoreSplit()


def core_splits(space: IterationSpace, sizes: Sequence[int], cores: int) -> tuple[CoreSplit, ...]:
    """The ways to share a tile of these sizes that may be worth it, the best balanced first; `ONE_CORE` if no dimension
    can be cut.

    Balance is the least ceil(size / cores) / size, inner dimensions of padded windows counting `NARROW_WINDOWS` times;
    of equals the outermost comes first, whose parts are contiguous. Two dimensions are shared only where none is
    balanced by itself."""
    if cores == 1:
        return (ONE_CORE,)
    dims = [d for d in space.tileable if sizes[d] > 1]
    if not dims:
        return (CoreSplit((space.tileable[0],), (cores,)) if space.tileable else ONE_CORE,)

    windows = space.inner_window_dims

    def time(split: CoreSplit) -> float:
        parts = [-(-sizes[d] // n) / sizes[d] for d, n in zip(split.dims, split.shares, strict=True)]
        return prod(parts) * (NARROW_WINDOWS if windows.intersection(split.dims) else 1.0)

    splits = [CoreSplit((d,), (cores,)) for d in dims]
    if min(time(s) for s in splits) * cores > BALANCED:
        splits += [
            CoreSplit(pair, (first, cores // first))
            for pair in combinations(dims, 2)
            for first in range(2, cores)
            if cores % first == 0 and sizes[pair[0]] >= first and sizes[pair[1]] >= cores // first
        ]
    splits.sort(key=lambda s: (time(s), len(s.dims), s.dims))
    return tuple(s for s in splits if time(s) <= time(splits[0]) * WORTH)
