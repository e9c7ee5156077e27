"""The example board, installed for a test."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

BOARD = Path(__file__).resolve().parent.parent / "examples" / "board"


@contextmanager
def installed(folder: Path, source: Path = BOARD) -> Generator[Path]:
    """Installs the package into a folder, which is on Python's path meanwhile."""
    if find_spec("hatchling") is None:
        pytest.skip("no hatchling, which builds the package")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", str(folder), str(source)], check=True)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield folder
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] == "board"]:
            del sys.modules[name]
