"""The `dma` dialect: asynchronous transfers between memories.

    %token = dma.start @mchan %source to %destination if %condition : memref<…> to memref<…>
    dma.wait %token : !dma.token<@mchan>

`@mchan` is a DMA engine of the system: one of its `soc.dma`s connects the two memories. The engines are asynchronous
to each other and to the cores; a token is one engine's. A transfer reads its source and writes its destination at any
time between its start and the end of the wait on its token. Where the condition is false nothing is started and the
token is that of `dma.none`; waiting for it is free.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import MemRefType, SymbolRefAttr, i1
from xdsl.ir import Attribute, Dialect, Operation, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import (
    BaseAttr,
    IRDLOperation,
    ParamAttrConstraint,
    ParsePropInAttrDict,
    VarConstraint,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import EffectInstance, MemoryEffect, MemoryEffectKind, Pure
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.mem import MemRef, memory_of, verify_transfer
from deeploy_mlir.dialects.soc import system_around


@irdl_attr_definition
class TokenType(ParametrizedAttribute, TypeAttribute):
    """A transfer that was started on a DMA engine, or none."""

    name = "dma.token"
    dma: SymbolRefAttr

    def __init__(self, dma: str | SymbolRefAttr) -> None:
        super().__init__(SymbolRefAttr(dma) if isinstance(dma, str) else dma)

    @property
    def dma_name(self) -> str:
        """The engine's name, without the @."""
        return self.dma.root_reference.data


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


def dma_of(token: SSAValue) -> str:
    """Name of the DMA engine that a token belongs to."""
    assert isinstance(token.type, TokenType)
    return token.type.dma_name


@irdl_op_definition
class StartOp(IRDLOperation):
    """Starts copying the elements of `source` to `destination`, which lie in two different memories, on an engine."""

    name = "dma.start"
    _D: ClassVar = VarConstraint("D", BaseAttr(SymbolRefAttr))
    dma = prop_def(_D)
    source = operand_def(MemRefType)
    destination = operand_def(MemRefType)
    condition = opt_operand_def(i1)
    token = result_def(ParamAttrConstraint(TokenType, (_D,)))
    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(StartEffects())
    assembly_format = (
        "$dma $source `to` $destination (`if` $condition^)? attr-dict `:` type($source) `to` type($destination)"
    )

    def __init__(
        self, dma: str | SymbolRefAttr, source: SSAValue, destination: SSAValue, condition: SSAValue | None = None
    ) -> None:
        token = TokenType(dma)
        super().__init__(
            operands=[source, destination, [condition] if condition is not None else []],
            result_types=[token],
            properties={"dma": token.dma},
        )

    def verify_(self) -> None:
        verify_transfer("dma.start", self.source, self.destination)
        source, destination = self.source.type, self.destination.type
        assert isa(source, MemRefType[Attribute])
        assert isa(destination, MemRefType[Attribute])
        try:
            ends = memory_of(source), memory_of(destination)
        except ValueError as error:
            raise VerifyException(f"dma.start: {error}") from error
        if ends[0] == ends[1]:
            raise VerifyException(f"dma.start: {source} and {destination} lie in the same memory")
        system = system_around(self)
        if system is None:
            return  # a fragment without its system
        name = dma_of(self.token)
        edges = [d for d in system.dmas if d.engine_name == name]
        if not any(d.connects(*ends) for d in edges):
            what = "does not copy" if edges else "is no DMA of the system, to copy"
            raise VerifyException(f"dma.start: @{name} {what} from @{ends[0]} to @{ends[1]}")


@irdl_op_definition
class WaitOp(IRDLOperation):
    """Returns when the transfer is complete."""

    name = "dma.wait"
    token = operand_def(TokenType)
    traits = traits_def(WaitEffects())
    assembly_format = "$token attr-dict `:` type($token)"

    def __init__(self, token: SSAValue) -> None:
        super().__init__(operands=[token])


@irdl_op_definition
class NoneOp(IRDLOperation):
    """The token of no transfer of an engine."""

    name = "dma.none"
    token = result_def(TokenType)
    traits = traits_def(Pure())
    assembly_format = "attr-dict `:` type($token)"

    def __init__(self, dma: str | SymbolRefAttr) -> None:
        super().__init__(result_types=[TokenType(dma)])


Dma = Dialect("dma", [StartOp, WaitOp, NoneOp], [TokenType])

__all__ = ["Dma", "MemRef", "NoneOp", "StartOp", "TokenType", "WaitOp", "dma_of"]
