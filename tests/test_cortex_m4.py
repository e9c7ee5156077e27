"""The target cortex-m4: networks on the emulated core, exactly; where its arrays lie; what the emulator counts."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeploy_mlir
from deeploy_mlir import api, cli
from deeploy_mlir.machine.platform import configuration_of
from deeploy_mlir.machine.registry import load_soc, platform_of
from deeploy_mlir.machine.toolchain import Toolchain
from deeploy_mlir.program.comparison import compare_outputs
from deeploy_mlir.program.output_folder import read_manifest
from deeploy_mlir.program.program import Program, build_folder
from deeploy_mlir.simulators.cortex_m.emulator import Emulator, Result
from deeploy_mlir.simulators.elf import ElfImage, parse_elf
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.targets.cortex_m4.platforms import CORTEX_M4
from deeploy_mlir.targets.cortex_m4.runner import BOARD, CONSTANTS, UNICORN_CORTEX_M4
from deeploy_mlir.targets.cortex_m4.toolchain import COMPILERS

from .peer_suite import Leaf, all_leaves, suite
from .test_folder_builds import built
from .test_models import MODELS, NETWORKS, Classifier, check_outputs, compiled
from .test_peer_suite import compile_leaf, quick, run_and_compare

pytest.importorskip("unicorn")

DIGITS = Path(__file__).resolve().parent.parent / "examples" / "digits"
PROGRAM = Path(__file__).resolve().parent / "programs" / "cortex_m.c"
TARGET = "cortex-m4"

needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason=f"no models at {MODELS}; set DEEPLOY_SHARED")


@cache
def program(compiler: Toolchain = COMPILERS[0]) -> bytes:
    """The image of the test program."""
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder, "image.elf")
        platform = replace(CORTEX_M4, compilers=(compiler,))
        assert platform.build([PROGRAM], [], image, configuration_of(load_soc(TARGET))) == ""
        return image.read_bytes()


def run(elf: bytes, fault: int = 0, seconds: float = 60) -> Result:
    emulator = Emulator(UNICORN_CORTEX_M4, BOARD)
    image = emulator.load(elf)
    emulator.write(image.address_of("fault"), fault.to_bytes(4, "little"))
    return emulator.run(seconds, ("work", "more_work"))


@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda compiler: compiler.name)
def test_instructions_are_counted_exactly(compiler: Toolchain) -> None:
    if not compiler.is_here:
        pytest.skip(f"no {compiler.name} for {TARGET}")
    result = run(program(compiler))
    assert (result.exit_code, result.fault, result.stdout) == (0, None, "hello\n")
    # in the region: the return from its begin and the call of its end, which sets an argument
    assert 100 + 3 <= result.regions[7] <= 100 + 5
    assert 100 < result.functions["work"] < 100 + 8
    assert 50 < result.functions["more_work"] < result.instructions - 250


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (1, "WRITE_PROT.*main"),
        (2, "WRITE_UNMAPPED.*main"),
        (3, "INSN_INVALID.*main"),
        (4, "WRITE_UNMAPPED.*recursion"),
        (5, "end of region 3, which did not begin"),
    ],
)
def test_faults_are_told(kind: int, message: str) -> None:
    result = run(program(), kind)
    assert result.exit_code is None
    assert result.fault is not None
    assert re.search(message, result.fault)


def test_a_program_without_end_is_stopped() -> None:
    result = run(program(), 6, seconds=0.5)
    assert result.exit_code is None
    assert result.fault is not None
    assert re.search(r"not at its end after 0\.5 s .*main", result.fault)


@pytest.mark.parametrize(("network", "expect"), [("digits_int8", "expect_int8.npz"), ("digits", "expect.npz")])
def test_digits_with_instructions_by_step(network: str, expect: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["check", str(DIGITS / f"{network}.onnx"), "--target", TARGET, "--inputs", str(DIGITS / "inputs.npz")]
    assert cli.main([*words, "--expect", str(DIGITS / expect), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (total,), steps = report["instructions"], report["instructions_by_step"]
    assert report["compiler_warnings"] == ""
    assert report["cycles_estimated"] is None
    assert len(steps) == 7 if network == "digits_int8" else len(steps) > 2
    assert all(count > 0 for count in steps.values())
    assert 0 <= total - sum(steps.values()) < 200
    assert 0.5 < total / report["cycles_planned"] < 2
    footprint, linked = report["footprint"], report["memory_linked"]
    assert footprint["constants"] <= linked["flash"] < footprint["constants"] + 1024
    assert footprint["ram"] <= linked["ram"] <= footprint["ram"] + 32768
    assert 0 < footprint["stack"] < 4096
    assert cli.main([*words, "--expect", str(DIGITS / expect)]) == 0
    text = capsys.readouterr().out
    assert f"ran on {TARGET}: {total:,} instructions" in text
    assert all(re.search(rf"  {name} +{count:,}\n", text) for name, count in steps.items())


def linked(network: Program, folder: Path) -> ElfImage:
    network.save(folder / "out")
    manifest = read_manifest(folder / "out")
    assert build_folder(folder / "out", manifest, platform_of(TARGET), folder / "image") == ""
    return parse_elf((folder / "image").read_bytes())


def test_constants_are_read_in_flash(tmp_path: Path) -> None:
    image = linked(deeploy_mlir.compile(DIGITS / "digits_int8.onnx", TARGET), tmp_path)
    places = {name: symbol.address for name, symbol in image.symbols.items() if name.startswith("digits_int8_")}
    weights = [address for name, address in places.items() if "_weight_" in name]
    arrays = [address for name, address in places.items() if re.search("_(input|output)_0$|_ram$", name)]
    assert len(weights) >= 8
    assert all(CONSTANTS <= address < CONSTANTS + 16 * 1024 for address in weights)
    assert len(arrays) == 3
    assert all(BOARD.ram[0] < address < BOARD.ram[0] + 32 * 1024 for address in arrays)


@pytest.mark.parametrize("builder", ["make", "cmake"])
@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda compiler: compiler.name)
def test_the_output_folder_builds_and_prints(compiler: Toolchain, builder: str, tmp_path: Path) -> None:
    """Alone, as a user builds it."""
    if not compiler.is_here or shutil.which(builder) is None:
        pytest.skip(f"no {compiler.name} for {TARGET}, or no {builder}")
    network = deeploy_mlir.compile(DIGITS / "digits_int8.onnx", TARGET)
    inputs = api.match_inputs(network.network, DIGITS / "inputs.npz")
    folder = network.save(tmp_path / "out", inputs)
    emulator = Emulator(UNICORN_CORTEX_M4, BOARD)
    emulator.load(built(folder, TARGET, compiler.name, builder).read_bytes())
    result = emulator.run(60)
    assert (result.exit_code, result.fault) == (0, None)
    golden = api.match_outputs(network.network, DIGITS / "expect_int8.npz")["logits"]
    data = bytes.fromhex(result.stdout.removeprefix("out 0 ").strip())
    np.testing.assert_array_equal(np.frombuffer(data, np.float32).reshape(golden.shape), golden)


@pytest.mark.parametrize("network", ["digits_int8", "digits"])
def test_digits_by_gcc(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip(f"no gcc for {TARGET}")
    monkeypatch.setenv("DEEPLOY_ARM_CC", "arm-none-eabi-gcc")
    compiled_network = deeploy_mlir.compile(DIGITS / f"{network}.onnx", TARGET)
    inputs = api.match_inputs(compiled_network.network, DIGITS / "inputs.npz")
    expect = "expect.npz" if network == "digits" else "expect_int8.npz"
    execution = compiled_network.execute(inputs)
    assert execution.warnings == ""
    golden = api.match_outputs(compiled_network.network, DIGITS / expect)
    assert all(c.match for c in compare_outputs(execution.outputs, golden))
    assert execution.measured is not None
    assert len(execution.measured.steps) == len(compiled_network.plan.steps)
    assert all(count > 0 for count in execution.measured.steps.values())


def test_ram_is_limited(tmp_path: Path) -> None:
    network = deeploy_mlir.compile(DIGITS / "digits_int8.onnx", TARGET, ram="1600")
    assert network.footprint.arenas + network.footprint.io <= 1600
    with pytest.raises(DeeployError, match="smallest ram that would do"):
        deeploy_mlir.compile(DIGITS / "digits_int8.onnx", TARGET, ram="1000")


def test_without_unicorn_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        assert name == "unicorn"

    monkeypatch.setattr("deeploy_mlir.simulators.cortex_m.emulator.find_spec", nothing)
    with pytest.raises(DeeployError, match=r"pip install 'deeploy-mlir\[emulators\]'"):
        Emulator(UNICORN_CORTEX_M4, BOARD)


def models() -> list[Any]:
    """Networks with the number of samples; those that take long are slow."""
    quick_ones = ("mlperf_tiny/ad", "mlperf_tiny/kws")
    return [
        pytest.param(
            n, 1 if n.path in quick_ones else 2, id=n.path, marks=[] if n.path in quick_ones else pytest.mark.slow
        )
        for n in NETWORKS
    ]


@needs_models
@pytest.mark.parametrize(("network", "count"), models())
def test_models(network: Classifier, count: int) -> None:
    check_outputs(network, compiled(network.path, TARGET), network.samples, count)


LEAVES = [
    pytest.param(leaf, id=leaf.path, marks=[] if quick(leaf) and number % 4 == 0 else pytest.mark.slow)
    for number, leaf in enumerate(all_leaves())
]


@pytest.mark.skipif(not all_leaves(), reason=f"the peer suite is not at {suite()}; set DEEPLOY_SHARED")
@pytest.mark.parametrize("leaf", LEAVES)
def test_peer_suite(leaf: Leaf) -> None:
    run_and_compare(compile_leaf(leaf, TARGET), leaf)
