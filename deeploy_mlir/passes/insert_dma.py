"""`deeploy-insert-dma`: copies between two memories become transfers, each waited for at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from deeploy_mlir.dialects.dma import StartOp, WaitOp
from deeploy_mlir.dialects.mem import CopyOp, MemRef, memory_of
from deeploy_mlir.machine.registry import system_of
from deeploy_mlir.support.errors import DeeployError


@dataclass(frozen=True)
class InsertDmaPass(ModulePass):
    """A copy within one memory stays a copy. Raises DeeployError where no DMA connects the two memories."""

    name = "deeploy-insert-dma"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        system = system_of(op)
        for copy in [o for o in op.walk() if isinstance(o, CopyOp)]:
            source, destination = (memory_of(cast(MemRef, v.type)) for v in (copy.source, copy.destination))
            if source == destination:
                continue
            dma = system.dma_between(source, destination)
            if dma is None:
                raise DeeployError(f"no DMA of {system.system_name} copies from @{source} to @{destination}")
            start = StartOp(dma.engine_name, copy.source, copy.destination, copy.condition)
            Rewriter.replace_op(copy, [start, WaitOp(start.token)], [])
