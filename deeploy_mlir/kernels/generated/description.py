"""What the C generator knows of a kernel on memrefs: sizes, steps and pads as numbers or run-time arguments, no IR.

Each operand has a step in elements for every dimension of the iteration space: the sum of its axes' coefficients times
the axes' strides. The generator works on these alone, so layouts and transposes are all the same to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, MemRefType, NoneAttr, StridedLayoutAttr
from xdsl.ir import Attribute, SSAValue

from deeploy_mlir.dialects.kernel.base import KernelOp, element_type_of_value
from deeploy_mlir.space.iteration_space import DimKind, IterationSpace
from deeploy_mlir.support.errors import DeeployError


@dataclass(frozen=True)
class DynamicArgument:
    """A number that a kernel function takes at run time: the size of an operand along an axis (operands numbered as in
    `op.operands_accessed`), or, where `origin` is given, the operator's origin of that number."""

    operand: int
    axis: int
    origin: int | None = None

    @property
    def name(self) -> str:
        """Name of the argument in C."""
        return f"origin{self.origin}" if self.origin is not None else f"size{self.operand}_{self.axis}"


Quantity = int | DynamicArgument
"""A number known now or a run-time argument."""


@dataclass(frozen=True)
class LoopDim:
    """A dimension: `size` times `scale` iterations (a dimension of known size merged into an outer one multiplies)."""

    name: str
    kind: DimKind
    size: Quantity
    scale: int = 1
    divisor: int = 1
    """The argument is the size of an axis that moves by this much a step."""

    @property
    def static(self) -> int | None:
        """The number of iterations if it is known."""
        return self.size * self.scale if isinstance(self.size, int) else None


@dataclass(frozen=True)
class PaddedAxis:
    """Indices sum(coefficients * dims) + origin are inside the operand if 0 <= index < extent."""

    operand: int
    coefficients: tuple[int, ...]
    origin: Quantity
    extent: Quantity
    stride: int


@dataclass(frozen=True)
class Operand:
    """An operand: element type, and the step of each dimension in elements. `offset` is the element of iteration 0,
    the origins of padded axes left out."""

    element_type: Attribute
    steps: tuple[int, ...]
    offset: int


@dataclass(frozen=True)
class Description:
    """A kernel on memrefs. `operands` are ins, extras and out, in this order."""

    dims: tuple[LoopDim, ...]
    operands: tuple[Operand, ...]
    padded: tuple[PaddedAxis, ...]
    arguments: tuple[DynamicArgument, ...]
    num_ins: int

    @property
    def out(self) -> Operand:
        return self.operands[-1]

    def pads_of(self, operand: int) -> tuple[PaddedAxis, ...]:
        """The padded axes of an operand."""
        return tuple(p for p in self.padded if p.operand == operand)


def strides_of(value: SSAValue, op: KernelOp) -> tuple[int, ...]:
    """Strides of a memref in elements. Raises DeeployError if one of them is not known."""
    memref = cast(MemRefType[Attribute], value.type)
    strides = memref.get_strides()
    if isinstance(memref.layout, StridedLayoutAttr):
        strides = memref.layout.get_strides()
    elif not isinstance(memref.layout, NoneAttr):
        raise DeeployError(f"a kernel needs memrefs with strides, not {memref}", op.layer.data)
    if strides is None or any(s is None for s in strides):
        shape = memref.get_shape()
        sizes = [1]
        for extent in reversed(shape[1:]):
            if extent < 0:
                raise DeeployError(f"a kernel needs memrefs of known strides, not {memref}", op.layer.data)
            sizes.append(sizes[-1] * extent)
        return tuple(reversed(sizes[: len(shape)]))
    return tuple(cast(Sequence[int], strides))


def _known_origin(value: SSAValue) -> int | None:
    owner = value.owner
    if isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr):
        return owner.value.value.data
    return None


def _dim_sizes(op: KernelOp, space: IterationSpace) -> list[tuple[Quantity, int]]:
    """Size of each dimension and the divisor of a run-time one."""
    result: list[tuple[Quantity, int]] = []
    last = len(space.accesses) - 1
    for d, dim in enumerate(space.dims):
        if dim.size >= 0:
            result.append((dim.size, 1))
            continue
        for operand in (last, *range(last)):
            found = [
                (a, axis)
                for a, axis in enumerate(space.accesses[operand].axes)
                if axis.coefficients[d] and not axis.padded and max(axis.coefficients) == axis.coefficients[d]
            ]
            if found:
                a, axis = found[0]
                c = axis.coefficients[d]
                result.append((axis.extent // c, 1) if axis.extent >= 0 else (DynamicArgument(operand, a), c))
                break
        else:
            raise DeeployError(f"{op.name}: no operand tells the size of dimension {dim.name}", op.layer.data)
    return result


def describe(op: KernelOp) -> Description:
    """The description of a kernel on memrefs. Raises DeeployError for memrefs without known strides."""
    space = op.iteration_space()
    dims = [
        LoopDim(dim.name, dim.kind, size, divisor=divisor)
        for dim, (size, divisor) in zip(space.dims, _dim_sizes(op, space), strict=True)
    ]
    origins = {pair: number for number, pair in enumerate(op.padded_axes())}
    operands: list[Operand] = []
    padded: list[PaddedAxis] = []
    for number, (value, access) in enumerate(zip(op.operands_accessed, space.accesses, strict=True)):
        strides = strides_of(value, op)
        steps = [0] * len(dims)
        offset = 0
        for a, (axis, stride) in enumerate(zip(access.axes, strides, strict=True)):
            for d, c in enumerate(axis.coefficients):
                steps[d] += c * stride
            if not axis.padded:
                offset += axis.offset * stride
                continue
            origin: Quantity = axis.offset
            if op.local:
                known = _known_origin(op.origins[origins[number, a]])
                origin = DynamicArgument(number, a, origins[number, a]) if known is None else known
            extent = axis.extent if axis.extent >= 0 else DynamicArgument(number, a)
            padded.append(PaddedAxis(number, axis.coefficients, origin, extent, stride))
        operands.append(Operand(element_type_of_value(value), tuple(steps), offset))
    quantities: list[Quantity] = [d.size for d in dims]
    for pad in padded:
        quantities += [pad.extent, pad.origin]
    arguments = dict.fromkeys(q for q in quantities if isinstance(q, DynamicArgument))
    return Description(tuple(dims), tuple(operands), tuple(padded), tuple(arguments), len(op.ins))


def simplify(description: Description) -> Description:
    """The same kernel with fewer dimensions: those of one iteration dropped, neighbours merged where every operand
    walks through both with one step."""
    d = _drop_pads(description)
    d = _select(d, [i for i in range(len(d.dims)) if not _droppable(d, i)])
    i = 0
    while i + 1 < len(d.dims):
        if _mergeable(d, i):
            d = _merge(d, i)
        else:
            i += 1
    return d


def _droppable(d: Description, index: int) -> bool:
    """Whether a dimension of one iteration may be left out: not if it is the one to clamp on a padded axis."""
    if d.dims[index].static != 1:
        return False
    for pad in d.padded:
        clamped = [i for i, c in enumerate(pad.coefficients) if c and d.dims[i].kind != DimKind.PARALLEL]
        if pad.coefficients[index] and (not clamped or index in clamped):
            return False
    return True


def _drop_pads(d: Description) -> Description:
    """Without the padded axes that no index can leave."""
    operands = list(d.operands)
    padded: list[PaddedAxis] = []
    for pad in d.padded:
        last = 0
        known = isinstance(pad.origin, int) and isinstance(pad.extent, int)
        for dim, c in zip(d.dims, pad.coefficients, strict=True):
            if c and dim.static is None:
                known = False
            elif c and dim.static is not None:
                last += c * (dim.static - 1)
        if known and cast(int, pad.origin) >= 0 and last + cast(int, pad.origin) < cast(int, pad.extent):
            operand = operands[pad.operand]
            operands[pad.operand] = replace(operand, offset=operand.offset + cast(int, pad.origin) * pad.stride)
        else:
            padded.append(pad)
    return replace(d, operands=tuple(operands), padded=tuple(padded))


def _select(d: Description, keep: Sequence[int]) -> Description:
    return replace(
        d,
        dims=tuple(d.dims[i] for i in keep),
        operands=tuple(replace(o, steps=tuple(o.steps[i] for i in keep)) for o in d.operands),
        padded=tuple(replace(p, coefficients=tuple(p.coefficients[i] for i in keep)) for p in d.padded),
    )


def _mergeable(d: Description, outer: int) -> bool:
    """Whether dimensions `outer` and `outer + 1` are one walk for every operand."""
    a, b = d.dims[outer], d.dims[outer + 1]
    size = b.static
    if (a.kind == DimKind.PARALLEL) != (b.kind == DimKind.PARALLEL) or size is None:
        return False
    if any(p.coefficients[outer] or p.coefficients[outer + 1] for p in d.padded):
        return False
    return all(o.steps[outer] == size * o.steps[outer + 1] for o in d.operands)


def _merge(d: Description, outer: int) -> Description:
    a, b = d.dims[outer], d.dims[outer + 1]
    assert b.static is not None
    size: Quantity = a.size * b.static if isinstance(a.size, int) else a.size
    scale = 1 if isinstance(size, int) else a.scale * b.static
    merged = replace(a, name=a.name + b.name, kind=b.kind, size=size, scale=scale)
    d = replace(d, dims=(*d.dims[:outer], merged, *d.dims[outer + 1 :]))
    keep = [i for i in range(len(d.dims)) if i != outer + 1]
    steps_from_inner = tuple(
        replace(o, steps=(*o.steps[:outer], o.steps[outer + 1], *o.steps[outer + 1 :])) for o in d.operands
    )
    return _select(replace(d, operands=steps_from_inner), keep)
