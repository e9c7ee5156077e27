"""Minima, maxima and clips of scalar bodies that are instructions of a table."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, i32
from xdsl.ir import Operation, SSAValue

from deeploy_mlir.kernels.instructions import Instruction, InstructionTable, Register
from deeploy_mlir.kernels.instructions import meanings as means

WORD = Register(i32)


@dataclass(frozen=True)
class Found:
    """An instruction that computes an operation's result, and what it takes."""

    instruction: Instruction
    operands: tuple[SSAValue, ...]


@dataclass(frozen=True)
class Saturations:
    """What a table has for the operations of scalar bodies."""

    table: InstructionTable

    def of(self, op: Operation) -> Found | None:
        """The instruction for a minimum or maximum of i32, or a clip that ends in it; None if there is none."""
        if not isinstance(op, arith.MinSIOp | arith.MaxSIOp) or op.result.type != i32 or self.is_part(op):
            return None
        if (clip := self._clip(op)) is not None:
            return clip
        meaning = means.minimum() if isinstance(op, arith.MinSIOp) else means.maximum()
        found = self.table.find((WORD, WORD), WORD, (meaning,))
        return None if found is None else Found(found, (op.lhs, op.rhs))

    def is_part(self, op: Operation) -> bool:
        """Whether the operation is the first half of a clip, whose second half computes both."""
        if not isinstance(op, arith.MinSIOp | arith.MaxSIOp) or op.result.type != i32:
            return False
        users = {use.operation for use in op.result.uses}
        return len(users) == 1 and self._clip(users.pop()) is not None

    def _clip(self, op: Operation) -> Found | None:
        """The instruction for min(max(x, low), high) or max(min(x, high), low), if `op` is the outer one."""
        if not isinstance(op, arith.MinSIOp | arith.MaxSIOp) or op.result.type != i32:
            return None
        inner, outer = op.lhs.owner, _constant(op.rhs)
        if not isinstance(inner, arith.MinSIOp | arith.MaxSIOp) or type(inner) is type(op):
            return None
        if outer is None or (first := _constant(inner.rhs)) is None or len(list(inner.result.uses)) != 1:
            return None
        low, high = (first, outer) if isinstance(op, arith.MinSIOp) else (outer, first)
        if low > high:
            return None
        found = self.table.find((WORD,), WORD, (means.clip(low, high),))
        return None if found is None else Found(found, (inner.lhs,))


def _constant(value: SSAValue) -> int | None:
    owner = value.owner
    if isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr):
        return owner.value.value.data
    return None
