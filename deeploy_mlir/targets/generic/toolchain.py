"""The host compiler: `DEEPLOY_CC`, the system's `cc`, or ziglang where there is none."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deeploy_mlir.machine.toolchain import ZIG_CC, Toolchain, platform_include_dirs, platform_sources


@dataclass(frozen=True)
class HostBinary:
    """A shared object or an executable for this machine, and the compiler's warnings while building it."""

    path: Path
    warnings: str


def toolchain() -> Toolchain:
    """The host toolchain in use."""
    chosen = os.environ.get("DEEPLOY_CC")
    if chosen:
        return Toolchain(name=chosen, command=tuple(shlex.split(chosen)), link_flags=("-lm",))
    cc = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if cc:
        return Toolchain(name=Path(cc).name, command=(cc,), link_flags=("-lm",))
    return Toolchain(name="zig", command=ZIG_CC, link_flags=("-lm",))


def compile_image(
    sources: Sequence[Path],
    include_dirs: Sequence[Path],
    out: Path,
    *,
    opt: str = "-O3",
    defines: Mapping[str, str | int] | None = None,
    platform: str = "host",
    shared: bool = True,
    sanitize: Sequence[str] = (),
    extra: Sequence[str] = (),
) -> HostBinary:
    """Compiles `sources` with a platform (`host` or `threads`) into the shared object or executable `out`.

    `sanitize`: names for -fsanitize= (`address`, `undefined`, `thread`); then symbols and frame pointers are kept.
    An executable needs a `main` among the sources. Raises DeeployError with the compiler's messages.
    """
    flags: list[str] = []
    if shared:
        flags += ["-shared", "-fPIC"]
    if platform == "threads":
        flags.append("-pthread")
    if sanitize:
        flags += [f"-fsanitize={','.join(sanitize)}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]
    warnings = toolchain().build(
        [*sources, *platform_sources(platform)],
        [*platform_include_dirs(platform), *include_dirs],
        out,
        opt=opt,
        defines=defines,
        extra=[*flags, *extra],
    )
    return HostBinary(out, warnings)
