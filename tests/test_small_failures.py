"""Small networks that failed once, kept beside the repository: each gives its golden outputs on both targets."""

from __future__ import annotations

import pytest

from deeploy_mlir import cli

from .peer_suite import shared_folder

CASES: dict[str, list[str]] = {
    "dim_minus_1": ["--dim", "x_0=1"],
    "transpose_reshape_matmul": [],
    "sum_of_17": [],
    "pad_reflect_300": [],
}
"""Network -> further options."""


@pytest.mark.parametrize("target", ["generic", "siracusa"])
@pytest.mark.parametrize("name", CASES)
def test_match(name: str, target: str) -> None:
    folder = shared_folder("cases")
    if not (folder / f"{name}.onnx").is_file():
        pytest.skip(f"no {name}.onnx under {folder}")
    files = ["--inputs", str(folder / f"{name}.in.npz"), "--expect", str(folder / f"{name}.out.npz")]
    assert cli.main(["check", str(folder / f"{name}.onnx"), "--target", target, *files, *CASES[name]]) == 0
