"""What running a compiled network gives, whatever it ran on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array


class ExecutionError(DeeployError):
    """The program was built but did not run to its end: a fault, a sanitizer's report, a time limit."""


@dataclass(frozen=True)
class Measurements:
    """What a simulator counted during one inference.

    `cycles`: from the network's start to its end, in cycles of the cluster. `instructions` and `stalls` (cycles by
    cause): of each cluster core, the host core last. `dma_bytes_in` and `dma_bytes_out`: into L1 and out of it.
    `dma_busy_cycles`: cycles with a transfer under way."""

    cycles: int
    instructions: tuple[int, ...]
    stalls: tuple[Mapping[str, int], ...]
    dma_bytes_in: int
    dma_bytes_out: int
    dma_busy_cycles: int


@dataclass(frozen=True)
class Execution:
    """One inference.

    `code_bytes`: instructions in the linked program, None where the host's file format is not ELF. `measured`: None
    where nothing counts, on a host. `linked`: bytes of each memory that the linked test program takes, stacks and its
    own code and data too. `warnings`: what the C compiler said."""

    outputs: dict[str, Array]
    platform: str
    code_bytes: int | None = None
    measured: Measurements | None = None
    linked: Mapping[str, int] = field(default_factory=dict[str, int])
    stdout: str = ""
    warnings: str = ""


Runner: TypeAlias = Callable[[Mapping[str, Array]], Execution]
"""Runs a built network once, on arrays by input name."""
