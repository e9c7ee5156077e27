"""The masks of attention, as tensors that are added to the scores [batch, heads, queries, keys]."""

from __future__ import annotations

from typing import Any, cast

import ml_dtypes
import numpy as np
from xdsl.ir import Attribute

from deeploy_mlir.graph.calculation import Calculation
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.numpy_types import numpy_dtype


def causal(c: Calculation, queries: int, keys: int, element: Attribute) -> Value:
    """No query sees a later key; the last query is at the last key. [1, 1, queries, keys]."""
    seen = np.tril(np.ones((queries, keys), np.bool_), keys - queries)
    dtype = numpy_dtype(element)
    lowest = float(cast(Any, ml_dtypes.finfo(dtype)).min)
    return c.constant(np.where(seen, 0, lowest).astype(dtype).reshape(1, 1, queries, keys))


def by_index(c: Calculation, mask: Value, batch: int, queries: int, keys: int, hidden: float, like: Value) -> Value:
    """What a `mask_index` or `key_padding_mask` hides gets `hidden`, the rest 0, in the element type of `like`.

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
