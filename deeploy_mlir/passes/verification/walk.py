"""Goes through the final IR as the cores would, index arithmetic included, and tells a `Machine` what is touched.

Index values are integers, or arrays with an entry per core where cores differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects import arith, memref, scf
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from deeploy_mlir.dialects.cluster import BarrierOp, RunOp
from deeploy_mlir.dialects.dma import NoneOp, StartOp, WaitOp, dma_of
from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.dialects.mem import CopyOp, MemRef, ReshapeOp, StepOp, ViewOp, memory_of, strides_of
from deeploy_mlir.dialects.offload import NoneOp as NoJobOp
from deeploy_mlir.dialects.offload import StartOp as StartJobOp
from deeploy_mlir.dialects.offload import WaitOp as WaitForJobOp
from deeploy_mlir.passes.verification.machine import Machine
from deeploy_mlir.passes.verification.regions import Buffer, Region
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import element_bytes

Index = int | npt.NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """A memref: a box of a buffer; with several buffers, `which` chooses.

    `inside` says (for all cores or each) whether it and all that it is a part of lie inside what they are parts of. It
    need not: the addresses of a transfer that is not started may be anything."""

    buffers: tuple[Buffer, ...]
    which: Index
    starts: tuple[Index, ...]
    sizes: tuple[Index, ...]
    inside: bool | npt.NDArray[np.bool_] = True

    def of_core(self, core: int) -> Region:
        """The region that a core sees."""

        def at(value: Index) -> int:
            return value if isinstance(value, int) else int(value[core])

        return Region(self.buffers[at(self.which)], tuple(map(at, self.starts)), tuple(map(at, self.sizes)))


BINARY: dict[type[Operation], Callable[[Any, Any], Any]] = {
    arith.AddiOp: lambda a, b: a + b,
    arith.SubiOp: lambda a, b: a - b,
    arith.MuliOp: lambda a, b: a * b,
    arith.MinSIOp: lambda a, b: min(a, b) if isinstance(a, int) and isinstance(b, int) else np.minimum(a, b),
    arith.MaxSIOp: lambda a, b: max(a, b) if isinstance(a, int) and isinstance(b, int) else np.maximum(a, b),
    arith.DivUIOp: lambda a, b: a // b,
    arith.RemUIOp: lambda a, b: a % b,
    arith.AndIOp: lambda a, b: a & b,
    arith.OrIOp: lambda a, b: a | b,
}

COMPARE: tuple[Callable[[Any, Any], Any], ...] = (
    lambda a, b: a == b,
    lambda a, b: a != b,
    lambda a, b: a < b,
    lambda a, b: a <= b,
    lambda a, b: a > b,
    lambda a, b: a >= b,
)
"""By predicate number of `arith.cmpi`; the unsigned ones are the same on what is not negative."""


Place = tuple[str, tuple[int, ...]]
"""An arena, and the offsets of a view there."""


def staging_places(step: Block) -> set[Place]:
    """The places of a step that transfers bring data to or take it from, and that kernels or other transfers touch for
    their part: buffers of this step alone."""
    worked_on: set[Place] = set()
    ends: tuple[set[Place], set[Place]] = set(), set()
    for op in step.walk():
        if isinstance(op, KernelOp):
            worked_on.update(place for value in op.operands for place in _places(value))
        elif isinstance(op, StartOp | CopyOp):
            for end, value in zip(ends, (op.source, op.destination), strict=True):
                end.update(_places(value))
    sources, destinations = ends
    return (worked_on & (sources | destinations)) | (sources & destinations)


def _places(value: SSAValue) -> Iterator[Place]:
    """The place of the view that a value is a part of, if it is of one."""
    while isinstance(owner := value.owner, memref.SubviewOp | ReshapeOp):
        value = owner.source
    if isinstance(owner, ViewOp):
        yield owner.arena.root_reference.data, tuple(owner.offsets.get_values())


class Walker:
    """Goes through one function on `cores` cores."""

    def __init__(self, machine: Machine, cores: int) -> None:
        self.machine, self.cores = machine, cores
        self.active = [0]
        self.values: dict[SSAValue, Any] = {}
        self.step = 0
        self.staging: set[tuple[str, tuple[int, ...]]] = set()
        # What operations say does not change; looking it up for every tile would take most of the time.
        self.boxes: dict[Operation, tuple[SSAValue, SSAValue, tuple[int | SSAValue, ...], tuple[int | SSAValue, ...]]]
        self.boxes = {}
        self.views: dict[Operation, View] = {}
        self.operands: dict[Operation, tuple[SSAValue, ...]] = {}
        self.handlers: dict[type[Operation], Callable[[Any], None]] = {
            arith.ConstantOp: self._constant,
            arith.CmpiOp: self._compare,
            arith.SelectOp: self._select,
            memref.GetGlobalOp: self._global,
            memref.SubviewOp: self._subview,
            ViewOp: self._view,
            ReshapeOp: self._reshape,
            CopyOp: self._copy,
            StartOp: self._start,
            WaitOp: lambda op: self.machine.wait(self.values[op.token]),
            NoneOp: lambda op: self.values.__setitem__(op.token, None),
            StartJobOp: self._start_job,
            WaitForJobOp: lambda op: self.machine.wait(self.values[op.token]),
            NoJobOp: lambda op: self.values.__setitem__(op.token, None),
            scf.ForOp: self._for,
            scf.IfOp: self._if,
            RunOp: self._run,
            BarrierOp: lambda op: self.machine.barrier(),
            StepOp: self._step,
            ReturnOp: lambda op: None,
        }

    def function(self, function: FuncOp) -> None:
        """Goes through the function's body."""
        self._block(function.body.block)

    def _block(self, block: Block) -> None:
        for op in block.ops:
            kind = type(op)
            if kind in BINARY:
                if op not in self.operands:
                    self.operands[op] = (*op.operands, op.results[0])
                left, right, result = self.operands[op]
                self.values[result] = BINARY[kind](self.values[left], self.values[right])
            elif kind in self.handlers:
                self.handlers[kind](op)
            elif isinstance(op, KernelOp):
                self._kernel(op)
            elif not isinstance(op, scf.YieldOp):
                raise DeeployError(f"deeploy-verify-plan does not know {op.name}", self.machine.layer or None)

    def _constant(self, op: arith.ConstantOp) -> None:
        assert isinstance(op.value, IntegerAttr)
        self.values[op.result] = op.value.value.data

    def _compare(self, op: arith.CmpiOp) -> None:
        predicate = op.predicate.value.data
        compare = COMPARE[predicate if predicate < 6 else predicate - 4]
        self.values[op.result] = compare(self.values[op.lhs], self.values[op.rhs])

    def _select(self, op: arith.SelectOp) -> None:
        condition = self.values[op.cond]
        one, other = self.values[op.lhs], self.values[op.rhs]
        uniform = isinstance(condition, bool | int | np.bool_)
        self.values[op.result] = (one if condition else other) if uniform else np.where(condition, one, other)

    def _global(self, op: memref.GetGlobalOp) -> None:
        memref_type = op.memref.type
        symbol = op.name_.root_reference.data
        self.values[op.memref] = whole(symbol, [0], memref_type, [symbol], [symbol])

    def _view(self, op: ViewOp) -> None:
        if op not in self.views:
            arena, offsets = op.arena.root_reference.data, tuple(op.offsets.get_values())
            scope = self.step if (arena, offsets) in self.staging else -1
            names = [f"the buffer at {offset} of {arena}" for offset in offsets]
            keys = [(arena, offset, scope) for offset in offsets]
            self.views[op] = whole(arena, offsets, op.result.type, keys, names)
        view = self.views[op]
        which = self.values[op.which] if op.which is not None else 0
        self.values[op.result] = View(view.buffers, which, view.starts, view.sizes)

    def _reshape(self, op: ReshapeOp) -> None:
        source, memref_type = self.values[op.source], op.result.type
        assert isinstance(source, View)
        regions = [source.of_core(core) for core in self.active]
        if any(r.bytes != r.high - r.low for r in regions) or any(r.low != regions[0].low for r in regions):
            raise self.machine.fail("a reshape of what is not contiguous")
        first = regions[0].buffer
        buffers = [
            Buffer(b.symbol, b.memory, b.offset + regions[0].low - first.offset, byte_strides(memref_type),
                   b.element_bytes, b.key, b.name)
            for b in source.buffers
        ]  # fmt: skip
        shape = tuple(memref_type.get_shape())
        self.values[op.result] = View(tuple(buffers), source.which, (0,) * len(shape), shape, source.inside)

    def _subview(self, op: memref.SubviewOp) -> None:
        if op not in self.boxes:
            if any(s != 1 for s in op.static_strides.get_values()):
                raise self.machine.fail("a subview with steps")
            starts = mixed(op.static_offsets.get_values(), op.offsets)
            self.boxes[op] = (op.source, op.result, starts, mixed(op.static_sizes.get_values(), op.sizes))
        operand, result, *box = self.boxes[op]
        source = self.values[operand]
        assert isinstance(source, View)
        starts, sizes = (tuple(v if isinstance(v, int) else self.values[v] for v in part) for part in box)
        inside = source.inside
        for start, size, extent in zip(starts, sizes, source.sizes, strict=True):
            inside = inside & (start >= 0) & (size >= 0) & (start + size <= extent)
        moved = tuple(a + b for a, b in zip(source.starts, starts, strict=True))
        self.values[result] = View(source.buffers, source.which, moved, sizes, inside)

    def _regions(self, value: SSAValue, cores: Sequence[int]) -> list[Region]:
        view = self.values[value]
        assert isinstance(view, View)
        regions = [view.of_core(core) for core in cores]
        for core, region in zip(cores, regions, strict=True):
            if not (view.inside if isinstance(view.inside, bool) else view.inside[core]):
                raise self.machine.fail(
                    f"core {core} touches elements {region.starts} and on, {region.sizes} of them, of "
                    f"{region.buffer.name}, or of a part of it, where there are not as many"
                )
        return regions

    def _kernel(self, op: KernelOp) -> None:
        if op not in self.operands:
            self.operands[op] = op.operands_accessed
        *inputs, out = self.operands[op]
        # Cores with an empty share neither read nor write.
        outputs = self._regions(out, self.active)
        busy = [n for n, region in enumerate(outputs) if not region.empty]
        cores = [self.active[n] for n in busy]
        for number, value in enumerate(inputs):
            self.machine.read(cores, self._regions(value, cores), f"operand {number} of {op.name}")
        if op.scratch is not None:
            self.machine.write(cores, self._regions(op.scratch, cores), f"the scratch of {op.name}")
        self.machine.write(cores, [outputs[n] for n in busy], f"the output of {op.name}")

    def _copy(self, op: CopyOp) -> None:
        cores = self._where(op.condition)
        self.machine.read(cores, self._regions(op.source, cores), "the source of a copy")
        self.machine.write(cores, self._regions(op.destination, cores), "the destination of a copy")

    def _where(self, condition: SSAValue | None) -> list[int]:
        """The active cores for which a condition holds."""
        if condition is None:
            return self.active
        value = self.values[condition]
        return [core for core in self.active if (value[core] if isinstance(value, np.ndarray) else value)]

    def _start(self, op: StartOp) -> None:
        cores = self._where(op.condition)
        self.values[op.token] = None
        if not cores:
            return
        if cores != [0]:
            raise self.machine.fail(f"a transfer is started by cores {cores} instead of core 0 alone")
        (source,), (destination,) = self._regions(op.source, cores), self._regions(op.destination, cores)
        if source.sizes != destination.sizes:
            raise self.machine.fail(f"a transfer of {source.sizes} elements to {destination.sizes}")
        what = f"the transfer from {source.buffer.name} to {destination.buffer.name}"
        self.values[op.token] = self.machine.start(dma_of(op.token), source, destination, what)

    def _start_job(self, op: StartJobOp) -> None:
        cores = self._where(op.condition)
        self.values[op.token] = None
        if not cores:
            return
        kernel = op.kernel
        what = f"the job {kernel.name} of {self.machine.layer or kernel.layer.data}"
        if cores != [0]:
            raise self.machine.fail(f"{what} is started by cores {cores} instead of core 0 alone")
        *reads, written = (self._regions(value, cores)[0] for value in kernel.operands_accessed)
        self.values[op.token] = self.machine.start_job(op.engine_name, reads, written, what)

    def _for(self, op: scf.ForOp) -> None:
        low, high, step = (self._uniform(v) for v in (op.lb, op.ub, op.step))
        block = op.body.block
        carried = [self.values[v] for v in op.iter_args]
        for index in range(low, high, step):
            self.values[block.args[0]] = index
            self.values.update(zip(block.args[1:], carried, strict=True))
            self._block(block)
            last = block.last_op
            assert last is not None
            carried = [self.values[v] for v in last.operands]
        self.values.update(zip(op.results, carried, strict=True))

    def _uniform(self, value: SSAValue) -> int:
        number = self.values[value]
        if not isinstance(number, int):
            raise self.machine.fail("a loop whose bounds differ between cores")
        return number

    def _if(self, op: scf.IfOp) -> None:
        before, taken = self.active, self._where(op.cond)
        others = [core for core in before if core not in taken]
        for region, cores in ((op.true_region, taken), (op.false_region, others)):
            if cores and region.blocks:
                self.active = cores
                self._block(region.block)
        self.active = before

    def _run(self, op: RunOp) -> None:
        before, self.active = self.active, list(range(self.cores))
        self.values[op.core] = np.arange(self.cores)
        self._block(op.body.block)
        self.active = before
        self.machine.barrier()  # the join

    def _step(self, op: StepOp) -> None:
        self.step += 1
        self.machine.layer = op.layer.data
        self.staging = staging_places(op.body.block)
        self._block(op.body.block)


def mixed(static: Sequence[Any], dynamic: Sequence[SSAValue]) -> tuple[int | SSAValue, ...]:
    """Numbers where they are static, else the values that hold them."""
    given = iter(dynamic)
    return tuple(next(given) if s == DYNAMIC_INDEX else int(s) for s in static)


def byte_strides(memref_type: MemRef) -> tuple[int, ...]:
    """Strides in bytes."""
    size = element_bytes(memref_type.element_type)
    return tuple(s * size for s in strides_of(memref_type))


def whole(symbol: str, offsets: Sequence[int], memref_type: MemRef, keys: Sequence[Any], names: Sequence[str]) -> View:
    """A memref that covers buffers of its own."""
    shape, memory = tuple(memref_type.get_shape()), memory_of(memref_type)
    size, strides = element_bytes(memref_type.element_type), byte_strides(memref_type)
    buffers = tuple(
        Buffer(symbol, memory, offset, strides, size, key, name)
        for offset, key, name in zip(offsets, keys, names, strict=True)
    )
    return View(buffers, 0, (0,) * len(shape), shape)


def steps_of(function: FuncOp) -> Iterator[StepOp]:
    """The steps of a function, in order."""
    return (op for op in function.body.walk() if isinstance(op, StepOp))
