"""Bindings of asynchronous engines: kernels that run as jobs while the cores go on.

The C function of such a kernel starts a job and returns at once, with a `dm_job` of `deeploy/platform.h`; whoever needs
what the job writes waits for it first. Both are the platform's: it has a header that declares `dm_<engine>_wait` and
whatever the bindings' functions call.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence

from deeploy_mlir.dialects import c
from deeploy_mlir.dialects.kernel import KernelOp
from deeploy_mlir.kernels.binding import KernelBinding

JOB = c.OpaqueType("dm_job")
"""A job that was started, in C."""


def wait_function(engine: str) -> str:
    """The platform's function that waits for a job of an engine."""
    return f"dm_{engine}_wait"


class OffloadBinding(KernelBinding):
    """One way to run kernels as jobs of an asynchronous engine.

    `emit` gives a function that starts the job and returns its `dm_job`; one core calls it
    (`kernels.generated.function.job_signature`)."""

    headers: tuple[str, ...]
    """Headers of the platform that declare what the function calls, and the engine's wait."""


class SumsBinding(OffloadBinding):
    """A way to run kernels in two phases: a job that makes the sums, in scratch, and the epilogue on the cores.

    `emit` is asked about the kernel without its epilogue (`ir.epilogues.sums_of`), whose output is of the accumulator's
    type. `deeploy-insert-offload` makes the phases."""

    rest: KernelBinding
    """Runs the epilogue, as a kernel of its own (`ir.epilogues.epilogue_of`)."""
    cores: int
    """Cores of the engine of `rest`."""

    @abc.abstractmethod
    def scratch(self, op: KernelOp, sizes: Sequence[int]) -> int:
        """Bytes of the sums of a tile; 0 for a kernel that has no epilogue, which is one phase."""
