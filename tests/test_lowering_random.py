"""Random operators under random plans, lowered level by level: tiles of any size, any loop order, any buffering.

The planner has no part in it, so every plan that the levels allow is tried, not only those that are worth it.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DenseArrayBase,
    FunctionType,
    IntAttr,
    ModuleOp,
    StringAttr,
    SymbolRefAttr,
    TensorType,
    i64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.dialects.tensor import EmptyOp
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.rewriter import Rewriter

from deeploy_mlir.dialects.kernel import MapOp, SplitAttr, element_type_of_value, identity_body
from deeploy_mlir.dialects.tiled import BuffersAttr, HomeAttr, NestOp, nest_around, set_home
from deeploy_mlir.dialects.tiled import EmptyOp as TiledEmptyOp
from deeploy_mlir.interpreters.kernel import run_kernel_op
from deeploy_mlir.interpreters.run import RunOptions, run_module
from deeploy_mlir.ir.kernel_on_memrefs import kernel_on
from deeploy_mlir.passes.verify_plan import verify_plan
from deeploy_mlir.space.work_split import ONE_CORE, CoreSplit, core_splits
from deeploy_mlir.support.numpy_types import Array
from deeploy_mlir.testing.kernel_cases import KernelCase
from deeploy_mlir.testing.random_kernels import RANDOM_KERNELS

from .network_levels import run_passes

LOWERING = ("convert-tiled-to-mem", "deeploy-insert-dma", "deeploy-pipeline-dma", "convert-mem-to-cluster")
MOST_TILES = 30
MEMORIES = "l2", "l1"
L1_BYTES = 200_000
CORES = 8
QUICK, MANY = 12, 300
"""Operators of each family by default, and among the slow tests."""


def on_tensors(case: KernelCase) -> tuple[ModuleOp, list[Array]]:
    """A network of the case's operator, and its inputs. One that writes only a part of its output gets the rest from
    a copy of one more input."""
    partial = isinstance(case.op, MapOp) and case.op.out_offsets is not None
    arrays = list(case.arrays if partial else case.arrays[:-1])
    elements = [element_type_of_value(v) for v in case.op.operands_accessed]
    types: list[Attribute] = [TensorType(e, a.shape) for e, a in zip(elements, case.arrays, strict=True)]
    block = Block(arg_types=types[: len(arrays)])
    empty = EmptyOp([], types[-1])
    block.add_op(empty)
    out: SSAValue = empty.tensor
    if partial:
        identity = AffineMapAttr(AffineMap.identity(case.arrays[-1].ndim))
        maps: dict[str, Attribute | None] = {"maps": ArrayAttr([identity])}
        body = identity_body(elements[-1], elements[-1])
        block.add_op(copy := MapOp([block.args[-1]], out, layer="copy", body=body, properties=maps))
        out = copy.results[0]
    operands = [*block.args[: len(case.arrays) - 1], out]
    block.add_op(kernel := kernel_on(case.op, operands, None))
    block.add_op(ReturnOp(kernel.results[0]))
    function = FuncOp("net", FunctionType.from_lists(types[: len(arrays)], types[-1:]), Region(block))
    return ModuleOp([function], sym_name=StringAttr("net")), arrays


def give_random_plan(nest: NestOp, rng: np.random.Generator) -> None:
    """Tiles, an order and buffers for each level; in place, through one buffer or through two."""
    fused = nest.fused_space()
    space = fused.space
    extents = tuple(space.sizes)
    tiles = list(extents)
    for level, memory in zip(nest.levels, MEMORIES[-len(nest.levels) :], strict=True):
        innermost = level.inner is None
        for d in (int(i) for i in rng.permutation(list(space.tileable))):
            size = int(rng.integers(1, extents[d] + 1)) if extents[d] else 0
            trial = [size if i == d else t for i, t in enumerate(tiles)]
            if size and prod(space.trips(trial)) <= (MOST_TILES if innermost else MOST_TILES // 4):
                tiles = trial
        cut = [i for i, (t, size) in enumerate(zip(tiles, extents, strict=True)) if t < size]
        offset, buffers = 0, list[BuffersAttr]()
        for number, access in enumerate(space.accesses):
            places: list[int] = []
            depth = int(innermost) if number in fused.makers else int(rng.integers(0, 3))
            # What is farther away than one DMA goes comes nearer first.
            for _ in range(depth if innermost or number in fused.makers else max(1, depth)):
                places.append(offset)
                offset += -(-access.tile_bytes(tiles) // 8) * 8
            buffers.append(BuffersAttr.through(memory, places) if places else BuffersAttr.in_place())
        assert offset <= L1_BYTES
        level.tiles = DenseArrayBase.from_list(i64, [max(t, 1) for t in tiles])
        level.loop_order = DenseArrayBase.from_list(i64, [int(d) for d in rng.permutation(cut)])
        level.buffers = ArrayAttr(buffers)
        level.cycles = IntAttr(1)
        extents = tuple(max(t, 1) for t in tiles)
    for kernel, stage, sizes in zip(nest.kernels, fused.stages, fused.stage_sizes(tiles), strict=True):
        # The planner shares no dimension of one element either: beside a group's, its share could not be told.
        any_dim = [CoreSplit((d,), (CORES,)) for d in stage.space.tileable if stage.space.sizes[d] > 1]
        splits = [ONE_CORE, *any_dim, *core_splits(stage.space, sizes, CORES)]
        kernel.engine = SymbolRefAttr("cluster")
        kernel.split = SplitAttr.of(splits[int(rng.integers(len(splits)))])


def give_homes(module: ModuleOp, memory: str = "l2") -> None:
    """Every tensor is an array of its own in a memory."""
    for op in module.walk():
        if isinstance(op, FuncOp):
            for argument in op.args:
                set_home(argument, HomeAttr.at(memory))
        elif isinstance(op, TiledEmptyOp) and not isinstance(op.parent_op(), NestOp):
            op.home = HomeAttr.at(memory)


def check(case: KernelCase, rng: np.random.Generator, nested: bool = False) -> None:
    """Every level computes what the operator means; `nested`: each nest in another one, from a memory farther away."""
    module, arrays = on_tensors(case)
    expected = run_kernel_op(case.op, case.parts())
    target = "siracusa-l3" if nested else "siracusa"
    run_passes(module, f'deeploy-attach-soc{{target="{target}"}},convert-kernel-to-tiled')
    np.testing.assert_array_equal(run_module(module, arrays)[0], expected)
    for nest in [n for n in module.walk() if isinstance(n, NestOp)]:
        if nested:
            around = nest_around(nest)
            Rewriter.replace_op(nest, around)
            nest = around
        give_random_plan(nest, rng)
    give_homes(module, "l3" if nested else "l2")
    module.verify()
    np.testing.assert_array_equal(run_module(module, arrays)[0], expected)
    for name in LOWERING:
        run_passes(module, name)
        for options in (RunOptions(), RunOptions(copy_at_start=True, reverse_cores=True)):
            np.testing.assert_array_equal(run_module(module, arrays, options=options)[0], expected, err_msg=name)
    verify_plan(module)


def seeds() -> list[Any]:
    return [pytest.param(seed, marks=[] if seed < QUICK else [pytest.mark.slow]) for seed in range(MANY)]


@pytest.mark.parametrize("family", RANDOM_KERNELS)
@pytest.mark.parametrize("seed", seeds())
def test_random_operators_under_random_plans(family: str, seed: int) -> None:
    rng = np.random.default_rng([seed, len(family)])
    check(RANDOM_KERNELS[family](rng), rng)


@pytest.mark.parametrize("family", RANDOM_KERNELS)
@pytest.mark.parametrize("seed", seeds())
def test_random_operators_under_random_plans_of_two_levels(family: str, seed: int) -> None:
    rng = np.random.default_rng([seed, len(family), 2])
    check(RANDOM_KERNELS[family](rng), rng, nested=True)
