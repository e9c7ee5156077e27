"""Instructions of one inference on the host, ours against the peer compiler's, as a Markdown table.

    python benchmarks/host_instructions.py [--leaf PART ...]

Needs valgrind, gcc and the peer suite (under the folder that DEEPLOY_SHARED names, or ../shared). Both sides: x86-64,
gcc -O3 without -march, `valgrind --tool=callgrind`, counting inside the function that runs the network. PEER holds the
better of the peer's gcc -O3 and gcc -O2 -flto builds, where both were measured.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import deeploy_mlir
from deeploy_mlir import api
from deeploy_mlir.machine.host import HOST
from deeploy_mlir.program.network import to_bytes
from deeploy_mlir.program.output_folder import read_manifest
from deeploy_mlir.program.program import build_folder
from deeploy_mlir.support.errors import DeeployError

PEER: dict[str, int | None] = {
    "Models/MLPerf/KeywordSpotting": 70_202_593,
    "Models/MLPerf/VisualWakeWords": 259_169_494,
    "Models/MLPerf/AnomalyDetection": 1_173_409,
    "Models/CNN_Linear1": 49_909_400,
    "Models/miniMobileNetv2": 3_946_467,
    "Models/CCT/FP32/CCT_1_16_16_8": 1_297_366,
    "Kernels/FP32/Conv/DW_2D_NoBias": 548_002,
    "Kernels/FP32/Conv/DW_2D_ZeroValuedBias": 548_002,
    "Kernels/FP32/Conv/Regular_2D_Bias": 1_074_399,
    "Kernels/FP32/Conv/Regular_2D_NoBias": 202_329,
    "Kernels/FP32/Conv/Regular_2D_ZeroValuedBias": 1_072_943,
    "Kernels/FP32/MatMul": 76_879,
    "Kernels/Integer/Conv/DW_2D": 321_607,
    "Kernels/Integer/Conv/DW_2D_RQ": 218_832,
    "Kernels/Integer/Conv/DW_3x3": 601_027,
    "Kernels/Integer/Conv/PW_2D": 39_026_004,
    "Kernels/Integer/Conv/PW_2D_RQ/Regular_RQ": 43_702_210,
    "Kernels/Integer/Conv/Regular_1D": 7_870,
    "Kernels/Integer/Conv/Regular_1D_RQ": 259_377,
    "Kernels/Integer/Conv/Regular_2D": 1_264_380,
    "Kernels/Integer/Conv/Regular_2D_RQ": 9_699_119,
    "Kernels/Integer/Conv/Regular_3x3": 2_209_750,
    "Kernels/Integer/Conv/StriddedPadded_2D_RQ": 4_823,
    "Kernels/Integer/GEMM/Regular": 380_609,
    "Kernels/Integer/GEMM/Regular_RQPerRow": None,
    "Kernels/Integer/GEMM/TransB_RQ": None,
    "Kernels/Integer/MatMul/Add": 1_217_017,
    "Kernels/Integer/MatMul/Regular": 1_546_443,
    "Kernels/Integer/MatMul/Regular_RQ": 1_637_555,
}
"""Leaf of the peer suite -> instructions of the peer's code, None where it generates none that was measured."""


def suite() -> Path:
    """The folder of the peer suite. Exits with a message if it is absent."""
    shared = os.environ.get("DEEPLOY_SHARED")
    folder = (Path(shared) if shared else Path(__file__).resolve().parents[2] / "shared") / "peer-suite"
    if not folder.is_dir():
        sys.exit("the peer suite is not here; name the folder above it in DEEPLOY_SHARED")
    return folder


def instructions(leaf: Path) -> int:
    """Instructions that one inference takes, compiled for `generic`."""
    program = deeploy_mlir.compile(leaf / "network.onnx", "generic", types_from=leaf / "inputs.npz")
    inputs = api.match_inputs(program.network, leaf / "inputs.npz")
    with tempfile.TemporaryDirectory() as scratch:
        folder = program.save(Path(scratch, "out"))
        binary, source, sink = (Path(scratch, name) for name in ("program", "inputs.bin", "outputs.bin"))
        build_folder(folder, read_manifest(folder), HOST, binary)
        source.write_bytes(b"".join(to_bytes(program.network.inputs, [inputs[t.name] for t in program.network.inputs])))
        return callgrind([str(binary), str(source), str(sink)], f"{program.network.name}_run")


def callgrind(command: list[str], function: str) -> int:
    """Instructions executed between entry and return of `function`."""
    tool = ["valgrind", "--tool=callgrind", f"--toggle-collect={function}", "--callgrind-out-file=/dev/null"]
    done = subprocess.run([*tool, *command], capture_output=True, text=True, check=True)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if collected is None or not int(collected[1]):
        raise RuntimeError(f"callgrind counted nothing in {function}:\n{done.stderr}")
    return int(collected[1])


def rows(parts: list[str]) -> Iterator[str]:
    for path, peer in PEER.items():
        if parts and not any(part in path for part in parts):
            continue
        try:
            ours = instructions(suite() / path)
        except DeeployError as error:
            yield f"| {path} | {error} | {peer or '-'} | |"
            continue
        ratio = f"{ours / peer:.3f}" if peer else ""
        yield f"| {path} | {ours:,} | {f'{peer:,}' if peer else '-'} | {ratio} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--leaf", action="append", default=[], metavar="PART", help="only leaves with this in their path"
    )
    parts: list[str] = parser.parse_args().leaf
    print("| network | deeploy-mlir | peer | ratio |\n|---|--:|--:|--:|")
    for row in rows(parts):
        print(row, flush=True)


if __name__ == "__main__":
    main()
