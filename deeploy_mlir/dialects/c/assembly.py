"""Inline assembly in the `c` dialect, and what stands for it elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Self

from xdsl.dialects.builtin import ArrayAttr, StringAttr, UnitAttr
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.irdl import (
    AnyAttr,
    AttrSizedOperandSegments,
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import MemoryReadEffect, MemoryWriteEffect, NoTerminator, RecursiveMemoryEffect
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects.c.symbols import parse_block
from deeploy_mlir.dialects.c.types import LValueType, PtrType, bit_width, is_integer

MOST_OPERANDS = 30
"""GCC's limit, which counts what is read and written twice."""

_NAMED = re.compile(r"%\[(\w+)\]")


def fits_register(t: Attribute) -> bool:
    """Whether a value of this type is what a 32-bit register holds, with no bits that are not its own."""
    return isinstance(t, PtrType) or (is_integer(t) and bit_width(t) == 32)


@irdl_op_definition
class AsmOp(IRDLOperation):
    """Instructions on registers, one or several lines of GNU inline assembly:

        c.asm [".insn r 0x57, 1, 0x5c, %[sum], %[x], %[w]"] names ["sum", "x", "w"]
            updates(%sum : !c.lvalue<i32>) takes(%x, %w : i32, i32)

    `%[name]` in the text is the register of the operand of that name; `names` has those of the places that it
    `updates`, those that it `writes`, and the values that it `takes`, in this order. A place that is written has a
    register of its own, even if that is written before the last operand is read. All are 32-bit integers, `index` or
    pointers. `clobbers` are registers that it uses by their own names. What memory it touches beside these places it
    says by `reads_memory` and `writes_memory`; without, its results depend on its operands alone."""

    name = "c.asm"
    lines = prop_def(ArrayAttr[StringAttr])
    names = prop_def(ArrayAttr[StringAttr])
    clobbers = opt_prop_def(ArrayAttr[StringAttr])
    reads_memory = opt_prop_def(UnitAttr)
    writes_memory = opt_prop_def(UnitAttr)
    updated = var_operand_def(LValueType)
    written = var_operand_def(LValueType)
    taken = var_operand_def(AnyAttr())

    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = traits_def(MemoryReadEffect(), MemoryWriteEffect())
    assembly_format = (
        "(`reads_memory` $reads_memory^)? (`writes_memory` $writes_memory^)? $lines `names` $names "
        "(`updates` `(` $updated^ `:` type($updated) `)`)? (`writes` `(` $written^ `:` type($written) `)`)? "
        "(`takes` `(` $taken^ `:` type($taken) `)`)? (`clobbers` $clobbers^)? attr-dict"
    )

    def __init__(
        self,
        lines: Sequence[str],
        names: Sequence[str],
        updated: Sequence[SSAValue | Operation] = (),
        written: Sequence[SSAValue | Operation] = (),
        taken: Sequence[SSAValue | Operation] = (),
        *,
        clobbers: Sequence[str] = (),
        reads_memory: bool = False,
        writes_memory: bool = False,
    ) -> None:
        super().__init__(
            operands=[list(updated), list(written), list(taken)],
            properties={
                "lines": ArrayAttr([StringAttr(line) for line in lines]),
                "names": ArrayAttr([StringAttr(n) for n in names]),
                "clobbers": ArrayAttr([StringAttr(n) for n in clobbers]) if clobbers else None,
                "reads_memory": UnitAttr() if reads_memory else None,
                "writes_memory": UnitAttr() if writes_memory else None,
            },
        )

    @property
    def results_in(self) -> tuple[SSAValue, ...]:
        """The places that it changes."""
        return (*self.updated, *self.written)

    @property
    def touches_memory(self) -> bool:
        """Whether it reads or writes memory beside the places that it names."""
        return self.reads_memory is not None or self.writes_memory is not None

    def verify_(self) -> None:
        names = [n.data for n in self.names]
        if len(names) != len(self.operands):
            raise VerifyException(f"c.asm has {len(names)} names for {len(self.operands)} operands")
        if len(set(names)) != len(names) or not all(n.isidentifier() for n in names):
            raise VerifyException(f"c.asm needs names that are identifiers, each once, not {', '.join(names)}")
        if any("\n" in line.data for line in self.lines) or not self.lines.data:
            raise VerifyException("c.asm has one or several lines of assembly, each a string of its own")
        used = {name for line in self.lines for name in _NAMED.findall(line.data)}
        if used != set(names):
            unknown, idle = used - set(names), set(names) - used
            what = [f"the text names no operand {n}" for n in sorted(idle)]
            what += [f"there is no operand %[{n}]" for n in sorted(unknown)]
            raise VerifyException(f"c.asm: {'; '.join(what)}")
        for name, operand in zip(names, self.operands, strict=True):
            t = operand.type.value_type if isinstance(operand.type, LValueType) else operand.type
            if not fits_register(t):
                raise VerifyException(f"c.asm: {name} is no 32-bit integer or pointer but {t}")
        operands = len(self.operands) + len(self.updated)
        if operands > MOST_OPERANDS:
            raise VerifyException(f"c.asm has {operands} operands, those that are updated twice; gcc takes 30")
        if not self.results_in and self.writes_memory is None:
            raise VerifyException("c.asm changes no place and no memory: it does nothing")


@irdl_op_definition
class IfDefinedOp(IRDLOperation):
    """`c.if_defined "defined(__riscv)" { ... } else { ... }`: statements for compilers for which the preprocessor's
    condition holds, and for the others. They compute the same."""

    name = "c.if_defined"
    condition = prop_def(StringAttr)
    then_region = region_def("single_block")
    else_region = region_def("single_block")

    traits = traits_def(NoTerminator(), RecursiveMemoryEffect())

    def __init__(self, condition: str, then_region: Region | None = None, else_region: Region | None = None) -> None:
        super().__init__(
            properties={"condition": StringAttr(condition)},
            regions=[then_region or Region(Block()), else_region or Region(Block())],
        )

    def verify_(self) -> None:
        if not self.condition.data.strip() or "\n" in self.condition.data:
            raise VerifyException("c.if_defined has a condition of the preprocessor, on one line")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.condition)
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_region(self.then_region, print_empty_block=False)
        printer.print_string(" else ")
        printer.print_region(self.else_region, print_empty_block=False)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        condition = parser.parse_str_literal()
        attributes = parser.parse_optional_attr_dict_with_keyword()
        then_region = parse_block(parser)
        parser.parse_keyword("else")
        op = cls(condition, then_region, parse_block(parser))
        if attributes is not None:
            op.attributes.update(attributes.data)
        return op


ASSEMBLY: tuple[type[IRDLOperation], ...] = (AsmOp, IfDefinedOp)
"""Every operation of this module."""
