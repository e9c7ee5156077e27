"""The meaning of `c` functions on Python numbers, to check printed C against; undefined behaviour raises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import Attribute, Block, Operation, SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.ir.c_folding import compare, fold_binary, truncating_div


class UndefinedBehaviourError(Exception):
    """C leaves this operation on these values undefined."""


@dataclass
class Place:
    """An element of an object: what a pointer points to, and an lvalue."""

    cells: list[int]
    index: int

    def cell(self, offset: int = 0) -> int:
        """The index of a cell. Raises UndefinedBehaviourError outside the object."""
        at = self.index + offset
        if not 0 <= at < len(self.cells):
            raise UndefinedBehaviourError(f"access to element {at} of {len(self.cells)}")
        return at


Value = int | Place


class _ReturnError(Exception):
    def __init__(self, value: int | None) -> None:
        self.value = value


def exact(op: c.BinaryOp, x: int, y: int) -> int | None:
    """The mathematical result of an operation that can overflow; None for one that cannot."""
    if isinstance(op, c.AddOp):
        return x + y
    if isinstance(op, c.SubOp):
        return x - y
    if isinstance(op, c.MulOp):
        return x * y
    if isinstance(op, c.DivOp) and y != 0:
        return truncating_div(x, y)
    return None


def binary(op: c.BinaryOp, x: int, y: int) -> int:
    """An integer operation. Raises UndefinedBehaviourError where C does not define it."""
    t = op.result.type
    result = exact(op, x, y)
    wraps = isinstance(op, c.WrappingOp) and op.wraps
    if result is not None and not wraps and not c.is_unsigned(t) and c.bit_width(t) >= 32:
        low, high = c.integer_range(t)
        if not low <= result <= high:
            raise UndefinedBehaviourError(f"{op.name} overflows: {x}, {y}")
    if isinstance(op, c.RemOp) and not c.is_unsigned(t) and y == -1 and x == c.integer_range(t)[0]:
        raise UndefinedBehaviourError("the smallest number % -1")
    folded = fold_binary(type(op), x, y, t)
    if folded is None:
        raise UndefinedBehaviourError(f"{op.name} of {x}, {y}")
    return folded


def unary(op: c.NegOp | c.BitwiseNotOp | c.LogicalNotOp, x: int) -> int:
    """A unary operation on an integer."""
    t = op.result.type
    if isinstance(op, c.LogicalNotOp):
        return int(not x)
    if isinstance(op, c.BitwiseNotOp):
        return c.wrap_to(~x, t)
    overflows = x == c.integer_range(t)[0] and not c.is_unsigned(t) and c.bit_width(t) >= 32
    if overflows and op.wrap is None:
        raise UndefinedBehaviourError(f"-{x}")
    return c.wrap_to(-x, t)


def convert(x: int, t: Attribute) -> int:
    """C's conversion of an integer."""
    return int(x != 0) if c.is_bool(t) else c.wrap_to(x, t)


class Machine:
    """Runs one function on integers and pointers to lists of integers."""

    def __init__(self, function: c.FuncOp) -> None:
        self.function = function
        self.values: dict[SSAValue, Value] = {}
        self.calls: list[tuple[str, tuple[int, ...]]] = []
        """Every call that was made, in order; a call that has a result gives the number of calls before it."""

    def run(self, arguments: Sequence[int | list[int]]) -> int | None:
        """The result of the function; lists are changed in place."""
        block = self.function.body.block
        for argument, value in zip(block.args, arguments, strict=True):
            self.values[argument] = Place(value, 0) if isinstance(value, list) else value
        try:
            self.block(block)
        except _ReturnError as result:
            return result.value
        return None

    def number(self, value: SSAValue) -> int:
        """An integer operand."""
        result = self.values[value]
        assert isinstance(result, int)
        return result

    def place(self, value: SSAValue) -> Place:
        """A place or pointer operand."""
        result = self.values[value]
        assert isinstance(result, Place)
        return result

    def block(self, block: Block) -> None:
        """Runs the operations of a block."""
        for op in block.ops:
            self.step(op)

    def step(self, op: Operation) -> None:
        """Runs one operation."""
        if op.results and not isinstance(op, c.CallOpaqueOp):
            self.values[op.results[0]] = self.evaluate(op)
            return
        match op:
            case c.AssignOp():
                target = self.place(op.target)
                target.cells[target.cell()] = self.number(op.value)
            case c.CallOpaqueOp():
                if op.result is not None:
                    self.values[op.result] = len(self.calls)
                self.calls.append((op.callee.data, tuple(self.number(a) for a in op.arguments)))
            case c.ForOp():
                counter = self.number(op.lower)
                while counter < self.number(op.upper):
                    self.values[op.body.block.args[0]] = counter
                    self.block(op.body.block)
                    counter += self.number(op.step)
            case c.IfOp():
                if self.number(op.condition):
                    self.block(op.then_region.block)
                elif op.otherwise is not None:
                    self.block(op.otherwise)
            case c.WhileOp():
                self.block(op.before.block)
                while self.number(op.condition.condition):
                    self.block(op.body.block)
                    self.block(op.before.block)
            case c.ScopeOp():
                self.block(op.body.block)
            case c.ReturnOp():
                raise _ReturnError(None if op.value is None else self.number(op.value))
            case c.CommentOp() | c.ConditionOp():
                pass
            case _:
                raise NotImplementedError(op.name)

    def evaluate(self, op: Operation) -> Value:
        """The value of an expression or variable."""
        match op:
            case c.ConstantOp():
                return int(op.constant)
            case c.NegOp() | c.BitwiseNotOp() | c.LogicalNotOp():
                return unary(op, self.number(op.operand))
            case c.CmpOp():
                return int(compare(op.predicate.data, self.number(op.lhs), self.number(op.rhs)))
            case c.BinaryOp() if isinstance(op.lhs.type, c.PtrType):
                start, by = self.place(op.lhs), self.number(op.rhs)
                return Place(start.cells, start.index + (by if isinstance(op, c.AddOp) else -by))
            case c.BinaryOp():
                return binary(op, self.number(op.lhs), self.number(op.rhs))
            case c.ConditionalOp():
                return self.values[op.true_value if self.number(op.condition) else op.false_value]
            case c.CastOp():
                source = self.values[op.source]
                return convert(source, op.result.type) if isinstance(source, int) else source
            case c.LoadOp():
                source = self.place(op.source)
                return source.cells[source.cell()]
            case c.SubscriptOp():
                base = self.place(op.base)
                return Place(base.cells, base.cell(self.number(op.indices[0])))
            case c.DereferenceOp() | c.AddressOfOp():
                return self.place(op.operands[0])
            case c.VariableOp() if isinstance(op.result.type, c.ArrayType):
                return Place([0] * op.result.type.dims[0], 0)
            case c.VariableOp():
                return Place([self.number(op.init) if op.init is not None else 0], 0)
            case _:
                raise NotImplementedError(op.name)
