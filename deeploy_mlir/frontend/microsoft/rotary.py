"""RotaryEmbedding, and the positions that it takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.numpy_types import numpy_dtype


def from_first(c: Calculation, first: Value, batch: int, length: int) -> Value:
    """Positions [batch, length] that count up from `first`, of one element or one for each of the batch."""
    steps = c.constant(np.arange(length, dtype=numpy_dtype(first.element_type)).reshape(1, length))
    return c.broadcast(c.plus(c.reshape(first, (-1, 1)), steps), (batch, length))


def rotary_embedding(c: Calculation) -> Sequence[Value]:
    """RotaryEmbedding of [batch, length, hidden] or [batch, heads, length, head size]."""
    node = c.node
    x, positions, cos, sin = (node.required(i) for i in range(4))
    heads, rotated = node.integer("num_heads", 0), node.integer("rotary_embedding_dim", 0)
    if len(x.shape) not in (3, 4):
        raise c.error(f"of a tensor of shape {list(x.shape)} is not supported")
    batch, length = x.shape[0], x.shape[1 if len(x.shape) == 3 else 2]
    if len(x.shape) == 3 and not heads:
        heads = x.shape[2] // (2 * cos.shape[-1])
    if positions.shape in ((), (1,)) and (batch, length) != (1, 1):
        positions = from_first(c, positions, batch, length)
    positions = c.reshape(c.whole(positions), (batch, length))
    attributes = {"interleaved": node.integer("interleaved", 0), "rotary_embedding_dim": rotated, "num_heads": heads}
    return [c.apply("RotaryEmbedding", x, cos, sin, positions, **attributes)]
