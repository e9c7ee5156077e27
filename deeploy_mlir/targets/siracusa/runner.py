"""Runs a built test program on the emulated Siracusa, or another SoC of its family."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from deeploy_mlir.machine.running import ExecutionError, Job, Measurements, Outcome
from deeploy_mlir.simulators.siracusa.result import CORES, L3_DMA, MCHAN, NEUREKA, Result
from deeploy_mlir.simulators.siracusa.simulator import SIRACUSA, Machine, Simulator

L1, L2, WMEM, L3 = 0x10000000, 0x1C010000, 0x10800010, 0x80000010
"""Where Siracusa's linker script begins to fill the memories; a family member's L2 may begin elsewhere."""

NETWORK_REGION = 0
"""The counter region that the test program puts around the network."""

MAX_CYCLES = 1 << 34
"""After which a run is stopped."""


@dataclass(frozen=True)
class Emulation:
    """A SoC of the family with an emulator: what it has, and where its linker script begins to fill L2."""

    machine: Machine = SIRACUSA
    l2: int = L2

    def run(self, image: Path, job: Job) -> Outcome:
        """Runs the image once, on a new simulator.

        Raises ExecutionError if a core faults, the cores wait for each other for ever, or `MAX_CYCLES` are over."""
        simulator = Simulator(job.cores, machine=self.machine)
        elf = simulator.load(image.read_bytes())
        for symbol, data in job.inputs:
            if symbol in elf.symbols:  # the linker leaves out what no step reads
                simulator.write(elf.address_of(symbol), data)
        result = simulator.run(MAX_CYCLES)
        if result.fault is not None or result.exit_code != 0:
            reason = result.fault or f"exit status {result.exit_code}"
            first, _, rest = str(reason).partition("\n")
            details = "\n".join(filter(None, (rest, result.stdout[-2000:].strip())))
            raise ExecutionError(f"the program did not run to its end: {first}", details=details)
        linked = {"l1": elf.address_of("__dm_l1_end") - L1, "l2": elf.address_of("__dm_l2_end") - self.l2}
        if self.machine.weight_memory_bytes:
            linked["wmem"] = elf.loaded_bytes(WMEM, self.machine.weight_memory_bytes)
        if self.machine.l3_bytes:
            linked["l3"] = elf.loaded_bytes(L3, self.machine.l3_bytes)
        return Outcome(
            outputs=tuple(
                simulator.read(elf.address_of(symbol), size) if size else b"" for symbol, size in job.outputs
            ),
            stdout=result.stdout,
            measured=self._measurements(result),
            linked=linked,
        )

    def _measurements(self, result: Result) -> Measurements:
        """Of the network alone; the cluster's cores do nothing outside it but start."""
        host = result.regions[NETWORK_REGION].host
        if host is None:
            raise ValueError("the host core did not pass the network's region")
        cores, acting = (*result.cores, host), host.acting
        engines = {"cluster": CORES} | ({"neureka": NEUREKA} if self.machine.neureka else {})
        dmas = {"mchan": MCHAN} | ({"l3_dma": L3_DMA} if self.machine.l3_bytes else {})
        return Measurements(
            cycles=host.cycles,
            instructions=tuple(core.instructions for core in cores),
            stalls=tuple(asdict(core.stalls) for core in cores),
            dma_bytes_in=host.dma_bytes_in,
            dma_bytes_out=host.dma_bytes_out,
            dma_busy_cycles=host.dma_busy_cycles,
            busy={name: acting.busy(actor) for name, actor in (engines | dmas).items()},
            overlaps={
                "engines": acting.overlap(CORES, NEUREKA),
                "dmas_and_engines": acting.overlap(MCHAN | L3_DMA, CORES | NEUREKA),
            },
        )
