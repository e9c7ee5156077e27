"""How the cores of an engine share a tile: along one dimension, in contiguous runs. Free of IR.

Core i of n takes the iterations from floor(i * size / n) to floor((i + 1) * size / n)."""

from __future__ import annotations

from collections.abc import Sequence

from deeploy_mlir.iteration_space import IterationSpace, split_evenly


def core_split_dim(space: IterationSpace, sizes: Sequence[int], cores: int) -> int | None:
    """The dimension that the cores share a tile of these sizes along; None if no dimension can be cut.

    The best balanced one: least ceil(size / cores) / size; of equals the outermost, whose parts are contiguous."""
    candidates = [d for d in space.tileable if sizes[d] > 1]
    if not candidates:
        return space.tileable[0] if space.tileable else None
    return min(candidates, key=lambda d: (split_evenly(sizes[d], cores) / sizes[d], d))
