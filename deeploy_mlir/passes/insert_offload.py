"""`deeploy-insert-offload`: kernels of asynchronous engines become jobs, each waited for at once.

Where a binding leaves a kernel's epilogue to the cores, the job writes sums into the kernel's scratch, and a second
kernel makes the output of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.builder import Builder
from xdsl.context import Context
from xdsl.dialects.builtin import MemRefType, ModuleOp, StringAttr, SymbolRefAttr
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from deeploy_mlir.dialects.kernel import KernelOp, SplitAttr, element_type_of_value
from deeploy_mlir.dialects.mem import StepOp, ViewOp
from deeploy_mlir.dialects.offload import StartOp, WaitOp
from deeploy_mlir.ir.epilogues import epilogue_of, sums_of
from deeploy_mlir.ir.index_builder import IndexBuilder
from deeploy_mlir.kernels.binding import KernelBinding
from deeploy_mlir.kernels.choice import bindings_of, chosen
from deeploy_mlir.kernels.offload import SumsBinding
from deeploy_mlir.machine.registry import system_of
from deeploy_mlir.space.work_split import CoreSplit
from deeploy_mlir.support.errors import DeeployError


@dataclass(frozen=True)
class InsertOffloadPass(ModulePass):
    """A kernel of an engine that is not asynchronous stays as it is."""

    name = "deeploy-insert-offload"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        system = system_of(op)
        asynchronous = {engine.symbol for engine in system.engines if engine.asynchronous}
        bindings: Sequence[KernelBinding] = ()
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp) and k.engine is not None]:
            engine = kernel.engine
            if engine is None or engine.root_reference.data not in asynchronous:
                continue
            if isinstance(kernel.parent_op(), StartOp):
                continue
            job, rest = kernel.clone(), list[Operation]()
            if kernel.scratch is not None:
                bindings = bindings or bindings_of(system)
                binding = chosen(kernel, bindings)
                if isinstance(binding, SumsBinding):
                    job, rest = in_phases(kernel, binding)
            start = StartOp(engine, job)
            Rewriter.replace_op(kernel, [start, WaitOp(start.token), *rest], [])


def in_phases(kernel: KernelOp, binding: SumsBinding) -> tuple[KernelOp, list[Operation]]:
    """The kernel that makes the sums, and the one that makes the output of them; their memref is inserted before."""
    scratch = kernel.scratch
    if scratch is None or not isinstance(view := scratch.owner, ViewOp):
        raise DeeployError(f"{kernel.name} of {binding.name} has no scratch for its sums", kernel.layer.data)
    indices = IndexBuilder(Builder(InsertPoint.before(kernel)))
    tiles = tuple(step_of(kernel).tiles.get_values())
    *_, shape = shapes = [access.tile_shape(tiles) for access in kernel.iteration_space().accesses]
    memory = view.result.type.memory_space
    tile = indices.builder.insert(
        ViewOp(
            view.arena.root_reference.data,
            view.offsets.get_values(),
            MemRefType(kernel.accumulator(), list(shape), memory_space=memory),
        )
    ).result
    sums = indices.subview(tile, [0] * len(shape), indices.sizes_of(kernel.out))
    sums.name_hint = "sums"
    rest = epilogue_of(kernel, sums, kernel.extras, kernel.out)
    rest.engine, rest.binding = SymbolRefAttr(binding.rest.engine), StringAttr(binding.rest.name)
    rest.split = SplitAttr.of(_split(kernel, binding, shapes))
    return sums_of(kernel, kernel.ins, sums), [rest]


def _split(kernel: KernelOp, binding: SumsBinding, shapes: Sequence[Sequence[int]]) -> CoreSplit:
    """How the cores share the epilogue of a whole tile, whose operands have these shapes."""
    elements = [element_type_of_value(v) for v in kernel.operands_accessed]
    types = [MemRefType(e, list(shape)) for e, shape in zip(elements, shapes, strict=True)][len(kernel.ins) :]
    sums, *extras, out = Block(arg_types=[MemRefType(kernel.accumulator(), list(shapes[-1])), *types]).args
    whole = epilogue_of(kernel, sums, extras, out)
    cycles = binding.rest.cost(whole)
    splits = binding.rest.splits(whole, shapes[-1], binding.cores)
    return min(splits, key=lambda split: cycles(shapes[-1], split))


def step_of(op: Operation) -> StepOp:
    """The step that an operation is in. Raises DeeployError if it is in none."""
    parent = op.parent_op()
    while parent is not None and not isinstance(parent, StepOp):
        parent = parent.parent_op()
    if parent is None:
        raise DeeployError(f"{op.name} is in no step")
    return parent
