"""The `offload` dialect: jobs of asynchronous engines.

    %token = offload.start @accelerator if %condition do {
      kernel.conv ins(%x, %w : memref<…>, memref<…>) outs(%y : memref<…>) …
    } : !offload.token<@accelerator>
    offload.wait %token : !offload.token<@accelerator>

A job runs one kernel on an engine while the cores go on. It reads the kernel's inputs and writes its output at any time
between its start and the end of the wait on its token, as transfers do (`dma`). Where the condition is false nothing is
started and the token is that of `offload.none`; waiting for it is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from xdsl.dialects.builtin import MemRefType, SymbolRefAttr, i1
from xdsl.ir import Attribute, Block, Dialect, Operation, ParametrizedAttribute, Region, SSAValue, TypeAttribute
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
)
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import EffectInstance, MemoryEffect, MemoryEffectKind, NoTerminator, Pure
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects.kernel import KernelOp


@irdl_attr_definition
class TokenType(ParametrizedAttribute, TypeAttribute):
    """A job of an engine that was started, or none."""

    name = "offload.token"
    engine: SymbolRefAttr

    @property
    def engine_name(self) -> str:
        """The engine's name, without the @."""
        return self.engine.root_reference.data

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            return [SymbolRefAttr(parser.parse_symbol_name())]

    def print_parameters(self, printer: Printer) -> None:
        printer.print_string(f"<@{self.engine_name}>")


class StartEffects(MemoryEffect):
    """A start reads its kernel's inputs and writes its output."""

    @classmethod
    def get_effects(cls, op: Operation) -> set[EffectInstance]:
        assert isinstance(op, StartOp)
        *inputs, out = op.kernel.operands_accessed
        reads = {EffectInstance(MemoryEffectKind.READ, value) for value in inputs}
        return reads | {EffectInstance(MemoryEffectKind.WRITE, out)}


class WaitEffects(MemoryEffect):
    """A wait completes a job: what follows may read what it wrote."""

    @classmethod
    def get_effects(cls, op: Operation) -> set[EffectInstance]:
        return {EffectInstance(MemoryEffectKind.READ), EffectInstance(MemoryEffectKind.WRITE)}


@irdl_op_definition
class StartOp(IRDLOperation):
    """Starts a job on an asynchronous engine: the one kernel of its body."""

    name = "offload.start"
    engine = prop_def(SymbolRefAttr)
    condition = opt_operand_def(i1)
    body = region_def("single_block")
    token = result_def(TokenType)
    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(NoTerminator(), StartEffects())
    assembly_format = "$engine (`if` $condition^)? attr-dict `do` $body `:` type($token)"

    def __init__(self, engine: SymbolRefAttr, kernel: KernelOp, condition: SSAValue | None = None) -> None:
        super().__init__(
            operands=[[condition] if condition is not None else []],
            result_types=[TokenType(engine)],
            regions=[Region(Block([kernel]))],
            properties={"engine": engine},
        )

    @property
    def engine_name(self) -> str:
        """The engine's name, without the @."""
        return self.engine.root_reference.data

    @property
    def kernel(self) -> KernelOp:
        """What the job computes."""
        return cast(KernelOp, self.body.block.first_op)

    def verify_(self) -> None:
        ops = list(self.body.block.ops)
        if len(ops) != 1 or not isinstance(ops[0], KernelOp) or self.body.block.args:
            raise VerifyException("offload.start: a job is one kernel")
        if not all(isinstance(value.type, MemRefType) for value in ops[0].operands_accessed):
            raise VerifyException("offload.start: a job works on memrefs")
        if ops[0].engine is not None and ops[0].engine != self.engine:
            raise VerifyException(f"offload.start: a kernel of {ops[0].engine} cannot run on {self.engine}")
        if self.token.type != TokenType(self.engine):
            raise VerifyException(f"offload.start: {self.token.type} is no token of {self.engine}")


@irdl_op_definition
class WaitOp(IRDLOperation):
    """Returns when the job is complete."""

    name = "offload.wait"
    token = operand_def(TokenType)
    traits = traits_def(WaitEffects())
    assembly_format = "$token attr-dict `:` type($token)"

    def __init__(self, token: SSAValue) -> None:
        super().__init__(operands=[token])


@irdl_op_definition
class NoneOp(IRDLOperation):
    """The token of no job."""

    name = "offload.none"
    token = result_def(TokenType)
    traits = traits_def(Pure())
    assembly_format = "attr-dict `:` type($token)"

    def __init__(self, engine: SymbolRefAttr) -> None:
        super().__init__(result_types=[TokenType(engine)])


Offload = Dialect("offload", [StartOp, WaitOp, NoneOp], [TokenType])
