"""The `dma` dialect on the machine of `memory`: tokens are numbers of transfers, None that of no transfer."""

from __future__ import annotations

from typing import cast

from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from deeploy_mlir.dialects.dma import NoneOp, StartOp, WaitOp
from deeploy_mlir.interpreters.mem import layer_of
from deeploy_mlir.interpreters.memory import Machine, View, Who


@register_impls
class DmaFunctions(InterpreterFunctions):
    """Transfers as one core starts and awaits them; between the two, nobody may touch what they move."""

    def __init__(self, machine: Machine, core: int = 0) -> None:
        self.machine = machine
        self.core = core

    @impl(StartOp)
    def start(self, interpreter: Interpreter, op: StartOp, args: PythonValues) -> PythonValues:
        source, destination, *condition = cast("tuple[View, ...]", args)
        if condition and not condition[0]:
            return (None,)
        what = f"the transfer from {source.buffer.symbol} to {destination.buffer.symbol}"
        return (self.machine.start(source, destination, Who(self.core, layer_of(op), what)),)

    @impl(WaitOp)
    def wait(self, interpreter: Interpreter, op: WaitOp, args: PythonValues) -> PythonValues:
        if args[0] is not None:
            self.machine.wait(cast(int, args[0]), Who(self.core, layer_of(op), op.name))
        return ()

    @impl(NoneOp)
    def none(self, interpreter: Interpreter, op: NoneOp, args: PythonValues) -> PythonValues:
        return (None,)
