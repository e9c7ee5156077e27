"""The `offload` dialect on the machine of `memory`: tokens are numbers of jobs, None that of no job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from deeploy_mlir.dialects.offload import NoneOp, StartOp, WaitOp
from deeploy_mlir.interpreters.kernel_on_memory import start_kernel_on
from deeploy_mlir.interpreters.mem import layer_of
from deeploy_mlir.interpreters.memory import Machine, View, Who


@register_impls
class OffloadFunctions(InterpreterFunctions):
    """Jobs as one core starts and awaits them; between the two, nobody may touch what they work on."""

    def __init__(self, machine: Machine, core: int = 0) -> None:
        self.machine = machine
        self.core = core

    @impl(StartOp)
    def start(self, interpreter: Interpreter, op: StartOp, args: PythonValues) -> PythonValues:
        if args and not args[0]:
            return (None,)
        kernel = op.kernel
        count = len(kernel.operands_accessed)
        values = interpreter.get_values(kernel.operands)
        views, origins = cast(Sequence[View], values[:count]), [int(v) for v in values[count:]]
        who = Who(self.core, layer_of(op), f"the job {kernel.name} on @{op.engine_name}")
        return (start_kernel_on(kernel, views, origins, self.machine, who),)

    @impl(WaitOp)
    def wait(self, interpreter: Interpreter, op: WaitOp, args: PythonValues) -> PythonValues:
        if args[0] is not None:
            self.machine.wait(cast(int, args[0]), Who(self.core, layer_of(op), op.name))
        return ()

    @impl(NoneOp)
    def none(self, interpreter: Interpreter, op: NoneOp, args: PythonValues) -> PythonValues:
        return (None,)
