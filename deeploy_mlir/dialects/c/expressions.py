"""Expressions of the `c` dialect: operations that compute a value and change nothing.

Arithmetic is typed by its result. Signed overflow in 32 and 64 bits is undefined as in C, unless the operation says
`wrap`; a result narrower than `int` is converted back to its type, so it wraps. All operands are evaluated.
"""

from __future__ import annotations

import abc
from enum import auto
from typing import ClassVar, Self

from xdsl.dialects.builtin import FunctionType, UnitAttr, i1
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute, Operation, SpacedOpaqueSyntaxAttribute, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    VarConstraint,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.str_enum import StrEnum

from deeploy_mlir.dialects.c.types import (
    ArrayType,
    OpaqueType,
    PtrType,
    is_bool,
    is_float,
    is_integer,
    is_object_type,
)


class Comparison(StrEnum):
    """How `c.cmp` compares."""

    eq = auto()
    ne = auto()
    lt = auto()
    le = auto()
    gt = auto()
    ge = auto()


@irdl_attr_definition
class ComparisonAttr(EnumAttribute[Comparison], SpacedOpaqueSyntaxAttribute):
    """`#c<comparison lt>`."""

    name = "c.comparison"


class BinaryOp(IRDLOperation, abc.ABC):
    """`c.add %a, %b : i32`: two operands and a result of one type; otherwise `c.add %p, %i : (T1, T2) -> T3`."""

    OPERANDS: ClassVar[str] = "integers or floats"

    lhs = operand_def(AnyAttr())
    rhs = operand_def(AnyAttr())
    result = result_def(AnyAttr())

    traits = traits_def(Pure())

    def __init__(
        self, lhs: SSAValue | Operation, rhs: SSAValue | Operation, result_type: Attribute | None = None
    ) -> None:
        super().__init__(operands=[lhs, rhs], result_types=[result_type or SSAValue.get(lhs).type])

    @classmethod
    def accepts(cls, t: Attribute) -> bool:
        """Whether the operation is defined on values of type `t`."""
        return (is_integer(t) and not is_bool(t)) or is_float(t) or isinstance(t, OpaqueType)

    def verify_(self) -> None:
        if not (self.lhs.type == self.rhs.type == self.result.type):
            raise VerifyException(
                f"{self.name} needs operands and result of one type, got {self.lhs.type}, {self.rhs.type} "
                f"and {self.result.type}: put a c.cast in front"
            )
        if not self.accepts(self.result.type):
            raise VerifyException(f"{self.name} works on {self.OPERANDS}, not on {self.result.type}")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        if isinstance(self, WrappingOp) and self.wraps:
            printer.print_string("wrap ")
        printer.print_operand(self.lhs)
        printer.print_string(", ")
        printer.print_operand(self.rhs)
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        if self.lhs.type == self.rhs.type == self.result.type:
            printer.print_attribute(self.result.type)
        else:
            printer.print_operation_type(self)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        wrap = issubclass(cls, WrappingOp) and parser.parse_optional_keyword("wrap") is not None
        lhs = parser.parse_unresolved_operand()
        parser.parse_punctuation(",")
        rhs = parser.parse_unresolved_operand()
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        pos = parser.pos
        t = parser.parse_type()
        types: tuple[Attribute, ...] = (t, t, t)
        if isinstance(t, FunctionType):
            types = (*t.inputs, *t.outputs)
            if len(t.inputs) != 2 or len(t.outputs) != 1:
                parser.raise_error("expected a type or (type, type) -> type", pos, parser.pos)
        operands = [parser.resolve_operand(lhs, types[0]), parser.resolve_operand(rhs, types[1])]
        op = cls.create(
            operands=operands,
            result_types=[types[2]],
            properties={"wrap": UnitAttr()} if wrap else {},
            attributes=attributes,
        )
        return op


class WrappingOp(BinaryOp, abc.ABC):
    """A binary operation that may say `wrap`: signed overflow is then modulo 2**width, through unsigned arithmetic."""

    wrap = opt_prop_def(UnitAttr)

    def __init__(
        self,
        lhs: SSAValue | Operation,
        rhs: SSAValue | Operation,
        result_type: Attribute | None = None,
        *,
        wrap: bool = False,
    ) -> None:
        IRDLOperation.__init__(
            self,
            operands=[lhs, rhs],
            result_types=[result_type or SSAValue.get(lhs).type],
            properties={"wrap": UnitAttr() if wrap else None},
        )

    @property
    def wraps(self) -> bool:
        """Whether overflow is defined."""
        return self.wrap is not None

    def verify_(self) -> None:
        super().verify_()
        if self.wraps and not is_integer(self.result.type):
            raise VerifyException(f"{self.name} wrap is for integers, not for {self.result.type}")


class PointerArithmeticOp(WrappingOp, abc.ABC):
    """Addition and subtraction: also of an integer (in elements) to a pointer."""

    def verify_(self) -> None:
        if isinstance(self.lhs.type, PtrType):
            if not is_integer(self.rhs.type) or self.result.type != self.lhs.type:
                raise VerifyException(
                    f"{self.name} on a pointer takes (pointer, integer) -> the same pointer type, got "
                    f"({self.lhs.type}, {self.rhs.type}) -> {self.result.type}"
                )
            if self.wraps:
                raise VerifyException(f"{self.name} wrap is for integers, not for {self.result.type}")
            return
        super().verify_()


@irdl_op_definition
class AddOp(PointerArithmeticOp):
    """`lhs + rhs`."""

    name = "c.add"


@irdl_op_definition
class SubOp(PointerArithmeticOp):
    """`lhs - rhs`."""

    name = "c.sub"


@irdl_op_definition
class MulOp(WrappingOp):
    """`lhs * rhs`."""

    name = "c.mul"


@irdl_op_definition
class DivOp(BinaryOp):
    """`lhs / rhs`; integers round towards zero."""

    name = "c.div"


class IntegerBinaryOp(BinaryOp, abc.ABC):
    """A binary operation on integers only."""

    OPERANDS: ClassVar[str] = "integers"

    @classmethod
    def accepts(cls, t: Attribute) -> bool:
        return is_integer(t) or isinstance(t, OpaqueType)


@irdl_op_definition
class RemOp(IntegerBinaryOp):
    """`lhs % rhs`, with the sign of lhs."""

    name = "c.rem"


@irdl_op_definition
class BitwiseAndOp(IntegerBinaryOp):
    """`lhs & rhs`."""

    name = "c.bitwise_and"


@irdl_op_definition
class BitwiseOrOp(IntegerBinaryOp):
    """`lhs | rhs`."""

    name = "c.bitwise_or"


@irdl_op_definition
class BitwiseXorOp(IntegerBinaryOp):
    """`lhs ^ rhs`."""

    name = "c.bitwise_xor"


class ShiftOp(IntegerBinaryOp, abc.ABC):
    """A shift by `rhs` bits, 0 <= rhs < width; `rhs` may have another integer type: `(i64, i32) -> i64`."""

    def verify_(self) -> None:
        if self.lhs.type != self.result.type or not is_integer(self.rhs.type) or not is_integer(self.lhs.type):
            raise VerifyException(
                f"{self.name} takes (T, integer) -> T with T an integer, got ({self.lhs.type}, {self.rhs.type}) "
                f"-> {self.result.type}"
            )


@irdl_op_definition
class ShiftLeftOp(ShiftOp):
    """`lhs << rhs`; bits shifted out are lost, also for negative numbers (printed through unsigned arithmetic)."""

    name = "c.bitwise_left_shift"


@irdl_op_definition
class ShiftRightOp(ShiftOp):
    """`lhs >> rhs`: arithmetic for signed types (as every compiler that we support does), logical for unsigned ones."""

    name = "c.bitwise_right_shift"


@irdl_op_definition
class MinOp(BinaryOp):
    """`lhs < rhs ? lhs : rhs`; with a NaN operand the result is rhs."""

    name = "c.min"


@irdl_op_definition
class MaxOp(BinaryOp):
    """`lhs > rhs ? lhs : rhs`; with a NaN operand the result is rhs."""

    name = "c.max"


class BoolBinaryOp(IntegerBinaryOp, abc.ABC):
    """A logical connective of i1."""

    OPERANDS: ClassVar[str] = "i1"

    @classmethod
    def accepts(cls, t: Attribute) -> bool:
        return is_bool(t)


@irdl_op_definition
class LogicalAndOp(BoolBinaryOp):
    """`lhs && rhs`."""

    name = "c.logical_and"


@irdl_op_definition
class LogicalOrOp(BoolBinaryOp):
    """`lhs || rhs`."""

    name = "c.logical_or"


class UnaryOp(IRDLOperation, abc.ABC):
    """`c.bitwise_not %a : i32`: one operand, a result of its type."""

    T: ClassVar = VarConstraint("T", AnyAttr())

    operand = operand_def(T)
    result = result_def(T)

    traits = traits_def(Pure())
    assembly_format = "$operand attr-dict `:` type($result)"

    def __init__(self, operand: SSAValue | Operation) -> None:
        super().__init__(operands=[operand], result_types=[SSAValue.get(operand).type])


@irdl_op_definition
class NegOp(UnaryOp):
    """`-operand`; `wrap` defines the negation of the smallest integer as itself."""

    name = "c.unary_minus"
    wrap = opt_prop_def(UnitAttr)
    assembly_format = "(`wrap` $wrap^)? $operand attr-dict `:` type($result)"

    def __init__(self, operand: SSAValue | Operation, *, wrap: bool = False) -> None:
        IRDLOperation.__init__(
            self,
            operands=[operand],
            result_types=[SSAValue.get(operand).type],
            properties={"wrap": UnitAttr() if wrap else None},
        )

    def verify_(self) -> None:
        t = self.operand.type
        if is_bool(t) or not (is_integer(t) or is_float(t) or isinstance(t, OpaqueType)):
            raise VerifyException(f"c.unary_minus works on integers or floats, not on {t}")


@irdl_op_definition
class BitwiseNotOp(UnaryOp):
    """`~operand`."""

    name = "c.bitwise_not"

    def verify_(self) -> None:
        if not is_integer(self.operand.type) or is_bool(self.operand.type):
            raise VerifyException(f"c.bitwise_not works on integers, not on {self.operand.type}")


@irdl_op_definition
class LogicalNotOp(UnaryOp):
    """`!operand` of i1."""

    name = "c.logical_not"

    def verify_(self) -> None:
        if not is_bool(self.operand.type):
            raise VerifyException(f"c.logical_not works on i1, not on {self.operand.type}")


@irdl_op_definition
class CmpOp(IRDLOperation):
    """`c.cmp lt, %a, %b : i32` is `a < b`, signed or unsigned as the type says. The result is i1."""

    name = "c.cmp"
    T: ClassVar = VarConstraint("T", AnyAttr())

    predicate = prop_def(ComparisonAttr)
    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def(i1)

    traits = traits_def(Pure())
    assembly_format = "$predicate `,` $lhs `,` $rhs attr-dict `:` type($lhs)"

    def __init__(self, predicate: Comparison | str, lhs: SSAValue | Operation, rhs: SSAValue | Operation) -> None:
        super().__init__(
            operands=[lhs, rhs],
            result_types=[i1],
            properties={"predicate": ComparisonAttr(Comparison(predicate))},
        )

    def verify_(self) -> None:
        t = self.lhs.type
        if not (is_integer(t) or is_float(t) or isinstance(t, PtrType | OpaqueType)):
            raise VerifyException(f"c.cmp compares integers, floats and pointers, not {t}")


@irdl_op_definition
class ConditionalOp(IRDLOperation):
    """`condition ? true_value : false_value`."""

    name = "c.conditional"
    T: ClassVar = VarConstraint("T", AnyAttr())

    condition = operand_def(i1)
    true_value = operand_def(T)
    false_value = operand_def(T)
    result = result_def(T)

    traits = traits_def(Pure())
    assembly_format = "$condition `,` $true_value `,` $false_value attr-dict `:` type($result)"

    def __init__(
        self, condition: SSAValue | Operation, true_value: SSAValue | Operation, false_value: SSAValue | Operation
    ) -> None:
        super().__init__(operands=[condition, true_value, false_value], result_types=[SSAValue.get(true_value).type])

    def verify_(self) -> None:
        if not is_object_type(self.result.type):
            raise VerifyException(f"c.conditional chooses between values, not {self.result.type}")


@irdl_op_definition
class CastOp(IRDLOperation):
    """`(T)source`: C's conversion, among integers, floats and pointers; an array decays to a pointer.

    To a narrower signed integer it keeps the low bits; a float out of the integer's range is undefined, as in C.
    """

    name = "c.cast"
    source = operand_def(AnyAttr())
    result = result_def(AnyAttr())

    traits = traits_def(Pure())
    assembly_format = "$source attr-dict `:` type($source) `to` type($result)"

    def __init__(self, source: SSAValue | Operation, result_type: Attribute) -> None:
        super().__init__(operands=[source], result_types=[result_type])

    def verify_(self) -> None:
        source, result = self.source.type, self.result.type
        if not is_object_type(result):
            raise VerifyException(f"c.cast makes a value of an integer, float, pointer or opaque type, not {result}")
        if isinstance(source, ArrayType) and not isinstance(result, PtrType):
            raise VerifyException(f"c.cast turns an array into a pointer only, not {source} into {result}")
        if (is_float(source) and isinstance(result, PtrType)) or (isinstance(source, PtrType) and is_float(result)):
            raise VerifyException(f"c.cast cannot turn {source} into {result}")
        if not isinstance(source, ArrayType) and not is_object_type(source):
            raise VerifyException(f"c.cast takes a value, not {source}")


EXPRESSIONS: tuple[type[IRDLOperation], ...] = (
    AddOp, SubOp, MulOp, DivOp, RemOp,
    BitwiseAndOp, BitwiseOrOp, BitwiseXorOp, BitwiseNotOp, ShiftLeftOp, ShiftRightOp,
    MinOp, MaxOp, NegOp, LogicalAndOp, LogicalOrOp, LogicalNotOp, CmpOp, ConditionalOp, CastOp,
)  # fmt: skip
"""The operators."""
