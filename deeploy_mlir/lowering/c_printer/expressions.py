"""Expressions as C text: precedence, parentheses, promotion and overflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from xdsl.dialects.builtin import IndexType
from xdsl.ir import Attribute, Operation, SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.lowering.c_printer.spelling import Spelling
from deeploy_mlir.support.errors import DeeployError


class Prec(IntEnum):
    """How tightly C's operators bind, tightest last."""

    COMMA = 1
    CONDITIONAL = 3
    LOGICAL_OR = 4
    LOGICAL_AND = 5
    BIT_OR = 6
    BIT_XOR = 7
    BIT_AND = 8
    EQUALITY = 9
    RELATIONAL = 10
    SHIFT = 11
    ADDITIVE = 12
    MULTIPLICATIVE = 13
    UNARY = 14
    POSTFIX = 15
    PRIMARY = 16


@dataclass(frozen=True)
class Expr:
    """A C expression: its text, which has the value's type (after integer promotion), and what it reads."""

    text: str
    prec: Prec
    reads: frozenset[object] = frozenset()
    """What must not be written between the operation and the place where this text stands."""
    bare: tuple[str, Prec] | None = None
    """Text of the same value without its widening cast or suffix, for a context that converts it anyway."""
    promoted: bool = False
    """Whether `bare` is promoted to the value's type by any arithmetic."""
    modular: tuple[str, Prec] | None = None
    """Text of the unsigned value that this one is a conversion of, for arithmetic modulo 2**width."""
    update: tuple[SSAValue, str, str] | None = None
    """Place, operator and right operand if this is `place op right`: what `op=` can say."""

    def at(self, prec: Prec) -> str:
        """The text, in parentheses if it binds less tightly than `prec`."""
        return self.text if self.prec >= prec else f"({self.text})"

    @property
    def relaxed(self) -> Expr:
        """The expression where its value is converted to its type: initialisation, assignment, return, index."""
        return self if self.bare is None else Expr(self.bare[0], self.bare[1], self.reads)

    @property
    def promoting(self) -> Expr:
        """The expression as an operand of arithmetic in its own type."""
        return self.relaxed if self.promoted else self

    @property
    def is_simple(self) -> bool:
        """Whether it may be written twice: a name or a number."""
        return self.prec == Prec.PRIMARY or (self.prec == Prec.UNARY and self.text[1:].isalnum())


INFIX: dict[type[c.BinaryOp], tuple[str, Prec]] = {
    c.AddOp: ("+", Prec.ADDITIVE),
    c.SubOp: ("-", Prec.ADDITIVE),
    c.MulOp: ("*", Prec.MULTIPLICATIVE),
    c.DivOp: ("/", Prec.MULTIPLICATIVE),
    c.RemOp: ("%", Prec.MULTIPLICATIVE),
    c.BitwiseAndOp: ("&", Prec.BIT_AND),
    c.BitwiseXorOp: ("^", Prec.BIT_XOR),
    c.BitwiseOrOp: ("|", Prec.BIT_OR),
    c.ShiftLeftOp: ("<<", Prec.SHIFT),
    c.ShiftRightOp: (">>", Prec.SHIFT),
    c.LogicalAndOp: ("&&", Prec.LOGICAL_AND),
    c.LogicalOrOp: ("||", Prec.LOGICAL_OR),
}

COMPARISONS: dict[c.Comparison, tuple[str, Prec]] = {
    c.Comparison.eq: ("==", Prec.EQUALITY),
    c.Comparison.ne: ("!=", Prec.EQUALITY),
    c.Comparison.lt: ("<", Prec.RELATIONAL),
    c.Comparison.le: ("<=", Prec.RELATIONAL),
    c.Comparison.gt: (">", Prec.RELATIONAL),
    c.Comparison.ge: (">=", Prec.RELATIONAL),
}


def _beside(operand: Expr, prec: Prec) -> Prec:
    """How tightly an operand must bind; !a & b and !a < b look like slips of the pen, to compilers too."""
    return Prec.POSTFIX if operand.text.startswith("!") else prec


def infix(left: Expr, operator: str, prec: Prec, right: Expr) -> str:
    """`left operator right` with the parentheses that C, or a reader, needs."""
    needed = (prec, Prec(prec + 1))
    if prec in (Prec.LOGICAL_OR, Prec.LOGICAL_AND):
        needed = (prec if left.prec == prec else Prec.EQUALITY, Prec.EQUALITY)
    elif prec in (Prec.RELATIONAL, Prec.EQUALITY):
        needed = (_beside(left, Prec.ADDITIVE), _beside(right, Prec.ADDITIVE))
    elif prec in (Prec.SHIFT, Prec.BIT_AND, Prec.BIT_XOR, Prec.BIT_OR):
        chain = prec is not Prec.SHIFT and left.prec == prec
        needed = (prec if chain else _beside(left, Prec.UNARY), _beside(right, Prec.UNARY))
    return f"{left.at(needed[0])} {operator} {right.at(needed[1])}"


def is_int(t: Attribute) -> bool:
    """Whether C computes in `t` without converting: `int` itself."""
    return isinstance(t, IndexType) or (c.is_integer(t) and c.bit_width(t) == 32 and not c.is_unsigned(t))


def _preserves(source: Attribute, result: Attribute) -> bool:
    """Whether every value of the integer type `source` is one of `result`."""
    if not (c.is_integer(source) and c.is_integer(result)) or c.is_bool(result):
        return False
    (low, high), (result_low, result_high) = c.integer_range(source), c.integer_range(result)
    return result_low <= low and high <= result_high


@dataclass
class ExpressionPrinter:
    """Turns an operation and the text of its operands into text."""

    spelling: Spelling

    def render(self, op: Operation, operands: Sequence[Expr]) -> Expr:
        """The expression of an operation of the dialect that computes a value or a place.

        Raises DeeployError for any other operation."""
        reads = frozenset[object]().union(*(o.reads for o in operands))
        return replace(self._render(op, operands), reads=reads)

    def _render(self, op: Operation, operands: Sequence[Expr]) -> Expr:
        match op:
            case c.ConstantOp():
                return self._constant(op)
            case c.LiteralOp():
                text = op.value.data
                return Expr(text, Prec.PRIMARY if text.isidentifier() or text.isalnum() else Prec.COMMA)
            case c.GetGlobalOp():
                return Expr(op.symbol_name, Prec.PRIMARY)
            case c.CastOp():
                return self._cast(op, operands[0])
            case c.CmpOp():
                return self._comparison(op, operands[0], operands[1])
            case c.MinOp() | c.MaxOp():
                return self._extremum(op, operands[0], operands[1])
            case c.BinaryOp():
                return self._binary(op, operands[0], operands[1])
            case c.NegOp() | c.BitwiseNotOp() | c.LogicalNotOp():
                return self._unary(op, operands[0])
            case c.ConditionalOp():
                condition, a, b = operands
                a, b = self._both(op.result.type, a, b)
                logical = condition.prec in (Prec.LOGICAL_OR, Prec.LOGICAL_AND)
                test = condition.text if logical else condition.at(Prec.EQUALITY)
                return Expr(f"{test} ? {a.at(Prec.LOGICAL_OR)} : {b.at(Prec.LOGICAL_OR)}", Prec.CONDITIONAL)
            case c.SubscriptOp():
                indices = "".join(f"[{i.relaxed.text}]" for i in operands[1:])
                return Expr(operands[0].at(Prec.POSTFIX) + indices, Prec.POSTFIX)
            case c.DereferenceOp():
                return Expr(f"*{operands[0].at(Prec.UNARY)}", Prec.UNARY)
            case c.AddressOfOp():
                return Expr(f"&{operands[0].at(Prec.UNARY)}", Prec.UNARY)
            case c.MemberOp():
                arrow = "->" if isinstance(op.base.type, c.PtrType) else "."
                return Expr(f"{operands[0].at(Prec.POSTFIX)}{arrow}{op.field.data}", Prec.POSTFIX)
            case c.LoadOp():
                return operands[0]
            case c.AggregateOp():
                return self._aggregate(op, operands)
            case c.CallOp() | c.CallOpaqueOp():
                return self.call(op, operands)
            case _:
                raise DeeployError(f"{op.name} is no C expression")

    def call(self, op: c.CallOp | c.CallOpaqueOp, operands: Sequence[Expr]) -> Expr:
        """A function call. A prototype converts the arguments of a `c.call`; a macro may not."""
        name = op.callee_name if isinstance(op, c.CallOp) else op.callee.data
        arguments = [o.relaxed if isinstance(op, c.CallOp) else o.promoting for o in operands]
        return Expr(f"{name}({', '.join(a.text for a in arguments)})", Prec.POSTFIX)

    def braces(self, elements: Sequence[Expr]) -> str:
        """A brace list."""
        return "{" + ", ".join(e.relaxed.text for e in elements) + "}"

    def _aggregate(self, op: c.AggregateOp, operands: Sequence[Expr]) -> Expr:
        braces = self.braces(operands)
        t = op.result.type
        if isinstance(t, c.ArrayType):
            type_name = f"{self.spelling.type_name(t.element_type)}[{t.dims[0]}]"
        else:
            type_name = self.spelling.type_name(t)
        return Expr(f"({type_name}){braces}", Prec.POSTFIX, bare=(braces, Prec.PRIMARY))

    def _constant(self, op: c.ConstantOp) -> Expr:
        t, value = op.result.type, op.constant
        text = self.spelling.number(value, t)
        prec = Prec.UNARY if text.startswith("-") else Prec.PRIMARY
        if c.is_integer(t) and c.bit_width(t) == 64 and -(2**31) < value < 2**31:
            return Expr(text, prec, bare=(str(int(value)), prec))
        return Expr(text, prec)

    def _convert(self, t: str, operand: Expr) -> Expr:
        return Expr(f"({t}){operand.at(Prec.UNARY)}", Prec.UNARY)

    def _cast(self, op: c.CastOp, operand: Expr) -> Expr:
        source, result = op.source.type, op.result.type
        name = self.spelling.type_name(result)
        if isinstance(source, c.ArrayType):
            pointer = result if isinstance(result, c.PtrType) else None
            if pointer is not None and pointer.pointee == source.element_type and len(source.dims) == 1:
                return replace(operand, bare=None)
            return self._convert(name, operand)
        if c.is_integer(source) and not c.is_bool(source) and self.spelling.type_name(source) == name:
            return operand
        if isinstance(source, c.PtrType) and isinstance(result, c.PtrType) and source.pointee == result.pointee:
            if result.is_const or not source.is_const:
                return operand
        inner = op.source.owner
        # a widening cast inside another cast says nothing: (int64_t)(int32_t)x is (int64_t)x
        if operand.bare is not None and isinstance(inner, c.CastOp):
            operand = operand.relaxed
            source = inner.source.type if _preserves(inner.source.type, source) else source
        converted = self._convert(name, operand)
        if _preserves(source, result):
            promoted = is_int(result) and (c.bit_width(source) < 32 or is_int(source))
            return replace(converted, bare=(operand.text, operand.prec), promoted=promoted)
        return converted

    def _both(self, t: Attribute, a: Expr, b: Expr) -> tuple[Expr, Expr]:
        """The operands of an operation in type `t`, with no more casts than make C compute in that type."""
        if is_int(t):
            return a.promoting, b.promoting
        if b.bare is not None:
            return a, b.relaxed
        return a.relaxed, b

    def _extremum(self, op: c.MinOp | c.MaxOp, a: Expr, b: Expr) -> Expr:
        if is_int(op.result.type):
            a, b = a.promoting, b.promoting
        test = infix(a, "<" if isinstance(op, c.MinOp) else ">", Prec.RELATIONAL, b)
        return Expr(f"{test} ? {a.at(Prec.ADDITIVE)} : {b.at(Prec.ADDITIVE)}", Prec.CONDITIONAL)

    def _comparison(self, op: c.CmpOp, a: Expr, b: Expr) -> Expr:
        operator, prec = COMPARISONS[op.predicate.data]
        a, b = self._both(op.lhs.type, a, b)
        return Expr(infix(a, operator, prec, b), prec)

    def _unary(self, op: c.NegOp | c.BitwiseNotOp | c.LogicalNotOp, operand: Expr) -> Expr:
        t = op.result.type
        if isinstance(op, c.LogicalNotOp):
            return Expr(f"!{operand.at(Prec.UNARY)}", Prec.UNARY)
        operand = operand.promoting
        if isinstance(op, c.NegOp) and op.wrap is not None and not c.is_unsigned(t) and c.bit_width(t) >= 32:
            unsigned = self._to_unsigned(op.operand, operand)
            zero = Expr("0ull" if c.bit_width(t) == 64 else "0u", Prec.PRIMARY)
            return self._from_unsigned(t, Expr(infix(zero, "-", Prec.ADDITIVE, unsigned), Prec.ADDITIVE))
        operator = "-" if isinstance(op, c.NegOp) else "~"
        text = operand.at(Prec.UNARY)
        result = Expr(operator + (f"({text})" if text.startswith(operator) else text), Prec.UNARY)
        return self._narrowed(t, result)

    def _narrowed(self, t: Attribute, e: Expr) -> Expr:
        """`e`, computed in int, converted to the narrower type `t`."""
        if c.is_integer(t) and 1 < c.bit_width(t) < 32:
            return self._convert(self.spelling.type_name(t), e)
        return e

    def _binary(self, op: c.BinaryOp, a: Expr, b: Expr) -> Expr:
        operator, prec = INFIX[type(op)]
        t = op.result.type
        if isinstance(op, c.ShiftLeftOp | c.ShiftRightOp):
            return self._shift(op, a, b)
        if isinstance(op, c.WrappingOp) and c.is_integer(t) and self._needs_unsigned(op):
            return self._unsigned(op, operator, prec, a, b)
        if isinstance(t, c.PtrType):
            b = b.relaxed
        else:
            a, b = self._both(t, a, b)
        left = op.lhs.owner
        operator, b = self._sign(op, operator, b)
        e = Expr(infix(a, operator, prec, b), prec)
        if isinstance(op, c.BitwiseAndOp | c.BitwiseOrOp | c.BitwiseXorOp | c.RemOp):
            narrow = e
        else:
            narrow = self._narrowed(t, e)
        if isinstance(left, c.LoadOp) and narrow is e and prec not in (Prec.LOGICAL_AND, Prec.LOGICAL_OR):
            e = replace(e, update=(left.source, operator, b.text))
            return e
        return narrow

    def _sign(self, op: c.BinaryOp, operator: str, b: Expr) -> tuple[str, Expr]:
        """a + -5 as a - 5, and a - -5 as a + 5."""
        value = c.constant_of(op.rhs)
        if operator in ("+", "-") and value is not None and value < 0 and b.text.startswith("-"):
            return "-" if operator == "+" else "+", replace(b, text=b.text[1:], prec=Prec.PRIMARY, bare=None)
        return operator, b

    def _needs_unsigned(self, op: c.WrappingOp) -> bool:
        t = op.result.type
        if c.bit_width(t) == 16 and c.is_unsigned(t):
            return isinstance(op, c.MulOp)  # 65535 * 65535 overflows int
        return op.wraps and not c.is_unsigned(t) and c.bit_width(t) >= 32

    def _unsigned(self, op: c.WrappingOp, operator: str, prec: Prec, a: Expr, b: Expr) -> Expr:
        t = op.result.type
        a, b = self._to_unsigned(op.lhs, a), self._to_unsigned(op.rhs, b)
        return self._from_unsigned(t, Expr(infix(a, operator, prec, b), prec))

    def _to_unsigned(self, value: SSAValue, e: Expr) -> Expr:
        """An operand of arithmetic modulo 2**width."""
        t = value.type
        known = c.constant_of(value)
        if isinstance(known, int):
            suffix = "ull" if c.bit_width(t) == 64 else "u"
            return Expr(f"{known % 2 ** max(32, c.bit_width(t))}{suffix}", Prec.PRIMARY)
        if e.modular is not None and c.bit_width(t) >= 32:
            return Expr(e.modular[0], e.modular[1])
        return self._convert(self.spelling.unsigned_name(t), e if c.is_unsigned(t) else e.relaxed)

    def _from_unsigned(self, t: Attribute, e: Expr) -> Expr:
        return replace(self._convert(self.spelling.type_name(t), e), modular=(e.text, e.prec))

    def _shift(self, op: c.ShiftLeftOp | c.ShiftRightOp, a: Expr, b: Expr) -> Expr:
        t = op.result.type
        b = b.relaxed
        if isinstance(op, c.ShiftRightOp):
            a = a.promoting
            e = Expr(infix(a, ">>", Prec.SHIFT, b), Prec.SHIFT)
            left = op.lhs.owner
            return replace(e, update=(left.source, ">>", b.text)) if isinstance(left, c.LoadOp) else e
        if c.is_unsigned(t) and c.bit_width(t) >= 32:
            return Expr(infix(a, "<<", Prec.SHIFT, b), Prec.SHIFT)
        unsigned = self._to_unsigned(op.lhs, a)
        return self._from_unsigned(t, Expr(infix(unsigned, "<<", Prec.SHIFT, b), Prec.SHIFT))
