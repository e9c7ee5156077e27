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


@dataclass(frozen=True)
class InsertDmaPass(ModulePass):
    """A copy within one memory stays a copy."""

    name = "deeploy-insert-dma"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for copy in [o for o in op.walk() if isinstance(o, CopyOp)]:
            source, destination = cast(MemRef, copy.source.type), cast(MemRef, copy.destination.type)
            if memory_of(source) == memory_of(destination):
                continue
            start = StartOp(copy.source, copy.destination, copy.condition)
            Rewriter.replace_op(copy, [start, WaitOp(start.token)], [])
