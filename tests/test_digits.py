"""The shipped networks, the whole way."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.parser import Parser

import deeploy_mlir
from deeploy_mlir import api, cli
from deeploy_mlir.machine.toolchain import ZIG_CC
from deeploy_mlir.pipelines import pipeline_for, run_pipeline
from deeploy_mlir.program.npz import load_arrays
from deeploy_mlir.universe import UNIVERSE

DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits"
RIGHT = {"digits": 351, "digits_int8": 352}
"""Of the 360 test images."""

NETWORKS = {"digits": "expect", "digits_int8": "expect_int8"}
CONFIGURATIONS = [
    ("generic",),
    ("siracusa",),
    ("siracusa", "--l1", "64KiB"),
    ("siracusa", "--l1", "16KiB"),
    ("siracusa", "--l1", "16KiB", "--no-double-buffer"),
    ("siracusa", "--platform", "threads"),
]


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=" ".join)
@pytest.mark.parametrize("network", NETWORKS)
def test_check(network: str, configuration: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    target, *options = configuration
    words = ["check", str(DIGITS / f"{network}.onnx"), "--target", target, *options, "--json"]
    words += ["--inputs", str(DIGITS / "inputs.npz"), "--expect", str(DIGITS / f"{NETWORKS[network]}.npz")]
    started = time.process_time()
    assert cli.main(words) == 0
    assert time.process_time() - started < 8
    report = json.loads(capsys.readouterr().out)
    assert report["match"] is True
    assert report["compiler_warnings"] == ""
    for name, memory in report["memory"].items():
        assert 0 <= memory["used"] <= memory["capacity"], name
    if "l1" in report["memory_linked"]:
        assert report["memory_linked"]["l1"] <= report["memory"]["l1"]["used"]


def test_json_is_all_that_the_process_prints() -> None:
    """No library of ours adds to standard output, not even from C."""
    words = ["check", str(DIGITS / "digits_int8.onnx"), "--target", "generic", "--json"]
    words += ["--inputs", str(DIGITS / "inputs.npz"), "--expect", str(DIGITS / "expect_int8.npz")]
    done = subprocess.run([sys.executable, "-m", "deeploy_mlir.cli", *words], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["match"] is True


@pytest.mark.parametrize(("target", "platform"), [("generic", "host"), ("siracusa", "threads")])
@pytest.mark.parametrize("network", NETWORKS)
def test_with_ziglang_as_the_host_compiler(
    network: str, target: str, platform: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEEPLOY_CC", shlex.join(ZIG_CC))
    words = ["check", str(DIGITS / f"{network}.onnx"), "--target", target, "--platform", platform, "--json"]
    words += ["--inputs", str(DIGITS / "inputs.npz"), "--expect", str(DIGITS / f"{NETWORKS[network]}.npz")]
    assert cli.main(words) == 0
    assert json.loads(capsys.readouterr().out)["compiler_warnings"] == ""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="the sanitizers are those of gcc")
@pytest.mark.parametrize(
    ("target", "platform", "sanitize"),
    [
        ("generic", "host", "address,undefined"),
        ("siracusa", "threads", "address,undefined"),
        ("siracusa", "threads", "thread"),
    ],
)
@pytest.mark.parametrize("network", NETWORKS)
def test_under_sanitizers(network: str, target: str, platform: str, sanitize: str) -> None:
    words = ["check", str(DIGITS / f"{network}.onnx"), "--target", target, "--platform", platform, "--l1", "16KiB"]
    words = words[:-2] if target == "generic" else words
    words += ["--inputs", str(DIGITS / "inputs.npz"), "--expect", str(DIGITS / f"{NETWORKS[network]}.npz")]
    assert cli.main([*words, "--sanitize", sanitize]) == 0


@pytest.mark.parametrize("network", NETWORKS)
def test_generated_code_recognises_digits(network: str) -> None:
    """All test images: the number that the example's README states."""
    test = load_arrays(DIGITS / "test_images.npz")
    right = 0
    with deeploy_mlir.compile(DIGITS / f"{network}.onnx", "generic").built() as run:
        for pixels, label in zip(test["pixels"], test["labels"], strict=True):
            logits = run({"image": pixels[None] / np.float32(16)}).outputs["logits"]
            right += int(logits.argmax() == label)
    assert right == RIGHT[network]


def test_the_printed_pipeline_on_the_printed_network_gives_the_same_code() -> None:
    options = api.pipeline_options("siracusa", l1="16KiB")
    program = deeploy_mlir.compile(DIGITS / "digits_int8.onnx", "siracusa", l1="16KiB")
    text = str(api.import_network(DIGITS / "digits_int8.onnx", api.ImportOptions()))
    context = Context()
    for name, dialect in UNIVERSE.all_dialects.items():
        context.register_dialect(name, dialect)
    from xdsl.dialects.builtin import Builtin
    from xdsl.dialects.func import Func
    from xdsl.dialects.ml_program import MLProgram

    for dialect in (Builtin, Func, MLProgram):
        context.load_dialect(dialect)
    module = Parser(context, text).parse_module()
    run_pipeline(module, pipeline_for(options))
    from deeploy_mlir.lowering.print_c import c_sources

    assert program.pipeline == pipeline_for(options)
    assert c_sources(module) == program.sources


def test_compiling_twice_gives_the_same_code() -> None:
    first, second = (deeploy_mlir.compile(DIGITS / "digits_int8.onnx", "siracusa", l1="16KiB") for _ in range(2))
    assert first.sources == second.sources
