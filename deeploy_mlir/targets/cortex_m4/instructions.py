"""The DSP extension of Arm's M profile (Cortex-M4, M7, M33, ...), through the intrinsics of ACLE."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerType, Signedness, i8, i16, i32

from deeploy_mlir.kernels.instructions import Instruction, InstructionTable, Intrinsic, Register
from deeploy_mlir.kernels.instructions import meanings as means

UI8 = IntegerType(8, Signedness.UNSIGNED)
WORD, BYTES, HALVES = Register(i32), Register(i8, 4), Register(i16, 2)
ACLE = "arm_acle.h"


def _saturations() -> list[Instruction]:
    """SSAT and USAT, whose bound is a power of two."""
    result: list[Instruction] = []
    for bits in range(2, 32):
        half = 1 << (bits - 1)
        for name, low, width in (("ssat", -half, bits), ("usat", 0, bits - 1)):
            code = Intrinsic(f"__{name}", ACLE, (width,))
            result.append(Instruction(f"{name} {width}", (WORD,), WORD, (means.clip(low, half - 1),), code))
    return result


def _widenings() -> list[Instruction]:
    """SXTB16 and UXTB16: two of four bytes as halfwords, the others after a rotation, which is part of the
    instruction."""
    result: list[Instruction] = []
    for name, element in (("sxtb16", i8), ("uxtb16", UI8)):
        for rotation, lanes in ((0, (0, 2)), (8, (1, 3))):
            meaning = tuple(means.lane_as(element, 4, lane, i16) for lane in lanes)
            code = Intrinsic(f"__{name}", ACLE, rotated=rotation)
            text = f"{name} ror {rotation}" if rotation else name
            result.append(Instruction(text, (Register(element, 4),), HALVES, meaning, code))
    return result


def _lanewise() -> list[Instruction]:
    """Additions and subtractions of each pair of lanes, which wrap."""
    result: list[Instruction] = []
    for register, bits in ((BYTES, 8), (HALVES, 16)):
        for operation in ("add", "sub"):
            lanes = range(register.lanes)
            meaning = tuple(means.lanewise(operation, register.element, register.lanes, lane) for lane in lanes)
            code = Intrinsic(f"__s{operation}{bits}", ACLE)
            result.append(Instruction(f"s{operation}{bits}", (register, register), register, meaning, code))
    return result


SMLAD = Instruction(
    "smlad", (HALVES, HALVES), WORD, (means.dot(i16, i16, 2),), Intrinsic("__smlad", ACLE), accumulates=True
)

ARM_DSP = InstructionTable(
    "arm-dsp", "defined(__ARM_FEATURE_DSP)", (SMLAD, *_widenings(), *_saturations(), *_lanewise())
)

TABLES = (ARM_DSP,)
