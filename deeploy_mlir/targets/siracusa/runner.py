"""Runs a built test program on the emulated Siracusa."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from deeploy_mlir.machine.running import ExecutionError, Job, Measurements, Outcome
from deeploy_mlir.simulators.siracusa.result import Result
from deeploy_mlir.simulators.siracusa.simulator import Simulator

L1, L2, WMEM = 0x10000000, 0x1C010000, 0x10800010
"""Where the linker script begins to fill the memories."""

WMEM_BYTES = 0x3FFFF0
"""Of the weight memory, from there on."""

NETWORK_REGION = 0
"""The counter region that the test program puts around the network."""


MAX_CYCLES = 1 << 34
"""After which a run is stopped."""


def run_image(image: Path, job: Job) -> Outcome:
    """Runs the image once, on a new simulator.

    Raises ExecutionError if a core faults, the cores wait for each other for ever, or `MAX_CYCLES` are over."""
    simulator = Simulator(job.cores)
    elf = simulator.load(image.read_bytes())
    for symbol, data in job.inputs:
        if symbol in elf.symbols:  # the linker leaves out what no step reads
            simulator.write(elf.address_of(symbol), data)
    result = simulator.run(MAX_CYCLES)
    if result.fault is not None or result.exit_code != 0:
        reason = result.fault or f"exit status {result.exit_code}"
        first, _, rest = str(reason).partition("\n")
        details = "\n".join(filter(None, (rest, result.stdout[-2000:].strip())))
        raise ExecutionError(f"the program did not run to its end: {first}", details=details)
    return Outcome(
        outputs=tuple(simulator.read(elf.address_of(symbol), size) if size else b"" for symbol, size in job.outputs),
        stdout=result.stdout,
        measured=_measurements(result),
        linked={
            "l1": elf.address_of("__dm_l1_end") - L1,
            "l2": elf.address_of("__dm_l2_end") - L2,
            "wmem": elf.loaded_bytes(WMEM, WMEM_BYTES),
        },
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
