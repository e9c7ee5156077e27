"""The masks of attention, on scores [batch, heads, queries, keys]."""

from __future__ import annotations

from typing import Any, cast

import ml_dtypes
import numpy as np
from xdsl.ir import Attribute

from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.numpy_types import numpy_dtype


def lowest(element: Attribute) -> float:
    """The lowest number of a float type: the score of a key that is not seen."""
    return float(cast(Any, ml_dtypes.finfo(numpy_dtype(element))).min)


def causal(c: Calculation, queries: int, keys: int) -> Value:
    """Which keys a query sees where it sees none after it; the last query is at the last key. [1, 1, queries, keys]."""
    places = c.constant(np.arange(keys - queries, keys).reshape(1, 1, queries, 1))
    return c.apply("LessOrEqual", c.constant(np.arange(keys).reshape(1, 1, 1, keys)), places)


def hides_nothing(mask: Value, batch: int, keys: int) -> bool:
    """Whether a mask only takes an input's place: it has one element for all keys, or for all of the batch too."""
    return mask.shape in ((batch, 1), (1, 1)) and mask.shape != (batch, keys)


def by_index(c: Calculation, mask: Value, batch: int, queries: int, keys: int, hidden: float, like: Value) -> Value:
    """What is added to the scores for a `mask_index` or `key_padding_mask`: `hidden` for what it hides, else 0, in the
    element type of `like`.

    Its shapes: [batch] lengths of the key sequences; [2 batch] ends, then starts; [3 batch + 2] lengths, then offsets
    that are not needed; [batch, keys] and [batch, queries, keys] with 0 for hidden keys; [batch, 1, most, most], of
    which the last `queries` rows up to `keys` count. Raises DeeployError for any other shape."""
    shape = mask.shape
    if shape in ((batch,), (2 * batch,), (3 * batch + 2,)):
        places = c.constant(np.arange(keys, dtype=numpy_dtype(mask.element_type)).reshape(1, 1, 1, keys))
        ends = c.reshape(c.part(mask, 0, 0, batch), (batch, 1, 1, 1))
        seen = c.apply("Less", places, ends)
        if shape == (2 * batch,):
            starts = c.reshape(c.part(mask, 0, batch, 2 * batch), (batch, 1, 1, 1))
            seen = c.apply("And", seen, c.apply("GreaterOrEqual", places, starts))
    elif shape == (batch, keys):
        seen = c.apply("Greater", c.reshape(mask, (batch, 1, 1, keys)), 0)
    elif shape == (batch, queries, keys):
        seen = c.apply("Greater", c.reshape(mask, (batch, 1, queries, keys)), 0)
    elif len(shape) == 4 and shape[:2] == (batch, 1) and shape[2] == shape[3] >= keys:
        rows = c.part(mask, 2, keys - queries, keys)
        seen = c.apply("Greater", c.part(rows, 3, 0, keys), 0)
    else:
        raise c.error(
            f"with a mask of shape {list(shape)} for a batch of {batch}, {queries} queries and {keys} keys is not "
            "supported"
        )
    return c.choose(seen, 0.0, hidden, like.element_type)
