"""How the cores of an engine share a tile: along one dimension, in contiguous runs. Free of IR.

Core i of n takes the iterations from floor(i * size / n) to floor((i + 1) * size / n)."""

from __future__ import annotations

from collections.abc import Sequence

from deeploy_mlir.space.iteration_space import IterationSpace, split_evenly

NARROW_WINDOWS = 1.45
"""How much longer a padded operator takes where cores share its inner spatial dimensions: little is left of each row
beside the borders, and what is inside is only known at run time. Measured: depthwise 1.5 to 1.57, 3x3 1.26 to 1.47."""


def core_split_dim(space: IterationSpace, sizes: Sequence[int], cores: int) -> int | None:
    """The dimension that the cores share a tile of these sizes along; None if no dimension can be cut.

    The best balanced one: least ceil(size / cores) / size, inner dimensions of padded windows counting
    `NARROW_WINDOWS` times; of equals the outermost, whose parts are contiguous."""
    candidates = [d for d in space.tileable if sizes[d] > 1]
    if not candidates:
        return space.tileable[0] if space.tileable else None

    def time(dim: int) -> float:
        narrow = NARROW_WINDOWS if dim in space.inner_window_dims else 1.0
        return split_evenly(sizes[dim], cores) / sizes[dim] * narrow

    return min(candidates, key=lambda d: (time(d), d))
