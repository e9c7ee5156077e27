"""Kernel bindings: choice by cost, multiples, and a cost model that behaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from xdsl.dialects.builtin import StringAttr

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.kernels.binding import KernelBinding
from deeploy_mlir.kernels.choice import accepting, bindings_of, chosen, library_bindings
from deeploy_mlir.machine.registry import load_soc, target_names
from deeploy_mlir.space.iteration_space import Access, Axis, Dim, DimKind, IterationSpace
from deeploy_mlir.space.work_split import ONE_CORE, CoreSplit, core_splits
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.testing.random_kernels import RANDOM_KERNELS


def space_of(*sizes: int) -> IterationSpace:
    """Parallel dimensions, each an axis of the output."""
    dims = tuple(Dim(f"d{i}", DimKind.PARALLEL, s) for i, s in enumerate(sizes))
    axes = tuple(Axis(tuple(int(i == j) for j in range(len(sizes))), 0, s) for i, s in enumerate(sizes))
    return IterationSpace(dims, (Access(axes, 1, written=True),))


@pytest.mark.parametrize(
    ("sizes", "dim"), [((16, 64), 0), ((25, 64), 1), ((3, 5), 1), ((8, 8, 8), 0), ((1, 7), 1), ((1, 1), 0)]
)
def test_cores_split_the_best_balanced_dimension(sizes: tuple[int, ...], dim: int):
    assert core_splits(space_of(*sizes), sizes, 8)[0].dims[0] == dim


def test_cores_leave_rows_of_padded_windows_whole():
    """An image [h, w, c] and its output: columns are shared only where nothing else comes near."""

    def depthwise(height: int, width: int, channels: int) -> IterationSpace:
        sizes = (height, width, channels)
        dims = (*(Dim(n, DimKind.PARALLEL, s) for n, s in zip("hwc", sizes, strict=True)), Dim("k", DimKind.WINDOW, 3))
        image = (
            Axis((1, 0, 0, 1), -1, height, True),
            Axis((0, 1, 0, 1), -1, width, True),
            Axis((0, 0, 1, 0), 0, channels),
        )
        out = [Axis(tuple(int(i == j) for j in range(4)), 0, s) for i, s in enumerate(sizes)]
        return IterationSpace(dims, (Access(image, 1), Access(tuple(out), 1, written=True)))

    def shared(height: int, width: int, channels: int) -> int:
        """The best single dimension."""
        splits = core_splits(depthwise(height, width, channels), (height, width, channels, 3), 8)
        return next(split.dims[0] for split in splits if len(split.dims) == 1)

    assert depthwise(16, 16, 16).inner_window_dims == {1}
    assert shared(16, 16, 16) == 0
    assert shared(12, 24, 16) == 2
    assert shared(9, 24, 12) == 2
    assert shared(3, 24, 5) == 1


def test_nothing_to_split():
    reduced = IterationSpace((Dim("k", DimKind.REDUCTION, 9),), (Access((), 1, written=True),))
    assert core_splits(reduced, (9,), 8) == (ONE_CORE,)


def test_two_dimensions_are_shared_where_none_is_balanced_by_itself():
    assert core_splits(space_of(4, 6), (4, 6), 8)[0] == CoreSplit((0, 1), (4, 2))
    assert all(len(split.dims) == 1 for split in core_splits(space_of(4, 64), (4, 64), 8))


def test_share_of_the_slowest_core():
    assert CoreSplit((1,), (8,)).largest_share((25, 64)) == [25, 8]
    assert CoreSplit((0, 1), (4, 2)).largest_share((25, 63)) == [7, 32]
    assert ONE_CORE.largest_share((25, 64)) == [25, 64]


@pytest.mark.parametrize("target", ["generic", "siracusa"])
@pytest.mark.parametrize("kind", list(RANDOM_KERNELS))
def test_costs_grow_with_the_tile_and_shrink_with_cores(kind: str, target: str):
    rng = np.random.default_rng(3)
    for _ in range(20):
        op = RANDOM_KERNELS[kind](rng).op
        space = op.iteration_space()
        binding = library_bindings(target)[0]
        cost = binding.cost(op)
        whole = cost(space.sizes, ONE_CORE)
        # Small parts share less of what they load, so that tiny ones may cost as much as the whole.
        limit = whole * 1.1 + 200
        for split in binding.splits(op, space.sizes, 8):
            assert 0 < cost(space.sizes, split) <= limit
        for d in space.tileable:
            half = [max(1, s // 2) if i == d else s for i, s in enumerate(space.sizes)]
            assert cost(half, ONE_CORE) <= limit
        assert len(binding.multiples(op)) == len(space.dims)


@dataclass(frozen=True)
class Fixed(KernelBinding):
    """A binding with a given answer."""

    name: str = "fixed"
    engine: str = "core"
    answer: bool | str = True

    def accepts(self, op: KernelOp) -> bool | str:
        return self.answer

    def cost(self, op: KernelOp) -> Callable[[Sequence[int], CoreSplit], int]:
        return lambda sizes, split: 1

    def emit(self, op: KernelOp, name: str) -> c.FuncOp:
        return c.FuncOp(name, [])


def matmul() -> KernelOp:
    return RANDOM_KERNELS["matmul"](np.random.default_rng(0)).op


def test_all_that_accept_and_are_for_the_engine():
    found = (Fixed("a"), Fixed("b", answer=False), Fixed("c", engine="npu"), Fixed("d"))
    assert accepting(matmul(), found, ["core"]) == (found[0], found[3])
    assert accepting(matmul(), found, ["npu"]) == (found[2],)


def test_reasons_are_told():
    with pytest.raises(DeeployError, match=r"fc.*fixed: int8 only"):
        accepting(matmul(), (Fixed(answer="int8 only"),), ["core"])
    with pytest.raises(DeeployError, match="no binding is for engine @gpu"):
        accepting(matmul(), (Fixed(),), ["gpu"])


def test_the_one_that_stands_on_the_kernel():
    op, found = matmul(), (Fixed("a"), Fixed("b"))
    with pytest.raises(DeeployError, match="run deeploy-plan first"):
        chosen(op, found)
    op.binding = StringAttr("b")
    assert chosen(op, found) is found[1]
    op.binding = StringAttr("c")
    with pytest.raises(DeeployError, match="no kernel binding 'c'; there are: a, b"):
        chosen(op, found)


def test_targets_have_bindings():
    assert all(bindings_of(load_soc(target)) for target in target_names())
