"""What the planner is asked: memories, a DMA, tensors, and steps over them. Free of IR."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property

from deeploy_mlir.space.iteration_space import IterationSpace
from deeploy_mlir.space.tile_constraints import TileConstraints
from deeploy_mlir.space.work_split import ONE_CORE, CoreSplit

BARRIERS_CYCLES = 30
"""Two barriers around the work of a tile."""
TILE_CYCLES = 500
"""Loop control and address computation of a tile, and the instruction cache filled again with the kernel."""
AHEAD_CYCLES = 60
"""Addresses of the next tile's part, for a transfer that is started one tile ahead."""
STEP_CYCLES = 20
"""Entering and leaving a nest."""


def align_up(value: int, alignment: int) -> int:
    """The smallest multiple of `alignment` that is at least `value`."""
    return -(-value // alignment) * alignment


@dataclass(frozen=True)
class Memory:
    """A memory: its bytes, the alignment of buffers, and the bytes that are no tensor's or buffer's (stacks)."""

    name: str
    capacity: int
    align: int = 4
    reserved: int = 0


@dataclass(frozen=True)
class Dma:
    """Cost of a transfer: a core spends `issue_cycles`, and `job_cycles` for every job of it, on starting it; then it
    takes bytes / bandwidth, but a cycle for each row at least. A job has at most `max_dims` dimensions."""

    bytes_per_cycle: float = 8
    issue_cycles: int = 100
    job_cycles: int = 15
    max_dims: int = 2


@dataclass(frozen=True)
class FarMemory:
    """The memory behind the home memory, and the DMA between the two; one way where it holds constants only."""

    name: str
    dma: Dma
    constants_only: bool = False


class TensorKind(Enum):
    """What a tensor is to the network."""

    ACTIVATION = auto()
    """Made and used inside: its home is the planner's choice, it lives from its first to its last step."""
    CONSTANT = auto()
    """Weights: in one memory throughout, as data of the image."""
    BOUNDARY = auto()
    """A network input or output: in the home memory throughout, as an array of its own."""


@dataclass(frozen=True)
class Tensor:
    """One buffer (aliases share it), in bytes."""

    name: str
    bytes: int
    kind: TensorKind = TensorKind.ACTIVATION


@dataclass(frozen=True)
class Implementation:
    """One way to run a step's kernel: a kernel binding.

    `engine` is the one that runs it, on `cores`. `cycles(sizes, split)` is the modelled compute cost of one tile of
    these dimension sizes that cores share in a given way; `splits(sizes)` are the ways. `constraints` say which tiles
    it takes; `multiples` are, for each dimension, granularities whose multiples are tried as tile sizes too.
    `scratch(sizes)` is the bytes that each core needs for its own use. `space` and `tensors` replace those of the step
    where the implementation has constants in a layout of its own."""

    name: str
    cycles: Callable[[Sequence[int], CoreSplit], int] = field(compare=False)
    engine: str = ""
    cores: int = 1
    splits: Callable[[Sequence[int]], Sequence[CoreSplit]] = field(default=lambda sizes: (ONE_CORE,), compare=False)
    constraints: TileConstraints = field(default_factory=TileConstraints, compare=False)
    multiples: tuple[tuple[int, ...], ...] = ()
    scratch: Callable[[Sequence[int]], int] = field(default=lambda sizes: 0, compare=False)
    space: IterationSpace | None = None
    tensors: tuple[int, ...] | None = None

    def scratch_bytes(self, sizes: Sequence[int], align: int) -> int:
        """Bytes of scratch of all cores, each aligned."""
        return align_up(self.scratch(sizes), align) * self.cores

    def best_split(self, sizes: Sequence[int]) -> CoreSplit:
        """The split with which a tile takes least time; of equals the first."""
        return min(self.splits(sizes), key=lambda split: self.cycles(sizes, split))

    def tile_cycles(self, sizes: Sequence[int]) -> int:
        """The modelled compute cost of one tile with the best split."""
        return min(self.cycles(sizes, split) for split in self.splits(sizes))

    def choices(self, sizes: Sequence[int]) -> tuple[tuple[Implementation, CoreSplit], ...]:
        """What runs each kernel of the step on a tile of these sizes, and how the cores share it."""
        return ((self, self.best_split(sizes)),)


INSIDE = -1
"""Instead of a tensor's number: what the kernels of a step hand each other, in a buffer of the step."""


@dataclass(frozen=True)
class Step:
    """One kernel, or several in a nest, on an engine that computes in `memory`. `tensors` holds, for each access of
    `space`, the index of its tensor, or `INSIDE`.

    Steps with equal `key` and `space` have equal implementations."""

    name: str
    space: IterationSpace
    tensors: tuple[int, ...]
    memory: str
    implementations: tuple[Implementation, ...]
    key: Hashable = None

    def space_of(self, implementation: int) -> IterationSpace:
        """The iteration space as an implementation (by number) sees it."""
        return self.implementations[implementation].space or self.space

    def tensors_of(self, implementation: int) -> tuple[int, ...]:
        """For each access, the tensor that an implementation (by number) uses."""
        return self.implementations[implementation].tensors or self.tensors

    @cached_property
    def all_tensors(self) -> tuple[int, ...]:
        """The tensors of all implementations."""
        each = [self.tensors_of(number) for number in range(len(self.implementations))]
        return tuple(dict.fromkeys(t for tensors in (each or [self.tensors]) for t in tensors if t != INSIDE))

    @property
    def inside(self) -> frozenset[int]:
        """The accesses of what stays within the step."""
        return frozenset(number for number, tensor in enumerate(self.tensors) if tensor == INSIDE)


@dataclass(frozen=True)
class Problem:
    """A whole network in execution order. `home` is the memory where tensors live unless the planner decides better.

    `dmas` gives the DMA between the home memory and each engine memory that differs from it. `weights` names the memory
    that constants may live in instead of the home memory, at the same cost of a transfer; None if there is none.
    `flash` names the memory from which every engine reads constants in place, and where they then all live. `far` is
    where tensors may live that the home memory has no room for."""

    memories: tuple[Memory, ...]
    home: str
    dmas: dict[str, Dma]
    tensors: tuple[Tensor, ...]
    steps: tuple[Step, ...]
    weights: str | None = None
    flash: str | None = None
    far: FarMemory | None = None

    def memory(self, name: str) -> Memory:
        """The memory of this name. Raises KeyError if there is none."""
        for memory in self.memories:
            if memory.name == name:
                return memory
        raise KeyError(name)

    @cached_property
    def users(self) -> tuple[tuple[int, ...], ...]:
        """For each tensor, the steps that may access it, ascending."""
        users: list[list[int]] = [[] for _ in self.tensors]
        for number, step in enumerate(self.steps):
            for tensor in step.all_tensors:
                users[tensor].append(number)
        return tuple(tuple(u) for u in users)

    @cached_property
    def alive(self) -> tuple[tuple[int, ...], ...]:
        """For each step, the activations that hold data in it."""
        alive: list[list[int]] = [[] for _ in self.steps]
        for tensor, description in enumerate(self.tensors):
            if description.kind == TensorKind.ACTIVATION:
                first, last = self.lifetime(tensor)
                for number in range(first, last + 1):
                    alive[number].append(tensor)
        return tuple(tuple(a) for a in alive)

    @cached_property
    def movable(self) -> tuple[int, ...]:
        """The constants that may live in the weights' memory: those that no engine works on in the home memory."""
        if self.weights is None:
            return ()
        return tuple(
            t
            for t, tensor in enumerate(self.tensors)
            if tensor.kind == TensorKind.CONSTANT and all(self.steps[n].memory != self.home for n in self.users[t])
        )

    @cached_property
    def optional(self) -> frozenset[int]:
        """The constants that are needed with some choices of implementations only."""
        always: set[int] = set()
        for step in self.steps:
            each = [frozenset(step.tensors_of(number)) for number in range(len(step.implementations))]
            always.update(each[0].intersection(*each) if each else step.tensors)
        constants = (t for t, tensor in enumerate(self.tensors) if tensor.kind == TensorKind.CONSTANT)
        return frozenset(t for t in constants if self.users[t] and t not in always)

    def fixed_bytes(self, memory: Memory) -> int:
        """Bytes of constants and network inputs and outputs in a memory, each aligned; constants that may live in the
        weights' memory too count as in the home memory, optional ones not at all."""
        return sum(
            align_up(t.bytes, memory.align)
            for number, t in enumerate(self.tensors)
            if number not in self.optional and t.kind != TensorKind.ACTIVATION and self.home_of(t) == memory.name
        )

    def home_of(self, tensor: Tensor) -> str:
        """The memory where a tensor lives unless the planner decides better."""
        return self.flash if self.flash is not None and tensor.kind == TensorKind.CONSTANT else self.home

    def movable_bytes(self, memory: Memory) -> int:
        """Bytes that the constants take that may live in the weights' memory and are always needed, by the alignment
        of `memory`."""
        return sum(align_up(self.tensors[t].bytes, memory.align) for t in self.movable if t not in self.optional)

    def room(self, memory: Memory) -> int:
        """Bytes of a memory that activations and buffers may take, with all constants in the home memory."""
        return memory.capacity - memory.reserved - self.fixed_bytes(memory)

    def lifetime(self, tensor: int) -> tuple[int, int]:
        """First and last step (inclusive) in which the tensor holds data; (0, -1) if never."""
        if self.tensors[tensor].kind != TensorKind.ACTIVATION:
            return 0, len(self.steps) - 1
        users = self.users[tensor]
        return (users[0], users[-1]) if users else (0, -1)

    def choices(self, tensor: int) -> tuple[str, ...]:
        """The memories that may be an activation's home: the default one first, then the one its engines compute in."""
        engines = {self.steps[number].memory for number in self.users[tensor]}
        if self.tensors[tensor].kind != TensorKind.ACTIVATION or len(engines) != 1 or engines == {self.home}:
            return (self.home,)
        return (self.home, *engines)


@dataclass(frozen=True)
class Options:
    """How to plan. `gap` is the relative gap at which the solver may stop; `nodes` bounds its search."""

    double_buffer: bool = True
    gap: float = 1e-4
    nodes: int = 20_000
    front: int = 64
    """Most candidates kept for a step and a choice of homes."""


@dataclass(frozen=True)
class BlockPlan:
    """The blocks of a step, of which some tensors live in the far memory: offsets in the home memory, and the bytes
    that each access moves between the two."""

    sizes: tuple[int, ...]
    order: tuple[int, ...]
    offsets: tuple[tuple[int, ...], ...]
    moved: tuple[int, ...]


@dataclass(frozen=True)
class StepPlan:
    """How one step runs. `offsets` has the byte offsets of each access's buffers in the engine's memory: empty where
    it works in place; `scratch` is that of the kernel's scratch, if it has any. `staged_bytes` is what those buffers
    take, `moved` the bytes that each access transfers, `tensors` those that the implementation uses, `cycles` the
    modelled time of the step, `implementation` the one that runs it, `kernels` what runs each of its kernels and how
    the cores share its tiles. With `blocks`, `sizes` and `order` cut each of these."""

    implementation: Implementation
    kernels: tuple[tuple[Implementation, CoreSplit], ...]
    sizes: tuple[int, ...]
    order: tuple[int, ...]
    offsets: tuple[tuple[int, ...], ...]
    scratch: int | None
    staged_bytes: int
    live_bytes: int
    cycles: int
    moved: tuple[int, ...]
    tensors: tuple[int, ...]
    blocks: BlockPlan | None = None


@dataclass(frozen=True)
class Home:
    """Where a tensor lives; `offset` is None for constants and network inputs and outputs (arrays of their own)."""

    memory: str
    offset: int | None


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes of a memory: `arena` is placed by offsets (never less than `bound`), `fixed` are arrays of their own and
    what is reserved."""

    name: str
    arena: int
    bound: int
    fixed: int
    capacity: int

    @property
    def used(self) -> int:
        return self.arena + self.fixed


@dataclass(frozen=True)
class PlanResult:
    """The planner's answer. `objective` and `bound` are modelled cycles; `bound` holds over the candidates."""

    steps: tuple[StepPlan, ...]
    homes: tuple[Home, ...]
    memories: tuple[MemoryPlan, ...]
    cycles: int
    objective: float
    bound: float
    gap: float
    seconds: float
