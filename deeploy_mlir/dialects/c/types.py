"""Types of the `c` dialect, beside the builtin integers, floats and `index`.

Integers carry their signedness: `i8` is `int8_t`, `ui8` is `uint8_t`, `i1` is `bool`; `index` is the target's.
"""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.dialects.builtin import (
    ArrayAttr,
    BFloat16Type,
    Float16Type,
    Float32Type,
    Float64Type,
    IndexType,
    IntAttr,
    IntegerType,
    NoneAttr,
    Signedness,
    StringAttr,
    UnitAttr,
)
from xdsl.ir import Attribute, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from deeploy_mlir.support.numpy_types import SmallFloat

INTEGER_WIDTHS = (1, 2, 4, 8, 16, 32, 64)


@irdl_attr_definition
class OpaqueType(ParametrizedAttribute, TypeAttribute):
    """A C type by its name, printed as it stands: `!c.opaque<"dm_token">`. A pointer to it is a `!c.ptr`."""

    name = "c.opaque"
    value: StringAttr

    def __init__(self, value: str | StringAttr) -> None:
        super().__init__(StringAttr(value) if isinstance(value, str) else value)

    def verify(self) -> None:
        if not self.value.data.strip():
            raise VerifyException("expected the name of a C type in !c.opaque, got an empty string")
        if self.value.data.rstrip().endswith("*"):
            raise VerifyException(f'!c.opaque<"{self.value.data}"> is a pointer: use !c.ptr instead')


@irdl_attr_definition
class PtrType(ParametrizedAttribute, TypeAttribute):
    """A pointer: `!c.ptr<i8>`, `!c.ptr<const i8>` (what it points to is const), `!c.ptr<const i8, restrict>`."""

    name = "c.ptr"
    pointee: Attribute
    const: UnitAttr | NoneAttr
    restrict: UnitAttr | NoneAttr

    def __init__(self, pointee: Attribute, *, const: bool = False, restrict: bool = False) -> None:
        super().__init__(pointee, UnitAttr() if const else NoneAttr(), UnitAttr() if restrict else NoneAttr())

    @property
    def is_const(self) -> bool:
        """Whether what it points to is const."""
        return isinstance(self.const, UnitAttr)

    @property
    def is_restrict(self) -> bool:
        """Whether nothing else points to what it points to."""
        return isinstance(self.restrict, UnitAttr)

    def verify(self) -> None:
        if isinstance(self.pointee, ArrayType | LValueType):
            raise VerifyException(f"no pointer to {self.pointee}: point to the element type instead")
        if not is_object_type(self.pointee):
            raise VerifyException(f"{self.pointee} is no C type to point to")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            const = UnitAttr() if parser.parse_optional_keyword("const") else NoneAttr()
            pointee = parser.parse_type()
            restrict: UnitAttr | NoneAttr = NoneAttr()
            if parser.parse_optional_punctuation(","):
                parser.parse_keyword("restrict")
                restrict = UnitAttr()
        return [pointee, const, restrict]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            if self.is_const:
                printer.print_string("const ")
            printer.print_attribute(self.pointee)
            if self.is_restrict:
                printer.print_string(", restrict")


@irdl_attr_definition
class ArrayType(ParametrizedAttribute, TypeAttribute):
    """An array object: `!c.array<4x8xi8>` is `int8_t name[4][8]`. `c.cast` makes it a pointer to its first element."""

    name = "c.array"
    shape: ArrayAttr[IntAttr]
    element_type: Attribute

    def __init__(self, shape: Iterable[int | IntAttr] | ArrayAttr[IntAttr], element_type: Attribute) -> None:
        super().__init__(ArrayAttr([IntAttr(d) if isinstance(d, int) else d for d in shape]), element_type)

    @property
    def dims(self) -> tuple[int, ...]:
        """The extents, outermost first."""
        return tuple(d.data for d in self.shape)

    def verify(self) -> None:
        if not self.shape.data:
            raise VerifyException("!c.array needs at least one extent")
        if any(d <= 0 for d in self.dims):
            raise VerifyException(f"!c.array extents must be positive, got {'x'.join(map(str, self.dims))}")
        if not is_object_type(self.element_type):
            raise VerifyException(f"{self.element_type} cannot be the element of a !c.array")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            shape, element_type = parser.parse_ranked_shape()
        return [ArrayAttr([IntAttr(d) for d in shape]), element_type]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_dimension_list(self.dims)
            printer.print_string("x")
            printer.print_attribute(self.element_type)


@irdl_attr_definition
class LValueType(ParametrizedAttribute, TypeAttribute):
    """A place that holds a value: a variable, an element, a member. Read with `c.load`, written with `c.assign`."""

    name = "c.lvalue"
    value_type: Attribute

    def verify(self) -> None:
        if not is_object_type(self.value_type):
            raise VerifyException(
                f"!c.lvalue holds a value of an integer, float, pointer or opaque type, not {self.value_type}"
            )


def is_integer(t: Attribute) -> bool:
    """Whether arithmetic on `t` is C integer arithmetic (bool and index included)."""
    return isinstance(t, IntegerType | IndexType)


def is_float(t: Attribute) -> bool:
    """Whether arithmetic on `t` is C floating-point arithmetic."""
    return isinstance(t, Float32Type | Float64Type)


def is_bool(t: Attribute) -> bool:
    """Whether `t` is `i1`, C's bool."""
    return isa(t, IntegerType) and t.width.data == 1


def is_object_type(t: Attribute) -> bool:
    """Whether a C variable that is no array can have type `t`; floats below 32 bits are for stored data only."""
    if isa(t, IntegerType):
        return t.width.data in INTEGER_WIDTHS
    stored = isinstance(t, Float16Type | BFloat16Type | SmallFloat)
    return stored or isinstance(t, IndexType | Float32Type | Float64Type | PtrType | OpaqueType)


def is_unsigned(t: Attribute) -> bool:
    """Whether `t` is an unsigned integer (bool counts as unsigned)."""
    if isa(t, IntegerType):
        return t.signedness.data == Signedness.UNSIGNED or t.width.data == 1
    return False


def bit_width(t: Attribute) -> int:
    """Bits of an integer type; `index` is taken as 32."""
    if isa(t, IntegerType):
        return t.width.data
    if isinstance(t, IndexType):
        return 32
    raise TypeError(f"{t} is no integer type")


def integer_range(t: Attribute) -> tuple[int, int]:
    """Smallest and largest value of an integer type."""
    width = bit_width(t)
    if is_unsigned(t):
        return 0, 2**width - 1
    return -(2 ** (width - 1)), 2 ** (width - 1) - 1


def wrap_to(value: int, t: Attribute) -> int:
    """`value` modulo 2**width, in the range of the integer type `t`."""
    low, _ = integer_range(t)
    return (value - low) % 2 ** bit_width(t) + low
