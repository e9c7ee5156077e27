"""`deeploy-opt` tells where an error is: one message, status 2, the place marked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deeploy_mlir.tools import deeploy_opt


def refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of the message; status 2, and nothing on stdout."""
    monkeypatch.setattr(sys, "argv", ["deeploy-opt", *arguments])
    with pytest.raises(SystemExit) as ended:
        deeploy_opt.main()
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert said.err.startswith("deeploy-opt: error: ")
    return said.err.splitlines()


def test_a_misfit_operation_is_marked_in_the_ir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    constants = "\n".join(f"  %c{i} = arith.constant {i} : i32" for i in range(100))
    wrong = '  %wrong = "arith.addi"(%c0) : (i32) -> i32'
    text = "\n".join(["builtin.module {", constants, wrong, constants.replace("%c", "%d"), "}"])
    (tmp_path / "wrong.mlir").write_text(text)
    lines = refused([str(tmp_path / "wrong.mlir")], monkeypatch, capsys)
    assert lines[0] == "deeploy-opt: error: Expected 2 operands, but got 1"
    (marked,) = [i for i, line in enumerate(lines) if line.lstrip().startswith("^")]
    assert '%wrong = "arith.addi"(%c0)' in lines[marked - 1]
    assert lines[marked].index("^") == lines[marked - 1].index("%wrong")
    assert "Operation does not verify: Expected 2 operands, but got 1" in lines[marked + 1]
    assert "%c99" in lines[marked - 2]
    assert "%d0" in lines[marked + 3]
    assert lines[1] == lines[-1] == "..."
    assert len(lines) < 15


def test_long_lines_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = ", ".join(map(str, range(5000)))
    constant = f"%w = arith.constant dense<[{values}]> : tensor<5000xi32>"
    (tmp_path / "wrong.mlir").write_text(f'{constant}\n%wrong = "arith.addi"(%w) : (tensor<5000xi32>) -> i32\n')
    lines = refused([str(tmp_path / "wrong.mlir")], monkeypatch, capsys)
    assert max(map(len, lines)) < 210
    assert any('"arith.addi"' in line for line in lines)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("builtin.module {\n  %b = foo.bar %a\n}", 2, 16, "foo.bar is not registered"),
        ("builtin.module {\n  %0 = arith.constant 1 : i32\n  %1 = arith.addi %0, %0 : i64\n}", 3, 19, "type i64"),
        ("builtin.module {\n  %0 = arith.constant 1 :", 2, 26, "type expected"),
    ],
)
def test_a_misfit_text_is_marked_in_its_line(
    text: str,
    line: int,
    column: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "wrong.mlir").write_text(text)
    lines = refused([str(tmp_path / "wrong.mlir")], monkeypatch, capsys)
    assert lines[0].endswith(f"wrong.mlir:{line}:{column}")
    assert lines[1] == text.splitlines()[line - 1]
    assert lines[2].index("^") == column - 1
    assert message in lines[3]


def test_a_misfit_pipeline_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.mlir").write_text("builtin.module {}")
    lines = refused([str(tmp_path / "empty.mlir"), "-p", "deeploy-plan{"], monkeypatch, capsys)
    assert lines[2] == "deeploy-plan{"
    assert lines[3].index("^") == len("deeploy-plan{")
