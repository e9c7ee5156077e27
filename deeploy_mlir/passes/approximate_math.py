"""`deeploy-approximate-math`: calls of elementary functions in C become calls of small approximations."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects import c

HEADER = "dm_fast.h"
APPROXIMATIONS = {f"dm_{name}f": f"dm_fast_{name}f" for name in ("exp", "tanh", "erf")}
"""A function of the runtime's dm_math.h, and what stands for it in dm_fast.h, where errors are stated."""


@dataclass(frozen=True)
class ApproximateMathPass(ModulePass):
    """Works on the C level, on every file; one that calls an approximation includes its header."""

    name = "deeploy-approximate-math"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for file in [inner for inner in op.walk() if isinstance(inner, c.FileOp)]:
            calls = [inner for inner in file.walk() if isinstance(inner, c.CallOpaqueOp)]
            found = [call for call in calls if call.callee.data in APPROXIMATIONS]
            for call in found:
                call.properties["callee"] = StringAttr(APPROXIMATIONS[call.callee.data])
            if found:
                includes = [inner for inner in file.body.block.ops if isinstance(inner, c.IncludeOp)]
                at = InsertPoint.after(includes[-1]) if includes else InsertPoint.at_start(file.body.block)
                Rewriter.insert_op(c.IncludeOp(HEADER), at)
