"""The `mem` dialect on the machine of `memory`: a memref is a view, a kernel a computation on views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from xdsl.dialects import memref
from xdsl.dialects.builtin import DYNAMIC_INDEX
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls
from xdsl.ir import Operation, SSAValue

from deeploy_mlir.dialects.kernel.base import KernelOp
from deeploy_mlir.dialects.kernel.ops import ConvOp, MapOp, MatmulOp, PoolOp, ReduceOp, RowOp, ScatterOp
from deeploy_mlir.dialects.mem import CopyOp, MemRef, ReshapeOp, StepOp, ViewOp, strides_of
from deeploy_mlir.interpreters.kernel_on_memory import run_kernel_on
from deeploy_mlir.interpreters.memory import Machine, View, Who, row_major
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import numpy_dtype


def layer_of(op: Operation) -> str:
    """The step that an operation belongs to; empty outside of any."""
    parent = op.parent_op()
    while parent is not None and not isinstance(parent, StepOp):
        parent = parent.parent_op()
    return parent.layer.data if parent is not None else ""


def check_type(op: Operation, result: SSAValue, view: View) -> View:
    """The view, if it is what the result's type says. Raises DeeployError otherwise."""
    memref_type = cast(MemRef, result.type)
    strides = [s * view.dtype.itemsize for s in strides_of(memref_type)]
    shape_fits = all(s in (DYNAMIC_INDEX, n) for s, n in zip(memref_type.get_shape(), view.shape, strict=True))
    strides_fit = all(n <= 1 or s == t for n, s, t in zip(view.shape, strides, view.strides, strict=True))
    if not shape_fits or not strides_fit or numpy_dtype(memref_type.element_type) != view.dtype:
        raise DeeployError(
            f"{op.name} makes {view.dtype}{list(view.shape)} with byte strides {list(view.strides)}, "
            f"its type is {memref_type}",
            layer_of(op) or None,
        )
    return view


@register_impls
class MemFunctions(InterpreterFunctions):
    """`mem`, the `memref` operations beside it, and `kernel` operators on memrefs, as one core runs them."""

    def __init__(self, machine: Machine, core: int = 0) -> None:
        self.machine = machine
        self.core = core

    def who(self, op: Operation, what: str) -> Who:
        """This core at `op`."""
        return Who(self.core, layer_of(op), what)

    @impl(StepOp)
    def step(self, interpreter: Interpreter, op: StepOp, args: PythonValues) -> PythonValues:
        return interpreter.run_ssacfg_region(op.body, (), op.layer.data)

    @impl(memref.GetGlobalOp)
    def get_global(self, interpreter: Interpreter, op: memref.GetGlobalOp, args: PythonValues) -> PythonValues:
        memref_type = op.memref.type
        dtype = numpy_dtype(memref_type.element_type)
        return (self.machine.whole(op.name_.string_value(), memref_type.get_shape(), dtype),)

    @impl(ViewOp)
    def view(self, interpreter: Interpreter, op: ViewOp, args: PythonValues) -> PythonValues:
        memref_type = op.result.type
        dtype, offsets = numpy_dtype(memref_type.element_type), op.offsets.get_values()
        which = int(args[0]) if args else 0
        if not 0 <= which < len(offsets):
            raise DeeployError(f"mem.view chooses offset {which} of {len(offsets)}", layer_of(op) or None)
        strides = [s * dtype.itemsize for s in strides_of(memref_type)]
        return (self.machine.view(op.arena.string_value(), offsets[which], memref_type.get_shape(), strides, dtype),)

    @impl(ReshapeOp)
    def reshape(self, interpreter: Interpreter, op: ReshapeOp, args: PythonValues) -> PythonValues:
        source = cast(View, args[0])
        if not source.empty and source.end - source.start != int(np.prod(source.shape)) * source.dtype.itemsize:
            raise DeeployError(f"mem.reshape of {op.source.type}, which is not contiguous", layer_of(op) or None)
        shape = op.result.type.get_shape()
        reshaped = View(source.buffer, source.start, shape, row_major(shape, source.dtype), source.dtype)
        return (check_type(op, op.result, reshaped),)

    @impl(memref.SubviewOp)
    def subview(self, interpreter: Interpreter, op: memref.SubviewOp, args: PythonValues) -> PythonValues:
        source, dynamic = cast(View, args[0]), iter(args[1:])
        starts = _indices(op.static_offsets.get_values(), dynamic)
        sizes = _indices(op.static_sizes.get_values(), dynamic)
        if any(s != 1 for s in op.static_strides.get_values()):
            raise DeeployError("memref.subview with steps does not run", layer_of(op) or None)
        part = source.part(starts, sizes)
        return (part if part.outside else check_type(op, op.result, part),)

    @impl(CopyOp)
    def copy(self, interpreter: Interpreter, op: CopyOp, args: PythonValues) -> PythonValues:
        source, destination, *condition = cast("tuple[View, ...]", args)
        if condition and not condition[0]:
            return ()
        who = self.who(op, op.name)
        if source.shape != destination.shape:
            raise self.machine.fault(who, f"has sides of {source.shape} and {destination.shape} elements")
        self.machine.check_read(source, who)
        if self.machine.overlap(source, destination):
            raise self.machine.fault(who, f"has sides that overlap in {source.buffer.symbol}")
        self.machine.check_write(destination, who)
        np.copyto(destination.values, source.values)
        return ()

    def _kernel(self, op: KernelOp, args: PythonValues) -> PythonValues:
        count = len(op.operands_accessed)
        views, origins = cast(Sequence[View], args[:count]), [int(a) for a in args[count : count + len(op.origins)]]
        if op.scratch is not None:
            scratch = cast(View, args[-1])
            self.machine.check_write(scratch, Who(self.core, layer_of(op), f"{op.name} with its scratch"))
            self.machine.discard(scratch)
        run_kernel_on(op, views, origins, self.machine, self.core, layer_of(op))
        return ()

    @impl(MatmulOp)
    def matmul(self, interpreter: Interpreter, op: MatmulOp, args: PythonValues) -> PythonValues:
        return self._kernel(op, args)

    @impl(ConvOp)
    def conv(self, interpreter: Interpreter, op: ConvOp, args: PythonValues) -> PythonValues:
        return self._kernel(op, args)

    @impl(PoolOp)
    def pool(self, interpreter: Interpreter, op: PoolOp, args: PythonValues) -> PythonValues:
        return self._kernel(op, args)

    @impl(ReduceOp)
    def reduce(self, interpreter: Interpreter, op: ReduceOp, args: PythonValues) -> PythonValues:
        return self._kernel(op, args)

    @impl(RowOp)
    def row(self, interpreter: Interpreter, op: RowOp, args: PythonValues) -> PythonValues:
        return self._kernel(op, args)

    @impl(ScatterOp)
    def scatter(self, interpreter: Interpreter, op: ScatterOp, args: PythonValues) -> PythonValues:
        return self._kernel(op, args)

    @impl(MapOp)
    def map(self, interpreter: Interpreter, op: MapOp, args: PythonValues) -> PythonValues:
        return self._kernel(op, args)


def _indices(static: Sequence[int], dynamic: Any) -> list[int]:
    return [int(next(dynamic)) if s == DYNAMIC_INDEX else s for s in static]
