"""What the C functions of instructions are called."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.kernels.instructions import Instruction, InstructionTable


def function_name(table: InstructionTable, instruction: Instruction) -> str:
    """The C function that is an instruction of a table, as `instruction_functions` makes it."""
    return "dm_" + re.sub(r"\W+", "_", f"{table.name}_{instruction.name}").lower()


def emit_call(
    b: CBuilder, table: InstructionTable, instruction: Instruction, place: SSAValue, sources: Sequence[SSAValue]
) -> None:
    """Computes an instruction into a place of i32, from 32-bit values."""
    old = [b.load(place)] if instruction.accumulates else []
    b.assign(place, b.call_value(function_name(table, instruction), [*sources, *old], i32, pure=True))
