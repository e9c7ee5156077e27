"""README says that nothing recurses: the call graph of a whole test program, as gcc writes it down, has no cycle."""

from __future__ import annotations

import re
import shutil
import subprocess
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from deeploy_mlir.machine.registry import platforms_of
from deeploy_mlir.machine.toolchain import RUNTIME

from .handmade import triple

EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')


def call_graph(folder: Path, sources: list[Path], includes: list[Path]) -> dict[str, set[str]]:
    """Who calls whom, of C files compiled without optimisation; the functions of a file are called `file.c:name`."""
    flags = ["-std=gnu11", "-O0", "-fcallgraph-info", "-c", *(f"-I{i}" for i in includes)]
    graph: dict[str, set[str]] = {}
    for number, source in enumerate(sources):
        out = folder / f"{number}.o"
        subprocess.run(["gcc", *flags, source, "-o", out], check=True, cwd=folder)
        for caller, callee in EDGE.findall(out.with_suffix(".ci").read_text()):
            graph.setdefault(caller, set()).add(callee)
    return graph


@pytest.mark.skipif(shutil.which("gcc") is None, reason="the call graph is gcc's")
@pytest.mark.parametrize("target", ["generic", "siracusa"])
def test_no_function_of_a_test_program_recurses(target: str, tmp_path: Path) -> None:
    folder = triple(target).save(tmp_path / "out")
    platform = folder / "runtime" / "platforms" / platforms_of(target)[-1].name
    sources = [folder / "main.c", folder / "triple.c", *platform.glob("*.c"), *(RUNTIME / "kernels").glob("*.c")]
    includes = [folder, RUNTIME / "include", RUNTIME / "kernels", platform]
    graph = call_graph(tmp_path, sources, includes)
    assert {"triple_run", "dm_putchar"} <= {name for callees in graph.values() for name in callees}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"these call each other: {error.args[1]}")
