"""Instruction tables: what an instruction is said to mean is what the simulated core does."""

from __future__ import annotations

import sys
from importlib.resources import files
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from xdsl.dialects.builtin import IndexType, IntegerType, ModuleOp, i8, i16, i32

import deeploy_mlir
from deeploy_mlir.dialects import c
from deeploy_mlir.interpreters.instructions import Words, run_inner_loop, run_instruction
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.kernels.choice import bindings_of
from deeploy_mlir.kernels.generated.columns import Columns
from deeploy_mlir.kernels.generated.instruction_functions import instruction_function
from deeploy_mlir.kernels.instructions import (
    Assembly,
    InnerLoop,
    Instruction,
    InstructionTable,
    Intrinsic,
    Register,
    inner_loop,
)
from deeploy_mlir.kernels.instructions import meanings as means
from deeploy_mlir.kernels.instructions.lookup import instruction_tables, tables_of
from deeploy_mlir.lowering.print_c import c_sources
from deeploy_mlir.machine.registry import parse_soc
from deeploy_mlir.program.program import Program
from deeploy_mlir.simulators.siracusa.simulator import Simulator
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.targets.siracusa.instructions import UI8, XPULPV2
from deeploy_mlir.targets.siracusa.platforms import SIRACUSA
from deeploy_mlir.testing.compiled_c import run_c
from deeploy_mlir.testing.random_kernels import RANDOM_KERNELS

from .siracusa_images import configuration

WORDS = c.PtrType(i32, const=True)


def operands(reads: int) -> Words:
    """[reads, executions]: random registers, and every pair of extremes."""
    rng = np.random.default_rng(5)
    edges = [0, 1, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 0x80807F7F, 0x8000FFFF, 0x80808080, 0x7F7F7F7F]
    pairs = np.array([(a, b) for a in edges for b in edges], np.uint32).T
    words = rng.integers(0, 1 << 32, (max(reads, 2), 24 + pairs.shape[1]), np.uint32)
    words[:2, 24:] = pairs
    return words[:reads]


def function(instruction: Instruction, name: str) -> c.FuncOp:
    """void name(const int32_t *in, int32_t *out, int32_t n): execution k reads in[r * n + k] and stores to out[k]."""
    result = c.FuncOp(name, [("in", WORDS), ("out", c.PtrType(i32)), ("n", IndexType())])
    assert result.block is not None
    given, out, n = result.block.args
    b = CBuilder(result.block)
    with b.for_("k", 0, n) as k:
        values = [b.load(given, b.add(b.mul(n, r), k)) for r in range(len(instruction.read))]
        place = b.var("d", i32, values.pop() if instruction.accumulates else None)
        instruction.emit(b, place, values)
        b.store(out, k, b.load(place))
    return result


def loop_function(loop: InnerLoop, name: str) -> c.FuncOp:
    """void name(const int32_t *in, int32_t *out, int32_t n): rows of n words, x before w; out has the accumulators."""
    result = c.FuncOp(name, [("in", WORDS), ("out", c.PtrType(i32)), ("n", IndexType())])
    assert result.block is not None
    given, out, n = result.block.args
    b = CBuilder(result.block)
    cells = loop.rows * loop.columns
    accumulators = [b.var(f"acc{k}", i32, b.load(out, k)) for k in range(cells)]
    pointers = [b.var(f"p{k}", WORDS, b.add(given, b.mul(n, k))) for k in range(loop.rows + loop.columns)]
    loop.emit(b, accumulators, pointers[: loop.columns], pointers[loop.columns :], n)
    for k, place in enumerate(accumulators):
        b.store(out, k, b.load(place))
    return result


def simulated(functions: list[c.FuncOp], inputs: list[Words], outputs: list[Words], folder: Path) -> list[Words]:
    """The outputs of each function on the simulated cluster."""
    file = c.FileOp("functions.c", [c.IncludeOp("stdint.h", standard=True), *functions])
    module = ModuleOp([file])
    module.verify()
    (folder / "functions.c").write_text(c_sources(module)["functions.c"])
    calls: list[str] = []
    prototypes: list[str] = []
    for number, (x, y) in enumerate(zip(inputs, outputs, strict=True)):
        prototypes.append(f"void f{number}(const int32_t *, int32_t *, int32_t);\n")
        prototypes.append(f"DM_L2_NOINIT int32_t x{number}[{x.size}], y{number}[{y.size}];\n")
        calls.append(f"  f{number}(x{number}, y{number}, {x.shape[-1]});\n")
    (folder / "main.c").write_text(
        f'#include "deeploy/platform.h"\n{"".join(prototypes)}static void work(void) {{\n  if (dm_core_id()) return;\n'
        f"{''.join(calls)}}}\nint main(void) {{\n  dm_cluster_run(work);\n  return 0;\n}}\n"
    )
    image = folder / "image.elf"
    assert SIRACUSA.build([folder / "functions.c", folder / "main.c"], [], image, configuration()) == ""
    simulator = Simulator()
    elf = simulator.load(image.read_bytes())
    for number, (x, y) in enumerate(zip(inputs, outputs, strict=True)):
        simulator.write(elf.address_of(f"x{number}"), x.tobytes())
        simulator.write(elf.address_of(f"y{number}"), y.tobytes())
    result = simulator.run(1 << 30)
    assert result.exit_code == 0, str(result.fault)
    return [
        np.frombuffer(simulator.read(elf.address_of(f"y{n}"), y.nbytes), np.uint32).reshape(y.shape)
        for n, y in enumerate(outputs)
    ]


def test_xpulpv2_means_what_the_core_does(tmp_path: Path) -> None:
    instructions = XPULPV2.instructions
    inputs = [operands(len(i.read)) for i in instructions]
    outputs = [np.zeros(x.shape[1], np.uint32) for x in inputs]
    functions = [function(i, f"f{n}") for n, i in enumerate(instructions)]
    results = simulated(functions, inputs, outputs, tmp_path)
    for instruction, words, actual in zip(instructions, inputs, results, strict=True):
        wanted = run_instruction(instruction, list(words))
        np.testing.assert_array_equal(actual, wanted, err_msg=instruction.name)


def test_inner_loops_mean_what_the_core_does(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    loops: list[InnerLoop] = []
    for name, rows, columns in product(("pv.sdotsp.b", "pv.sdotusp.b", "pv.sdotsp.h"), (1, 4), (1, 2)):
        loop = inner_loop(XPULPV2, XPULPV2[name], rows, columns)
        assert loop is not None
        loops.append(loop)
    sizes = [(loop.rows + loop.columns, 1 + n % 5) for n, loop in enumerate(loops)]
    inputs = [rng.integers(0, 1 << 32, size, np.uint32) for size in sizes]
    starts = [rng.integers(0, 1 << 32, (loop.rows, loop.columns), np.uint32) for loop in loops]
    functions = [loop_function(loop, f"f{n}") for n, loop in enumerate(loops)]
    results = simulated(functions, inputs, starts, tmp_path)
    for loop, words, start, actual in zip(loops, inputs, starts, results, strict=True):
        wanted = run_inner_loop(loop, words[: loop.columns], words[loop.columns :], start)
        np.testing.assert_array_equal(actual, wanted, err_msg=loop.instruction.name)


@pytest.mark.parametrize("table", [XPULPV2], ids=lambda table: table.name)
def test_meanings_in_c_are_those_on_numpy(table: InstructionTable, tmp_path: Path) -> None:
    """Where a compiler does not know the instructions, such as the host's: each function does what is meant."""
    functions = [instruction_function(table, i) for i in table.instructions]
    calls: list[str] = []
    wanted: list[int] = []
    for i, f in zip(table.instructions, functions, strict=True):
        words = operands(len(i.read))[:, ::5]
        wanted += run_instruction(i, list(words)).tolist()
        calls += [f"(uint32_t){f.sym_name.data}({', '.join(f'(int32_t){w}u' for w in column)})" for column in words.T]
    module = ModuleOp([c.FileOp("functions.h", [c.IncludeOp("stdint.h", standard=True), *functions])])
    module.verify()
    lines = "".join(f'  printf("%u\\n", (unsigned){call});\n' for call in calls)
    main = f'#include <stdio.h>\n#include "functions.h"\nint main(void) {{\n{lines}  return 0;\n}}\n'
    text = run_c(tmp_path, {**c_sources(module), "main.c": main})
    assert [int(line) for line in text.split()] == wanted


def transposed_product(columns: int) -> onnx.ModelProto:
    """y = x @ w on int8, w transposed at run time, so that both are contiguous."""
    nodes = [
        helper.make_node("Transpose", ["w"], ["t"], "transpose", perm=[1, 0]),
        helper.make_node("MatMulInteger", ["x", "t"], ["y"], "fc"),
    ]
    x, w, y = (
        helper.make_tensor_value_info(name, t, shape)
        for name, t, shape in (
            ("x", TensorProto.INT8, [8, 32]),
            ("w", TensorProto.INT8, [columns, 32]),
            ("y", TensorProto.INT32, [8, columns]),
        )
    )
    graph = helper.make_graph(nodes, "product", [x, w], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def test_a_changed_table_changes_the_c(monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled(*instructions: Instruction) -> Program:
        table = InstructionTable("xpulpv2", XPULPV2.condition, instructions, XPULPV2.loop)
        monkeypatch.setattr("deeploy_mlir.targets.siracusa.instructions.TABLES", (table,))
        return deeploy_mlir.compile(transposed_product(8), target="siracusa", name="product")

    dot, mac = XPULPV2["pv.sdotsp.b"], XPULPV2["p.mac"]
    other = Instruction("other", dot.sources, dot.result, dot.meaning, Assembly("other %[d], %[a], %[b]"), True)
    usual, renamed, plain = compiled(dot, mac), compiled(other, mac), compiled(mac)
    assert ".insn r 0x57, 1, 0x5c, %[acc00], t0, t" in usual.sources["product.c"]
    assert "other %[acc00], t0, t" in renamed.sources["product.c"]
    assert "dm_xpulpv2_p_mac(" in plain.sources["product.c"]
    assert "acc00], t0" not in plain.sources["product.c"]
    assert usual.plan.cycles == renamed.plan.cycles < plain.plan.cycles
    dear = Instruction("dear", dot.sources, dot.result, dot.meaning, dot.code, True, cycles=100)
    assert "asm" not in compiled(dear).sources["product.c"]  # the scalar kernel competes, and is cheaper
    rng = np.random.default_rng(4)
    x, w = rng.integers(-128, 128, (2, 8, 32), np.int8)
    (y,) = usual.run({"x": x, "w": w}).values()
    np.testing.assert_array_equal(y, x.astype(np.int32) @ w.T.astype(np.int32))


TABLE = """
from xdsl.dialects.builtin import i32

from deeploy_mlir.kernels.instructions import Instruction, InstructionTable, Intrinsic, Register, meanings

WORD = Register(i32)
CODE = Intrinsic("acme_mac", "acme.h")
MAC = Instruction("mac", (WORD, WORD), WORD, (meanings.multiply_accumulate(),), CODE, accumulates=True)
TABLES = (InstructionTable("acme", "defined(ACME)", (MAC,)),)
"""


def test_a_table_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by its entry point; an engine that names it gets kernels with its instructions."""
    (tmp_path / "acme_instructions.py").write_text(TABLE)
    metadata = tmp_path / "acme_instructions-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-instructions\nVersion: 1.0\n")
    points = "[deeploy_mlir.instructions]\nacme = acme_instructions\n"
    (metadata / "entry_points.txt").write_text(points)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    text = (files("deeploy_mlir.targets.siracusa") / "soc.mlir").read_text()
    system = parse_soc(text.replace('instructions = ["xpulpv2"]', 'instructions = ["acme", "xpulpv2"]'))
    bindings = {binding.name: binding for binding in bindings_of(system)}
    op = RANDOM_KERNELS["conv"](np.random.default_rng(1)).op
    binding = bindings["generated_rv32_acme"]
    assert binding.accepts(op) is True
    (helper,) = binding.functions_called(binding.emit(op, "kernel"))
    assert helper.sym_name.data == "dm_acme_mac"
    assert binding.preamble == "#if defined(ACME)\n#include <acme.h>\n#endif"
    (metadata / "entry_points.txt").write_text(points.replace("= acme", "= no_acme"))
    with pytest.raises(DeeployError, match="of no_acme_instructions has no such module"):
        instruction_tables()


def constant_product(weights: Array) -> onnx.ModelProto:
    """y = x @ weights on int8, for x of 12 rows."""
    inner, columns = weights.shape
    node = helper.make_node("MatMulInteger", ["x", "w"], ["y"], "fc")
    x = helper.make_tensor_value_info("x", TensorProto.INT8, [12, inner])
    y = helper.make_tensor_value_info("y", TensorProto.INT32, [12, columns])
    graph = helper.make_graph([node], "product", [x], [y], [numpy_helper.from_array(weights, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.mark.parametrize("target", ["siracusa", "cortex-m4"])
@pytest.mark.parametrize(("inner", "columns"), [(32, 24), (33, 10), (70, 3)])
def test_constant_operands_are_packed_into_contiguous_columns(target: str, inner: int, columns: int) -> None:
    if target == "cortex-m4":
        pytest.importorskip("unicorn")
    rng = np.random.default_rng(inner)
    weights = rng.integers(-128, 128, (inner, columns), np.int8)
    without = ["neureka"] if target == "siracusa" else []
    program = deeploy_mlir.compile(constant_product(weights), target=target, name="product", without_engines=without)
    assert "packed" in program.sources["product_weights.c"]
    assert {"siracusa": "0x57, 1, 0x5c", "cortex-m4": "__smlad("}[target] in program.sources["product.c"]
    x = rng.integers(-128, 128, (12, inner), np.int8)
    (y,) = program.run({"x": x}).values()
    np.testing.assert_array_equal(y, x.astype(np.int32) @ weights.astype(np.int32))


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(["int8", "uint8", "int16"]))
def test_packed_columns_are_what_they_were(inner: int, columns: int, dtype: str) -> None:
    plain = np.random.default_rng(inner).integers(0, 100, (1, inner, columns)).astype(dtype)
    packing = Columns(1, dtype)
    packed = packing.pack(plain)
    assert packed.dtype == np.uint8
    assert packed.shape == (columns, inner * plain.itemsize)
    np.testing.assert_array_equal(packing.unpack(packed, plain.shape), plain)
    part = slice(columns // 2, columns)
    np.testing.assert_array_equal(packing.unpack(packed[part], plain[..., part].shape), plain[..., part])


def test_meaning_on_numpy() -> None:
    """A mixed dot product by hand: bytes of the first operand unsigned, of the second signed."""
    words = [np.array([w], np.uint32) for w in (0xFF000201, 0x80037FFF, 10)]
    assert run_instruction(XPULPV2["pv.sdotusp.b"], words)[0] == (10 - 1 + 2 * 127 + 255 * -128) & 0xFFFFFFFF
    words = [np.array([w], np.uint32) for w in (0x7F800001, 0x01FF0001)]
    assert run_instruction(XPULPV2["pv.add.b"], words)[0] == 0x807F0002


def dot_of(a: IntegerType, b: IntegerType, lanes: int) -> Instruction | None:
    sources = (Register(a, lanes), Register(b, lanes))
    return XPULPV2.find(sources, Register(i32), (means.dot(a, b, lanes),), accumulates=True)


def test_instructions_are_found_by_what_they_mean() -> None:
    assert dot_of(i8, i8, 4) is XPULPV2["pv.sdotsp.b"]
    assert dot_of(UI8, i8, 4) is XPULPV2["pv.sdotusp.b"]
    assert dot_of(i16, i16, 2) is XPULPV2["pv.sdotsp.h"]
    assert dot_of(i8, UI8, 4) is None
    word = Register(i32)
    assert XPULPV2.find((word,), word, (means.clip(-128, 127),)) is XPULPV2["p.clip 8"]
    assert XPULPV2.find((word,), word, (means.clip(0, 127),)) is XPULPV2["p.clipu 8"]
    assert XPULPV2.find((word,), word, (means.clip(-127, 127),)) is None


def test_of_two_that_mean_the_same_the_cheaper_is_found() -> None:
    word, code = Register(i32), Intrinsic("f", "f.h")
    slow = Instruction("slow", (word, word), word, (means.minimum(),), code, cycles=2)
    fast = Instruction("fast", (word, word), word, (means.minimum(),), code)
    assert InstructionTable("t", "1", (slow, fast)).find((word, word), word, (means.minimum(),)) is fast


def test_what_does_not_fit_is_refused() -> None:
    word, code = Register(i32), Assembly("min %[d], %[a], %[b]")
    with pytest.raises(DeeployError, match="3 lanes of i16 are no register"):
        Register(i16, 3)
    with pytest.raises(DeeployError, match="min reads 1 x i32; its meaning takes"):
        Instruction("min", (word,), word, (means.minimum(),), code)
    with pytest.raises(DeeployError, match="needs 2 regions, not 1"):
        Instruction("min", (word, word), Register(i16, 2), (means.minimum(),), code)
    with pytest.raises(DeeployError, match="does not yield i8"):
        Instruction("min", (word, word), Register(i8), (means.minimum(),), code)
    again = Instruction("min", (word, word), word, (means.minimum(),), code)
    with pytest.raises(DeeployError, match="t has min more than once"):
        InstructionTable("t", "1", (again, again))
    with pytest.raises(DeeployError, match=r"table xpulpv2 has no pv\.dream; it has p\.clip 10, "):
        XPULPV2["pv.dream"]


def test_an_engine_names_its_tables() -> None:
    text = "soc.system @b {{ soc.memory @m {{size = 8}} soc.engine @e {{memory = @m{}}} soc.host @h {{memory = @m}} }}"
    engines = [parse_soc(text.format(more)).engines[0] for more in ("", ', instructions = ["xpulpv2"]')]
    assert tables_of(engines[0]) == ()
    assert tables_of(engines[1]) == (XPULPV2,)
    assert instruction_tables()["xpulpv2"] is XPULPV2
    unknown = parse_soc(text.format(', instructions = ["avx"]')).engines[0]
    with pytest.raises(DeeployError, match=r"@e: no instruction table 'avx'; there are: .*xpulpv2"):
        tables_of(unknown)
