"""The package as it is handed out: metadata, sdist, wheel and SBOM, and the wheel in empty environments."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import deeploy_mlir
from deeploy_mlir import cli
from deeploy_mlir.machine.toolchain import ZIG_CC, Toolchain
from deeploy_mlir.support.errors import DeeployError

ROOT = Path(__file__).resolve().parents[1]
DIGITS = ROOT / "examples" / "digits"
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_version_is_the_one_that_the_package_declares(capsys: pytest.CaptureFixture[str]) -> None:
    assert deeploy_mlir.__version__ == PROJECT["version"]
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"deeploy-mlir {PROJECT['version']}\n"


def test_the_lowest_versions_are_those_declared() -> None:
    """Every requirement with a lower bound that users get is tested at this bound."""
    extras = PROJECT["optional-dependencies"]
    declared = [*PROJECT["dependencies"], *extras["toolchain"], *extras["quantize"]]
    bounds = [re.match(r"([\w-]+)[>=]=([\d.]+)", requirement) for requirement in declared]
    lowest = dict(re.findall(r"^([\w-]+)==([\d.]+)$", (ROOT / ".ci" / "lowest.txt").read_text(), re.MULTILINE))
    for bound in bounds:
        assert bound is not None
        assert re.fullmatch(rf"{re.escape(bound[2])}(\.0)*", lowest[bound[1]])


def test_pythons_declared_are_those_tried() -> None:
    prefix = "Programming Language :: Python :: 3."
    assert [f"python3.{c.removeprefix(prefix)}" for c in PROJECT["classifiers"] if c.startswith(prefix)] == [*PYTHONS]


def test_a_missing_compiler_is_told_with_what_installs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = importlib.util.find_spec

    def none_of_ziglang(name: str, package: str | None = None) -> Any:
        return None if name == "ziglang" else found(name, package)

    monkeypatch.setattr("deeploy_mlir.machine.toolchain.find_spec", none_of_ziglang)
    with pytest.raises(DeeployError, match=re.escape("pip install 'deeploy-mlir[toolchain]'")):
        Toolchain("zig", ZIG_CC).build([], [], tmp_path / "out")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sdist, wheel and SBOM, as `make dist` makes them."""
    folder = tmp_path_factory.mktemp("dist") / "dist"
    _done(["make", "-C", str(ROOT), "dist", f"DIST={folder}"])
    return folder


def _done(command: list[str], cwd: Path | None = None, status: int = 0, path: Path | None = None) -> str:
    """What a command says. It must end with `status`. `path`: the only folder of programs that it finds."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith("DEEPLOY_")}
    if path is not None:
        variables["PATH"] = str(path)
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def _check(target: str) -> list[str]:
    """Arguments of `deeploy` that check the digits example on a target."""
    words = ["check", str(DIGITS / "digits_int8.onnx"), "--target", target]
    return [*words, "--inputs", str(DIGITS / "inputs.npz"), "--expect", str(DIGITS / "expect_int8.npz")]


def _interpreter(name: str) -> str | None:
    """The path of a Python that runs: on the PATH, or one that pyenv keeps (whose `name` on the PATH may refuse)."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates = [shutil.which(name), *sorted(kept.glob(f"{name.removeprefix('python')}.*/bin/{name}"))]
    for path in candidates:
        if path and subprocess.run([path, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            return str(path)
    return None


@pytest.mark.slow
def test_sdist_and_wheel_hold_the_licence_and_the_types(dist: Path) -> None:
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (inside,) = [name for name in names if name.endswith("/LICENSE")]
        assert archive.read(inside).decode() == licence
    own = {path.relative_to(ROOT).as_posix() for path in (ROOT / "deeploy_mlir").rglob("*") if path.is_file()}
    assert {name for name in own if "__pycache__" not in name} <= set(names)
    assert "deeploy_mlir/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"deeploy_mlir", inside.split("/")[0]}
    with tarfile.open(sdist) as archive:
        inside_sdist = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "tests/test_package.py"} <= inside_sdist


@pytest.mark.slow
def test_the_sbom_lists_what_the_package_brings(dist: Path) -> None:
    """`cyclonedx-py` has validated it against the schema before it wrote it."""
    bill = json.loads((dist / "deeploy-mlir.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == ("deeploy-mlir", PROJECT["version"])
    assert root["licenses"][0]["license"]["id"] == "Apache-2.0"
    names = {component["name"] for component in bill["components"]}
    declared = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["toolchain"]]
    assert names >= {re.split(r"[><=]", requirement)[0] for requirement in declared}
    assert not names & {"pip", "pytest", "ruff", "cyclonedx-bom"}
    assert all(component["version"] for component in bill["components"])


def _environment(python: str, folder: Path) -> Path:
    """An empty virtual environment; what installs into it is this environment's pip."""
    _done([python, "-m", "venv", "--without-pip", str(folder)])
    return folder


def _install(venv: Path, requirement: str) -> str:
    """Installs into an environment; the path of its `deeploy`."""
    python = str(venv / "bin" / "python")
    _done([sys.executable, "-m", "pip", "--python", python, "install", "--quiet", requirement])
    return str(venv / "bin" / "deeploy")


@pytest.mark.slow
def test_the_wheel_alone_serves_where_the_system_has_a_compiler(dist: Path, tmp_path: Path) -> None:
    """Where there is none, the message says what brings one. Of the checkout only the example's files are used."""
    (wheel,) = dist.glob("*.whl")
    deeploy = _install(_environment(sys.executable, tmp_path / "venv"), str(wheel))
    assert _done([deeploy, "--version"], tmp_path) == f"deeploy-mlir {PROJECT['version']}\n"
    system, nothing = tmp_path / "system", tmp_path / "nothing"
    for folder in (system, nothing):
        folder.mkdir()
    tools = {name: shutil.which(name) for name in ("cc", "as", "ld")}
    for name, program in tools.items():
        if program is not None:
            (system / name).symlink_to(program)
    if all(tools.values()):
        assert "digits_int8 on generic: match" in _done([deeploy, *_check("generic")], tmp_path, path=system)
    said = _done([deeploy, *_check("siracusa")], tmp_path, status=2, path=nothing)
    assert "pip install 'deeploy-mlir[toolchain]'" in said


@pytest.mark.slow
@pytest.mark.parametrize("python", PYTHONS)
def test_the_wheel_with_its_toolchain_needs_nothing_else(python: str, dist: Path, tmp_path: Path) -> None:
    interpreter = _interpreter(python)
    if interpreter is None:
        pytest.skip(f"no {python} on this machine")
    (wheel,) = dist.glob("*.whl")
    deeploy = _install(_environment(interpreter, tmp_path / "venv"), f"{wheel}[toolchain]")
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    for target in ("generic", "siracusa"):
        assert f"digits_int8 on {target}: match" in _done([deeploy, *_check(target)], tmp_path, path=nothing)
