"""A target of another package (`examples/board`) with an asynchronous engine of its own: exact under ThreadSanitizer
and at every level, its engine used where it is cheaper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import deeploy_mlir
from deeploy_mlir import api
from deeploy_mlir.interpreters.each_pass import EachPass
from deeploy_mlir.program.comparison import compare_outputs
from deeploy_mlir.program.program import Program

from .board import BOARD, installed
from .test_models import MODELS, NETWORKS, Classifier

DIGITS = BOARD.parent / "digits"
TCM = {"whole": {}, "16KiB": {"tcm": "16KiB"}}


@pytest.fixture(scope="module", autouse=True)
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed(tmp_path_factory.mktemp("board")):
        yield


def test_it_is_small() -> None:
    files = [file for file in BOARD.rglob("*") if file.suffix in (".py", ".c", ".h", ".mlir", ".toml")]
    assert len(files) == 7
    assert sum(len(file.read_text().splitlines()) for file in files) < 250


@pytest.mark.parametrize("tcm", TCM)
@pytest.mark.parametrize(("network", "expect"), [("digits_int8", "expect_int8.npz"), ("digits", "expect.npz")])
def test_digits(network: str, expect: str, tcm: str) -> None:
    inputs = DIGITS / "inputs.npz"
    observer = EachPass(str(inputs)) if network == "digits_int8" else None
    program = deeploy_mlir.compile(DIGITS / f"{network}.onnx", "board", memories=TCM[tcm], observer=observer)
    execution = program.execute(api.match_inputs(program.network, inputs), sanitize=("thread",))
    golden = api.match_outputs(program.network, DIGITS / expect)
    assert all(c.match for c in compare_outputs(execution.outputs, golden))
    assert execution.warnings == ""


def jobs(program: Program) -> list[int]:
    """The numbers of the steps that start a job."""
    (source,) = [text for name, text in program.sources.items() if name == f"{program.network.name}.c"]
    starts = set(re.findall(r"^static (?:DM_KERNEL )?dm_job (\w+)\(", source, re.MULTILINE))
    steps = re.split(r"^static DM_STEP void \w+?_(\d\d)_", source, flags=re.MULTILINE)
    numbered = zip(steps[1::2], steps[2::2], strict=True)
    return [int(n) for n, text in numbered if starts & set(re.findall(r"\b(\w+)\(", text.split("\n}\n")[0]))]


def networks() -> list[Any]:
    """MLPerf Tiny's int8 networks; the larger ones are slow. What of them the engine takes: numbers of steps."""
    engine = {"mlperf_tiny/kws": {2, 4, 6}, "mlperf_tiny/ad": set(range(10)) - {4, 5}, "mlperf_tiny/ic": set[int]()}
    quick = ("mlperf_tiny/kws", "mlperf_tiny/ad")
    found = [n for n in NETWORKS if n.path in (*engine, "mlperf_tiny/vww")]
    return [
        pytest.param(
            n, engine.get(n.path), tcm, id=f"{n.path}-{tcm}", marks=[] if n.path in quick else pytest.mark.slow
        )
        for n in found
        for tcm in TCM
    ]


@pytest.mark.skipif(not MODELS.is_dir(), reason=f"no models at {MODELS}; set DEEPLOY_SHARED")
@pytest.mark.parametrize(("network", "engine", "tcm"), networks())
def test_networks(network: Classifier, engine: set[int] | None, tcm: str) -> None:
    arrays = network.samples
    program = deeploy_mlir.compile(MODELS / f"{network.path}.onnx", "board", memories=TCM[tcm])
    (tensor,), (output,) = program.network.inputs, program.network.outputs
    sample = arrays["input"][0].reshape(tensor.shape)
    execution = program.execute({tensor.name: sample}, sanitize=("thread",))
    got = execution.outputs[output.name]
    assert (got == arrays[network.golden][0].reshape(got.shape)).all()
    assert execution.warnings == ""
    assert engine is None or set(jobs(program)) == engine
    assert all(memory.used <= memory.capacity for memory in program.plan.memory)


@pytest.mark.skipif(not MODELS.is_dir(), reason=f"no models at {MODELS}; set DEEPLOY_SHARED")
@pytest.mark.parametrize(
    ("name", "sram"),
    [
        ("kws", "16KiB"),
        pytest.param("ic", "32KiB", marks=pytest.mark.slow),
        pytest.param("vww", "32KiB", marks=pytest.mark.slow),
    ],
)
def test_what_sram_has_no_room_for_lives_in_external_memory(name: str, sram: str) -> None:
    network = next(n for n in NETWORKS if n.path == f"mlperf_tiny/{name}")
    program = deeploy_mlir.compile(MODELS / f"{network.path}.onnx", "board", memories={"sram": sram, "tcm": "16KiB"})
    (tensor,), (output,) = program.network.inputs, program.network.outputs
    execution = program.execute({tensor.name: network.samples["input"][0].reshape(tensor.shape)}, sanitize=("thread",))
    got = execution.outputs[output.name]
    assert (got == network.samples[network.golden][0].reshape(got.shape)).all()
    assert {tensor.memory for tensor in program.plan.far} == {"ext"}
    assert all(memory.used <= memory.capacity for memory in program.plan.memory)


@pytest.mark.skipif(not MODELS.is_dir(), reason=f"no models at {MODELS}; set DEEPLOY_SHARED")
def test_the_engine_is_used_where_it_is_cheaper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kernels = import_module("board.kernels")
    cores, matrix = kernels.BINDINGS
    found: list[int] = []
    for start_cycles in (0, 2500, 10_000_000):
        monkeypatch.setattr(kernels, "BINDINGS", (cores, replace(matrix, start_cycles=start_cycles)))
        found.append(len(jobs(deeploy_mlir.compile(MODELS / "mlperf_tiny" / "ad.onnx", "board"))))
    assert found[0] == 10
    assert found[2] == 0
    assert 0 < found[1] < 10
