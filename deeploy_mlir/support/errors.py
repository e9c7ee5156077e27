"""The error that a user of the compiler may see."""

from __future__ import annotations

from collections.abc import Iterable

from deeploy_mlir.support.names import message as as_message
from deeploy_mlir.support.names import printable


class DeeployError(Exception):
    """A model, option or budget that cannot be compiled.

    The message says what was asked and what would do; `node` names the ONNX node or tensor concerned. `details` are
    further lines, such as a C compiler's own messages.
    The command line prints it without a traceback and exits with status 2.
    """

    def __init__(self, message: str, node: str | None = None, *, details: str = "") -> None:
        self.node = node
        text = as_message(f"{node}: {message}" if node else message)
        super().__init__(f"{text}\n{printable(details)}" if details else text)


class OutputsDifferError(DeeployError):
    """A pass changed what the network computes, or left a program that does what it must not.

    Raised only where the user asked for that check; the command line exits with status 1."""


def one_of(names: Iterable[str]) -> str:
    """`a, b or c`: what a message offers."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
