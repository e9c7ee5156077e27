"""What the parts of a `soc.system` have in common: a name and options in braces."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar, Self, cast

from xdsl.dialects.builtin import IntegerAttr, SymbolNameConstraint, SymbolRefAttr, UnitAttr, i64
from xdsl.ir import Attribute
from xdsl.irdl import IRDLOperation, prop_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import SymbolOpInterface
from xdsl.utils.exceptions import VerifyException


class PartOp(IRDLOperation, ABC):
    """A part of a system: a name and options in braces, integers (of i64), `@names` or plain flags."""

    OPTIONS: ClassVar[tuple[str, ...]] = ()
    """The options that the part knows, in the order of printing."""

    sym_name = prop_def(SymbolNameConstraint())

    traits = traits_def(SymbolOpInterface())

    @property
    def symbol(self) -> str:
        """The part's name, without the @."""
        return self.sym_name.data

    def int_option(self, option: str, default: int) -> int:
        """The value of an option, `default` where it is not given."""
        value = self.properties.get(option)
        return cast(IntegerAttr, value).value.data if value is not None else default

    def symbol_option(self, option: str) -> str | None:
        """The name that an option gives, without the @; None where it is not given."""
        value = self.properties.get(option)
        return cast(SymbolRefAttr, value).root_reference.data if value is not None else None

    def check_positive(self, *options: str) -> None:
        """Raises VerifyException for one of the options that is given and not positive."""
        for option in options:
            value = self.properties.get(option)
            if value is not None and self.int_option(option, 0) <= 0:
                raise VerifyException(
                    f"{self.name} @{self.symbol}: {option} must be positive, not {self.int_option(option, 0)}"
                )

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.symbol)
        self.print_ends(printer)
        given = [(o, self.properties[o]) for o in self.OPTIONS if o in self.properties]
        if given:
            printer.print_string(" {")
            printer.print_list(given, lambda item: _print_option(printer, *item))
            printer.print_string("}")
        printer.print_op_attributes(self.attributes, print_keyword=True)

    def print_ends(self, printer: Printer) -> None:
        """Prints what stands between the name and the options."""

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        properties: dict[str, Attribute] = {"sym_name": parser.parse_symbol_name()}
        properties.update(cls.parse_ends(parser))
        options = parser.parse_optional_comma_separated_list(
            parser.Delimiter.BRACES, lambda: _parse_option(parser, cls.name, cls.OPTIONS)
        )
        for option, value in options or ():
            if option in properties:
                parser.raise_error(f"{cls.name} has {option} twice")
            properties[option] = value
        attributes = parser.parse_optional_attr_dict_with_keyword()
        return cls.create(properties=properties, attributes=dict(attributes.data) if attributes is not None else {})

    @classmethod
    def parse_ends(cls, parser: Parser) -> dict[str, Attribute]:
        """Parses what stands between the name and the options."""
        return {}


def _print_option(printer: Printer, option: str, value: Attribute) -> None:
    printer.print_string(option)
    if isinstance(value, UnitAttr):
        return
    printer.print_string(" = ")
    if isinstance(value, IntegerAttr):
        printer.print_string(str(value.value.data))
    else:
        printer.print_attribute(value)


def _parse_option(parser: Parser, part: str, known: tuple[str, ...]) -> tuple[str, Attribute]:
    position = parser.pos
    option = parser.parse_identifier()
    if option not in known:
        parser.raise_error(f"{part} has no option {option}; it has {', '.join(known)}", position, parser.pos)
    if not parser.parse_optional_punctuation("="):
        return option, UnitAttr()
    number = parser.parse_optional_integer(allow_boolean=False)
    return option, IntegerAttr(number, i64) if number is not None else parser.parse_attribute()
