"""Leaves and places of the `c` dialect: constants, literals, globals, elements, members, and the load of a place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self, cast

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, StringAttr, SymbolRefAttr, i1
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import MemoryReadEffect, Pure
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.c.symbols import SymbolTable, SymbolUser, verify_symbols
from deeploy_mlir.dialects.c.types import ArrayType, LValueType, OpaqueType, PtrType, is_integer, is_object_type


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """`c.constant 5 : i32`, `c.constant 1.5 : f32`, `c.constant true`."""

    name = "c.constant"
    value = prop_def(AnyAttr())
    result = result_def(AnyAttr())

    traits = traits_def(Pure())

    def __init__(self, value: IntegerAttr | FloatAttr) -> None:
        super().__init__(properties={"value": value}, result_types=[value.type])

    @property
    def constant(self) -> int | float:
        """The value; i1 as 0 or 1."""
        value = cast(IntegerAttr | FloatAttr, self.value)
        # A true i1 is stored as -1.
        return abs(value.value.data) if value.type == i1 else value.value.data

    def verify_(self) -> None:
        value = self.value
        if not isa(value, IntegerAttr | FloatAttr):
            raise VerifyException(f"c.constant holds an integer or a float, not {value}")
        t: Attribute = value.type
        if t != self.result.type:
            raise VerifyException(f"c.constant of {t} has a result of {self.result.type}")
        if not is_object_type(t):
            raise VerifyException(f"c.constant cannot have type {t}")

    def print(self, printer: Printer) -> None:
        printer.print_op_attributes(self.attributes)
        printer.print_string(" ")
        printer.print_attribute(self.value)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        attributes = parser.parse_optional_attr_dict()
        pos = parser.pos
        value = parser.parse_attribute()
        if not isinstance(value, IntegerAttr | FloatAttr):
            parser.raise_error("expected an integer or float with its type", pos, parser.pos)
        op = cls(cast(IntegerAttr | FloatAttr, value))
        op.attributes.update(attributes)
        return op


@irdl_op_definition
class LiteralOp(IRDLOperation):
    """`c.literal "NET_SIZE" : i32`: C text printed as it stands, a name or an expression without side effects."""

    name = "c.literal"
    value = prop_def(StringAttr)
    result = result_def(AnyAttr())

    traits = traits_def(Pure())
    assembly_format = "$value attr-dict `:` type($result)"

    def __init__(self, value: str, result_type: Attribute) -> None:
        super().__init__(properties={"value": StringAttr(value)}, result_types=[result_type])

    def verify_(self) -> None:
        if not self.value.data.strip():
            raise VerifyException("c.literal needs some text")


@irdl_op_definition
class GetGlobalOp(IRDLOperation, SymbolUser):
    """`c.get_global @w : !c.array<64xi8>`: a global array, or the place (`!c.lvalue`) of a global that is none."""

    name = "c.get_global"
    symbol = prop_def(SymbolRefAttr, prop_name="name")
    result = result_def(AnyAttr())

    traits = traits_def(Pure())
    assembly_format = "$name attr-dict `:` type($result)"

    def __init__(self, name: str, result_type: Attribute) -> None:
        super().__init__(properties={"name": SymbolRefAttr(name)}, result_types=[result_type])

    def verify_(self) -> None:
        if not isinstance(self.result.type, ArrayType | LValueType):
            raise VerifyException(
                f"c.get_global {self.symbol} gives an !c.array or an !c.lvalue, not {self.result.type}"
            )
        verify_symbols(self)

    def verify_symbol(self, symbols: SymbolTable) -> None:
        declared = symbols.global_type(self, self.symbol_name)
        if declared is None:
            raise VerifyException(f"c.get_global of @{self.symbol_name}: no c.global of that name in this module")
        expected = declared if isinstance(declared, ArrayType) else LValueType(declared)
        if self.result.type != expected:
            raise VerifyException(f"c.get_global of @{self.symbol_name} gives {expected}, not {self.result.type}")

    @property
    def symbol_name(self) -> str:
        """The global's name."""
        return self.symbol.root_reference.data


@irdl_op_definition
class SubscriptOp(IRDLOperation):
    """`c.subscript %p[%i] : (!c.ptr<i8>, index) -> !c.lvalue<i8>`: the place `p[i]`; of an array, `a[i][j]...`."""

    name = "c.subscript"
    base = operand_def(AnyAttr())
    indices = var_operand_def(AnyAttr())
    result = result_def(LValueType)

    traits = traits_def(Pure())
    assembly_format = "$base `[` $indices `]` attr-dict `:` functional-type(operands, results)"

    def __init__(self, base: SSAValue | Operation, indices: Sequence[SSAValue | Operation]) -> None:
        base_type = SSAValue.get(base).type
        if isinstance(base_type, PtrType):
            element = base_type.pointee
        elif isinstance(base_type, ArrayType):
            element = base_type.element_type
        else:
            raise TypeError(f"{base_type} has no elements: c.subscript takes a pointer or an array")
        super().__init__(operands=[base, list(indices)], result_types=[LValueType(element)])

    def verify_(self) -> None:
        base = self.base.type
        if isinstance(base, PtrType):
            rank, element = 1, base.pointee
        elif isinstance(base, ArrayType):
            rank, element = len(base.dims), base.element_type
        else:
            raise VerifyException(f"c.subscript takes a pointer or an array, not {base}")
        if len(self.indices) != rank:
            raise VerifyException(f"c.subscript of {base} takes {rank} indices, got {len(self.indices)}")
        for index in self.indices:
            if not is_integer(index.type):
                raise VerifyException(f"c.subscript takes integer indices, not {index.type}")
        if self.result.type != LValueType(element):
            raise VerifyException(f"c.subscript of {base} gives {LValueType(element)}, not {self.result.type}")


@irdl_op_definition
class DereferenceOp(IRDLOperation):
    """`c.dereference %p : !c.ptr<i8>`: the place `*p`."""

    name = "c.dereference"
    pointer = operand_def(PtrType)
    result = result_def(LValueType)

    traits = traits_def(Pure())
    assembly_format = "$pointer attr-dict `:` type($pointer) `->` type($result)"

    def __init__(self, pointer: SSAValue | Operation) -> None:
        t = SSAValue.get(pointer).type
        if not isinstance(t, PtrType):
            raise TypeError(f"c.dereference takes a pointer, not {t}")
        super().__init__(operands=[pointer], result_types=[LValueType(t.pointee)])

    def verify_(self) -> None:
        pointer, result = cast(PtrType, self.pointer.type), self.result.type
        if pointer.pointee != result.value_type:
            raise VerifyException(f"c.dereference of {pointer} gives {LValueType(pointer.pointee)}, not {result}")


@irdl_op_definition
class AddressOfOp(IRDLOperation):
    """`c.address_of %x : !c.lvalue<i8> -> !c.ptr<i8>`: `&x`."""

    name = "c.address_of"
    place = operand_def(LValueType)
    result = result_def(PtrType)

    traits = traits_def(Pure())
    assembly_format = "$place attr-dict `:` type($place) `->` type($result)"

    def __init__(self, place: SSAValue | Operation, *, const: bool = False) -> None:
        t = cast(LValueType, SSAValue.get(place).type)
        super().__init__(operands=[place], result_types=[PtrType(t.value_type, const=const)])

    def verify_(self) -> None:
        place, result = cast(LValueType, self.place.type), self.result.type
        if place.value_type != result.pointee:
            raise VerifyException(f"c.address_of {place} gives a pointer to {place.value_type}, not {result}")


@irdl_op_definition
class MemberOp(IRDLOperation):
    """`c.member %s "field" : !c.lvalue<!c.opaque<"T">> -> !c.lvalue<i32>`: `s.field`; of a pointer, `s->field`."""

    name = "c.member"
    base = operand_def(AnyAttr())
    field = prop_def(StringAttr)
    result = result_def(LValueType)

    traits = traits_def(Pure())
    assembly_format = "$base $field attr-dict `:` type($base) `->` type($result)"

    def __init__(self, base: SSAValue | Operation, field: str, field_type: Attribute) -> None:
        super().__init__(
            operands=[base], properties={"field": StringAttr(field)}, result_types=[LValueType(field_type)]
        )

    def verify_(self) -> None:
        t = self.base.type
        inner = t.value_type if isinstance(t, LValueType) else t.pointee if isinstance(t, PtrType) else None
        if not isinstance(inner, OpaqueType):
            raise VerifyException(
                f'c.member "{self.field.data}" takes the place of, or a pointer to, a struct, not {t}'
            )


@irdl_op_definition
class LoadOp(IRDLOperation):
    """`c.load %x : !c.lvalue<i32> -> i32`: the value that the place holds now."""

    name = "c.load"
    source = operand_def(LValueType)
    result = result_def(AnyAttr())

    traits = traits_def(MemoryReadEffect())
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue | Operation) -> None:
        t = SSAValue.get(source).type
        if not isinstance(t, LValueType):
            raise TypeError(f"c.load takes a place, not {t}")
        super().__init__(operands=[source], result_types=[t.value_type])

    def verify_(self) -> None:
        source = cast(LValueType, self.source.type)
        if source.value_type != self.result.type:
            raise VerifyException(f"c.load of {source} gives {source.value_type}, not {self.result.type}")


@irdl_op_definition
class AggregateOp(IRDLOperation):
    """`c.aggregate %a, %b : (i32, i32) -> !c.opaque<"T">`: a struct or array written `{a, b}`.

    As the initial value of a variable or inside another aggregate it is a brace list, elsewhere a compound literal.
    """

    name = "c.aggregate"
    elements = var_operand_def(AnyAttr())
    result = result_def(AnyAttr())

    traits = traits_def(Pure())
    assembly_format = "$elements attr-dict `:` functional-type(operands, results)"

    def __init__(self, elements: Sequence[SSAValue | Operation], result_type: Attribute) -> None:
        super().__init__(operands=[list(elements)], result_types=[result_type])

    def verify_(self) -> None:
        t = self.result.type
        if isinstance(t, ArrayType) and len(t.dims) == 1:
            if len(self.elements) != t.dims[0]:
                raise VerifyException(f"c.aggregate of {t} takes {t.dims[0]} elements, got {len(self.elements)}")
        elif not isinstance(t, OpaqueType):
            raise VerifyException(f"c.aggregate makes a struct or a one-dimensional array, not {t}")
        if not self.elements:
            raise VerifyException("c.aggregate needs at least one element")


PLACES: tuple[type[IRDLOperation], ...] = (
    ConstantOp, LiteralOp, GetGlobalOp, SubscriptOp, DereferenceOp, AddressOfOp, MemberOp, LoadOp, AggregateOp,
)  # fmt: skip
"""The leaves of expressions and the places."""
