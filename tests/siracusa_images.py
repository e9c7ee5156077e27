"""Helpers of the simulator's tests: reference images, and small programs compiled on the spot."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from deeploy_mlir.machine.platform import Configuration, configuration_of
from deeploy_mlir.machine.registry import load_soc
from deeploy_mlir.simulators.siracusa.result import Result
from deeploy_mlir.simulators.siracusa.simulator import SIRACUSA as FULL_MACHINE
from deeploy_mlir.simulators.siracusa.simulator import Machine, Simulator
from deeploy_mlir.targets.siracusa.platforms import SIRACUSA

PROGRAMS = Path(__file__).resolve().parent / "programs" / "siracusa"


def configuration(cores: int = 8, core_stack_bytes: int = 1024) -> Configuration:
    """Of an image whose cluster has that many cores with that much stack each."""
    return replace(configuration_of(load_soc("siracusa")), cores=cores, core_stack_bytes=core_stack_bytes)


@functools.cache
def compiled(
    source: str, *more: str, opt: str = "-O2", cores: int = 8, defines: tuple[tuple[str, str | int], ...] = ()
) -> bytes:
    """The ELF image of C files of `programs/siracusa` (once a test process), with the siracusa platform."""
    with tempfile.TemporaryDirectory() as folder:
        sources = [PROGRAMS / name for name in (source, *more)]
        image = Path(folder) / "image.elf"
        warnings = SIRACUSA.build(sources, [], image, configuration(cores), opt=opt, defines=dict(defines))
        assert warnings == "", warnings
        return image.read_bytes()


def loaded(
    elf: bytes, words: Mapping[str, int] | None = None, *, cores: int = 8, machine: Machine = FULL_MACHINE
) -> Simulator:
    """A simulator with the image loaded and 32-bit variables set by name."""
    simulator = Simulator(cores, machine=machine)
    image = simulator.load(elf)
    for name, value in (words or {}).items():
        simulator.write(image.address_of(name), (value & 0xFFFFFFFF).to_bytes(4, "little"))
    return simulator


@functools.cache
def reference(name: str) -> Result:
    """The run of a prebuilt reference image, which has to end with exit status 0."""
    simulator = Simulator()
    simulator.load((PROGRAMS / "images" / f"{name}.elf").read_bytes())
    result = simulator.run(max_cycles=2_000_000_000)
    assert result.fault is None, str(result.fault)
    assert result.exit_code == 0, result.stdout
    return result
