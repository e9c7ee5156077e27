"""The `tiled` dialect: a compute operator as a loop nest over tiles, and where tensors live.

A `tiled.nest` holds a kernel on the whole operands; its attributes say how it runs. Absent before the planner:

- `tiles`: the tile size along each dimension of the kernel's iteration space (the last one's, if there are several),
- `loop_order`: the dimensions that are cut (more than one trip), outermost first,
- `buffers`: for each operand that the kernel accesses (ins, extras, out), either `#tiled.buffers<in_place>` or the
  memory and the offsets of the buffers that its tiles pass through (one offset: single, two: double buffered).
- `scratch`, where the kernel's binding asks for it: the bytes that it has for its own use, a part for each core.

Several kernels may share a nest. Those before the last write into `tiled.empty`s inside the nest, the *intermediates*:
each tile holds only what of them the kernels behind need (`space.fusion`), in a buffer of its own, so `buffers` has an
entry for each operand of the nest, each intermediate and the output, in this order.

Nests nest: a nest may hold another one on the same operands instead of kernels. Its tiles are then what the inner nest
runs on, its buffers lie in a memory farther from the engine, and the inner one takes its parts from there (or from the
homes, of what is in place in the outer one). The inner nest's `loop_order` has the dimensions of such a tile that it
cuts.

Tensors have a *home*: `#tiled.home<@l2 at 1024>` is a place in the arena of a memory, `#tiled.home<@l2>` an array of
its own. Homes stand on `tiled.empty`, on `tiled.constant` and on function arguments (attribute `tiled.home`).

    %0 = tiled.empty {home = #tiled.home<@l2 at 0>} : tensor<1x16x16x8xi8>
    %1 = tiled.nest ins(%x, %w : …) outs(%0 : …) {layer = "conv",
           tiles = array<i64: 1, 8, 16, 8, 3, 3, 4>, loop_order = array<i64: 1>,
           buffers = [#tiled.buffers<@l1 at 0, 1024>, …]} do {
         ^bb0(%xt : …, %wt : …, %ot : …):
           %2 = kernel.conv ins(%xt, %wt : …) outs(%ot : …) …
           tiled.yield %2 : …
         } -> tensor<1x16x16x8xi8>
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DictionaryAttr,
    IntAttr,
    IntegerType,
    NoneAttr,
    StringAttr,
    SymbolRefAttr,
    TensorType,
)
from xdsl.dialects.func import FuncOp
from xdsl.dialects.ml_program import GlobalOp
from xdsl.ir import Attribute, Block, BlockArgument, Dialect, ParametrizedAttribute, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import IsTerminator, MemoryAllocEffect, Pure
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects.kernel import KernelOp, ReshapeOp
from deeploy_mlir.dialects.symbol_table import lookup_symbol
from deeploy_mlir.space.fusion import FusedSpace, FusionError, Stage
from deeploy_mlir.space.iteration_space import IterationSpace

HOME = "tiled.home"
"""Name of the home attribute on function arguments."""


@irdl_attr_definition
class HomeAttr(ParametrizedAttribute):
    """Where a tensor lives: a memory, and the byte offset in its arena unless it is an array of its own."""

    name = "tiled.home"
    memory: SymbolRefAttr
    place: IntAttr | NoneAttr

    @classmethod
    def at(cls, memory: str, offset: int | None = None) -> HomeAttr:
        return cls(SymbolRefAttr(memory), NoneAttr() if offset is None else IntAttr(offset))

    @property
    def offset(self) -> int | None:
        """Byte offset in the arena; None for an array of its own."""
        return self.place.data if isinstance(self.place, IntAttr) else None

    @property
    def memory_name(self) -> str:
        return self.memory.root_reference.data

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            memory = SymbolRefAttr(parser.parse_symbol_name())
            offset = parser.parse_integer() if parser.parse_optional_keyword("at") else None
        return [memory, NoneAttr() if offset is None else IntAttr(offset)]

    def print_parameters(self, printer: Printer) -> None:
        place = "" if self.offset is None else f" at {self.offset}"
        printer.print_string(f"<@{self.memory_name}{place}>")


@irdl_attr_definition
class BuffersAttr(ParametrizedAttribute):
    """How the tiles of an operand reach the engine: in place, or through buffers at offsets of a memory's arena."""

    name = "tiled.buffers"
    memory: SymbolRefAttr | NoneAttr
    places: ArrayAttr[IntAttr]

    @classmethod
    def through(cls, memory: str, offsets: Sequence[int]) -> BuffersAttr:
        return cls(SymbolRefAttr(memory), ArrayAttr([IntAttr(o) for o in offsets]))

    @classmethod
    def in_place(cls) -> BuffersAttr:
        return cls(NoneAttr(), ArrayAttr([]))

    @property
    def memory_name(self) -> str | None:
        """The memory of the buffers; None in place."""
        return self.memory.root_reference.data if isinstance(self.memory, SymbolRefAttr) else None

    @property
    def offsets(self) -> tuple[int, ...]:
        """Byte offset of each buffer; empty in place."""
        return tuple(p.data for p in self.places)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            if parser.parse_optional_keyword("in_place"):
                return [NoneAttr(), ArrayAttr[IntAttr]([])]
            memory = SymbolRefAttr(parser.parse_symbol_name())
            parser.parse_keyword("at")
            offsets = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_integer)
        return [memory, ArrayAttr([IntAttr(o) for o in offsets])]

    def print_parameters(self, printer: Printer) -> None:
        if self.memory_name is None:
            printer.print_string("<in_place>")
        else:
            printer.print_string(f"<@{self.memory_name} at {', '.join(map(str, self.offsets))}>")


@irdl_attr_definition
class ScratchAttr(ParametrizedAttribute):
    """Bytes of a memory's arena for a kernel's own use: `#tiled.scratch<@l1 at 1024, 8 by 64>` is 64 bytes for each of
    8 cores."""

    name = "tiled.scratch"
    memory: SymbolRefAttr
    place: IntAttr
    cores: IntAttr
    bytes: IntAttr

    @classmethod
    def at(cls, memory: str, offset: int, cores: int, size: int) -> ScratchAttr:
        return cls(SymbolRefAttr(memory), IntAttr(offset), IntAttr(cores), IntAttr(size))

    @property
    def memory_name(self) -> str:
        return self.memory.root_reference.data

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.place.data + self.cores.data * self.bytes.data

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            memory = SymbolRefAttr(parser.parse_symbol_name())
            parser.parse_keyword("at")
            offset = parser.parse_integer()
            parser.parse_punctuation(",")
            cores = parser.parse_integer()
            parser.parse_keyword("by")
            return [memory, IntAttr(offset), IntAttr(cores), IntAttr(parser.parse_integer())]

    def print_parameters(self, printer: Printer) -> None:
        printer.print_string(f"<@{self.memory_name} at {self.place.data}, {self.cores.data} by {self.bytes.data}>")


@irdl_op_definition
class EmptyOp(IRDLOperation):
    """A tensor whose contents are still to be written, with its home once planned."""

    name = "tiled.empty"
    result = result_def(TensorType)
    home = opt_prop_def(HomeAttr)
    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(MemoryAllocEffect())
    assembly_format = "attr-dict `:` type($result)"

    def __init__(self, result_type: Attribute, home: HomeAttr | None = None) -> None:
        super().__init__(result_types=[result_type], properties={"home": home})


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """The constant that an `ml_program.global` holds, with its home once planned."""

    name = "tiled.constant"
    symbol = prop_def(SymbolRefAttr)
    result = result_def(TensorType)
    home = opt_prop_def(HomeAttr)
    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = "$symbol attr-dict `:` type($result)"

    def __init__(self, symbol: SymbolRefAttr, result_type: Attribute, home: HomeAttr | None = None) -> None:
        super().__init__(result_types=[result_type], properties={"symbol": symbol, "home": home})

    @property
    def constant(self) -> GlobalOp:
        """The global. Raises VerifyException if there is none of that name."""
        found = lookup_symbol(self, self.symbol)
        if not isinstance(found, GlobalOp):
            raise VerifyException(f"there is no ml_program.global {self.symbol}")
        return found


@irdl_op_definition
class YieldOp(IRDLOperation):
    """Ends the body of a nest with the updated output."""

    name = "tiled.yield"
    value = operand_def(TensorType)
    traits = traits_def(IsTerminator())
    assembly_format = "$value attr-dict `:` type($value)"

    def __init__(self, value: SSAValue) -> None:
        super().__init__(operands=[value])


@irdl_op_definition
class NestOp(IRDLOperation):
    """A kernel, or several, that run tile by tile (see the module's description)."""

    name = "tiled.nest"
    ins = var_operand_def(TensorType)
    out = operand_def(TensorType)
    result = result_def(TensorType)
    body = region_def("single_block")
    layer = prop_def(StringAttr)
    tiles = opt_prop_def(DenseArrayBase[IntegerType])
    loop_order = opt_prop_def(DenseArrayBase[IntegerType])
    buffers = opt_prop_def(ArrayAttr[BuffersAttr])
    scratch = opt_prop_def(ScratchAttr)
    cycles = opt_prop_def(IntAttr)
    """Planned cycles of the whole nest."""
    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = (
        "`ins` `(` ($ins^ `:` type($ins))? `)` `outs` `(` $out `:` type($out) `)` "
        "attr-dict `do` $body `->` type($result)"
    )

    def __init__(self, ins: Sequence[SSAValue], out: SSAValue, body: Region, *, layer: str) -> None:
        super().__init__(
            operands=[list(ins), out],
            result_types=[out.type],
            regions=[body],
            properties={"layer": StringAttr(layer)},
        )

    @property
    def inner(self) -> NestOp | None:
        """The nest that cuts this one's tiles once more, for a nearer memory."""
        return next((op for op in self.body.block.ops if isinstance(op, NestOp)), None)

    @property
    def levels(self) -> tuple[NestOp, ...]:
        """This nest and those in it, the outermost first."""
        return (self,) if self.inner is None else (self, *self.inner.levels)

    @property
    def kernels(self) -> tuple[KernelOp, ...]:
        """The kernels inside, in the order in which they run."""
        return tuple(op for op in self.levels[-1].body.block.ops if isinstance(op, KernelOp))

    @property
    def kernel(self) -> KernelOp:
        """The last kernel: what the nest computes, and whose dimensions its tiles are about."""
        return self.kernels[-1]

    @property
    def intermediates(self) -> tuple[SSAValue, ...]:
        """The tensors between the kernels, as the body names them."""
        return tuple(op.result for op in self.levels[-1].body.block.ops if isinstance(op, EmptyOp))

    @property
    def slots(self) -> tuple[SSAValue, ...]:
        """All tensors that the kernels work on, in the order of `buffers`: the nest's `ins`, the intermediates, its
        output."""
        return (*self.ins, *self.intermediates, self.out)

    def fused_space(self) -> FusedSpace:
        """The iteration spaces of the kernels on the slots. Raises FusionError if they cannot share a nest."""
        arguments = self.levels[-1].body.block.args
        inside = (*arguments[:-1], *self.intermediates, arguments[-1])
        numbers = {value: number for number, value in enumerate(inside)}
        stages: list[Stage] = []
        for kernel in self.kernels:
            stages.append(Stage(kernel.iteration_space(), tuple(numbers[v] for v in kernel.operands_accessed)))
            numbers |= {result: stages[-1].writes for result in kernel.results}
        return FusedSpace(tuple(stages))

    @property
    def planned(self) -> bool:
        return self.tiles is not None and self.loop_order is not None and self.buffers is not None

    @property
    def around(self) -> NestOp | None:
        """The nest that this one is in."""
        parent = self.parent_op()
        return parent if isinstance(parent, NestOp) else None

    def verify_(self) -> None:
        block = self.body.block
        if [a.type for a in block.args] != [v.type for v in (*self.ins, self.out)]:
            raise VerifyException(f"tiled.nest {self.layer.data}: the body's arguments must be the operands, in order")
        if self.out.type != self.result.type:
            raise VerifyException(f"tiled.nest {self.layer.data}: {self.result.type} is not {self.out.type}")
        if self.inner is not None:
            self._verify_inner(self.inner)
            return
        kernels = self.kernels
        if not kernels or not isinstance(block.last_op, YieldOp):
            raise VerifyException(f"tiled.nest {self.layer.data}: needs a kernel and a tiled.yield")
        if block.last_op.value is not kernels[-1].result or kernels[-1].out is not block.args[-1]:
            raise VerifyException(f"tiled.nest {self.layer.data}: its last kernel must write the output")
        self._verify_body(kernels)
        try:
            fused = self.fused_space()
        except FusionError as error:
            layer = kernels[error.stage].layer.data
            raise VerifyException(f"tiled.nest {self.layer.data}: {layer} cannot run in it: {error}") from error
        self._verify_plan(fused.space)

    def _verify_inner(self, inner: NestOp) -> None:
        block = self.body.block
        last = block.last_op
        if len(block.ops) != 2 or not isinstance(last, YieldOp) or last.value is not inner.result:
            raise VerifyException(f"tiled.nest {self.layer.data}: beside the nest in it there is a tiled.yield alone")
        if (*inner.ins, inner.out) != tuple(block.args):
            raise VerifyException(f"tiled.nest {self.layer.data}: the nest in it must work on its operands, in order")
        if self.planned != inner.planned:
            raise VerifyException(f"tiled.nest {self.layer.data}: all of the nests in one another are planned, or none")
        self._verify_plan(self.fused_space().space)

    def _verify_body(self, kernels: Sequence[KernelOp]) -> None:
        """The kernels work on the operands, each of which is used, and on what is written before in the body."""
        block = self.body.block
        allowed: set[SSAValue] = set(block.args[:-1])
        for kernel in kernels:
            if not allowed.issuperset((*kernel.ins, *kernel.extras)):
                raise VerifyException(f"tiled.nest {self.layer.data}: the kernels must work on the body's arguments")
            if kernel is not kernels[-1] and (kernel.out not in self.intermediates or kernel.result is None):
                raise VerifyException(f"tiled.nest {self.layer.data}: {kernel.layer.data} must write an intermediate")
            allowed.update(kernel.results)
        if len(kernels) == 1 and kernels[0].operands_accessed != tuple(block.args):
            raise VerifyException(f"tiled.nest {self.layer.data}: its kernel must work on its operands, in order")
        used = {value for kernel in kernels for value in kernel.operands_accessed}
        if any(value not in used for value in (*block.args, *self.intermediates)):
            raise VerifyException(f"tiled.nest {self.layer.data}: no kernel uses one of its operands or intermediates")
        if any(isinstance(op, EmptyOp) and op.home is not None for op in block.ops):
            raise VerifyException(f"tiled.nest {self.layer.data}: an intermediate has buffers, but no home")

    def _verify_plan(self, space: IterationSpace) -> None:
        if self.tiles is None and self.loop_order is None and self.buffers is None:
            return
        if self.tiles is None or self.loop_order is None or self.buffers is None:
            raise VerifyException(f"tiled.nest {self.layer.data}: tiles, loop_order and buffers go together")
        tiles, order = self.tiles.get_values(), self.loop_order.get_values()
        sizes = space.sizes
        if self.around is not None and self.around.tiles is not None:
            sizes = self.around.tiles.get_values()  # what there is to cut
        if len(tiles) != len(space.dims) or len(sizes) != len(space.dims):
            raise VerifyException(f"tiled.nest {self.layer.data}: {len(tiles)} tiles for {len(space.dims)} dimensions")
        cut = {i for i, (size, t) in enumerate(zip(sizes, tiles, strict=True)) if t < size}
        for i, (d, size, t) in enumerate(zip(space.dims, sizes, tiles, strict=True)):
            if not 1 <= t <= max(size, 1):
                raise VerifyException(f"tiled.nest {self.layer.data}: tile {t} of dimension {d.name}, size {size}")
            if i in cut and i not in space.tileable:
                raise VerifyException(f"tiled.nest {self.layer.data}: dimension {d.name} cannot be cut")
        if len(set(order)) != len(order) or set(order) != cut:
            raise VerifyException(
                f"tiled.nest {self.layer.data}: loop_order {list(order)} must name the cut "
                f"dimensions {sorted(cut)} once"
            )
        if len(self.buffers.data) != len(space.accesses):
            raise VerifyException(
                f"tiled.nest {self.layer.data}: buffers of {len(self.buffers.data)} operands, but there are "
                f"{len(space.accesses)}"
            )
        first = len(self.ins)
        wanted = 1 if self.inner is None else 0
        if any(len(b.offsets) != wanted for b in self.buffers.data[first : first + len(self.intermediates)]):
            raise VerifyException(
                f"tiled.nest {self.layer.data}: an intermediate needs one buffer, that of the innermost nest"
            )


def nest_of(kernel: KernelOp, out: SSAValue) -> NestOp:
    """A nest around a clone of `kernel`, writing into `out`."""
    ins = (*kernel.ins, *kernel.extras)
    block = Block(arg_types=[v.type for v in (*ins, out)])
    mapping: dict[SSAValue, SSAValue] = {}
    clone = kernel.clone(mapping)
    clone.operands = list(block.args)
    block.add_ops([clone, YieldOp(clone.results[0])])
    return NestOp(ins, out, Region(block), layer=kernel.layer.data)


def nest_around(nest: NestOp) -> NestOp:
    """A nest around a clone of `nest`, on the same operands."""
    block = Block(arg_types=[v.type for v in (*nest.ins, nest.out)])
    inner = nest.clone()
    inner.operands = list(block.args)
    block.add_ops([inner, YieldOp(inner.result)])
    return NestOp(list(nest.ins), nest.out, Region(block), layer=nest.layer.data)


def root_of(value: SSAValue) -> SSAValue:
    """The tensor whose buffer `value` is: through reshapes, and through nests to what they write into."""
    while isinstance(owner := value.owner, ReshapeOp | NestOp):
        value = owner.source if isinstance(owner, ReshapeOp) else owner.out
    return value


def home_of(value: SSAValue) -> HomeAttr | None:
    """The home of the buffer behind a tensor; None if not planned yet."""
    root = root_of(value)
    home: Attribute | None = None
    if isinstance(root, BlockArgument):
        function = root.block.parent_op()
        if isinstance(function, FuncOp) and function.arg_attrs is not None:
            home = function.arg_attrs.data[root.index].data.get(HOME)
    elif isinstance(root.owner, EmptyOp | ConstantOp):
        home = root.owner.home
    return home if isinstance(home, HomeAttr) else None


def set_home(value: SSAValue, home: HomeAttr) -> None:
    """Gives the buffer behind a tensor its home. Raises ValueError for a tensor that has no buffer."""
    root = root_of(value)
    if isinstance(root, BlockArgument):
        function = root.block.parent_op()
        assert isinstance(function, FuncOp)
        given = function.arg_attrs.data if function.arg_attrs is not None else ()
        attrs = list(given) or [DictionaryAttr({}) for _ in function.args]
        attrs[root.index] = DictionaryAttr({**attrs[root.index].data, HOME: home})
        function.arg_attrs = ArrayAttr(attrs)
    elif isinstance(root.owner, EmptyOp | ConstantOp):
        root.owner.home = home
    else:
        raise ValueError(f"{root} is no buffer")


Tiled = Dialect("tiled", [EmptyOp, ConstantOp, NestOp, YieldOp], [HomeAttr, BuffersAttr, ScratchAttr])
