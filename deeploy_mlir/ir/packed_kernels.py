"""Kernels with packed inputs (`kernel.packed`), and what they were before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, IntegerType, MemRefType, Signedness, TensorType
from xdsl.ir import Attribute, Block, SSAValue

from deeploy_mlir.dialects.kernel import KernelOp, PackedAttr
from deeploy_mlir.ir.kernel_on_memrefs import kernel_on

BYTE = IntegerType(8, Signedness.UNSIGNED)


def packed_type(blocks: int, block_bytes: int) -> TensorType[Attribute]:
    """The type of a packed constant."""
    return TensorType(BYTE, [blocks, block_bytes])


def with_packed(kernel: KernelOp, packed: Mapping[int, tuple[PackedAttr, Attribute]]) -> KernelOp:
    """The kernel on values of its own whose packed inputs, by number, have the types given; all on tensors."""
    types = [v.type for v in kernel.operands_accessed]
    for number, (_, packed_as) in packed.items():
        types[number] = packed_as
    clone = kernel_on(kernel, Block(arg_types=types).args, None)
    clone.packed = ArrayAttr([attr for attr, _ in packed.values()])
    return clone


def without_packed(kernel: KernelOp, shapes: Mapping[int, Sequence[int]]) -> KernelOp:
    """The kernel on values of its own as it was before its inputs were packed: those have the shapes given."""
    types: list[Attribute] = [v.type for v in kernel.operands_accessed]
    for number, shape in shapes.items():
        packed = kernel.packed_input(number)
        assert packed is not None
        make = MemRefType if isinstance(types[number], MemRefType) else TensorType[Attribute]
        types[number] = make(packed.plain.element_type, list(shape))
    operands = Block(arg_types=types).args
    origins: Sequence[SSAValue] | None = None if kernel.local is None else kernel.origins
    clone = kernel_on(kernel, operands, origins)
    clone.packed = None
    return clone


def plain_kernel(kernel: KernelOp) -> KernelOp:
    """The kernel with whole unpacked inputs: what its binding was asked about."""
    shapes = {p.operand.data: cast(Sequence[int], p.plain.get_shape()) for p in kernel.packed or ()}
    return without_packed(kernel, shapes) if shapes else kernel
