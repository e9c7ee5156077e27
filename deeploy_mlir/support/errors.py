"""The error that a user of the compiler may see."""

from __future__ import annotations

import re

from deeploy_mlir.support.names import one_line, printable

_LONG_WORD = 200
_LONG_TEXT = 2000


class DeeployError(Exception):
    """A model, option or budget that cannot be compiled.

    The message says what was asked and what would do; `node` names the ONNX node or tensor concerned. `details` are
    further lines, such as a C compiler's own messages.
    The command line prints it without a traceback and exits with status 2.
    """

    def __init__(self, message: str, node: str | None = None, *, details: str = "") -> None:
        self.node = node
        text = _shortened(one_line(f"{node}: {message}" if node else message))
        super().__init__(f"{text}\n{printable(details)}" if details else text)


def _shortened(text: str) -> str:
    """The text with what is too long to be read left out of its middle: of each word, then of the whole."""
    text = re.sub(rf"\S{{{_LONG_WORD},}}", lambda word: f"{word[0][:60]}...{word[0][-60:]}", text)
    return text if len(text) < _LONG_TEXT else f"{text[: _LONG_TEXT // 2]} ... {text[-_LONG_TEXT // 2 :]}"


class OutputsDifferError(DeeployError):
    """A pass changed what the network computes, or left a program that does what it must not.

    Raised only where the user asked for that check; the command line exits with status 1."""
