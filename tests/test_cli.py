"""The command line: exit statuses, JSON, messages. Compiling itself is replaced by a program written by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deeploy_mlir import api, cli
from deeploy_mlir.program.network import save_arrays
from deeploy_mlir.support.errors import DeeployError

from .handmade import triple

X = np.arange(8).reshape(2, 4)
GOLDEN = {"out": 3 * X - 100, "half": np.array([0.5, 1.5])}
JSON_FIELDS = {
    "match",
    "max_abs_error",
    "target",
    "memory",
    "traffic",
    "cycles_planned",
    "instructions",
    "cycles_estimated",
    "solver",
    "compile_seconds",
    "code_bytes",
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    save_arrays(tmp_path / "inputs.npz", {"x": X, "y/scale": np.array([1.0, 3.0])})
    np.savez(tmp_path / "good.npz", out=GOLDEN["out"], half=GOLDEN["half"])
    np.savez(tmp_path / "bad.npz", out=GOLDEN["out"] + 1, half=GOLDEN["half"])
    triple("generic").save(tmp_path / "folder")
    return tmp_path


def run(files: Path, expect: str | None, *more: str) -> list[str]:
    words = ["run", str(files / "folder"), "--inputs", str(files / "inputs.npz"), *more]
    return words if expect is None else [*words, "--expect", str(files / expect)]


def test_run_prints_one_json_object_with_the_documented_fields(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(run(files, "good.npz", "--json")) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert report.keys() >= JSON_FIELDS
    assert report["match"] is True
    assert report["max_abs_error"] == 0
    assert report["target"] == "generic"
    assert report["memory"]["l1"] == {"used": 40, "capacity": 65536}
    assert report["traffic"][0] == {"source": "l2", "destination": "l1", "bytes": 8}
    assert report["cycles_planned"] == 120
    assert report["solver"].keys() == {"objective", "bound", "gap", "seconds"}
    assert report["code_bytes"] > 0


def test_a_simulated_run_has_busy_cycles(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    triple("siracusa").save(files / "simulated")
    words = [
        "run",
        str(files / "simulated"),
        "--inputs",
        str(files / "inputs.npz"),
        "--expect",
        str(files / "good.npz"),
    ]
    assert cli.main([*words, "--json"]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    busy, overlap = report["busy_cycles"], report["overlap_cycles"]
    assert busy.keys() == {"cluster", "neureka", "mchan"}
    assert 0 < busy["cluster"] <= report["cycles_estimated"]
    assert (busy["neureka"], overlap["engines"]) == (0, 0)
    assert 0 <= overlap["dmas_and_engines"] <= busy["mchan"]
    assert (busy["mchan"] > 0) == (report["dma_busy_cycles"] > 0)
    assert cli.main(words) == 0
    assert f"busy cycles: cluster {busy['cluster']:,}, neureka 0, mchan" in capsys.readouterr().out


def test_a_mismatch_is_status_1_and_says_where(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(run(files, "bad.npz")) == 1
    text = capsys.readouterr().out
    assert "MISMATCH" in text
    assert "out: largest error 1; 8 of 8 differ" in text
    assert cli.main(run(files, "bad.npz", "--json")) == 1
    assert json.loads(capsys.readouterr().out)["match"] is False


def test_the_tolerance_is_obeyed(files: Path) -> None:
    assert cli.main(run(files, "bad.npz", "--tolerance", "0.02")) == 0
    assert cli.main(run(files, "bad.npz", "--tolerance", "0.001")) == 1


def test_run_without_golden_outputs_prints_values_and_writes_them(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(run(files, None, "--outputs", str(files / "outputs.npz"))) == 0
    assert "half [2]: 0.5 1.5" in capsys.readouterr().out
    with np.load(files / "outputs.npz") as outputs:
        np.testing.assert_array_equal(outputs["out"], GOLDEN["out"])


def test_run_without_inputs_uses_the_pattern(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", str(files / "folder"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["match"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "{}"], "is no output folder: it holds no plan.json"),
        (["run", "{}/folder", "--inputs", "{}/none.npz"], "none.npz"),
        (["run", "{}/folder", "--inputs", "{}/folder/main.c"], "main.c"),
        (["run", "{}/folder", "--inputs", "{}/inputs.npz", "--platform", "moon"], "no platform 'moon'"),
        (["run", "{}/folder", "--inputs", "{}/inputs.npz", "--sanitize", "hands"], "no sanitizer 'hands'"),
        (["compile", "{}/none.onnx", "--target", "generic", "-o", "{}/new"], "none.onnx"),
        (["compile", "{}/none.onnx", "--target", "generic"], "pass -o DIR"),
        (["compile", "{}/none.onnx", "--target", "abacus", "-o", "{}/new"], "abacus"),
        (
            ["compile", "{}/none.onnx", "--target", "siracusa", "--l1", "many", "-o", "{}/new"],
            "'many' is no memory size",
        ),
        (
            ["compile", "{}/none.onnx", "--target", "siracusa", "--memory", "l1", "-o", "{}/new"],
            "--memory takes NAME=VALUE",
        ),
        (["compile", "{}/none.onnx", "--target", "siracusa", "--dim", "N", "-o", "{}/new"], "--dim takes NAME=VALUE"),
        (
            ["compile", "{}/none.onnx", "--target", "siracusa", "--dim", "N=x", "-o", "{}/new"],
            "a dimension is a number",
        ),
        (
            ["compile", "{}/none.onnx", "--target", "generic", "--name", "a b", "-o", "{}/new"],
            "'a b' cannot be the prefix",
        ),
        (["import", "{}/inputs.npz"], "inputs.npz"),
    ],
)
def test_errors_are_one_message_and_status_2(
    words: list[str], message: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([word.replace("{}", str(files)) for word in words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("deeploy: error: ")
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert not (files / "new").exists()


def test_check_compiles_with_the_options_given_and_compares(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {}

    def fake(model: str, **options: Any) -> Any:
        asked.update(options, model=model)
        return triple("siracusa")

    monkeypatch.setattr(api, "compile", fake)
    words = ["check", "net.onnx", "--target", "siracusa", "--l1", "64KiB", "--no-double-buffer", "--name", "net"]
    words += ["--input-type", "a=b=ui8", "--dim", "N=1", "--types-from-data", "t.npz", "--platform", "threads"]
    words += ["--memory", "l2=1MiB", "--input-value", "rate=16000", "--input-value", "sizes=1,2"]
    words += ["--inputs", str(files / "inputs.npz"), "--expect"]
    assert cli.main([*words, str(files / "good.npz")]) == 0
    del asked["check"]
    assert asked == {
        "model": "net.onnx",
        "target": "siracusa",
        "l1": "64KiB",
        "l2": None,
        "wmem": None,
        "ram": None,
        "memories": {"l2": "1MiB"},
        "without_engines": [],
        "double_buffer": False,
        "requantize": "exact",
        "math": "exact",
        "name": "net",
        "input_types": {"a=b": "ui8"},
        "types_from": "t.npz",
        "dims": {"N": 1},
        "input_values": {"rate": "16000", "sizes": "1,2"},
    }
    assert "triple on siracusa (threads): match" in capsys.readouterr().out
    assert cli.main([*words, str(files / "bad.npz")]) == 1


def test_compile_writes_the_folder_and_prints_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fake(model: str, **options: Any) -> Any:
        return triple("siracusa")

    monkeypatch.setattr(api, "compile", fake)
    assert cli.main(["compile", "net.onnx", "--target", "siracusa", "-o", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    assert "plan for triple on siracusa: 120 cycles planned" in text
    assert "40 of 65,536 bytes" in text
    assert "gap 1.67 %" in text
    assert (tmp_path / "out" / "triple.c").is_file()
    assert cli.main(["report", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.strip() == text[: text.index("written to")].strip()


def test_compile_leaves_files_of_the_users_alone_unless_forced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compile(model: str, **options: Any) -> Any:
        return triple("siracusa")

    def nothing(model: str, **options: Any) -> Any:
        raise AssertionError("refused before the compiler's work")

    words = ["compile", "net.onnx", "--target", "siracusa", "-o", str(tmp_path)]
    (tmp_path / "main.c").write_text("mine")
    monkeypatch.setattr(api, "compile", nothing)
    assert cli.main(words) == 2
    assert "holds something other than compiled output: main.c; " in capsys.readouterr().err
    monkeypatch.setattr(api, "compile", compile)
    assert cli.main([*words, "--force"]) == 0
    assert cli.main(words) == 0
    (tmp_path / "main.c").write_text("mine")
    monkeypatch.setattr(api, "compile", nothing)
    assert cli.main(words) == 2
    assert "changed since it was written: main.c; " in capsys.readouterr().err
    assert (tmp_path / "main.c").read_text() == "mine"


def test_the_command_is_quick_to_say_how_it_is_used() -> None:
    code = "import sys; from deeploy_mlir.cli import main\ntry: main(['--help'])\nfinally: print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("numpy", "onnx", "xdsl", "highspy"):
        assert f"'{heavy}'" not in done.stdout


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("65536", 65536),
        (65536, 65536),
        ("64KiB", 65536),
        ("64 kib", 65536),
        ("1GiB", 1 << 30),
        ("1.5MiB", 1572864),
        ("64kB", 64000),
    ],
)
def test_memory_sizes(text: str | int, size: int) -> None:
    assert api.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "64KiBs", "KiB", "1e5", "0.1KiB", "64 TiB"])
def test_what_is_no_memory_size(text: str) -> None:
    with pytest.raises(DeeployError, match="is no memory size"):
        api.parse_size(text)
