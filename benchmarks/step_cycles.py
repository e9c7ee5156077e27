"""Planned cycles of every step beside those that the simulator measures.

    python benchmarks/step_cycles.py NETWORK.onnx [--l1 64KiB] [--inputs inputs.npz] [--no-double-buffer] [--json]

Compiles the network for Siracusa, puts a counter region around every step of the cluster's code and around every
kernel in it, and runs it on the simulator. `kernel` is the longest time that a core spent in the step's kernels; a step
takes that and the least time that a core spent in it besides (a core that is early waits for the others' last step).
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from deeploy_mlir import api
from deeploy_mlir.program.output_folder import read_manifest
from deeploy_mlir.program.program import Program, build_folder
from deeploy_mlir.simulators.siracusa.result import Result
from deeploy_mlir.simulators.siracusa.simulator import Simulator
from deeploy_mlir.targets.siracusa.platforms import SIRACUSA

STEP, KERNEL = 100, 200
"""First numbers of the regions of steps and of their kernels."""


@dataclass(frozen=True)
class StepCycles:
    """One step: its node and kernel, planned and measured cycles, tiles, and the measured cycles of its kernel."""

    node: str
    kernel: str
    tiles: str
    planned: int
    measured: int
    kernel_measured: int


def instrument(source: str, network: str) -> str:
    """The network's C with a region around every step and around every kernel call in it."""
    call = re.compile(rf"^( +){network}_(\d\d+)_\w+\(core\);$", re.MULTILINE)
    source = call.sub(lambda m: region(m[0], m[1], STEP + int(m[2])), source)
    head = re.compile(rf"^static void {network}_(\d\d+)_\w+\(int32_t core\) \{{$", re.MULTILINE)
    starts = [0, *(m.start() for m in head.finditer(source)), len(source)]
    pieces = [source[low:high] for low, high in itertools.pairwise(starts)]
    kernel = re.compile(rf"^( +){network}_[a-z]\w*_\d+\([^;]*?\);$", re.MULTILINE | re.DOTALL)
    for position, piece in enumerate(pieces):
        found = head.match(piece)
        if found is not None:
            end, number = piece.index("\n}\n"), KERNEL + int(found[1])
            body = kernel.sub(lambda m, n=number: region(m[0], m[1], n), piece[:end])
            pieces[position] = body + piece[end:]
    return "".join(pieces)


def region(text: str, indent: str, number: int) -> str:
    """Statements between the beginning and the end of a region."""
    return f"{indent}dm_region_begin({number});\n{text}\n{indent}dm_region_end({number});"


def simulate(program: Program) -> Result:
    """Runs the instrumented program on inputs of zero."""
    inputs = {t.name: np.zeros(t.shape, t.numpy) for t in program.network.inputs}
    with tempfile.TemporaryDirectory() as scratch:
        folder = program.save(Path(scratch, program.network.name), inputs)
        source = folder / f"{program.network.name}.c"
        source.write_text(instrument(source.read_text(), program.network.name))
        image = Path(scratch, "image.elf")
        build_folder(folder, read_manifest(folder), SIRACUSA, image)
        simulator = Simulator()
        simulator.load(image.read_bytes())
        return simulator.run(1 << 34)


def cycles_by_core(result: Result, number: int) -> dict[int, int]:
    """Cycles that each core spent in a region."""
    region = result.regions.get(number)
    return {core: counters.cycles for core, counters in region.cores.items()} if region else {}


def measure(program: Program) -> list[StepCycles]:
    """All steps, in order."""
    result = simulate(program)
    if result.fault is not None:
        raise SystemExit(f"the simulator stopped: {result.fault}")
    steps: list[StepCycles] = []
    for number, step in enumerate(program.plan.steps):
        whole, kernel = (cycles_by_core(result, base + number) for base in (STEP, KERNEL))
        longest = max(kernel.values(), default=0)
        besides = min((cycles - kernel.get(core, 0) for core, cycles in whole.items()), default=0)
        steps.append(StepCycles(step.node, step.kernel, step.tiles, step.cycles, longest + besides, longest))
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("--l1")
    parser.add_argument("--inputs", help="sample inputs that decide the types of an integer network")
    parser.add_argument("--no-double-buffer", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    options = api.pipeline_options("siracusa", arguments.l1, None, not arguments.no_double_buffer)
    module = api.import_network(arguments.network, api.import_options(types_from=arguments.inputs))
    steps = measure(api.compile_module(module, options))
    if arguments.json:
        print(json.dumps([asdict(s) for s in steps], indent=1))
        return
    print(f"{'node':24} {'kernel':14} {'planned':>10} {'measured':>10} {'ratio':>6} {'in kernel':>10}  tiles")
    total = [sum(column) for column in zip(*((s.planned, s.measured, s.kernel_measured) for s in steps), strict=True)]
    for s in [*steps, StepCycles("all", "", "", *total)]:
        numbers = f"{s.planned:10,} {s.measured:10,} {s.measured / max(s.planned, 1):6.2f} {s.kernel_measured:10,}"
        print(f"{s.node[-24:]:24} {s.kernel.removeprefix('kernel.'):14} {numbers}  {s.tiles}")


if __name__ == "__main__":
    main()
