"""The `cluster` dialect on the machine of `memory`: each core runs until its next barrier, then the next core.

The order is fixed, so a run can be repeated; it can be reversed. Two cores that touch the same byte between the same
two barriers, one of them writing, are a fault in any order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls
from xdsl.ir import Operation, SSAValue

from deeploy_mlir.dialects.cluster import BarrierOp, RunOp
from deeploy_mlir.interpreters.mem import layer_of
from deeploy_mlir.interpreters.memory import Machine
from deeploy_mlir.support.errors import DeeployError


class _AbandonedError(Exception):
    """Ends a core's thread when another core has failed."""


@dataclass
class _Core:
    """One core's thread, and where it stands: at a barrier, or at its end (None)."""

    number: int
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    waiting_at: Operation | None = None
    error: BaseException | None = None
    done: bool = False


class Lockstep:
    """Runs one function on several cores, one core at a time, from barrier to barrier."""

    def __init__(self, machine: Machine, cores: int, *, reverse: bool = False) -> None:
        self.machine = machine
        self.cores = [_Core(i) for i in range(cores)]
        self.order = list(reversed(self.cores)) if reverse else self.cores
        self._back = threading.Semaphore(0)
        self._abandoned = False

    def run(self, body: Callable[[int], None]) -> None:
        """Runs `body(core)` on all cores. Raises what a core raises, or DeeployError if they miss each other."""
        threads = [threading.Thread(target=self._thread, args=(core, body), daemon=True) for core in self.cores]
        for thread in threads:
            thread.start()
        try:
            while not all(core.done for core in self.cores):
                self._one_interval()
        finally:
            self._abandoned = True
            for core in self.cores:
                core.go.release()
            for thread in threads:
                thread.join()

    def barrier(self, number: int, op: Operation) -> None:
        """Core `number` waits here for the others."""
        core = self.cores[number]
        core.waiting_at = op
        self._back.release()
        core.go.acquire()
        if self._abandoned:
            raise _AbandonedError

    def _one_interval(self) -> None:
        for core in self.order:
            core.go.release()
            self._back.acquire()
            if core.error is not None:
                raise core.error
        for core in self.cores[1:]:
            first = self.cores[0]
            if core.done != first.done or core.waiting_at is not first.waiting_at:
                raise DeeployError(f"core 0 {_where(first)}, core {core.number} {_where(core)}: they never meet")
        self.machine.barrier()

    def _thread(self, core: _Core, body: Callable[[int], None]) -> None:
        core.go.acquire()
        try:
            if not self._abandoned:
                body(core.number)
        except _AbandonedError:
            return
        except BaseException as error:
            core.error = error
        core.done, core.waiting_at = True, None
        self._back.release()


def _where(core: _Core) -> str:
    if core.waiting_at is None:
        return "has ended"
    return f"waits at a barrier in {layer_of(core.waiting_at) or 'no step'}"


@register_impls
class ClusterFunctions(InterpreterFunctions):
    """The resident region, in the context outside of it.

    `functions_of(core)` gives the meaning of what a core runs, barriers excepted; `cores_of(region)` their number."""

    def __init__(
        self,
        machine: Machine,
        functions_of: Callable[[int], Sequence[InterpreterFunctions]],
        cores_of: Callable[[RunOp], int],
        *,
        reverse: bool = False,
    ) -> None:
        self.machine = machine
        self.functions_of = functions_of
        self.cores_of = cores_of
        self.reverse = reverse

    @impl(RunOp)
    def run(self, interpreter: Interpreter, op: RunOp, args: PythonValues) -> PythonValues:
        outer = _values_from_outside(op)
        given = interpreter.get_values(outer)
        cores = self.cores_of(op)
        before, self.machine.cores = self.machine.cores, cores
        lockstep = Lockstep(self.machine, cores, reverse=self.reverse)

        def body(core: int) -> None:
            own = Interpreter(interpreter.module)
            for functions in (*self.functions_of(core), CoreFunctions(lockstep, core)):
                own.register_implementations(functions, override=True)
            own.set_values(zip(outer, given, strict=True))
            own.run_ssacfg_region(op.body, (core,), f"core {core}")

        self.machine.barrier()
        lockstep.run(body)
        self.machine.cores = before
        return ()


@register_impls
class CoreFunctions(InterpreterFunctions):
    """Barriers, as one core of a region meets them."""

    def __init__(self, lockstep: Lockstep, core: int) -> None:
        self.lockstep = lockstep
        self.core = core

    @impl(BarrierOp)
    def barrier(self, interpreter: Interpreter, op: BarrierOp, args: PythonValues) -> PythonValues:
        self.lockstep.barrier(self.core, op)
        return ()


def _values_from_outside(op: RunOp) -> tuple[SSAValue, ...]:
    """What the region uses of the values around it."""
    inside = {id(o) for o in op.body.walk()}
    blocks = {id(b) for o in (op, *op.body.walk()) for r in o.regions for b in r.blocks}
    found: dict[SSAValue, None] = {}
    for inner in op.body.walk():
        for value in inner.operands:
            if id(value.owner) not in inside and id(value.owner) not in blocks:
                found[value] = None
    return tuple(found)
