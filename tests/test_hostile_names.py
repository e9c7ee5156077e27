"""A network whose every name is hostile computes what it should; no name is code, none reaches a terminal as it is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from deeploy_mlir import cli
from deeploy_mlir.program.network import save_arrays
from deeploy_mlir.tools import deeploy_opt

from .hostile_text import HOSTILE, MARK, code_of, is_plain

FILE = f'{MARK}\x1b[2J*\\\r"; $(touch {MARK}) #\n??.onnx'
"""A name that a file can have."""


def network() -> onnx.ModelProto:
    """z = max(x + w, 0) * y by a function of the model, and its sum with w; inputs of one symbolic dimension."""
    x, y, w, z, total, node, domain, function, dim, graph, text, op = (*HOSTILE[:3], *HOSTILE[5:])
    inner = helper.make_function(
        domain,
        function,
        [x, y],
        [z],
        [
            helper.make_node("Relu", [x], [node], name=text, doc_string=text),
            helper.make_node("Mul", [node, y], [z], name=op),
        ],
        [helper.make_opsetid("", 17)],
    )
    nodes = [
        helper.make_node("Add", [x, w], [node], name=node, doc_string=text),
        helper.make_node(function, [node, y], [z], domain=domain, name=function),
        helper.make_node("Add", [z, w], [total], name=graph),
    ]
    ins = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [dim, 4], text) for name in (x, y)]
    outs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4], text) for name in (z, total)]
    weights = numpy_helper.from_array(np.arange(-2, 2, dtype=np.float32), w)
    weights.doc_string = text
    model = helper.make_model(
        helper.make_graph(nodes, graph, ins, outs, [weights], text),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)],
        functions=[inner],
        ir_version=8,
        producer_name=text,
        domain=domain,
        doc_string=text,
    )
    helper.set_model_props(model, {op: text, text: graph})
    return model


X, Y = np.array([[1, 2, 3, 4]], np.float32), np.array([[5, 6, 7, 8]], np.float32)
W = np.arange(-2, 2, dtype=np.float32)
Z = np.maximum(X + W, 0) * Y
DIM = HOSTILE[10]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The network, its inputs and outputs as files."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / FILE).write_bytes(network().SerializeToString())
    save_arrays(folder / "in.npz", {"a": X, "b": Y})
    save_arrays(folder / "out.npz", {"a": Z, "b": Z + W})
    return {"model": str(folder / FILE), "in": str(folder / "in.npz"), "out": str(folder / "out.npz")}


@pytest.mark.parametrize("target", ["generic", "siracusa"])
def test_no_text_of_a_model_is_code(
    target: str, files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["compile", files["model"], "--target", target, "--dim", f"{DIM}=1", "-o", str(out)]
    assert cli.main(words) == 0
    for file in out.rglob("*"):
        if file.is_file():
            assert MARK not in file.name
            assert is_plain(file.read_text())
            assert MARK not in code_of(file), file
            assert max(map(len, re.findall(r"[A-Za-z_]\w*", code_of(file))), default=0) <= 63
    assert MARK in (out / "test_data.h").read_text(), "names are shown to people"
    assert "net_weight_constant" in (out / "net_weights.c").read_text()
    plan = json.loads((out / "plan.json").read_text())
    assert [tensor["name"] for tensor in plan["network"]["inputs"]] == [HOSTILE[0], HOSTILE[1]]
    assert cli.main(["report", str(out)]) == 0
    captured = capsys.readouterr()
    assert is_plain(captured.out)
    assert is_plain(captured.err)
    assert max(map(len, captured.out.splitlines())) < 300


@pytest.mark.parametrize("compiler", ["gcc", "zig"])
def test_the_sources_compile_without_a_warning(compiler: str, files: dict[str, str], tmp_path: Path) -> None:
    if compiler == "gcc" and shutil.which("gcc") is None:
        pytest.skip("no gcc")
    out = tmp_path / "out"
    words = ["compile", files["model"], "--target", "generic", "--dim", f"{DIM}=1", "-o", str(out)]
    assert cli.main(words) == 0
    command = ["gcc"] if compiler == "gcc" else [sys.executable, "-m", "ziglang", "cc"]
    sources = [
        out / "main.c",
        *out.glob("net*.c"),
        *out.glob("runtime/kernels/*.c"),
        *out.glob("runtime/platforms/host/*.c"),
    ]
    folders = [out, out / "runtime/include", out / "runtime/kernels", out / "runtime/platforms/host"]
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-trigraphs", *(f"-I{folder}" for folder in folders)]
    program = tmp_path / "program"
    subprocess.run([*command, *flags, *sources, "-lm", "-o", program], check=True)
    assert subprocess.run([program], check=True, capture_output=True, text=True).stdout.startswith("out 0 ")


@pytest.mark.parametrize("target", ["generic", "siracusa"])
def test_it_computes_what_it_should(target: str, files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["check", files["model"], "--target", target, "--dim", f"{DIM}=1"]
    assert cli.main([*words, "--inputs", files["in"], "--expect", files["out"]]) == 0
    captured = capsys.readouterr()
    assert is_plain(captured.out)
    assert is_plain(captured.err)


def test_the_ir_is_plain_and_reads_back(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["import", files["model"], "--dim", f"{DIM}=1"]) == 0
    printed = capsys.readouterr().out
    assert is_plain(printed)
    (tmp_path / "net.mlir").write_text(printed)
    done = subprocess.run(
        [sys.executable, "-m", "deeploy_mlir.tools.deeploy_opt", tmp_path / "net.mlir"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == printed.strip()


def test_quantising_says_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    x, w, y, unused, node = HOSTILE[0], HOSTILE[5], HOSTILE[1], HOSTILE[7], HOSTILE[2]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in (x, y)]
    weights = [numpy_helper.from_array(np.eye(4, dtype=np.float32), name) for name in (w, unused)]
    graph = helper.make_graph([helper.make_node("MatMul", [x, w], [y], node)], "graph", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    save_arrays(tmp_path / "data.npz", {"x": np.linspace(-1, 1, 80, dtype=np.float32).reshape(20, 4)})
    words = ["quantize", "net.onnx", "--calibration", "data.npz", "-o", "q.onnx"]
    command = [sys.executable, "-m", "deeploy_mlir.cli", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert MARK in done.stdout
    assert is_plain(done.stdout)
    assert is_plain(done.stderr)


BAD = HOSTILE[7]
"""Escape sequences."""
COMMANDS = (
    *(
        ["compile", "{model}", "--target", "generic", "-o", "{}/out"],
        ["compile", "{}/{bad}.onnx", "--target", "generic"],
    ),
    *(
        ["compile", "{model}", "--target", "{bad}", "-o", "{}/out"],
        ["{bad}"],
        ["report", "{bad}"],
        ["report", "{}", "{bad}"],
    ),
    ["compile", "{model}", "--target", "generic", "--name", "{bad}", "-o", "{}/out"],
    ["compile", "{model}", "--target", "generic", "--dim", "{bad}=1", "-o", "{}/out"],
    ["compile", "{model}", "--target", "generic", "--dim", "{bad}", "-o", "{}/out"],
    ["compile", "{model}", "--target", "generic", "--input-type", "x={bad}", "-o", "{}/out"],
    ["compile", "{model}", "--target", "generic", "--input-type", "{bad}=ui8", "--dim", "{dim}=1", "-o", "{}/out"],
    ["compile", "{model}", "--target", "siracusa", "--l1", "{bad}", "-o", "{}/out"],
    ["compile", "{model}", "--target", "siracusa", "--math", "{bad}", "--dim", "{dim}=1", "-o", "{}/out"],
    ["compile", "{model}", "--target", "siracusa", "--requantize", "{bad}", "--dim", "{dim}=1", "-o", "{}/out"],
    ["compile", "{model}", "--target", "generic", "--dim", "{dim}=1", "-o", "{model}"],
    ["check", "{model}", "--target", "generic", "--inputs", "{bad}", "--expect", "{out}"],
    ["check", "{model}", "--target", "generic", "--dim", "{dim}=1", "--inputs", "{out}", "--expect", "{bad}.npz"],
    ["run", "{bad}"],
    ["run", "{}", "--tolerance", "{bad}"],
)
"""Commands that are refused."""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(words))
def test_no_message_holds_what_a_terminal_obeys(
    command: list[str], files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        word.replace("{bad}", BAD)
        .replace("{dim}", DIM)
        .replace("{model}", files["model"])
        .replace("{out}", files["out"])
        .replace("{}", str(tmp_path))
        for word in command
    ]
    words = [word.replace("\0", "") for word in words]
    try:
        status: object = cli.main(words)
    except SystemExit as end:
        status = end.code
    captured = capsys.readouterr()
    assert status == 2
    assert is_plain(captured.out)
    assert is_plain(captured.err)
    assert len(captured.err) < 6000


@pytest.mark.parametrize(
    "text", ['"{bad}"', "test.op {bad}", "func.func @a() {{ {bad} }}", '"test.op"() {{a = "{bad}\\"}}']
)
def test_no_message_of_deeploy_opt_either(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"{FILE}.mlir"
    file.write_text(text.format(bad=BAD))
    for words in ([str(file)], [str(file), "-p", BAD], [str(tmp_path / BAD)], [str(file), "-t", BAD], [f"--{BAD}"]):
        monkeypatch.setattr(sys, "argv", ["deeploy-opt", *words])
        with pytest.raises(SystemExit) as end:
            deeploy_opt.main()
        captured = capsys.readouterr()
        assert end.value.code == 2, captured.err
        assert is_plain(captured.out)
        assert is_plain(captured.err)
