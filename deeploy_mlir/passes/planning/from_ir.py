"""The planner's problem, read from a function of nests and a SoC."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

from xdsl.dialects.builtin import (
    ModuleOp,
    TensorType,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, BlockArgument, SSAValue

from deeploy_mlir.dialects.kernel import KernelOp, PackedAttr
from deeploy_mlir.dialects.soc import DmaOp, EngineOp, SystemOp
from deeploy_mlir.dialects.tiled import (
    ConstantOp,
    EmptyOp,
    NestOp,
    root_of,
)
from deeploy_mlir.ir.packed_kernels import with_packed
from deeploy_mlir.kernels.binding import Form, KernelBinding
from deeploy_mlir.kernels.choice import accepting, bindings_of
from deeploy_mlir.kernels.packing import Packing
from deeploy_mlir.passes.planning.forms import NewConstant
from deeploy_mlir.passes.planning.fused import combinations
from deeploy_mlir.passes.planning.layouts import PackedConstant
from deeploy_mlir.passes.planning.problem import (
    INSIDE,
    Dma,
    FarMemory,
    Implementation,
    Memory,
    Problem,
    Step,
    Tensor,
    TensorKind,
)
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import element_bytes
from deeploy_mlir.support.remarks import remark

ARENA_ALIGN = 8
"""Least alignment of buffers: arenas are arrays of this alignment, and hold elements of up to as many bytes."""
TRANSFER_CYCLES = 20
"""What starting and awaiting a transfer costs in software, beside its jobs."""


@dataclass(frozen=True)
class FunctionProblem:
    """The problem of one function: its nests in order, and for each tensor of the problem the values that make it, or
    the constant that it will be. `forms` are those of the nests' kernels, by nest and implementation."""

    function: FuncOp
    system: SystemOp
    nests: tuple[NestOp, ...]
    roots: tuple[tuple[SSAValue, ...], ...]
    constants: Mapping[int, PackedConstant | NewConstant]
    forms: Mapping[tuple[int, str], Form]
    problem: Problem


def bytes_of(value: SSAValue) -> int:
    """Bytes of a tensor."""
    return bytes_of_type(cast(TensorType[Attribute], value.type))


def bytes_of_type(tensor: TensorType[Attribute]) -> int:
    """Bytes of a tensor of this type."""
    return prod(tensor.get_shape()) * element_bytes(tensor.element_type)


def engines_for(system: SystemOp, kernel: KernelOp) -> tuple[EngineOp, ...]:
    """The engines that may run a kernel: the one that stands on it, else all.

    Raises DeeployError where the system has none of that name."""
    if kernel.engine is None:
        return tuple(system.engines)
    name = kernel.engine.root_reference.data
    try:
        return (system.engine(name),)
    except KeyError as error:
        known = ", ".join(f"@{e.symbol}" for e in system.engines)
        raise DeeployError(f"there is no engine @{name}; there are: {known}", kernel.layer.data) from error


def read_problem(function: FuncOp, system: SystemOp) -> FunctionProblem:
    """The problem of `function`. Raises DeeployError where the SoC cannot run it at all."""
    nests = tuple(op for op in function.body.block.ops if isinstance(op, NestOp))
    tensors = _Tensors(function)
    bindings = bindings_of(system) if nests else ()
    forms: dict[tuple[int, str], Form] = {}
    steps = tuple(_step(system, nest, tensors, bindings, forms, number) for number, nest in enumerate(nests))
    home = system.host.memory_name
    engines = {home, *(s.memory for s in steps)}
    running = {i.engine for s in steps for i in s.implementations}
    flash = _flash(system, [engine for engine in system.engines if engine.symbol in running])
    weights = None if flash else _weights_memory(system, engines - {home})
    far = _far_memory(system, home, engines | {weights, flash}) if engines != {home} else None
    used = engines | {memory for memory in (weights, flash, far and far.name) if memory is not None}
    memories = tuple(
        Memory(m.symbol, system.network_bytes(m), max(m.align, ARENA_ALIGN), system.stack_bytes(m.symbol))
        for m in system.memories
        if m.symbol in used
    )
    layers = {s.memory: s.name for s in reversed(steps)}
    dmas = {name: _dma(system, home, name, layers[name]) for name in sorted(engines - {home})}
    problem = Problem(memories, home, dmas, tuple(tensors.tensors), steps, weights, flash, far)
    roots = tuple(tuple(r) for r in tensors.roots)
    return FunctionProblem(function, system, nests, roots, tensors.constants, forms, problem)


class _Tensors:
    """Numbers the buffers behind the tensors of a function."""

    def __init__(self, function: FuncOp) -> None:
        last = function.body.block.last_op
        returned = last.arguments if isinstance(last, ReturnOp) else ()
        self._results = {root_of(v): n for n, v in enumerate(returned)}
        self._numbers: dict[Hashable, int] = {}
        self.tensors: list[Tensor] = []
        self.roots: list[list[SSAValue]] = []
        self.constants: dict[int, PackedConstant | NewConstant] = {}
        for value in (*function.args, *returned):
            self.number(value)

    def number(self, value: SSAValue) -> int:
        """The tensor behind a value; uses of one global are one tensor."""
        root = root_of(value)
        owner = root.owner
        key: Hashable = owner.symbol if isinstance(owner, ConstantOp) else root
        if key not in self._numbers:
            self._numbers[key] = len(self.tensors)
            self.tensors.append(Tensor(self._name(root), bytes_of(root), self._kind(root)))
            self.roots.append([])
        number = self._numbers[key]
        if root not in self.roots[number]:
            self.roots[number].append(root)
        return number

    def of_slots(self, nest: NestOp) -> tuple[int, ...]:
        """The tensors that a nest works on, in the order of its slots."""
        intermediates = set(nest.intermediates)
        return tuple(INSIDE if value in intermediates else self.number(value) for value in nest.slots)

    def pack(self, value: SSAValue, packing: Packing) -> int | None:
        """The tensor that a constant is in a binding's layout; None if `value` is no constant."""
        key: Hashable = (self.number(value), value.type, packing)
        if key not in self._numbers:
            constant = PackedConstant.of(value, packing)
            if constant is None:
                return None
            self._numbers[key] = self._constant(constant, f"{self.tensors[self.number(value)].name}, packed")
        return self._numbers[key]

    def brought(self, constant: NewConstant) -> int:
        """The tensor of a constant that a binding brings."""
        return self._constant(constant, constant.name)

    def _constant(self, constant: PackedConstant | NewConstant, name: str) -> int:
        number = len(self.tensors)
        self.tensors.append(Tensor(name, bytes_of_type(constant.type), TensorKind.CONSTANT))
        self.roots.append([])
        self.constants[number] = constant
        return number

    def _kind(self, root: SSAValue) -> TensorKind:
        if isinstance(root.owner, ConstantOp):
            return TensorKind.CONSTANT
        if isinstance(root, BlockArgument) or root in self._results:
            return TensorKind.BOUNDARY
        return TensorKind.ACTIVATION

    def _name(self, root: SSAValue) -> str:
        """A name that a user recognises: the constant, the input or output, or the layer that writes the tensor."""
        if isinstance(root.owner, ConstantOp):
            return root.owner.symbol.root_reference.data
        if isinstance(root, BlockArgument):
            return root.name_hint or f"input {root.index}"
        if root in self._results:
            return f"output {self._results[root]}"
        writers = [use.operation for use in root.uses if isinstance(use.operation, NestOp)]
        return f"output of {writers[0].layer.data}" if writers else "unused tensor"


def _flash(system: SystemOp, engines: Sequence[EngineOp]) -> str | None:
    """The memory from which every engine of the network, each in the home memory, reads weights in place; else None."""
    names = {e.weights_name if e.memory_name == system.host.memory_name else None for e in engines}
    return names.pop() if len(names) == 1 else None


def _weights_memory(system: SystemOp, engines: set[str]) -> str | None:
    """The first memory for weights from which a DMA brings them to every engine's memory as fast as from the home."""
    home = system.host.memory_name
    for memory in [m for m in system.memories if m.weights_only and engines]:
        if all(_as_fast(system, memory.symbol, home, name) for name in engines):
            return memory.symbol
        remark(memory.symbol, f"stays empty: no DMA brings weights from it as fast as from @{home} to every engine")
    return None


def _far_memory(system: SystemOp, home: str, taken: Collection[str | None]) -> FarMemory | None:
    """The first memory behind the home memory from which a DMA brings what that has no room for."""
    found: list[FarMemory] = []
    for memory in [m for m in system.memories if m.symbol not in taken]:
        dma = system.dma_between(memory.symbol, home)
        if dma is None:
            remark(memory.symbol, f"stays empty: no DMA brings data from it to @{home}")
            continue
        constants_only = memory.weights_only or not dma.connects(home, memory.symbol)
        found.append(FarMemory(memory.symbol, _cost(dma), constants_only))
    found.sort(key=lambda memory: memory.constants_only)
    for memory in found[1:]:
        remark(memory.name, f"stays empty: what @{home} has no room for lives in @{found[0].name}")
    return found[0] if found else None


def _as_fast(system: SystemOp, memory: str, home: str, engine: str) -> bool:
    found, usual = system.dma_between(memory, engine), system.dma_between(home, engine)
    if found is None or usual is None:
        return False
    return (found.bytes_per_cycle, found.startup_cycles, found.max_dims) == (
        usual.bytes_per_cycle,
        usual.startup_cycles,
        usual.max_dims,
    )


def _dma(system: SystemOp, home: str, memory: str, layer: str) -> Dma:
    found = system.dma_between(home, memory)
    if found is None or not found.connects(memory, home):
        raise DeeployError(f"its engine computes in @{memory}, but no DMA moves data between it and @{home}", layer)
    return _cost(found)


def _cost(dma: DmaOp) -> Dma:
    return Dma(
        bytes_per_cycle=dma.bytes_per_cycle,
        issue_cycles=TRANSFER_CYCLES,
        job_cycles=dma.startup_cycles,
        max_dims=min(dma.max_dims, 2),
    )


def _step(
    system: SystemOp,
    nest: NestOp,
    tensors: _Tensors,
    bindings: Sequence[KernelBinding],
    forms: dict[tuple[int, str], Form],
    number: int,
) -> Step:
    """The step of a nest (of this number); `forms` gets those of its kernel, if it has only one."""
    fused = nest.fused_space()
    found = [_kernel_choices(system, nest, stage, tensors, bindings) for stage in range(len(nest.kernels))]
    memory = found[-1][0].memory
    each = [[choice for choice in choices if choice.memory == memory] for choices in found]
    for kernel, choices in zip(nest.kernels, each, strict=True):
        if not choices:
            raise DeeployError(
                f"no engine that computes in @{memory} runs it, as the nest {nest.layer.data} needs", kernel.layer.data
            )
    forms.update(((number, c.implementation.name), c.form) for c in each[-1] if c.form is not None)
    numbers = tensors.of_slots(nest)
    return Step(
        name=nest.layer.data,
        space=fused.space,
        tensors=numbers,
        memory=memory,
        implementations=combinations(fused, numbers, [[c.implementation for c in choices] for choices in each]),
        # Of equal kernels, one may have constants that a binding packs where another has none.
        key=tuple(
            (kernel_key(kernel), stage.slots, tuple(c.implementation.name for c in choices))
            for kernel, stage, choices in zip(nest.kernels, fused.stages, each, strict=True)
        ),
    )


@dataclass(frozen=True)
class _KernelChoice:
    """One way to run a kernel of a nest, the form that it then has, and the memory that the engine computes in."""

    implementation: Implementation
    form: Form | None
    memory: str


def _kernel_choices(
    system: SystemOp, nest: NestOp, stage: int, tensors: _Tensors, bindings: Sequence[KernelBinding]
) -> list[_KernelChoice]:
    """The ways to run a kernel of a nest, by its number. Raises DeeployError where there are none."""
    kernel = nest.kernels[stage]
    engines = {engine.symbol: engine for engine in engines_for(system, kernel)}
    found = accepting(kernel, bindings, engines)
    made: list[_KernelChoice] = []
    reasons: list[str] = []
    for binding in found:
        engine, form = engines[binding.engine], binding.form(kernel)
        if len(nest.kernels) > 1 and (engine.asynchronous or form is not None):
            reasons.append(f"{binding.name} runs no kernels that share a nest")
            remark(kernel.layer.data, reasons[-1])
            continue
        implementation = _implementation(binding, nest, stage, form, engine.core_count, tensors)
        if implementation is None:
            reasons.append(f"{binding.name} takes constant weights only, that no other kernel of the nest reads")
        else:
            made.append(_KernelChoice(implementation, form, engine.memory_name))
    if not made:
        raise DeeployError(f"no kernel binding can be chosen for it: {'; '.join(reasons)}", kernel.layer.data)
    return made


def _implementation(
    binding: KernelBinding, nest: NestOp, stage: int, form: Form | None, cores: int, tensors: _Tensors
) -> Implementation | None:
    """A binding as the planner sees it; None if it packs an input that is no constant, or that another kernel of the
    nest reads too."""
    kernel = nest.kernels[stage] if form is None else form.kernel
    stages, in_slots = nest.fused_space().stages, tensors.of_slots(nest)
    slots = stages[stage].slots
    operands = tuple(range(len(slots))) if form is None else form.operands
    numbers = [in_slots[slots[o]] if isinstance(o, int) else tensors.brought(NewConstant(nest, o)) for o in operands]
    layouts: dict[int, tuple[PackedAttr, Attribute]] = {}
    for operand, packing in binding.packings(kernel).items():
        original = operands[operand]
        if not isinstance(original, int) or sum(s.slots.count(slots[original]) for s in stages) > 1:
            return None
        slot = slots[original]
        number = None if in_slots[slot] == INSIDE else tensors.pack(nest.slots[slot], packing)
        if number is None:
            return None
        numbers[operand] = number
        constant = tensors.constants[number]
        assert isinstance(constant, PackedConstant)
        layouts[operand] = (constant.attr(operand), constant.type)
    return Implementation(
        binding.name,
        binding.cost(kernel),
        binding.engine,
        cores,
        lambda sizes: binding.splits(kernel, sizes, cores),
        binding.constraints(kernel),
        tuple((m, cores, m * cores) for m in binding.multiples(kernel)),
        lambda sizes: binding.scratch(kernel, sizes),
        (with_packed(kernel, layouts) if layouts else kernel).iteration_space() if layouts or form else None,
        tuple(numbers),
    )


def kernel_key(kernel: KernelOp) -> Hashable:
    """Equal for kernels that differ in their layer's name only."""
    properties = tuple(sorted((k, v) for k, v in kernel.properties.items() if k != "layer"))
    types = tuple(v.type for v in kernel.operands_accessed)
    if kernel.body is None:
        return kernel.name, properties, types
    numbers: dict[SSAValue, int] = {}
    for argument in kernel.body.block.args:
        numbers[argument] = len(numbers)
    body: list[Hashable] = []
    for op in kernel.body.block.ops:
        attributes = tuple(sorted({**op.attributes, **op.properties}.items()))
        operands = tuple(numbers.get(v, -1) for v in op.operands)
        body.append((op.name, attributes, operands, tuple(r.type for r in op.results)))
        for result in op.results:
            numbers[result] = len(numbers)
    return kernel.name, properties, types, tuple(body)


def plan_functions(module: ModuleOp) -> list[FuncOp]:
    """The functions of the module that compute something, or have results without elements."""
    functions = [op for op in module.body.block.ops if isinstance(op, FuncOp)]
    return [f for f in functions if any(isinstance(op, NestOp | EmptyOp) for op in f.body.block.ops)]
