"""Flash and RAM that a network takes: by the sections of its objects where a compiler is at hand, else as planned."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deeploy_mlir.ir.plan_report import Plan
from deeploy_mlir.machine.object_files import SECTION_FLAGS, SectionSizes, reached_sizes
from deeploy_mlir.machine.platform import Configuration
from deeploy_mlir.machine.registry import platform_of
from deeploy_mlir.program.build_files import INCLUDES, platform_folder
from deeploy_mlir.program.network import Network
from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.progress import doing
from deeploy_mlir.support.remarks import remark

if TYPE_CHECKING:
    from deeploy_mlir.program.output_folder import Manifest


@dataclass(frozen=True)
class Footprint:
    """Bytes that a network takes, without the program around it, the platform's code and the C library.

    What the image holds (flash): `code` and `constants`. What is written (RAM): `arenas` of activations and tiles, `io`
    for network inputs and outputs, `stack`: what the target reserves for its cores, else the deepest chain of calls of
    `NET_run`. `compiler` built the objects that were measured; None for planned figures, where code is not known."""

    constants: int
    arenas: int
    io: int
    stack: int | None = None
    code: int | None = None
    compiler: str | None = None

    @property
    def flash(self) -> int:
        """Code, where it is known, and constants."""
        return (self.code or 0) + self.constants

    @property
    def ram(self) -> int:
        """Arenas, inputs, outputs, and the stack where it is known."""
        return self.arenas + self.io + (self.stack or 0)


MOST_CONSTANTS = 2 << 20
"""Bytes of constants up to which objects are compiled for their sizes: more take the compiler seconds."""


def planned_footprint(network: Network, plan: Plan, configuration: Configuration) -> Footprint:
    """What the plan knows."""
    reserved = configuration.core_stack_bytes
    return Footprint(
        constants=sum(memory.constants for memory in plan.memory),
        arenas=sum(memory.arena for memory in plan.memory),
        io=sum(tensor.bytes for tensor in (*network.inputs, *network.outputs)),
        stack=None if reserved is None else reserved * configuration.cores,
    )


def measured_footprint(manifest: Manifest, files: Mapping[str, bytes]) -> Footprint:
    """What the network's objects take, compiled from the files of its output folder with the compiler of the target's
    own platform. Planned figures where there is no such compiler, where constants are more than `MOST_CONSTANTS`, or
    where (a remark says so) it fails or makes objects other than ELF."""
    planned = planned_footprint(manifest.network, manifest.plan, manifest.configuration)
    if planned.constants > MOST_CONSTANTS:
        return planned
    platform = platform_of(manifest.target)
    try:
        compiler = platform.compiler()
    except DeeployError:
        return planned
    try:
        with tempfile.TemporaryDirectory(prefix="deeploy-") as scratch:
            sizes = _sizes(Path(scratch), manifest, files)
    except DeeployError as error:
        first, *rest = str(error).splitlines()  # a compiler's own words follow its command
        remark(manifest.network.name, f"flash and RAM are as planned: {(rest or [first])[0][:200]}")
        return planned
    return replace(
        planned,
        constants=sizes.constants,
        arenas=sizes.written - planned.io,
        stack=sizes.stack if planned.stack is None else planned.stack,
        code=sizes.code,
        compiler=compiler.name,
    )


def _sizes(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> SectionSizes:
    """Compiles each source of the network and reads what its objects hold."""
    doing("building the network's objects for their sizes")
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    platform = platform_of(manifest.target)
    compiler = platform.compiler()
    includes = [folder / include for include in (platform_folder(platform.name), *INCLUDES)]
    flags = [*platform.flags, *SECTION_FLAGS, compiler.stack_flag, "-c"]

    def build(number: int) -> Path:
        out = folder / "objects" / f"{number}.o"
        compiler.build([folder / manifest.sources[number]], includes, out, extra=flags, link_flags=())
        return out

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(build, range(len(manifest.sources))))
    return reached_sizes(objects, f"{manifest.network.name}_run")
