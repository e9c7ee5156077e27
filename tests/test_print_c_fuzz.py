"""Random expressions and statements: what the printed C computes is what the IR says."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import IndexType, IntegerType, ModuleOp, Signedness, i1, i8, i16, i32, i64
from xdsl.ir import Attribute, SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.ir.c_builder import CBuilder, new_function
from deeploy_mlir.lowering.print_c import c_sources
from deeploy_mlir.testing.c_reference import Machine, UndefinedBehaviourError, binary, convert, unary
from deeploy_mlir.testing.compiled_c import compilers, run_c

UI8, UI16, UI32, UI64 = (IntegerType(w, Signedness.UNSIGNED) for w in (8, 16, 32, 64))
INTEGERS: tuple[Attribute, ...] = (i8, i16, i32, i64, UI8, UI16, UI32, UI64, IndexType())
OPERATORS: tuple[type[c.BinaryOp], ...] = (
    c.AddOp, c.SubOp, c.MulOp, c.DivOp, c.RemOp, c.BitwiseAndOp, c.BitwiseOrOp, c.BitwiseXorOp,
    c.ShiftLeftOp, c.ShiftRightOp, c.MinOp, c.MaxOp,
)  # fmt: skip
# Random expressions compare a value with itself, or with what its type cannot hold, and compute with tests; and gcc
# takes 65535 - x for a complement, and finds that a conversion "changes value from -1 to -1".
_ACCEPTED = (
    "self-assign", "tautological-compare", "type-limits", "bool-compare", "bool-operation", "int-in-bool-context",
    "sign-compare", "overflow", "unknown-warning-option",
)  # fmt: skip
SILLY = tuple(f"-Wno-{warning}" for warning in _ACCEPTED)
FLAGS = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all", "-Wshadow", *SILLY)
SLOW = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate],  # a smaller seed is no simpler program
)


def interesting(rng: random.Random, t: Attribute) -> int:
    """A value of an integer type, often an extreme one."""
    low, high = c.integer_range(t)
    return rng.choice(
        [low, high, rng.randint(low, high), max(low, min(high, rng.randint(-9, 9))), max(low, -1), 0, 1, high // 2]
    )


EACH_COMPILER = pytest.mark.parametrize("compiler", compilers(), ids=lambda command: Path(command[0]).name)


class Trees:
    """Builds expressions whose value on the given arguments is known and defined."""

    def __init__(self, rng: random.Random, builder: CBuilder, leaves: Sequence[tuple[SSAValue, int]]) -> None:
        self.rng = rng
        self.builder = builder
        self.leaves = leaves

    def leaf(self, t: Attribute) -> tuple[SSAValue, int]:
        fitting = [leaf for leaf in self.leaves if leaf[0].type == t]
        if fitting and self.rng.random() < 0.7:
            return self.rng.choice(fitting)
        value = interesting(self.rng, t)
        return self.builder.const(value, t), value

    def tree(self, t: Attribute, depth: int) -> tuple[SSAValue, int]:
        if depth <= 0:
            return self.leaf(t)
        kind = self.rng.random()
        if c.is_bool(t):
            return self.test(depth)
        if kind < 0.6:
            return self.binary(t, depth)
        if kind < 0.7:
            # gcc warns wrongly where it compares the complement of a narrow unsigned value with a constant
            narrow = c.is_unsigned(t) and c.bit_width(t) < 32
            op = c.NegOp if narrow else self.rng.choice((c.NegOp, c.BitwiseNotOp))
            x, value = self.tree(t, depth - 1)
            made = self.builder.insert(op(x, wrap=True) if op is c.NegOp else op(x))
            return made.result, unary(made, value)
        if kind < 0.8:
            condition, taken = self.test(depth - 1)
            a, b = self.tree(t, depth - 1), self.tree(t, depth - 1)
            return self.builder.insert(c.ConditionalOp(condition, a[0], b[0])).result, (a if taken else b)[1]
        x, value = self.tree(self.rng.choice((*INTEGERS, i1)), depth - 1)
        return self.builder.insert(c.CastOp(x, t)).result, convert(value, t)

    def binary(self, t: Attribute, depth: int) -> tuple[SSAValue, int]:
        op = self.rng.choice(OPERATORS)
        (a, x), (b, y) = self.tree(t, depth - 1), self.tree(t, depth - 1)
        if issubclass(op, c.ShiftLeftOp | c.ShiftRightOp):
            y = self.rng.randrange(c.bit_width(t))
            b = self.builder.const(y, self.rng.choice((t, i32)))
        if issubclass(op, c.WrappingOp):
            made = op(a, b, wrap=self.rng.random() < 0.3)
            try:
                value = binary(made, x, y)
            except UndefinedBehaviourError:
                made.erase()
                made = op(a, b, wrap=True)
                value = binary(made, x, y)
        else:
            made = op(a, b)
            try:
                value = binary(made, x, y)
            except UndefinedBehaviourError:
                made.erase()
                made = c.BitwiseXorOp(a, b)
                value = binary(made, x, y)
        return self.builder.insert(made).result, value

    def test(self, depth: int) -> tuple[SSAValue, int]:
        kind = self.rng.random()
        if depth <= 0 or kind < 0.5:
            t = self.rng.choice(INTEGERS)
            (a, x), (b, y) = self.tree(t, depth - 1), self.tree(t, depth - 1)
            made = self.builder.insert(c.CmpOp(self.rng.choice(list(c.Comparison)), a, b))
            machine = Machine(c.FuncOp("none", []))
            machine.values |= {a: x, b: y}
            value = machine.evaluate(made)
            assert isinstance(value, int)
            return made.result, value
        if kind < 0.6:
            a, x = self.test(depth - 1)
            return self.builder.insert(c.LogicalNotOp(a)).result, int(not x)
        op = self.rng.choice((c.LogicalAndOp, c.LogicalOrOp, c.BitwiseAndOp, c.BitwiseXorOp))
        (a, x), (b, y) = self.test(depth - 1), self.test(depth - 1)
        made = self.builder.insert(op(a, b))
        return made.result, binary(made, x, y)


def literal(value: int, t: Attribute) -> str:
    """A C expression for an argument, written independently of the printer."""
    if c.is_unsigned(t):
        return f"{value}ull"
    return f"({value + 1}ll - 1)" if value < 0 else f"{value}ll"


@EACH_COMPILER
@SLOW
@given(seed=st.integers(0, 2**32))
def test_expressions(seed: int, compiler: tuple[str, ...]) -> None:
    """Every operator, type, cast and precedence, with overflow where it is defined."""
    rng = random.Random(seed)
    file = c.FileOp("net.c")
    arguments = [(f"x{i}", t) for i, t in enumerate((*INTEGERS, *INTEGERS))]
    main = ["#include <stdio.h>", '#include "net.c"', "int main(void) {"]
    expected: list[int] = []
    for number in range(30):
        t = rng.choice((*INTEGERS, i1))
        function, b = new_function(file, f"f{number}", arguments, t)
        given_values = [interesting(rng, a) for _, a in arguments]
        leaves = list(zip(function.body.block.args, given_values, strict=True))
        result, value = Trees(rng, b, leaves).tree(t, rng.randint(1, 5))
        b.return_(result)
        expected.append(value)
        values = ", ".join(literal(v, a) for v, (_, a) in zip(given_values, arguments, strict=True))
        form, cast = ("%llu", "unsigned long long") if c.is_unsigned(t) else ("%lld", "long long")
        main.append(f'    printf("{form}\\n", ({cast})f{number}({values}));')
    main += ["    return 0;", "}", ""]
    module = ModuleOp([file])
    module.verify()
    text = c_sources(module)["net.c"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "net.c").write_text(text)
        printed = run_c(Path(folder), {"main.c": "\n".join(main)}, compiler=compiler, flags=(*FLAGS, "-I."))
    assert [int(line) for line in printed.split()] == expected, text


class Statements:
    """Builds statements on variables and an array, in every order that could tempt a printer to reorder."""

    def __init__(self, rng: random.Random, b: CBuilder, memory: SSAValue, local: SSAValue) -> None:
        self.rng = rng
        self.b = b
        self.arrays = [memory, local]
        self.variables = [b.var("a", i32, 1), b.var("b", i32, 2), b.var("u", i32, 3)]
        self.values: list[list[SSAValue]] = [[]]

    def known(self) -> SSAValue:
        """Any value computed so far, or a small number."""
        everything = [v for scope in self.values for v in scope]
        if everything and self.rng.random() < 0.85:
            return self.rng.choice(everything[-6:] if self.rng.random() < 0.7 else everything)
        return self.b.const(self.rng.randint(-5, 5), i32)

    def index(self) -> SSAValue:
        return self.b.cast(self.b.and_(self.known(), 3), IndexType())

    def value(self) -> SSAValue:
        kind = self.rng.randrange(8)
        if kind < 3:
            return self.b.load(self.rng.choice(self.variables))
        if kind < 5:
            return self.b.load(self.rng.choice(self.arrays), self.index())
        if kind == 5:
            op = self.rng.choice((c.MinOp, c.MaxOp))
            return self.b.insert(op(self.known(), self.known())).result
        if kind == 6:
            return self.b.call_value("next", [self.known()], i32)
        op = self.rng.choice((c.AddOp, c.SubOp, c.MulOp))
        return self.b.insert(op(self.known(), self.known(), wrap=True)).result

    def statement(self, depth: int) -> None:
        kind = self.rng.randrange(14)
        if kind < 7:
            self.values[-1].append(self.value())
        elif kind < 9:
            self.b.assign(self.rng.choice(self.variables), self.known())
        elif kind == 9:
            self.b.store(self.rng.choice(self.arrays), self.index(), self.known())
        elif kind == 10:
            place = self.b.subscript(self.rng.choice(self.arrays), self.index())
            self.block(0, 2)
            self.b.assign(place, self.b.add(self.b.load(place), self.known(), wrap=True))
        elif depth > 0:
            self.nested(depth - 1)

    def nested(self, depth: int) -> None:
        kind = self.rng.randrange(4)
        if kind < 2:
            with self.b.if_(self.b.insert(c.CmpOp("lt", self.known(), self.known())).result) as branch:
                self.block(depth, 4)
                if self.rng.random() < 0.6:
                    with branch.else_():
                        self.block(depth, 3)
        elif kind == 2:
            upper = self.b.and_(self.b.insert(c.AddOp(self.known(), self.known(), wrap=True)).result, 3)
            with self.b.for_("i", 0, upper) as i:
                self.values.append([i])
                self.block(depth, 4)
                self.values.pop()
        else:
            counter = self.b.var("n", i32, self.rng.randint(0, 3))
            with self.b.while_() as loop:
                self.values.append([])
                self.block(0, self.rng.randint(0, 2))
                more = self.b.cmp("gt", self.b.load(counter), 0)
                with loop.do(more):
                    self.block(depth, 3)
                    self.b.assign(counter, self.b.sub(self.b.load(counter), 1))
                self.values.pop()

    def block(self, depth: int, count: int) -> None:
        self.values.append([])
        for _ in range(count):
            self.statement(depth)
        self.values.pop()


HARNESS = """#include <stdint.h>
#include <stdio.h>
static int32_t calls = 0;
static int32_t next(int32_t x) {
    printf("next %d\\n", (int)x);
    return calls++;
}
#include "net.c"
int main(void) {
BODY
    return 0;
}
"""


@EACH_COMPILER
@SLOW
@given(seed=st.integers(0, 2**32))
def test_statements(seed: int, compiler: tuple[str, ...]) -> None:
    """Loads, stores, calls, branches and loops keep their order and values."""
    rng = random.Random(seed)
    file = c.FileOp("net.c")
    main: list[str] = []
    expected: list[str] = []
    for number in range(25):
        function, b = new_function(file, f"f{number}", [("memory", c.PtrType(i32))], i32)
        local = b.array("local", [4], i32)
        for i in range(4):
            b.store(local, i, i + 10)
        maker = Statements(rng, b, function.body.block.args[0], local)
        for _ in range(12):
            maker.statement(2)
        total = maker.known()
        for variable in maker.variables:
            total = b.add(b.mul(total, 31, wrap=True), b.load(variable), wrap=True)
        total = b.add(total, b.load(local, maker.index()), wrap=True)
        b.return_(total)
        function.verify()
        machine, memory = Machine(function), [5, 6, 7, 8]
        result = machine.run([memory])
        expected += [f"next {arguments[0]}" for _, arguments in machine.calls]
        expected.append(" ".join(map(str, [result, *memory])))
        main.append(
            f"    {{ int32_t m[4] = {{5, 6, 7, 8}}; calls = 0; int32_t r = f{number}(m);\n"
            '      printf("%d %d %d %d %d\\n", (int)r, (int)m[0], (int)m[1], (int)m[2], (int)m[3]); }'
        )
    text = c_sources(ModuleOp([file]))["net.c"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "net.c").write_text(text)
        printed = run_c(
            Path(folder), {"main.c": HARNESS.replace("BODY", "\n".join(main))}, compiler=compiler, flags=(*FLAGS, "-I.")
        )
    assert printed.splitlines() == expected, text
