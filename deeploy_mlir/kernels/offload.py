"""Bindings of asynchronous engines: kernels that run as jobs while the cores go on.

The C function of such a kernel starts a job and returns at once, with a `dm_job` of `deeploy/platform.h`; whoever needs
what the job writes waits for it first. Both are the platform's: it has a header that declares `dm_<engine>_wait` and
whatever the bindings' functions call.
"""

from __future__ import annotations

from deeploy_mlir.dialects import c
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
