"""Xpulpv2 on the RI5CY cores of the PULP family, in assembly that every assembler for RV32IMC takes."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import IntegerType, Signedness, i8, i16, i32
from xdsl.ir import Region

from deeploy_mlir.kernels.instructions import Assembly, HardwareLoop, Instruction, InstructionTable, Register
from deeploy_mlir.kernels.instructions import meanings as means

UI8, UI16 = (IntegerType(bits, Signedness.UNSIGNED) for bits in (8, 16))
WORD = Register(i32)

ALU, SIMD = 0x33, 0x57
"""Major opcodes."""


def _r_type(opcode: int, funct3: int, funct7: int, rs2: str = "%[b]") -> Assembly:
    return Assembly(f".insn r {opcode:#x}, {funct3}, {funct7:#x}, %[d], %[a], {rs2}")


def _scalar(name: str, funct3: int, meaning: Region) -> Instruction:
    return Instruction(name, (WORD, WORD), WORD, (meaning,), _r_type(ALU, funct3, 2))


def _clips() -> list[Instruction]:
    """p.clip and p.clipu, whose bound is a power of two."""
    result: list[Instruction] = []
    for bits in range(2, 32):
        high = (1 << (bits - 1)) - 1
        for name, funct3, low in (("p.clip", 1, -high - 1), ("p.clipu", 2, 0)):
            code = _r_type(ALU, funct3, 10, f"x{bits}")
            result.append(Instruction(f"{name} {bits}", (WORD,), WORD, (means.clip(low, high),), code))
    return result


def _dots() -> list[Instruction]:
    """The accumulating dot products of four bytes or two halfwords; of mixed ones the first is unsigned."""
    result: list[Instruction] = []
    for suffix, funct3, lanes, signed, unsigned in (("b", 1, 4, i8, UI8), ("h", 0, 2, i16, UI16)):
        for name, funct7, a, b in (
            ("pv.sdotsp", 0x5C, signed, signed),
            ("pv.sdotusp", 0x54, unsigned, signed),
            ("pv.sdotup", 0x50, unsigned, unsigned),
        ):
            sources = (Register(a, lanes), Register(b, lanes))
            meaning = (means.dot(a, b, lanes),)
            code = _r_type(SIMD, funct3, funct7)
            result.append(Instruction(f"{name}.{suffix}", sources, WORD, meaning, code, accumulates=True))
    return result


def _lanewise() -> list[Instruction]:
    """Operations on each pair of lanes."""
    result: list[Instruction] = []
    kinds: tuple[tuple[str, str, int, Callable[[IntegerType, IntegerType], IntegerType]], ...] = (
        ("add", "add", 0x00, lambda signed, unsigned: signed),
        ("sub", "sub", 0x04, lambda signed, unsigned: signed),
        ("min", "min", 0x10, lambda signed, unsigned: signed),
        ("minu", "min", 0x14, lambda signed, unsigned: unsigned),
        ("max", "max", 0x18, lambda signed, unsigned: signed),
        ("maxu", "max", 0x1C, lambda signed, unsigned: unsigned),
    )
    for suffix, funct3, lanes, signed, unsigned in (("b", 1, 4, i8, UI8), ("h", 0, 2, i16, UI16)):
        for name, operation, funct7, choose in kinds:
            element = choose(signed, unsigned)
            register = Register(element, lanes)
            meaning = tuple(means.lanewise(operation, element, lanes, lane) for lane in range(lanes))
            code = _r_type(SIMD, funct3, funct7)
            result.append(Instruction(f"pv.{name}.{suffix}", (register, register), register, meaning, code))
    return result


MAC = Instruction("p.mac", (WORD, WORD), WORD, (means.multiply_accumulate(),), _r_type(ALU, 0, 0x21), accumulates=True)

LOOP = HardwareLoop(
    # lp.setup 0, to the last instruction, in units of two bytes.
    begin=lambda count, length: (".option push", ".option norvc", f".insn i 0x7b, 4, x0, {count}, {2 * length}"),
    end=(".option pop",),
    load=lambda word, pointer: f".insn i 0x0b, 2, {word}, {pointer}, 4",
    setup_cycles=1,
    registers=19,
    words=("t0", "t1", "t2", "t3", "t4", "t5", "t6"),
)
"""p.lw with post-increment, and the first of the two hardware loops, which no compiler at hand uses."""

XPULPV2 = InstructionTable(
    "xpulpv2",
    "defined(__riscv) && __riscv_xlen == 32",
    (
        _scalar("p.min", 4, means.minimum()),
        _scalar("p.max", 6, means.maximum()),
        *_clips(),
        MAC,
        *_dots(),
        *_lanewise(),
    ),
    LOOP,
)

TABLES = (XPULPV2,)
