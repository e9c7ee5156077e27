"""The interface between a platform and whoever wants a built test program run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from deeploy_mlir.support.errors import DeeployError


class ExecutionError(DeeployError):
    """The program was built but did not run to its end: a fault, a sanitizer's report, a time limit."""


@dataclass(frozen=True)
class Measurements:
    """What a simulator counted during one inference.

    `instructions`: of each cluster core, the host core last; of the one core of a machine without a cluster.
    `steps`: the same by the functions of the job's steps, where the simulator tells them apart, summed over cores.
    `cycles`: from the network's start to its end, in cycles of the cluster; None where time is not modelled. `stalls`
    (cycles by cause): as `instructions`. `dma_bytes_in` and `dma_bytes_out`: into L1 and out of it. `dma_busy_cycles`:
    cycles with a transfer under way. `busy`: cycles in which each engine and each DMA, by its name in the description
    of the SoC, was at work; `overlaps`: in which two engines were at once (`engines`), a DMA and an engine
    (`dmas_and_engines`)."""

    instructions: tuple[int, ...]
    steps: Mapping[str, int] = field(default_factory=dict[str, int])
    cycles: int | None = None
    stalls: tuple[Mapping[str, int], ...] = ()
    dma_bytes_in: int = 0
    dma_bytes_out: int = 0
    dma_busy_cycles: int = 0
    busy: Mapping[str, int] = field(default_factory=dict[str, int])
    overlaps: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Job:
    """One inference that is asked for.

    `inputs`: symbol and contents of each input array of the network; `outputs`: symbol and bytes of each output array;
    `cores`: of the cluster that the program was built for; `seconds`: after which a run on this machine is stopped;
    `steps`: the functions that the network's steps are, in the order in which they run."""

    inputs: tuple[tuple[str, bytes], ...]
    outputs: tuple[tuple[str, int], ...]
    cores: int = 1
    seconds: float = 600
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a run gave: the contents of each output array, and what was printed.

    `measured`: None where nothing counts. `linked`: bytes of each memory that the linked test program takes, stacks and
    its own code and data too; empty where nobody knows."""

    outputs: tuple[bytes, ...]
    stdout: str = ""
    measured: Measurements | None = None
    linked: Mapping[str, int] = field(default_factory=dict[str, int])


RunProgram: TypeAlias = Callable[[Path, Job], Outcome]
"""Runs a built test program once. Raises ExecutionError if it does not run to its end."""
