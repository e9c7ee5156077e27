"""What stands on file level in the `c` dialect: files, includes, macros, structs, data and functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self, cast

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    FunctionType,
    IntegerAttr,
    StringAttr,
    SymbolNameConstraint,
    SymbolRefAttr,
    UnitAttr,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue, TypeAttribute
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    irdl_op_definition,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, IsTerminator, NoTerminator, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.c.symbols import (
    SymbolTable,
    SymbolUser,
    enclosing,
    parse_block,
    symbol_name,
    verify_symbols,
)
from deeploy_mlir.dialects.c.types import ArrayType, OpaqueType, is_object_type
from deeploy_mlir.support.numpy_types import element_bytes


def _strings(values: Sequence[str]) -> ArrayAttr[StringAttr] | None:
    return ArrayAttr([StringAttr(v) for v in values]) if values else None


@irdl_op_definition
class FileOp(IRDLOperation):
    """`c.file "net.c" { ... }`: a source file of the program. A name ending in `.h` gets an include guard."""

    name = "c.file"
    path = prop_def(StringAttr)
    body = region_def("single_block")

    traits = traits_def(NoTerminator())

    def __init__(self, path: str, body: Region | Sequence[Operation] | None = None) -> None:
        if not isinstance(body, Region):
            body = Region(Block(list(body or ())))
        super().__init__(properties={"path": StringAttr(path)}, regions=[body])

    def verify_(self) -> None:
        path = self.path.data
        if not path or path.startswith("/") or ".." in path.split("/"):
            raise VerifyException(f'c.file "{path}" needs a path inside the output folder')
        seen: set[str] = set()
        for op in self.body.block.ops:
            name = symbol_name(op)
            if name is not None and name in seen:
                raise VerifyException(f'c.file "{path}" defines @{name} twice')
            if name is not None:
                seen.add(name)
        verify_symbols(self)

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.path)
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_region(self.body, print_empty_block=False)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        path = parser.parse_str_literal()
        attributes = parser.parse_optional_attr_dict_with_keyword()
        op = cls(path, parse_block(parser))
        if attributes is not None:
            op.attributes.update(attributes.data)
        return op


@irdl_op_definition
class IncludeOp(IRDLOperation):
    """`c.include "net.h"` or `c.include standard "string.h"` (angle brackets). stdint.h comes by itself."""

    name = "c.include"
    header = prop_def(StringAttr)
    standard = opt_prop_def(UnitAttr)
    assembly_format = "(`standard` $standard^)? $header attr-dict"

    def __init__(self, header: str, *, standard: bool = False) -> None:
        super().__init__(properties={"header": StringAttr(header), "standard": UnitAttr() if standard else None})


@irdl_op_definition
class DefineOp(IRDLOperation):
    """`c.define "NET_INPUT_SIZE" "637"`: an object-like macro."""

    name = "c.define"
    macro = prop_def(StringAttr)
    value = prop_def(StringAttr)
    assembly_format = "$macro $value attr-dict"

    def __init__(self, macro: str, value: str) -> None:
        super().__init__(properties={"macro": StringAttr(macro), "value": StringAttr(value)})

    def verify_(self) -> None:
        if not self.macro.data.isidentifier():
            raise VerifyException(f"c.define needs the name of a macro, not {self.macro}")


@irdl_op_definition
class StructOp(IRDLOperation):
    """`c.struct "pair" {a : i32, b : !c.ptr<i8>}`: a struct type of that name, used as `!c.opaque<"pair">`."""

    name = "c.struct"
    struct_name = prop_def(StringAttr)
    field_names = prop_def(ArrayAttr[StringAttr])
    field_types = prop_def(ArrayAttr[TypeAttribute])

    def __init__(self, name: str, fields: Sequence[tuple[str, Attribute]]) -> None:
        super().__init__(
            properties={
                "struct_name": StringAttr(name),
                "field_names": ArrayAttr([StringAttr(n) for n, _ in fields]),
                "field_types": ArrayAttr([cast(TypeAttribute, t) for _, t in fields]),
            }
        )

    @property
    def fields(self) -> tuple[tuple[str, Attribute], ...]:
        """Name and type of each member, in order."""
        return tuple((n.data, t) for n, t in zip(self.field_names, self.field_types, strict=True))

    def verify_(self) -> None:
        if not self.field_names.data or len(self.field_names) != len(self.field_types):
            raise VerifyException(f"c.struct {self.struct_name} needs members, each with a type")
        for field, t in self.fields:
            if not (is_object_type(t) or isinstance(t, ArrayType)):
                raise VerifyException(f"c.struct {self.struct_name}: {field} cannot have type {t}")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.struct_name)
        printer.print_string(" {")
        for i, (field, t) in enumerate(self.fields):
            printer.print_string(f"{', ' if i else ''}{field} : ")
            printer.print_attribute(t)
        printer.print_string("}")
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        def field() -> tuple[str, Attribute]:
            name = parser.parse_identifier()
            parser.parse_punctuation(":")
            return name, parser.parse_type()

        name = parser.parse_str_literal()
        fields = parser.parse_comma_separated_list(parser.Delimiter.BRACES, field)
        op = cls(name, fields)
        op.attributes.update(parser.parse_optional_attr_dict())
        return op


def _verify_initial_value(name: str, t: Attribute, value: Attribute) -> None:
    if isa(value, DenseIntOrFPElementsAttr):
        if not isinstance(t, ArrayType) or tuple(value.get_shape()) != t.dims:
            raise VerifyException(f"c.global @{name} of {t} cannot hold a dense value of shape {value.get_shape()}")
        if element_bytes(value.get_element_type()) != element_bytes(t.element_type):
            raise VerifyException(
                f"c.global @{name} has elements of {t.element_type}, its value elements of {value.get_element_type()}"
            )
        return
    if isinstance(value, ArrayAttr):
        items = cast(ArrayAttr[Attribute], value)
        if isinstance(t, ArrayType):
            if len(items) != t.dims[0]:
                raise VerifyException(f"c.global @{name} of {t} is given {len(items)} values")
            inner = ArrayType(t.dims[1:], t.element_type) if len(t.dims) > 1 else t.element_type
            for item in items:
                _verify_initial_value(name, inner, item)
        elif not isinstance(t, OpaqueType):
            raise VerifyException(f"c.global @{name} of {t} cannot hold a list of values")
        return
    if not isinstance(value, IntegerAttr | FloatAttr | StringAttr | SymbolRefAttr):
        raise VerifyException(
            f"c.global @{name} takes numbers, text, symbols, lists of them or a dense value, not {value}"
        )


@irdl_op_definition
class GlobalOp(IRDLOperation):
    """Static data: `c.global @w ["static", "const", "DM_ALIGN(8)"] : !c.array<4xi8> = dense<1> : tensor<4xi8>`.

    The words in brackets go in front of the declaration. The value is a dense attribute of the array's shape (elements
    of the same width: bf16 data in a ui16 array is its bits), or numbers, `"C text"`, `@symbol` and lists of these.
    """

    name = "c.global"
    sym_name = prop_def(SymbolNameConstraint())
    type = prop_def(AnyAttr())
    specifiers = opt_prop_def(ArrayAttr[StringAttr])
    value = opt_prop_def(AnyAttr())

    traits = traits_def(SymbolOpInterface())
    assembly_format = "$sym_name ($specifiers^)? `:` $type (`=` $value^)? attr-dict"

    def __init__(
        self, name: str, global_type: Attribute, value: Attribute | None = None, specifiers: Sequence[str] = ()
    ) -> None:
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "type": global_type,
                "specifiers": _strings(specifiers),
                "value": value,
            }
        )

    @property
    def words(self) -> tuple[str, ...]:
        """Specifiers and attribute macros, in order."""
        return tuple(s.data for s in self.specifiers) if self.specifiers is not None else ()

    def verify_(self) -> None:
        name = self.sym_name.data
        if not (is_object_type(self.type) or isinstance(self.type, ArrayType)):
            raise VerifyException(f"c.global @{name} cannot have type {self.type}")
        if self.value is not None:
            _verify_initial_value(name, self.type, self.value)


@irdl_op_definition
class FuncOp(IRDLOperation):
    """`c.func @f(%x : i32) -> i32 ["static", "inline"] { ... c.return %y : i32 }`; without a body, a prototype.

    The names of the arguments are kept in the C code. At most one result.
    """

    name = "c.func"
    sym_name = prop_def(SymbolNameConstraint())
    function_type = prop_def(FunctionType)
    arg_names = prop_def(ArrayAttr[StringAttr])
    specifiers = opt_prop_def(ArrayAttr[StringAttr])
    body = region_def()

    traits = traits_def(SymbolOpInterface(), IsolatedFromAbove(), NoTerminator())

    def __init__(
        self,
        name: str,
        arguments: Sequence[tuple[str, Attribute]],
        result_type: Attribute | None = None,
        specifiers: Sequence[str] = (),
        *,
        prototype: bool = False,
    ) -> None:
        types = [t for _, t in arguments]
        body = Region() if prototype else Region(Block(arg_types=types))
        if not prototype:
            for argument, (hint, _) in zip(body.block.args, arguments, strict=True):
                argument.name_hint = hint
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "function_type": FunctionType.from_lists(types, [result_type] if result_type is not None else []),
                "arg_names": ArrayAttr([StringAttr(n) for n, _ in arguments]),
                "specifiers": _strings(specifiers),
            },
            regions=[body],
        )

    @property
    def words(self) -> tuple[str, ...]:
        """Specifiers and attribute macros, in order."""
        return tuple(s.data for s in self.specifiers) if self.specifiers is not None else ()

    @property
    def arguments(self) -> tuple[tuple[str, Attribute], ...]:
        """Name and type of each argument."""
        return tuple((n.data, t) for n, t in zip(self.arg_names, self.function_type.inputs, strict=True))

    @property
    def result_type(self) -> Attribute | None:
        """What the function returns; None for void."""
        return self.function_type.outputs.data[0] if self.function_type.outputs.data else None

    @property
    def block(self) -> Block | None:
        """The body, absent in a prototype."""
        return self.body.blocks.first

    def verify_(self) -> None:
        name = self.sym_name.data
        if len(self.function_type.outputs) > 1:
            raise VerifyException(f"c.func @{name} can return one value, not {len(self.function_type.outputs)}")
        if len(self.arg_names) != len(self.function_type.inputs):
            raise VerifyException(
                f"c.func @{name} has {len(self.function_type.inputs)} arguments, {len(self.arg_names)} names"
            )
        for argument, t in self.arguments:
            if not is_object_type(t):
                raise VerifyException(f"c.func @{name}: argument {argument} cannot have type {t}")
        self._verify_block(name)
        verify_symbols(self)

    def _verify_block(self, name: str) -> None:
        block = self.block
        if block is None:
            return
        if len(self.body.blocks) > 1:
            raise VerifyException(f"c.func @{name} has more than one block: use c.if and c.for")
        if tuple(a.type for a in block.args) != tuple(self.function_type.inputs):
            raise VerifyException(f"c.func @{name}: block arguments and function type disagree")
        if self.result_type is not None and not isinstance(block.last_op, ReturnOp):
            raise VerifyException(f"c.func @{name} must end in c.return of {self.result_type}")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string("(")
        for i, (name, t) in enumerate(self.arguments):
            printer.print_string(", " if i else "")
            if self.block is not None:
                printer.print_ssa_value(self.block.args[i])
                printer.print_string(" ")
            printer.print_string_literal(name)
            printer.print_string(" : ")
            printer.print_attribute(t)
        printer.print_string(")")
        if self.result_type is not None:
            printer.print_string(" -> ")
            printer.print_attribute(self.result_type)
        if self.specifiers is not None:
            printer.print_string(" ")
            printer.print_attribute(self.specifiers)
        printer.print_op_attributes(self.attributes, print_keyword=True)
        if self.block is not None:
            printer.print_string(" ")
            printer.print_region(self.body, print_entry_block_args=False, print_empty_block=False)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        name = parser.parse_symbol_name().data
        entries: list[Parser.Argument] = []

        def argument() -> tuple[str, Attribute]:
            operand = parser.parse_optional_unresolved_operand()
            hint = parser.parse_optional_str_literal()
            parser.parse_punctuation(":")
            t = parser.parse_type()
            if operand is not None:
                entries.append(Parser.Argument(operand.span, t))
            if hint is None:
                hint = operand.operand_name if operand is not None else f"arg{len(entries)}"
            return hint, t

        arguments = parser.parse_comma_separated_list(parser.Delimiter.PAREN, argument)
        result_type = parser.parse_type() if parser.parse_optional_punctuation("->") else None
        words = parser.parse_optional_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_str_literal)
        attributes = parser.parse_optional_attr_dict_with_keyword()
        body = parser.parse_optional_region(entries)
        op = cls(name, arguments, result_type, words or (), prototype=True)
        if body is not None:
            if not body.blocks:
                body.add_block(Block(arg_types=[t for _, t in arguments]))
            op.detach_region(op.body)
            op.add_region(body)
        if attributes is not None:
            op.attributes.update(attributes.data)
        return op


@irdl_op_definition
class ReturnOp(IRDLOperation):
    """`c.return %x : i32` or `c.return`: leaves the function; last in its block, which may be that of a `c.if`."""

    name = "c.return"
    value = opt_operand_def(AnyAttr())

    traits = traits_def(IsTerminator())
    assembly_format = "($value^ `:` type($value))? attr-dict"

    def __init__(self, value: SSAValue | Operation | None = None) -> None:
        super().__init__(operands=[value])

    def verify_(self) -> None:
        function = enclosing(self, "c.func")
        if not isinstance(function, FuncOp):
            raise VerifyException("c.return stands in a c.func only")
        given = self.value.type if self.value is not None else None
        if given != function.result_type:
            raise VerifyException(
                f"c.return of {given or 'nothing'} in @{function.sym_name.data}, which returns "
                f"{function.result_type or 'nothing'}"
            )


class DeclarationOp(IRDLOperation, SymbolUser):
    """A declaration of a symbol that another place defines, as headers hold them."""

    symbol = prop_def(SymbolRefAttr)
    assembly_format = "$symbol attr-dict"

    def __init__(self, symbol: str) -> None:
        super().__init__(properties={"symbol": SymbolRefAttr(symbol)})

    def target(self, symbols: SymbolTable) -> Operation | None:
        """The operation that defines the symbol."""
        return symbols.find(self, self.symbol.root_reference.data)

    def verify_(self) -> None:
        verify_symbols(self)


@irdl_op_definition
class DeclareFuncOp(DeclarationOp):
    """`c.declare_func @f`: the prototype of a `c.func` of this module."""

    name = "c.declare_func"

    def verify_symbol(self, symbols: SymbolTable) -> None:
        target = self.target(symbols)
        if not isinstance(target, FuncOp):
            raise VerifyException(f"c.declare_func of {self.symbol}: no c.func of that name in this module")
        if "static" in target.words and enclosing(target, "c.file") is not enclosing(self, "c.file"):
            raise VerifyException(f"c.declare_func of {self.symbol}, which is static to another file")


@irdl_op_definition
class DeclareGlobalOp(DeclarationOp):
    """`c.declare_global @w`: the `extern` declaration of a `c.global` of this module."""

    name = "c.declare_global"

    def verify_symbol(self, symbols: SymbolTable) -> None:
        target = self.target(symbols)
        if not isinstance(target, GlobalOp):
            raise VerifyException(f"c.declare_global of {self.symbol}: no c.global of that name in this module")
        if "static" in target.words:
            raise VerifyException(f"c.declare_global of {self.symbol}, which is static to its file")


DECLARATIONS: tuple[type[IRDLOperation], ...] = (
    FileOp, IncludeOp, DefineOp, StructOp, GlobalOp, FuncOp, ReturnOp, DeclareFuncOp, DeclareGlobalOp,
)  # fmt: skip
"""Every operation that stands on file level, and `c.return`."""
