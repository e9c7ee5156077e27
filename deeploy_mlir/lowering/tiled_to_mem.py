"""`convert-tiled-to-mem`: planned nests become loops over memrefs in memories, with copies to and from the engine's.

Tensors become arrays (`memref.global`) or places in the arenas; the function takes no arguments: inputs and outputs are
public globals, whose role (`mem.role`) says which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import cast

from xdsl.builder import Builder
from xdsl.context import Context
from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    FunctionType,
    MemRefType,
    ModuleOp,
    StringAttr,
    TensorType,
    UnitAttr,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.dialects.ml_program import GlobalOp
from xdsl.ir import Attribute, Block, BlockArgument, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.dialects.kernel.base import BYTE
from deeploy_mlir.dialects.mem import ROLE, ArenaOp, CopyOp, ReshapeOp, Role, RoleAttr, StepOp, ViewOp
from deeploy_mlir.dialects.qnn.quantization import ARGUMENTS, ARRAY, RESULTS, stated_quantization
from deeploy_mlir.dialects.soc import MemorySpaceAttr
from deeploy_mlir.dialects.tiled import BuffersAttr, ConstantOp, HomeAttr, NestOp, home_of, root_of
from deeploy_mlir.ir.index_builder import Index, IndexBuilder
from deeploy_mlir.ir.kernel_on_memrefs import kernel_on
from deeploy_mlir.ir.symbols import boundary_names, symbols_in
from deeploy_mlir.space.fusion import FusedSpace, FusedTile
from deeploy_mlir.space.iteration_space import Access, IterationSpace
from deeploy_mlir.space.iteration_space import Region as AxisRegion
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.names import Identifiers, identifier
from deeploy_mlir.support.numpy_types import element_bytes

ARENA_ALIGN = 8
"""Alignment of an arena in bytes."""


def contiguous(element: Attribute, shape: Sequence[int], memory: str) -> MemRefType[Attribute]:
    """A row-major memref in a memory."""
    return MemRefType(element, list(shape), memory_space=MemorySpaceAttr(memory))


def bytes_of(tensor_type: Attribute) -> int:
    """Bytes of a statically shaped tensor."""
    tensor_type = cast(TensorType[Attribute], tensor_type)
    return prod(tensor_type.get_shape()) * element_bytes(tensor_type.element_type)


@dataclass
class Memories:
    """Where the buffers of one network lie: its arenas and the arrays of its own."""

    network: str
    symbols: Identifiers
    """Those of the module, so that each is new."""
    arena_bytes: dict[str, int] = field(default_factory=dict[str, int])
    arenas: dict[str, str] = field(default_factory=dict[str, str])
    """Memories with an arena, and its symbol."""
    arrays: dict[SSAValue, str] = field(default_factory=dict[SSAValue, str])
    """Root tensors that are arrays of their own, and their symbols."""

    def arena(self, memory: str) -> str:
        """Symbol of the arena of a memory."""
        if memory not in self.arenas:
            self.arenas[memory] = self.symbols.fresh(f"{self.network}_{memory}")
        return self.arenas[memory]

    def reserve(self, memory: str, end: int) -> None:
        """Makes the arena of `memory` reach at least to byte `end`."""
        self.arena_bytes[memory] = max(self.arena_bytes.get(memory, 0), end)

    def buffer(self, builder: Builder, tensor: SSAValue) -> SSAValue:
        """The buffer of a tensor as a contiguous memref of the tensor's shape."""
        root, home = root_of(tensor), home_of(tensor)
        if home is None:
            raise DeeployError(f"{tensor.type} has no home; run deeploy-plan first")
        tensor_type = cast(TensorType[Attribute], tensor.type)
        wanted = contiguous(tensor_type.element_type, tensor_type.get_shape(), home.memory_name)
        if home.offset is not None:
            self.reserve(home.memory_name, home.offset + bytes_of(tensor_type))
            return builder.insert(ViewOp(self.arena(home.memory_name), [home.offset], wanted)).result
        root_type = cast(TensorType[Attribute], root.type)
        stored = contiguous(root_type.element_type, root_type.get_shape(), home.memory_name)
        array = builder.insert(memref.GetGlobalOp(self.arrays[root], stored)).memref
        return array if stored == wanted else builder.insert(ReshapeOp(array, wanted)).result


@dataclass
class NestLowering:
    """One planned nest on its way to loops."""

    nest: NestOp
    memories: Memories
    fused: FusedSpace
    tiles: tuple[int, ...]
    order: tuple[int, ...]
    buffers: tuple[BuffersAttr, ...]

    @classmethod
    def of(cls, nest: NestOp, memories: Memories) -> NestLowering:
        if nest.tiles is None or nest.loop_order is None or nest.buffers is None:
            raise DeeployError("the nest has no plan; run deeploy-plan first", nest.layer.data)
        return cls(
            nest,
            memories,
            nest.fused_space(),
            tuple(nest.tiles.get_values()),
            tuple(nest.loop_order.get_values()),
            tuple(nest.buffers.data),
        )

    @property
    def space(self) -> IterationSpace:
        return self.fused.space

    @property
    def trips(self) -> int:
        return prod(self.space.trips(self.tiles))

    def period(self, access: Access) -> int:
        """After how many tiles the part that `access` touches changes; all of them if it never does."""
        trips = self.space.trips(self.tiles)
        period = 1
        for d in reversed(self.order):
            if d in access.dims:
                return period
            period *= trips[d]
        return period

    def lower(self) -> StepOp:
        """The nest as a step."""
        block = Block()
        builder = Builder(InsertPoint.at_end(block))
        homes = {n: self.memories.buffer(builder, v) for n, v in enumerate(self.nest.slots) if not self._inside(n)}
        for number, home in homes.items():
            home.name_hint = self._role(number)
        staged = {number: self._fetch_once(builder, number, home) for number, home in homes.items()}
        if self.trips == 1:
            self._tile(IndexBuilder(builder), 0, homes, staged)
        else:
            indices = IndexBuilder(builder)
            bounds = [indices.value(i) for i in (0, self.trips, 1)]
            body = Block(arg_types=[bounds[0].type])
            body.args[0].name_hint = "tile"
            builder.insert(scf.ForOp(bounds[0], bounds[1], bounds[2], [], Region(body)))
            inner = IndexBuilder(Builder(InsertPoint.at_end(body)))
            self._tile(inner, body.args[0], homes, staged)
            inner.builder.insert(scf.YieldOp())
        return StepOp(self.nest.layer.data, self.tiles, Region(block), note=self._note(), cycles=self.nest.cycles)

    def _note(self) -> str:
        """Shapes and tiles in words."""
        text = " | ".join(map(_in_words, self.nest.kernels))
        if self.trips == 1:
            return text
        cuts = ", ".join(f"{self.space.dims[d].name} {self.space.dims[d].size} by {self.tiles[d]}" for d in self.order)
        return f"{text}; {self.trips} tiles: {cuts}"

    def _inside(self, number: int) -> bool:
        """Whether a slot is an intermediate."""
        return number in self.fused.makers

    def _buffer(self, indices: IndexBuilder, number: int, tile: Index) -> SSAValue:
        """The buffer that operand `number` uses for this tile, at its largest size."""
        access, buffers = self.space.accesses[number], self.buffers[number]
        memory = buffers.memory_name
        assert memory is not None
        element = cast(TensorType[Attribute], self.nest.slots[number].type).element_type
        buffer_type = contiguous(element, access.tile_shape(self.tiles), memory)
        for offset in buffers.offsets:
            self.memories.reserve(memory, offset + access.tile_bytes(self.tiles))
        depth = len(buffers.offsets)
        which = indices.rem(indices.div(tile, self.period(access)), depth)
        offsets = buffers.offsets if isinstance(which, SSAValue) else [buffers.offsets[which]]
        view = ViewOp(self.memories.arena(memory), offsets, buffer_type, which if isinstance(which, SSAValue) else None)
        return indices.builder.insert(view).result

    def _scratch(self, builder: Builder) -> SSAValue | None:
        """The bytes for the kernels' own use, [cores, bytes of each]: each has all of them while it runs."""
        scratch = self.nest.scratch
        if scratch is None:
            return None
        self.memories.reserve(scratch.memory_name, scratch.end)
        view_type = contiguous(BYTE, [scratch.cores.data, scratch.bytes.data], scratch.memory_name)
        view = builder.insert(ViewOp(self.memories.arena(scratch.memory_name), [scratch.place.data], view_type)).result
        view.name_hint = "scratch"
        return view

    def _fetch_once(self, builder: Builder, number: int, home: SSAValue) -> SSAValue | None:
        """Copies in an operand that is the same for all tiles, before the loop; None for the others."""
        access = self.space.accesses[number]
        if self.buffers[number].memory_name is None or access.written or self.trips == 1:
            return None
        if self.period(access) < self.trips:
            return None
        indices = IndexBuilder(builder)
        regions = self.fused.tile([0] * len(self.tiles), self.tiles, indices).held(number)
        part, buffer = self._part(indices, number, home, regions), self._buffer(indices, number, 0)
        tile = self._tile_of(indices, number, buffer, regions)
        builder.insert(CopyOp(part, tile))
        return tile

    def _part(
        self, indices: IndexBuilder, number: int, home: SSAValue, regions: Sequence[AxisRegion[Index]]
    ) -> SSAValue:
        """The part of an operand's home that a tile touches."""
        part = indices.subview(home, [r.start for r in regions], [r.size for r in regions])
        if part is not home:
            part.name_hint = f"{self._role(number)}_part"
        return part

    def _tile_of(
        self, indices: IndexBuilder, number: int, buffer: SSAValue, regions: Sequence[AxisRegion[Index]]
    ) -> SSAValue:
        """As much of a buffer as the tile takes."""
        tile = indices.subview(buffer, [0] * len(regions), [r.size for r in regions])
        tile.name_hint = f"{self._role(number)}_tile"
        return tile

    def _role(self, number: int) -> str:
        """Name of an operand: of a single kernel as its C function names it."""
        if number == len(self.space.accesses) - 1:
            return "out"
        if self._inside(number):
            return f"mid{number - len(self.nest.ins)}"
        ins = len(self.nest.kernel.ins) if len(self.nest.kernels) == 1 else len(self.nest.ins)
        return f"in{number}" if number < ins else f"extra{number - ins}"

    def _tile_box(self, indices: IndexBuilder, tile: Index) -> tuple[list[Index], list[Index]]:
        """First index and size of the tile along each dimension, from its number in the sequence."""
        trips = self.space.trips(self.tiles)
        lows: list[Index] = [0] * len(self.tiles)
        sizes: list[Index] = list(self.tiles)
        inner = self.trips
        for position, d in enumerate(self.order):
            inner //= trips[d]
            number = indices.div(tile, inner)
            if position:
                number = indices.rem(number, trips[d])
            extent, size = self.space.dims[d].size, self.tiles[d]
            lows[d] = _named(indices.mul(number, size), f"{self.space.dims[d].name}_start")
            if extent % size:
                rest = indices.sub(extent, lows[d])
                sizes[d] = _named(indices.min(size, rest), f"{self.space.dims[d].name}_size")
        return lows, sizes

    def _tile(
        self, indices: IndexBuilder, tile: Index, homes: Mapping[int, SSAValue], staged: Mapping[int, SSAValue | None]
    ) -> None:
        """One tile: copies in, the kernels on their parts, the copy out."""
        box = self.fused.tile(*self._tile_box(indices, tile), indices)
        operands: list[SSAValue] = []
        copy_out: Operation | None = None
        for number, access in enumerate(self.space.accesses):
            fetched = staged.get(number)
            if fetched is not None:
                operands.append(fetched)
                continue
            regions = box.held(number)
            if self._inside(number):
                operands.append(self._tile_of(indices, number, self._buffer(indices, number, tile), regions))
                continue
            part = self._part(indices, number, homes[number], regions)
            if self.buffers[number].memory_name is None:
                operands.append(part)
                continue
            buffer = self._buffer(indices, number, tile)
            local = self._tile_of(indices, number, buffer, regions)
            operands.append(local)
            if access.written:
                copy_out = CopyOp(local, part)
                continue
            period = self.period(access)
            changed = None
            if period > 1 and isinstance(tile, SSAValue):
                changed = indices.compare("eq", indices.rem(tile, period), 0)
            indices.builder.insert(CopyOp(part, local, changed))
        for stage, kernel in enumerate(self.nest.kernels):
            indices.builder.insert(self._kernel(indices, box, stage, kernel, operands))
        if copy_out is not None:
            indices.builder.insert(copy_out)

    def _kernel(
        self, indices: IndexBuilder, box: FusedTile[Index], stage: int, kernel: KernelOp, tiles: Sequence[SSAValue]
    ) -> KernelOp:
        """A kernel on its parts of the tiles."""
        whole = self.trips == 1  # and every part begins where its operand does: the static offsets still hold
        operands: list[SSAValue] = []
        origins: list[Index] = []
        described = self.fused.stages[stage]
        for number, (access, slot) in enumerate(zip(described.space.accesses, described.slots, strict=True)):
            regions = box.within(stage, number)
            whole = whole and all(r.start == 0 for r in box.touched(stage, number))
            origins += [r.origin for r, axis in zip(regions, access.axes, strict=True) if axis.padded]
            operands.append(indices.subview(tiles[slot], [r.start for r in regions], [r.size for r in regions]))
        numbers = None if whole else [indices.value(o) for o in origins]
        return kernel_on(kernel, operands, numbers, self._scratch(indices.builder))


def _in_words(kernel: KernelOp) -> str:
    """`conv: 1x16x16x8 i8 x 8x3x3x8 i8 -> 1x16x16x8 i8`."""
    types = " x ".join(_short(v.type) for v in kernel.ins)
    return f"{kernel.name.removeprefix('kernel.')}: {types} -> {_short(kernel.out.type)}"


def _named(index: Index, name: str) -> Index:
    """The index, with a name hint where it is a value."""
    if isinstance(index, SSAValue):
        index.name_hint = name
    return index


def _short(type_: Attribute) -> str:
    """`1x16x16x8 i8` for a tensor type."""
    tensor_type = cast(TensorType[Attribute], type_)
    return f"{'x'.join(map(str, tensor_type.get_shape())) or 'scalar'} {tensor_type.element_type}"


@dataclass(frozen=True)
class ConvertTiledToMemPass(ModulePass):
    """Lowers every function of planned nests; afterwards no tensor is left."""

    name = "convert-tiled-to-mem"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in [f for f in op.body.block.ops if isinstance(f, FuncOp)]:
            lower_function(op, function)
        for constant in [g for g in op.body.block.ops if isinstance(g, GlobalOp)]:
            Rewriter.erase_op(constant)


def lower_function(module: ModuleOp, function: FuncOp) -> None:
    """Lowers one function, in place."""
    network = function.sym_name.data
    memories = Memories(network, Identifiers(symbols_in(module.body.block)))
    arrays = declare_arrays(module, function, memories)
    steps: list[Operation] = []
    for nest in [n for n in function.body.block.ops if isinstance(n, NestOp)]:
        steps.append(NestLowering.of(nest, memories).lower())
    arenas = [
        ArenaOp(memories.arena(m), network, m, -(-n // ARENA_ALIGN) * ARENA_ALIGN, ARENA_ALIGN)
        for m, n in memories.arena_bytes.items()
    ]
    for op in (*arenas, *arrays):
        Rewriter.insert_op(op, InsertPoint.before(function))
    block = Block([*steps, ReturnOp()])
    lowered = FuncOp(network, FunctionType.from_lists([], []), Region(block), visibility=function.sym_visibility)
    Rewriter.replace_op(function, lowered)


def declare_arrays(module: ModuleOp, function: FuncOp, memories: Memories) -> list[memref.GlobalOp]:
    """Globals for inputs, outputs and constants; records their symbols in `memories`."""
    arrays: list[memref.GlobalOp] = []

    def declare(
        root: SSAValue, home: HomeAttr, role: Role, number: int, name: str, value: Attribute | None = None
    ) -> str:
        tensor_type = cast(TensorType[Attribute], root.type)
        base = identifier(name, "constant") if role == Role.CONSTANT else f"{role}_{number}"
        symbol = memories.symbols.fresh(f"{memories.network}_{base}")
        array = memref.GlobalOp.get(
            StringAttr(symbol),
            contiguous(tensor_type.element_type, tensor_type.get_shape(), home.memory_name),
            UnitAttr() if value is None else value,
            StringAttr("public" if value is None else "private"),
            constant=UnitAttr() if value is not None else None,
        )
        array.attributes[ROLE] = RoleAttr.of(role, number, memories.network, name)
        memories.arrays[root] = symbol
        arrays.append(array)
        return symbol

    names = boundary_names(function)
    for number, argument in enumerate(function.args):
        home = home_of(argument)
        if home is None:
            raise DeeployError(f"input {number} of type {argument.type} has no home; run deeploy-plan first")
        declare(argument, home, Role.INPUT, number, names.inputs[number])
    last = function.body.block.last_op
    assert isinstance(last, ReturnOp)
    for number, value in enumerate(last.arguments):
        root, home = root_of(value), home_of(value)
        if home is None or home.offset is not None or isinstance(root, BlockArgument) or root in memories.arrays:
            raise DeeployError(f"output {number} of type {value.type} has no array of its own; run deeploy-plan first")
        declare(root, home, Role.OUTPUT, number, names.outputs[number])
    arguments, results = len(function.args), len(last.arguments)
    meanings = [
        *stated_quantization(function, ARGUMENTS, arguments),
        *stated_quantization(function, RESULTS, results),
    ]
    for array, quantization in zip(arrays, meanings, strict=True):
        if quantization is not None:
            array.attributes[ARRAY] = quantization
    declared: dict[str, str] = {}
    for load in [o for o in function.body.block.ops if isinstance(o, ConstantOp)]:
        constant = load.constant
        name = constant.sym_name.data
        if name in declared:
            memories.arrays[load.result] = declared[name]
            continue
        home, value = load.home, constant.value
        if home is None or not isa(value, DenseIntOrFPElementsAttr):
            raise DeeployError(f"constant {name} has no home or no value; run deeploy-plan first")
        declared[name] = declare(load.result, home, Role.CONSTANT, len(declared), name, value)
    return arrays
