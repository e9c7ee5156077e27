"""The output folder alone, without this package on any path: every compiler that a platform names, make and cmake, give
a program without warnings that prints the golden outputs of digits."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeploy_mlir
from deeploy_mlir import api
from deeploy_mlir.machine.platform import Platform
from deeploy_mlir.machine.registry import platforms_of
from deeploy_mlir.program.network import Network
from deeploy_mlir.program.program import Program
from deeploy_mlir.simulators.siracusa.simulator import Simulator
from deeploy_mlir.support.numpy_types import Array

DIGITS = Path(__file__).resolve().parent.parent / "examples" / "digits"
TARGETS = ("generic", "siracusa")
COMPILERS = ("gcc", "clang", "zig")

FAST = {
    ("generic", "host", "gcc", "cmake"),
    ("generic", "host", "clang", "make"),
    ("siracusa", "siracusa", "zig", "make"),
    ("siracusa", "siracusa", "gcc", "make"),
    ("siracusa", "siracusa", "clang", "cmake"),
    ("siracusa", "threads", "gcc", "make"),
}
"""Those that the fast suite builds."""


def cases() -> list[Any]:
    """Target, platform, compiler and builder."""
    every = [
        (target, platform.name, compiler, builder)
        for target in TARGETS
        for platform in platforms_of(target)
        for compiler in COMPILERS
        for builder in ("make", "cmake")
    ]
    return [pytest.param(*case, marks=[] if case in FAST else pytest.mark.slow, id="-".join(case)) for case in every]


@pytest.fixture(scope="module")
def programs() -> dict[str, Program]:
    """The quantised digits by target."""
    return {target: deeploy_mlir.compile(DIGITS / "digits_int8.onnx", target, l1="64KiB") for target in TARGETS[1:]} | {
        "generic": deeploy_mlir.compile(DIGITS / "digits_int8.onnx", "generic")
    }


def environment() -> dict[str, str]:
    """A path to the system's programs alone, and a home, where zig keeps what it has compiled."""
    here = Path(shutil.which("python3") or "").parent
    folders = [folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != here]
    return {"PATH": os.pathsep.join([*folders, "/usr/bin", "/bin"]), "HOME": str(Path.home())}


def zig() -> str:
    """The program zig, which the package ziglang brings."""
    spec = find_spec("ziglang")
    return "zig" if spec is None or spec.origin is None else str(Path(spec.origin).parent / "zig")


def done(command: list[str], folder: Path, variables: Mapping[str, str] | None = None) -> str:
    """Runs a command without a warning; what it prints."""
    variables = environment() if variables is None else variables
    result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, ""), f"{result.stdout}\n{result.stderr}"
    return result.stdout


def built(folder: Path, platform: str, compiler: str, builder: str) -> Path:
    """The program, built from the folder."""
    if builder == "make":
        done(["make", f"PLATFORM={platform}", f"COMPILER={compiler}", f"ZIG={zig()}"], folder)
        (program,) = (folder / "build").glob(f"*_{platform}_{compiler}")
        return program
    build = folder.parent / "build"
    done(["cmake", "-B", str(build), f"-DPLATFORM={platform}", f"-DCOMPILER={compiler}", f"-DZIG={zig()}"], folder)
    done(["cmake", "--build", str(build)], folder)
    (program,) = build.glob("*_test*")
    return program


def printed(platform: Platform, program: Path, cores: int) -> str:
    if platform.is_host:
        return done([str(program)], program.parent)
    simulator = Simulator(cores)
    simulator.load(program.read_bytes())
    result = simulator.run(1 << 32)
    assert (result.exit_code, result.fault) == (0, None), result.stdout
    return result.stdout


def outputs_of(network: Network, text: str) -> dict[str, Array]:
    """The arrays of the lines `out <i> <hexadecimal bytes>`."""
    arrays: dict[str, Array] = {}
    for index, tensor in enumerate(network.outputs):
        (line,) = [line for line in text.splitlines() if line.startswith(f"out {index} ")]
        arrays[tensor.name] = np.frombuffer(bytes.fromhex(line.split()[2]), tensor.numpy).reshape(tensor.shape)
    return arrays


@pytest.mark.parametrize(("target", "platform", "compiler", "builder"), cases())
def test_the_folder_alone_builds_and_prints_the_golden_outputs(
    target: str, platform: str, compiler: str, builder: str, programs: dict[str, Program], tmp_path: Path
) -> None:
    (described,) = [p for p in platforms_of(target) if p.name == platform]
    (toolchain,) = [c for c in described.compilers if c.name == compiler]
    if not toolchain.is_here:
        pytest.skip(f"no {compiler} for {platform}")
    if shutil.which(builder) is None:
        pytest.skip(f"no {builder}")
    program = programs[target]
    folder = program.save(tmp_path / "out", api.match_inputs(program.network, DIGITS / "inputs.npz"))
    text = printed(described, built(folder, platform, compiler, builder), program.configuration.cores)
    for name, golden in api.match_outputs(program.network, DIGITS / "expect_int8.npz").items():
        np.testing.assert_array_equal(outputs_of(program.network, text)[name], golden)


@pytest.mark.slow
def test_zig_builds_without_a_home(programs: dict[str, Program], tmp_path: Path) -> None:
    """Nowhere to keep what it has compiled but the build folder."""
    if find_spec("ziglang") is None or shutil.which("cmake") is None:
        pytest.skip("no ziglang or no cmake")
    folder = programs["siracusa"].save(tmp_path / "out")
    path = {"PATH": environment()["PATH"]}
    done(["make", f"ZIG={zig()}"], folder, path)
    done(["cmake", "-B", "build", f"-DZIG={zig()}"], folder, path)
    done(["cmake", "--build", "build"], folder, path)
