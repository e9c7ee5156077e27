"""The meaning of the `kernel` operators on numpy, whole tensors or tiles.

Everything is derived from the iteration space: each operand becomes a strided view over the dimensions of the space,
and what combines them runs over the dimensions that the output does not have. Integers wrap at the bits of the
accumulator; floats are accumulated in float64 and rounded to the accumulator's type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeploy_mlir.dialects.kernel.base import KernelOp, element_type_of_value
from deeploy_mlir.dialects.kernel.ops import Combiner, ConvOp, MapOp, MatmulOp, PoolOp, ReduceOp, RowOp, ScatterOp
from deeploy_mlir.interpreters.rows import run_row_function
from deeploy_mlir.interpreters.scalar import convert, run_scalar_body
from deeploy_mlir.interpreters.scatter import run_scatter
from deeploy_mlir.ir.constants import module_of
from deeploy_mlir.ir.packed_kernels import plain_kernel, without_packed
from deeploy_mlir.kernels.choice import bindings_of, chosen
from deeploy_mlir.kernels.packing import Packing
from deeploy_mlir.machine.registry import system_of
from deeploy_mlir.space.iteration_space import Access, Axis, IterationSpace
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, numpy_dtype

_EXACT_IN_DOUBLE = float(2**53)


@dataclass(frozen=True)
class Problem:
    """An operator with its operands at hand. `offsets[o][a]` is the index of iteration 0 on axis `a` of operand `o`."""

    op: KernelOp
    space: IterationSpace
    sizes: tuple[int, ...]
    arrays: tuple[Array, ...]
    offsets: tuple[tuple[int, ...], ...]

    @property
    def parallel(self) -> tuple[int, ...]:
        """Numbers of the dimensions of the output (a row operator's last one included)."""
        return self.space.output.dims

    @property
    def combined(self) -> tuple[int, ...]:
        """Numbers of the dimensions that are summed or otherwise combined."""
        return tuple(i for i in range(len(self.space.dims)) if i not in self.parallel)

    def view(self, operand: int, fill: Any = 0) -> Array:
        """The operand over all dimensions of the space (size 1 where it does not depend on one), `fill` in padding."""
        access = self.space.accesses[operand]
        array, offsets = _enclose(self.arrays[operand], access, self.offsets[operand], self.sizes, fill)
        return _strided(array, access, offsets, self.sizes)

    def over_output(self, operand: int) -> Array:
        """The operand over the parallel dimensions only."""
        full = self.view(operand)
        return full.reshape([full.shape[i] for i in self.parallel])


Packings = Mapping[int, Packing]


def packings_of(op: KernelOp) -> Packings:
    """How the inputs of a kernel of a module are packed: what its binding says. Empty if none is."""
    if not op.packed:
        return {}
    return chosen(op, bindings_of(system_of(module_of(op)))).packings(plain_kernel(op))


def run_kernel_op(
    op: KernelOp, arrays: Sequence[Array], origins: Sequence[int] = (), packings: Packings | None = None
) -> Array:
    """The new content of the output.

    `arrays` are the contents of `ins`, `extras` and `out` (its present content: only a `kernel.map` that writes a part
    of it keeps any of it). `origins` are those of a local operator, one for each of `op.padded_axes()`, and
    `packings` those of its packed inputs, by default `packings_of(op)`."""
    if op.packed:
        op, arrays = _unpacked(op, arrays, origins, packings_of(op) if packings is None else packings)
    problem = _problem(op, arrays, origins)
    out = np.array(arrays[-1], order="C")
    if 0 in [problem.sizes[i] for i in problem.parallel]:
        return out
    with np.errstate(all="ignore"):
        values = run_scatter(op, arrays) if isinstance(op, ScatterOp) else _epilogue(problem, _accumulate(problem))
    target = _strided(out, problem.space.output, problem.offsets[-1], problem.sizes, writeable=True)
    parallel = problem.parallel
    target = target.transpose([*parallel, *problem.combined]).reshape([problem.sizes[i] for i in parallel])
    np.copyto(target, values)
    return out


def _unpacked(
    op: KernelOp, arrays: Sequence[Array], origins: Sequence[int], packings: Packings
) -> tuple[KernelOp, list[Array]]:
    """A kernel as it was before its binding packed inputs, on the parts of them that these blocks hold."""
    problem, plain = _problem(op, arrays, origins), plain_kernel(op)
    result, shapes = list(arrays), dict[int, Sequence[int]]()
    for number in (p.operand.data for p in op.packed or ()):
        shapes[number] = [axis.footprint(problem.sizes) for axis in plain.input_axes(number)]
        dtype = numpy_dtype(element_type_of_value(plain.ins[number]))
        result[number] = packings[number].unpack(arrays[number], shapes[number]).astype(dtype)
    return without_packed(op, shapes), result


def _problem(op: KernelOp, arrays: Sequence[Array], origins: Sequence[int]) -> Problem:
    space = op.iteration_space()
    for number, (value, array, access) in enumerate(zip(op.operands_accessed, arrays, space.accesses, strict=True)):
        if array.dtype != numpy_dtype(element_type_of_value(value)) or array.ndim != len(access.axes):
            raise DeeployError(
                f"{op.name} takes operand {number} as {value.type}, got {array.dtype}{array.shape}", op.layer.data
            )
    offsets = [[axis.offset for axis in access.axes] for access in space.accesses]
    if op.local:
        for (operand, axis), origin in zip(op.padded_axes(), origins, strict=True):
            offsets[operand][axis] = origin
    frozen = tuple(tuple(o) for o in offsets)
    sizes = resolve_sizes(space, [a.shape for a in arrays], frozen)
    return Problem(op, space, sizes, tuple(arrays), frozen)


def resolve_sizes(
    space: IterationSpace, shapes: Sequence[tuple[int, ...]], offsets: Sequence[Sequence[int]]
) -> tuple[int, ...]:
    """Sizes of all dimensions, those known at run time only from the operands' shapes (the output first).

    Raises ValueError if the shapes do not tell a size."""
    sizes = list(space.sizes)
    for operand in (len(shapes) - 1, *range(len(shapes) - 1)):
        for a, axis in enumerate(space.accesses[operand].axes):
            unknown = [d for d in axis.dims if sizes[d] < 0]
            if len(unknown) != 1 or axis.padded or axis.block > 1:
                continue
            (d,) = unknown
            known = sum(c * (sizes[i] - 1) for i, c in enumerate(axis.coefficients) if i != d)
            extent = shapes[operand][a] - offsets[operand][a]
            sizes[d] = (extent - 1 - known) // axis.coefficients[d] + 1 if extent else 0
    if min(sizes, default=0) < 0:
        raise ValueError(f"the shapes {list(shapes)} do not determine the sizes of {space.dims}")
    return tuple(sizes)


def _enclose(
    array: Array, access: Access, offsets: Sequence[int], sizes: Sequence[int], fill: Any
) -> tuple[Array, tuple[int, ...]]:
    """The array with `fill` around it as far as indices leave it, and the offsets within that."""
    widths: list[tuple[int, int]] = []
    for axis, offset, extent in zip(access.axes, offsets, array.shape, strict=True):
        last = offset + sum(c * (sizes[i] - 1) for i, c in enumerate(axis.coefficients))
        widths.append((max(0, -offset), max(0, last + 1 - extent)) if axis.padded else (0, 0))
    if not any(map(any, widths)):
        return array, tuple(offsets)
    padded = np.pad(array, widths, constant_values=fill)
    return padded, tuple(o + low for o, (low, _) in zip(offsets, widths, strict=True))


def _strided(
    array: Array, access: Access, offsets: Sequence[int], sizes: Sequence[int], writeable: bool = False
) -> Array:
    """A view of `array` over the dimensions of the space."""
    steps = [0] * len(sizes)
    for axis, stride in zip(access.axes, array.strides, strict=True):
        for d, c in enumerate(axis.coefficients):
            steps[d] += c * stride
    shape = [s if step else min(s, 1) for s, step in zip(sizes, _moves(access.axes, len(sizes)), strict=True)]
    start = array[tuple(slice(o, None) for o in offsets)] if array.ndim else array
    # Over the bytes where the type is none of numpy's own, which it may not know how to view.
    same_size = start.dtype if start.dtype.isbuiltin == 1 else np.dtype(f"u{start.itemsize}")
    return np.lib.stride_tricks.as_strided(start.view(same_size), shape, steps, writeable=writeable).view(start.dtype)


def _moves(axes: Sequence[Axis], num_dims: int) -> list[bool]:
    return [any(axis.coefficients[d] for axis in axes) for d in range(num_dims)]


def _epilogue(problem: Problem, accumulators: list[Array]) -> Array:
    op = problem.op
    if op.body is None:
        return accumulators[0]
    first = len(op.ins)
    extras = [problem.over_output(first + i) for i in range(len(op.extras))]
    return run_scalar_body(op.body, [*accumulators, *extras])


def _accumulate(problem: Problem) -> list[Array]:
    """The leading arguments of the body, over the parallel dimensions."""
    op = problem.op
    if isinstance(op, MapOp):
        return [_map_input(problem, op, i) for i in range(len(op.ins))]
    if isinstance(op, RowOp):
        first = problem.view(0)
        return [run_row_function(op, first, [a for a in problem.arrays[1 : len(op.ins)]])]
    if isinstance(op, MatmulOp | ConvOp):
        return [_contract(problem)]
    if isinstance(op, PoolOp | ReduceOp):
        return [_combine(problem, op)]
    raise DeeployError(f"no meaning on numpy for {op.name}", op.layer.data)


def _map_input(problem: Problem, op: MapOp, operand: int) -> Array:
    """An operand of a map over the output: a strided view, or gathered where its indices are data."""
    indirect = {axis: holder for o, axis, holder in op.indirect_axes if o == operand}
    if not indirect:
        return _padded_input(problem, operand, op.pad_value())
    sizes = [problem.sizes[i] for i in problem.parallel]
    index: list[Array] = []
    for a, axis in enumerate(problem.space.accesses[operand].axes):
        at = np.asarray(problem.offsets[operand][a])
        for position, d in enumerate(problem.parallel):
            steps = np.arange(sizes[position]) * axis.coefficients[d]
            at = at + steps.reshape([-1 if i == position else 1 for i in range(len(sizes))])
        if a in indirect:
            at = at + _padded_input(problem, indirect[a], op.pad_value()).astype(np.int64)
        index.append(at)
    return problem.arrays[operand][tuple(np.broadcast_arrays(*index))]


def _padded_input(problem: Problem, operand: int, fill: Any) -> Array:
    full = problem.view(operand, fill)
    return full.reshape([full.shape[i] for i in problem.parallel])


def _contract(problem: Problem) -> Array:
    """Sum of products of the first two inputs."""
    dtype = numpy_dtype(problem.op.accumulator())
    views = [problem.view(0, problem.op.pad_value()), problem.view(1)]
    wide = np.dtype(np.float64)
    if dtype.kind in "iu":
        terms = int(np.prod([problem.sizes[i] for i in problem.combined], dtype=np.int64))
        bound = float(terms)
        for view in views:
            bound *= float(np.abs(view.astype(np.float64)).max(initial=0))
        if bound >= _EXACT_IN_DOUBLE:
            wide = np.dtype(np.int64)
    arguments: list[Any] = []
    for operand, view in enumerate(views):
        dims = problem.space.accesses[operand].dims
        used = view.transpose([*dims, *(i for i in range(view.ndim) if i not in dims)])
        arguments += [used.reshape([view.shape[i] for i in dims]).astype(wide), list(dims)]
    parallel = problem.parallel
    depended = [i for i in parallel if any(i in problem.space.accesses[o].dims for o in (0, 1))]
    result = np.einsum(*arguments, depended, optimize=True)
    result = np.broadcast_to(
        result.reshape([problem.sizes[i] if i in depended else 1 for i in parallel]),
        [problem.sizes[i] for i in parallel],
    )
    return result.astype(np.int64).astype(dtype) if dtype.kind in "iu" else result.astype(dtype)


def _lowest(problem: Problem, highest: bool) -> int | float | bool:
    element = element_type_of_value(problem.op.ins[0])
    dtype = numpy_dtype(element)
    if dtype.kind not in "iub":
        return np.inf if highest else -np.inf
    if dtype == np.bool_:
        return highest
    info = np.iinfo(dtype)
    return int(info.max if highest else info.min)


def _combine(problem: Problem, op: PoolOp | ReduceOp) -> Array:
    """Pooling and reductions; the result has the size of the view along the parallel dimensions."""
    dtype, axes, combiner = numpy_dtype(op.accumulator()), problem.combined, op.combiner.data
    if combiner in (Combiner.MAX, Combiner.MIN):
        maximum = combiner == Combiner.MAX
        view = problem.view(0, _lowest(problem, not maximum))
        lowest: Any = np.asarray(_lowest(problem, not maximum)).astype(dtype)
        result = view.max(axes, initial=lowest) if maximum else view.min(axes, initial=lowest)
        return result.astype(dtype)
    wide = np.dtype(np.int64) if dtype.kind in "iu" else np.dtype(np.float64)
    view = problem.view(0, op.pad_value())
    if combiner == Combiner.PRODUCT:
        return view.prod(axes, dtype=wide).astype(dtype)
    total = view.sum(axes, dtype=wide)
    if combiner == Combiner.AVERAGE:
        total = total / _divisor(problem, op)
    return convert(total, dtype)


def _divisor(problem: Problem, op: PoolOp | ReduceOp) -> Array:
    """What an average divides by: the number of elements, with `exclude_pad` of those inside the image."""
    if isinstance(op, PoolOp) and op.exclude_pad is not None:
        ones = tuple(np.ones_like(a) if i == 0 else a for i, a in enumerate(problem.arrays))
        return (
            Problem(op, problem.space, problem.sizes, ones, problem.offsets)
            .view(0)
            .sum(problem.combined, dtype=np.float64)
        )
    return np.asarray(float(np.prod([problem.sizes[i] for i in problem.combined])))
