"""Function bodies as C statements.

An expression used once, in its own block, is folded into its user; it waits (as pending) until then, and is given a
name before any statement that writes what it reads. So no read moves across a write, and no call moves at all.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from xdsl.ir import Block, Operation, SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.lowering.c_printer import layout
from deeploy_mlir.lowering.c_printer.effects import (
    Effects,
    Liveness,
    conflict,
    is_expression,
    is_impure_call,
)
from deeploy_mlir.lowering.c_printer.expressions import Expr, ExpressionPrinter, Prec, is_int
from deeploy_mlir.lowering.c_printer.names import Names
from deeploy_mlir.lowering.c_printer.spelling import Spelling
from deeploy_mlir.support.errors import DeeployError

LONGEST = 140
"""An expression longer than this many characters is given a name."""

_LEAVES = (c.ConstantOp, c.LiteralOp, c.GetGlobalOp)
_PLACES = (c.SubscriptOp, c.DereferenceOp, c.MemberOp)


@dataclass
class _Pending:
    op: Operation
    expr: Expr


class BodyPrinter:
    """Prints the body of one function."""

    def __init__(self, function: c.FuncOp, spelling: Spelling, *reserved: Set[str]) -> None:
        self.function = function
        self.spelling = spelling
        self.expressions = ExpressionPrinter(spelling)
        self.names = Names(*reserved)
        self.effects = Effects()
        self.liveness = Liveness(function, self.effects)
        self.lines: list[str] = []
        self.level = 1
        self._exprs: dict[SSAValue, Expr] = {}
        self._pending: dict[SSAValue, _Pending] = {}
        self._unbounded = False

    def print(self) -> tuple[list[str], list[str]]:
        """The names of the arguments, and the lines between the braces."""
        block = self.function.block
        if block is None:
            raise DeeployError(f"@{self.function.sym_name.data} has no body")
        names: list[str] = []
        for argument, (hint, _) in zip(block.args, self.function.arguments, strict=True):
            name = self.names.fresh(hint)
            names.append(name)
            self._exprs[argument] = Expr(name, Prec.PRIMARY)
            if not self.liveness.uses(argument):
                self._emit(f"(void){name};")
        self._block(block)
        return names, self.lines

    # Lines

    def _emit(self, text: str) -> None:
        self.lines.extend(layout.wrap(text, self.level))

    def _block(self, block: Block) -> None:
        for op in block.ops:
            if self.liveness.is_live(op):
                self._operation(op)

    def _nested(self, block: Block) -> None:
        self.level += 1
        with self.names.scope():
            self._block(block)
        self.level -= 1

    # Values

    def _use(self, value: SSAValue) -> Expr:
        """The text of an operand; a pending one is consumed."""
        pending = self._pending.pop(value, None)
        if pending is not None:
            return pending.expr
        if value in self._exprs:
            return self._exprs[value]
        if isinstance(value.owner, _LEAVES):
            return self.expressions.render(value.owner, [])
        raise DeeployError(f"{value} is used where C cannot see it: in another function, or before it is computed")

    def _render(self, op: Operation) -> Expr:
        folded_lhs = bool(op.operands) and op.operands[0] in self._pending
        if isinstance(op, c.MinOp | c.MaxOp):
            for operand in op.operands:
                self._simplify(operand, is_int(operand.type))
        e = self.expressions.render(op, [self._use(o) for o in op.operands])
        if isinstance(op, c.LoadOp):
            e = replace(e, reads=e.reads | {self.effects.resource(op.source)})
        return e if folded_lhs else replace(e, update=None)

    def _simplify(self, value: SSAValue, bare: bool) -> None:
        """Gives a pending value a name unless it is one (without its cast if `bare`): its text will stand twice."""
        pending = self._pending.get(value)
        if pending is not None and not (pending.expr.promoting if bare else pending.expr).is_simple:
            self._name(value)

    def _name(self, value: SSAValue) -> None:
        """Declares a local for a pending value."""
        pending = self._pending.pop(value)
        name = self.names.fresh(value.name_hint or _default_name(pending.op))
        declaration = self.spelling.declare(value.type, name)
        const = "" if isinstance(value.type, c.PtrType) else "const "
        self._emit(f"{const}{declaration} = {pending.expr.relaxed.text};")
        self._exprs[value] = Expr(name, Prec.PRIMARY)

    def _flush(self, writes: frozenset[object]) -> None:
        """Names every pending value that reads what is about to be written."""
        for value, pending in list(self._pending.items()):
            if conflict(pending.expr.reads, writes):
                self._name(value)

    # Operations

    def _operation(self, op: Operation) -> None:
        if isinstance(op, _LEAVES):
            return
        if is_expression(op):
            self._expression(op)
        elif is_impure_call(op):
            self._call(op)
        else:
            self._statement(op)

    def _expression(self, op: Operation) -> None:
        value = op.results[0]
        users = self.liveness.uses(value)
        single = len(users) == 1 and users[0].parent is op.parent
        may_repeat = isinstance(op, (*_PLACES, c.AggregateOp)) or (
            isinstance(op, c.CastOp) and isinstance(op.source.type, c.ArrayType)
        )
        if may_repeat and not (single and self._next(op) is users[0]):
            # this text may stand elsewhere, or twice: nothing in it may depend on when it is read
            for operand in op.operands:
                self._simplify(operand, True)
                if operand in self._pending and self._pending[operand].expr.reads:
                    self._name(operand)
            self._exprs[value] = self._render(op)
            return
        self._pending[value] = _Pending(op, self._render(op))
        if not may_repeat and (not single or (len(self._pending[value].expr.text) > LONGEST and not self._unbounded)):
            self._name(value)

    def _next(self, op: Operation) -> Operation | None:
        """The next operation that is printed, constants aside."""
        following = op.next_op
        while following is not None and (not self.liveness.is_live(following) or isinstance(following, _LEAVES)):
            following = following.next_op
        return following

    def _call(self, op: Operation) -> None:
        assert isinstance(op, c.CallOp | c.CallOpaqueOp)
        e = self.expressions.call(op, [self._use(o) for o in op.arguments])
        self._flush(self.effects.writes(op))
        if op.result is None or not self.liveness.uses(op.result):
            self._emit(f"{e.text};")
            return
        self._pending[op.result] = _Pending(op, e)
        if not self._is_consumed_next(op, op.result):
            self._name(op.result)

    def _is_consumed_next(self, op: Operation, result: SSAValue) -> bool:
        """Whether the next statement does nothing but take the result of the call."""
        users = self.liveness.uses(result)
        following = self._next(op)
        if len(users) != 1 or following is not users[0]:
            return False
        if isinstance(following, c.AssignOp):
            return isinstance(following.target.owner, c.VariableOp)
        return isinstance(following, c.ReturnOp | c.VariableOp)

    def _statement(self, op: Operation) -> None:
        match op:
            case c.VariableOp():
                self._variable(op)
            case c.AssignOp():
                self._assign(op)
            case c.VerbatimOp():
                text = op.value.data
                for argument in op.arguments:
                    text = text.replace("{}", self._use(argument).text, 1)
                self._flush(self.effects.writes(op))
                self.lines.extend(layout.INDENT * self.level + line for line in text.splitlines())
            case c.AsmOp():
                self._assembly(op)
            case c.IfDefinedOp():
                self._if_defined(op)
            case c.CommentOp():
                if self.lines and not self.lines[-1].endswith("{") and not self.lines[-1].lstrip().startswith("//"):
                    self.lines.append("")
                self.lines.extend(layout.comment(op.text.data, self.level))
            case c.ForOp():
                self._for(op)
            case c.IfOp():
                condition = self._use(op.condition)
                self._flush(self.effects.writes(op))
                self._if(op, condition, "")
            case c.WhileOp():
                self._flush(self.effects.writes(op))
                self._while(op)
            case c.ScopeOp():
                self._flush(self.effects.writes(op))
                self._emit("{")
                self._nested(op.body.block)
                self._emit("}")
            case c.ReturnOp():
                self._emit("return;" if op.value is None else f"return {self._use(op.value).relaxed.text};")
            case c.ConditionOp():
                pass
            case _:
                raise DeeployError(f"{op.name} cannot stand in the body of a C function")

    def _variable(self, op: c.VariableOp) -> None:
        value = op.result
        words = "".join(f"{w.data} " for w in op.specifiers) if op.specifiers is not None else ""
        init = "" if op.init is None else f" = {self._use(op.init).relaxed.text}"
        t = value.type.value_type if isinstance(value.type, c.LValueType) else value.type
        name = self.names.fresh(value.name_hint or "v")
        self._emit(f"{words}{self.spelling.declare(t, name)}{init};")
        self._exprs[value] = Expr(name, Prec.PRIMARY)

    def _assign(self, op: c.AssignOp) -> None:
        value = self._use(op.value)
        target = self._use(op.target)
        self._flush(self.effects.writes(op))
        if value.update is not None and value.update[0] is op.target:
            _, operator, right = value.update
            step = operator in ("+", "-") and right == "1"
            self._emit(f"{target.text}{operator * 2};" if step else f"{target.text} {operator}= {right};")
        else:
            self._emit(f"{target.text} = {value.relaxed.text};")

    def _assembly(self, op: c.AsmOp) -> None:
        """GNU's extended asm; what touches memory must neither move nor vanish."""
        constraints = ["+r"] * len(op.updated) + ["=&r"] * len(op.written) + ["r"] * len(op.taken)
        operands = [
            f'[{name.data}] "{constraint}"({self._use(operand).text})'
            for name, constraint, operand in zip(op.names, constraints, op.operands, strict=True)
        ]
        self._flush(self.effects.writes(op))
        results = len(op.results_in)
        outputs, inputs = (", ".join(part) for part in (operands[:results], operands[results:]))
        ends = [f": {outputs}", f": {inputs}"] if inputs else [f": {outputs}"]
        clobbers = [f'"{name.data}"' for name in op.clobbers or ()] + ['"memory"'] * op.touches_memory
        if clobbers:
            ends = [f": {outputs}", f": {inputs}", f": {', '.join(clobbers)}"]
        indent = layout.INDENT * self.level
        inner, volatile = indent + layout.INDENT, " volatile" if op.touches_memory else ""
        texts = [line.data.replace("\\", "\\\\").replace('"', '\\"') for line in op.lines]
        if len(texts) == 1:
            self._emit(f'__asm__{volatile}("{texts[0]}" {" ".join(ends)});')
            return
        self.lines.append(f"{indent}__asm__{volatile}(")
        self.lines += [f'{inner}"{text}\\n"' for text in texts]
        for number, end in enumerate(ends):
            self.lines += layout.wrap(end.rstrip() + (");" if number + 1 == len(ends) else ""), self.level + 1)

    def _if_defined(self, op: c.IfDefinedOp) -> None:
        """Both ways in lines of their own; no name that one declares is used outside."""
        self._flush(self.effects.writes(op))
        self.lines.append(f"#if {op.condition.data}")
        with self.names.scope():
            self._block(op.then_region.block)
        self.lines.append("#else")
        with self.names.scope():
            self._block(op.else_region.block)
        self.lines.append("#endif")

    def _for(self, op: c.ForOp) -> None:
        writes = self.effects.writes(op)
        # these two are evaluated again in every iteration
        for bound in (op.upper, op.step):
            pending = self._pending.get(bound)
            if pending is not None and (pending.expr.reads or pending.expr.prec < Prec.ADDITIVE):
                self._name(bound)
        lower, upper, step = (self._use(b).relaxed for b in (op.lower, op.upper, op.step))
        self._flush(writes)
        with self.names.scope():
            counter = op.body.block.args[0]
            name = self.names.fresh(counter.name_hint or "i")
            self._exprs[counter] = Expr(name, Prec.PRIMARY)
            t = self.spelling.type_name(counter.type)
            advance = f"{name}++" if step.text in ("1", "1u", "1ll", "1ull") else f"{name} += {step.text}"
            self._emit(f"for ({t} {name} = {lower.text}; {name} < {upper.at(Prec.ADDITIVE)}; {advance}) {{")
            self._nested(op.body.block)
            self._emit("}")

    def _has_code(self, block: Block | None) -> bool:
        return block is not None and any(self.liveness.is_live(o) and not isinstance(o, c.CommentOp) for o in block.ops)

    def _if(self, op: c.IfOp, condition: Expr, prefix: str) -> None:
        then, otherwise = op.then_region.block, op.otherwise
        if not self._has_code(then) and otherwise is not None and self._has_code(otherwise):
            self._emit(f"{prefix}if (!{condition.at(Prec.UNARY)}) {{")
            self._nested(otherwise)
            self._emit("}")
            return
        self._emit(f"{prefix}if ({condition.text}) {{")
        self._nested(then)
        if otherwise is None or not self._has_code(otherwise):
            self._emit("}")
            return
        chained = self._else_if(otherwise)
        if chained is not None:
            self._if(chained, self._use(chained.condition), "} else ")
            return
        self._emit("} else {")
        self._nested(otherwise)
        self._emit("}")

    def _else_if(self, block: Block) -> c.IfOp | None:
        """The if that an else branch consists of, its condition folded, if there is no more to the branch than that."""
        live = [o for o in block.ops if self.liveness.is_live(o) and not isinstance(o, _LEAVES)]
        inner = live.pop()
        if not isinstance(inner, c.IfOp):
            return None
        for o in live:
            # what would need a declaration of its own has no place between else and if
            if not is_expression(o) or isinstance(o, c.MinOp | c.MaxOp):
                return None
            users = self.liveness.uses(o.results[0])
            if len(users) != 1 or users[0].parent is not block:
                return None
        self._unbounded = True
        for o in live:
            self._expression(o)
        self._unbounded = False
        return inner

    def _while(self, op: c.WhileOp) -> None:
        saved, self.lines = self.lines, []
        self.level += 1
        with self.names.scope():
            self._block(op.before.block)
            condition = self._use(op.condition.condition)
            before, self.lines = self.lines, saved
            self.level -= 1
            if before:
                self.spelling.headers.add("stdbool.h")
                self._emit("while (true) {")
                self.lines.extend(before)
                self.level += 1
                self._emit(f"if (!{condition.at(Prec.UNARY)}) {{")
                self.lines.append(layout.INDENT * (self.level + 1) + "break;")
                self._emit("}")
                self.level -= 1
            else:
                self._emit(f"while ({condition.text}) {{")
            self._nested(op.body.block)
            self._emit("}")


def _default_name(op: Operation) -> str:
    """A name for a value without a hint, after what computes it."""
    if isinstance(op, c.CmpOp | c.LogicalAndOp | c.LogicalOrOp | c.LogicalNotOp):
        return "test"
    if isinstance(op, c.LoadOp):
        root = op.source.owner.operands[0] if isinstance(op.source.owner, c.SubscriptOp) else op.source
        return f"{root.name_hint}_value" if root.name_hint else "value"
    if isinstance(op, c.CastOp) and isinstance(op.source.owner, c.LoadOp):
        return _default_name(op.source.owner)
    if isinstance(op, c.MinOp | c.MaxOp):
        return op.name.removeprefix("c.")
    return "t"


def parameters(spelling: Spelling, function: c.FuncOp, names: Sequence[str]) -> str:
    """The parameter list of a function."""
    if not names:
        return "void"
    types = function.function_type.inputs
    return ", ".join(spelling.declare(t, n) for t, n in zip(types, names, strict=True))
