"""Which operations on memrefs touch the memory that a memref lies in, by the places that they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xdsl.dialects.builtin import MemRefType
from xdsl.dialects.memref import GetGlobalOp, SubviewOp
from xdsl.ir import Operation, SSAValue

from deeploy_mlir.dialects.dma import StartOp
from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.dialects.mem import CopyOp, ReshapeOp, ViewOp

Place = tuple[SSAValue | str, int, int]
"""What a memref lies in (an arena or array by its symbol, else a value), its first byte there and the one behind it."""


def buffer_of(value: SSAValue) -> ViewOp | GetGlobalOp | None:
    """What a memref is a part of; None where that is an argument."""
    owner = _root(value).owner
    return owner if isinstance(owner, ViewOp | GetGlobalOp) else None


def _root(value: SSAValue) -> SSAValue:
    while isinstance(owner := value.owner, SubviewOp | ReshapeOp):
        value = owner.source
    return value


def places_of(value: SSAValue) -> Iterator[Place]:
    """Where a memref may lie: more than one place where a buffer is chosen at run time."""
    root = _root(value)
    if isinstance(root.owner, ViewOp):
        extent = root.owner.extent_bytes()
        for offset in root.owner.offsets.get_values():
            yield root.owner.arena.root_reference.data, offset, offset + extent
    elif isinstance(root.owner, GetGlobalOp):
        yield root.owner.name_.root_reference.data, 0, 1
    else:
        yield root, 0, 1


def overlap(first: SSAValue, second: SSAValue) -> bool:
    """Whether two memrefs may share bytes."""
    others = list(places_of(second))
    return any(a == b and low < top and start < end for a, low, end in places_of(first) for b, start, top in others)


def touched_by(ops: Iterable[Operation], value: SSAValue) -> bool:
    """Whether kernels, copies or transfers in or among `ops` touch memory that `value` may lie in."""
    return any(overlap(operand, value) for op in ops for inner in op.walk() for operand in _memrefs(inner))


def written_by(ops: Iterable[Operation], value: SSAValue) -> bool:
    """Whether kernels, copies or transfers in or among `ops` write memory that `value` may lie in."""
    return any(overlap(operand, value) for op in ops for inner in op.walk() for operand in _written(inner))


def _memrefs(op: Operation) -> Iterator[SSAValue]:
    if isinstance(op, KernelOp | CopyOp | StartOp):
        yield from (operand for operand in op.operands if isinstance(operand.type, MemRefType))


def _written(op: Operation) -> Iterator[SSAValue]:
    if isinstance(op, KernelOp):
        yield op.out
    elif isinstance(op, CopyOp | StartOp):
        yield op.destination
