"""The target pulp-open: a description and a platform, with Siracusa's kernels, C and simulator."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

import deeploy_mlir
from deeploy_mlir import cli
from deeploy_mlir.machine.registry import load_soc, platform_of
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.targets.pulp_open.platforms import MACHINE, PULP_OPEN

from .peer_suite import Leaf, all_leaves
from .test_peer_suite import compile_leaf, run_and_compare

TARGET = "pulp-open"
DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits"
CONFIGURATIONS = [(), ("--l1", "16KiB"), ("--l2", "192KiB"), ("--platform", "threads")]
LARGER = {"Models/MLPerf/KeywordSpotting", "Models/MLPerf/AnomalyDetection", "Models/CNN_Linear1"}


@pytest.mark.parametrize("options", CONFIGURATIONS, ids=" ".join)
@pytest.mark.parametrize(("network", "expected"), [("digits", "expect"), ("digits_int8", "expect_int8")])
def test_digits(network: str, expected: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["check", str(DIGITS / f"{network}.onnx"), "--target", TARGET, *options, "--json"]
    words += ["--inputs", str(DIGITS / "inputs.npz"), "--expect", str(DIGITS / f"{expected}.npz")]
    assert cli.main(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["match"] is True
    assert report["target"] == TARGET
    assert report["memory"].keys() == {"l1", "l2"}
    if "--platform" in options:
        return
    assert report["platform"] == TARGET
    assert report["memory_linked"].keys() == {"l1", "l2"}
    assert report["busy_cycles"].keys() == {"cluster", "mchan"}
    assert report["busy_cycles"]["mchan"] > 0


LEAVES = [pytest.param(leaf, id=leaf.path, marks=pytest.mark.slow) for leaf in all_leaves() if leaf.path in LARGER]


@pytest.mark.parametrize("leaf", LEAVES)
def test_networks_of_the_peer_suite(leaf: Leaf) -> None:
    run_and_compare(compile_leaf(leaf, TARGET), leaf)


def test_it_is_a_description_and_a_platform() -> None:
    """Kernels, instruction tables and C are Siracusa's, named and not copied."""
    package = files("deeploy_mlir.targets.pulp_open")
    assert {f.name for f in package.iterdir()} - {"__pycache__"} == {
        "__init__.py",
        "soc.mlir",
        "platforms.py",
        "platform",
    }
    assert [f.name for f in (package / "platform").iterdir()] == ["pulp_open.ld"]
    soc = load_soc(TARGET)
    assert [tuple(engine.kernel_libraries) for engine in soc.engines] == [("siracusa",)]
    assert [tuple(engine.instruction_tables) for engine in soc.engines] == [("xpulpv2",)]
    assert platform_of(TARGET) is PULP_OPEN


def test_its_code_has_the_instructions_of_the_table() -> None:
    program = deeploy_mlir.compile(DIGITS / "digits_int8.onnx", target=TARGET)
    assert any("sdotsp" in text for text in program.sources.values())


def test_description_and_emulated_machine_agree() -> None:
    sizes = {memory.symbol: memory.size for memory in load_soc(TARGET).memories}
    assert sizes == {"l1": MACHINE.l1_bytes, "l2": MACHINE.l2_bytes}
    assert MACHINE.weight_memory_bytes == 0
    script = (PULP_OPEN.folder / "pulp_open.ld").read_text()
    assert f"LENGTH = 0x{MACHINE.l1_bytes:x}" in script
    assert f"LENGTH = 0x{MACHINE.l2_bytes:x}" in script


def test_it_has_no_weight_memory() -> None:
    with pytest.raises(DeeployError, match="wmem"):
        deeploy_mlir.compile(DIGITS / "digits.onnx", target=TARGET, wmem=64 << 10)
