"""The kernel level on numpy: tensors are arrays, `kernel` operators computations on whole tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from xdsl.dialects import ml_program, tensor
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseIntOrFPElementsAttr
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls
from xdsl.ir import Attribute

from deeploy_mlir.dialects.kernel.base import KernelOp, ReshapeOp, shape_of
from deeploy_mlir.dialects.kernel.ops import ConvOp, MapOp, MatmulOp, PoolOp, ReduceOp, RowOp, ScatterOp
from deeploy_mlir.dialects.symbol_table import lookup_symbol
from deeploy_mlir.interpreters.kernel import run_kernel_op
from deeploy_mlir.interpreters.memory import POISON
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, array_of, numpy_dtype


def poisoned(shape: Sequence[int], element_type: Attribute) -> Array:
    """An array of poison, as memory that nobody has written."""
    dtype = numpy_dtype(element_type)
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(bytes([POISON]) * (count * dtype.itemsize), dtype).copy().reshape(shape)


@register_impls
class KernelFunctions(InterpreterFunctions):
    """The `kernel` operators on tensors."""

    def _run(self, op: KernelOp, args: PythonValues) -> PythonValues:
        count = len(op.operands_accessed)
        if op.result is None:
            raise DeeployError(f"{op.name} on memrefs does not run at this level", op.layer.data)
        return (run_kernel_op(op, args[:count], [int(a) for a in args[count:]]),)

    @impl(MatmulOp)
    def matmul(self, interpreter: Interpreter, op: MatmulOp, args: PythonValues) -> PythonValues:
        return self._run(op, args)

    @impl(ConvOp)
    def conv(self, interpreter: Interpreter, op: ConvOp, args: PythonValues) -> PythonValues:
        return self._run(op, args)

    @impl(PoolOp)
    def pool(self, interpreter: Interpreter, op: PoolOp, args: PythonValues) -> PythonValues:
        return self._run(op, args)

    @impl(ReduceOp)
    def reduce(self, interpreter: Interpreter, op: ReduceOp, args: PythonValues) -> PythonValues:
        return self._run(op, args)

    @impl(RowOp)
    def row(self, interpreter: Interpreter, op: RowOp, args: PythonValues) -> PythonValues:
        return self._run(op, args)

    @impl(ScatterOp)
    def scatter(self, interpreter: Interpreter, op: ScatterOp, args: PythonValues) -> PythonValues:
        return self._run(op, args)

    @impl(MapOp)
    def map(self, interpreter: Interpreter, op: MapOp, args: PythonValues) -> PythonValues:
        return self._run(op, args)

    @impl(ReshapeOp)
    def reshape(self, interpreter: Interpreter, op: ReshapeOp, args: PythonValues) -> PythonValues:
        return (np.reshape(args[0], shape_of(op.result)),)


@register_impls
class TensorFunctions(InterpreterFunctions):
    """Constants and empty tensors."""

    @impl(tensor.EmptyOp)
    def empty(self, interpreter: Interpreter, op: tensor.EmptyOp, args: PythonValues) -> PythonValues:
        tensor_type = op.tensor.type
        dynamic = iter(args)
        shape = [int(next(dynamic)) if s == DYNAMIC_INDEX else s for s in tensor_type.get_shape()]
        return (poisoned(shape, tensor_type.element_type),)

    @impl(ml_program.GlobalLoadConstantOp)
    def load(self, interpreter: Interpreter, op: ml_program.GlobalLoadConstantOp, args: PythonValues) -> PythonValues:
        source = lookup_symbol(interpreter.module, op.global_attr)
        value = source.value if isinstance(source, ml_program.GlobalOp) else None
        if not isinstance(value, DenseIntOrFPElementsAttr):
            raise DeeployError(f"{op.global_attr} is no constant of this module")
        return (array_of(cast("DenseIntOrFPElementsAttr[Any]", value)),)
