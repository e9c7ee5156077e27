"""Siracusa, emulated, and its cluster on the threads of this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from deeploy_mlir.machine.host import THREADS
from deeploy_mlir.machine.platform import Platform, Section
from deeploy_mlir.machine.toolchain import FREESTANDING
from deeploy_mlir.targets.siracusa.runner import Emulation
from deeploy_mlir.targets.siracusa.toolchain import COMPILERS


def _in(section: str) -> str:
    return f'__attribute__((section("{section}")))'


# The names start with .bss so that compilers emit no bytes for them; link.ld keeps them out of the zeroed range.
SECTIONS = {
    "l1": Section(_in(".bss.dm_l1"), _in(".bss.dm_l1")),
    "l2": Section("", _in(".bss.dm_l2_noinit")),
    "wmem": Section(_in(".wmem"), _in(".wmem")),
}

SIRACUSA = Platform(
    "siracusa",
    Path(__file__).parent / "platform",
    COMPILERS,
    Emulation().run,
    sections=SECTIONS,
    linker_script="link.ld",
    variable="DEEPLOY_RISCV_CC",
    shared=(FREESTANDING,),
)

ON_THREADS = replace(THREADS, folder=Path(__file__).parent / "threads", shared=THREADS.folders)
"""With a model of N-EUREKA."""

PLATFORMS = (SIRACUSA, ON_THREADS)
