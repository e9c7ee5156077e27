"""Runs a module on numpy, whatever its level: the same inputs must give the same outputs before and after each pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Any, cast

import numpy as np
from xdsl.dialects import memref
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, ModuleOp, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.interpreter import Interpreter, InterpreterFunctions
from xdsl.interpreters.arith import ArithFunctions
from xdsl.interpreters.func import FuncFunctions
from xdsl.interpreters.scf import ScfFunctions
from xdsl.ir import Attribute

from deeploy_mlir.dialects.cluster import RunOp
from deeploy_mlir.dialects.graph_op import GraphOp
from deeploy_mlir.dialects.mem import ArenaOp, memory_of
from deeploy_mlir.dialects.soc import SystemOp
from deeploy_mlir.dialects.tiled import NestOp, Tiled
from deeploy_mlir.graph import evaluate as graph
from deeploy_mlir.interpreters.cluster import ClusterFunctions
from deeploy_mlir.interpreters.dma import DmaFunctions
from deeploy_mlir.interpreters.index import IndexFunctions
from deeploy_mlir.interpreters.mem import MemFunctions
from deeploy_mlir.interpreters.memory import DmaLimit, Machine, Request, View, Who, lay_out
from deeploy_mlir.interpreters.offload import OffloadFunctions
from deeploy_mlir.interpreters.tensors import KernelFunctions, TensorFunctions
from deeploy_mlir.interpreters.tiled import Homes, PlannedFunctions, UnplannedFunctions
from deeploy_mlir.ir.symbols import arrays_of
from deeploy_mlir.machine.registry import system_of
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array, array_of, numpy_dtype


class Level(StrEnum):
    """What a module's function is made of, and so how it runs."""

    GRAPH = "graph"
    KERNEL = "kernel"
    TILED = "tiled"
    MEMORY = "memory"
    """Steps on memrefs: the levels `mem`, `dma` (`offload`) and `cluster`."""
    C = "c"
    """Runs by being compiled."""


@dataclass(frozen=True)
class RunOptions:
    """Freedom that a right program does not notice.

    `copy_at_start`: transfers copy and jobs compute when they start instead of when they are waited for.
    `reverse_cores`: between two barriers the last core runs first."""

    copy_at_start: bool = False
    reverse_cores: bool = False


def the_function(module: ModuleOp) -> FuncOp:
    """The function of a network's module. Raises DeeployError if there is not exactly one with a body."""
    functions = [op for op in module.body.block.ops if isinstance(op, FuncOp) and op.body.blocks]
    if len(functions) != 1:
        raise DeeployError(f"a network's module holds one function, this one has {len(functions)}")
    return functions[0]


def level_of(module: ModuleOp) -> Level:
    """The level of a module. Raises DeeployError if it holds no network."""
    if any(op.name.startswith("c.") for op in module.body.block.ops):
        return Level.C
    function = the_function(module)
    if not function.function_type.outputs.data:
        return Level.MEMORY
    tiled = tuple(Tiled.operations)
    for op in function.body.walk():
        if isinstance(op, tiled):
            return Level.TILED
        if isinstance(op, GraphOp):
            return Level.GRAPH
    return Level.KERNEL


def run_module(
    module: ModuleOp,
    inputs: Sequence[Array],
    implementations: Sequence[InterpreterFunctions] = (),
    options: RunOptions | None = None,
) -> list[Array]:
    """The outputs of the network for `inputs`, in order.

    `implementations` add the meaning of further dialects (not on the graph level). Raises DeeployError if an input does
    not fit, for a module on the C level, and for whatever a program must not do (see `interpreters.memory`)."""
    level = level_of(module)
    if level == Level.C:
        raise DeeployError("a module on the C level is not interpreted: it runs by being compiled")
    if level == Level.GRAPH:
        return graph.run_module(module, inputs)
    options = options or RunOptions()
    if level == Level.MEMORY:
        return _run_on_memory(module, inputs, implementations, options)
    function = the_function(module)
    _check_inputs(function, inputs)
    if level == Level.TILED and all(n.planned for n in function.body.walk() if isinstance(n, NestOp)):
        return _run_planned(module, function, inputs, implementations)
    interpreter = _interpreter(module, [KernelFunctions(), TensorFunctions(), UnplannedFunctions(), *implementations])
    return list(interpreter.call_op(function, tuple(inputs)))


def _check_inputs(function: FuncOp, inputs: Sequence[Array]) -> None:
    if len(inputs) != len(function.args):
        raise DeeployError(f"the network takes {len(function.args)} inputs, got {len(inputs)}")
    for number, (argument, value) in enumerate(zip(function.args, inputs, strict=True)):
        tensor_type = cast(TensorType[Attribute], argument.type)
        if value.shape != tensor_type.get_shape() or value.dtype != numpy_dtype(tensor_type.element_type):
            raise DeeployError(f"input {number} is {tensor_type}, got {value.dtype}{value.shape}")


def _interpreter(module: ModuleOp, functions: Sequence[InterpreterFunctions]) -> Interpreter:
    interpreter = Interpreter(module)
    for one in (FuncFunctions(), ArithFunctions(), IndexFunctions(), ScfFunctions(), *functions):
        interpreter.register_implementations(one, override=True)
    return interpreter


def _machine(module: ModuleOp, requests: Sequence[Request], options: RunOptions) -> Machine:
    """The machine of the module's SoC; without a SoC memories are as large as they need be, and any transfer goes."""
    system = system_of(module, required=False)
    capacities = {m.symbol: m.size for m in system.memories} if system is not None else {}
    dmas = _dma_limits(system) if system is not None else None
    return Machine(lay_out(requests, capacities), dmas, options.copy_at_start)


def _dma_limits(system: SystemOp) -> dict[tuple[str, str], DmaLimit]:
    names = [m.symbol for m in system.memories]
    found = {(a, b): system.dma_between(a, b) for a in names for b in names if a != b}
    return {ends: DmaLimit(dma.engine_name, dma.channels) for ends, dma in found.items() if dma is not None}


def _run_planned(
    module: ModuleOp, function: FuncOp, inputs: Sequence[Array], implementations: Sequence[InterpreterFunctions]
) -> list[Array]:
    """A planned function on tensors, at its places."""
    homes = Homes.of(function)
    machine = _machine(module, homes.requests, RunOptions())
    arguments = [homes.view(machine, argument) for argument in function.args]
    for view, values in zip(arguments, inputs, strict=True):
        machine.fill(view, values)
    interpreter = _interpreter(module, [TensorFunctions(), PlannedFunctions(machine, homes), *implementations])
    return _read_outputs(machine, [cast(View, v) for v in interpreter.call_op(function, tuple(arguments))])


def _run_on_memory(
    module: ModuleOp, inputs: Sequence[Array], implementations: Sequence[InterpreterFunctions], options: RunOptions
) -> list[Array]:
    """A function on memrefs: inputs and outputs are the globals of these roles."""
    function = the_function(module)
    own = arrays_of(module, function)
    arrays = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, memref.GlobalOp)}
    requests = [Request(a.sym_name.data, a.memory.root_reference.data, a.size.value.data) for a in _arenas(module)]
    requests += [_request(array) for array in arrays.values()]
    machine = _machine(module, requests, options)
    views = {name: _view(machine, array) for name, array in arrays.items()}
    for name, array in arrays.items():
        if isinstance(array.initial_value, DenseIntOrFPElementsAttr):
            machine.fill(views[name], array_of(cast("DenseIntOrFPElementsAttr[Any]", array.initial_value)))
    arguments, results = ([views[array.sym_name.data] for array in of] for of in (own.inputs, own.outputs))
    if len(inputs) != len(arguments):
        raise DeeployError(f"the network takes {len(arguments)} inputs, got {len(inputs)}")
    for number, (view, values) in enumerate(zip(arguments, inputs, strict=True)):
        if view.shape != values.shape or view.dtype != values.dtype:
            raise DeeployError(f"input {number} is {view.dtype}{view.shape}, got {values.dtype}{values.shape}")
        machine.fill(view, values)

    def functions_of(core: int) -> list[InterpreterFunctions]:
        common = [ArithFunctions(), IndexFunctions(), ScfFunctions()]
        asynchronous = [DmaFunctions(machine, core), OffloadFunctions(machine, core)]
        return [*common, MemFunctions(machine, core), *asynchronous, *implementations]

    cluster = ClusterFunctions(machine, functions_of, _cores_of(module), reverse=options.reverse_cores)
    _interpreter(module, [*functions_of(0), cluster]).call_op(function, ())
    machine.finish()
    return _read_outputs(machine, results)


def _cores_of(module: ModuleOp) -> Callable[[RunOp], int]:
    system = system_of(module, required=False)

    def cores(op: RunOp) -> int:
        if system is None:
            raise DeeployError(f"the module names no SoC, so the cores of {op.engine} are unknown")
        return system.engine(op.engine.root_reference.data).core_count

    return cores


def _arenas(module: ModuleOp) -> list[ArenaOp]:
    return [op for op in module.body.block.ops if isinstance(op, ArenaOp)]


def _request(array: memref.GlobalOp) -> Request:
    memref_type = array.type
    size = prod(memref_type.get_shape()) * numpy_dtype(memref_type.element_type).itemsize
    return Request(array.sym_name.data, memory_of(memref_type), size, read_only=array.constant is not None)


def _view(machine: Machine, array: memref.GlobalOp) -> View:
    memref_type = array.type
    return machine.whole(array.sym_name.data, memref_type.get_shape(), numpy_dtype(memref_type.element_type))


def _read_outputs(machine: Machine, views: Sequence[View]) -> list[Array]:
    for number, view in enumerate(views):
        machine.check_read(view, Who(0, "", f"whoever takes output {number}"))
    return [np.array(view.values) for view in views]
