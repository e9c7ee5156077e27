"""What running a compiled network gives, whatever it ran on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from deeploy_mlir.machine.running import Measurements
from deeploy_mlir.support.numpy_types import Array


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
