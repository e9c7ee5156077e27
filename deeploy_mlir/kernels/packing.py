"""Layouts of constant operands that a kernel binding asks for, made when the plan is written."""

from __future__ import annotations

import abc
from collections.abc import Sequence

from deeploy_mlir.support.numpy_types import Array


class Packing(abc.ABC):
    """A layout of a constant operand in bytes: an array uint8[blocks, bytes of a block].

    Each block belongs to `block` iterations of dimension `dim` of the kernel's iteration space, so that a tile that
    starts and ends at multiples of it needs whole blocks; the binding's tile constraints and splits see to that.
    Without a dimension there is one block. Packings that compare equal make one copy of a constant."""

    dim: int | None = None
    block: int = 1

    @abc.abstractmethod
    def pack(self, plain: Array) -> Array:
        """The packed form of the whole operand."""

    @abc.abstractmethod
    def unpack(self, packed: Array, shape: Sequence[int]) -> Array:
        """The inverse, for a run of blocks; `shape` is that of the part of the plain operand that they hold.

        What every level's interpreter runs on."""
