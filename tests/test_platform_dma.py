"""Strided transfers on every platform against numpy."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deeploy_mlir.machine.host import HOST, THREADS
from deeploy_mlir.machine.platform import Platform

from .siracusa_images import PROGRAMS, compiled, configuration, loaded

LOCAL, OUTER = 204800, 262144


@dataclass(frozen=True)
class Transfer:
    """As `job` of transfers.c; a dimension is (count, stride in L1, stride outside)."""

    out: bool
    local: int
    outer: int
    line: int
    dims: tuple[tuple[int, int, int], ...] = ()
    group: int = 0

    def words(self) -> list[int]:
        dims: list[int] = []
        for count, l1, ext in self.dims:
            dims += [count, *((ext, l1) if self.out else (l1, ext))]
        dims += [0] * (12 - len(dims))
        return [int(self.out), self.group, self.local, self.outer, self.line, len(self.dims), *dims]

    def apply(self, local: np.ndarray, outer: np.ndarray) -> None:
        offsets = [(self.local, self.outer)]
        for count, l1, ext in self.dims:
            offsets = [(a + i * l1, b + i * ext) for a, b in offsets for i in range(count)]
        for a, b in offsets:
            if self.out:
                outer[b : b + self.line] = local[a : a + self.line]
            else:
                local[a : a + self.line] = outer[b : b + self.line]


def encoded(transfers: Sequence[Transfer]) -> bytes:
    return np.array([w for t in transfers for w in t.words()], dtype=np.int32).tobytes()


Runner = Callable[[Sequence[Transfer], bytes, bytes], tuple[bytes, bytes]]


def run_siracusa(transfers: Sequence[Transfer], local: bytes, outer: bytes) -> tuple[bytes, bytes]:
    simulator = loaded(compiled("transfers.c", opt="-O3"), {"job_count": len(transfers)})
    image = simulator.image
    assert image is not None
    simulator.write(image.address_of("jobs"), encoded(transfers))
    simulator.write(image.address_of("local"), local)
    simulator.write(image.address_of("outer"), outer)
    result = simulator.run(max_cycles=50_000_000)
    assert result.fault is None, str(result.fault)
    moved = [t.line * int(np.prod([d[0] for d in t.dims], dtype=int)) for t in transfers]
    assert result.dma_bytes_in == sum(n for n, t in zip(moved, transfers, strict=True) if not t.out)
    assert result.dma_bytes_out == sum(n for n, t in zip(moved, transfers, strict=True) if t.out)
    return simulator.read(image.address_of("local"), LOCAL), simulator.read(image.address_of("outer"), OUTER)


def host_runner(platform: Platform, folder: Path) -> Runner:
    path = folder / f"{platform.name}.so"
    flags, program = ["-shared", "-fPIC"], PROGRAMS / "transfers.c"
    assert platform.build([program], [], path, configuration(), opt="-O2", defines={"NO_MAIN": 1}, extra=flags) == ""
    library = ctypes.CDLL(str(path))

    def run(transfers: Sequence[Transfer], local: bytes, outer: bytes) -> tuple[bytes, bytes]:
        descriptors = encoded(transfers)
        memories = [(LOCAL, "local", local), (OUTER, "outer", outer), (len(descriptors), "jobs", descriptors)]
        for size, name, data in memories:
            ctypes.memmove((ctypes.c_char * size).in_dll(library, name), data, size)
        ctypes.c_uint32.in_dll(library, "job_count").value = len(transfers)
        library.run_jobs()
        after = [(ctypes.c_char * size).in_dll(library, name).raw for size, name, _ in memories[:2]]
        return after[0], after[1]

    return run


@pytest.fixture(scope="module", params=[None, HOST, THREADS], ids=["siracusa", "host", "threads"])
def runner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    platform: Platform | None = request.param
    if platform is None:
        return run_siracusa
    return host_runner(platform, tmp_path_factory.mktemp("platform"))


def check(runner: Runner, transfers: Sequence[Transfer], seed: int = 1) -> None:
    rng = np.random.default_rng(seed)
    local, outer = (rng.integers(0, 256, n, dtype=np.uint8) for n in (LOCAL, OUTER))
    got_local, got_outer = runner(transfers, local.tobytes(), outer.tobytes())
    for transfer in transfers:
        transfer.apply(local, outer)
    assert got_local == local.tobytes()
    assert got_outer == outer.tobytes()


@st.composite
def transfers(draw: st.DrawFn) -> Transfer:
    """Dimensions that do not overlap themselves on either side, with gaps, backward strides and zero counts."""
    line = draw(st.sampled_from([1, 3, 4, 7, 16, 64, 200]))
    dims: list[tuple[int, int, int]] = []
    extent, low = [line, line], [0, 0]
    for _ in range(draw(st.integers(0, 4))):
        count = draw(st.integers(0, 4))
        strides = [e + draw(st.sampled_from([0, 0, 0, 1, 4, 13])) for e in extent]
        for side in (0, 1):
            extent[side] = strides[side] * max(count, 1)
            if draw(st.integers(0, 4)) == 0:
                low[side] += strides[side] * max(count - 1, 0)
                strides[side] = -strides[side]
        dims.insert(0, (count, strides[0], strides[1]))
    return Transfer(draw(st.booleans()), 600 + low[0], 1000 + low[1], line, tuple(dims))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(transfer=transfers())
def test_one_transfer(runner: Runner, transfer: Transfer) -> None:
    check(runner, [transfer])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(several=st.lists(transfers(), min_size=2, max_size=12), seed=st.integers(0, 9))
def test_groups_of_transfers(runner: Runner, several: list[Transfer], seed: int) -> None:
    """Transfers under way together, each with its own part of both memories; then a second group over the same."""
    placed = [
        Transfer(t.out, t.local % 2000 + 5000 * i, t.outer % 9000 + 20000 * i, t.line, (), group)
        for group in (1, 2)
        for i, t in enumerate(several)
    ]
    check(runner, placed, seed)


@pytest.mark.parametrize("out", [False, True])
def test_longer_than_a_command_can_say(runner: Runner, out: bool) -> None:
    """MCHAN's length field has 17 bits."""
    check(runner, [Transfer(out, 0, 8, 200_001)])
    check(runner, [Transfer(out, 4, 0, 800, ((250, 800, 1024),))])
    check(runner, [Transfer(out, 0, 0, 2, ((8, 8192, 20000), (4096, 2, 4)))])


def test_more_commands_than_the_queue_holds(runner: Runner) -> None:
    """One transfer of 400 rows with gaps in L1, so one command a row, and 15 more behind it."""
    rows = Transfer(False, 0, 0, 4, ((400, 8, 12),))
    check(runner, [rows, *(Transfer(bool(i & 1), 8192 + 256 * i, 65536 + 512 * i, 100) for i in range(15))])
