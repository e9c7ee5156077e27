"""The `cluster` dialect: code that all cores of an engine run.

    cluster.run @cluster {
    ^bb0(%core: index):
      …
      cluster.barrier
    }

The region is *resident*: the cores are forked once, run it from beginning to end, each with its own number, and meet at
barriers. Values are each core's own; memory is shared.
"""

from __future__ import annotations

from xdsl.dialects.builtin import IndexType, SymbolRefAttr
from xdsl.ir import BlockArgument, Dialect, Region
from xdsl.irdl import IRDLOperation, ParsePropInAttrDict, irdl_op_definition, prop_def, region_def, traits_def
from xdsl.traits import EffectInstance, MemoryEffect, MemoryEffectKind, NoTerminator, RecursiveMemoryEffect
from xdsl.utils.exceptions import VerifyException


class BarrierEffects(MemoryEffect):
    """A barrier orders all memory accesses around it."""

    @classmethod
    def get_effects(cls, op: object) -> set[EffectInstance]:
        return {EffectInstance(MemoryEffectKind.READ), EffectInstance(MemoryEffectKind.WRITE)}


@irdl_op_definition
class RunOp(IRDLOperation):
    """Runs its region on all cores of an engine and returns when all are done."""

    name = "cluster.run"
    engine = prop_def(SymbolRefAttr)
    body = region_def("single_block")
    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(NoTerminator(), RecursiveMemoryEffect())
    assembly_format = "$engine attr-dict `do` $body"

    def __init__(self, engine: SymbolRefAttr, body: Region) -> None:
        super().__init__(properties={"engine": engine}, regions=[body])

    @property
    def core(self) -> BlockArgument:
        """The number of the core that runs."""
        return self.body.block.args[0]

    def verify_(self) -> None:
        if [a.type for a in self.body.block.args] != [IndexType()]:
            raise VerifyException("cluster.run: the region takes the core's number, an index")


@irdl_op_definition
class BarrierOp(IRDLOperation):
    """Waits for all cores of the region."""

    name = "cluster.barrier"
    traits = traits_def(BarrierEffects())
    assembly_format = "attr-dict"

    def verify_(self) -> None:
        parent = self.parent_op()
        while parent is not None and not isinstance(parent, RunOp):
            parent = parent.parent_op()
        if parent is None:
            raise VerifyException("cluster.barrier: outside of a cluster.run")


Cluster = Dialect("cluster", [RunOp, BarrierOp])
