"""What running a compiled network gives, whatever it ran on."""

from __future__ import annotations

from dataclasses import dataclass

from deeploy_mlir.errors import DeeployError
from deeploy_mlir.numpy_types import Array


class ExecutionError(DeeployError):
    """The program was built but did not run to its end: a fault, a sanitizer's report, a time limit."""


@dataclass(frozen=True)
class Execution:
    """One inference.

    `code_bytes`: instructions in the linked program, None where the host's file format is not ELF.
    From simulators only, of the network alone (inputs and outputs already in place): `cycles` from start to end,
    `instructions` of each core, `dma_bytes_in` and `dma_bytes_out` of L1, `dma_busy_cycles`.
    """

    outputs: dict[str, Array]
    platform: str
    code_bytes: int | None = None
    cycles: int | None = None
    instructions: tuple[int, ...] = ()
    dma_bytes_in: int | None = None
    dma_bytes_out: int | None = None
    dma_busy_cycles: int | None = None
    stdout: str = ""
    warnings: str = ""
