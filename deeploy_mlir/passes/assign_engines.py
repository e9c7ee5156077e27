"""`deeploy-assign-engines`: every kernel gets the engine that runs it, by modelled cycles."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr
from xdsl.passes import ModulePass

from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.machine.registry import system_of


@dataclass(frozen=True)
class AssignEnginesPass(ModulePass):
    """The targets so far have one engine each that runs every kernel."""

    name = "deeploy-assign-engines"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        engine = SymbolRefAttr(system_of(op).engines[0].symbol)
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp) and k.engine is None]:
            kernel.engine = engine
