"""Instructions as C functions: as assembly or intrinsic where the compiler knows them, else as what they mean.

    static inline int32_t dm_xpulpv2_p_mac(int32_t a, int32_t b, int32_t d)

The old value of a result that is read too comes last."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerType, Signedness, i32
from xdsl.ir import SSAValue

from deeploy_mlir.dialects import c
from deeploy_mlir.ir.c_builder import CBuilder
from deeploy_mlir.kernels.generated.instruction_names import function_name
from deeploy_mlir.kernels.generated.scalar_body import ScalarBody
from deeploy_mlir.kernels.instructions import Instruction, InstructionTable, Register

UI32 = IntegerType(32, Signedness.UNSIGNED)
WORDS = ("static", "inline", "__attribute__((unused))")
"""A function may be used in one of two ways of a `c.if_defined` only."""


def functions_called(table: InstructionTable, function: c.FuncOp) -> list[c.FuncOp]:
    """The functions of the instructions that a function calls, new ones, in the order of the table."""
    called = {op.callee.data for op in function.walk() if isinstance(op, c.CallOpaqueOp)}
    return [instruction_function(table, i) for i in table.instructions if function_name(table, i) in called]


def instruction_function(table: InstructionTable, instruction: Instruction) -> c.FuncOp:
    """The function of an instruction."""
    names = [*instruction.names, *(["d"] if instruction.accumulates else [])]
    function = c.FuncOp(function_name(table, instruction), [(n, i32) for n in names], i32, WORDS)
    assert function.block is not None
    b, given = CBuilder(function.block), list(function.block.args)
    place = b.var("result", i32, given[-1] if instruction.accumulates else None)
    with b.if_defined(table.condition) as otherwise:
        instruction.emit(b, place, given[: len(instruction.sources)])
    with b.at(otherwise):
        b.assign(place, meaning_in_c(b, instruction, given))
    b.return_(b.load(place))
    return function


def meaning_in_c(b: CBuilder, instruction: Instruction, words: Sequence[SSAValue]) -> SSAValue:
    """What an instruction means, on i32 values of which each is a register."""
    lanes = [lane for word, r in zip(words, instruction.read, strict=True) for lane in _lanes(b, word, r)]
    body, result = ScalarBody(b), instruction.result
    values = [body.inline(region, lanes) for region in instruction.meaning]
    if result.lanes == 1 and c.bit_width(result.element) == 32:
        return b.cast(values[0], i32)
    total: SSAValue | None = None
    bits = result.element.bitwidth
    for number, value in enumerate(values):
        part = b.shl(b.and_(b.cast(value, UI32), (1 << bits) - 1), bits * number)
        total = part if total is None else b.or_(total, part)
    assert total is not None
    return b.cast(total, i32)


def _lanes(b: CBuilder, word: SSAValue, register: Register) -> list[SSAValue]:
    bits = register.element.bitwidth
    return [b.cast(b.shr(word, bits * lane), register.element) for lane in range(register.lanes)]
