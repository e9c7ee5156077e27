"""A `kernel` operator on views of memory: what it reads and writes is checked byte by byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deeploy_mlir.dialects.kernel.base import KernelOp
from deeploy_mlir.interpreters.kernel import Packings, resolve_sizes, run_kernel_op
from deeploy_mlir.interpreters.memory import Machine, View, Who
from deeploy_mlir.space.iteration_space import Access, DimKind, IntArithmetic, IterationSpace, axis_region


@dataclass(frozen=True)
class Box:
    """The elements of an operand that an operator touches: the first index and the number along each axis."""

    starts: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def slices(self) -> tuple[slice, ...]:
        return tuple(slice(first, first + size) for first, size in zip(self.starts, self.sizes, strict=True))


def run_kernel_on(
    op: KernelOp,
    views: Sequence[View],
    origins: Sequence[int],
    machine: Machine,
    core: int,
    layer: str,
    packings: Packings | None = None,
) -> None:
    """Runs `op` on views of its accessed operands (ins, extras, out) and stores what it writes.

    `origins` are those of a local operator, `packings` those of its packed inputs (`run_kernel_op`).
    Raises DeeployError for an access that must not be."""
    space = op.iteration_space()
    boxes = touched(op, space, [v.shape for v in views], origins)
    parts = [view.part(box.starts, box.sizes) for view, box in zip(views, boxes, strict=True)]
    for number, part in enumerate(parts[:-1]):
        machine.check_read(part, Who(core, layer, f"{op.name} with operand {number}"))
    output = Who(core, layer, f"{op.name} with its output")
    for number, part in enumerate(parts[:-1]):
        if machine.overlap(part, parts[-1]) and not _same_element(space, number, part, parts[-1]):
            raise machine.fault(output, f"overwrites operand {number} in {part.buffer.symbol} while reading it")
    result = run_kernel_op(op, [v.values for v in views], origins, packings)
    machine.check_write(parts[-1], output)
    np.copyto(parts[-1].values, result[boxes[-1].slices])


def start_kernel_on(op: KernelOp, views: Sequence[View], origins: Sequence[int], machine: Machine, who: Who) -> int:
    """Starts `op` as a job on views, as `run_kernel_on` runs it; returns the job's number.

    Raises DeeployError for an access that must not be."""
    boxes = touched(op, op.iteration_space(), [v.shape for v in views], origins)
    parts = [view.part(box.starts, box.sizes) for view, box in zip(views, boxes, strict=True)]

    def work() -> None:
        result = run_kernel_op(op, [v.values for v in views], origins)
        np.copyto(parts[-1].values, result[boxes[-1].slices])

    return machine.start_job(parts[:-1], parts[-1], work, who)


def touched(
    op: KernelOp, space: IterationSpace, shapes: Sequence[tuple[int, ...]], origins: Sequence[int]
) -> list[Box]:
    """The box that the operator touches of each accessed operand, padding left out."""
    given = iter(origins)
    firsts = [
        tuple(next(given) if op.local and axis.padded else axis.offset for axis in access.axes)
        for access in space.accesses
    ]
    sizes = resolve_sizes(space, shapes, firsts)
    return [_box(a, f, shape, sizes) for a, f, shape in zip(space.accesses, firsts, shapes, strict=True)]


def _box(access: Access, firsts: Sequence[int], shape: Sequence[int], sizes: Sequence[int]) -> Box:
    lows = [0] * len(sizes)
    regions = [
        axis_region(axis, lows, sizes, extent, IntArithmetic(), first)
        for axis, first, extent in zip(access.axes, firsts, shape, strict=True)
    ]
    starts = [r.start if axis.padded else first for r, axis, first in zip(regions, access.axes, firsts, strict=True)]
    empty = any(sizes[d] == 0 for d in access.dims)
    return Box(tuple(starts), tuple(0 if empty else r.size for r in regions))


def _same_element(space: IterationSpace, number: int, operand: View, output: View) -> bool:
    """Whether each iteration reads of the operand just the element that it writes."""
    mine, other = space.accesses[number].axes, space.output.axes
    in_step = len(mine) == len(other) and all(
        a.coefficients == b.coefficients for a, b in zip(mine, other, strict=True)
    )
    parallel = all(space.dims[d].kind == DimKind.PARALLEL for d in space.accesses[number].dims)
    place = (operand.start, operand.shape, operand.strides, operand.dtype.itemsize)
    return in_step and parallel and place == (output.start, output.shape, output.strides, output.dtype.itemsize)
