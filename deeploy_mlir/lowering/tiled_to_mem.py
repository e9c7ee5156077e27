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


@dataclass(frozen=True)
class Box:
    """A part of what the kernels of a nest compute: first index and size along each dimension."""

    lows: Sequence[Index]
    sizes: Sequence[Index]


@dataclass(frozen=True)
class Source:
    """Where a nest finds an operand: the memref begins at the operand's elements `starts`."""

    memref: SSAValue
    starts: Sequence[Index]


@dataclass
class NestLowering:
    """One planned nest on its way to loops: the outermost, or one in another."""

    nest: NestOp
    memories: Memories
    fused: FusedSpace
    extents: tuple[int, ...]
    """Along each dimension, the most that there is to cut."""
    tiles: tuple[int, ...]
    order: tuple[int, ...]
    buffers: tuple[BuffersAttr, ...]
    inner: NestLowering | None

    @classmethod
    def of(cls, nest: NestOp, memories: Memories, extents: tuple[int, ...] | None = None) -> NestLowering:
        if nest.tiles is None or nest.loop_order is None or nest.buffers is None:
            raise DeeployError("the nest has no plan; run deeploy-plan first", nest.layer.data)
        fused, tiles = nest.fused_space(), tuple(nest.tiles.get_values())
        return cls(
            nest,
            memories,
            fused,
            fused.space.sizes if extents is None else extents,
            tiles,
            tuple(nest.loop_order.get_values()),
            tuple(nest.buffers.data),
            None if nest.inner is None else cls.of(nest.inner, memories, tiles),
        )

    @property
    def space(self) -> IterationSpace:
        return self.fused.space

    def lower(self) -> StepOp:
        """The nest as a step."""
        block = Block()
        builder = Builder(InsertPoint.at_end(block))
        sources: dict[int, Source] = {}
        for number, value in enumerate(self.nest.slots):
            if not self._inside(number):
                home = self.memories.buffer(builder, value)
                home.name_hint = self._role(number)
                sources[number] = Source(home, [0] * len(self.space.accesses[number].axes))
        sizes = self.space.sizes
        self.emit(IndexBuilder(builder), Box([0] * len(sizes), sizes), sources)
        note, tiles = self._note(), NestLowering.of(self.nest.levels[-1], self.memories).tiles
        return StepOp(self.nest.layer.data, tiles, Region(block), note=note, cycles=self.nest.cycles)

    def emit(self, indices: IndexBuilder, box: Box, sources: Mapping[int, Source]) -> None:
        """The nest for a box: copies of what is the same for all tiles, and the loop over these."""
        staged = {number: self._fetch_once(indices, number, box, source) for number, source in sources.items()}
        if not self.order:
            self._tile(indices, 0, box, sources, staged)
            return
        trips = self._trips(indices, box)
        total: Index = 1
        for d in self.order:
            total = indices.mul(total, trips[d])
        bounds = [indices.value(i) for i in (0, total, 1)]
        body = Block(arg_types=[bounds[0].type])
        body.args[0].name_hint = "tile" if self.inner is None else "block"
        indices.builder.insert(scf.ForOp(bounds[0], bounds[1], bounds[2], [], Region(body)))
        inner = IndexBuilder(Builder(InsertPoint.at_end(body)))
        self._tile(inner, body.args[0], box, sources, staged)
        inner.builder.insert(scf.YieldOp())

    def _trips(self, indices: IndexBuilder, box: Box) -> dict[int, Index]:
        """Tiles of a box along each dimension that is cut; fewer than usual of a box at the border."""
        return {d: indices.div(indices.add(box.sizes[d], self.tiles[d] - 1), self.tiles[d]) for d in self.order}

    def _period(self, indices: IndexBuilder, trips: Mapping[int, Index], access: Access) -> Index:
        """After how many tiles the part that `access` touches changes; all of them if it never does."""
        period: Index = 1
        for d in reversed(self.order):
            if d in access.dims:
                return period
            period = indices.mul(period, trips[d])
        return period

    def _note(self) -> str:
        """Shapes and tiles in words."""
        dims = self.space.dims
        text = " | ".join(map(_in_words, self.nest.kernels))
        level: NestLowering | None = self
        while level is not None:
            if level.order:
                trips = prod(-(-level.extents[d] // level.tiles[d]) for d in level.order)
                cuts = ", ".join(f"{dims[d].name} {level.extents[d]} by {level.tiles[d]}" for d in level.order)
                text += f"; {trips} {'tiles' if level.inner is None else 'blocks'}: {cuts}"
            level = level.inner
        return text

    def _inside(self, number: int) -> bool:
        """Whether a slot is an intermediate."""
        return number in self.fused.makers

    def _buffer(self, indices: IndexBuilder, number: int, tile: Index, period: Index) -> SSAValue:
        """The buffer that operand `number` uses for this tile, at its largest size."""
        access, buffers = self.space.accesses[number], self.buffers[number]
        memory = buffers.memory_name
        assert memory is not None
        element = cast(TensorType[Attribute], self.nest.slots[number].type).element_type
        buffer_type = contiguous(element, access.tile_shape(self.tiles), memory)
        for offset in buffers.offsets:
            self.memories.reserve(memory, offset + access.tile_bytes(self.tiles))
        depth = len(buffers.offsets)
        which = indices.rem(indices.div(tile, period), depth)
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

    def _fetch_once(self, indices: IndexBuilder, number: int, box: Box, source: Source) -> SSAValue | None:
        """Copies in an operand that is the same for all tiles, before the loop; None for the others."""
        access = self.space.accesses[number]
        if self.buffers[number].memory_name is None or access.written or not self.order:
            return None
        if any(d in access.dims for d in self.order):
            return None
        sizes = [self.tiles[d] if d in self.order else size for d, size in enumerate(box.sizes)]
        regions = self.fused.tile(box.lows, sizes, indices).held(number)
        part, buffer = self._part(indices, number, source, regions), self._buffer(indices, number, 0, 1)
        tile = self._tile_of(indices, number, buffer, regions)
        indices.builder.insert(CopyOp(part, tile))
        return tile

    def _part(
        self, indices: IndexBuilder, number: int, source: Source, regions: Sequence[AxisRegion[Index]]
    ) -> SSAValue:
        """The part of an operand's source that a tile touches."""
        starts = [indices.sub(r.start, start) for r, start in zip(regions, source.starts, strict=True)]
        part = indices.subview(source.memref, starts, [r.size for r in regions])
        if part is not source.memref:
            part.name_hint = f"{self._local_name(number)}_part" if self.inner else f"{self._role(number)}_part"
        return part

    def _tile_of(
        self, indices: IndexBuilder, number: int, buffer: SSAValue, regions: Sequence[AxisRegion[Index]]
    ) -> SSAValue:
        """As much of a buffer as the tile takes."""
        tile = indices.subview(buffer, [0] * len(regions), [r.size for r in regions])
        tile.name_hint = self._local_name(number)
        return tile

    def _local_name(self, number: int) -> str:
        """Name of what a tile has of an operand."""
        return f"{self._role(number)}_{'tile' if self.inner is None else 'block'}"

    def _role(self, number: int) -> str:
        """Name of an operand: of a single kernel as its C function names it."""
        if number == len(self.space.accesses) - 1:
            return "out"
        if self._inside(number):
            return f"mid{number - len(self.nest.ins)}"
        ins = len(self.nest.kernel.ins) if len(self.nest.kernels) == 1 else len(self.nest.ins)
        return f"in{number}" if number < ins else f"extra{number - ins}"

    def _tile_box(self, indices: IndexBuilder, tile: Index, box: Box, trips: Mapping[int, Index]) -> Box:
        """The tile's part of a box, from its number in the sequence."""
        lows, sizes = list(box.lows), list(box.sizes)
        for position, d in enumerate(self.order):
            inner: Index = 1
            for later in self.order[position + 1 :]:
                inner = indices.mul(inner, trips[later])
            number = indices.div(tile, inner)
            if position:
                number = indices.rem(number, trips[d])
            extent, size = box.sizes[d], self.tiles[d]
            start = _named(indices.mul(number, size), f"{self.space.dims[d].name}_start")
            lows[d] = indices.add(box.lows[d], start)
            sizes[d] = size
            if not isinstance(extent, int) or extent % size:
                rest = indices.sub(extent, start)
                sizes[d] = _named(indices.min(size, rest), f"{self.space.dims[d].name}_size")
        return Box(lows, sizes)

    def _tile(
        self,
        indices: IndexBuilder,
        tile: Index,
        box: Box,
        sources: Mapping[int, Source],
        staged: Mapping[int, SSAValue | None],
    ) -> None:
        """One tile: copies in, the kernels on their parts or the inner nest, the copy out."""
        trips = self._trips(indices, box)
        inside = self._tile_box(indices, tile, box, trips)
        part_of = self.fused.tile(inside.lows, inside.sizes, indices)
        operands: dict[int, Source] = {}
        copy_out: Operation | None = None
        for number, access in enumerate(self.space.accesses):
            regions = part_of.held(number)
            starts = [r.start for r in regions]
            fetched = staged.get(number)
            if fetched is not None:
                operands[number] = Source(fetched, starts)
                continue
            if self.buffers[number].memory_name is None:
                if number in sources:  # an intermediate is not there yet
                    place = sources[number]
                    here = self.inner is None
                    operands[number] = Source(self._part(indices, number, place, regions), starts) if here else place
                continue
            part = None if self._inside(number) else self._part(indices, number, sources[number], regions)
            period = self._period(indices, trips, access)
            local = self._tile_of(indices, number, self._buffer(indices, number, tile, period), regions)
            operands[number] = Source(local, starts)
            if part is None:
                continue
            if access.written:
                copy_out = CopyOp(local, part)
                continue
            changed = None
            if period != 1 and isinstance(tile, SSAValue):
                changed = indices.compare("eq", indices.rem(tile, period), 0)
            indices.builder.insert(CopyOp(part, local, changed))
        if self.inner is not None:
            self.inner.emit(indices, inside, operands)
        else:
            for stage in range(len(self.nest.kernels)):
                indices.builder.insert(self._kernel(indices, part_of, stage, operands))
        if copy_out is not None:
            indices.builder.insert(copy_out)

    def _kernel(
        self, indices: IndexBuilder, part_of: FusedTile[Index], stage: int, tiles: Mapping[int, Source]
    ) -> KernelOp:
        """A kernel on its parts of the tiles."""
        # Where every part begins where its operand does, the static offsets still hold.
        whole = self.nest.around is None and not self.order
        operands: list[SSAValue] = []
        origins: list[Index] = []
        described = self.fused.stages[stage]
        for number, (access, slot) in enumerate(zip(described.space.accesses, described.slots, strict=True)):
            regions = part_of.within(stage, number)
            whole = whole and all(r.start == 0 for r in part_of.touched(stage, number))
            origins += [r.origin for r, axis in zip(regions, access.axes, strict=True) if axis.padded]
            starts, sizes = [r.start for r in regions], [r.size for r in regions]
            operands.append(indices.subview(tiles[slot].memref, starts, sizes))
        numbers = None if whole else [indices.value(o) for o in origins]
        return kernel_on(self.nest.kernels[stage], operands, numbers, self._scratch(indices.builder))


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
