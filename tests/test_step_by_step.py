"""`deeploy compile --print-pipeline` is all there is to a compilation: `deeploy-opt` makes the same C of it, also where
the IR goes through text between any two passes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import deeploy_mlir
from deeploy_mlir import api, cli
from deeploy_mlir.lowering.print_c import c_sources
from deeploy_mlir.pipelines import pipeline_for

from .network_levels import parse, run_passes
from .peer_suite import suite

DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits"
NETWORKS = [
    pytest.param(DIGITS / "digits_int8.onnx", None, id="digits_int8"),
    pytest.param(DIGITS / "digits.onnx", None, id="digits"),
    *(
        pytest.param(
            suite() / path / "network.onnx",
            suite() / path / "inputs.npz",
            id=path,
            marks=pytest.mark.skipif(not suite().is_dir(), reason=f"the peer suite is not at {suite()}"),
        )
        for path in ("Kernels/Integer/Conv/DW_2D_RQ", "Kernels/FP32/MatMul", "Kernels/Integer/GEMM/Regular")
    ),
]


def passes_of(pipeline: str) -> list[str]:
    """The passes of a pipeline, each with its options."""
    passes: list[str] = []
    depth = 0
    for word in pipeline.split(","):
        if depth:
            passes[-1] += f",{word}"
        else:
            passes.append(word)
        depth += word.count("{") - word.count("}")
    return passes


@pytest.mark.parametrize(("model", "inputs"), NETWORKS)
def test_pass_by_pass_through_text(model: Path, inputs: Path | None) -> None:
    program = deeploy_mlir.compile(model, "siracusa", l1="16KiB", types_from=inputs)
    text = str(api.import_network(model, api.import_options(types_from=inputs)))
    for name in passes_of(program.pipeline):
        module = parse(text)
        run_passes(module, name)
        text = str(module)
    assert c_sources(parse(text)) == program.sources


def test_the_commands_make_the_same_c(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, lowering = str(DIGITS / "digits_int8.onnx"), ["--target", "siracusa", "--l1", "16KiB"]
    assert cli.main(["compile", model, *lowering, "--print-pipeline"]) == 0
    pipeline = capsys.readouterr().out.strip()
    assert pipeline == pipeline_for(api.pipeline_options("siracusa", l1="16KiB"))
    assert cli.main(["import", model, "-o", str(tmp_path / "digits.mlir")]) == 0
    command = [sys.executable, "-m", "deeploy_mlir.tools.deeploy_opt", str(tmp_path / "digits.mlir")]
    ran = subprocess.run([*command, "-p", pipeline, "-t", "c"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    program = deeploy_mlir.compile(model, "siracusa", l1="16KiB")
    for name, source in program.sources.items():
        if name.endswith(".c"):
            assert source.strip() in ran.stdout
