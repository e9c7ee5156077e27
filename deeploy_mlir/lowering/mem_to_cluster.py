"""`convert-mem-to-cluster`: the steps of a function become one resident region on the cores of an engine.

Every core runs all steps; core 0 starts the transfers and the jobs of asynchronous engines (on the others nothing is
ever started); each kernel of the cores is cut into the shares that its `split` says, which are tiles like any other;
barriers stand where one core's work meets another's, a transfer's or a job's. An engine with a single core that is the
host needs none of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import cast

from xdsl.builder import Builder
from xdsl.context import Context
from xdsl.dialects import scf
from xdsl.dialects.builtin import IndexType, ModuleOp, SymbolRefAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.cluster import BarrierOp, RunOp
from deeploy_mlir.dialects.dma import StartOp, WaitOp
from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.dialects.mem import StepOp
from deeploy_mlir.dialects.offload import StartOp as StartJobOp
from deeploy_mlir.dialects.offload import WaitOp as WaitForJobOp
from deeploy_mlir.dialects.soc import EngineOp, SystemOp
from deeploy_mlir.ir.index_builder import Index, IndexBuilder
from deeploy_mlir.ir.kernel_on_memrefs import kernel_on
from deeploy_mlir.machine.registry import system_of
from deeploy_mlir.space.iteration_space import IterationSpace, axis_region
from deeploy_mlir.space.work_split import CoreSplit
from deeploy_mlir.support.errors import DeeployError


@dataclass(frozen=True)
class Pending:
    """What may have happened since the last barrier; a job counts as a transfer."""

    kernel: bool = False
    transfer: bool = False

    def join(self, other: Pending) -> Pending:
        return Pending(self.kernel or other.kernel, self.transfer or other.transfer)


def insert_barriers(block: Block, pending: Pending) -> Pending:
    """Separates kernels from transfers and jobs waited for and from each other, and these from kernels before them.

    `pending` holds at the block's start; returns what holds at its end. Inserting twice adds nothing."""
    for op in list(block.ops):
        if isinstance(op, BarrierOp):
            pending = Pending()
        elif isinstance(op, KernelOp | scf.IfOp):
            if pending.kernel or pending.transfer:
                Rewriter.insert_op(BarrierOp(), InsertPoint.before(op))
            pending = Pending(kernel=True)
        elif isinstance(op, StartOp | StartJobOp):
            if pending.kernel:
                Rewriter.insert_op(BarrierOp(), InsertPoint.before(op))
                pending = Pending(transfer=pending.transfer)
        elif isinstance(op, WaitOp | WaitForJobOp):
            pending = pending.join(Pending(transfer=True))
        elif isinstance(op, scf.ForOp):
            at_end = insert_barriers(op.body.block, pending)
            pending = insert_barriers(op.body.block, pending.join(at_end))
    return pending


def dim_size(indices: IndexBuilder, space: IterationSpace, dim: int, out_sizes: tuple[Index, ...]) -> Index:
    """Size of a parallel dimension, from the sizes of the output."""
    for axis, extent in zip(space.output.axes, out_sizes, strict=True):
        coefficient = axis.coefficients[dim]
        if not coefficient:
            continue
        others = sum(c * (space.dims[d].size - 1) for d, c in enumerate(axis.coefficients) if c and d != dim)
        if isinstance(extent, int):
            return (extent - 1 - others) // coefficient + 1
        if coefficient == 1:
            return indices.sub(extent, others)
        return indices.add(indices.div(indices.sub(extent, 1 + others), coefficient), 1)
    raise ValueError(f"dimension {dim} is not on the output")


def share_of_core(kernel: KernelOp, core: SSAValue, cores: int) -> None:
    """Replaces a kernel by the share of `core`, as its `split` says. Raises DeeployError if it says nothing."""
    if kernel.split is None:
        raise DeeployError(f"{kernel.name} does not say how cores share it; run deeploy-plan first", kernel.layer.data)
    split, space = kernel.split.split, kernel.iteration_space()
    builder = Builder(InsertPoint.before(kernel))
    indices = IndexBuilder(builder)
    if split.cores > cores:
        raise DeeployError(f"{kernel.name} is split over {split.cores} cores of {cores}", kernel.layer.data)
    sizes_of = [indices.sizes_of(v) for v in kernel.operands_accessed]
    parts = {
        dim: part_of_core(indices, dim_size(indices, space, dim, sizes_of[-1]), number, shares)
        for dim, shares, number in zip(split.dims, split.shares, share_numbers(indices, split, core), strict=True)
    }
    conditions: list[SSAValue] = []
    if split.cores < cores:
        conditions.append(
            indices.compare("eq", core, 0) if split.cores == 1 else indices.compare("slt", core, split.cores)
        )
    conditions += [indices.compare("sgt", part.size, 0) for part in parts.values() if part.may_be_empty]
    if conditions:
        work = Block()
        builder.insert(scf.IfOp(reduce(indices.both, conditions), [], Region(work)))
        indices = IndexBuilder(Builder(InsertPoint.at_end(work)))
    if parts:
        _insert_share(indices, kernel, space, parts, sizes_of, core)
    else:
        origins = None if kernel.local is None else kernel.origins
        scratch = scratch_of_core(indices, kernel, core)
        indices.builder.insert(kernel_on(kernel, kernel.operands_accessed, origins, scratch))
    if conditions:
        indices.builder.insert(scf.YieldOp())
    Rewriter.erase_op(kernel)


@dataclass(frozen=True)
class Part:
    """The run of iterations of a dimension that a core has."""

    low: Index
    size: Index
    may_be_empty: bool


def share_numbers(indices: IndexBuilder, split: CoreSplit, core: SSAValue) -> list[Index]:
    """Which share of each dimension a core has."""
    if len(split.dims) < 2:
        return [core] * len(split.dims)
    inner = split.shares[1]
    return [indices.div(core, inner), indices.rem(core, inner)]


def part_of_core(indices: IndexBuilder, extent: Index, number: Index, shares: int) -> Part:
    """Share `number` of `shares` of a dimension of size `extent`."""
    if isinstance(extent, int) and extent % shares == 0:
        return Part(indices.mul(number, extent // shares), extent // shares, False)
    low = indices.div(indices.mul(number, extent), shares)
    size = indices.sub(indices.div(indices.mul(indices.add(number, 1), extent), shares), low)
    return Part(low, size, not (isinstance(extent, int) and extent >= shares))


def scratch_of_core(indices: IndexBuilder, kernel: KernelOp, core: SSAValue) -> SSAValue | None:
    """A core's part of a kernel's scratch."""
    if kernel.scratch is None:
        return None
    _, size = indices.sizes_of(kernel.scratch)
    return indices.subview(kernel.scratch, [core, 0], [1, size])


def _insert_share(
    indices: IndexBuilder,
    kernel: KernelOp,
    space: IterationSpace,
    parts: Mapping[int, Part],
    sizes_of: list[tuple[Index, ...]],
    core: SSAValue,
) -> None:
    """Inserts the kernel on the parts of its operands where each shared dimension runs over the core's part."""
    given = iter(kernel.origins)
    operands: list[SSAValue] = []
    origins: list[SSAValue] = []
    for value, access, extents in zip(kernel.operands_accessed, space.accesses, sizes_of, strict=True):
        starts: list[Index] = []
        sizes: list[Index] = []
        for axis, extent in zip(access.axes, extents, strict=True):
            origin: Index | None = next(given) if axis.padded and kernel.origins else None
            if not any(axis.coefficients[d] for d in parts) and (axis.padded or kernel.local is not None):
                # The whole axis: only its origin is handed on.
                starts.append(0)
                sizes.append(extent)
                if axis.padded:
                    origins.append(indices.value(axis.offset if origin is None else origin))
                continue
            lows: list[Index] = [parts[d].low if d in parts else 0 for d in range(len(space.dims))]
            spans: list[Index] = [parts[d].size if d in parts else s.size for d, s in enumerate(space.dims)]
            for d in axis.dims:  # another dimension on the axis may be cut too, its size known at run time only
                if d not in parts and space.dims[d].size < 0:
                    spans[d] = dim_size(indices, space, d, sizes_of[-1])
            region = axis_region(axis, lows, spans, extent, indices, origin)
            starts.append(region.start)
            sizes.append(region.size)
            if axis.padded:
                origins.append(indices.value(region.origin))
        operands.append(indices.subview(value, starts, sizes))
    share = kernel_on(kernel, operands, origins, scratch_of_core(indices, kernel, core))
    share.split = None
    indices.builder.insert(share)


def guard_transfers(region: RunOp) -> None:
    """Only core 0 starts transfers and jobs."""
    for start in [op for op in region.walk() if isinstance(op, StartOp | StartJobOp)]:
        indices = IndexBuilder(Builder(InsertPoint.before(start)))
        condition = indices.compare("eq", region.core, 0)
        if start.condition is not None:
            condition = indices.both(condition, start.condition)
        if isinstance(start, StartOp):
            Rewriter.replace_op(start, StartOp(start.dma, start.source, start.destination, condition))
        else:
            Rewriter.replace_op(start, StartJobOp(start.engine, start.kernel.clone(), condition))


@dataclass(frozen=True)
class ConvertMemToClusterPass(ModulePass):
    """Wraps the steps of every function into one `cluster.run`, unless their engine is the host core itself."""

    name = "convert-mem-to-cluster"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        system = system_of(op)
        for function in [f for f in op.body.block.ops if isinstance(f, FuncOp)]:
            engines = {k.engine.root_reference.data for k in function.walk() if isinstance(k, KernelOp) and k.engine}
            if not engines:
                continue
            described = resident_engine(system, engines)
            if described.core_count > 1 or described.memory_name != system.host.memory_name:
                to_region(function, SymbolRefAttr(described.symbol), described.core_count)


def resident_engine(system: SystemOp, names: set[str]) -> EngineOp:
    """The engine whose cores run a function of kernels of these engines, and start the jobs of asynchronous ones.

    Raises DeeployError if there are several, or none."""
    used = [engine for engine in system.engines if engine.symbol in names]
    for name in sorted(names - {engine.symbol for engine in used}):
        known = ", ".join(f"@{engine.symbol}" for engine in system.engines)
        raise DeeployError(f"there is no engine @{name}; there are: {known}")
    cores = [engine for engine in used if not engine.asynchronous]
    if not cores:
        memories = {engine.memory_name for engine in used}
        cores = [e for e in system.engines if not e.asynchronous and e.memory_name in memories][:1]
    if not cores:
        known = ", ".join(f"@{name}" for name in sorted(names))
        raise DeeployError(f"no engine with cores on the memory of {known} can start its jobs")
    if len(cores) > 1:
        known = ", ".join(f"@{engine.symbol}" for engine in cores)
        raise DeeployError(f"several engines with cores in one function ({known}) are not supported yet")
    return cores[0]


def to_region(function: FuncOp, engine: SymbolRefAttr, cores: int) -> None:
    """The steps of `function` as a resident region, in place. One core alone shares nothing and waits for nobody."""
    steps = [op for op in function.body.block.ops if not isinstance(op, ReturnOp)]
    body = Block(arg_types=[IndexType()])
    body.args[0].name_hint = "core"
    for step in steps:
        step.detach()
        body.add_op(step)
    run = RunOp(engine, Region(body))
    function.body.block.insert_op_before(run, cast(Operation, function.body.block.last_op))
    if cores == 1:
        return
    pending = Pending()
    for step in [s for s in body.ops if isinstance(s, StepOp)]:
        pending = insert_barriers(step.body.block, pending)
    guard_transfers(run)
    for step in [s for s in body.ops if isinstance(s, StepOp)]:
        for kernel in [k for k in step.walk() if isinstance(k, KernelOp) and not isinstance(k.parent_op(), StartJobOp)]:
            share_of_core(kernel, run.core, cores)
