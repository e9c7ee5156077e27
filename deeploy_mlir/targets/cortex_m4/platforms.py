"""A Cortex-M4 with the memories of Arm's MPS2 board, emulated."""

from __future__ import annotations

from pathlib import Path

from deeploy_mlir.machine.platform import Platform, Section
from deeploy_mlir.machine.toolchain import FREESTANDING, ONE_CORE
from deeploy_mlir.targets.cortex_m4.runner import run_image
from deeploy_mlir.targets.cortex_m4.toolchain import COMPILERS

SECTIONS = {
    # Begins with .bss so that compilers emit no bytes for it; link.ld keeps it out of the zeroed range.
    "ram": Section("", '__attribute__((section(".bss.dm_ram_noinit")))'),
    # With const and no other section's name a compiler may still say that it is read only.
    "flash": Section('__attribute__((section(".rodata.dm_flash")))', '__attribute__((section(".rodata.dm_flash")))'),
}

CORTEX_M4 = Platform(
    "cortex-m4",
    Path(__file__).parent / "platform",
    COMPILERS,
    run_image,
    sections=SECTIONS,
    linker_script="link.ld",
    variable="DEEPLOY_ARM_CC",
    shared=(FREESTANDING, ONE_CORE),
)

PLATFORMS = (CORTEX_M4,)
