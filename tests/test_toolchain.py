"""Compilers as data: what they are called with, and what a user is told when they fail."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deeploy_mlir.machine.host import HOST, THREADS
from deeploy_mlir.machine.platform import Configuration, DmaLimits, Platform, configuration_of
from deeploy_mlir.machine.registry import load_soc, platform_of, platforms_of
from deeploy_mlir.machine.toolchain import RUNTIME, ZIG_CC, Toolchain
from deeploy_mlir.simulators.siracusa.simulator import Simulator
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.targets.siracusa.platforms import SIRACUSA
from deeploy_mlir.targets.siracusa.toolchain import COMPILERS

from .siracusa_images import PROGRAMS, configuration

HELLO = """
#include "deeploy/platform.h"
static volatile int64_t n = -7000000000;
static volatile float f = 1.5f;
static volatile double d = 3.0;
int main(void) {
  for (const char *s = TEXT; *s; s++) dm_putchar(*s);
  return n / 1000000000 == -7 && (double)f * d == 4.5 && (float)n == -7e9f ? 0 : 1;
}
"""

TILE = """
#include "deeploy/platform.h"
DM_L1 volatile uint8_t tile[{}];
int main(void) {{ return tile[0]; }}
"""


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    path = tmp_path / "hello.c"
    path.write_text(HELLO)
    return path


def test_host_executable(hello: Path, tmp_path: Path) -> None:
    program = tmp_path / "out" / "hello"
    assert HOST.build([hello], [], program, configuration(1), defines={"TEXT": '"hi\\n"'}) == ""
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "hi\n")


def test_siracusa_image_with_the_compilers_own_library(hello: Path, tmp_path: Path) -> None:
    """64-bit division and double arithmetic come from the compiler's runtime library."""
    image = tmp_path / "hello.elf"
    assert SIRACUSA.build([hello], [], image, configuration(), defines={"TEXT": '"hi\\n"'}) == ""
    simulator = Simulator()
    simulator.load(image.read_bytes())
    result = simulator.run(1_000_000)
    assert (result.exit_code, result.stdout, result.fault) == (0, "hi\n", None)


def test_size_of_stacks_and_memory(tmp_path: Path) -> None:
    source, elf = tmp_path / "main.c", tmp_path / "m.elf"
    source.write_text(TILE.format(1000))
    for cores, stack in ((8, 1024), (4, 2048), (1, 4096)):
        SIRACUSA.build([source], [], elf, configuration(cores, stack))
        image = Simulator(cores).load(elf.read_bytes())
        assert image.address_of("__dm_core_stacks") == 0x10000000
        assert image.address_of("tile") == 0x10000000 + cores * stack
        assert image.address_of("__dm_l1_end") == image.address_of("tile") + 1000
        assert 0x1C010000 < image.address_of("__dm_l2_end") < 0x1C020000


def test_l1_that_does_not_fit_is_the_linkers_error(tmp_path: Path) -> None:
    source = tmp_path / "main.c"
    source.write_text(TILE.format(260_000))
    with pytest.raises(DeeployError, match="L1"):
        SIRACUSA.build([source], [], tmp_path / "m.elf", configuration())


@pytest.mark.parametrize("platform", [HOST, SIRACUSA], ids=lambda platform: platform.name)
def test_compile_errors_are_handed_on(platform: Platform, tmp_path: Path) -> None:
    source = tmp_path / "bad.c"
    source.write_text("int main(void) { return nonesuch; }\n")
    with pytest.raises(DeeployError, match="nonesuch") as caught:
        platform.build([source], [], tmp_path / "bad.out", configuration())
    assert "bad.c" in str(caught.value)


@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda compiler: compiler.name)
def test_no_compiler_writes_what_another_core_owns(compiler: Toolchain, tmp_path: Path) -> None:
    """gcc -O3 does, by its predictive commoning of stores, unless told otherwise."""
    if not compiler.is_here:
        pytest.skip(f"no {compiler.name} for siracusa")
    image = tmp_path / "columns.elf"
    replace(SIRACUSA, compilers=(compiler,)).build([PROGRAMS / "columns.c"], [], image, configuration())
    simulator = Simulator()
    simulator.load(image.read_bytes())
    result = simulator.run(1_000_000)
    assert (result.exit_code, result.fault) == (0, None)


def test_missing_compiler(hello: Path, tmp_path: Path) -> None:
    with pytest.raises(DeeployError, match="C compiler not found: no-such-cc"):
        Toolchain("none", ("no-such-cc",)).build([hello], [], tmp_path / "x")


def test_compiler_that_hangs(hello: Path, tmp_path: Path) -> None:
    slow = Toolchain("slow", (sys.executable, "-c", "import time; time.sleep(60)"))
    with pytest.raises(DeeployError, match=r"took more than 0\.5 s"):
        slow.build([hello], [], tmp_path / "x", timeout=0.5)


def test_compilers_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPLOY_CC", "ccache gcc -g")
    assert HOST.compiler().command == ("ccache", "gcc", "-g")
    for command, like in {
        "ccache gcc -g": "gcc",
        shlex.join(ZIG_CC): "zig",
        "clang-19": "clang",
        "/opt/cc": "cc",
    }.items():
        monkeypatch.setenv("DEEPLOY_CC", command)
        (named,) = [compiler for compiler in THREADS.compilers if compiler.name == like]
        assert THREADS.compiler().flags == named.flags
    monkeypatch.setenv("DEEPLOY_CC", "/opt/cc1")
    assert HOST.compiler().command == ("/opt/cc1",)
    monkeypatch.delenv("DEEPLOY_CC")
    monkeypatch.setenv("PATH", "")
    assert HOST.compiler().command == ZIG_CC
    assert SIRACUSA.compiler().command == ZIG_CC
    for command in ("/opt/bin/riscv32-unknown-elf-gcc", "clang-19"):
        monkeypatch.setenv("DEEPLOY_RISCV_CC", command)
        assert SIRACUSA.compiler().command == (command,)
        (like,) = [compiler for compiler in COMPILERS if compiler.name in command]
        assert SIRACUSA.compiler().flags == like.flags
    monkeypatch.setenv("DEEPLOY_RISCV_CC", "tcc")
    with pytest.raises(DeeployError, match=r"DEEPLOY_RISCV_CC=tcc: .* for siracusa are known for zig, gcc, clang"):
        SIRACUSA.compiler()


def test_a_machine_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("DEEPLOY_RISCV_CC", raising=False)
    without = replace(SIRACUSA, compilers=COMPILERS[1:])
    with pytest.raises(DeeployError, match=r"no C compiler for siracusa \(gcc, clang\): pip install"):
        without.compiler()


def test_a_memory_that_a_platform_does_not_know() -> None:
    with pytest.raises(DeeployError, match="platform siracusa has no section for memory flash; it has l1, l2, wmem"):
        SIRACUSA.headers(Configuration(8, ("l1", "flash"), 640))
    assert "#define DM_FLASH_NOINIT\n" in THREADS.headers(Configuration(8, ("l1", "flash"), 640))["dm_port.h"]


def test_the_configuration_is_the_socs() -> None:
    assert configuration_of(load_soc("siracusa")) == Configuration(
        8, ("l1", "l2", "wmem"), 640, (DmaLimits("mchan", 16, 2, 131071),)
    )
    assert configuration_of(load_soc("generic")) == Configuration(1, ("ram", "flash"))


def test_platforms_of_targets() -> None:
    assert [p.name for p in platforms_of("siracusa")] == ["siracusa", "threads"]
    assert platform_of("generic") is HOST
    assert THREADS.folder in platform_of("siracusa", "threads").folders
    for platform, names in ((HOST, {"hosted.c", "one_core.c"}), (THREADS, {"hosted.c", "threads.c"})):
        assert {source.name for source in platform.sources()} == names
    assert SIRACUSA.folder / "platform.c" in SIRACUSA.sources()
    with pytest.raises(DeeployError, match="target generic has no platform 'toaster'; there are: host"):
        platform_of("generic", "toaster")


@pytest.mark.parametrize("platform", [HOST, THREADS, SIRACUSA], ids=lambda platform: platform.name)
def test_platforms_compile_with_every_warning_under_zig(platform: Platform, tmp_path: Path) -> None:
    (zig,) = [compiler for compiler in platform.compilers if compiler.name == "zig"]
    compiler = replace(zig, flags=("-c", *zig.flags), warnings=("-Wall", "-Wextra", "-Wpedantic", "-Wshadow"))
    for name, text in platform.headers(configuration()).items():
        (tmp_path / name).write_text(text)
    for source in platform.sources():
        out = tmp_path / f"{source.name}.o"
        assert compiler.build([source], [tmp_path, *platform.folders, RUNTIME / "include"], out, link_flags=()) == ""
