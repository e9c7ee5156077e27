"""How C sources become an image or a shared object: compiler commands as data."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deeploy_mlir.support.errors import DeeployError

RUNTIME = Path(__file__).resolve().parent.parent / "runtime"
"""The C side that is copied into output folders: `include/`, `kernels/`, `platforms/`."""

ZIG_CC = (sys.executable, "-m", "ziglang", "cc")
"""The C compiler of the `ziglang` package (the extra `toolchain`), which needs nothing else on the machine."""


def check_installed(command: Sequence[str]) -> None:
    """Raises DeeployError that says how to install ziglang if `command` is ziglang's and the package is not there."""
    if tuple(command) == ZIG_CC and find_spec("ziglang") is None:
        raise DeeployError(
            "there is no C compiler for it: pip install 'deeploy-mlir[toolchain]' brings ziglang; or name a compiler "
            "in DEEPLOY_CC (for this machine) or DEEPLOY_RISCV_CC (for siracusa)"
        )


def platform_dir(platform: str) -> Path:
    """The folder that implements the platform API for `platform` (`host`, `threads`, `siracusa`)."""
    folder = RUNTIME / "platforms" / platform
    if not folder.is_dir():
        known = ", ".join(sorted(p.name for p in folder.parent.iterdir() if p.is_dir()))
        raise DeeployError(f"no platform {platform!r}; there are: {known}")
    return folder


def platform_sources(platform: str) -> list[Path]:
    """The C and assembly files of a platform, sorted by name."""
    folder = platform_dir(platform)
    return sorted(p for p in folder.iterdir() if p.suffix in (".c", ".S"))


def platform_include_dirs(platform: str) -> list[Path]:
    """Include folders that code for a platform needs: the contract and the platform's `dm_port.h`."""
    return [RUNTIME / "include", platform_dir(platform)]


@dataclass(frozen=True)
class Toolchain:
    """A compiler with the flags that a target always needs.

    `flags` go before the sources, `link_flags` after them. `standard` and `warnings` are separate so that a caller
    may build third-party sources with others.
    """

    name: str
    command: tuple[str, ...]
    flags: tuple[str, ...] = ()
    link_flags: tuple[str, ...] = ()
    standard: str = "-std=c11"
    warnings: tuple[str, ...] = ("-Wall", "-Wextra")

    def arguments(
        self,
        sources: Sequence[Path],
        include_dirs: Sequence[Path],
        out: Path,
        *,
        opt: str = "-O3",
        defines: Mapping[str, str | int] | None = None,
        extra: Sequence[str] = (),
    ) -> list[str]:
        """The whole command line that compiles and links `sources` into `out`."""
        return [
            *self.command,
            self.standard,
            *self.warnings,
            opt,
            *self.flags,
            *(f"-D{name}={value}" for name, value in (defines or {}).items()),
            *(f"-I{d}" for d in include_dirs),
            *extra,
            *(str(s) for s in sources),
            *self.link_flags,
            "-o",
            str(out),
        ]

    def build(
        self,
        sources: Sequence[Path],
        include_dirs: Sequence[Path],
        out: Path,
        *,
        opt: str = "-O3",
        defines: Mapping[str, str | int] | None = None,
        extra: Sequence[str] = (),
        timeout: float = 600,
    ) -> str:
        """Compiles and links `sources` into `out`; returns the compiler's warnings (empty if there were none).

        Raises DeeployError with the compiler's messages if it fails or takes longer than `timeout` seconds, or if
        there is no compiler.
        """
        check_installed(self.command)
        command = self.arguments(sources, include_dirs, out, opt=opt, defines=defines, extra=extra)
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        except FileNotFoundError as e:
            raise DeeployError(f"C compiler not found: {self.command[0]}") from e
        except subprocess.TimeoutExpired as e:
            raise DeeployError(f"C compiler took more than {timeout:g} s: {shlex.join(command)}") from e
        if done.returncode != 0:
            raise DeeployError(f"C compiler failed: {shlex.join(command)}\n{done.stderr[-8000:]}")
        return done.stderr
