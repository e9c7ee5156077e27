"""What may touch which bytes when: cores, barriers, transfers in flight and jobs of asynchronous engines.

The state that the checker keeps while it goes through the final IR. It knows nothing of the planner."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from deeploy_mlir.passes.verification.owners import UNWRITTEN, Owners
from deeploy_mlir.passes.verification.regions import Region
from deeploy_mlir.support.errors import DeeployError


@dataclass(frozen=True)
class Access:
    """A core's access since the last barrier."""

    core: int
    region: Region
    write: bool
    what: str


@dataclass(frozen=True)
class InFlight:
    """A transfer or a job that core 0 started on an engine."""

    reads: tuple[Region, ...]
    written: Region
    what: str
    engine: str

    def minds(self, region: Region, write: bool) -> bool:
        """Whether somebody else who reads or writes a region disturbs it, or is disturbed."""
        return region.overlaps(self.written) or (write and any(region.overlaps(r) for r in self.reads))


@dataclass
class Machine:
    """Memories and cores. `layer` is the step being gone through; it names the place in messages."""

    channels: dict[str, int]
    """Transfers that each DMA engine may have in flight."""
    asynchronous: frozenset[str] = frozenset()
    """Engines that take jobs."""
    layer: str = ""
    moved: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    _owners: dict[str, Owners] = field(default_factory=dict[str, Owners])
    _numbers: dict[Hashable, int] = field(default_factory=dict[Hashable, int])
    _names: list[str] = field(default_factory=lambda: ["nothing"])
    _epoch: list[Access] = field(default_factory=list[Access])
    _flying: dict[int, InFlight] = field(default_factory=dict[int, InFlight])
    _landed: list[InFlight] = field(default_factory=list[InFlight])
    _tokens: int = 0

    def declare(self, symbol: str, size: int) -> None:
        """An array of `size` bytes that nothing has been written to."""
        self._owners[symbol] = Owners(size)

    def fail(self, message: str) -> DeeployError:
        return DeeployError(f"the plan is wrong: {message}", self.layer or None)

    def read(self, cores: Sequence[int], regions: Sequence[Region], what: str) -> None:
        """Each of `cores` reads its region."""
        for core, region in zip(cores, regions, strict=True):
            self._check_transfers(core, region, False, what)
            for access in self._epoch:
                if access.write and access.core != core and access.region.overlaps(region):
                    raise self.fail(f"core {core} reads {what} while core {access.core} writes {access.what}")
        for region in dict.fromkeys(regions):
            self._check_owner(region, what)
        self._epoch += [Access(c, r, False, what) for c, r in zip(cores, regions, strict=True)]

    def write(self, cores: Sequence[int], regions: Sequence[Region], what: str) -> None:
        """Each of `cores` writes its region."""
        for core, region in zip(cores, regions, strict=True):
            self._check_transfers(core, region, True, what)
            for access in self._epoch:
                if access.core != core and access.region.overlaps(region):
                    verb = "writes" if access.write else "reads"
                    raise self.fail(f"core {core} writes {what} while core {access.core} {verb} {access.what}")
            self._epoch.append(Access(core, region, True, what))
            self._own(region)

    def start(self, dma: str, source: Region, destination: Region, what: str) -> int:
        """Core 0 starts a transfer on a DMA engine; returns its token."""
        ends = source.buffer.memory, destination.buffer.memory
        self.moved[ends] = self.moved.get(ends, 0) + source.bytes
        token = self._launch(InFlight((source,), destination, what, dma))
        limit, flying = self.channels.get(dma, 0), sum(flight.engine == dma for flight in self._flying.values())
        if flying > limit:
            raise self.fail(f"{flying} transfers in flight, DMA @{dma} has {limit} channels")
        return token

    def start_job(self, engine: str, reads: Sequence[Region], written: Region, what: str) -> int:
        """Core 0 starts a job on an engine; returns its token."""
        if engine not in self.asynchronous:
            raise self.fail(f"{what} is started on @{engine}, which is no asynchronous engine")
        for region in reads:
            if region.overlaps(written):
                raise self.fail(f"{what} overwrites what it reads, {region.buffer.name}")
        return self._launch(InFlight(tuple(reads), written, what, engine))

    def _launch(self, started: InFlight) -> int:
        for access in self._epoch:
            if access.core and started.minds(access.region, access.write):
                raise self.fail(
                    f"{started.what} starts while core {access.core} works on {access.what}: a barrier is missing"
                )
        for other in self._flying.values():
            if other.minds(started.written, True):
                raise self.fail(f"{started.what} starts before {other.what} has been waited for")
            if any(region.overlaps(other.written) for region in started.reads):
                raise self.fail(f"{started.what} reads what {other.what} has not yet brought")
        for region in started.reads:
            self._check_owner(region, started.what)
        self._own(started.written)
        self._tokens += 1
        self._flying[self._tokens] = started
        return self._tokens

    def wait(self, token: int | None) -> None:
        """Core 0 waits for a transfer or a job; for none, or one waited for already, there is nothing to do."""
        flight = self._flying.pop(token, None) if token is not None else None
        if flight is not None:
            self._landed.append(flight)

    def barrier(self) -> None:
        """All cores meet."""
        self._epoch.clear()
        self._landed.clear()

    def finish(self, outputs: Sequence[Region]) -> None:
        """The end of the network: nothing is in flight, and all outputs are written."""
        for flight in self._flying.values():
            raise self.fail(f"{flight.what} is never waited for")
        for region in outputs:
            self._check_owner(region, f"output {region.buffer.name}")

    def _check_transfers(self, core: int, region: Region, write: bool, what: str) -> None:
        for flight in self._flying.values():
            if flight.minds(region, write):
                raise self.fail(f"core {core} uses {what} before {flight.what} has been waited for")
        if core == 0:
            return
        for flight in self._landed:
            if flight.minds(region, write):
                raise self.fail(f"core {core} uses {what} without a barrier after the wait for {flight.what}")

    def _check_owner(self, region: Region, what: str) -> None:
        owners = self._owners.get(region.buffer.symbol)
        if owners is None or region.empty:
            return
        other = owners.other(region, self._number(region))
        if other is not None:
            if other == UNWRITTEN:
                raise self.fail(f"{what} is read before it is written")
            raise self.fail(f"{what} was overwritten by {self._names[other]} before it is read")

    def _own(self, region: Region) -> None:
        owners = self._owners.get(region.buffer.symbol)
        if owners is not None and not region.empty:
            owners.own(region, self._number(region))

    def _number(self, region: Region) -> int:
        key = region.buffer.key
        if key not in self._numbers:
            self._numbers[key] = len(self._names)
            self._names.append(f"{region.buffer.name} (in {self.layer})")
        return self._numbers[key]
