"""Compiling and running printed C with the compilers of this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror")
"""What generated code is clean under."""


def compilers() -> list[tuple[str, ...]]:
    """The commands of the C compilers that are here: cc if there is one, and zig's clang."""
    found: list[tuple[str, ...]] = [(sys.executable, "-m", "ziglang", "cc")]
    system = shutil.which("gcc") or shutil.which("cc")
    return [(system,), *found] if system is not None else found


def run_c(
    folder: Path, sources: Mapping[str, str], *, compiler: Sequence[str] | None = None, flags: Sequence[str] = ()
) -> str:
    """Writes, compiles (warnings are errors) and runs C files; gives what the program prints.

    Raises AssertionError with the compiler's or the program's messages, and the sources, if either fails."""
    for name, text in sources.items():
        (folder / name).write_text(text)
    files = [name for name in sources if name.endswith(".c")]
    command = [*(compiler or compilers()[0]), *WARNINGS, *flags, *files, "-o", "program", "-lm"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    text = "\n".join(sources.values())
    assert built.returncode == 0, f"{' '.join(command)}:\n{built.stderr}\n{text}"
    ran = subprocess.run([folder / "program"], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, f"status {ran.returncode}:\n{ran.stderr}\n{text}"
    return ran.stdout
