"""Runs command lines of this package one by one, each in a process of its own with a limit, and says what they took.

A program: reads a line of JSON for each, `[tool, argument, ...]`, and answers with one. The package is imported once,
its passes too, and each command runs in a fork."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from deeploy_mlir.universe import UNIVERSE

SECONDS = 20
BYTES = 3 << 30
"""Far beyond what is allowed, so that a test fails and the machine does not."""


@dataclass(frozen=True)
class Outcome:
    """Exit status (negative: the signal), processor seconds, most bytes in memory, and all that was printed."""

    status: int
    seconds: float
    bytes: int
    text: str


class Commands:
    """The program, asked command by command."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, *words: str | Path) -> Outcome:
        """Runs `deeploy` or `deeploy-opt`, the first word, with the rest as arguments."""
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        to.write(json.dumps([str(word) for word in words]) + "\n")
        to.flush()
        return Outcome(**json.loads(back.readline()))


@contextmanager
def limited_commands(folder: Path) -> Generator[Commands]:
    """The program in this folder."""
    command = [sys.executable, __file__]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Commands(process)
        assert process.stdin is not None
        process.stdin.close()


def _child(words: Sequence[str], write: int) -> int:
    """Runs the command with its output into the pipe; the exit status as `sys.exit` would give it."""
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    os.dup2(write, 1)
    os.dup2(write, 2)
    from deeploy_mlir import cli
    from deeploy_mlir.tools import deeploy_opt

    try:
        if words[0] == "deeploy":
            return cli.main(words[1:])
        sys.argv = list(words)
        deeploy_opt.main()
        return 0
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException as error:
        print(f"Traceback: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _run(words: Sequence[str]) -> dict[str, Any]:
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        os._exit(_child(words, write))
    os.close(write)
    with open(read, "rb") as pipe:
        text = pipe.read().decode(errors="replace")
    _, status, usage = os.wait4(child, 0)
    seconds = usage.ru_utime + usage.ru_stime
    return {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "bytes": usage.ru_maxrss << 10,
        "text": text,
    }


def _serve(lines: IO[str]) -> None:
    for module in ("deeploy_mlir.frontend", "deeploy_mlir.tools.deeploy_opt"):
        import_module(module)  # once, before the forks
    for load in UNIVERSE.all_passes.values():
        load()
    for line in lines:
        print(json.dumps(_run(json.loads(line))), flush=True)


if __name__ == "__main__":
    _serve(sys.stdin)
