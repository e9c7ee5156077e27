"""The output folder: self-contained, whole or not there, and what its test program computes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deeploy_mlir.machine.running import ExecutionError
from deeploy_mlir.machine.toolchain import RUNTIME
from deeploy_mlir.program.output_folder import read_manifest, runtime_closure
from deeploy_mlir.program.program import built_folder, run_folder
from deeploy_mlir.support.errors import DeeployError

from .handmade import NETWORK, SOURCE, triple

X = np.arange(8).reshape(2, 4)
INPUTS = {"x": X, "y/scale": np.array([1.0, 3.0])}
TARGETS = [("generic", "host"), ("siracusa", "threads")]

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make")


@pytest.mark.parametrize(("target", "platform"), TARGETS)
def test_host_platforms_compute_the_outputs(target: str, platform: str) -> None:
    execution = triple(target).execute(INPUTS, platform)
    assert execution.outputs["out"].dtype == np.int32
    np.testing.assert_array_equal(execution.outputs["out"], 3 * X - 100)
    np.testing.assert_array_equal(execution.outputs["half"], np.array([0.5, 1.5], np.float32))
    assert execution.warnings == ""


def test_the_simulator_computes_the_outputs_and_counts() -> None:
    execution = triple().execute(INPUTS)
    np.testing.assert_array_equal(execution.outputs["out"], 3 * X - 100)
    np.testing.assert_array_equal(execution.outputs["half"], np.array([0.5, 1.5], np.float32))
    measured = execution.measured
    assert measured is not None
    assert measured.cycles is not None
    assert 100 < measured.cycles < 20_000
    assert (measured.dma_bytes_in, measured.dma_bytes_out) == (8, 32)
    assert len(measured.instructions) == len(measured.stalls) == 9
    assert all(count > 0 for count in measured.instructions)
    assert execution.linked["l1"] == 8 * 512 + 8 + 32
    assert execution.warnings == ""


@needs_make
@pytest.mark.parametrize(("target", "platform"), TARGETS)
def test_the_folder_builds_and_runs_without_the_package(target: str, platform: str, tmp_path: Path) -> None:
    folder = triple(target).save(tmp_path / "out", INPUTS)
    environment = {"PATH": os.environ["PATH"]}
    command = ["make", "-s", "run", f"PLATFORM={platform}", "CFLAGS=-O2 -Werror"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    expected = (3 * X - 100).astype("<i4").tobytes().hex(), np.array([0.5, 1.5], "<f4").tobytes().hex()
    assert done.stdout.splitlines()[-2:] == [f"out 0 {expected[0]}", f"out 1 {expected[1]}"]


@pytest.mark.skipif(shutil.which("cmake") is None, reason="no cmake")
@pytest.mark.parametrize(("target", "platform"), TARGETS)
def test_the_folder_builds_with_cmake(target: str, platform: str, tmp_path: Path) -> None:
    folder = triple(target).save(tmp_path / "out", INPUTS)
    build = tmp_path / "build"
    subprocess.run(
        ["cmake", "-S", folder, "-B", build, f"-DPLATFORM={platform}"], check=True, capture_output=True, text=True
    )
    subprocess.run(["cmake", "--build", build], check=True, capture_output=True, text=True)
    done = subprocess.run([build / "triple_test"], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("out 0 9cffffff")


GREETING = '  for (const char *s = "my board\\n"; *s; s++) dm_putchar(*s);\n'
PROGRAM = """\
#include <stdio.h>
#include "triple.h"
int main(void) {
  for (int i = 0; i < 8; i++) triple_input_0[i] = (uint8_t)i;
  triple_run();
  printf("mine: %d\\n", (int)triple_output_0[7]);
}
"""


@needs_make
@pytest.mark.skipif(shutil.which("cmake") is None, reason="no cmake")
def test_a_program_and_a_platform_of_the_users_are_built(tmp_path: Path) -> None:
    folder = triple("generic").save(tmp_path / "out", INPUTS)
    shutil.copytree(folder / "runtime" / "platforms" / "host", folder / "user" / "platforms" / "board")
    port = folder / "user" / "platforms" / "board" / "one_core.c"
    port.write_text(port.read_text().replace("  entry();", f"{GREETING}  entry();"))
    (folder / "user" / "main.c").write_text(PROGRAM)
    (folder / "user" / "config.mk").write_text("CFLAGS = -O1 -Werror\nPLATFORM = board\n")
    triple("generic").save(folder, INPUTS)
    made = subprocess.run(["make", "run"], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert " -O1 -Werror " in made
    assert made.endswith("my board\nmine: -79\n")
    build = tmp_path / "build"
    subprocess.run(["cmake", "-S", folder, "-B", build, "-DPLATFORM=board"], check=True, capture_output=True)
    subprocess.run(["cmake", "--build", build], check=True, capture_output=True)
    done = subprocess.run([build / "triple_test"], capture_output=True, text=True, check=True)
    assert done.stdout == "my board\nmine: -79\n"


def test_no_file_of_the_folder_names_the_machine(tmp_path: Path) -> None:
    folder = triple().save(tmp_path / "out", INPUTS)
    texts = {file: file.read_text() for file in folder.rglob("*") if file.is_file()}
    assert {file.name for file in texts} >= {
        "triple.c",
        "main.c",
        "plan.json",
        "Makefile",
        "platform.c",
        "link.ld",
        "threads.c",
    }
    for place in (str(tmp_path), str(RUNTIME), str(Path.home())):
        assert [file for file, text in texts.items() if place + "/" in text] == []


def test_what_is_copied_says_under_which_licence(tmp_path: Path) -> None:
    folder = triple().save(tmp_path / "out")
    copied = [file for file in [folder / "main.c", *folder.glob("runtime/**/*.*")] if file.is_file()]
    code = [file for file in copied if file.suffix in (".c", ".h", ".S", ".ld") and file.name != "dm_port.h"]
    assert {"main.c", "platform.h", "crt0.S", "link.ld", "libc.c"} <= {file.name for file in code}
    for file in code:
        assert file.read_text().startswith("/* SPDX-License-Identifier: Apache-2.0 */\n"), file


def test_saving_twice_brings_the_folder_up_to_date(tmp_path: Path) -> None:
    folder = triple().save(tmp_path / "out")
    own = [folder / "user" / "main.c", folder / "runtime" / "platforms" / "siracusa" / "notes.txt"]
    for file in own:
        file.parent.mkdir(exist_ok=True)
        file.write_text("precious")
    triple("generic").save(folder)
    assert read_manifest(folder).target == "generic"
    platforms = folder / "runtime" / "platforms"
    assert [file.name for file in (platforms / "siracusa").iterdir()] == ["notes.txt"]
    assert sorted(folder.name for folder in platforms.iterdir()) == ["host", "siracusa"]
    assert [file.read_text() for file in own] == ["precious", "precious"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_nothing_is_left_when_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(DeeployError, match="no data for input y/scale"):
        triple().save(tmp_path / "out", {"x": X})
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_would_overwrite_the_test_program_is_refused(tmp_path: Path) -> None:
    program = triple()
    clashing = replace(program, sources={"main.c": "", **program.sources})
    with pytest.raises(DeeployError, match=r"would overwrite main\.c; give another --name"):
        clashing.save(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_manifest_survives_the_file(tmp_path: Path) -> None:
    program = triple()
    manifest = read_manifest(program.save(tmp_path / "out"))
    assert manifest == replace(program.manifest, sources=("triple.c",))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": "1"}', '{"format": 1}', '{"surprise": 2}'])
def test_a_damaged_manifest_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(DeeployError, match=r"plan\.json cannot be read"):
        read_manifest(tmp_path)


def test_a_manifest_of_another_version_is_an_error(tmp_path: Path) -> None:
    file = triple().save(tmp_path / "out") / "plan.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 99}))
    with pytest.raises(DeeployError, match="has format 99, this version reads 3"):
        read_manifest(file.parent)


def test_runtime_files_are_followed_through_their_includes(tmp_path: Path) -> None:
    (closure,) = runtime_closure(['#include "triple.h"\n# include "deeploy/platform.h"\n'], [RUNTIME / "include"])
    assert closure == Path("include/deeploy/platform.h")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X}, "no data for input y/scale"),
        (INPUTS | {"x": X + 250}, r"x: the network takes uint8, the data \(250 to 257\) do not fit"),
        (INPUTS | {"x": X + 0.5}, "do not fit"),
        (INPUTS | {"x": X[:1]}, r"x: the network takes shape \[2, 4\], the data have \[1, 4\]"),
    ],
)
def test_inputs_that_do_not_fit_are_an_error(arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(DeeployError, match=message):
        triple("generic").run(arrays)


def test_a_platform_that_the_target_has_not_is_an_error(tmp_path: Path) -> None:
    folder = triple("generic").save(tmp_path / "out")
    with pytest.raises(DeeployError, match="target generic has no platform 'threads'; there are: host"):
        run_folder(folder, INPUTS, "threads")


def test_sanitizers_are_refused_on_the_simulator() -> None:
    with pytest.raises(DeeployError, match="add --platform threads"):
        triple().execute(INPUTS, sanitize=("address",))


RACE = "for (int n = 0; n < 1000000; n++) *(volatile int32_t *)out = "
"""Long enough for the threads to overlap: one that starts when another is at the barrier is ordered behind it."""

BREAKAGES = {
    "address": SOURCE.replace("i < 8; i += DM_CORES) out[i]", "i < 9; i += DM_CORES) out[i]"),
    "undefined": SOURCE.replace("3 * in[i] - 100", "(INT32_MAX + in[i])"),
    "thread": SOURCE.replace("out[i] =", RACE),
}


@pytest.mark.skipif(shutil.which("gcc") is None, reason="the sanitizers are those of gcc")
@pytest.mark.parametrize("sanitizer", sorted(BREAKAGES))
def test_sanitizers_catch_what_they_are_for(sanitizer: str) -> None:
    assert triple("siracusa").execute(INPUTS, "threads", (sanitizer,)).outputs["out"].shape == NETWORK.outputs[0].shape
    with pytest.raises(ExecutionError, match=r"Sanitizer|runtime error"):
        triple("siracusa", BREAKAGES[sanitizer]).execute(INPUTS, "threads", (sanitizer,))


def test_a_program_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    endless = SOURCE.replace(
        "dm_cluster_run(on_every_core);", "for (volatile int go = 1; go;) dm_cluster_run(on_every_core);"
    )
    folder = triple("generic", endless).save(tmp_path / "out")
    with (
        built_folder(folder, seconds=2) as run,
        pytest.raises(ExecutionError, match="took more than 2 s"),
    ):
        run(INPUTS)


def test_c_that_does_not_compile_is_an_error_with_the_compilers_words() -> None:
    with pytest.raises(DeeployError, match="undeclared"):
        triple("generic", SOURCE.replace("3 * in", "3 * nothing")).run(INPUTS)
