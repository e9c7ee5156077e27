"""Files that nobody should be able to compile: one message and status 2, in two seconds and a gibibyte."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Generator
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import deeploy_mlir
from deeploy_mlir.program.npz import match_arrays
from deeploy_mlir.support.errors import DeeployError

from . import adversarial
from .limited import Commands, Outcome, limited_commands

DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits"

SECONDS = 1.0
"""Of the two, the start of Python and its packages takes the rest."""
BYTES = 1 << 30
LONGEST = 2100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("adversarial")


@pytest.fixture(scope="module")
def commands(folder: Path) -> Generator[Commands]:
    with limited_commands(folder) as found:
        yield found


def is_refused(outcome: Outcome, tool: str = "deeploy") -> None:
    assert outcome.status == 2, outcome
    errors = [line for line in outcome.text.splitlines() if not line.startswith("remark: ")]
    assert errors[0].startswith(f"{tool}: error: "), outcome
    assert "fault in deeploy" not in outcome.text
    assert "Traceback" not in outcome.text
    assert len(outcome.text) < LONGEST
    assert outcome.seconds < SECONDS, outcome
    assert outcome.bytes < BYTES, outcome


@pytest.mark.parametrize("name", adversarial.BAD)
def test_bad_model_is_refused(name: str, commands: Commands, folder: Path) -> None:
    (folder / "bad.onnx").write_bytes(adversarial.bad_bytes(name))
    shutil.rmtree(folder / "out", ignore_errors=True)  # of a test before that failed
    is_refused(commands.run("deeploy", "compile", "bad.onnx", "--target", "siracusa", "-o", "out"))
    assert not (folder / "out").exists()


def test_branches_on_data_take_no_more_than_the_file_has(commands: Commands, folder: Path) -> None:
    (folder / "branches.onnx").write_bytes(adversarial.if_on_data().SerializeToString())
    outcome = commands.run("deeploy", "compile", "branches.onnx", "--target", "siracusa", "-o", "branches")
    assert outcome.status == 0, outcome
    assert outcome.seconds < 2 * SECONDS
    assert outcome.bytes < BYTES


@pytest.mark.parametrize("name", adversarial.DIMENSIONS)
def test_huge_dimensions_are_refused_by_a_large_target(name: str, commands: Commands, folder: Path) -> None:
    (folder / "bad.onnx").write_bytes(adversarial.bad_bytes(name))
    is_refused(commands.run("deeploy", "compile", "bad.onnx", "--target", "generic", "-o", "out"))


# ---- files of arrays ----


def _saved(**arrays: object) -> bytes:
    file = BytesIO()
    np.savez(file, allow_pickle=True, **{name: np.asarray(array) for name, array in arrays.items()})
    return file.getvalue()


def _header_alone(*shape: int) -> bytes:
    """An archive of one array of four zeros whose header gives this shape."""
    file, header = BytesIO(), BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("image.npy", header.getvalue() + bytes(16))
    return file.getvalue()


def _plain() -> bytes:
    file = BytesIO()
    np.save(file, np.ones(4))
    return file.getvalue()


ARRAYS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "random": lambda: np.random.default_rng(0).bytes(1000),
    "text": lambda: b"0 1 2 3",
    "half a zip": lambda: _saved(image=np.ones((1, 1, 8, 8)))[:-40],
    "one array": _plain,
    "objects": lambda: _saved(image=np.array([{1: 2}], object)),
    "header of 4 TiB": lambda: _header_alone(2**40),
    "header negative": lambda: _header_alone(-4),
    "header of 2 GiB": lambda: _header_alone(2**29),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_bad_arrays_are_refused(name: str, commands: Commands, folder: Path) -> None:
    (folder / "bad.npz").write_bytes(ARRAYS[name]())
    model, good = DIGITS / "digits_int8.onnx", DIGITS / "inputs.npz"
    on = ("--target", "generic")
    is_refused(commands.run("deeploy", "check", model, *on, "--inputs", "bad.npz", "--expect", good))
    is_refused(commands.run("deeploy", "check", model, *on, "--inputs", good, "--expect", "bad.npz"))
    is_refused(commands.run("deeploy", "compile", model, *on, "--types-from-data", "bad.npz", "-o", "out"))
    is_refused(commands.run("deeploy", "compile", model, *on, "--verify-each-by-running", "bad.npz", "-o", "out"))


@pytest.mark.parametrize("array", [np.array(["a"]), np.ones(1, complex)], ids=["strings", "complex"])
def test_arrays_that_are_no_numbers_are_refused(array: NDArray[Any]) -> None:
    with pytest.raises(DeeployError, match="x: the array given for it has element type"):
        match_arrays({"x": array}, ["x"])


# ---- IR and output folders ----

IR = {
    "empty": b"",
    "random": np.random.default_rng(0).bytes(1000),
    "open": b"builtin.module {",
    "open 3000 times": b"builtin.module {\n" * 3000,
    "parentheses": b"(" * 100_000,
    "unknown operation": b'"no.such"() : () -> ()',
    "undefined value": b'%0 = "onnx.Relu"(%1) : (tensor<4xf32>) -> tensor<4xf32>',
    "no operand": b'%0 = "onnx.Relu"() : () -> tensor<4xf32>',
}


@pytest.mark.parametrize("name", IR)
def test_bad_ir_is_refused(name: str, commands: Commands, folder: Path) -> None:
    (folder / "bad.mlir").write_bytes(IR[name])
    is_refused(commands.run("deeploy-opt", "bad.mlir", "-p", "deeploy-attach-soc{target=siracusa}"), "deeploy-opt")


@pytest.mark.parametrize("passes", ["no-such-pass", "a{{{", "deeploy-plan", "deeploy-attach-soc{target=none}"])
def test_bad_pipeline_is_refused(passes: str, commands: Commands, folder: Path) -> None:
    (folder / "good.mlir").write_text("builtin.module {}")
    is_refused(commands.run("deeploy-opt", "good.mlir", "-p", passes), "deeploy-opt")


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b"[" * 100_000, b"\xff\xfe", b"null"])
def test_bad_output_folder_is_refused(text: bytes, commands: Commands, folder: Path) -> None:
    (folder / "bad").mkdir(exist_ok=True)
    (folder / "bad" / "plan.json").write_bytes(text)
    is_refused(commands.run("deeploy", "run", "bad"))
    is_refused(commands.run("deeploy", "report", "bad"))


# ---- names that are no C names ----

NAMES = [
    *(
        "int",
        "restrict",
        "main",
        "NULL",
        "network_run",
        "a.b",
        "a/b",
        "a_b",
        "a b",
        "1st",
        "_",
        "__",
        "9",
        "%",
        "é",
        "数",
    ),
    *('"', "\\", "*/", "/*", "//", "??/", "{}", "%s%n", "\n", "\t", "\x00", "x" * 5000, "#include <x>", "if", "double"),
]


def test_any_names_compile_and_run(tmp_path: Path) -> None:
    """A chain through tensors and nodes of these names; each adds a weight of the same name, in capitals."""
    nodes: list[onnx.NodeProto] = []
    weights: dict[str, object] = {}
    for number, (source, target) in enumerate(pairwise(NAMES)):
        weights[f"{target}W"] = np.full(4, number, np.float32)
        nodes.append(onnx.helper.make_node("Add", [source, f"{target}W"], [target], target))
        nodes[-1].doc_string = "*/ #error \\"
    proto = adversarial.model_of(nodes, [adversarial.tensor_input(NAMES[0], [4])], [NAMES[-1], NAMES[5]], weights)
    x = np.arange(4, dtype=np.float32)
    for target in ("generic", "siracusa"):
        program = deeploy_mlir.compile(proto, target, name="network")
        execution = program.execute({NAMES[0]: x})
        assert execution.warnings == ""
        assert np.array_equal(execution.outputs[NAMES[-1]], x + sum(range(len(NAMES) - 1)))
        assert np.array_equal(execution.outputs[NAMES[5]], x + sum(range(5)))
