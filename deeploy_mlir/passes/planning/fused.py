"""Several kernels in one step: one implementation of each, on the tiles that the nest's tiles make for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice, product

from deeploy_mlir.passes.planning.problem import BARRIERS_CYCLES, TILE_CYCLES, Implementation
from deeploy_mlir.space.fusion import FusedSpace, Stage
from deeploy_mlir.space.tile_constraints import TileConstraints
from deeploy_mlir.space.work_split import CoreSplit

MAX_COMBINATIONS = 16
"""Combinations of implementations that are tried for a step."""


@dataclass(frozen=True)
class FusedImplementation(Implementation):
    """An implementation for each kernel of a nest. Its cycles are those of all of them, halos that are computed again
    included, and of the barriers between."""

    kernels: tuple[Implementation, ...] = ()
    stage_sizes: Callable[[Sequence[int]], Sequence[Sequence[int]]] = field(default=lambda sizes: (), compare=False)
    """The sizes of each kernel's tile for those of the nest's."""

    @classmethod
    def of(cls, fused: FusedSpace, tensors: Sequence[int], kernels: Sequence[Implementation]) -> FusedImplementation:
        """`kernels` has one for each stage of the space, `tensors` a number for each slot."""
        given = kernels[-1].constraints
        stages = tuple(
            Stage(kernel.space or stage.space, stage.slots) for kernel, stage in zip(kernels, fused.stages, strict=True)
        )
        numbers = list(tensors)
        for kernel, stage in zip(kernels, stages, strict=True):
            for slot, number in zip(stage.slots, kernel.tensors or (), strict=False):
                numbers[slot] = number

        def cycles(sizes: Sequence[int], split: CoreSplit) -> int:
            each = sum(k.tile_cycles(part) for k, part in zip(kernels, fused.stage_sizes(sizes), strict=True))
            return each + (len(kernels) - 1) * (BARRIERS_CYCLES // 2 + TILE_CYCLES)

        def scratch(sizes: Sequence[int]) -> int:
            return max(k.scratch(part) for k, part in zip(kernels, fused.stage_sizes(sizes), strict=True))

        def fits(sizes: Sequence[int]) -> bool:
            *before, last = zip(kernels, fused.stages, fused.stage_sizes(sizes), strict=True)
            alone = last[0].constraints.fits
            return (alone is None or alone(sizes)) and all(
                _takes(kernel.constraints, stage.space.sizes, part) for kernel, stage, part in before
            )

        return cls(
            " + ".join(kernel.name for kernel in kernels),
            cycles,
            kernels[-1].engine,
            constraints=TileConstraints(given.multiples, given.maxima, given.whole, fits),
            multiples=kernels[-1].multiples,
            space=None if stages == fused.stages else FusedSpace(stages).space,
            tensors=tuple(numbers),
            cores=max(kernel.cores for kernel in kernels),
            scratch=scratch,
            kernels=tuple(kernels),
            stage_sizes=fused.stage_sizes,
        )

    def choices(self, sizes: Sequence[int]) -> tuple[tuple[Implementation, CoreSplit], ...]:
        parts = zip(self.kernels, self.stage_sizes(sizes), strict=True)
        return tuple((kernel, kernel.best_split(part)) for kernel, part in parts)


def _takes(constraints: TileConstraints, extents: Sequence[int], sizes: Sequence[int]) -> bool:
    """Whether a kernel takes the tiles that others make for it: `sizes` at most, and any less at the borders."""
    multiples = constraints.multiples or (1,) * len(sizes)
    for size, extent, multiple in zip(sizes, extents, multiples, strict=True):
        if size != extent and multiple > 1:
            return False
    return constraints.allows(sizes, extents)


def combinations(
    fused: FusedSpace, tensors: Sequence[int], kernels: Sequence[Sequence[Implementation]]
) -> tuple[Implementation, ...]:
    """The implementations of a step, whose slots are these tensors, from those of each of its kernels."""
    if len(kernels) == 1:
        return tuple(kernels[0])
    return tuple(FusedImplementation.of(fused, tensors, each) for each in islice(product(*kernels), MAX_COMBINATIONS))
