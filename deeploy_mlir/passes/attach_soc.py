"""`deeploy-attach-soc{target=siracusa l1=65536}`: for which SoC a module is compiled, with how much of its memories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, TensorType, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.soc import MemoryOp, SystemOp
from deeploy_mlir.graph.evaluate import string_names
from deeploy_mlir.machine.registry import load_soc
from deeploy_mlir.support.errors import DeeployError


def parse_sizes(text: str) -> dict[str, int]:
    """Memory name -> bytes, of `l1=65536,l2=1048576`. Raises DeeployError if the text is anything else."""
    sizes: dict[str, int] = {}
    for item in filter(None, text.split(",")):
        name, _, number = item.partition("=")
        try:
            sizes[name.strip()] = int(number, 0)
        except ValueError as error:
            raise DeeployError(f"sizes takes MEMORY=BYTES,... and not '{item}'") from error
    return sizes


def limit_memories(system: SystemOp, sizes: dict[str, int]) -> None:
    """Makes memories smaller; a memory for weights of size 0 goes, with the DMAs that reach it.

    Raises DeeployError for an unknown memory, or a size that is more than there is."""
    for name, size in sizes.items():
        memories = {m.symbol: m for m in system.memories}
        if name not in memories:
            raise DeeployError(
                f"a size is given for memory '{name}', but {system.system_name} has {', '.join(memories)}"
            )
        if size == 0 and memories[name].weights_only:
            _remove_memory(system, memories[name])
            continue
        physical = memories[name].size
        if not 0 < size <= physical:
            raise DeeployError(
                f"memory '{name}' of {system.system_name} has {physical} bytes: its size cannot be set to {size}"
            )
        stacks = system.stack_bytes(name)
        if size <= stacks:
            raise DeeployError(
                f"memory '{name}' of {system.system_name} holds {stacks} bytes of stacks: {size} bytes are not enough"
            )
        memories[name].properties["size"] = IntegerAttr(size, i64)
        host = system.host
        if host.memory_name == name and host.program_bytes:
            # The budget is for the network; the program lies in what the budget leaves of the memory.
            inside = max(0, host.program_bytes - (physical - size))
            host.properties["program_bytes"] = IntegerAttr(inside, i64)


def _remove_memory(system: SystemOp, memory: MemoryOp) -> None:
    for dma in system.dmas:
        if memory.symbol in (dma.source, dma.destination):
            Rewriter.erase_op(dma)
    Rewriter.erase_op(memory)


def remove_engines(system: SystemOp, names: Sequence[str]) -> None:
    """Takes engines out of a system, as if it had none of that name.

    Raises DeeployError for an unknown engine, and where none with cores would be left."""
    for name in names:
        engines = {engine.symbol: engine for engine in system.engines}
        if name not in engines:
            raise DeeployError(f"{system.system_name} has no engine '{name}'; it has {', '.join(engines)}")
        if all(engine.asynchronous for engine in system.engines if engine.symbol != name):
            raise DeeployError(f"without engine '{name}' {system.system_name} has no cores left to run kernels on")
        Rewriter.erase_op(engines[name])


def check_tensors(module: ModuleOp, system: SystemOp) -> None:
    """Raises DeeployError for a tensor that all memories of the system together would not hold, were it of bytes.

    Tensors of floats between QuantizeLinear and DequantizeLinear become integers of 8 bits or more."""
    most = sum(memory.size for memory in system.memories)

    def check(value: SSAValue, name: str) -> None:
        if isa(value.type, TensorType) and (count := prod(value.type.get_shape())) > most:
            raise DeeployError(f"has {count} elements, but {system.system_name} has {most} bytes of memory", name)

    for function in (op for op in module.ops if isinstance(op, FuncOp) and not op.is_declaration):
        names = string_names(function, "arg_names")
        for argument, name in zip(function.args, names, strict=False):
            check(argument, name)
        for op in function.walk():
            for result in op.results:
                check(result, op.node_name if isinstance(op, GraphOp) else result.name_hint or op.name)


@dataclass(frozen=True)
class AttachSocPass(ModulePass):
    """Inserts the target's `soc.system` in front of everything else.

    `l1`, `l2`, `wmem`, `ram` and `sizes="l1=65536,l3=1048576"` limit memories to that many bytes; `without="npu,dsp"`
    leaves engines out. Raises DeeployError for an unknown target, memory or engine, a size that is more than the memory
    has, and a module that names a SoC already.
    """

    name = "deeploy-attach-soc"

    target: str
    l1: int | None = None
    l2: int | None = None
    wmem: int | None = None
    ram: int | None = None
    sizes: str | None = None
    without: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        present = [inner.system_name for inner in op.ops if isinstance(inner, SystemOp)]
        if present:
            raise DeeployError(f"the module is for {present[0]} already, it cannot be compiled for {self.target}")
        system = load_soc(self.target)
        given = {"l1": self.l1, "l2": self.l2, "wmem": self.wmem, "ram": self.ram}
        sizes = {name: size for name, size in given.items() if size is not None}
        more = parse_sizes(self.sizes or "")
        if twice := sorted(sizes.keys() & more.keys()):
            raise DeeployError(f"two sizes are given for memory '{twice[0]}': {sizes[twice[0]]} and {more[twice[0]]}")
        limit_memories(system, sizes | more)
        remove_engines(system, [name.strip() for name in (self.without or "").split(",") if name.strip()])
        check_tensors(op, system)
        Rewriter.insert_op(system, InsertPoint.at_start(op.body.block))
