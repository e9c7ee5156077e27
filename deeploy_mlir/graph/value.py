"""The tensors of a network while it is imported or rewritten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from xdsl.ir import Attribute, SSAValue

from deeploy_mlir.dialects import qnn
from deeploy_mlir.dialects.graph_op import tensor_type
from deeploy_mlir.graph.types import AnyTensor, tensor
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, element_type_of


@dataclass(eq=False)
class Value:
    """A tensor of the network while it is imported.

    A constant has `source`, which computes it when it is asked for; it gets SSA values only where it is used.
    `retyped`: the ONNX file says float, but the tensor carries integers here. `bits`: of a constant of fewer than 8
    bits, which is kept in bytes."""

    name: str
    ssa: SSAValue | None = None
    source: Callable[[], Array] | None = None
    retyped: bool = False
    bits: int | None = None
    _array: Array | None = field(default=None, init=False)

    @staticmethod
    def of_array(array: Array, name: str) -> Value:
        """A constant."""
        value = Value(name, source=lambda: array)
        value._array = array
        return value

    def known(self) -> Array | None:
        """The constant's value, None if this is no constant."""
        if self._array is None and self.source is not None:
            self._array = self.source()
        return self._array

    def array(self) -> Array:
        """The constant's value. Raises DeeployError if this is no constant."""
        found = self.known()
        if found is None:
            raise DeeployError("must be a constant", self.name)
        return found

    @property
    def is_constant(self) -> bool:
        """Whether the value is known when the network is compiled."""
        return self.source is not None

    @property
    def type(self) -> AnyTensor:
        """Tensor type; of a constant without SSA value that of its array."""
        if self.ssa is not None:
            return tensor_type(self.ssa)
        array = self.array()
        try:
            return tensor(element_type_of(array.dtype), array.shape)
        except TypeError:
            raise DeeployError(f"has element type {array.dtype}, which is not supported", self.name) from None

    @property
    def shape(self) -> tuple[int, ...]:
        """The static shape."""
        return tuple(self.type.get_shape())

    @property
    def element_type(self) -> Attribute:
        """The element type."""
        return cast(Attribute, self.type.element_type)

    @property
    def is_integer(self) -> bool:
        """Whether the elements are integers of at least 8 bits."""
        return qnn.is_integer(self.element_type)
