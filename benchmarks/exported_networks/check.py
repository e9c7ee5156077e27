"""Compiles, builds and runs every network of a directory that `export.py` filled; what comes out, as a Markdown table.

    python benchmarks/exported_networks/check.py DIRECTORY [--target siracusa] [--largest KiB]

The error is the largest difference from PyTorch's result, relative to its largest magnitude.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

import numpy as np

import deeploy_mlir
from deeploy_mlir.program.npz import load_arrays
from deeploy_mlir.support.errors import DeeployError

TOLERANCE = 1e-5


def row(path: Path, target: str) -> tuple[bool, str]:
    """Whether the network matched, and its line of the table."""
    arrays = load_arrays(path.with_suffix(".npz"))
    start = time.process_time()
    try:
        program = deeploy_mlir.compile(path, target, name="network")
        seconds = time.process_time() - start
        outputs = program.run({t.name: arrays[f"in{i}"] for i, t in enumerate(program.network.inputs)})
    except DeeployError as error:
        return False, f"| {path.stem} | refused: {str(error)[:100]} | |"
    worst = 0.0
    for i, got in enumerate(outputs.values()):
        wanted = arrays[f"out{i}"].reshape(got.shape).astype(np.float64)
        worst = max(worst, float(np.abs(got - wanted).max() / max(float(np.abs(wanted).max()), 1e-9)))
    return worst <= TOLERANCE, f"| {path.stem} | {worst:.1e} | {seconds:.1f} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--target", default="generic")
    parser.add_argument("--largest", type=int, default=2**20, help="leave out larger files (KiB)")
    given = parser.parse_args()
    logging.getLogger("deeploy_mlir").setLevel(logging.ERROR)
    print(f"| network, exporter | error on {given.target} | seconds to compile |\n|---|---|---|", flush=True)
    matched: list[bool] = []
    for path in sorted(given.directory.glob("*.onnx")):
        if path.stat().st_size <= 1024 * given.largest and path.with_suffix(".npz").exists():
            good, line = row(path, given.target)
            matched.append(good)
            print(line, flush=True)
    print(f"\n{sum(matched)} of {len(matched)} match within {TOLERANCE:g}.")
    return int(not all(matched))


if __name__ == "__main__":
    raise SystemExit(main())
