"""Progress: what is being done, shown on a terminal while it takes long.

`doing` tells the logger `deeploy_mlir.progress`, which costs next to nothing unless `shown` listens. The line goes to
stderr, appears once the work has taken `DELAY` seconds, and is gone at the end."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

from deeploy_mlir.support.remarks import LOGGER

PROGRESS = LOGGER.getChild("progress")

DELAY = 2.0
"""Seconds before anything is shown."""

INTERVAL = 0.2
"""Seconds between two looks at what is being done."""

CLEAR = "\r\x1b[K"
"""Back to the start of the line, and erase it (ECMA-48, EL)."""


def doing(what: str, number: int = 0, of: int = 0) -> None:
    """Says what begins now: `planning 3 of 12` with a number. An empty text takes the line away, before a result is
    printed."""
    PROGRESS.debug("%s %d of %d" if of else "%s", *((what, number, of) if of else (what,)))


@contextmanager
def shown(stream: TextIO, delay: float | None = None) -> Generator[None]:
    """Shows on `stream` what is being done, if that is a terminal. Remarks are printed above the line."""
    if not stream.isatty():
        yield
        return
    line = _Line(stream, DELAY if delay is None else delay)
    level = PROGRESS.level
    PROGRESS.setLevel(logging.DEBUG)
    LOGGER.addHandler(line)
    try:
        yield
    finally:
        LOGGER.removeHandler(line)
        PROGRESS.setLevel(level)
        line.close()


class _Line(logging.Handler):
    """The line, drawn by a thread of its own so that the seconds go on while one thing takes long."""

    def __init__(self, stream: TextIO, delay: float) -> None:
        super().__init__()
        self._stream = stream
        self._start = time.monotonic()
        self._delay = delay
        self._text = ""
        self._is_drawn = False
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        with self._guard:
            if record.name == PROGRESS.name:
                self._text = record.getMessage()
                if not self._text:
                    self._clear()
            else:
                self._clear()
                self._stream.write(self.format(record) + "\n")
                self._stream.flush()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._clear()
        super().close()

    def _draw(self) -> None:
        while not self._ended.wait(INTERVAL):
            seconds = time.monotonic() - self._start
            with self._guard:
                if self._text and seconds >= self._delay:
                    text = f"{self._text} ({seconds:.0f} s)"
                    self._stream.write(CLEAR + text[: self._columns() - 1])
                    self._stream.flush()
                    self._is_drawn = True

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except OSError:
            return 80

    def _clear(self) -> None:
        if self._is_drawn:
            self._stream.write(CLEAR)
            self._stream.flush()
            self._is_drawn = False
