"""Printed C, compiled and run: data, floats, structs, names, what is left out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import (
    ArrayAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    Signedness,
    SymbolRefAttr,
    f32,
    f64,
    i1,
    i8,
    i16,
    i32,
    i64,
)
from xdsl.ir import Attribute

from deeploy_mlir.dialects import c
from deeploy_mlir.ir.c_builder import CBuilder, new_function
from deeploy_mlir.lowering.c_printer.names import Names
from deeploy_mlir.lowering.c_printer.spelling import Spelling
from deeploy_mlir.lowering.print_c import c_sources
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import dense, element_type_of
from deeploy_mlir.support.reserved_words import KEYWORDS
from deeploy_mlir.testing.compiled_c import compilers, run_c

UI8, UI16, UI32 = (IntegerType(w, Signedness.UNSIGNED) for w in (8, 16, 32))
STRICT = ("-Wshadow", "-Wpedantic", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wcast-qual", "-Wwrite-strings")


def text_of(*operations: Any) -> str:
    """One file of these operations, printed."""
    file = c.FileOp("net.c", list(operations))
    module = ModuleOp([file])
    module.verify()
    return c_sources(module)["net.c"]


def body_of(file: c.FileOp) -> str:
    """The text of a file, without its includes."""
    module = ModuleOp([file])
    module.verify()
    return c_sources(module)[file.path.data].split("\n\n", 1)[1]


ARRAYS: dict[str, npt.NDArray[Any]] = {
    "i8": np.arange(-128, 128, dtype=np.int8).reshape(16, 16),
    "ui8": np.arange(256, dtype=np.uint8),
    "i16": np.array([[-(2**15), 2**15 - 1, 0]], dtype=np.int16),
    "ui16": np.array([2**16 - 1, 1], dtype=np.uint16),
    "i32": np.array([-(2**31), 2**31 - 1, -1, 5], dtype=np.int32).reshape(1, 2, 2),
    "ui32": np.array([2**32 - 1, 0], dtype=np.uint32),
    "i64": np.array([-(2**63), 2**63 - 1, 7], dtype=np.int64),
    "ui64": np.array([2**64 - 1, 3], dtype=np.uint64),
    "i1": np.array([True, False, True]),
    "f32": np.array([1e-45, 1.1, -3.0, 3.4e38, np.inf, -np.inf, -0.0, 1e10], dtype=np.float32),
    "f64": np.array([5e-324, 0.1, 1e300, -2.0]),
    "many_f32": np.random.default_rng(0).standard_normal(70_000).astype(np.float32),
    "many_i8": np.random.default_rng(0).integers(-128, 128, 10_000).astype(np.int8),
    "zeros": np.zeros((3, 3), dtype=np.float32),
}


@pytest.mark.parametrize("compiler", compilers(), ids=lambda command: Path(command[0]).name)
def test_data_reads_back_bit_by_bit(compiler: tuple[str, ...], tmp_path: Path) -> None:
    operations: list[c.GlobalOp] = []
    main = ["#include <stdio.h>", '#include "net.c"', "int main(void) {"]
    for name, array in ARRAYS.items():
        t = element_type_of(array.dtype)
        operations.append(c.GlobalOp(name, c.ArrayType(array.shape, t), dense(array), ["static", "const"]))
        main.append(f"    for (size_t i = 0; i < sizeof {name}; i++)")
        main.append(f'        printf("%02x", ((const unsigned char *){name})[i]);\n    printf("\\n");')
    half = np.array([1.5, -2.0, np.inf], dtype=ml_dtypes.bfloat16)
    operations.append(c.GlobalOp("bf16", c.ArrayType([3], UI16), dense(half), ["const"]))
    main.append('    printf("%x %x %x\\n", bf16[0], bf16[1], bf16[2]);')
    main += ["    return 0;", "}", ""]
    module = ModuleOp([c.FileOp("net.c", operations)])
    module.verify()
    # the arrays are used by main.c, not by net.c
    for op in operations:
        op.properties["specifiers"] = c.GlobalOp("x", i8, None, ["const"]).properties["specifiers"]
    (tmp_path / "net.c").write_text(c_sources(module)["net.c"])
    printed = run_c(tmp_path, {"main.c": "\n".join(main)}, compiler=compiler, flags=("-I.",)).splitlines()
    for line, (name, array) in zip(printed, ARRAYS.items(), strict=False):
        assert bytes.fromhex(line) == array.tobytes(), name
    assert printed[-1].split() == [f"{v:x}" for v in half.view(np.uint16)]


def test_large_data_is_printed_fast() -> None:
    weights = np.random.default_rng(1).integers(-128, 128, 8_000_000).astype(np.int8)
    op = c.GlobalOp("w", c.ArrayType([weights.size], i8), dense(weights))
    start = time.process_time()
    text = text_of(op)
    seconds = time.process_time() - start
    assert text.count(",") == weights.size
    assert max(map(len, text.splitlines())) <= 100
    assert seconds < 4, "two seconds on a quiet machine"


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float_literals_round_trip(value: float) -> None:
    text = Spelling().floating(value, f32)
    assert text.endswith("f")
    assert np.float32(text[:-1]).tobytes() == np.float32(value).tobytes()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_double_literals_round_trip(value: float) -> None:
    assert np.float64(Spelling().floating(value, f64)).tobytes() == np.float64(value).tobytes()


def test_float_expressions(tmp_path: Path) -> None:
    file = c.FileOp("net.c")
    function, b = new_function(file, "f", [("x", f32), ("y", f32), ("n", i32)], f32)
    x, y, n = function.body.block.args
    scaled = b.mul(b.sub(x, b.sub(y, 0.1)), b.add(b.cast(n, f32), 1e-3))
    b.return_(b.add(b.select(b.cmp("lt", x, y), b.max(scaled, 0.0), b.div(scaled, 3.0)), b.neg(y)))
    ints, bi = new_function(file, "g", [("x", f32)], i32)
    bi.return_(bi.cast(bi.mul(ints.body.block.args[0], 2.0), i32))
    module = ModuleOp([file])
    module.verify()
    cases = [(1.5, -2.25, 7), (-3.0, 4.5, -2), (1e20, 1e-20, 3), (0.1, 0.2, 1)]
    calls = "".join(
        f'    printf("%.9g %d\\n", (double)f({x_!r}f, {y_!r}f, {n_}), (int)g({min(x_, 1e6)!r}f));\n'
        for x_, y_, n_ in cases
    )
    text = c_sources(module)["net.c"]
    (tmp_path / "net.c").write_text(text)
    main = f'#include <stdio.h>\n#include "net.c"\nint main(void) {{\n{calls}    return 0;\n}}\n'
    printed = run_c(tmp_path, {"main.c": main}, flags=("-I.", "-ffp-contract=off")).splitlines()
    for line, case in zip(printed, cases, strict=True):
        xf, yf = np.float32(case[0]), np.float32(case[1])
        factor = np.float32(case[2]) + np.float32(1e-3)
        product = np.float32((xf - (yf - np.float32(0.1))) * factor)
        expected = (max(product, np.float32(0)) if xf < yf else product / np.float32(3)) - yf
        assert np.float32(line.split()[0]) == expected, text
        assert int(line.split()[1]) == int(np.float32(min(case[0], 1e6)) * np.float32(2))


@pytest.mark.parametrize("compiler", compilers(), ids=lambda command: Path(command[0]).name)
def test_structs_pointers_and_files(compiler: tuple[str, ...], tmp_path: Path) -> None:
    """A header and two files, a struct by value and through a pointer, a table of structs, data of another file."""
    pair = c.OpaqueType("pair")
    header = c.FileOp("net.h", [
        c.StructOp("pair", [("count", UI32), ("data", c.PtrType(i16, const=True))]),
        c.DeclareFuncOp("total"),
        c.DeclareGlobalOp("table"),
    ])  # fmt: skip
    data = c.FileOp("data.c", [
        c.IncludeOp("net.h"),
        c.GlobalOp("numbers", c.ArrayType([3], i16), dense(np.array([5, -6, 7], np.int16)), ["static", "const"]),
        c.GlobalOp("table", c.ArrayType([2], pair), ArrayAttr([
            ArrayAttr([IntegerAttr(3, i32), SymbolRefAttr("numbers")]),
            ArrayAttr([IntegerAttr(1, i32), SymbolRefAttr("numbers")]),
        ]), ["const"]),
    ])  # fmt: skip
    file = c.FileOp("net.c", [c.IncludeOp("net.h"), c.IncludeOp("stdio.h", standard=True)])
    module = ModuleOp([header, data, file])
    total, b = new_function(file, "total", [("p", c.PtrType(pair, const=True))], i32)
    (p,) = total.body.block.args
    acc = b.var("acc", i32, 0)
    count = b.cast(b.load(b.member(p, "count", UI32)), IndexType())
    with b.for_("i", 0, count) as i:
        element = b.load(b.load(b.member(p, "data", c.PtrType(i16, const=True))), i)
        b.assign(acc, b.add(b.load(acc), b.cast(element, i32)))
    b.return_(b.load(acc))
    _, b = new_function(file, "main", [], i32)
    table = b.get_global("table", c.ArrayType([2], pair))
    first = b.call_value(total, [b.decay(table, const=True)])
    second = b.call_value(total, [b.address_of(b.subscript(table, 1), const=True)])
    local = b.var("local", i16, 40)
    made = b.aggregate([b.const(1, UI32), b.address_of(local, const=True)], pair)
    copy = b.var("copy", pair, made)
    b.assign(local, 41)
    third = b.call_value(total, [b.address_of(copy, const=True)])
    b.assign(b.dereference(b.address_of(local)), 42)
    array = b.array(
        "pairs", [2], pair, b.aggregate([b.load(copy), b.load(b.subscript(table, 0))], c.ArrayType([2], pair))
    )
    fourth = b.call_value(total, [b.add(b.decay(array, const=True), 1)])
    fifth = b.call_value(total, [b.decay(array, const=True)])
    b.verbatim('printf("%d %d %d %d %d\\n", {}, {}, {}, {}, {});', [first, second, third, fourth, fifth])
    b.return_(b.const(0, i32))
    module.verify()
    sources = c_sources(module)
    assert sources["net.h"].startswith("#ifndef NET_H\n#define NET_H\n")
    assert run_c(tmp_path, sources, compiler=compiler).split() == ["6", "5", "41", "6", "42"]


def test_generated_code_is_clean_under_strict_warnings(tmp_path: Path) -> None:
    """A convolution-like nest with everything that code generation needs."""
    file = c.FileOp("net.c")
    arguments: list[tuple[str, Attribute]] = [
        ("x", c.PtrType(i8, const=True, restrict=True)), ("w", c.PtrType(UI8, const=True)), ("y", c.PtrType(i8)),
        ("mul", c.PtrType(i32, const=True)), ("n", IndexType()), ("unused", i64),
    ]  # fmt: skip
    function, b = new_function(file, "kernel", arguments, None, ["static"])
    x, w, y, mul, n, _ = function.body.block.args
    with b.for_("i", 0, n) as i:
        acc = b.var("acc", i32, 0)
        with b.for_("k", 0, 4) as k:
            product = b.mul(b.cast(b.load(x, b.add(b.mul(i, 4), k)), i32), b.cast(b.load(w, k), i32))
            b.assign(acc, b.add(b.load(acc), product))
        wide = b.mul(b.cast(b.load(acc), i64), b.cast(b.load(mul, i), i64))
        rounded = b.shr(b.add(wide, 1 << 7), 8)
        b.store(y, i, b.cast(b.clamp(rounded, -128, 127), i8))
        b.var("never_read", i32, b.load(acc))
    _, b = new_function(file, "main", [], i32)
    b.verbatim(
        "static const int8_t x[8] = {1, 2, 3, 4, -1, -2, -3, -4};\n"
        "static const uint8_t w[4] = {255, 1, 1, 1};\n"
        "static const int32_t mul[2] = {256, 64};\nint8_t y[2];\nkernel(x, w, y, mul, 2, 0);"
    )
    b.return_(b.literal("y[0] == 127 && y[1] == -66 ? 0 : 1", i32))
    module = ModuleOp([file])
    module.verify()
    text = c_sources(module)["net.c"]
    run_c(tmp_path, {"net.c": text}, flags=(*STRICT, "-Wconversion", "-Wsign-conversion", "-O2"))
    assert "acc += x[i * 4 + k] * w[k];" in text
    assert "(void)unused;" in text
    assert "never_read" not in text


def test_names_are_valid_unique_and_do_not_shadow() -> None:
    file = c.FileOp("net.c")
    function, b = new_function(file, "log", [("int", i32), ("log", i32), ("DM_CORES", i32), ("uint8_t", i32)], i32)
    first, second, third, fourth = function.body.block.args
    total = b.add(b.add(first, second), b.add(third, fourth))
    with b.for_("i", 0, total, t=i32) as i, b.for_("i", 0, i, t=i32) as j:
        b.call("use", [j])
    with b.for_("i", 0, total, t=i32) as i:
        b.call("use", [i])
    b.return_(total)
    text = body_of(file)
    assert "int32_t log(int32_t int_1, int32_t log_1, int32_t v_DM_CORES, int32_t uint8_t_1)" in text
    assert text.count("for (int32_t i = 0;") == 2
    assert text.count("for (int32_t i_1 = 0; i_1 < i; i_1++)") == 1
    assert "int" in KEYWORDS


def test_names_of_a_scope_end_with_it() -> None:
    names = Names({"taken"})
    assert names.fresh("taken") == "taken_1"
    with names.scope():
        assert names.fresh("x") == "x"
        assert names.fresh("x") == "x_1"
    assert names.fresh("x") == "x"
    assert names.fresh("2nd layer/conv") == "v_2nd_layer_conv"
    assert names.fresh(None) == "t"


def test_unused_statics_are_left_out_but_not_what_text_or_data_uses() -> None:
    def helper(name: str) -> c.FuncOp:
        function = c.FuncOp(name, [], None, ["static"])
        CBuilder(function.body.block).return_()
        return function

    user = c.FuncOp("user", [])
    b = CBuilder(user.body.block)
    b.call("dm_cluster_run", [b.literal("entry", c.OpaqueType("dm_entry"))])
    chain, unused = helper("chain"), c.FuncOp("unused", [], None, ["static"])
    unused.body.block.add_ops([c.CallOp("chain", []), c.ReturnOp()])
    text = text_of(
        chain, unused, helper("called"), helper("entry"),
        c.GlobalOp("table", c.ArrayType([1], c.OpaqueType("fn")), ArrayAttr([SymbolRefAttr("called")]), ["const"]),
        c.GlobalOp("nobody", i32, None, ["static"]), user,
    )  # fmt: skip
    assert "void entry(void)" in text
    assert "void called(void)" in text
    assert all(name not in text for name in ("unused", "chain", "nobody"))


def test_what_is_no_c_is_refused() -> None:
    with pytest.raises(DeeployError, match=r"c\.func cannot be printed as C: the module must hold c\.file only"):
        c_sources(ModuleOp([c.FuncOp("f", [])]))
    with pytest.raises(DeeployError, match=r"two files are called net\.c"):
        c_sources(ModuleOp([c.FileOp("net.c"), c.FileOp("net.c")]))
    with pytest.raises(DeeployError, match="cannot stand on the level of a C file"):
        text_of(c.ConstantOp(IntegerAttr(1, i32)))


def test_long_lines_break_and_comments_wrap() -> None:
    file = c.FileOp("net.c")
    function, b = new_function(file, "f", [(f"argument_with_a_long_name_{i}", i32) for i in range(6)])
    b.comment("word " * 60 + "\\")
    b.call("some_function_with_a_long_name", list(function.body.block.args))
    text = body_of(file)
    assert max(map(len, text.splitlines())) <= 100
    assert "\\" not in text


class TestBuilder:
    """What the builder computes by itself."""

    def setup_method(self) -> None:
        self.file = c.FileOp("net.c")
        self.function, self.b = new_function(self.file, "f", [("x", i32), ("p", c.PtrType(i8)), ("t", i1)])
        self.x, self.p, self.t = self.function.body.block.args

    def value(self, v: Any) -> int | float | None:
        return c.constant_of(v)

    def test_constants(self) -> None:
        b = self.b
        assert self.value(b.add(b.const(2**31 - 1, i32), 1)) == -(2**31)
        assert self.value(b.div(b.const(-7, i32), 2)) == -3
        assert self.value(b.rem(b.const(-7, i32), 2)) == -1
        assert self.value(b.shr(b.const(-8, i32), 1)) == -4
        assert self.value(b.cast(b.const(200, i32), i8)) == -56
        assert self.value(b.cast(b.const(2.75, f32), i32)) == 2
        assert self.value(b.cmp("lt", 1, 2)) == 1
        # left to the machine
        assert self.value(b.div(b.const(1, i32), 0)) is None
        assert self.value(b.cast(b.const(1e30, f32), i32)) is None
        assert self.value(b.add(b.const(0.1, f32), 0.2)) is None

    def test_neutral_operations(self) -> None:
        b, x = self.b, self.x
        assert b.add(x, 0) is x
        assert b.mul(1, x) is x
        assert b.shl(x, 0) is x
        assert self.value(b.mul(x, 0)) == 0
        assert b.add(self.p, 0) is self.p
        assert b.land(self.t, True) is self.t
        assert self.value(b.lor(self.t, True)) == 1
        assert b.cast(x, i32) is x

    def test_chains(self) -> None:
        b, x = self.b, self.x
        total = b.add(b.add(x, 2), 3).owner
        assert isinstance(total, c.AddOp)
        assert (total.lhs is x, self.value(total.rhs)) == (True, 5)
        product = b.mul(b.mul(x, 2), 3).owner
        assert isinstance(product, c.MulOp)
        assert (product.lhs is x, self.value(product.rhs)) == (True, 6)

    def test_loops_and_branches_that_are_known(self) -> None:
        b = self.b
        with b.for_("i", 3, 5, 4) as i:
            assert self.value(i) == 3
            b.call("once", [i])
        with b.if_(b.const(False)) as branch:
            b.call("never")
            with branch.else_():
                b.call("always")
        with b.for_("i", 3, 3) as i:
            b.call("zero_times", [i])
        b.return_()
        text = body_of(self.file)
        assert "once(3);" in text
        assert "always();" in text
        assert "never" not in text
        assert "for (int32_t i = 3; i < 3; i++)" in text

    def test_wrong_types_are_refused(self) -> None:
        with pytest.raises(TypeError, match=r"0\.5 is no value of type i32"):
            self.b.add(self.x, 0.5)
