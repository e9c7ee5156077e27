"""docs/new-target.md, followed word by word: its files are those of examples/board, and its commands run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from .board import BOARD

ROOT = BOARD.parent.parent
PAGE = (ROOT / "docs" / "new-target.md").read_text()


def files() -> dict[str, str]:
    """The files that the page prints."""
    found = re.findall(r"^\*\*`(\S+)`\*\*\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return dict(found)


def commands() -> list[str]:
    """The lines that the page has a reader type."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_page_prints_the_example() -> None:
    example = {
        file.relative_to(BOARD).as_posix(): file.read_text()
        for file in BOARD.rglob("*")
        if file.suffix in (".py", ".c", ".h", ".mlir", ".toml") and file.stat().st_size
    }
    assert files() == example


def test_what_the_page_says_works(tmp_path: Path) -> None:
    """In a copy of the examples whose board is made of the page's files alone."""
    if find_spec("hatchling") is None:
        pytest.skip("no hatchling, which builds the package")
    shutil.copytree(BOARD.parent / "digits", tmp_path / "examples" / "digits")
    for name, text in {**files(), "board/__init__.py": ""}.items():
        file = tmp_path / "examples" / "board" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    site = tmp_path / "site"
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(site),
        "PIP_TARGET": str(site),
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which switches isolation off
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    typed = commands()
    assert len(typed) == 7
    for command in typed:
        done = subprocess.run(
            shlex.split(command), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        if command == "deeploy targets":
            memories = "tcm 64 KiB, sram 512 KiB, ext 8,192 KiB, flash 2,048 KiB; "
            assert re.search(f"^board +{memories}", done.stdout, re.MULTILINE)
        if " check " in command:
            assert done.stdout.startswith("digits_int8 on board: match\n")
    assert (tmp_path / "board-digits" / "runtime" / "platforms" / "board" / "matrix.c").is_file()
