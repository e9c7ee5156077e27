"""Flash and RAM by the sections of objects."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import deeploy_mlir
from deeploy_mlir import cli
from deeploy_mlir.machine.object_files import SECTION_FLAGS, reached_sizes
from deeploy_mlir.machine.registry import platform_of
from deeploy_mlir.machine.toolchain import CLANG_STACK_FLAG, ZIG_CC, Toolchain
from deeploy_mlir.support.errors import DeeployError

DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits"
RISCV = ("-target", "riscv32-freestanding-none", "-mabi=ilp32", "-mcpu=generic_rv32+m")
COMPILERS = [
    Toolchain("zig", ZIG_CC, stack_flag=CLANG_STACK_FLAG),
    Toolchain("zig for riscv32", ZIG_CC, RISCV, stack_flag=CLANG_STACK_FLAG),
    pytest.param(Toolchain("gcc", ("gcc",)), marks=pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")),
]
FIRST = """
int inner(const int *values, int n);
const int table[16] = {1, 2, 3};
const int unused_table[64] = {1};
int written[8];
int started = 5;
int unused(int n) { int values[200]; for (int i = 0; i < n; i++) values[i] = i; return inner(values, n); }
static __attribute__((noinline)) int middle(int n) {
  int values[100];
  for (int i = 0; i < 100; i++) values[i] = n;
  return inner(values, n);
}
int entry(int n) { written[n] = started; return middle(n) + table[n]; }
"""
SECOND = """
int beyond(const int *values, int n);
int inner(const int *values, int n) {
  int copy[50];
  for (int i = 0; i < 50; i++) copy[i] = values[i];
  return beyond(copy, n) + 1;
}
"""


def objects(compiler: Toolchain, folder: Path) -> list[Path]:
    for name, text in {"first": FIRST, "second": SECOND}.items():
        (folder / f"{name}.c").write_text(text)
        flags = [*SECTION_FLAGS, compiler.stack_flag, "-c"]
        compiler.build([folder / f"{name}.c"], [], folder / f"{name}.o", opt="-O1", extra=flags, link_flags=())
    return [folder / "first.o", folder / "second.o"]


@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda compiler: compiler.name)
def test_what_a_function_reaches(compiler: Toolchain, tmp_path: Path) -> None:
    files = objects(compiler, tmp_path)
    whole, part = reached_sizes(files, "entry"), reached_sizes(files, "inner")
    assert whole.constants == 16 * 4 + 4
    assert whole.written == 8 * 4 + 4
    assert part.constants == part.written == 0
    assert 0 < part.code < whole.code < 600
    assert whole.stack is not None
    assert part.stack is not None
    assert 200 <= part.stack < 300
    assert 400 <= whole.stack - part.stack < 500


def test_what_is_no_object_is_refused(tmp_path: Path) -> None:
    (good, _) = objects(COMPILERS[0], tmp_path)  # pyright: ignore[reportArgumentType]
    with pytest.raises(DeeployError, match="no object defines elsewhere"):
        reached_sizes([good], "elsewhere")
    data = good.read_bytes()
    for wrong in (b"", b"\x7fELF", data[:100], data[: len(data) // 2], b"MZ" + data):
        (tmp_path / "wrong.o").write_bytes(wrong)
        with pytest.raises(DeeployError, match=r"wrong\.o"):
            reached_sizes([tmp_path / "wrong.o"], "entry")


@pytest.mark.parametrize(("target", "network"), [("generic", "digits"), ("siracusa", "digits_int8")])
def test_a_network_takes_what_was_planned_and_its_code(
    target: str, network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = deeploy_mlir.compile(DIGITS / f"{network}.onnx", target).footprint
    expect = DIGITS / ("expect.npz" if network == "digits" else "expect_int8.npz")
    words = ["check", str(DIGITS / f"{network}.onnx"), "--target", target, "--json"]
    assert cli.main([*words, "--inputs", str(DIGITS / "inputs.npz"), "--expect", str(expect)]) == 0
    report = json.loads(capsys.readouterr().out)
    measured = report["footprint"]
    assert planned.code is None
    assert planned.compiler is None
    assert measured["compiler"] == platform_of(target).compiler().name
    assert measured["arenas"] == planned.arenas > 0
    assert measured["io"] == planned.io == (8 * 8 + 10) * 4
    assert planned.constants <= measured["constants"] <= planned.constants + 2048
    assert 1000 < measured["code"] < report["code_bytes"]
    assert measured["flash"] == measured["code"] + measured["constants"]
    assert measured["ram"] == measured["arenas"] + measured["io"] + measured["stack"]
    assert measured["stack"] == 8 * 640 if target == "siracusa" else 0 < measured["stack"] < 65536


def test_without_a_compiler_planned_figures_say_so(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("DEEPLOY_CC", "/nowhere/gcc")
    words = ["compile", str(DIGITS / "digits_int8.onnx"), "--target", "generic", "-o", str(tmp_path / "out")]
    assert cli.main(words) == 0
    assert "flash and RAM are as planned: C compiler not found: /nowhere/gcc" in caplog.text
    said = capsys.readouterr().out
    assert "constants 15,968 (planned, without code: no compiler at hand)" in said
    assert "arenas 1,280, inputs and outputs 296\n" in said
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert plan["footprint"] == {"constants": 15968, "arenas": 1280, "io": 296}


def test_compile_and_report_tell_flash_and_ram(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compile", str(DIGITS / "digits_int8.onnx"), "--target", "siracusa", "-o", str(tmp_path / "out")]
    assert cli.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    flash, ram = (next(line.split() for line in lines if line.startswith(f"  {what}")) for what in ("flash", "RAM"))
    footprint = json.loads((tmp_path / "out" / "plan.json").read_text())["footprint"]
    assert int(flash[1].replace(",", "")) == footprint["code"] + footprint["constants"]
    assert int(ram[1].replace(",", "")) == footprint["arenas"] + footprint["io"] + footprint["stack"]
    assert cli.main(["report", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines() == lines[:-1]


def test_a_memory_without_limit_has_no_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["targets"]) == 0
    said = capsys.readouterr().out
    assert "ram of any size, flash of any size" in said
    assert "2,097,151" not in said
    words = ["compile", str(DIGITS / "digits_int8.onnx"), "--target", "generic", "-o", str(tmp_path / "out")]
    assert cli.main(words) == 0
    assert "2,147,483,647" not in capsys.readouterr().out
