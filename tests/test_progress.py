"""Progress is shown on a terminal, is gone at the end, and is nothing anywhere else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits"

COMMAND = """
import sys
from deeploy_mlir.support import progress
progress.DELAY, progress.INTERVAL = {delay}, 0.001
from deeploy_mlir.cli import main
sys.exit(main({words!r}))
"""

LINE = """
import sys, time
from deeploy_mlir.support import progress
from deeploy_mlir.support.remarks import remark
progress.INTERVAL = 0.005
with progress.shown(sys.stderr, delay=0.0):
    progress.doing("first", 1, 2)
    time.sleep(0.1)
    remark("node", "is left in float")
    progress.doing("second" + "x" * 200)
    time.sleep(0.1)
    progress.doing("")
    print("result", file=sys.stderr)
    time.sleep(0.1)
"""


def on_terminal(code: str) -> tuple[int, str]:
    """Exit status of Python code, and what a terminal as its stdout and stderr is sent."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=terminal, stderr=terminal)
    os.close(terminal)
    received = b""
    while True:
        try:
            part = os.read(controller, 65536)
        except OSError:  # Linux: all that had the terminal open have gone
            break
        if not part:
            break
        received += part
    os.close(controller)
    return process.wait(), received.decode()


def screen(received: str) -> list[str]:
    """What is to be read at the end, by line: a carriage return and `ESC [K` begin a line anew."""
    lines = received.replace("\r\n", "\n").split("\n")
    return [line.rpartition("\r\x1b[K")[2] for line in lines]


def test_the_line_is_drawn_and_taken_away() -> None:
    status, received = on_terminal(LINE)
    assert status == 0
    assert "\r\x1b[Kfirst 1 of 2 (0 s)" in received
    assert screen(received) == ["remark: node: is left in float", "result", ""]
    drawn = re.findall(r"\x1b\[K(second[^\r]*)", received)
    assert drawn
    assert max(map(len, drawn)) == 79


def check(delay: float) -> str:
    words = ["check", str(DIGITS / "digits_int8.onnx"), "--target", "siracusa", "--inputs", str(DIGITS / "inputs.npz")]
    return COMMAND.format(delay=delay, words=[*words, "--expect", str(DIGITS / "expect_int8.npz")])


def test_a_command_tells_passes_planning_building_and_running() -> None:
    status, received = on_terminal(check(delay=0.0))
    assert status == 0
    assert re.search(r"convert-onnx-to-kernel: pass \d+ of \d+ \(\d+ s\)", received)
    assert re.search(r"deeploy-plan: (tilings of step|choosing among)", received)
    assert "building the program for siracusa" in received
    assert "running on siracusa" in received
    lines = screen(received)
    assert lines[0] == "digits_int8 on siracusa: match"
    assert not any("\x1b" in line or "pass" in line for line in lines)


def test_nothing_before_the_time_has_come() -> None:
    status, received = on_terminal(check(delay=1000.0))
    assert status == 0
    assert "\x1b" not in received


def test_nothing_where_there_is_no_terminal() -> None:
    done = subprocess.run([sys.executable, "-c", check(delay=0.0)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("digits_int8 on siracusa: match")


def test_an_error_stands_alone(tmp_path: Path) -> None:
    words = ["compile", str(DIGITS / "digits_int8.onnx"), "--target", "siracusa", "--l1", "5200"]
    words += ["-o", str(tmp_path / "out")]
    status, received = on_terminal(COMMAND.format(delay=0.0, words=words))
    assert status == 2
    lines = [line for line in screen(received) if line]
    assert len(lines) == 1
    assert lines[0].startswith("deeploy: error: ")
