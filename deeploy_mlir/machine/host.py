"""Platforms that any target can use: this machine as one core, and a cluster on its threads."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deeploy_mlir.machine.platform import Platform
from deeploy_mlir.machine.running import ExecutionError, Job, Outcome
from deeploy_mlir.machine.toolchain import CLANG_STACK_FLAG, GCC_FOR_CORES, ONE_CORE, RUNTIME, ZIG_CC, Toolchain

_SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1",
}


def run_program(program: Path, job: Job) -> Outcome:
    """Runs a test program that takes its data from files."""
    with tempfile.TemporaryDirectory(prefix="deeploy-") as scratch:
        source, sink = Path(scratch, "inputs.bin"), Path(scratch, "outputs.bin")
        source.write_bytes(b"".join(data for _, data in job.inputs))
        stdout = _execute([str(program), str(source), str(sink)], job.seconds)
        data = sink.read_bytes()
    outputs: list[bytes] = []
    for _, size in job.outputs:
        outputs.append(data[:size])
        data = data[size:]
    return Outcome(tuple(outputs), stdout)


def _execute(command: Sequence[str], timeout: float) -> str:
    """Runs the program; returns what it printed. A ThreadSanitizer that cannot place its shadow memory because of
    address randomisation is started again without it."""
    environment = {**os.environ, **{k: v for k, v in _SANITIZER_OPTIONS.items() if k not in os.environ}}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=timeout, env=environment, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ExecutionError(f"the program took more than {timeout:g} s") from error
    if "unexpected memory mapping" in done.stderr and command[0] != "setarch" and shutil.which("setarch"):
        return _execute(["setarch", "-R", *command], timeout)
    if done.returncode != 0:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit status {done.returncode}"
        raise ExecutionError(f"the program ended with {how}", details=done.stderr[-6000:].strip())
    return done.stdout


HOSTED = RUNTIME / "platforms" / "host"
"""C for platforms on this machine: what they need of its C library."""

THREADS_LIBRARY = RUNTIME / "platforms" / "threads"
"""C for platforms on the threads of this machine (`threads.h`): cores, barrier, DMA engines, and units for whatever
else works beside the cores. It needs `HOSTED`."""

COMPILERS = (
    Toolchain("cc", ("cc",), link_flags=("-lm",)),
    Toolchain("gcc", ("gcc",), link_flags=("-lm",)),
    Toolchain("clang", ("clang",), link_flags=("-lm",), stack_flag=CLANG_STACK_FLAG),
    Toolchain("zig", ZIG_CC, link_flags=("-lm",), stack_flag=CLANG_STACK_FLAG),
)

HOST = Platform("host", HOSTED, COMPILERS, run_program, is_host=True, shared=(ONE_CORE,))
"""One core and one memory; transfers are complete when they start."""

CORES_FLAGS = {"cc": (*GCC_FOR_CORES, "-Wno-ignored-optimization-argument"), "gcc": GCC_FOR_CORES}
"""By compiler; `cc` may be a clang, which has no such optimisation."""

THREADS = Platform(
    "threads",
    THREADS_LIBRARY,
    tuple(replace(compiler, flags=(*compiler.flags, *CORES_FLAGS.get(compiler.name, ()))) for compiler in COMPILERS),
    run_program,
    flags=("-pthread",),
    is_host=True,
    shared=(HOSTED,),
)
"""A cluster, a thread a core and one for each direction of the DMA; all memories are the host's."""
