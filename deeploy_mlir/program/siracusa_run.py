"""Runs an output folder on the emulated Siracusa."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from deeploy_mlir.program.build_files import INCLUDES
from deeploy_mlir.program.code_size import code_bytes
from deeploy_mlir.program.execution import Execution, ExecutionError, Measurements, Runner
from deeploy_mlir.program.network import bind_inputs, from_bytes, to_bytes
from deeploy_mlir.program.output_folder import Manifest
from deeploy_mlir.simulators.siracusa.result import Result
from deeploy_mlir.simulators.siracusa.simulator import Simulator
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.targets.siracusa.toolchain import compile_image

L1, L2, WMEM = 0x10000000, 0x1C010000, 0x10800010
"""Where the linker script begins to fill the memories."""

WMEM_BYTES = 0x3FFFF0
"""Of the weight memory, from there on."""

CORE_STACK_BYTES = 1024
"""Of each cluster core, where the SoC's description says nothing."""

NETWORK_REGION = 0
"""The counter region that the test program puts around the network."""


def build(folder: Path, manifest: Manifest, image: Path) -> str:
    """Builds the test program as an image that only runs the network; returns the compiler's warnings."""
    sources = [folder / "main.c", *(folder / source for source in manifest.sources)]
    includes = [folder / include for include in INCLUDES]
    stack = CORE_STACK_BYTES if manifest.core_stack_bytes is None else manifest.core_stack_bytes
    return compile_image(sources, includes, image, defines={"DM_TEST_DIRECT": 1}, core_stack_bytes=stack).warnings


@contextmanager
def built(folder: Path, manifest: Manifest, *, max_cycles: int = 1 << 34) -> Generator[Runner]:
    """Builds the network once; what it gives runs it on arrays by input name, each time on a new simulator.

    A run raises ExecutionError if a core faults, the cores wait for each other for ever, or `max_cycles` are over."""
    with tempfile.TemporaryDirectory(prefix="deeploy-") as scratch:
        image = Path(scratch, f"{manifest.network.name}.elf")
        warnings = build(folder, manifest, image)
        data = image.read_bytes()
    yield lambda arrays: _run_image(data, manifest, arrays, max_cycles, warnings)


def _run_image(
    data: bytes, manifest: Manifest, arrays: Mapping[str, Array], max_cycles: int, warnings: str
) -> Execution:
    network = manifest.network
    inputs = to_bytes(network.inputs, bind_inputs(network, arrays))
    simulator = Simulator()
    elf = simulator.load(data)
    for index, blob in enumerate(inputs):
        symbol = f"{network.name}_input_{index}"
        if symbol in elf.symbols:  # the linker leaves out what no step reads
            simulator.write(elf.address_of(symbol), blob)
    result = simulator.run(max_cycles)
    if result.fault is not None or result.exit_code != 0:
        reason = result.fault or f"exit status {result.exit_code}"
        raise ExecutionError(f"the program did not run to its end: {reason}\n{result.stdout[-2000:]}".strip())
    blobs = [
        simulator.read(elf.address_of(f"{network.name}_output_{index}"), tensor.bytes) if tensor.bytes else b""
        for index, tensor in enumerate(network.outputs)
    ]
    return Execution(
        outputs=from_bytes(network.outputs, blobs),
        platform="siracusa",
        code_bytes=code_bytes(data),
        linked={
            "l1": elf.address_of("__dm_l1_end") - L1,
            "l2": elf.address_of("__dm_l2_end") - L2,
            "wmem": elf.loaded_bytes(WMEM, WMEM_BYTES),
        },
        measured=_measurements(result),
        stdout=result.stdout,
        warnings=warnings,
    )


def _measurements(result: Result) -> Measurements:
    """Of the network alone; the cluster's cores do nothing outside it but start."""
    host = result.regions[NETWORK_REGION].host
    if host is None:
        raise ValueError("the host core did not pass the network's region")
    cores = (*result.cores, host)
    return Measurements(
        cycles=host.cycles,
        instructions=tuple(core.instructions for core in cores),
        stalls=tuple(asdict(core.stalls) for core in cores),
        dma_bytes_in=host.dma_bytes_in,
        dma_bytes_out=host.dma_bytes_out,
        dma_busy_cycles=host.dma_busy_cycles,
    )
