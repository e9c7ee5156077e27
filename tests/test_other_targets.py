"""Targets of other packages: their core counts reach the C of every platform, also of those that they borrow."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import deeploy_mlir
from deeploy_mlir import api
from deeploy_mlir.machine import registry
from deeploy_mlir.program.comparison import compare_outputs

DIGITS = Path(__file__).resolve().parent.parent / "examples" / "digits"
SIRACUSA = Path(deeploy_mlir.__file__).parent / "targets" / "siracusa"

PLATFORMS = """\
from deeploy_mlir.targets.siracusa.platforms import PLATFORMS
"""


@pytest.fixture(params=[1, 4])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a target of another package: Siracusa with 1 or 4 cores and larger stacks."""
    package = tmp_path / tmp_path.name / "board"
    package.mkdir(parents=True)
    text = (SIRACUSA / "soc.mlir").read_text()
    for before, after in {"cores = 8": f"cores = {request.param}", "stack_bytes = 640": "stack_bytes = 768"}.items():
        assert before in text
        text = text.replace(before, after)
    (package / "soc.mlir").write_text(text)
    (package / "__init__.py").write_text("")
    (package / "kernels.py").write_text("from deeploy_mlir.targets.siracusa.kernels import BINDINGS\n")
    (package / "platforms.py").write_text(PLATFORMS)
    name = f"{tmp_path.name}.board"
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()

    def found(*, group: str) -> list[EntryPoint]:
        return [EntryPoint("board", name, group)]

    monkeypatch.setattr(registry, "entry_points", found)
    return "board"


def test_a_cluster_of_another_size_runs_on_every_platform(target: str, tmp_path: Path) -> None:
    program = deeploy_mlir.compile(DIGITS / "digits_int8.onnx", target, l1="64KiB")
    inputs = api.match_inputs(program.network, DIGITS / "inputs.npz")
    golden = api.match_outputs(program.network, DIGITS / "expect_int8.npz")
    for platform in ("siracusa", "threads"):
        execution = program.execute(inputs, platform)
        assert all(c.match for c in compare_outputs(execution.outputs, golden))
    folder = program.save(tmp_path / "out")
    cores = program.configuration.cores
    assert f"#define DM_CORES {cores} " in (folder / "dm_config.h").read_text()
    assert "#define DM_CORE_STACK_BYTES 768 " in (folder / "dm_config.h").read_text()


def test_a_package_without_platforms_is_told(target: str, tmp_path: Path) -> None:
    (tmp_path / registry.target_package(target).replace(".", "/") / "platforms.py").unlink()
    with pytest.raises(deeploy_mlir.DeeployError, match="has no module platforms"):
        registry.platforms_of(target)
