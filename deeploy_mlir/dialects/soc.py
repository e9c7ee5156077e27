"""The `soc` dialect: a system on a chip as data.

    soc.system @siracusa {
      soc.memory @l1 {size = 262144, align = 8, address = 268435456}
      soc.memory @l2 {size = 2031616}
      soc.dma @mchan from @l2 to @l1 {bytes_per_cycle = 8, startup_cycles = 100, max_dims = 2, channels = 16}
      soc.engine @cluster {cores = 8, memory = @l1}
      soc.host @fabric_controller {memory = @l2}
    }

Sizes are bytes, times are cycles of the engines' clock. A memref's memory space is `#soc.memory<@l1>`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar, TypeVar, cast

from xdsl.dialects.builtin import (
    ArrayAttr,
    IntegerAttr,
    IntegerType,
    StringAttr,
    SymbolNameConstraint,
    SymbolRefAttr,
    UnitAttr,
)
from xdsl.ir import Attribute, Block, Dialect, Operation, ParametrizedAttribute, Region
from xdsl.irdl import (
    IRDLOperation,
    irdl_attr_definition,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import NoTerminator, SymbolTable
from xdsl.utils.exceptions import VerifyException

from deeploy_mlir.dialects.soc_part import PartOp

OpT = TypeVar("OpT", bound=Operation)


@irdl_attr_definition
class MemorySpaceAttr(ParametrizedAttribute):
    """The memory that a memref lies in: `memref<4xi8, #soc.memory<@l1>>`."""

    name = "soc.memory"
    memory: SymbolRefAttr

    def __init__(self, memory: str | SymbolRefAttr) -> None:
        super().__init__(SymbolRefAttr(memory) if isinstance(memory, str) else memory)

    @property
    def memory_name(self) -> str:
        """The memory's name, without the @."""
        return self.memory.root_reference.data

    def verify(self) -> None:
        if self.memory.nested_references.data:
            raise VerifyException(f"#soc.memory takes the name of one memory, not {self.memory}")


@irdl_op_definition
class MemoryOp(PartOp):
    """A memory: `size` bytes, buffers at multiples of `align`, and its `address` in the map where it is fixed.

    In one that is `weights_only` only constants can live.
    """

    name = "soc.memory"
    OPTIONS: ClassVar[tuple[str, ...]] = ("size", "align", "address", "weights_only")

    size_attr = prop_def(IntegerAttr[IntegerType], prop_name="size")
    align_attr = opt_prop_def(IntegerAttr[IntegerType], prop_name="align")
    address_attr = opt_prop_def(IntegerAttr[IntegerType], prop_name="address")
    weights_only_attr = opt_prop_def(UnitAttr, prop_name="weights_only")

    @property
    def size(self) -> int:
        """Bytes that a program may use."""
        return self.int_option("size", 0)

    @property
    def align(self) -> int:
        """What offsets of buffers are multiples of, in bytes; 4 if not given."""
        return self.int_option("align", 4)

    @property
    def address(self) -> int | None:
        """Where the memory begins, if that is fixed."""
        return self.int_option("address", 0) if self.address_attr is not None else None

    @property
    def weights_only(self) -> bool:
        """Whether only constants can live there."""
        return self.weights_only_attr is not None

    def verify_(self) -> None:
        self.check_positive("size", "align")
        if self.align & (self.align - 1):
            raise VerifyException(f"soc.memory @{self.symbol}: align must be a power of two, not {self.align}")
        if self.address is not None and (self.address < 0 or self.address % self.align):
            raise VerifyException(
                f"soc.memory @{self.symbol}: address {self.address:#x} is not a multiple of align = {self.align}"
            )


@irdl_op_definition
class DmaOp(PartOp):
    """A DMA engine between two memories, in both directions unless `one_way`.

    A transfer costs `startup_cycles` plus bytes / `bytes_per_cycle`. A job of the engine has at most `max_dims`
    dimensions (1: contiguous) and `max_bytes` bytes; `channels` transfers may be under way at a time. `same_as` says
    that the engine is that of another `soc.dma`, on two more memories: those three limits are stated there.
    """

    name = "soc.dma"
    OPTIONS: ClassVar[tuple[str, ...]] = (
        "bytes_per_cycle", "startup_cycles", "max_dims", "max_bytes", "channels", "same_as", "one_way",
    )  # fmt: skip
    LIMITS: ClassVar[tuple[str, ...]] = ("max_dims", "max_bytes", "channels")
    """What belongs to the engine, whatever memories it moves data between."""

    source_attr = prop_def(SymbolRefAttr, prop_name="source")
    destination_attr = prop_def(SymbolRefAttr, prop_name="destination")
    bytes_per_cycle_attr = prop_def(IntegerAttr[IntegerType], prop_name="bytes_per_cycle")
    startup_cycles_attr = opt_prop_def(IntegerAttr[IntegerType], prop_name="startup_cycles")
    max_dims_attr = opt_prop_def(IntegerAttr[IntegerType], prop_name="max_dims")
    max_bytes_attr = opt_prop_def(IntegerAttr[IntegerType], prop_name="max_bytes")
    channels_attr = opt_prop_def(IntegerAttr[IntegerType], prop_name="channels")
    same_as_attr = opt_prop_def(SymbolRefAttr, prop_name="same_as")
    one_way_attr = opt_prop_def(UnitAttr, prop_name="one_way")

    @property
    def source(self) -> str:
        """The memory after `from`: the farther one from where `to` computes."""
        return cast(str, self.symbol_option("source"))

    @property
    def destination(self) -> str:
        """The memory after `to`."""
        return cast(str, self.symbol_option("destination"))

    @property
    def engine_name(self) -> str:
        """The engine that moves the data: its own name, or that of the one that it is the same as."""
        return self.symbol_option("same_as") or self.symbol

    @property
    def engine(self) -> DmaOp:
        """The description of that engine. Raises VerifyException if there is none."""
        system = self.parent_op()
        dmas = system.dmas if isinstance(system, SystemOp) else (self,)
        found = next((d for d in dmas if d.symbol == self.engine_name), None)
        if found is None or found.same_as_attr is not None:
            raise VerifyException(f"soc.dma @{self.symbol}: there is no engine @{self.engine_name}")
        return found

    @property
    def bytes_per_cycle(self) -> int:
        """Bandwidth in each direction."""
        return self.int_option("bytes_per_cycle", 1)

    @property
    def startup_cycles(self) -> int:
        """Fixed cost of a transfer; 0 if not given."""
        return self.int_option("startup_cycles", 0)

    @property
    def max_dims(self) -> int:
        """Dimensions that one job can have, the contiguous one included; 1 if not given."""
        return self.engine.int_option("max_dims", 1)

    @property
    def max_bytes(self) -> int | None:
        """Bytes that one job can move, if that is limited."""
        engine = self.engine
        return engine.int_option("max_bytes", 0) if engine.max_bytes_attr is not None else None

    @property
    def channels(self) -> int:
        """Transfers that may be under way at a time; 1 if not given."""
        return self.engine.int_option("channels", 1)

    def connects(self, source: str, destination: str) -> bool:
        """Whether the DMA can copy from one memory to the other."""
        if (source, destination) == (self.source, self.destination):
            return True
        return self.one_way_attr is None and (destination, source) == (self.source, self.destination)

    def verify_(self) -> None:
        self.check_positive("bytes_per_cycle", *self.LIMITS)
        if self.startup_cycles < 0:
            raise VerifyException(f"soc.dma @{self.symbol}: startup_cycles cannot be {self.startup_cycles}")
        if self.source == self.destination:
            raise VerifyException(f"soc.dma @{self.symbol} goes from @{self.source} to itself")
        if self.same_as_attr is not None:
            given = [option for option in self.LIMITS if option in self.properties]
            if given:
                raise VerifyException(f"soc.dma @{self.symbol}: {given[0]} is stated by @{self.engine.symbol}")

    def print_ends(self, printer: Printer) -> None:
        printer.print_string(" from ")
        printer.print_symbol_name(self.source)
        printer.print_string(" to ")
        printer.print_symbol_name(self.destination)

    @classmethod
    def parse_ends(cls, parser: Parser) -> dict[str, Attribute]:
        parser.parse_keyword("from")
        source = parser.parse_symbol_name()
        parser.parse_keyword("to")
        return {"source": SymbolRefAttr(source), "destination": SymbolRefAttr(parser.parse_symbol_name())}


@irdl_op_definition
class EngineOp(PartOp):
    """What computes: a cluster of `cores` or an accelerator, on its `memory`; `weights` names a memory for weights.

    Each core's stack of `stack_bytes` is in `memory` too. `kernels` names the libraries of kernel bindings that run on
    it, `instructions` the tables of instructions that its cores have beyond what C compilers use by themselves.
    An `asynchronous` engine is handed jobs and reports when they are done.
    """

    name = "soc.engine"
    OPTIONS: ClassVar[tuple[str, ...]] = (
        "cores", "memory", "weights", "stack_bytes", "kernels", "instructions", "asynchronous",
    )  # fmt: skip

    memory_attr = prop_def(SymbolRefAttr, prop_name="memory")
    cores_attr = opt_prop_def(IntegerAttr[IntegerType], prop_name="cores")
    weights_attr = opt_prop_def(SymbolRefAttr, prop_name="weights")
    stack_bytes_attr = opt_prop_def(IntegerAttr[IntegerType], prop_name="stack_bytes")
    kernels_attr = opt_prop_def(ArrayAttr[StringAttr], prop_name="kernels")
    instructions_attr = opt_prop_def(ArrayAttr[StringAttr], prop_name="instructions")
    asynchronous_attr = opt_prop_def(UnitAttr, prop_name="asynchronous")

    @property
    def memory_name(self) -> str:
        """The memory that operands must be in."""
        return cast(str, self.symbol_option("memory"))

    @property
    def core_count(self) -> int:
        """Cores that share the work; 1 if not given."""
        return self.int_option("cores", 1)

    @property
    def weights_name(self) -> str | None:
        """The memory that weights may be read from besides."""
        return self.symbol_option("weights")

    @property
    def core_stack_bytes(self) -> int | None:
        """Bytes of its memory that the stack of one core takes; None if not given."""
        return None if self.stack_bytes_attr is None else self.stack_bytes_attr.value.data

    @property
    def kernel_libraries(self) -> tuple[str, ...]:
        """The libraries of kernel bindings for it, by name."""
        return tuple(name.data for name in self.kernels_attr or ())

    @property
    def instruction_tables(self) -> tuple[str, ...]:
        """The tables of its instructions, by name."""
        return tuple(name.data for name in self.instructions_attr or ())

    @property
    def reserved_bytes(self) -> int:
        """Bytes of its memory that the stacks of all cores take together."""
        return self.int_option("stack_bytes", 0) * self.core_count

    @property
    def asynchronous(self) -> bool:
        """Whether it works while the cores do something else."""
        return self.asynchronous_attr is not None

    def verify_(self) -> None:
        self.check_positive("cores", "stack_bytes")


@irdl_op_definition
class HostOp(PartOp):
    """The core that runs the program outside the engines; its data is in `memory`, the home of a network's tensors.

    `program_bytes` of that memory are kept for code, the host's stack and data that are not the network's."""

    name = "soc.host"
    OPTIONS: ClassVar[tuple[str, ...]] = ("memory", "program_bytes")

    memory_attr = prop_def(SymbolRefAttr, prop_name="memory")
    program_bytes_attr = opt_prop_def(IntegerAttr[IntegerType], prop_name="program_bytes")

    @property
    def memory_name(self) -> str:
        """The memory of the host's data."""
        return cast(str, self.symbol_option("memory"))

    @property
    def program_bytes(self) -> int:
        """Bytes of its memory that no tensor may take; 0 if not given."""
        return self.int_option("program_bytes", 0)

    def verify_(self) -> None:
        if self.program_bytes < 0:
            raise VerifyException(f"soc.host @{self.symbol}: program_bytes cannot be {self.program_bytes}")


@irdl_op_definition
class SystemOp(IRDLOperation):
    """A system on a chip: its memories, DMAs and engines, and its host."""

    name = "soc.system"
    target = prop_def(SymbolNameConstraint())
    """The target's name: no symbol of the module, whose networks may be called the same."""
    body = region_def("single_block")

    traits = traits_def(NoTerminator(), SymbolTable())
    assembly_format = "$target $body attr-dict"

    def __init__(self, name: str, parts: list[Operation]) -> None:
        super().__init__(properties={"target": StringAttr(name)}, regions=[Region(Block(parts))])

    @property
    def system_name(self) -> str:
        """The target's name."""
        return self.target.data

    def _parts(self, kind: type[OpT]) -> Iterator[OpT]:
        return (op for op in self.body.block.ops if isinstance(op, kind))

    @property
    def memories(self) -> tuple[MemoryOp, ...]:
        """The memories, in order."""
        return tuple(self._parts(MemoryOp))

    @property
    def dmas(self) -> tuple[DmaOp, ...]:
        """The DMA engines, in order."""
        return tuple(self._parts(DmaOp))

    @property
    def engines(self) -> tuple[EngineOp, ...]:
        """The engines, in order."""
        return tuple(self._parts(EngineOp))

    @property
    def host(self) -> HostOp:
        """The host."""
        return next(self._parts(HostOp))

    def stack_bytes(self, memory: str) -> int:
        """Bytes of a memory that the stacks of its engines' cores take."""
        return sum(e.reserved_bytes for e in self.engines if e.memory_name == memory)

    def network_bytes(self, memory: MemoryOp) -> int:
        """Bytes of a memory that a network may take, stacks included: all but the host's program."""
        return memory.size - (self.host.program_bytes if self.host.memory_name == memory.symbol else 0)

    def memory(self, name: str) -> MemoryOp:
        """The memory of that name. Raises KeyError if there is none."""
        return self._named(self.memories, name, "memory")

    def engine(self, name: str) -> EngineOp:
        """The engine of that name. Raises KeyError if there is none."""
        return self._named(self.engines, name, "engine")

    def _named(self, parts: tuple[_PartT, ...], name: str, kind: str) -> _PartT:
        for part in parts:
            if part.symbol == name:
                return part
        known = ", ".join(p.symbol for p in parts) or "none"
        raise KeyError(f"{self.system_name} has no {kind} {name}; it has {known}")

    @property
    def dma_engines(self) -> tuple[DmaOp, ...]:
        """The DMA engines, each once, in order."""
        return tuple(dma for dma in self.dmas if dma.same_as_attr is None)

    def dma_between(self, source: str, destination: str) -> DmaOp | None:
        """The first DMA that can copy from one memory to the other."""
        return next((d for d in self.dmas if d.connects(source, destination)), None)

    def verify_(self) -> None:
        where = f"soc.system @{self.system_name}"
        for op in self.body.block.ops:
            if not isinstance(op, PartOp):
                raise VerifyException(f"{where} holds memories, DMAs, engines and a host, not {op.name}")
        memories = {m.symbol for m in self.memories}
        if not memories:
            raise VerifyException(f"{where} has no memory")
        hosts = list(self._parts(HostOp))
        if len(hosts) != 1:
            raise VerifyException(f"{where} needs one soc.host, it has {len(hosts)}")
        uses: list[tuple[PartOp, str, str]] = [(hosts[0], "memory", hosts[0].memory_name)]
        for dma in self.dmas:
            _ = dma.engine  # raises where there is none
            uses += [(dma, "from", dma.source), (dma, "to", dma.destination)]
        for engine in self.engines:
            uses.append((engine, "memory", engine.memory_name))
            home = next((m for m in self.memories if m.symbol == engine.memory_name), None)
            if home is not None and engine.reserved_bytes > home.size:
                raise VerifyException(
                    f"{where}: the stacks of @{engine.symbol} take {engine.reserved_bytes} bytes, "
                    f"@{home.symbol} has {home.size}"
                )
            if engine.weights_name is not None:
                uses.append((engine, "weights", engine.weights_name))
        for part, role, memory in uses:
            if memory not in memories:
                raise VerifyException(
                    f"{where}: {part.name} @{part.symbol} has {role} @{memory}, which is no memory of the system "
                    f"(it has {', '.join(f'@{m}' for m in sorted(memories))})"
                )
        home = next(m for m in self.memories if m.symbol == hosts[0].memory_name)
        if hosts[0].program_bytes >= home.size:
            raise VerifyException(
                f"{where}: the program takes {hosts[0].program_bytes} bytes of @{home.symbol}, which has {home.size}"
            )
        self._verify_addresses(where)

    def _verify_addresses(self, where: str) -> None:
        placed = sorted((m.address, m.size, m.symbol) for m in self.memories if m.address is not None)
        for (low, size, first), (high, _, second) in pairwise(placed):
            if low + size > high:
                raise VerifyException(
                    f"{where}: memories @{first} ({low:#x} to {low + size:#x}) and @{second} (from {high:#x}) overlap"
                )


_PartT = TypeVar("_PartT", bound=PartOp)

Soc = Dialect("soc", [SystemOp, MemoryOp, DmaOp, EngineOp, HostOp], [MemorySpaceAttr])


def system_around(op: Operation) -> SystemOp | None:
    """The system of the module that an operation is in; None if it has none."""
    while (parent := op.parent_op()) is not None:
        op = parent
    return next((o for region in op.regions for b in region.blocks for o in b.ops if isinstance(o, SystemOp)), None)
