"""Cycles of one tile of a kernel on the cores of an engine, where its binding states no model of its own.

Figures for scalar RV32IMC kernels as generated: rough, but they rank tilings, since the share of the slowest core is
exact."""

from __future__ import annotations

from collections.abc import Sequence

from deeploy_mlir.dialects.kernel import ConvOp, KernelOp, MapOp, PoolOp, RowOp
from deeploy_mlir.iteration_space import IterationSpace, split_evenly
from deeploy_mlir.work_split import core_split_dim

CALL_CYCLES = 250
"""Calling a kernel and filling the instruction cache with it."""


def core_share(space: IterationSpace, sizes: Sequence[int], cores: int) -> tuple[int, ...]:
    """Sizes of the largest part of a tile that one core computes."""
    share = list(sizes)
    dim = core_split_dim(space, sizes, cores) if cores > 1 else None
    if dim is not None:
        share[dim] = split_evenly(share[dim], cores)
    return tuple(share)


def cycles_an_iteration(kernel: KernelOp) -> float:
    """Cycles of one multiply-accumulate or element in the innermost loops."""
    if isinstance(kernel, ConvOp) and kernel.depthwise:
        return 9.0
    if isinstance(kernel, RowOp):
        return 25.0
    if isinstance(kernel, MapOp):
        return 4.0 + 2.0 * len(kernel.ins)
    return 4.0 if isinstance(kernel, PoolOp) else 5.0


def kernel_cycles(kernel: KernelOp, space: IterationSpace, sizes: Sequence[int], cores: int) -> int:
    """Cycles of the slowest core for a tile of these dimension sizes."""
    share = core_share(space, sizes, cores)
    outputs = 1
    for size in space.output.tile_shape(share):
        outputs *= size
    epilogue = 4.0 + 2.0 * (len(kernel.body.block.ops) if kernel.body is not None else 0)
    return round(CALL_CYCLES + space.macs(share) * cycles_an_iteration(kernel) + outputs * epilogue)
