"""One ONNX node while it is imported: inputs as values, attributes as Python values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from xdsl.dialects.builtin import IntegerType

from deeploy_mlir.graph.emitter import Emitter
from deeploy_mlir.graph.types import checked_tensor, element_of_onnx
from deeploy_mlir.graph.value import Value
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array


@dataclass
class Node:
    """A node: operator and domain, its name, inputs by position (None: absent), attributes, names of its outputs
    ("" where not computed), and the version of the standard operator set that it is written for."""

    op_type: str
    domain: str
    name: str
    inputs: list[Value | None]
    attrs: dict[str, Any]
    outputs: tuple[str, ...]
    opset: int

    def input(self, index: int) -> Value | None:
        """The input at this position, None if it is absent."""
        return self.inputs[index] if index < len(self.inputs) else None

    def required(self, index: int) -> Value:
        """The input at this position. Raises DeeployError if it is absent."""
        value = self.input(index)
        if value is None:
            raise DeeployError(f"{self.op_type} needs an input {index}, which is missing", self.name)
        return value

    def set_input(self, index: int, value: Value | None) -> None:
        """Put a value at this position."""
        self.inputs.extend([None] * (index + 1 - len(self.inputs)))
        self.inputs[index] = value

    def constant_input(self, index: int) -> Array | None:
        """The value of a constant input, None if it is absent. Raises DeeployError if it is not constant."""
        value = self.input(index)
        if value is None:
            return None
        if not value.is_constant:
            raise DeeployError(f"input {index} of {self.op_type} ('{value.name}') must be a constant", self.name)
        return value.array()

    def number(self, name: str, default: float | None = None) -> float:
        """A number attribute, which may also be a tensor of one element. Raises DeeployError if it is missing."""
        value = self.attrs.get(name, default)
        if value is None:
            raise DeeployError(f"{self.op_type} needs the attribute '{name}'", self.name)
        array = np.asarray(value)
        if array.size != 1:
            raise DeeployError(f"attribute '{name}' of {self.op_type} must be one number, not {value}", self.name)
        return float(array.reshape(()))

    def integer(self, name: str, default: int | None = None) -> int:
        """An integral number attribute; see `number`. Raises DeeployError if it is not integral."""
        value = self.number(name, default)
        if not value.is_integer():
            raise DeeployError(f"attribute '{name}' of {self.op_type} must be an integer, not {value}", self.name)
        return int(value)

    @property
    def wanted(self) -> list[bool]:
        """Which outputs are computed, without trailing ones that are not."""
        flags = [bool(name) for name in self.outputs]
        while flags and not flags[-1]:
            flags.pop()
        return flags


Rule = Callable[[Emitter, Node], "list[Value] | None"]
"""Turns a node into operations and gives its outputs; or changes the node in place and gives None."""


def attribute_value(proto: onnx.AttributeProto, node: str) -> Any:
    """The Python value of an attribute: int, float, str, list, array (tensors) or GraphProto.

    Raises DeeployError for kinds that no supported operator has (types, references outside a function)."""
    if proto.ref_attr_name:
        raise DeeployError(f"attribute '{proto.name}' refers to '{proto.ref_attr_name}' outside a function", node)
    value: Any = onnx.helper.get_attribute_value(proto)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, onnx.TensorProto):
        return tensor_value(value, f"{node}.{proto.name}")
    if isinstance(value, onnx.SparseTensorProto):
        return sparse_value(value, f"{node}.{proto.name}")
    if isinstance(value, int | float | onnx.GraphProto):
        return value
    if isinstance(value, onnx.TypeProto):
        raise DeeployError(f"attribute '{proto.name}' is a type, which is not supported", node)
    if value is None:
        raise DeeployError(f"attribute '{proto.name}' has no value", node)
    return [item.decode(errors="replace") if isinstance(item, bytes) else item for item in value]


def tensor_value(proto: onnx.TensorProto, name: str, base_dir: str = "") -> Array:
    """The array of a tensor. Raises DeeployError for data that do not fit its shape, or unsupported element types."""
    four_bits = proto.data_type in (onnx.TensorProto.INT4, onnx.TensorProto.UINT4)
    checked_tensor(IntegerType(8) if four_bits else element_of_onnx(proto.data_type, name), proto.dims, name)
    try:
        return np.asarray(onnx.numpy_helper.to_array(proto, base_dir))
    except Exception as error:  # numpy, onnx and the file system each raise their own
        raise DeeployError(f"cannot read the tensor: {error}", name) from None


def sparse_value(proto: onnx.SparseTensorProto, name: str) -> Array:
    """The dense array of a sparse tensor. Raises DeeployError for indices outside its shape."""
    values, indices = tensor_value(proto.values, name), tensor_value(proto.indices, name)
    shape = tuple(checked_tensor(element_of_onnx(proto.values.data_type, name), proto.dims, name).get_shape())
    try:
        out = np.zeros(int(np.prod(shape)), values.dtype)
        flat = indices if indices.ndim == 1 else np.ravel_multi_index(tuple(indices.T), shape)
        out[flat] = values
    except (ValueError, IndexError, MemoryError) as error:
        raise DeeployError(f"cannot read the sparse tensor: {error}", name) from None
    return out.reshape(shape)
