"""Constant second operands of matrix products with their columns contiguous, for products that are taken in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

import numpy as np
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    IntAttr,
    MemRefType,
    NoneAttr,
    StridedLayoutAttr,
    TensorType,
    UnitAttr,
)
from xdsl.ir import Attribute, Block

from deeploy_mlir.dialects.kernel.base import KernelOp, element_type_of_value
from deeploy_mlir.dialects.kernel.ops import MatmulOp
from deeploy_mlir.ir.kernel_on_memrefs import kernel_on
from deeploy_mlir.kernels.packing import Packing
from deeploy_mlir.support.numpy_types import Array


@dataclass(frozen=True)
class Columns(Packing):
    """The operand [.., k, n] of one matrix as [n, k]: a block for each column."""

    dim: int | None = None
    dtype: str = "int8"
    """numpy's name of the elements' type."""

    def pack(self, plain: Array) -> Array:
        matrix = plain.reshape(plain.shape[-2:])
        return np.ascontiguousarray(matrix.T).view(np.uint8)

    def unpack(self, packed: Array, shape: Sequence[int]) -> Array:
        columns = np.ascontiguousarray(packed).view(np.dtype(self.dtype))
        return np.ascontiguousarray(columns.T).reshape(shape)


def packs_columns(op: KernelOp) -> bool:
    """Whether the second operand of a kernel is one matrix whose columns are not contiguous."""
    return isinstance(op, MatmulOp) and op.transpose_b is None and prod(op.in_shape(1)[:-2]) == 1


def with_columns(op: KernelOp) -> KernelOp:
    """A product of its own operands like `op`, whose second one has its columns contiguous: [.., n, k].

    `op` has it packed as `Columns`, or, on tensors, not yet packed."""
    types: list[Attribute] = [v.type for v in op.operands_accessed]
    packed, element = op.packed_input(1), element_type_of_value(op.ins[1])
    lead: list[int] = [1] * (len(op.in_shape(0)) - 2)
    if packed is None:
        k, n = op.in_shape(1)[-2:]
        types[1] = TensorType(element, [*lead, n, k])
    else:
        element, k = packed.plain.element_type, packed.plain.get_shape()[-2]
        n = cast("MemRefType[Attribute]", op.ins[1].type).get_shape()[0]
        whole = 1 if n == DYNAMIC_INDEX else n * k
        strides = ArrayAttr([IntAttr(s) for s in [*[whole] * len(lead), k, 1]])
        types[1] = MemRefType(element, [*lead, n, k], StridedLayoutAttr(strides, NoneAttr()))
    result = kernel_on(op, Block(arg_types=types).args, None)
    result.packed = None
    result.properties["transpose_b"] = UnitAttr()
    return result
