"""A Siracusa SoC in Python: load an image, run it, look at memory and counters."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from deeploy_mlir.simulators.elf import ElfImage, parse_elf
from deeploy_mlir.simulators.siracusa.library import DmsimFault, DmsimMachine, library
from deeploy_mlir.simulators.siracusa.result import Counters, Fault, Region, Result
from deeploy_mlir.support.errors import DeeployError

_NO_ICACHE, _L1_ALIAS, _NO_NEUREKA = 1, 2, 4
_RUNNING, _EXITED, _FAULTED = 0, 1, 2
_MAX_REGIONS = 1024
_COUNTERS = 32
_SLICE = 20_000_000
"""Cycles between two looks at signals and output, about a second."""

_FAULT_KINDS = (
    "none",
    "unmapped",
    "device",
    "misaligned",
    "illegal",
    "fetch",
    "breakpoint",
    "dma",
    "neureka",
    "region",
    "output",
)


@dataclass(frozen=True)
class Machine:
    """A SoC of the family: bytes of its memories, and what else it has.

    L1 starts at 0x10000000, L2 at 0x1c000000, the weight memory at 0x10400000; each has at most Siracusa's size, in
    units of 256 bytes. An L3 (at 0x80000000, up to 256 MiB) comes with a DMA between it and L2, through which alone it
    is reached: docs/simulator.md has its registers. Addresses of what a machine does not have fault.
    """

    l1_bytes: int = 0x40000
    l2_bytes: int = 0x200000
    weight_memory_bytes: int = 0x800000
    l3_bytes: int = 0
    neureka: bool = True


SIRACUSA = Machine()


class Simulator:
    """One SoC with `cores` cluster cores (1 to 16) and a host core; memories are garbage until written.

    `machine` says what there is beside the cores, Siracusa by default. `icache=False` leaves instruction fetch out of
    the timing. `l1_alias=True` maps L1 at address 0 too, as hardware does; by default such an access is a fault, since
    it is a null pointer far more often than not.
    Several may be used at the same time, also from different threads.
    """

    def __init__(
        self, cores: int = 8, *, machine: Machine = SIRACUSA, icache: bool = True, l1_alias: bool = False
    ) -> None:
        self._lib = library()
        flags = (0 if icache else _NO_ICACHE) | (_L1_ALIAS if l1_alias else 0)
        flags |= 0 if machine.neureka else _NO_NEUREKA
        sizes = (machine.l1_bytes, machine.l2_bytes, machine.weight_memory_bytes, machine.l3_bytes)
        values = (cores, *sizes, flags)
        fits = all(0 <= value < 1 << 32 for value in values)
        self._sim: int = self._lib.dmsim_new(ctypes.byref(DmsimMachine(*values))) if fits else 0
        if not self._sim:
            raise DeeployError(
                f"cannot create a simulator with {cores} cores (1 to 16) and {sizes} bytes of L1, L2, weight memory and"
                " L3 (multiples of 256, at most 256 KiB, 2 MiB, 8 MiB and 256 MiB)"
            )
        weakref.finalize(self, self._lib.dmsim_free, self._sim)
        self.cores = cores
        self.image: ElfImage | None = None
        self._printed = 0

    def load(self, elf: bytes) -> ElfImage:
        """Copies an image's segments to memory and points the host core at its entry.

        Raises DeeployError if it is no ELF32 file or has bytes outside the SoC's memories.
        """
        if self.image is not None:
            raise DeeployError("a simulator runs one image; make a new one")
        image = parse_elf(elf)
        for segment in image.segments:
            self.write(segment.address, segment.data)
        self.image = image
        self._lib.dmsim_start(self._sim, image.entry)
        return image

    def write(self, address: int, data: bytes) -> None:
        """Writes to L1, L2, weight memory or L3. Raises DeeployError for other addresses."""
        if self._lib.dmsim_write(self._sim, address, data, len(data)) != 0:
            raise DeeployError(f"{len(data)} bytes at 0x{address:08x} are not all in a memory of the SoC")

    def read(self, address: int, n: int) -> bytes:
        """Reads `n` bytes from L1, L2, weight memory or L3. Raises DeeployError for other addresses."""
        buffer = ctypes.create_string_buffer(max(n, 1))
        if self._lib.dmsim_read(self._sim, address, buffer, n) != 0:
            raise DeeployError(f"{n} bytes at 0x{address:08x} are not all in a memory of the SoC")
        return buffer.raw[:n]

    def run(self, max_cycles: int = 1 << 40, on_output: Callable[[str], None] | None = None) -> Result:
        """Runs the loaded image to its end, to a fault, or until all cores have passed `max_cycles`.

        `on_output` is given what the program prints, about once a simulated second of work and at the end.
        """
        if self.image is None:
            raise DeeployError("no image loaded")
        until, status = 0, _RUNNING
        while status == _RUNNING and until < max_cycles:
            until = min(until + _SLICE, max_cycles)
            status = int(self._lib.dmsim_run(self._sim, until))
            self._forward_output(on_output)
        self._lib.dmsim_flush(self._sim)
        self._forward_output(on_output)
        return self._result(status, max_cycles)

    def _output(self) -> bytes:
        n = ctypes.c_uint64()
        at = self._lib.dmsim_output(self._sim, ctypes.byref(n))
        return ctypes.string_at(at, n.value) if n.value else b""

    def _forward_output(self, on_output: Callable[[str], None] | None) -> None:
        if on_output is None:
            return
        output = self._output()
        if len(output) > self._printed:
            on_output(output[self._printed :].decode(errors="replace"))
            self._printed = len(output)

    def report(self) -> str:
        """What every core is doing now, a line each, and who has arrived at which barrier."""
        buffer = ctypes.create_string_buffer(8192)
        self._lib.dmsim_report(self._sim, buffer, len(buffer))
        lines = buffer.value.decode().splitlines()
        return "\n".join(self._with_symbol(line) for line in lines)

    def _with_symbol(self, line: str) -> str:
        head, mark, rest = line.partition("pc 0x")
        symbol = self.image.describe(int(rest[:8], 16)) if self.image and mark else None
        return f"{head}{mark}{rest[:8]} ({symbol}){rest[8:]}" if symbol else line

    def _fault(self, status: int, max_cycles: int) -> Fault | None:
        if status == _EXITED:
            return None
        if status == _RUNNING:
            return Fault("time-limit", f"not at its end after {max_cycles} cycles\n{self.report()}")
        if status != _FAULTED:
            return Fault("deadlock", f"cores wait for an event that cannot come\n{self.report()}")
        raw: DmsimFault = self._lib.dmsim_fault(self._sim).contents
        core = "host core" if raw.core == self.cores else f"core {raw.core}"
        symbol = self.image.describe(raw.pc) if self.image else None
        return Fault(_FAULT_KINDS[int(raw.kind)], raw.message.decode(), core, raw.pc, raw.address, symbol)

    def _counters(self, core: int) -> Counters:
        raw = (ctypes.c_uint64 * _COUNTERS)()
        self._lib.dmsim_core(self._sim, core, raw)
        return Counters.from_raw(list(raw))

    def _region(self, region: int) -> Region:
        cores: dict[int, Counters] = {}
        runs = 0
        for core in range(self.cores + 1):
            raw = (ctypes.c_uint64 * _COUNTERS)()
            times = int(self._lib.dmsim_region(self._sim, core, region, raw))
            if times:
                cores[core] = Counters.from_raw(list(raw))
                runs = max(runs, times)
        return Region(region, runs, cores, cores.pop(self.cores, None))

    def _regions(self) -> dict[int, Region]:
        regions: dict[int, Region] = {}
        region = int(self._lib.dmsim_next_region(self._sim, 0))
        while region < _MAX_REGIONS:
            regions[region] = self._region(region)
            region = int(self._lib.dmsim_next_region(self._sim, region + 1))
        return regions

    def _result(self, status: int, max_cycles: int) -> Result:
        host = self._counters(self.cores)
        return Result(
            exit_code=int(self._lib.dmsim_exit_code(self._sim)) if status == _EXITED else None,
            fault=self._fault(status, max_cycles),
            stdout=self._output().decode(errors="replace"),
            cycles=host.cycles,
            cores=tuple(self._counters(core) for core in range(self.cores)),
            host=host,
            regions=self._regions(),
        )
