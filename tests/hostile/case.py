"""A hostile case: files, and the command line that is given them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle

import onnx

Made = bytes | onnx.ModelProto
TARGETS = cycle(("generic", "siracusa"))

MARK = "INJ"
"""A word that stands as one of its own in C, make or CMake only if a text was taken over as it is."""


@dataclass(frozen=True)
class Case:
    """`files`: what makes each, by name in the folder where the command runs. `words`: the command after `deeploy`."""

    name: str
    words: tuple[str, ...]
    files: Mapping[str, Callable[[], Made]] = field(default_factory=dict[str, Callable[[], Made]])


def compiled(name: str, make: Callable[[], Made], *more: str, file: str = "net.onnx", target: str = "") -> Case:
    """`deeploy compile` of a file; if no target is named, each in turn."""
    words = ("compile", file, "--target", target or next(TARGETS), "-o", "out", *more)
    return Case(name, words, {file: make})


def file_of(made: Made) -> bytes:
    """The bytes of what a case makes."""
    return made if isinstance(made, bytes) else made.SerializeToString()


Cases = Iterator[Case]
