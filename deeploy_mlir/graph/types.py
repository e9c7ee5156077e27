"""Element types by name, ONNX's numbering of them, and the type rule by sample data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import onnx
from xdsl.dialects.builtin import (
    BFloat16Type,
    Float16Type,
    Float32Type,
    Float64Type,
    IntegerType,
    Signedness,
    TensorType,
)
from xdsl.ir import Attribute

from deeploy_mlir.dialects.qnn import integer_type
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, element_bytes, element_type_of, numpy_dtype

AnyTensor = TensorType[Any]

_NAMES: dict[str, Attribute] = {
    "bool": IntegerType(1),
    "i1": IntegerType(1),
    "bf16": BFloat16Type(),
    "bfloat16": BFloat16Type(),
    "f16": Float16Type(),
    "float16": Float16Type(),
    "f32": Float32Type(),
    "float": Float32Type(),
    "float32": Float32Type(),
    "f64": Float64Type(),
    "float64": Float64Type(),
    "double": Float64Type(),
}
for _bits in (8, 16, 32, 64):
    for _name in (f"i{_bits}", f"s{_bits}", f"si{_bits}", f"int{_bits}"):
        _NAMES[_name] = IntegerType(_bits)
    for _name in (f"ui{_bits}", f"u{_bits}", f"uint{_bits}"):
        _NAMES[_name] = IntegerType(_bits, Signedness.UNSIGNED)

MAX_BYTES = 1 << 31
"""A larger tensor is refused: no target of this compiler holds it."""

MAX_RANK = 32
"""A tensor with more axes is refused."""

INTEGRAL_TOLERANCE = 1e-3
"""How far a value may be from an integer and still count as one in the rule by sample data."""


def parse_element_type(name: str) -> Attribute:
    """The element type of a name such as `ui8`, `uint8`, `i32`, `f32`. Raises DeeployError for another name."""
    found = _NAMES.get(name.strip().lower())
    if found is None:
        raise DeeployError(
            f"unknown element type '{name}'; known are i8 ui8 i16 ui16 i32 ui32 i64 ui64 f16 bf16 f32 f64"
        )
    return found


def type_from_data(array: Array) -> Attribute:
    """The element type that sample data asks for: the smallest integer type (unsigned before signed) if every value is
    integral within `INTEGRAL_TOLERANCE`, else f32. All zeros stored as floats stay f32; an empty array is i8."""
    if array.size == 0:
        return IntegerType(8)
    if array.dtype.kind == "b":
        return IntegerType(1)
    if array.dtype.kind not in "iu":
        values = array.astype(np.float64)
        if not np.all(np.isfinite(values)) or not np.any(values):
            return Float32Type()
        if np.any(np.abs(values - np.trunc(values)) > INTEGRAL_TOLERANCE):
            return Float32Type()
        array = np.trunc(values)
    low, high = int(array.min()), int(array.max())
    if low < -(2**63) or high >= 2**64 or (low < 0 and high >= 2**63):
        return Float32Type()
    return integer_type(low, high)


def is_integral(array: Array) -> bool:
    """Whether every value of an array is exactly an integer of at most 63 bits."""
    if array.dtype.kind in "iub":
        return True
    values = np.asarray(array, dtype=np.float64)
    return bool(np.all(np.isfinite(values)) and np.all(values == np.trunc(values)) and np.all(np.abs(values) < 2.0**62))


def constant_type(array: Array) -> Attribute:
    """The element type of an integral constant: i8 if it fits, else ui8, i16, ui16, i32, i64."""
    if array.size == 0:
        return IntegerType(8)
    low, high = int(array.min()), int(array.max())
    for bits in (8, 16, 32, 64):
        if -(1 << (bits - 1)) <= low and high < 1 << (bits - 1):
            return IntegerType(bits)
        if low >= 0 and high < 1 << bits and bits < 32:
            return IntegerType(bits, Signedness.UNSIGNED)
    raise DeeployError(f"a constant has values in [{low}, {high}], which 64 bits do not hold")


def onnx_dtype(element: Attribute) -> int:
    """ONNX's TensorProto.DataType of an element type."""
    return int(onnx.helper.np_dtype_to_tensor_dtype(numpy_dtype(element)))


def element_of_onnx(data_type: int, what: str) -> Attribute:
    """The element type of a TensorProto.DataType. Raises DeeployError naming `what` for strings, complex, 4 bits ..."""
    try:
        return element_type_of(onnx.helper.tensor_dtype_to_np_dtype(data_type))
    except (TypeError, KeyError, ValueError):
        known = onnx.TensorProto.DataType.values()
        text = onnx.TensorProto.DataType.Name(cast(Any, data_type)) if data_type in known else str(data_type)
        raise DeeployError(f"has element type {text}, which is not supported", what) from None


def tensor(element: Attribute, shape: tuple[int, ...] | list[int]) -> AnyTensor:
    """A tensor type."""
    return TensorType(cast(Any, element), list(shape))


def checked_tensor(element: Attribute, shape: Sequence[int], what: str) -> AnyTensor:
    """A tensor type. Raises DeeployError naming `what` for more axes or bytes than anything here handles."""
    if len(shape) > MAX_RANK:
        raise DeeployError(f"has {len(shape)} axes; at most {MAX_RANK} are supported", what)
    if any(not 0 <= n < MAX_BYTES for n in shape) or math.prod(shape) * element_bytes(element) > MAX_BYTES:
        raise DeeployError(f"has shape {list(shape)}; a tensor of at most {MAX_BYTES >> 20} MiB is supported", what)
    return tensor(element, list(shape))


def type_proto(type_: AnyTensor) -> onnx.TypeProto:
    """The ONNX form of a tensor type."""
    return onnx.helper.make_tensor_type_proto(onnx_dtype(type_.element_type), list(type_.get_shape()))
