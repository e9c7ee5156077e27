"""The cross compilers for Siracusa's images."""

from __future__ import annotations

from deeploy_mlir.machine.toolchain import CLANG_STACK_FLAG, GCC_FOR_CORES, ZIG_CC, Toolchain

MCPU = "-mcpu=rocket_rv32-a-d+m+c+f"
"""RV32IMFC, scheduled for an in-order pipeline: 5 to 40 % fewer cycles of kernels than with generic_rv32."""

ARCHITECTURE = ("-march=rv32imfc", "-mabi=ilp32f")
"""Without `_zicsr`, which f implies: with it GCC 12 picks the 64-bit libgcc."""

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
        flags=("-target", "riscv32-freestanding-none", MCPU, "-mabi=ilp32f", *FLAGS),
        link_flags=("-Wl,--gc-sections",),
        stack_flag=CLANG_STACK_FLAG,
    ),
    Toolchain(
        "gcc",
        ("riscv64-unknown-elf-gcc",),
        flags=(*ARCHITECTURE, *FLAGS, *GCC_FOR_CORES),
        link_flags=("-nostdlib", "-nostartfiles", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments", "-lgcc"),
    ),
    # Distributions bring no compiler-rt for it: builtins.c has what it would call.
    Toolchain(
        "clang",
        ("clang",),
        flags=("--target=riscv32-unknown-elf", *ARCHITECTURE, *FLAGS, "-DDM_BUILTINS"),
        link_flags=("-nostdlib", "-fuse-ld=lld", "-Wl,--gc-sections"),
        needs=("ld.lld",),
        stack_flag=CLANG_STACK_FLAG,
    ),
)
