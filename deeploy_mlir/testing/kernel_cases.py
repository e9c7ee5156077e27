"""A `kernel` operator with its operands, whole or a tile of it, for tests and benchmarks of what runs kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    IndexType,
    IntAttr,
    IntegerType,
    MemRefType,
    NoneAttr,
    Signedness,
    StridedLayoutAttr,
    TensorType,
    UnitAttr,
    i32,
)
from xdsl.ir import Attribute, Block, SSAValue

from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.space.iteration_space import Region as TileRegion
from deeploy_mlir.support.numpy_types import Array, element_type_of, numpy_dtype

i8, ui8, i16 = IntegerType(8), IntegerType(8, Signedness.UNSIGNED), IntegerType(16)
Rng = np.random.Generator


@dataclass(frozen=True)
class KernelCase:
    """An operator on memrefs and the contents of its operands (`ins`, `extras`, `out`).

    `arrays` are the underlying whole arrays; the operands are the parts that start at `starts` (all 0 unless a tile)
    and have the sizes `shapes`. `origins` belong to a local operator."""

    op: KernelOp
    arrays: tuple[Array, ...]
    starts: tuple[tuple[int, ...], ...]
    shapes: tuple[tuple[int, ...], ...]
    origins: tuple[int, ...] = ()
    owner: Block = field(default_factory=Block, repr=False)
    """Keeps the operands alive."""

    def parts(self) -> list[Array]:
        """The operands: views of the arrays."""
        return [
            a[tuple(slice(s, s + n) for s, n in zip(start, shape, strict=True))]
            for a, start, shape in zip(self.arrays, self.starts, self.shapes, strict=True)
        ]


def random_array(rng: Rng, element_type: Attribute, shape: Sequence[int]) -> Array:
    """Values over the whole range of narrow integers, small ones otherwise."""
    dtype = numpy_dtype(element_type)
    if dtype.kind == "f":
        return rng.standard_normal(tuple(shape)).astype(dtype)
    if dtype.itemsize == 1:
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, tuple(shape), dtype, endpoint=True)
    low = 0 if dtype.kind == "u" else -1000
    return rng.integers(low, 1000, tuple(shape)).astype(dtype)


def _memref(array: Array) -> MemRefType[Attribute]:
    return MemRefType(element_type_of(array.dtype), list(array.shape))


def make_case(
    build: Callable[[list[SSAValue], list[SSAValue], SSAValue], KernelOp],
    ins: Sequence[Array],
    extras: Sequence[Array],
    out: Array,
) -> KernelCase:
    """A whole operator on memrefs of the arrays."""
    arrays = (*ins, *extras, out)
    block = Block(arg_types=[_memref(a) for a in arrays])
    values: list[SSAValue] = list(block.args)
    op = build(values[: len(ins)], values[len(ins) : -1], values[-1])
    op.verify()
    starts = tuple((0,) * a.ndim for a in arrays)
    return KernelCase(op, tuple(arrays), starts, tuple(a.shape for a in arrays), owner=block)


def random_tile(rng: Rng, case: KernelCase, max_dynamic: float = 0.5) -> KernelCase:
    """A tile of a whole case as a local operator on parts of the same arrays, some sizes known at run time only."""
    space = case.op.iteration_space()
    lows = [0] * len(space.dims)
    sizes = list(space.sizes)
    for d in space.tileable:
        if space.dims[d].size:
            lows[d] = int(rng.integers(0, space.dims[d].size))
            sizes[d] = int(rng.integers(1, space.dims[d].size - lows[d] + 1))
    regions = [space.regions(access, lows, sizes) for access in space.accesses]
    block = Block()
    for array, access, axes in zip(case.arrays, space.accesses, regions, strict=True):
        cut = [any(d in space.tileable for d in axis.dims) and rng.random() < max_dynamic for axis in access.axes]
        block.insert_arg(_tile_type(array, axes, cut), len(block.args))
    values = list(block.args)
    space_origins = [regions[o][a].origin for o, a in case.op.padded_axes()]
    origin_values = [block.insert_arg(IndexType(), len(block.args)) for _ in space_origins]
    first, second = len(case.op.ins), len(case.op.ins) + len(case.op.extras)
    properties = {k: v for k, v in case.op.properties.items() if k != "operandSegmentSizes"}
    properties["local"] = UnitAttr()
    op = type(case.op).create(
        operands=[*values, *origin_values],
        properties={**properties, "operandSegmentSizes": ints32([first, second - first, 1, len(origin_values), 0])},
        regions=[case.op.regions[0].clone()] if case.op.regions else [],
    )
    return KernelCase(
        op,
        case.arrays,
        tuple(tuple(r.start for r in axes) for axes in regions),
        tuple(tuple(r.size for r in axes) for axes in regions),
        tuple(space_origins),
        block,
    )


def ints32(values: Sequence[int]) -> Any:
    """An `array<i32: …>`, as segment sizes are."""
    from xdsl.dialects.builtin import DenseArrayBase

    return DenseArrayBase.from_list(i32, list(values))


def _tile_type(array: Array, axes: Sequence[TileRegion[int]], dynamic: Sequence[bool]) -> MemRefType[Attribute]:
    """The type of a part of `array`, with its strides."""
    shape = [DYNAMIC_INDEX if d else r.size for r, d in zip(axes, dynamic, strict=True)]
    strides = [s // array.itemsize for s in np.empty(array.shape, array.dtype).strides]
    layout = StridedLayoutAttr(ArrayAttr([IntAttr(s) for s in strides]), NoneAttr())
    return MemRefType(element_type_of(array.dtype), shape, layout)


def tensor_types(case: KernelCase) -> list[TensorType[Attribute]]:
    """The operands' types as tensors."""
    return [TensorType(element_type_of(a.dtype), list(a.shape)) for a in case.arrays]
