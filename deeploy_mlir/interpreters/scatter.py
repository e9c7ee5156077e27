"""`kernel.scatter` on numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deeploy_mlir.dialects.kernel.scatter import DATA, INDICES, POSITIONS, UPDATES, ScatterOp
from deeploy_mlir.interpreters.scalar import run_scalar_body
from deeploy_mlir.support.numpy_types import Array


def run_scatter(op: ScatterOp, arrays: Sequence[Array]) -> Array:
    """The new content of the output, for the contents of `ins` (all of the same tile)."""
    assert op.body is not None
    updates = np.moveaxis(arrays[UPDATES], op.along, 0)
    indices = np.broadcast_to(arrays[INDICES], arrays[UPDATES].shape)
    result: Array = np.moveaxis(arrays[DATA], op.along, 0).copy()
    if not result.size:
        return np.moveaxis(result, 0, op.along)
    rows = np.moveaxis(indices, op.along, 0) - arrays[POSITIONS][0]
    others: Any = np.indices(result.shape[1:])
    for number, row in enumerate(rows.reshape(len(updates), *result.shape[1:])):
        hit: Array = (row >= 0) & (row < len(result))
        place = (row[hit], *(other[hit] for other in others))
        result[place] = run_scalar_body(op.body, [result[place], updates[number][hit]])
    return np.moveaxis(result, 0, op.along)
