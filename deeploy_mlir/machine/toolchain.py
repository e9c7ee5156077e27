"""How C sources become an image or a shared object: compiler commands as data."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from deeploy_mlir.support.errors import DeeployError

RUNTIME = Path(__file__).resolve().parent.parent / "runtime"
"""The C side that is copied into output folders: `include/`, `kernels/`, platforms for any target, and in `shared/`
what platforms build on."""

FREESTANDING = RUNTIME / "shared" / "freestanding"
"""C for platforms without a C library: the functions that compilers call by themselves, and constants of math.h."""

ONE_CORE = RUNTIME / "shared" / "one_core"
"""C for platforms of one core: a cluster of that alone, and a DMA that copies at once."""

ZIG = (sys.executable, "-m", "ziglang")
ZIG_CC = (*ZIG, "cc")
"""The C compiler of the `ziglang` package (the extra `toolchain`), which needs nothing else on the machine."""

CLANG_STACK_FLAG = "-fstack-size-section"

GCC_FOR_CORES = ("-fno-predictive-commoning",)
"""What gcc needs for code that several cores run: else, at -O3, it reads elements beside those that a loop writes and
writes them back, which undoes what another core wrote there."""

INSTALL_ZIG = "pip install 'deeploy-mlir[toolchain]' brings ziglang"


def check_installed(command: Sequence[str]) -> None:
    """Raises DeeployError that says how to install ziglang if `command` is ziglang's and the package is not there."""
    if tuple(command) == ZIG_CC and find_spec("ziglang") is None:
        raise DeeployError(f"there is no C compiler for it: {INSTALL_ZIG}; docs/using.md says how to name another")


@dataclass(frozen=True)
class Toolchain:
    """A compiler with the flags that a platform always needs.

    `name` is how users choose it, a word that its command holds. `flags` go before the sources, `link_flags` after
    them. `needs` are further programs that it calls. `stack_flag` makes it tell the stack of
    each function (see `object_files`). `standard` and `warnings` are separate so that a caller may build
    third-party sources with others.
    """

    name: str
    command: tuple[str, ...]
    flags: tuple[str, ...] = ()
    link_flags: tuple[str, ...] = ()
    standard: str = "-std=c11"
    warnings: tuple[str, ...] = ("-Wall", "-Wextra")
    needs: tuple[str, ...] = ()
    stack_flag: str = "-fstack-usage"

    @property
    def is_here(self) -> bool:
        """Whether this machine has it."""
        if self.command[: len(ZIG)] == ZIG:
            return find_spec("ziglang") is not None
        return all(shutil.which(program) for program in (self.command[0], *self.needs))

    def arguments(
        self,
        sources: Sequence[Path],
        include_dirs: Sequence[Path],
        out: Path,
        *,
        opt: str = "-O3",
        defines: Mapping[str, str | int] | None = None,
        extra: Sequence[str] = (),
        link_flags: Sequence[str] | None = None,
    ) -> list[str]:
        """The whole command line that compiles and links `sources` into `out`; `link_flags` in place of its own."""
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
            *(self.link_flags if link_flags is None else link_flags),
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
        link_flags: Sequence[str] | None = None,
        timeout: float = 600,
    ) -> str:
        """Compiles and links `sources` into `out`; returns the compiler's warnings (empty if there were none).

        Raises DeeployError with the compiler's messages if it fails or takes longer than `timeout` seconds, or if
        there is no compiler.
        """
        check_installed(self.command)
        command = self.arguments(
            sources, include_dirs, out, opt=opt, defines=defines, extra=extra, link_flags=link_flags
        )
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        except FileNotFoundError as e:
            raise DeeployError(f"C compiler not found: {self.command[0]}") from e
        except subprocess.TimeoutExpired as e:
            raise DeeployError(f"C compiler took more than {timeout:g} s: {shlex.join(command)}") from e
        if done.returncode != 0:
            raise DeeployError(f"C compiler failed: {shlex.join(command)}", details=done.stderr[-8000:])
        return done.stderr


def chosen(compilers: Sequence[Toolchain], variable: str, platform: str) -> Toolchain:
    """The compiler that an environment variable names, by a command that holds one of the names (of several the last,
    as of `cc` and `gcc`); else the first that this machine has.

    Raises DeeployError if there is none, or a command of none of these kinds."""
    names = ", ".join(compiler.name for compiler in compilers)
    command = os.environ.get(variable)
    if command:
        like = [compiler for compiler in compilers if compiler.name in command]
        same = len({(compiler.flags, compiler.link_flags) for compiler in compilers}) == 1
        if not like and not same:
            raise DeeployError(f"{variable}={command}: the flags for {platform} are known for {names}, not for this")
        return replace((like or compilers)[-1], name=command, command=tuple(shlex.split(command)))
    here = next((compiler for compiler in compilers if compiler.is_here), None)
    if here is None:
        raise DeeployError(f"no C compiler for {platform} ({names}): {INSTALL_ZIG}; {variable} may name another")
    return here
