"""Builds `images/*.elf` from the sources here, with Debian 12's gcc-riscv64-unknown-elf 12.2.

The images are kept because cycles belong to machine code: GVSoC's figures in tests/test_simulator_timing.py were
measured on exactly these, and another compiler places loops differently in cache lines. Needed again only if a source
changes, and then the figures have to be measured again too.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLAGS = ["-march=rv32imc_zicsr", "-mabi=ilp32", "-O2", "-w", "-ffreestanding", "-nostdlib", "-nostartfiles", "-s"]

IMAGES: dict[str, list[str]] = {
    "hello": ["hello.c"],
    "matmul": ["matmul.c"],
    "dot": ["dot.c", "dot_loops.S"],
    "loads": ["loads.c"],
    "simd": ["-DRPT=20000", "simd.c", "dot_loops.S"],
    "micro_code": ["-DPART=8192+8", "micro.c"],
    "micro_dma": ["-DPART=32768+65536+131072+8", "micro.c"],
    "micro_parallel": ["-DPART=4+8", "micro.c"],
    "neureka_1x1_32": ["-DKS=1", "-DKI=32", "-DKO=32", "neureka.c"],
    "neureka_1x1_64": ["-DKS=1", "neureka.c"],
    "neureka_3x3_32": ["-DKS=3", "-DPAD=1", "-DKI=32", "-DKO=32", "neureka.c"],
    "neureka_3x3_64": ["-DKS=3", "neureka.c"],
    "neureka_depthwise_56": ["-DKS=3", "-DPAD=1", "-DKI=56", "-DKO=56", "neureka_depthwise.c"],
}
"""Image -> macros and sources."""


def main() -> None:
    """Builds every image; the compiler has to be on the path."""
    for name, arguments in IMAGES.items():
        out = HERE / "images" / f"{name}.elf"
        command = ["riscv64-unknown-elf-gcc", *FLAGS, "-T", "link.ld", "crt0.S", "rt.c", *arguments, "-o", str(out)]
        subprocess.run(command, cwd=HERE, check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
