"""Runs an output folder on this machine: plain, on threads, or under sanitizers."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deeploy_mlir.program.build_files import INCLUDES
from deeploy_mlir.program.code_size import code_bytes
from deeploy_mlir.program.execution import Execution, ExecutionError, Runner
from deeploy_mlir.program.network import bind_inputs, from_bytes, to_bytes
from deeploy_mlir.program.output_folder import Manifest
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.targets.generic.toolchain import compile_image

SANITIZERS = ("address", "undefined", "thread")

_SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1",
}


def build(folder: Path, manifest: Manifest, program: Path, platform: str, sanitize: Sequence[str] = ()) -> str:
    """Builds the test program that takes files; returns the compiler's warnings."""
    unknown = [name for name in sanitize if name not in SANITIZERS]
    if unknown:
        raise DeeployError(f"no sanitizer '{unknown[0]}'; there are: {', '.join(SANITIZERS)}")
    image = compile_image(
        [folder / "main.c", *(folder / source for source in manifest.sources)],
        [folder / include for include in INCLUDES],
        program,
        opt="-O1" if sanitize else "-O3",
        defines={"DM_TEST_FILES": 1},
        platform=platform,
        shared=False,
        sanitize=sanitize,
    )
    return image.warnings


@contextmanager
def built(
    folder: Path, manifest: Manifest, *, platform: str = "host", sanitize: Sequence[str] = (), timeout: float = 600
) -> Generator[Runner]:
    """Builds the network once; what it gives runs it on arrays by input name, any number of times.

    A run raises ExecutionError if the program fails, is stopped by a sanitizer or takes longer than `timeout` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="deeploy-") as scratch:
        program = Path(scratch, "program")
        warnings = build(folder, manifest, program, platform, sanitize)
        size = code_bytes(program.read_bytes())

        def run_once(arrays: Mapping[str, Array]) -> Execution:
            network = manifest.network
            source, sink = Path(scratch, "inputs.bin"), Path(scratch, "outputs.bin")
            source.write_bytes(b"".join(to_bytes(network.inputs, bind_inputs(network, arrays))))
            stdout = _execute([str(program), str(source), str(sink)], timeout)
            data = sink.read_bytes()
            blobs: list[bytes] = []
            for tensor in network.outputs:
                blobs.append(data[: tensor.bytes])
                data = data[tensor.bytes :]
            return Execution(
                outputs=from_bytes(network.outputs, blobs),
                platform=platform,
                code_bytes=size,
                stdout=stdout,
                warnings=warnings,
            )

        yield run_once


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
        raise ExecutionError(f"the program ended with {how}\n{done.stderr[-6000:].strip()}")
    return done.stdout
