"""`deeploy-remove-dead-globals`: constants that nothing reads leave the module, with their loads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, SymbolRefAttr
from xdsl.dialects.ml_program import GlobalLoadConstantOp, GlobalOp
from xdsl.ir import Attribute, Operation
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter


@dataclass(frozen=True)
class RemoveDeadGlobalsPass(ModulePass):
    """Keeps mutable globals and whatever any operation refers to by symbol."""

    name = "deeploy-remove-dead-globals"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in list(op.walk()):
            if isinstance(inner, GlobalLoadConstantOp) and inner.result.first_use is None:
                Rewriter.erase_op(inner)
        used = {name for inner in op.walk() for name in _symbols(inner)}
        for inner in list(op.body.block.ops):
            if isinstance(inner, GlobalOp) and inner.is_mutable is None and inner.sym_name.data not in used:
                Rewriter.erase_op(inner)


def _symbols(op: Operation) -> set[str]:
    """Names of the symbols that an operation's own attributes refer to, in arrays too."""
    pending: list[Attribute] = [*op.attributes.values(), *op.properties.values()]
    found: set[str] = set()
    while pending:
        attribute = pending.pop()
        if isinstance(attribute, SymbolRefAttr):
            found.add(attribute.string_value())
        elif isinstance(attribute, ArrayAttr):
            pending += cast(ArrayAttr[Attribute], attribute)
        elif isinstance(attribute, DictionaryAttr):
            pending += attribute.data.values()
    return found
