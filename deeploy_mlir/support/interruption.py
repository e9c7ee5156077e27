"""How a command ends that is interrupted, or whose output nobody reads to its end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the number of the signal, as a shell gives it."""
UNREAD = 141
"""Exit status after a broken pipe, as in `deeploy compile ... | head`."""


def quietly(command: Callable[[], int]) -> int:
    """The exit status of a command; `INTERRUPTED` or `UNREAD`, without a word, if it could not end."""
    try:
        status = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout once more at its end: into nothing.
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
        return UNREAD
    return status
