"""A builder for the `c` dialect that a lowering can write C with.

    b = CBuilder(InsertPoint.at_end(block))
    acc = b.var("acc", i32, 0)
    with b.for_("i", 0, n) as i:
        b.assign(acc, b.add(b.load(acc), b.cast(b.load(p, i), i32)))
    b.return_(b.load(acc))

Operands may be Python numbers: they take the type of the other operand. Integer operations on constants are computed at
once, modulo the width of their type, and neutral operations (x + 0, x * 1, ...) leave no trace. Every method inserts at
the builder's point, but constants, which stand at the start of the function, each once.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar, cast

from xdsl.dialects.builtin import Float32Type, Float64Type, FloatAttr, IndexType, IntegerAttr, IntegerType, f32, i1
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects import c
from deeploy_mlir.ir.c_folding import compare, fold_binary, fold_cast, simplify_binary

Value = SSAValue | int | float
"""An operand: an SSA value, or a number whose type follows from the other operand."""

OpT = TypeVar("OpT", bound=Operation)


def constant_attr(value: float, t: Attribute) -> IntegerAttr | FloatAttr:
    """A Python number as the value of a `c.constant`; integers are taken modulo the width of `t`."""
    if c.is_integer(t):
        if value != int(value):
            raise TypeError(f"{value} is no value of type {t}")
        it = cast(IntegerType | IndexType, t)
        return IntegerAttr(c.wrap_to(int(value), t), it)
    if c.is_float(t):
        return FloatAttr(float(value), cast(Float32Type | Float64Type, t))
    raise TypeError(f"no constant of type {t}: use a literal")


@dataclass
class Branch:
    """What `if_` yields: the way to its else branch."""

    _builder: CBuilder
    _op: c.IfOp | None
    _taken: bool
    """With a constant condition (no operation): whether the first branch was the one."""
    _outside: InsertPoint
    """Where the if stands."""

    @contextmanager
    def else_(self) -> Generator[None]:
        """The body of the with statement becomes the else branch."""
        if self._op is not None:
            block = Block()
            self._op.else_region.add_block(block)
            with self._builder.at(InsertPoint.at_end(block)):
                yield
        else:
            with self._builder.at(InsertPoint.at_end(Block()) if self._taken else self._outside):
                yield


class CBuilder:
    """Inserts `c` operations at a point that moves along."""

    point: InsertPoint

    def __init__(self, point: InsertPoint | Block) -> None:
        self.point = InsertPoint.at_end(point) if isinstance(point, Block) else point
        self._constants: dict[tuple[Block, Attribute, str], c.ConstantOp] = {}
        """Those of a function, by its first block and their value."""

    # The insertion point

    def insert(self, op: OpT) -> OpT:
        """Inserts an operation of any dialect."""
        Rewriter.insert_op(op, self.point)
        return op

    @contextmanager
    def at(self, point: InsertPoint) -> Generator[None]:
        """Inserts elsewhere for the length of a with statement."""
        saved, self.point = self.point, point
        try:
            yield
        finally:
            self.point = saved

    @staticmethod
    def named(name: str, value: SSAValue) -> SSAValue:
        """The value, with a name that the printed C uses if it needs one."""
        if not isinstance(value.owner, c.ConstantOp):
            value.name_hint = name
        return value

    # Leaves

    def const(self, value: float, t: Attribute | None = None) -> SSAValue:
        """A constant; `index` for int and `f32` for float if no type is given."""
        if t is None:
            t = i1 if isinstance(value, bool) else IndexType() if isinstance(value, int) else f32
        attr, home = constant_attr(value, t), self._function_block()
        if home is None:
            return self.insert(c.ConstantOp(attr)).result
        key = home, attr, str(value)  # attributes of 0.0 and -0.0 are equal
        if key not in self._constants:
            op = self._constants[key] = c.ConstantOp(attr)
            first = self.point.block is home and self.point.insert_before is home.first_op
            Rewriter.insert_op(op, self.point if first else InsertPoint.at_start(home))
        return self._constants[key].result

    def _function_block(self) -> Block | None:
        """The first block of the function that the point is in; None if it is in none."""
        block: Block | None = self.point.block
        while block is not None:
            parent = block.parent_op()
            if isinstance(parent, c.FuncOp):
                return block
            block = parent.parent_block() if parent is not None else None
        return None

    def literal(self, text: str, t: Attribute) -> SSAValue:
        """C text as a value: a macro or another name."""
        return self.insert(c.LiteralOp(text, t)).result

    def get_global(self, name: str, t: Attribute) -> SSAValue:
        """A global array, or the place of another global. `t` is the type of the `c.global`."""
        return self.insert(c.GetGlobalOp(name, t if isinstance(t, c.ArrayType) else c.LValueType(t))).result

    def value(self, x: Value, t: Attribute) -> SSAValue:
        """An operand as an SSA value: a number becomes a constant of type `t`."""
        return x if isinstance(x, SSAValue) else self.const(x, t)

    # Arithmetic

    def _pair(self, lhs: Value, rhs: Value) -> tuple[SSAValue, SSAValue]:
        if isinstance(lhs, SSAValue):
            t = IndexType() if isinstance(lhs.type, c.PtrType) and not isinstance(rhs, SSAValue) else lhs.type
            return lhs, self.value(rhs, t)
        if isinstance(rhs, SSAValue):
            return self.const(lhs, rhs.type), rhs
        return self.const(lhs), self.const(rhs)

    def binary(self, op: type[c.BinaryOp], lhs: Value, rhs: Value, *, wrap: bool = False) -> SSAValue:
        """A binary operation of the dialect, simplified."""
        a, b = self._pair(lhs, rhs)
        x, y = c.constant_of(a), c.constant_of(b)
        if isinstance(x, int) and isinstance(y, int) and c.is_integer(a.type):
            folded = fold_binary(op, x, y, a.type)
            if folded is not None:
                return self.const(folded, a.type)
        simple = simplify_binary(op, a, b)
        if isinstance(simple, SSAValue):
            return simple
        if simple is not None:
            return self.binary(op, simple[0], simple[1], wrap=wrap)
        if wrap and issubclass(op, c.WrappingOp):
            return self.insert(op(a, b, wrap=True)).result
        return self.insert(op(a, b)).result

    def add(self, lhs: Value, rhs: Value, *, wrap: bool = False) -> SSAValue:
        """lhs + rhs; lhs may be a pointer, rhs then counts elements. `wrap`: signed overflow is modulo 2**width."""
        return self.binary(c.AddOp, lhs, rhs, wrap=wrap)

    def sub(self, lhs: Value, rhs: Value, *, wrap: bool = False) -> SSAValue:
        """lhs - rhs."""
        return self.binary(c.SubOp, lhs, rhs, wrap=wrap)

    def mul(self, lhs: Value, rhs: Value, *, wrap: bool = False) -> SSAValue:
        """lhs * rhs."""
        return self.binary(c.MulOp, lhs, rhs, wrap=wrap)

    def div(self, lhs: Value, rhs: Value) -> SSAValue:
        """lhs / rhs, integers towards zero."""
        return self.binary(c.DivOp, lhs, rhs)

    def rem(self, lhs: Value, rhs: Value) -> SSAValue:
        """lhs % rhs, with the sign of lhs."""
        return self.binary(c.RemOp, lhs, rhs)

    def and_(self, lhs: Value, rhs: Value) -> SSAValue:
        """lhs & rhs."""
        return self.binary(c.BitwiseAndOp, lhs, rhs)

    def or_(self, lhs: Value, rhs: Value) -> SSAValue:
        """lhs | rhs."""
        return self.binary(c.BitwiseOrOp, lhs, rhs)

    def xor(self, lhs: Value, rhs: Value) -> SSAValue:
        """lhs ^ rhs."""
        return self.binary(c.BitwiseXorOp, lhs, rhs)

    def shl(self, lhs: Value, rhs: Value) -> SSAValue:
        """lhs << rhs, also for negative lhs."""
        return self.binary(c.ShiftLeftOp, lhs, rhs)

    def shr(self, lhs: Value, rhs: Value) -> SSAValue:
        """lhs >> rhs: arithmetic if lhs is signed, logical if it is unsigned."""
        return self.binary(c.ShiftRightOp, lhs, rhs)

    def min(self, lhs: Value, rhs: Value) -> SSAValue:
        """The smaller one."""
        return self.binary(c.MinOp, lhs, rhs)

    def max(self, lhs: Value, rhs: Value) -> SSAValue:
        """The larger one."""
        return self.binary(c.MaxOp, lhs, rhs)

    def clamp(self, x: SSAValue, low: Value, high: Value) -> SSAValue:
        """`x` limited to [low, high]."""
        return self.min(self.max(x, low), high)

    def neg(self, x: SSAValue, *, wrap: bool = False) -> SSAValue:
        """-x."""
        value = c.constant_of(x)
        if isinstance(value, int):
            return self.const(-value, x.type)
        return self.insert(c.NegOp(x, wrap=wrap)).result

    def not_(self, x: SSAValue) -> SSAValue:
        """~x for integers, !x for i1."""
        value = c.constant_of(x)
        if isinstance(value, int):
            return self.const(not value if c.is_bool(x.type) else ~value, x.type)
        return self.insert(c.LogicalNotOp(x) if c.is_bool(x.type) else c.BitwiseNotOp(x)).result

    def cmp(self, predicate: c.Comparison | str, lhs: Value, rhs: Value) -> SSAValue:
        """An i1: `lhs` eq, ne, lt, le, gt or ge `rhs`."""
        a, b = self._pair(lhs, rhs)
        x, y = c.constant_of(a), c.constant_of(b)
        if x is not None and y is not None:
            return self.const(compare(c.Comparison(predicate), x, y), i1)
        return self.insert(c.CmpOp(predicate, a, b)).result

    def land(self, lhs: Value, rhs: Value) -> SSAValue:
        """lhs && rhs of i1."""
        return self.binary(c.LogicalAndOp, self.value(lhs, i1), self.value(rhs, i1))

    def lor(self, lhs: Value, rhs: Value) -> SSAValue:
        """lhs || rhs of i1."""
        return self.binary(c.LogicalOrOp, self.value(lhs, i1), self.value(rhs, i1))

    def select(self, condition: SSAValue, true_value: Value, false_value: Value) -> SSAValue:
        """condition ? true_value : false_value."""
        a, b = self._pair(true_value, false_value)
        known = c.constant_of(condition)
        if known is not None:
            return a if known else b
        return a if a is b else self.insert(c.ConditionalOp(condition, a, b)).result

    def cast(self, x: Value, t: Attribute) -> SSAValue:
        """C's conversion to type `t`."""
        if not isinstance(x, SSAValue):
            return self.const(x, t)
        if x.type == t:
            return x
        value = c.constant_of(x)
        folded = fold_cast(value, t) if value is not None else None
        return self.const(folded, t) if folded is not None else self.insert(c.CastOp(x, t)).result

    # Places

    def var(self, name: str, t: Attribute, init: Value | None = None, specifiers: Sequence[str] = ()) -> SSAValue:
        """A local variable: its place, to `load` and `assign`."""
        start = None if init is None else self.value(init, t)
        return self.named(name, self.insert(c.VariableOp(c.LValueType(t), start, specifiers)).result)

    def array(
        self,
        name: str,
        shape: Sequence[int],
        t: Attribute,
        init: SSAValue | None = None,
        specifiers: Sequence[str] = (),
    ) -> SSAValue:
        """A local array; `init` is an `aggregate`."""
        return self.named(name, self.insert(c.VariableOp(c.ArrayType(shape, t), init, specifiers)).result)

    def subscript(self, base: SSAValue, *indices: Value) -> SSAValue:
        """The place base[i] of a pointer, base[i][j]... of an array."""
        return self.insert(c.SubscriptOp(base, [self.value(i, IndexType()) for i in indices])).result

    def load(self, base: SSAValue, *indices: Value) -> SSAValue:
        """The value of a place, or of an element if there are indices."""
        place = self.subscript(base, *indices) if indices else base
        return self.insert(c.LoadOp(place)).result

    def assign(self, place: SSAValue, value: Value) -> None:
        """place = value."""
        t = cast(c.LValueType, place.type).value_type
        self.insert(c.AssignOp(self.value(value, t), place))

    def store(self, base: SSAValue, indices: Value | Sequence[Value], value: Value) -> None:
        """base[indices] = value."""
        several = indices if isinstance(indices, Sequence) else (indices,)
        self.assign(self.subscript(base, *several), value)

    def offset(self, pointer: SSAValue, elements: Value) -> SSAValue:
        """pointer + elements."""
        return self.add(pointer, elements)

    def decay(self, array: SSAValue, *, const: bool = False, restrict: bool = False) -> SSAValue:
        """An array as a pointer to its first element."""
        element = cast(c.ArrayType, array.type).element_type
        return self.cast(array, c.PtrType(element, const=const, restrict=restrict))

    def address_of(self, place: SSAValue, *, const: bool = False) -> SSAValue:
        """&place."""
        return self.insert(c.AddressOfOp(place, const=const)).result

    def dereference(self, pointer: SSAValue) -> SSAValue:
        """The place *pointer."""
        return self.insert(c.DereferenceOp(pointer)).result

    def member(self, base: SSAValue, field: str, t: Attribute) -> SSAValue:
        """The place base.field, or base->field if base is a pointer; `t` is the field's type."""
        return self.insert(c.MemberOp(base, field, t)).result

    def aggregate(self, elements: Sequence[SSAValue], t: Attribute) -> SSAValue:
        """A struct or one-dimensional array of these elements."""
        return self.insert(c.AggregateOp(elements, t)).result

    # Statements

    def call(
        self,
        function: str | c.FuncOp,
        arguments: Sequence[Value] = (),
        result_type: Attribute | None = None,
        *,
        pure: bool = False,
    ) -> SSAValue | None:
        """A call of a C function by its name, or of a `c.func`; numbers are `index` in the former case.

        Gives the result, None for void."""
        if isinstance(function, c.FuncOp):
            types = function.function_type.inputs.data
            values = [self.value(a, t) for a, t in zip(arguments, types, strict=True)]
            return self.insert(c.CallOp(function.sym_name.data, values, function.result_type)).result
        values = [a if isinstance(a, SSAValue) else self.const(a) for a in arguments]
        return self.insert(c.CallOpaqueOp(function, values, result_type, pure=pure)).result

    def call_value(
        self,
        function: str | c.FuncOp,
        arguments: Sequence[Value],
        result_type: Attribute | None = None,
        *,
        pure: bool = False,
    ) -> SSAValue:
        """As `call`, of a function that has a result. Raises TypeError for a void one."""
        result = self.call(function, arguments, result_type, pure=pure)
        if result is None:
            raise TypeError(f"{function} gives no result")
        return result

    def comment(self, text: str) -> None:
        """A comment on a line of its own."""
        self.insert(c.CommentOp(text))

    def verbatim(self, text: str, arguments: Sequence[SSAValue] = ()) -> None:
        """C text, `{}` standing for each argument."""
        self.insert(c.VerbatimOp(text, arguments))

    def return_(self, value: SSAValue | None = None) -> None:
        """return value."""
        self.insert(c.ReturnOp(value))

    @contextmanager
    def for_(
        self, name: str, lower: Value, upper: Value, step: Value = 1, t: Attribute | None = None
    ) -> Generator[SSAValue]:
        """A loop from `lower` while below `upper`; yields the counter. One that runs once leaves its body only."""
        if t is None:
            t = next((x.type for x in (lower, upper, step) if isinstance(x, SSAValue)), IndexType())
        bounds = [self.value(x, t) for x in (lower, upper, step)]
        low, high, by = (c.constant_of(x) for x in bounds)
        if low is not None and high is not None and by is not None and 0 < high - low <= by:
            yield bounds[0]
            return
        op = self.insert(c.ForOp(bounds[0], bounds[1], bounds[2]))
        counter = op.body.block.args[0]
        counter.name_hint = name
        with self.at(InsertPoint.at_end(op.body.block)):
            yield counter

    @contextmanager
    def if_(self, condition: SSAValue) -> Generator[Branch]:
        """An if; yields a Branch for its `else_`. A constant condition leaves the branch that runs, without an if."""
        known, outside = c.constant_of(condition), self.point
        if known is None:
            op = self.insert(c.IfOp(condition))
            with self.at(InsertPoint.at_end(op.then_region.block)):
                yield Branch(self, op, False, outside)
        else:
            with self.at(outside if known else InsertPoint.at_end(Block())):
                yield Branch(self, None, bool(known), outside)

    @contextmanager
    def if_defined(self, condition: str) -> Generator[InsertPoint]:
        """Statements for compilers for which the preprocessor's condition holds; yields where to insert those for the
        others, which compute the same."""
        op = self.insert(c.IfDefinedOp(condition))
        with self.at(InsertPoint.at_end(op.then_region.block)):
            yield InsertPoint.at_end(op.else_region.block)

    @contextmanager
    def scope(self) -> Generator[None]:
        """A block in braces."""
        op = self.insert(c.ScopeOp())
        with self.at(InsertPoint.at_end(op.body.block)):
            yield

    @contextmanager
    def while_(self) -> Generator[While]:
        """A while loop: insert the condition's operations, then `with loop.do(condition):` its body."""
        op = self.insert(c.WhileOp(Region(Block())))
        with self.at(InsertPoint.at_end(op.before.block)):
            yield While(self, op)


@dataclass
class While:
    """What `while_` yields."""

    _builder: CBuilder
    _op: c.WhileOp

    @contextmanager
    def do(self, condition: SSAValue) -> Generator[None]:
        """The body of the with statement runs while `condition`, computed before it each time, is true."""
        self._builder.insert(c.ConditionOp(condition))
        with self._builder.at(InsertPoint.at_end(self._op.body.block)):
            yield


def new_function(
    file: c.FileOp,
    name: str,
    arguments: Sequence[tuple[str, Attribute]] = (),
    result_type: Attribute | None = None,
    specifiers: Sequence[str] = (),
) -> tuple[c.FuncOp, CBuilder]:
    """A function at the end of a file, and the builder of its body; the arguments are `function.body.block.args`."""
    function = c.FuncOp(name, arguments, result_type, specifiers)
    file.body.block.add_op(function)
    return function, CBuilder(function.body.block)
