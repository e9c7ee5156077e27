"""What a run on the simulator reports."""

from __future__ import annotations

from dataclasses import dataclass, field, fields


@dataclass(frozen=True)
class Stalls:
    """Cycles of one core beyond one an instruction, by cause.

    bank_conflict: another core had the L1 bank (or the access was misaligned); l2: accesses to L2 and weight memory;
    icache: instruction fetch; hazard: a loaded value or product used by the next instruction;
    branch: taken branches and jumps; barrier: asleep at a barrier; event: asleep for another event (end of a DMA
    transfer); device: device registers and full queues; fpu: another core had the shared FPU, or the divider;
    multicycle: div, mulh, fdiv and the second cycle of mul.
    """

    bank_conflict: int = 0
    l2: int = 0
    icache: int = 0
    hazard: int = 0
    branch: int = 0
    barrier: int = 0
    event: int = 0
    device: int = 0
    fpu: int = 0
    multicycle: int = 0

    def total(self) -> int:
        """All stall cycles."""
        return sum(getattr(self, f.name) for f in fields(self))


CORES, MCHAN, NEUREKA, L3_DMA = 1, 2, 4, 8
"""Actors, as in dmsim.h: the cluster's cores while one of them is not asleep; engines and DMAs from the command to the
completion of all that was asked for."""


@dataclass(frozen=True)
class Acting:
    """How long which actors of the SoC were at work at the same time.

    `cycles[n]`: in which exactly those were whose numbers add up to n.
    """

    cycles: tuple[int, ...] = (0,) * 16

    def busy(self, actors: int) -> int:
        """Cycles in which any of these actors (a sum of numbers) was at work."""
        return sum(n for acting, n in enumerate(self.cycles) if acting & actors)

    def overlap(self, some: int, others: int) -> int:
        """Cycles in which both any of these and any of those were at work."""
        return sum(n for acting, n in enumerate(self.cycles) if acting & some and acting & others)


@dataclass(frozen=True)
class Counters:
    """Counters of one core over its life or over a region: `cycles == instructions + stalls.total()`.

    The DMAs' are those of the whole SoC over the same time, in bytes and in cycles with a transfer under way: MCHAN's
    into L1 and out of it, and those of the DMA between L3 and L2 into L2 and out of it; so is `acting`.
    """

    cycles: int
    instructions: int
    stalls: Stalls
    dma_bytes_in: int
    dma_bytes_out: int
    dma_busy_cycles: int
    l3_dma_bytes_in: int
    l3_dma_bytes_out: int
    acting: Acting

    @staticmethod
    def from_raw(raw: list[int]) -> Counters:
        """From the array of dmsim_core and dmsim_region, in the order of the enumeration in dmsim.h."""
        cycles, instructions = raw[:2]
        stalls = Stalls(*raw[2:11], multicycle=cycles - sum(raw[1:11]))
        return Counters(cycles, instructions, stalls, *raw[11:16], acting=Acting(tuple(raw[16:32])))


@dataclass(frozen=True)
class Region:
    """What the cores did between dm_region_begin(id) and dm_region_end(id), summed over all times through.

    `cores` maps cluster cores that entered to their counters; `host` is the host core's, if it entered.
    """

    id: int
    runs: int
    cores: dict[int, Counters]
    host: Counters | None

    @property
    def cycles(self) -> int:
        """The longest time that a core spent in the region."""
        every = [*self.cores.values(), *([self.host] if self.host else [])]
        return max(c.cycles for c in every)

    @property
    def instructions(self) -> int:
        """Instructions of all cores."""
        return sum(c.instructions for c in self.cores.values()) + (self.host.instructions if self.host else 0)


@dataclass(frozen=True)
class Fault:
    """Why a program did not end by itself.

    `kind`: unmapped, device, misaligned, illegal, fetch, breakpoint, dma, neureka, region, output, deadlock or
    time-limit. `core` (`core 3`, `host core`), `pc` and `address` are None for the last two; `symbol` is the
    `function+0xoffset` of `pc`.
    """

    kind: str
    message: str
    core: str | None = None
    pc: int | None = None
    address: int | None = None
    symbol: str | None = None

    def __str__(self) -> str:
        if self.pc is None:
            return f"{self.kind}: {self.message}"
        where = f" ({self.symbol})" if self.symbol else ""
        return f"{self.kind}: {self.message} [{self.core}, pc 0x{self.pc:08x}{where}]"


@dataclass(frozen=True)
class Result:
    """The end of a run. `exit_code` is None exactly if there is a `fault`.

    `cycles` is the host core's clock at the end, which counts cluster cycles. `cores` are the cluster's, in order.
    """

    exit_code: int | None
    fault: Fault | None
    stdout: str
    cycles: int
    cores: tuple[Counters, ...]
    host: Counters
    regions: dict[int, Region] = field(default_factory=dict[int, Region])

    @property
    def instructions(self) -> tuple[int, ...]:
        """Instructions of each cluster core."""
        return tuple(c.instructions for c in self.cores)

    @property
    def stalls(self) -> tuple[Stalls, ...]:
        """Stalls of each cluster core."""
        return tuple(c.stalls for c in self.cores)

    @property
    def acting(self) -> Acting:
        """Which actors were at work together, from the start to the end."""
        return self.host.acting

    @property
    def dma_bytes_in(self) -> int:
        """Bytes that the DMA brought into L1."""
        return self.host.dma_bytes_in

    @property
    def dma_bytes_out(self) -> int:
        """Bytes that the DMA took out of L1."""
        return self.host.dma_bytes_out

    @property
    def dma_busy_cycles(self) -> int:
        """Cycles with at least one transfer under way."""
        return self.host.dma_busy_cycles
