"""Statements of the `c` dialect: variables, assignments, calls and control flow."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Self, cast

from xdsl.dialects.builtin import ArrayAttr, IndexType, IntegerAttr, StringAttr, SymbolRefAttr, UnitAttr, i1
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    opt_result_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import (
    EffectInstance,
    IsTerminator,
    MemoryAllocEffect,
    MemoryEffect,
    MemoryWriteEffect,
    NoTerminator,
    RecursiveMemoryEffect,
)
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects.c.places import AggregateOp, ConstantOp
from deeploy_mlir.dialects.c.symbols import SymbolTable, SymbolUser, parse_block, verify_symbols
from deeploy_mlir.dialects.c.types import ArrayType, LValueType, is_integer, is_object_type


@irdl_op_definition
class VariableOp(IRDLOperation):
    """`%x = c.variable %init : i32 -> !c.lvalue<i32>`, `%b = c.variable : -> !c.array<16xi8>`: a local variable.

    `specifiers = ["static"]` go in front of it.
    """

    name = "c.variable"
    init = opt_operand_def(AnyAttr())
    specifiers = opt_prop_def(ArrayAttr[StringAttr])
    result = result_def(AnyAttr())

    traits = traits_def(MemoryAllocEffect())
    assembly_format = "($init^ `:` type($init))? (`specifiers` $specifiers^)? attr-dict `->` type($result)"

    def __init__(
        self,
        result_type: Attribute,
        init: SSAValue | Operation | None = None,
        specifiers: Sequence[str] = (),
    ) -> None:
        super().__init__(
            operands=[init],
            properties={"specifiers": ArrayAttr([StringAttr(s) for s in specifiers]) if specifiers else None},
            result_types=[result_type],
        )

    def verify_(self) -> None:
        t = self.result.type
        if not isinstance(t, ArrayType | LValueType):
            raise VerifyException(f"c.variable is an !c.lvalue or an !c.array, not {t}")
        if self.init is None:
            return
        if isinstance(t, ArrayType) and not isinstance(self.init.owner, AggregateOp):
            raise VerifyException("c.variable of array type is initialised by a c.aggregate only")
        expected = t if isinstance(t, ArrayType) else t.value_type
        if self.init.type != expected:
            raise VerifyException(f"c.variable of {expected} cannot start as {self.init.type}")


@irdl_op_definition
class AssignOp(IRDLOperation):
    """`c.assign %value : i32 to %place : !c.lvalue<i32>`."""

    name = "c.assign"
    value = operand_def(AnyAttr())
    target = operand_def(LValueType)

    traits = traits_def(MemoryWriteEffect())
    assembly_format = "$value `:` type($value) `to` $target `:` type($target) attr-dict"

    def __init__(self, value: SSAValue | Operation, target: SSAValue | Operation) -> None:
        super().__init__(operands=[value, target])

    def verify_(self) -> None:
        t = cast(LValueType, self.target.type)
        if self.value.type != t.value_type:
            raise VerifyException(f"c.assign of {self.value.type} to a place that holds {t.value_type}")


class CallEffects(MemoryEffect):
    """A call said to be pure has no effects; of another one nothing is known."""

    @classmethod
    def get_effects(cls, op: Operation) -> Set[EffectInstance] | None:
        return set() if isinstance(op, CallOpaqueOp) and op.pure is not None else None


@irdl_op_definition
class CallOp(IRDLOperation, SymbolUser):
    """`c.call @f(%a) : (i32) -> i32`: a call of a `c.func` of this module."""

    name = "c.call"
    callee = prop_def(SymbolRefAttr)
    arguments = var_operand_def(AnyAttr())
    result = opt_result_def(AnyAttr())

    traits = traits_def(CallEffects())
    assembly_format = "$callee `(` $arguments `)` attr-dict `:` functional-type(operands, results)"

    def __init__(
        self, callee: str, arguments: Sequence[SSAValue | Operation], result_type: Attribute | None = None
    ) -> None:
        super().__init__(
            operands=[list(arguments)],
            properties={"callee": SymbolRefAttr(callee)},
            result_types=[[result_type] if result_type is not None else []],
        )

    @property
    def callee_name(self) -> str:
        """The C function's name."""
        return self.callee.root_reference.data

    def verify_(self) -> None:
        verify_symbols(self)

    def verify_symbol(self, symbols: SymbolTable) -> None:
        function = symbols.function_type(self, self.callee_name)
        if function is None:
            raise VerifyException(f"c.call of @{self.callee_name}: no c.func of that name in this module")
        inputs, outputs = function.inputs.data, function.outputs.data
        given = tuple(a.type for a in self.arguments)
        results = (self.result.type,) if self.result is not None else ()
        if given != tuple(inputs) or results != tuple(outputs):
            raise VerifyException(
                f"c.call of @{self.callee_name} as ({', '.join(map(str, given))}) -> ({', '.join(map(str, results))}), "
                f"but the function is {function}"
            )


@irdl_op_definition
class CallOpaqueOp(IRDLOperation):
    """`c.call_opaque "dm_barrier"() : () -> ()`: a call of a C function or macro that this module does not define.

    `pure` says that the result depends on the arguments alone, so that the call may move, fold or vanish.
    """

    name = "c.call_opaque"
    callee = prop_def(StringAttr)
    arguments = var_operand_def(AnyAttr())
    pure = opt_prop_def(UnitAttr)
    result = opt_result_def(AnyAttr())

    traits = traits_def(CallEffects())
    assembly_format = "(`pure` $pure^)? $callee `(` $arguments `)` attr-dict `:` functional-type(operands, results)"

    def __init__(
        self,
        callee: str,
        arguments: Sequence[SSAValue | Operation],
        result_type: Attribute | None = None,
        *,
        pure: bool = False,
    ) -> None:
        super().__init__(
            operands=[list(arguments)],
            properties={"callee": StringAttr(callee), "pure": UnitAttr() if pure else None},
            result_types=[[result_type] if result_type is not None else []],
        )

    def verify_(self) -> None:
        if not self.callee.data.isidentifier():
            raise VerifyException(f"c.call_opaque calls a C function by its name, not {self.callee}")
        if self.result is not None and not is_object_type(self.result.type):
            raise VerifyException(f"c.call_opaque {self.callee} cannot give {self.result.type}")
        if self.pure is not None and self.result is None:
            raise VerifyException(f"c.call_opaque pure {self.callee} without a result does nothing")


@irdl_op_definition
class VerbatimOp(IRDLOperation):
    """`c.verbatim "asm volatile(\\"nop\\");"`: text printed as it stands, on file or function level.

    Each `{}` of the text stands for the next operand if there are any.
    """

    name = "c.verbatim"
    value = prop_def(StringAttr)
    arguments = var_operand_def(AnyAttr())

    assembly_format = "$value (`args` $arguments^ `:` type($arguments))? attr-dict"

    def __init__(self, value: str, arguments: Sequence[SSAValue | Operation] = ()) -> None:
        super().__init__(operands=[list(arguments)], properties={"value": StringAttr(value)})

    def verify_(self) -> None:
        if self.arguments and self.value.data.count("{}") != len(self.arguments):
            raise VerifyException(
                f"c.verbatim has {self.value.data.count('{}')} places {{}} for {len(self.arguments)} operands"
            )


@irdl_op_definition
class CommentOp(IRDLOperation):
    """`c.comment "what follows and why"`: one or several lines of comment, on file or function level."""

    name = "c.comment"
    text = prop_def(StringAttr)

    assembly_format = "$text attr-dict"

    def __init__(self, text: str) -> None:
        super().__init__(properties={"text": StringAttr(text)})


@irdl_op_definition
class ForOp(IRDLOperation):
    """`c.for %i : index = %lo to %hi step %s { ... }`: counts up from lo while below hi; the bounds do not change.

    There are no loop-carried values: use a `c.variable`.
    """

    name = "c.for"
    lower = operand_def(AnyAttr())
    upper = operand_def(AnyAttr())
    step = operand_def(AnyAttr())
    body = region_def("single_block")

    traits = traits_def(NoTerminator(), RecursiveMemoryEffect())

    def __init__(
        self,
        lower: SSAValue | Operation,
        upper: SSAValue | Operation,
        step: SSAValue | Operation,
        body: Region | None = None,
    ) -> None:
        if body is None:
            body = Region(Block(arg_types=[SSAValue.get(lower).type]))
        super().__init__(operands=[lower, upper, step], regions=[body])

    def verify_(self) -> None:
        types = [self.lower.type, self.upper.type, self.step.type, *(a.type for a in self.body.block.args)]
        if len(types) != 4:
            raise VerifyException(f"c.for has one induction variable, its block has {len(types) - 3} arguments")
        if len(set(types)) != 1 or not is_integer(types[0]):
            raise VerifyException(
                "c.for needs bounds, step and induction variable of one integer type, got " + ", ".join(map(str, types))
            )
        step = self.step.owner
        if isinstance(step, ConstantOp) and step.constant <= 0:
            raise VerifyException(f"c.for counts up, its step cannot be {step.constant}")

    def print(self, printer: Printer) -> None:
        induction = self.body.block.args[0]
        printer.print_string(" ")
        printer.print_ssa_value(induction)
        printer.print_string(" : ")
        printer.print_attribute(induction.type)
        printer.print_string(" = ")
        printer.print_operand(self.lower)
        printer.print_string(" to ")
        printer.print_operand(self.upper)
        printer.print_string(" step ")
        printer.print_operand(self.step)
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False, print_empty_block=False)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        induction = parser.parse_argument()
        parser.parse_punctuation("=")
        bounds = [parser.parse_unresolved_operand()]
        for word in ("to", "step"):
            parser.parse_keyword(word)
            bounds.append(parser.parse_unresolved_operand())
        attributes = parser.parse_optional_attr_dict_with_keyword()
        operands = [parser.resolve_operand(b, induction.type) for b in bounds]
        op = cls(operands[0], operands[1], operands[2], parser.parse_region((induction,)))
        if attributes is not None:
            op.attributes.update(attributes.data)
        return op


@irdl_op_definition
class IfOp(IRDLOperation):
    """`c.if %c { ... } else { ... }`: no results; use a `c.variable`. The else region has no block if it is absent."""

    name = "c.if"
    condition = operand_def(i1)
    then_region = region_def("single_block")
    else_region = region_def()

    traits = traits_def(NoTerminator(), RecursiveMemoryEffect())

    def __init__(
        self, condition: SSAValue | Operation, then_region: Region | None = None, else_region: Region | None = None
    ) -> None:
        super().__init__(
            operands=[condition],
            regions=[then_region or Region(Block()), else_region if else_region is not None else Region()],
        )

    @property
    def otherwise(self) -> Block | None:
        """The block of the else branch, if there is one."""
        return self.else_region.blocks.first

    def verify_(self) -> None:
        if len(self.else_region.blocks) > 1:
            raise VerifyException("c.if has at most one block in its else region")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.condition)
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_region(self.then_region, print_empty_block=False)
        if self.otherwise is not None:
            printer.print_string(" else ")
            printer.print_region(self.else_region, print_empty_block=False)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        condition = parser.parse_operand(i1)
        attributes = parser.parse_optional_attr_dict_with_keyword()
        then_region = parse_block(parser)
        else_region = parse_block(parser) if parser.parse_optional_keyword("else") else None
        op = cls(condition, then_region, else_region)
        if attributes is not None:
            op.attributes.update(attributes.data)
        return op


@irdl_op_definition
class ConditionOp(IRDLOperation):
    """`c.condition %c`: the end of a `c.while`'s first region; the loop goes on while it is true."""

    name = "c.condition"
    condition = operand_def(i1)

    traits = traits_def(IsTerminator())
    assembly_format = "$condition attr-dict"

    def __init__(self, condition: SSAValue | Operation) -> None:
        super().__init__(operands=[condition])

    def verify_(self) -> None:
        if not isinstance(self.parent_op(), WhileOp):
            raise VerifyException("c.condition ends the first region of a c.while only")


@irdl_op_definition
class WhileOp(IRDLOperation):
    """`c.while { ... c.condition %c } do { ... }`."""

    name = "c.while"
    before = region_def("single_block")
    body = region_def("single_block")

    traits = traits_def(NoTerminator(), RecursiveMemoryEffect())

    def __init__(self, before: Region, body: Region | None = None) -> None:
        super().__init__(regions=[before, body or Region(Block())])

    @property
    def condition(self) -> ConditionOp:
        """The terminator of the first region."""
        return cast(ConditionOp, self.before.block.last_op)

    def verify_(self) -> None:
        if not isinstance(self.before.block.last_op, ConditionOp):
            raise VerifyException("the first region of c.while ends in c.condition")

    def print(self, printer: Printer) -> None:
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_region(self.before, print_empty_block=False)
        printer.print_string(" do ")
        printer.print_region(self.body, print_empty_block=False)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        attributes = parser.parse_optional_attr_dict_with_keyword()
        before = parse_block(parser)
        parser.parse_keyword("do")
        op = cls(before, parse_block(parser))
        if attributes is not None:
            op.attributes.update(attributes.data)
        return op


@irdl_op_definition
class ScopeOp(IRDLOperation):
    """`c.scope { ... }`: a block in braces, so that its names end with it."""

    name = "c.scope"
    body = region_def("single_block")

    traits = traits_def(NoTerminator(), RecursiveMemoryEffect())

    def __init__(self, body: Region | None = None) -> None:
        super().__init__(regions=[body or Region(Block())])

    def print(self, printer: Printer) -> None:
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_region(self.body, print_empty_block=False)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        attributes = parser.parse_optional_attr_dict_with_keyword()
        op = cls(parse_block(parser))
        if attributes is not None:
            op.attributes.update(attributes.data)
        return op


def constant_of(value: SSAValue) -> int | float | None:
    """The number that `value` is known to be, if it is a `c.constant`."""
    return value.owner.constant if isinstance(value.owner, ConstantOp) else None


def index_constant(value: int, t: Attribute | None = None) -> ConstantOp:
    """A `c.constant` of an integer type, `index` if none is given."""
    return ConstantOp(IntegerAttr(value, cast(IndexType, t or IndexType())))


STATEMENTS: tuple[type[IRDLOperation], ...] = (
    VariableOp, AssignOp, CallOp, CallOpaqueOp, VerbatimOp, CommentOp,
    ForOp, IfOp, ConditionOp, WhileOp, ScopeOp,
)  # fmt: skip
"""Every statement of the dialect but `c.return`."""
