"""Memories as byte arrays that know, for each byte, whether and by whom it was written.

The machine that the levels from `tiled` to `cluster` run on. Every byte begins poisoned; reading one that was never
written, touching one that a transfer or a job in flight owns, and touching one that another core touches between the
same two barriers (unless both only read) are faults: a DeeployError that names the memory, the place and who did it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from deeploy_mlir.support.errors import DeeployError
from deeploy_mlir.support.numpy_types import Array

POISON = 0x57
"""What memory that nobody has written reads as, for whoever goes around the checks."""

_GAP = 64
"""Bytes between two allocations, which belong to neither."""

_CORES = 64
_SEVERAL = _CORES - 1
"""In place of a core's number: more than one core read the byte."""


class ByteMemory:
    """One memory: its bytes, and what is known of each of them."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.bytes: npt.NDArray[np.uint8] = np.full(size, POISON, np.uint8)
        self.initialised: npt.NDArray[np.bool_] = np.zeros(size, np.bool_)
        self.incoming: npt.NDArray[np.int32] = np.zeros(size, np.int32)
        """The transfer or job in flight that will write the byte; 0: none."""
        self.outgoing: npt.NDArray[np.int16] = np.zeros(size, np.int16)
        """How many transfers and jobs in flight read it."""
        self.writer: npt.NDArray[np.int32] = np.zeros(size, np.int32)
        self.reader: npt.NDArray[np.int32] = np.zeros(size, np.int32)
        """Barrier interval * 64 + core of the last access of each kind."""


@dataclass(frozen=True)
class Allocation:
    """A named array of a memory: an arena, an input, an output or a constant."""

    symbol: str
    memory: ByteMemory
    start: int
    size: int
    read_only: bool = False


@dataclass(frozen=True)
class View:
    """A strided array inside an allocation; `start` is a byte of the memory, `strides` are in bytes."""

    buffer: Allocation
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]
    outside: str = ""
    """How the view leaves what it is a part of, if it does: it may be computed, but not accessed."""

    @property
    def empty(self) -> bool:
        return 0 in self.shape

    @property
    def values(self) -> Array:
        """The elements, unchecked: whoever uses them asks the machine first."""
        if self.empty:
            return np.empty(self.shape, self.dtype)
        return np.ndarray(self.shape, self.dtype, self.buffer.memory.bytes.data, self.start, self.strides)

    @property
    def end(self) -> int:
        """First byte of the memory behind the view."""
        if self.empty:
            return self.start
        return (
            self.start + self.dtype.itemsize + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        )

    def part(self, starts: Sequence[int], sizes: Sequence[int]) -> View:
        """The box of `sizes` elements from `starts`; one that leaves the view is a fault when it is accessed."""
        outside = self.outside
        for axis, (first, size, extent) in enumerate(zip(starts, sizes, self.shape, strict=True)):
            if size < 0 or first < 0 or first + size > extent:
                outside = outside or (
                    f"elements {first} to {first + size} along axis {axis} of a view of {extent} "
                    f"in {self.buffer.symbol} of @{self.buffer.memory.name}"
                )
        start = self.start + sum(i * s for i, s in zip(starts, self.strides, strict=True))
        return replace(self, start=start, shape=tuple(max(0, s) for s in sizes), outside=outside)

    def each_byte(self, shadow: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A shadow array of the memory over the view, with one more axis for the bytes of an element."""
        unit = shadow.itemsize
        shape, strides = (*self.shape, self.dtype.itemsize), (*(s * unit for s in self.strides), unit)
        return as_strided(shadow[self.start :], shape, strides)

    def place(self, wrong: npt.NDArray[np.bool_]) -> str:
        """Where the first byte of `wrong` (of the shape of `each_byte`) lies, in words."""
        index = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        byte = self.start + sum(int(i) * s for i, s in zip(index, (*self.strides, 1), strict=True))
        return f"byte {byte - self.buffer.start} of {self.buffer.symbol} in @{self.buffer.memory.name}"


def row_major(shape: Sequence[int], dtype: np.dtype[Any]) -> tuple[int, ...]:
    """Byte strides of a contiguous array."""
    return tuple(prod(shape[i + 1 :]) * dtype.itemsize for i in range(len(shape)))


@dataclass(frozen=True)
class Request:
    """An array to be placed in a memory."""

    symbol: str
    memory: str
    size: int
    read_only: bool = False


@dataclass(frozen=True)
class Who:
    """Who accesses memory: a core, in a layer, doing `what` ("kernel.conv reads operand 0")."""

    core: int
    layer: str
    what: str


@dataclass(frozen=True)
class InFlight:
    """A transfer or a job that was started: what it reads and writes, and how it does its work. `ends` are the memories
    that a transfer goes between, None for a job."""

    number: int
    reads: tuple[View, ...]
    written: View
    work: Callable[[], None]
    who: Who
    ends: tuple[str, str] | None = None

    @property
    def kind(self) -> str:
        return "job" if self.ends is None else "transfer"

    @property
    def words(self) -> str:
        """Which one it is."""
        if self.ends is None:
            return f"job {self.number} of {self.who.layer or 'no step'}"
        return f"transfer {self.number} from {self.reads[0].buffer.symbol} to {self.written.buffer.symbol}"


@dataclass(frozen=True)
class DmaLimit:
    """A DMA between two memories, and how many transfers it takes at a time."""

    name: str
    channels: int


def lay_out(requests: Sequence[Request], capacities: Mapping[str, int]) -> dict[str, Allocation]:
    """Places all arrays, each memory's side by side with gaps. Raises DeeployError where a memory overflows."""
    used: dict[str, int] = {}
    places: dict[str, int] = {}
    ends: dict[str, int] = {}
    for request in requests:
        if request.symbol in places:
            raise DeeployError(f"there are two arrays {request.symbol}")
        used[request.memory] = used.get(request.memory, 0) + request.size
        places[request.symbol] = ends.get(request.memory, _GAP)
        ends[request.memory] = -(-(places[request.symbol] + request.size + _GAP) // _GAP) * _GAP
    for memory, size in used.items():
        if size > capacities.get(memory, size):
            raise DeeployError(f"the arrays in @{memory} take {size} bytes of {capacities[memory]}")
    memories = {name: ByteMemory(name, end) for name, end in ends.items()}
    return {r.symbol: Allocation(r.symbol, memories[r.memory], places[r.symbol], r.size, r.read_only) for r in requests}


@dataclass
class Machine:
    """The memories of a system, its DMAs, and the barriers of its cores.

    `dmas` limits transfers by (source, destination) memory; None: nothing is known of DMAs, and any transfer goes.
    With `copy_at_start` transfers copy and jobs compute when they start, otherwise when they are waited for; a program
    is right only if both give the same."""

    arrays: dict[str, Allocation]
    dmas: Mapping[tuple[str, str], DmaLimit] | None = None
    copy_at_start: bool = False
    cores: int = 1
    _flying: dict[int, InFlight] = field(default_factory=dict[int, InFlight])
    _jobs: set[int] = field(default_factory=set[int])
    """Numbers of what was started that are jobs'."""
    _started: int = 0
    _interval: int = 1

    def fault(self, who: Who, message: str) -> DeeployError:
        """The error of an access that must not be."""
        core = f"core {who.core}: " if self.cores > 1 else ""
        return DeeployError(f"{core}{who.what} {message}", who.layer or None)

    def view(
        self, symbol: str, offset: int, shape: Sequence[int], strides: Sequence[int], dtype: np.dtype[Any]
    ) -> View:
        """A view at byte `offset` of an array. Raises DeeployError where it leaves the array."""
        buffer = self.arrays.get(symbol)
        if buffer is None:
            raise DeeployError(f"there is no array {symbol}")
        view = View(buffer, buffer.start + offset, tuple(shape), tuple(strides), dtype)
        if offset < 0 or view.end > buffer.start + buffer.size:
            raise DeeployError(
                f"a view of bytes {offset} to {view.end - buffer.start} leaves {symbol} "
                f"of {buffer.size} bytes in @{buffer.memory.name}"
            )
        return view

    def whole(self, symbol: str, shape: Sequence[int], dtype: np.dtype[Any]) -> View:
        """All of an array, contiguous."""
        return self.view(symbol, 0, shape, row_major(shape, dtype), dtype)

    def fill(self, view: View, values: Array) -> None:
        """What was there before the program began: an input or a constant."""
        np.copyto(view.values, values)
        view.each_byte(view.buffer.memory.initialised)[...] = True

    def discard(self, view: View) -> None:
        """The view's bytes count as never written again: a new buffer begins there."""
        if not view.empty:
            view.each_byte(view.buffer.memory.bytes)[...] = POISON
            view.each_byte(view.buffer.memory.initialised)[...] = False

    def check_read(self, view: View, who: Who) -> None:
        """`who` reads the view. Raises DeeployError if it must not."""
        if view.outside:
            raise self.fault(who, f"reads {view.outside}")
        if view.empty:
            return
        memory = view.buffer.memory
        incoming = view.each_byte(memory.incoming)
        if incoming.any():
            raise self.fault(who, f"reads {view.place(incoming > 0)} before {self._transfer(incoming)} was waited for")
        missing = ~view.each_byte(memory.initialised)
        if missing.any():
            raise self.fault(who, f"reads {view.place(missing)}, which was never written")
        self._mark_read(view, who)

    def check_write(self, view: View, who: Who) -> None:
        """`who` writes the view, whose bytes count as written from now on. Raises DeeployError if it must not."""
        if view.outside:
            raise self.fault(who, f"writes {view.outside}")
        if view.empty:
            return
        memory = view.buffer.memory
        if view.buffer.read_only:
            raise self.fault(who, f"writes the constant {view.buffer.symbol} in @{memory.name}")
        incoming = view.each_byte(memory.incoming)
        if incoming.any():
            raise self.fault(who, f"writes {view.place(incoming > 0)} before {self._transfer(incoming)} was waited for")
        leaving = view.each_byte(memory.outgoing) > 0
        if leaving.any():
            kind = self._reader(view).kind
            raise self.fault(who, f"writes {view.place(leaving)} before the {kind} that reads it was waited for")
        self._mark_write(view, who)
        view.each_byte(memory.initialised)[...] = True

    def start(self, source: View, destination: View, who: Who) -> int:
        """Starts a transfer and returns its number. Raises DeeployError if either side is not free for it."""
        if source.shape != destination.shape or source.dtype != destination.dtype:
            raise self.fault(who, f"has sides of {source.shape} and {destination.shape} elements")
        self.check_read(source, who)
        self.check_write(destination, who)
        ends = source.buffer.memory.name, destination.buffer.memory.name
        self._take_channel(ends, who)
        return self._launch((source,), destination, lambda: np.copyto(destination.values, source.values), who, ends)

    def start_job(self, reads: Sequence[View], written: View, work: Callable[[], None], who: Who) -> int:
        """Starts a job that reads and writes views, by `work`, and returns its number.

        Raises DeeployError if one of them is not free for it, or it writes what it reads."""
        for view in reads:
            self.check_read(view, who)
            if self.overlap(view, written):
                raise self.fault(who, f"overwrites what it reads in {view.buffer.symbol}")
        self.check_write(written, who)
        number = self._launch(tuple(reads), written, work, who)
        self._jobs.add(number)
        return number

    def _launch(
        self,
        reads: tuple[View, ...],
        written: View,
        work: Callable[[], None],
        who: Who,
        ends: tuple[str, str] | None = None,
    ) -> int:
        self._started += 1
        flight = InFlight(self._started, reads, written, work, who, ends)
        self._flying[flight.number] = flight
        if written.empty:
            return flight.number
        memory = written.buffer.memory
        if self.copy_at_start:
            work()
        else:
            written.each_byte(memory.bytes)[...] = POISON
        written.each_byte(memory.initialised)[...] = False
        written.each_byte(memory.incoming)[...] = flight.number
        for view in reads:
            if not view.empty:
                view.each_byte(view.buffer.memory.outgoing)[...] += 1
        return flight.number

    def wait(self, number: int, who: Who) -> None:
        """Waits for a transfer or a job. Raises DeeployError if it was waited for before."""
        flight = self._flying.pop(number, None)
        if flight is None:
            kind = "job" if number in self._jobs else "transfer"
            raise self.fault(who, f"waits for {kind} {number} a second time")
        written = flight.written
        if written.empty:
            return
        written.each_byte(written.buffer.memory.incoming)[...] = 0
        for view in flight.reads:
            if not view.empty:
                view.each_byte(view.buffer.memory.outgoing)[...] -= 1
        if not self.copy_at_start:
            flight.work()
        written.each_byte(written.buffer.memory.initialised)[...] = True
        for view in flight.reads:
            self._mark_read(view, who)
        self._mark_write(written, who)

    def barrier(self) -> None:
        """All cores have met."""
        self._interval += 1

    def finish(self) -> None:
        """The end of the program. Raises DeeployError if a transfer or a job is still in flight."""
        for flight in self._flying.values():
            raise self.fault(flight.who, "is never waited for")

    def overlap(self, first: View, second: View) -> bool:
        """Whether two views have a byte in common."""
        memory = first.buffer.memory
        if memory is not second.buffer.memory or first.empty or second.empty:
            return False
        if first.end <= second.start or second.end <= first.start:
            return False
        stamp = np.zeros(len(memory.bytes), np.bool_)
        first.each_byte(stamp)[...] = True
        return bool(second.each_byte(stamp).any())

    def _transfer(self, incoming: npt.NDArray[np.int32]) -> str:
        return self._flying[int(incoming[incoming > 0][0])].words

    def _reader(self, view: View) -> InFlight:
        return next(f for f in self._flying.values() if any(self.overlap(view, read) for read in f.reads))

    def _take_channel(self, ends: tuple[str, str], who: Who) -> None:
        if self.dmas is None:
            return
        dma = self.dmas.get(ends)
        if dma is None:
            raise self.fault(who, f"goes from @{ends[0]} to @{ends[1]}, which no DMA connects")
        busy = sum(f.ends is not None and self.dmas[f.ends].name == dma.name for f in self._flying.values())
        if busy >= dma.channels:
            raise self.fault(who, f"is one more than the {dma.channels} transfers that @{dma.name} takes")

    def _mark_read(self, view: View, who: Who) -> None:
        if self.cores == 1 or view.empty:
            return
        memory, now = view.buffer.memory, self._interval * _CORES
        writer, reader = view.each_byte(memory.writer), view.each_byte(memory.reader)
        self._refuse(view, (writer >= now) & (writer != now + who.core), writer, who, "reads", "writes")
        others = (reader >= now) & (reader != now + who.core)
        reader[...] = np.where(others, now + _SEVERAL, now + who.core)

    def _mark_write(self, view: View, who: Who) -> None:
        if self.cores == 1 or view.empty:
            return
        memory, now = view.buffer.memory, self._interval * _CORES
        writer, reader = view.each_byte(memory.writer), view.each_byte(memory.reader)
        self._refuse(view, (writer >= now) & (writer != now + who.core), writer, who, "writes", "writes")
        self._refuse(view, (reader >= now) & (reader != now + who.core), reader, who, "writes", "reads")
        writer[...] = now + who.core

    def _refuse(
        self,
        view: View,
        wrong: npt.NDArray[np.bool_],
        last: npt.NDArray[np.int32],
        who: Who,
        verb: str,
        other_verb: str,
    ) -> None:
        if not wrong.any():
            return
        other = int(last[wrong][0]) % _CORES
        name = "another core" if other == _SEVERAL else f"core {other}"
        raise self.fault(who, f"{verb} {view.place(wrong)} that {name} {other_verb} with no barrier between them")
