"""The cross compilers for a Cortex-M4 with FPU."""

from __future__ import annotations

from deeploy_mlir.machine.toolchain import CLANG_STACK_FLAG, ZIG_CC, Toolchain

MCPU = "-mcpu=cortex_m4+vfp4d16sp"
"""As zig has it, a cortex_m4 alone is one without FPU."""

FLAGS = (
    "-ffreestanding",
    "-fomit-frame-pointer",
    "-fno-strict-aliasing",
    "-ffunction-sections",
    "-fdata-sections",
    "-g",
)

COMPILERS = (
    Toolchain(
        "zig",
        ZIG_CC,
        flags=("-target", "thumb-freestanding-eabihf", MCPU, *FLAGS),
        link_flags=("-Wl,--gc-sections",),
        stack_flag=CLANG_STACK_FLAG,
    ),
    Toolchain(
        "gcc",
        ("arm-none-eabi-gcc",),
        flags=("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", *FLAGS),
        link_flags=("-nostdlib", "-nostartfiles", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments", "-lgcc"),
    ),
)
