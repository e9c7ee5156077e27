"""The `tiled` dialect: before the plan nests run whole on tensors, afterwards tile by tile at their planned places.

A planned nest goes through its tiles as the plan says: parts of the operands, found from the kernel's iteration space,
pass through their buffers, those of double buffered operands one tile ahead, and results leave them one tile
later. A nest in another one runs in the same way for each of the outer one's tiles. So a wrong tile, a place that
overlaps another or a buffer that is too small shows without any lowering.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, cast

import numpy as np
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, IndexType, MemRefType, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.interpreter import (
    Interpreter,
    InterpreterFunctions,
    PythonValues,
    ReturnedValues,
    TerminatorValue,
    impl,
    impl_terminator,
    register_impls,
)
from xdsl.ir import Attribute, Block, SSAValue

from deeploy_mlir.dialects.kernel.base import KernelOp, ReshapeOp, shape_of
from deeploy_mlir.dialects.tiled import BuffersAttr, ConstantOp, EmptyOp, HomeAttr, NestOp, YieldOp, home_of
from deeploy_mlir.interpreters.kernel import packings_of
from deeploy_mlir.interpreters.kernel_on_memory import run_kernel_on
from deeploy_mlir.interpreters.memory import Machine, Request, View, Who, row_major
from deeploy_mlir.interpreters.tensors import poisoned
from deeploy_mlir.ir.kernel_on_memrefs import kernel_on
from deeploy_mlir.space.fusion import FusedSpace, FusedTile
from deeploy_mlir.space.iteration_space import IntArithmetic, IterationSpace, Region
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, array_of, numpy_dtype

Tensor = TensorType[Attribute]


def constant_array(op: ConstantOp) -> Array:
    """The values of a constant. Raises DeeployError if its global holds none."""
    value = op.constant.value
    if not isinstance(value, DenseIntOrFPElementsAttr):
        raise DeeployError(f"{op.symbol} is no constant of this module")
    return array_of(cast("DenseIntOrFPElementsAttr[Any]", value))


@register_impls
class UnplannedFunctions(InterpreterFunctions):
    """Nests as whole kernels on tensors; the kernels' own functions run what is inside."""

    @impl(EmptyOp)
    def empty(self, interpreter: Interpreter, op: EmptyOp, args: PythonValues) -> PythonValues:
        return (poisoned(op.result.type.get_shape(), op.result.type.element_type),)

    @impl(ConstantOp)
    def constant(self, interpreter: Interpreter, op: ConstantOp, args: PythonValues) -> PythonValues:
        return (constant_array(op),)

    @impl(NestOp)
    def nest(self, interpreter: Interpreter, op: NestOp, args: PythonValues) -> PythonValues:
        return interpreter.run_ssacfg_region(op.body, args, op.layer.data)

    @impl_terminator(YieldOp)
    def finish(self, interpreter: Interpreter, op: YieldOp, args: PythonValues) -> tuple[TerminatorValue, PythonValues]:
        return ReturnedValues(args), ()


def bytes_of(tensor: SSAValue) -> int:
    """Bytes of a tensor."""
    tensor_type = cast(Tensor, tensor.type)
    return prod(tensor_type.get_shape()) * numpy_dtype(tensor_type.element_type).itemsize


@dataclass
class Homes:
    """Where the tensors of a planned function live: the arrays that they ask for, and the home of each root."""

    function: FuncOp
    arrays: dict[SSAValue, str] = field(default_factory=dict[SSAValue, str])
    requests: list[Request] = field(default_factory=list[Request])

    @classmethod
    def of(cls, function: FuncOp) -> Homes:
        """The homes of all tensors. Raises DeeployError for a tensor that has none."""
        homes = cls(function)
        arenas: dict[str, int] = {}

        def give(tensor: SSAValue, name: str, read_only: bool = False) -> None:
            home = home_of(tensor)
            if home is None:
                raise DeeployError(f"{name} has no home; run deeploy-plan first")
            if home.offset is None:
                homes.arrays[tensor] = homes.symbol(name)
                homes.requests.append(Request(homes.symbol(name), home.memory_name, bytes_of(tensor), read_only))
            else:
                arenas[home.memory_name] = max(arenas.get(home.memory_name, 0), home.offset + bytes_of(tensor))

        for number, argument in enumerate(function.args):
            give(argument, f"input_{number}")
        for number, op in enumerate(function.body.block.ops):
            if isinstance(op, EmptyOp):
                give(op.result, f"tensor_{number}")
            elif isinstance(op, ConstantOp):
                give(op.result, f"constant_{number}_{op.symbol.string_value()}", read_only=True)
            elif isinstance(op, NestOp):
                for memory, end in (place for level in op.levels for place in Nest.of(level).buffer_ends()):
                    arenas[memory] = max(arenas.get(memory, 0), end)
        homes.requests += [Request(homes.symbol(memory), memory, end) for memory, end in arenas.items()]
        return homes

    def symbol(self, name: str) -> str:
        """The symbol of an array, or of the arena of a memory."""
        return f"{self.function.sym_name.data}_{name}"

    def view(self, machine: Machine, root: SSAValue) -> View:
        """The view of an input, a constant or an empty tensor."""
        tensor_type = cast(Tensor, root.type)
        shape, dtype = tensor_type.get_shape(), numpy_dtype(tensor_type.element_type)
        if root in self.arrays:
            return machine.whole(self.arrays[root], shape, dtype)
        home = cast(HomeAttr, home_of(root))
        offset = cast(int, home.offset)
        return machine.view(self.symbol(home.memory_name), offset, shape, row_major(shape, dtype), dtype)


Box = tuple[tuple[int, ...], tuple[int, ...]]
"""First index and size along each dimension."""


@dataclass(frozen=True)
class Source:
    """Where a nest finds an operand: `view` begins at the operand's elements `starts`."""

    view: View
    starts: tuple[int, ...]


@dataclass(frozen=True)
class Nest:
    """A planned nest in numbers."""

    op: NestOp
    kernels: tuple[KernelOp, ...]
    fused: FusedSpace
    tiles: tuple[int, ...]
    order: tuple[int, ...]
    buffers: tuple[BuffersAttr, ...]

    @classmethod
    def of(cls, op: NestOp) -> Nest:
        if op.tiles is None or op.loop_order is None or op.buffers is None:
            raise DeeployError("the nest has no plan; run deeploy-plan first", op.layer.data)
        order = tuple(op.loop_order.get_values())
        return cls(op, op.kernels, op.fused_space(), tuple(op.tiles.get_values()), order, tuple(op.buffers.data))

    @property
    def space(self) -> IterationSpace:
        return self.fused.space

    def buffer_ends(self) -> list[tuple[str, int]]:
        """For each buffer and the scratch, its memory and the first byte behind it."""
        scratch = self.op.scratch
        ends = [] if scratch is None else [(scratch.memory_name, scratch.end)]
        return ends + [
            (buffers.memory_name, offset + access.tile_bytes(self.tiles))
            for buffers, access in zip(self.buffers, self.space.accesses, strict=True)
            if buffers.memory_name is not None
            for offset in buffers.offsets
        ]

    @property
    def whole(self) -> Box:
        """All that the kernels compute."""
        return (0,) * len(self.tiles), self.space.sizes

    def boxes(self, within: Box) -> list[Box]:
        """Every tile of a box, in order."""
        result: list[Box] = []
        for numbers in np.ndindex(*(-(-within[1][d] // self.tiles[d]) for d in self.order)):
            offsets = [0] * len(self.tiles)
            for d, number in zip(self.order, numbers, strict=True):
                offsets[d] = int(number) * self.tiles[d]
            lows = tuple(low + offset for low, offset in zip(within[0], offsets, strict=True))
            sizes = tuple(min(t, s - o) for t, s, o in zip(self.tiles, within[1], offsets, strict=True))
            result.append((lows, sizes))
        return result

    def number_of_part(self, operand: int, boxes: Sequence[Box]) -> list[int]:
        """For every tile, how many times the part of the operand has changed before it."""
        numbers: list[int] = []
        last: tuple[int, ...] | None = None
        for lows, _ in boxes:
            part = tuple(lows[d] for d in self.space.accesses[operand].dims)
            numbers.append((numbers[-1] if numbers else -1) + (part != last))
            last = part
        return numbers


class TileRunner:
    """One planned nest on the machine, for a box of what its kernels compute."""

    def __init__(
        self, nest: Nest, machine: Machine, sources: Mapping[int, Source], arena_of: Homes, within: Box | None = None
    ) -> None:
        """`sources`: where the operands of the nest come from, by their numbers among the slots."""
        self.nest = nest
        self.machine = machine
        self.sources = sources
        self.arena_of = arena_of
        self.boxes = nest.boxes(nest.whole if within is None else within)
        self.out = len(nest.space.accesses) - 1
        self.parts = [nest.number_of_part(i, self.boxes) for i in range(self.out + 1)]
        self.kernels: dict[tuple[int, tuple[tuple[int, ...], ...]], KernelOp] = {}
        self._tiles: dict[int, FusedTile[int]] = {}

    def run(self) -> None:
        """Runs all tiles."""
        self._discard_buffers()
        read = [operand for operand in self.sources if operand != self.out]
        behind = max(0, self._depth(self.out) - 1)
        for tile in range(len(self.boxes)):
            for operand in read:
                ahead = self._depth(operand) - 1
                for wanted in range(0 if tile == 0 else tile + ahead, tile + ahead + 1):
                    self._fetch(operand, wanted)
            self._work(tile)
            self._store(tile - behind)
        for tile in range(len(self.boxes) - behind, len(self.boxes)):
            self._store(tile)
        self._discard_buffers()

    def _work(self, tile: int) -> None:
        """What stands in the nest's body: another nest, or kernels."""
        if self.nest.op.inner is not None:
            sources = {
                operand: Source(self._local(operand, tile), tuple(r.start for r in self._regions(operand, tile)))
                if self._depth(operand)
                else source
                for operand, source in self.sources.items()
            }
            inner = Nest.of(self.nest.op.inner)
            TileRunner(inner, self.machine, sources, self.arena_of, self.boxes[tile]).run()
            return
        for intermediate in self.nest.fused.makers:
            self.machine.discard(self._buffers(intermediate)[0])
        for stage in range(len(self.nest.kernels)):
            self._compute(stage, tile)

    def _depth(self, operand: int) -> int:
        return len(self.nest.buffers[operand].offsets)

    def _tile(self, tile: int) -> FusedTile[int]:
        if tile not in self._tiles:
            self._tiles[tile] = self.nest.fused.tile(*self.boxes[tile], IntArithmetic())
        return self._tiles[tile]

    def _regions(self, operand: int, tile: int) -> tuple[Region[int], ...]:
        return self._tile(tile).held(operand)

    def _source_part(self, operand: int, tile: int) -> View:
        regions, source = self._regions(operand, tile), self.sources[operand]
        starts = [r.start - start for r, start in zip(regions, source.starts, strict=True)]
        return source.view.part(starts, [r.size for r in regions])

    def _buffers(self, operand: int) -> list[View]:
        buffers, access = self.nest.buffers[operand], self.nest.space.accesses[operand]
        element = cast(Tensor, self.nest.op.slots[operand].type).element_type
        shape, dtype = access.tile_shape(self.nest.tiles), numpy_dtype(element)
        arena = self.arena_of.symbol(buffers.memory_name or "")
        return [self.machine.view(arena, o, shape, row_major(shape, dtype), dtype) for o in buffers.offsets]

    def _local(self, operand: int, tile: int) -> View:
        """Where the kernels find the operand: in place, or in a buffer."""
        if not self._depth(operand):
            return self._source_part(operand, tile)
        buffers = self._buffers(operand)
        sizes = [r.size for r in self._regions(operand, tile)]
        return buffers[self.parts[operand][tile] % len(buffers)].part([0] * len(sizes), sizes)

    def _fetch(self, operand: int, tile: int) -> None:
        if not self._depth(operand) or tile >= len(self.boxes):
            return
        if tile and self.parts[operand][tile] == self.parts[operand][tile - 1]:
            return
        self._copy(self._source_part(operand, tile), self._local(operand, tile), f"fetching operand {operand}")

    def _store(self, tile: int) -> None:
        if self._depth(self.out) and 0 <= tile < len(self.boxes):
            self._copy(self._local(self.out, tile), self._source_part(self.out, tile), "storing the output")

    def _copy(self, source: View, destination: View, what: str) -> None:
        who = Who(0, self.nest.op.layer.data, what)
        self.machine.check_read(source, who)
        self.machine.check_write(destination, who)
        np.copyto(destination.values, source.values)

    def _compute(self, stage: int, tile: int) -> None:
        described = self.nest.fused.stages[stage]
        views: list[View] = []
        origins: list[int] = []
        for number, (access, slot) in enumerate(zip(described.space.accesses, described.slots, strict=True)):
            regions = self._tile(tile).within(stage, number)
            views.append(self._local(slot, tile).part([r.start for r in regions], [r.size for r in regions]))
            origins += [r.origin for r, axis in zip(regions, access.axes, strict=True) if axis.padded]
        if (scratch := self.nest.op.scratch) is not None:
            shape = (scratch.cores.data, scratch.bytes.data)
            arena, dtype = self.arena_of.symbol(scratch.memory_name), np.dtype(np.uint8)
            self.machine.discard(self.machine.view(arena, scratch.place.data, shape, row_major(shape, dtype), dtype))
        kernel = self._kernel_for(stage, tuple(v.shape for v in views), len(origins))
        packings = packings_of(self.nest.kernels[stage])
        run_kernel_on(kernel, views, origins, self.machine, 0, kernel.layer.data, packings)

    def _kernel_for(self, stage: int, shapes: tuple[tuple[int, ...], ...], origins: int) -> KernelOp:
        """A kernel as a local operator on operands of these shapes."""
        if (stage, shapes) not in self.kernels:
            kernel = self.nest.kernels[stage]
            elements = [cast(Tensor, v.type).element_type for v in kernel.operands_accessed]
            types = [MemRefType(e, s) for e, s in zip(elements, shapes, strict=True)]
            block = Block(arg_types=[*types, *(IndexType() for _ in range(origins))])
            operands, indices = block.args[: len(types)], block.args[len(types) :]
            self.kernels[stage, shapes] = kernel_on(kernel, operands, indices)
        return self.kernels[stage, shapes]

    def _discard_buffers(self) -> None:
        for operand in range(len(self.parts)):
            for buffer in self._buffers(operand) if self._depth(operand) else ():
                self.machine.discard(buffer)


@register_impls
class PlannedFunctions(InterpreterFunctions):
    """Tensors as views of their homes, nests tile by tile."""

    def __init__(self, machine: Machine, homes: Homes) -> None:
        self.machine = machine
        self.homes = homes

    @impl(EmptyOp)
    def empty(self, interpreter: Interpreter, op: EmptyOp, args: PythonValues) -> PythonValues:
        return (self.homes.view(self.machine, op.result),)

    @impl(ConstantOp)
    def constant(self, interpreter: Interpreter, op: ConstantOp, args: PythonValues) -> PythonValues:
        view = self.homes.view(self.machine, op.result)
        self.machine.fill(view, constant_array(op))
        return (view,)

    @impl(ReshapeOp)
    def reshape(self, interpreter: Interpreter, op: ReshapeOp, args: PythonValues) -> PythonValues:
        source, shape = cast(View, args[0]), shape_of(op.result)
        return (View(source.buffer, source.start, shape, row_major(shape, source.dtype), source.dtype),)

    @impl(NestOp)
    def nest(self, interpreter: Interpreter, op: NestOp, args: PythonValues) -> PythonValues:
        nest = Nest.of(op)
        out = cast(View, args[-1])
        if isinstance(op.out.owner, EmptyOp):
            self.machine.discard(out)
        first = len(op.ins)
        homes = {**dict(enumerate(args[:first])), len(op.slots) - 1: out}
        sources = {number: Source(view, (0,) * len(view.shape)) for number, view in homes.items()}
        TileRunner(nest, self.machine, sources, self.homes).run()
        return (out,)
