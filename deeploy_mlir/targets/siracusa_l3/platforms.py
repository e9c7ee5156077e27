"""Siracusa with an L3, emulated, and its cluster on the threads of this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from deeploy_mlir.machine.platform import Section
from deeploy_mlir.simulators.siracusa.simulator import Machine
from deeploy_mlir.targets.siracusa.platforms import ON_THREADS, SECTIONS, SIRACUSA
from deeploy_mlir.targets.siracusa.runner import Emulation

L3 = Section('__attribute__((section(".l3")))', '__attribute__((section(".bss.dm_l3")))')
"""Loaded with the image, or not at all; nothing zeroes it, since no core reaches it."""

SIRACUSA_L3 = replace(
    SIRACUSA,
    name="siracusa-l3",
    folder=Path(__file__).parent / "platform",
    run=Emulation(Machine(l3_bytes=1 << 24)).run,
    sections={**SECTIONS, "l3": L3},
    linker_script="link_l3.ld",
    shared=(SIRACUSA.folder, *SIRACUSA.shared),
)

PLATFORMS = (SIRACUSA_L3, ON_THREADS)
