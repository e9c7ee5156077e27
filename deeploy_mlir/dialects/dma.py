"""The `dma` dialect: asynchronous transfers between memories.

    %token = dma.start %source to %destination if %condition : memref<…> to memref<…>
    dma.wait %token

A transfer reads its source and writes its destination at any time between its start and the end of the wait on its
token. Where the condition is false nothing is started and the token is that of `dma.none`; waiting for it is free.
"""

from __future__ import annotations

from xdsl.dialects.builtin import MemRefType, i1
from xdsl.ir import Attribute, Dialect, Operation, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import (
    IRDLOperation,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    result_def,
    traits_def,
)
from xdsl.traits import EffectInstance, MemoryEffect, MemoryEffectKind, Pure
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.mem import MemRef, memory_of, verify_transfer


@irdl_attr_definition
class TokenType(ParametrizedAttribute, TypeAttribute):
    """A transfer that was started, or none."""

    name = "dma.token"


class StartEffects(MemoryEffect):
    """A start reads its source and writes its destination."""

    @classmethod
    def get_effects(cls, op: Operation) -> set[EffectInstance]:
        assert isinstance(op, StartOp)
        return {
            EffectInstance(MemoryEffectKind.READ, op.source),
            EffectInstance(MemoryEffectKind.WRITE, op.destination),
        }


class WaitEffects(MemoryEffect):
    """A wait completes transfers: what follows may read what they wrote."""

    @classmethod
    def get_effects(cls, op: Operation) -> set[EffectInstance]:
        return {EffectInstance(MemoryEffectKind.READ), EffectInstance(MemoryEffectKind.WRITE)}


@irdl_op_definition
class StartOp(IRDLOperation):
    """Starts copying the elements of `source` to `destination`, which lie in two different memories."""

    name = "dma.start"
    source = operand_def(MemRefType)
    destination = operand_def(MemRefType)
    condition = opt_operand_def(i1)
    token = result_def(TokenType())
    traits = traits_def(StartEffects())
    assembly_format = (
        "$source `to` $destination (`if` $condition^)? attr-dict `:` type($source) `to` type($destination)"
    )

    def __init__(self, source: SSAValue, destination: SSAValue, condition: SSAValue | None = None) -> None:
        super().__init__(
            operands=[source, destination, [condition] if condition is not None else []], result_types=[TokenType()]
        )

    def verify_(self) -> None:
        verify_transfer("dma.start", self.source, self.destination)
        source, destination = self.source.type, self.destination.type
        assert isa(source, MemRefType[Attribute])
        assert isa(destination, MemRefType[Attribute])
        try:
            same = memory_of(source) == memory_of(destination)
        except ValueError as error:
            raise VerifyException(f"dma.start: {error}") from error
        if same:
            raise VerifyException(f"dma.start: {source} and {destination} lie in the same memory")


@irdl_op_definition
class WaitOp(IRDLOperation):
    """Returns when the transfer is complete."""

    name = "dma.wait"
    token = operand_def(TokenType())
    traits = traits_def(WaitEffects())
    assembly_format = "$token attr-dict"

    def __init__(self, token: SSAValue) -> None:
        super().__init__(operands=[token])


@irdl_op_definition
class NoneOp(IRDLOperation):
    """The token of no transfer."""

    name = "dma.none"
    token = result_def(TokenType())
    traits = traits_def(Pure())
    assembly_format = "attr-dict"

    def __init__(self) -> None:
        super().__init__(result_types=[TokenType()])


Dma = Dialect("dma", [StartOp, WaitOp, NoneOp], [TokenType])

__all__ = ["Dma", "MemRef", "NoneOp", "StartOp", "TokenType", "WaitOp"]
