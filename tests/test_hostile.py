"""Hostile files and command lines: each ends with status 2 or a right result, in two seconds and a gibibyte, injects
nothing and writes nothing but what it is told to."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from .hostile import CASES
from .hostile.case import MARK, file_of
from .limited import Commands, Outcome, limited_commands

SECONDS = 2.0
"""Of processor time, beyond the start of Python and its packages."""
BYTES = 1 << 30
STEP = 9
"""Each ninth case is run always, the others with the long sweeps."""
NAMES = list(CASES)


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Commands, Path]]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "inside").mkdir()
    with limited_commands(folder / "inside") as found:
        yield found, folder


def without_comments(text: str) -> str:
    """C text without what its comments and strings hold, after trigraphs and spliced lines as C takes them."""
    for trigraph, meant in (("??/", "\\"), ("??'", "^"), ("??=", "#")):
        text = text.replace(trigraph, meant)
    text = re.sub(r"\\[ \t]*\r?\n", "", text)
    return re.sub(r"//[^\n\r]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", " ", text, flags=re.DOTALL)


def check_folder(folder: Path) -> None:
    """No text of the case's stands in an output folder but in comments and strings."""
    for path in folder.rglob("*"):
        if not path.is_file() or path.suffix == ".bin":
            continue
        assert re.fullmatch(r"[A-Za-z0-9_.\-]+", path.name), path
        text = path.read_text(errors="strict")
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", text), path
        if path.suffix in (".c", ".h"):
            text = without_comments(text)
        elif path.suffix == ".json":
            json.loads(text)
            continue
        else:
            text = re.sub(r"#.*", "", text)
        assert not re.search(rf"\b{MARK}\b", text), path


def check(name: str, outcome: Outcome) -> None:
    """The outcome is a refusal or a result, within the limits."""
    assert outcome.status in (0, 2), (name, outcome)
    assert "Traceback" not in outcome.text, (name, outcome)
    assert "fault in deeploy" not in outcome.text, (name, outcome)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", outcome.text), (name, outcome)
    assert len(outcome.text) < 10_000 or outcome.status == 0, (name, len(outcome.text))
    assert outcome.seconds < SECONDS, (name, outcome.seconds, outcome.text[:200])
    assert outcome.bytes < BYTES, (name, outcome.bytes >> 20, outcome.text[:200])
    if outcome.status == 2:
        last = outcome.text.rstrip().splitlines()[-1]
        assert "error: " in outcome.text, (name, outcome)
        assert last, name


def run(name: str, commands: tuple[Commands, Path]) -> None:
    runner, folder = commands
    case, inside = CASES[name], folder / "inside"
    for path, make in case.files.items():
        (inside / path).parent.mkdir(exist_ok=True)
        (inside / path).write_bytes(file_of(make()))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    try:
        outcome = runner.run("deeploy", *case.words)
        check(name, outcome)
        after = {path for path in folder.rglob("*") if path.is_file()}
        allowed = {path for path in after if path == inside / "out" or (inside / "out") in path.parents}
        assert after - set(before) <= allowed, name
        assert all(path.read_bytes() == data for path, data in before.items()), name
        assert outcome.status == 0 or not os.path.lexists(inside / "out"), name
        if outcome.status == 0 and (inside / "out").is_dir():
            check_folder(inside / "out")
    finally:
        for path in inside.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


@pytest.mark.parametrize("name", NAMES[::STEP])
def test_hostile_case(name: str, commands: tuple[Commands, Path]) -> None:
    run(name, commands)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for i, name in enumerate(NAMES) if i % STEP])
def test_every_hostile_case(name: str, commands: tuple[Commands, Path]) -> None:
    run(name, commands)


def test_there_are_enough() -> None:
    assert len(CASES) >= 600
