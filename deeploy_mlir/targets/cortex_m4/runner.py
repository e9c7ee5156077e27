"""Runs a built test program on the emulated board."""

from __future__ import annotations

from pathlib import Path

from deeploy_mlir.machine.running import ExecutionError, Job, Measurements, Outcome
from deeploy_mlir.simulators.cortex_m.emulator import Emulator, MemoryMap

BOARD = MemoryMap(code=(0x00000000, 4 << 20), ram=(0x20000000, 4 << 20))
"""Of Arm's MPS2 with the image AN386, as link.ld has it."""

CONSTANTS = 0x00040000
"""Where link.ld puts the network's constants."""

NETWORK_REGION = 0
"""The region that the test program puts around the network."""

UNICORN_CORTEX_M4 = 2
"""The model's number: UC_CPU_ARM_CORTEX_M4."""


def run_image(image: Path, job: Job) -> Outcome:
    """Runs the image once, on a new core.

    Raises DeeployError without unicorn; ExecutionError if the core faults or is not done in time."""
    emulator = Emulator(UNICORN_CORTEX_M4, BOARD)
    elf = emulator.load(image.read_bytes())
    for symbol, data in job.inputs:
        if symbol in elf.symbols:  # the linker leaves out what no step reads
            emulator.write(elf.address_of(symbol), data)
    result = emulator.run(job.seconds, job.steps)
    if result.fault is not None or result.exit_code != 0:
        reason = result.fault or f"exit status {result.exit_code}"
        details = result.stdout[-2000:].strip()
        raise ExecutionError(f"the program did not run to its end: {reason}", details=details)
    constants = elf.address_of("__dm_flash_end") - CONSTANTS
    return Outcome(
        outputs=tuple(emulator.read(elf.address_of(symbol), size) if size else b"" for symbol, size in job.outputs),
        stdout=result.stdout,
        measured=Measurements(instructions=(result.regions[NETWORK_REGION],), steps=result.functions),
        linked={"ram": elf.address_of("__dm_ram_end") - BOARD.ram[0], "flash": constants},
    )
