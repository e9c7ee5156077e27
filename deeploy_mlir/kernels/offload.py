"""Bindings of asynchronous engines: kernels that run as jobs while the cores go on.

The C function of such a kernel starts a job and returns at once, with a `dm_job` of `deeploy/platform.h`; whoever needs
what the job writes waits for it first. Both are the platform's: it has a header that declares `dm_<engine>_wait` and
whatever the bindings' functions call.
"""

from __future__ import annotations

from xdsl.dialects.builtin import IndexType
from xdsl.ir import Attribute

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel.base import KernelOp
from deeploy_mlir.kernels.binding import KernelBinding
from deeploy_mlir.kernels.generated.description import describe

JOB = c.OpaqueType("dm_job")
"""A job that was started, in C."""


def wait_function(engine: str) -> str:
    """The platform's function that waits for a job of an engine."""
    return f"dm_{engine}_wait"


def job_signature(op: KernelOp, name: str) -> c.FuncOp:
    """The function that starts a kernel on memrefs as a job, with an empty body.

    Its arguments are those of every kernel's function; nothing is `restrict`, since the job works on behind its back.
    Raises DeeployError if there is no C for the kernel's operands."""
    description = describe(op)
    names = [f"in{i}" for i in range(len(op.ins))] + [f"extra{i}" for i in range(len(op.extras))] + ["out"]
    arguments: list[tuple[str, Attribute]] = [
        (text, c.PtrType(operand.element_type, const=text != "out"))
        for text, operand in zip(names, description.operands, strict=True)
    ]
    arguments += [(argument.name, IndexType()) for argument in description.arguments]
    return c.FuncOp(name, arguments, JOB, ["static"])


class OffloadBinding(KernelBinding):
    """One way to run kernels as jobs of an asynchronous engine.

    `emit` gives a function that starts the job and returns its `dm_job` (`job_signature`); one core calls it."""

    headers: tuple[str, ...]
    """Headers of the platform that declare what the function calls, and the engine's wait."""
