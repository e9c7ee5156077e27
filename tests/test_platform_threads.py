"""The cluster on host threads: mistakes with waits and barriers are found, by ThreadSanitizer or by the platform."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deeploy_mlir.machine.host import THREADS
from deeploy_mlir.support.errors import DeeployError

from .siracusa_images import PROGRAMS, configuration


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """races.c under ThreadSanitizer; skipped where the compiler has none."""
    out = tmp_path_factory.mktemp("races") / "races"
    try:
        warnings = THREADS.build([PROGRAMS / "races.c"], [], out, configuration(), opt="-O1", sanitize=["thread"])
    except DeeployError as e:
        pytest.skip(f"no ThreadSanitizer here: {e}")
    assert warnings == ""
    if subprocess.run([str(out), "0"], capture_output=True, timeout=100, check=False).returncode not in (0, 1, 66):
        pytest.skip("programs under ThreadSanitizer do not run here")
    return out


def run(program: Path, mistake: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), str(mistake)], capture_output=True, text=True, timeout=100, check=False)


def test_the_right_program_is_clean(program: Path) -> None:
    done = run(program, 0)
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize(("mistake", "where"), [(1, "increment"), (2, "increment"), (3, "increment"), (5, "copy")])
def test_a_missing_wait_or_barrier_is_a_race(program: Path, mistake: int, where: str) -> None:
    done = run(program, mistake)
    assert "WARNING: ThreadSanitizer: data race" in done.stderr
    assert "unit_thread" in done.stderr
    assert where in done.stderr


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (4, "a DMA transfer was never waited for"),
        (6, "wait for a DMA transfer that is not open"),
        (7, "DMA used by another core than core 0"),
    ],
)
def test_misuse_of_tokens(program: Path, mistake: int, message: str) -> None:
    done = run(program, mistake)
    assert done.returncode != 0
    assert f"deeploy runtime: {message}" in done.stderr
