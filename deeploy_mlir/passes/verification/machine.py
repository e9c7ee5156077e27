"""What may touch which bytes when: cores, barriers and transfers in flight.

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
class Transfer:
    """A transfer that core 0 started."""

    dma: str
    source: Region
    destination: Region
    what: str


@dataclass
class Machine:
    """Memories and cores. `layer` is the step being gone through; it names the place in messages."""

    channels: dict[str, int]
    """Transfers that each DMA engine may have in flight."""
    layer: str = ""
    moved: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    _owners: dict[str, Owners] = field(default_factory=dict[str, Owners])
    _numbers: dict[Hashable, int] = field(default_factory=dict[Hashable, int])
    _names: list[str] = field(default_factory=lambda: ["nothing"])
    _epoch: list[Access] = field(default_factory=list[Access])
    _flying: dict[int, Transfer] = field(default_factory=dict[int, Transfer])
    _landed: list[Transfer] = field(default_factory=list[Transfer])
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
        for access in self._epoch:
            if access.core == 0:
                continue
            if access.region.overlaps(destination) or (access.write and access.region.overlaps(source)):
                raise self.fail(f"{what} starts while core {access.core} works on {access.what}: a barrier is missing")
        for other in self._flying.values():
            if destination.overlaps(other.source) or destination.overlaps(other.destination):
                raise self.fail(f"{what} starts before {other.what} has been waited for")
            if source.overlaps(other.destination):
                raise self.fail(f"{what} reads what {other.what} has not yet brought")
        self._check_owner(source, what)
        self._own(destination)
        ends = source.buffer.memory, destination.buffer.memory
        self.moved[ends] = self.moved.get(ends, 0) + source.bytes
        self._tokens += 1
        self._flying[self._tokens] = Transfer(dma, source, destination, what)
        limit, flying = self.channels.get(dma, 0), sum(t.dma == dma for t in self._flying.values())
        if flying > limit:
            raise self.fail(f"{flying} transfers in flight, DMA @{dma} has {limit} channels")
        return self._tokens

    def wait(self, token: int | None) -> None:
        """Core 0 waits for a transfer; for none, or one waited for already, there is nothing to do."""
        transfer = self._flying.pop(token, None) if token is not None else None
        if transfer is not None:
            self._landed.append(transfer)

    def barrier(self) -> None:
        """All cores meet."""
        self._epoch.clear()
        self._landed.clear()

    def finish(self, outputs: Sequence[Region]) -> None:
        """The end of the network: nothing is in flight, and all outputs are written."""
        for transfer in self._flying.values():
            raise self.fail(f"{transfer.what} is never waited for")
        for region in outputs:
            self._check_owner(region, f"output {region.buffer.name}")

    def _check_transfers(self, core: int, region: Region, write: bool, what: str) -> None:
        for transfer in self._flying.values():
            if region.overlaps(transfer.destination) or (write and region.overlaps(transfer.source)):
                raise self.fail(f"core {core} uses {what} before {transfer.what} has been waited for")
        if core == 0:
            return
        for transfer in self._landed:
            if region.overlaps(transfer.destination) or (write and region.overlaps(transfer.source)):
                raise self.fail(f"core {core} uses {what} without a barrier after the wait for {transfer.what}")

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
