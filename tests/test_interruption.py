"""Commands that are interrupted, whose output is not read, or that would write what they read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from deeploy_mlir import cli
from deeploy_mlir.program.comparison import compare_outputs
from deeploy_mlir.program.network import Network, TensorInfo, bind_inputs
from deeploy_mlir.support.errors import DeeployError

DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits"
MODEL = str(DIGITS / "digits_int8.onnx")


def _start(*words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "deeploy_mlir.cli", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_interruptible)


def _interruptible() -> None:
    """What runs in a shell's background ignores Ctrl-C, and hands that on to what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_command_ends_with_130_and_no_word(tmp_path: Path) -> None:
    fifo = tmp_path / "never.onnx"
    os.mkfifo(fifo)
    process = _start("import", str(fifo))
    writer = os.open(fifo, os.O_WRONLY)  # returns when the command reads
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    os.close(writer)
    assert (process.returncode, out, error) == (130, b"", b"")


def test_output_that_is_not_read_ends_a_command_without_a_word() -> None:
    process = _start("import", MODEL)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    error = process.stderr.read()
    assert (process.wait(60), error) == (141, b"")


@pytest.mark.parametrize("link", [False, True])
def test_what_is_read_is_not_written(link: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, data = tmp_path / "net.onnx", tmp_path / "data.npz"
    model.write_bytes(Path(MODEL).read_bytes())
    data.write_bytes((DIGITS / "inputs.npz").read_bytes())
    output = tmp_path / "link" if link else model
    if link:
        output.symlink_to(model)
    for words in (["quantize", str(model), "--calibration", str(data)], ["import", str(model)]):
        assert cli.main([*words, "-o", str(output)]) == 2
        assert f"{output} is read; name another file to write" in capsys.readouterr().err
    assert model.read_bytes() == Path(MODEL).read_bytes()


def test_an_input_of_another_shape_is_refused_with_both() -> None:
    network = Network("net", (TensorInfo("x", "float32", (1, 3, 4, 4)),), ())
    with pytest.raises(DeeployError, match=r"x: the network takes shape \[1, 3, 4, 4\], the data have \[1, 4, 4, 3\]"):
        bind_inputs(network, {"x": np.zeros((1, 4, 4, 3), np.float32)})


def test_a_golden_array_of_another_shape_is_refused_with_both() -> None:
    with pytest.raises(DeeployError, match=r"shape \[2, 3\], the golden array \[3, 2\]"):
        compare_outputs({"y": np.zeros((2, 3))}, {"y": np.zeros((3, 2))})
    assert compare_outputs({"y": np.zeros((1, 6))}, {"y": np.zeros(6)})[0].match
