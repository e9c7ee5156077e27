"""Values of inputs that are known when the network is compiled: they become constants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from deeploy_mlir.frontend.dimensions import Dimension
from deeploy_mlir.graph.types import element_of_onnx
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, numpy_dtype

MAX_ELEMENTS = 65536
"""Most elements of a value: it is meant for rates, lengths, switches and the like."""

Given = str | float | int | bool | Sequence[Any] | Array
"""A value as text (`16000`, `true`, `1,2,3`), or as numbers."""

_TRUTH = {"true": True, "false": False, "1": True, "0": False}


def input_value(
    value: onnx.ValueInfoProto, given: Given, dimensions: Sequence[Dimension], sizes: Mapping[str, int]
) -> Array:
    """The value of an input in its declared type and shape. A symbolic dimension without a size gets that of the value.

    Raises DeeployError for what is no number of the type, another number of elements, or an input that is no tensor."""
    if value.type.WhichOneof("value") != "tensor_type":
        raise DeeployError("is no tensor; a value can be given to a tensor only", value.name)
    dtype = numpy_dtype(element_of_onnx(value.type.tensor_type.elem_type, value.name))
    items = np.asarray(_of_text(value.name, given, dtype) if isinstance(given, str) else given)
    if items.dtype.kind not in "biufV":
        raise DeeployError(f"cannot have the value {given!r}; it takes numbers of type {dtype}", value.name)
    if items.size > MAX_ELEMENTS:
        raise DeeployError(f"is given {items.size} elements; at most {MAX_ELEMENTS} can be bound", value.name)
    with np.errstate(all="ignore"):
        array = items.astype(dtype)
    exact = dtype.kind in "iub"
    if exact and not all(int(a) == b for a, b in zip(array.reshape(-1), items.reshape(-1).tolist(), strict=True)):
        raise DeeployError(f"has type {dtype}, which does not hold the value {_short(given)}", value.name)
    shape = _shape(value, items, dimensions, sizes)
    if math.prod(shape) != items.size or (items.ndim > 1 and items.shape != shape):
        raise DeeployError(
            f"has shape {list(shape)}, but the value {_short(given)} has {items.size} elements"
            + (f" in shape {list(items.shape)}" if items.ndim > 1 else ""),
            value.name,
        )
    return np.ascontiguousarray(array.reshape(shape))


def _of_text(name: str, text: str, dtype: np.dtype[Any]) -> list[Any] | int | float | bool:
    """The numbers of a text: one, or several with commas between, in brackets or not."""
    inner = text.strip()
    listed = inner.startswith("[") and inner.endswith("]")
    inner = inner[1:-1] if listed else inner
    words = [word.strip() for word in inner.split(",")] if inner.strip() else []
    numbers = [_number(name, word, dtype) for word in words]
    return numbers if listed or len(numbers) != 1 else numbers[0]


def _number(name: str, word: str, dtype: np.dtype[Any]) -> int | float | bool:
    try:
        if dtype.kind == "b":
            return _TRUTH[word.lower()]
        return int(word) if dtype.kind in "iu" and len(word) <= 20 else _real(word, dtype)
    except (ValueError, KeyError):
        wanted = "true or false" if dtype.kind == "b" else f"a number of type {dtype}"
        raise DeeployError(f"cannot have the value '{_short(word)}'; it takes {wanted}", name) from None


def _real(word: str, dtype: np.dtype[Any]) -> float:
    if dtype.kind in "iu":
        raise ValueError(word)
    return float(word)


def _short(given: Given) -> str:
    text = str(given)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _shape(
    value: onnx.ValueInfoProto, items: Array, dimensions: Sequence[Dimension], sizes: Mapping[str, int]
) -> tuple[int, ...]:
    """The input's shape; where the file does not say it, that of the value."""
    proto = value.type.tensor_type
    if not proto.HasField("shape"):
        return items.shape
    shape = [dim.dim_value for dim in proto.shape.dim]
    unknown: list[int] = []
    for dimension in dimensions:
        size = dimension.size_in(sizes)
        shape[dimension.axis] = 1 if size is None else size
        unknown += [dimension.axis] if size is None else []
    if items.ndim == len(shape):
        return tuple(items.shape[a] if a in unknown else n for a, n in enumerate(shape))
    if len(unknown) == 1 and math.prod(shape) and items.size % math.prod(shape) == 0:
        shape[unknown[0]] = items.size // math.prod(shape)
    return tuple(shape)
