"""Compilers as data: what they are called with, and what a user is told when they fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deeploy_mlir.machine.toolchain import (
    RUNTIME,
    ZIG_CC,
    Toolchain,
    platform_dir,
    platform_include_dirs,
    platform_sources,
)
from deeploy_mlir.simulators.siracusa.simulator import Simulator
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.targets.generic import toolchain as generic
from deeploy_mlir.targets.siracusa import toolchain as siracusa

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
    built = generic.compile_image([hello], [], tmp_path / "out" / "hello", shared=False, defines={"TEXT": '"hi\\n"'})
    assert built.warnings == ""
    done = subprocess.run([str(built.path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "hi\n")


def test_siracusa_image_with_the_compilers_own_library(hello: Path, tmp_path: Path) -> None:
    """64-bit division and double arithmetic come from the compiler's runtime library."""
    built = siracusa.compile_image([hello], [], tmp_path / "hello.elf", defines={"TEXT": '"hi\\n"'})
    assert built.warnings == ""
    simulator = Simulator()
    simulator.load(built.elf.read_bytes())
    result = simulator.run(1_000_000)
    assert (result.exit_code, result.stdout, result.fault) == (0, "hi\n", None)


def test_size_of_stacks_and_memory(tmp_path: Path) -> None:
    source = tmp_path / "main.c"
    source.write_text(TILE.format(1000))
    for cores, stack in ((8, 1024), (4, 2048), (1, 4096)):
        built = siracusa.compile_image([source], [], tmp_path / "m.elf", cores=cores, core_stack_bytes=stack)
        image = Simulator(cores).load(built.elf.read_bytes())
        assert image.address_of("__dm_core_stacks") == 0x10000000
        assert image.address_of("tile") == 0x10000000 + cores * stack
        assert image.address_of("__dm_l1_end") == image.address_of("tile") + 1000
        assert 0x1C010000 < image.address_of("__dm_l2_end") < 0x1C020000


def test_l1_that_does_not_fit_is_the_linkers_error(tmp_path: Path) -> None:
    source = tmp_path / "main.c"
    source.write_text(TILE.format(260_000))
    with pytest.raises(DeeployError, match="L1"):
        siracusa.compile_image([source], [], tmp_path / "m.elf")


@pytest.mark.parametrize("compile_image", [generic.compile_image, siracusa.compile_image])
def test_compile_errors_are_handed_on(compile_image: object, tmp_path: Path) -> None:
    source = tmp_path / "bad.c"
    source.write_text("int main(void) { return nonesuch; }\n")
    assert callable(compile_image)
    with pytest.raises(DeeployError, match="nonesuch") as caught:
        compile_image([source], [], tmp_path / "bad.out")
    assert "bad.c" in str(caught.value)


def test_missing_compiler(hello: Path, tmp_path: Path) -> None:
    with pytest.raises(DeeployError, match="C compiler not found: no-such-cc"):
        Toolchain("none", ("no-such-cc",)).build([hello], [], tmp_path / "x")


def test_compiler_that_hangs(hello: Path, tmp_path: Path) -> None:
    slow = Toolchain("slow", (sys.executable, "-c", "import time; time.sleep(60)"))
    with pytest.raises(DeeployError, match=r"took more than 0\.5 s"):
        slow.build([hello], [], tmp_path / "x", timeout=0.5)


def test_compilers_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPLOY_CC", "ccache gcc -g")
    assert generic.toolchain().command == ("ccache", "gcc", "-g")
    monkeypatch.delenv("DEEPLOY_CC")
    monkeypatch.setenv("PATH", "")
    assert generic.toolchain().command == ZIG_CC
    assert siracusa.toolchain().command == ZIG_CC
    monkeypatch.setenv("DEEPLOY_RISCV_CC", "riscv64-unknown-elf-gcc")
    assert siracusa.toolchain().command == ("riscv64-unknown-elf-gcc",)


def test_platform_folders() -> None:
    for platform in ("host", "threads", "siracusa"):
        assert platform_dir(platform) / "platform.c" in platform_sources(platform)
        assert (platform_include_dirs(platform)[1] / "dm_port.h").is_file()
    assert platform_include_dirs("host")[0] == RUNTIME / "include"
    with pytest.raises(DeeployError, match="there are: host, siracusa, threads"):
        platform_dir("toaster")


@pytest.mark.parametrize("platform", ["host", "threads", "siracusa"])
def test_platforms_compile_with_every_warning_under_zig(platform: str, tmp_path: Path) -> None:
    flags = siracusa.toolchain().flags if platform == "siracusa" else ()
    compiler = Toolchain("zig", ZIG_CC, ("-c", *flags), warnings=("-Wall", "-Wextra", "-Wpedantic", "-Wshadow"))
    for source in platform_sources(platform):
        assert compiler.build([source], platform_include_dirs(platform), tmp_path / f"{source.name}.o") == ""
