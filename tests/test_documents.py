"""What README.md and docs/using.md tell a user to type works word by word, and no option is left out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deeploy_mlir import cli
from deeploy_mlir.program.npz import load_arrays

ROOT = Path(__file__).resolve().parents[1]
DIGITS = ROOT / "examples" / "digits"
README = (ROOT / "README.md").read_text()
USING = (ROOT / "docs" / "using.md").read_text()
COMMANDS = ("compile", "run", "check", "report", "import", "quantize", "targets")


def block(text: str, part: str) -> str:
    """The fenced block that holds `part`."""
    (found,) = [body for body in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL) if part in body]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as a user has it: the examples, and a network.onnx."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "network.onnx").symlink_to(DIGITS / "digits_int8.onnx")
    return tmp_path


def shell(script: str, folder: Path) -> str:
    """What a script says on stdout, in the folder, with this environment's commands."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_network(folder: Path) -> None:
    lines = block(README, "deeploy compile examples/digits/").splitlines()
    assert lines[0].startswith("pip install ")
    said = shell("\n".join(lines[1:]), folder)
    assert "digits_int8 on siracusa: match" in said
    assert "written to out" in said


def test_passes_by_hand(folder: Path) -> None:
    said = shell(block(README, "deeploy-opt network.mlir"), folder)
    assert "void network_run(void)" in said


def test_from_python(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    names = {"image": load_arrays(DIGITS / "inputs.npz")["image"]}
    exec(block(README, "import deeploy_mlir\n"), names)
    golden = load_arrays(DIGITS / "expect_int8.npz")["logits"]
    np.testing.assert_array_equal(np.asarray(names["outputs"]["logits"]), golden)
    assert (folder / "out" / "plan.json").is_file()


def options_of(command: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    return set(re.findall(r"--[a-z][a-z0-9-]+", capsys.readouterr().out)) - {"--help"}


def test_every_option_is_told_and_none_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    existing = {option for command in COMMANDS for option in options_of(command, capsys)} | {"--version"}
    ours = "\n".join(line for line in (README + USING).splitlines() if not line.startswith("cmake "))
    told = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", ours))
    assert existing - told == set()
    assert told - existing == set()


def test_every_command_is_in_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    existing = set(re.findall(r"^    ([a-z]+) ", capsys.readouterr().out, re.MULTILINE))
    assert existing == {*COMMANDS}
    told = set(re.findall(r"^deeploy ([a-z]+)", block(README, "deeploy report DIR"), re.MULTILINE))
    assert told == existing
