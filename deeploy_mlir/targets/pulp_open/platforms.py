"""PULP-open, emulated, and its cluster on the threads of this machine: Siracusa's C with memories of other sizes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from deeploy_mlir.machine.host import THREADS
from deeploy_mlir.simulators.siracusa.simulator import Machine
from deeploy_mlir.targets.siracusa.platforms import SECTIONS, SIRACUSA
from deeploy_mlir.targets.siracusa.runner import Emulation

MACHINE = Machine(l1_bytes=64 << 10, l2_bytes=512 << 10, weight_memory_bytes=0, neureka=False)

PULP_OPEN = replace(
    SIRACUSA,
    name="pulp-open",
    folder=Path(__file__).parent / "platform",
    shared=(SIRACUSA.folder, *SIRACUSA.shared),
    run=Emulation(MACHINE, l2=0x1C000000).run,
    sections={memory: SECTIONS[memory] for memory in ("l1", "l2")},
    linker_script="pulp_open.ld",
)

PLATFORMS = (PULP_OPEN, THREADS)
