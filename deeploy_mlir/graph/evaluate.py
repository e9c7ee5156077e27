"""Running a module on the graph level (`onnx`, `qnn`) on numpy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from xdsl.dialects import func, ml_program
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, ModuleOp, TensorType
from xdsl.ir import Operation, SSAValue

from deeploy_mlir.dialects.graph_op import GraphOp, tensor_type, to_python
from deeploy_mlir.dialects.onnx import OnnxOp
from deeploy_mlir.dialects.qnn import QnnOp
from deeploy_mlir.graph.evaluate_onnx import evaluate_onnx
from deeploy_mlir.graph.evaluate_qnn import evaluate_qnn
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, array_of, element_bytes, numpy_dtype

MAX_EVALUATED_BYTES = 1 << 24
"""Constants of more bytes are computed only where they are no larger than what they are computed from."""

_MAX_CONSTANT_BYTES = 1 << 29


def type_bytes(type_: TensorType[Any]) -> int:
    """Bytes of a tensor of this type."""
    return math.prod(type_.get_shape()) * element_bytes(type_.element_type)


def is_small(op: GraphOp, limit: int) -> bool:
    """Whether the results of an operation take at most `limit` bytes, or at most what its operands take (each counted
    once) and `_MAX_CONSTANT_BYTES`."""
    given = sum(type_bytes(tensor_type(value)) for value in set(op.operands))
    return sum(type_bytes(tensor_type(r)) for r in op.results) <= max(limit, min(given, _MAX_CONSTANT_BYTES))


def evaluate(op: GraphOp, args: Sequence[Array | None]) -> list[Array]:
    """The results of one operation on operand values by position, None where an optional operand is absent."""
    if isinstance(op, OnnxOp):
        return evaluate_onnx(op, args)
    if isinstance(op, QnnOp):
        return evaluate_qnn(op, [array for array in args if array is not None])
    raise DeeployError(f"no interpreter for {op.name}", op.node_name)


def graph_function(module: ModuleOp) -> func.FuncOp:
    """The network's function: the only one of the module. Raises DeeployError if there is not exactly one."""
    functions = [op for op in module.ops if isinstance(op, func.FuncOp)]
    if len(functions) != 1:
        raise DeeployError(f"a network is one function, but the module has {len(functions)}")
    return functions[0]


def global_values(module: ModuleOp) -> dict[str, DenseIntOrFPElementsAttr]:
    """The value of every constant of the module, by symbol."""
    values: dict[str, DenseIntOrFPElementsAttr] = {}
    for op in module.ops:
        content: Any = op.value if isinstance(op, ml_program.GlobalOp) else None
        if isinstance(op, ml_program.GlobalOp) and isinstance(content, DenseIntOrFPElementsAttr):
            values[op.sym_name.data] = cast("DenseIntOrFPElementsAttr[Any]", content)
    return values


def _check(name: str, array: Array, type_: Any) -> Array:
    tensor = cast("TensorType[Any]", type_)
    dtype = numpy_dtype(tensor.element_type)
    if tuple(array.shape) != tuple(tensor.get_shape()):
        raise DeeployError(f"has shape {list(array.shape)}, but the network takes {list(tensor.get_shape())}", name)
    return array.astype(dtype)


def run_module(
    module: ModuleOp, inputs: Sequence[Array], *, values: dict[SSAValue, Array] | None = None
) -> list[Array]:
    """Run the network's function: arrays in the order of its arguments -> arrays in the order of its results.

    Inputs are cast to the argument types. `values`, if given, is filled with the value of every SSA value.
    Raises DeeployError for wrong numbers or shapes of inputs."""
    function = graph_function(module)
    env: dict[SSAValue, Array] = {} if values is None else values
    arguments = function.body.block.args
    if len(inputs) != len(arguments):
        raise DeeployError(f"takes {len(arguments)} inputs, not {len(inputs)}", function.sym_name.data)
    for argument, array in zip(arguments, inputs, strict=True):
        env[argument] = _check(argument.name_hint or f"input {argument.index}", np.asarray(array), argument.type)
    constants = global_values(module)
    for op in function.body.block.ops:
        if isinstance(op, func.ReturnOp):
            return [env[operand] for operand in op.operands]
        _step(op, env, constants)
    raise DeeployError("the function does not return", function.sym_name.data)


def _step(op: Operation, env: dict[SSAValue, Array], constants: Mapping[str, DenseIntOrFPElementsAttr]) -> None:
    if isinstance(op, ml_program.GlobalLoadConstantOp):
        env[op.result] = array_of(constants[op.global_attr.string_value()])
    elif isinstance(op, GraphOp):
        results = evaluate(op, [None if value is None else env[value] for value in op.inputs])
        env.update(zip(op.results, results, strict=True))
    else:
        raise DeeployError(f"no interpreter for {op.name} on the graph level")


def string_names(op: func.FuncOp, attribute: str) -> list[str]:
    """The names in a function's attribute `arg_names` or `result_names`; none if it has no such attribute."""
    found = op.attributes.get(attribute)
    return [] if found is None else [str(name) for name in to_python(found)]
