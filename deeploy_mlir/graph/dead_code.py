"""Erasing what a network does not need: operations nobody uses, constants nobody reads."""

from __future__ import annotations

from xdsl.dialects import func, ml_program
from xdsl.dialects.builtin import ModuleOp
from xdsl.traits import is_side_effect_free


def erase_dead(module: ModuleOp) -> None:
    """Erase operations without effect whose results nobody uses, and globals that nobody reads."""
    used: set[str] = set()
    for function in [op for op in module.ops if isinstance(op, func.FuncOp)]:
        for op in list(reversed(list(function.body.block.ops))):
            loads = isinstance(op, ml_program.GlobalLoadConstantOp)
            if all(not result.uses.get_length() for result in op.results) and (loads or is_side_effect_free(op)):
                if op.results:
                    op.detach()
                    op.erase()
                    continue
            if isinstance(op, ml_program.GlobalLoadConstantOp):
                used.add(op.global_attr.string_value())
    for op in list(module.ops):
        if isinstance(op, ml_program.GlobalOp) and op.sym_name.data not in used:
            op.detach()
            op.erase()
