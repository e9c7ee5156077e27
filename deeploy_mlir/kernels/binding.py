"""Kernel bindings: what can run a kernel on an engine, what it asks of tiles, and what it costs.

A target's package has a module `kernels` with a tuple `BINDINGS`. Of those that accept a kernel the one with the least
modelled cycles is taken (`kernels.choice`); a target of another package, or a vendor's library, adds bindings of its
own in the same way.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.base import KernelOp


class KernelBinding(abc.ABC):
    """One way to run kernels on an engine."""

    engine: str
    """Name of the engine in the SoC's description."""

    @abc.abstractmethod
    def accepts(self, op: KernelOp) -> bool | str:
        """True if it can run the kernel, else False or the reason why not."""

    def multiples(self, op: KernelOp) -> tuple[int, ...]:
        """For each dimension: what tile sizes should be a multiple of (the whole dimension always will do)."""
        return (1,) * len(op.iteration_space().dims)

    @abc.abstractmethod
    def cost(self, op: KernelOp, cores: int) -> Callable[[Sequence[int]], int]:
        """The modelled cycles of a tile of given dimension sizes, shared by `cores` cores."""

    def cycles(self, op: KernelOp, sizes: Sequence[int], cores: int) -> int:
        """The modelled cycles of one tile."""
        return self.cost(op, cores)(sizes)

    @abc.abstractmethod
    def function(self, op: KernelOp, name: str) -> c.FuncOp:
        """The C function for a kernel on memrefs (see `kernels.generated` for its arguments)."""
