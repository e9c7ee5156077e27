"""Element types, shapes and the base class of the `qnn` operations."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, cast

from xdsl.dialects.builtin import (
    IntegerType,
    TensorType,
)
from xdsl.dialects.builtin import Signedness as _Signedness
from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects.graph_op import GraphOp, tensor_type

AnyTensor = TensorType[Any]


def integer_type(low: int, high: int) -> IntegerType:
    """The smallest integer type whose range holds [low, high]; signed exactly if `low` is negative.

    Raises VerifyException if 64 bits do not hold it."""
    for bits in (8, 16, 32, 64):
        if low < 0 and -(1 << (bits - 1)) <= low and high < 1 << (bits - 1):
            return IntegerType(bits)
        if low >= 0 and high < 1 << bits:
            return IntegerType(bits, _Signedness.UNSIGNED)
    raise VerifyException(f"no integer type holds [{low}, {high}]")


def level_range(n_levels: int, signed: bool) -> tuple[int, int]:
    """Least and largest value of a tensor of `n_levels` levels."""
    return (-(n_levels // 2), n_levels // 2 - 1) if signed else (0, n_levels - 1)


def broadcast_shape(shape: Sequence[int], other: Sequence[int]) -> tuple[int, ...] | None:
    """numpy's broadcast of two shapes, None if they do not fit."""
    rank = max(len(shape), len(other))
    padded = [(1,) * (rank - len(s)) + tuple(s) for s in (shape, other)]
    out: list[int] = []
    for a, b in zip(*padded, strict=True):
        if a != b and 1 not in (a, b):
            return None
        out.append(b if a == 1 else a)
    return tuple(out)


def is_integer(element: Attribute) -> bool:
    """Whether an element type is an integer of at least 8 bits."""
    return integer_bits(element) >= 8


def integer_bits(element: Attribute) -> int:
    """Width of an integer element type, 0 for any other."""
    return int(cast(Any, element).width.data) if isinstance(element, IntegerType) else 0


def is_unsigned(element: Attribute) -> bool:
    """Whether an element type is an unsigned integer."""
    return isinstance(element, IntegerType) and cast(Any, element).signedness.data == _Signedness.UNSIGNED


class QnnOp(GraphOp):
    """Base: result types follow from the operand types, `infer`."""

    @abstractmethod
    def infer(self) -> Sequence[Attribute]:
        """Result types from operands and attributes. Raises VerifyException for operands that do not fit."""

    def operand_type(self, index: int) -> AnyTensor:
        """Type of the operand at this position."""
        return tensor_type(self.operands[index])

    def integer_operand(self, index: int) -> AnyTensor:
        """Type of the operand at this position, which must have integer elements."""
        found = self.operand_type(index)
        if not is_integer(found.element_type):
            name = self.get_irdl_definition().operands[index][0]
            raise VerifyException(
                f"{self.node_name}: operand '{name}' of {self.name} must have integer elements, but is {found}; "
                "give the types of the network's inputs, such as --input-type NAME=ui8"
            )
        return found

    def broadcasts(self, index: int, shape: Sequence[int]) -> None:
        """Check that the operand broadcasts to `shape`. Raises VerifyException naming both shapes."""
        found = self.operand_type(index)
        if broadcast_shape(found.get_shape(), shape) != tuple(shape):
            name = self.get_irdl_definition().operands[index][0]
            raise VerifyException(
                f"{self.node_name}: operand '{name}' of {self.name} has shape {list(found.get_shape())}, "
                f"which does not broadcast to {list(shape)}"
            )

    def positive(self, *names: str, power_of_two: bool = False) -> None:
        """Check that attributes are positive (and powers of two)."""
        for name in names:
            value: int = self.attr(name)
            if value <= 0 or (power_of_two and value & (value - 1)):
                kind = "a power of two" if power_of_two else "positive"
                raise VerifyException(f"{self.node_name}: attribute '{name}' of {self.name} is {value}, must be {kind}")

    def verify_(self) -> None:
        for expected, result in zip(self.infer(), self.results, strict=True):
            if result.type != expected:
                raise VerifyException(
                    f"{self.node_name}: {self.name} gives {expected}, but its result is {result.type}"
                )


def levels_type(x: AnyTensor, n_levels: int, signed: bool) -> AnyTensor:
    """`x` with the smallest element type for `n_levels` levels."""
    return cast(AnyTensor, TensorType(integer_type(*level_range(n_levels, signed)), x.get_shape()))
