"""`deeploy-insert-offload`: kernels of asynchronous engines become jobs, each waited for at once."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.dialects.offload import StartOp, WaitOp
from deeploy_mlir.machine.registry import system_of


@dataclass(frozen=True)
class InsertOffloadPass(ModulePass):
    """A kernel of an engine that is not asynchronous stays as it is."""

    name = "deeploy-insert-offload"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        asynchronous = {engine.symbol for engine in system_of(op).engines if engine.asynchronous}
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp) and k.engine is not None]:
            engine = kernel.engine
            if engine is None or engine.root_reference.data not in asynchronous:
                continue
            if isinstance(kernel.parent_op(), StartOp):
                continue
            start = StartOp(engine, kernel.clone())
            Rewriter.replace_op(kernel, [start, WaitOp(start.token)], [])
