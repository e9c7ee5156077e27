"""The simulator as its users see it: memories, transfers in time, counters, regions, several at once."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deeploy_mlir.simulators.siracusa import library
from deeploy_mlir.simulators.siracusa.result import Result
from deeploy_mlir.simulators.siracusa.simulator import Simulator

from .siracusa_images import PROGRAMS, compiled, loaded

LIMIT = 10_000_000
"""Cycles: many times what any program here needs."""


@pytest.fixture(scope="module")
def counters() -> Result:
    result = loaded(compiled("counters.c")).run(LIMIT)
    assert result.fault is None, str(result.fault)
    return result


def test_cycles_are_instructions_and_stalls(counters: Result) -> None:
    every = [*counters.cores, counters.host]
    for region in counters.regions.values():
        every += [*region.cores.values(), *([region.host] if region.host else [])]
    for core in every:
        assert core.cycles == core.instructions + core.stalls.total()
        assert min(vars(core.stalls).values()) >= 0
    assert counters.cycles == counters.host.cycles


def test_region_of_pure_computation(counters: Result) -> None:
    region = counters.regions[1]
    assert region.runs == 4  # two cluster runs of two rounds
    assert region.host is None
    assert sorted(region.cores) == list(range(8))
    for core in region.cores.values():
        assert 4 * 2000 <= core.instructions <= 4 * 2010
        assert abs(core.stalls.branch - 4 * 999 * 2) <= 40
        assert core.stalls.barrier == 0


def test_bank_conflicts_are_counted(counters: Result) -> None:
    same, own = counters.regions[2], counters.regions[3]
    for core in range(8):
        assert own.cores[core].stalls.bank_conflict == 0
        assert same.cores[core].stalls.bank_conflict > 100
    assert same.cycles > own.cycles


def test_dma_counters(counters: Result) -> None:
    region = counters.regions[4]
    assert list(region.cores) == [0]
    core = region.cores[0]
    assert (core.dma_bytes_in, core.dma_bytes_out) == (4 * 4096, 4 * 2048)
    assert (counters.dma_bytes_in, counters.dma_bytes_out) == (4 * 4096, 4 * 2048)
    # 8 bytes per cycle, in and out at the same time
    assert 4 * 512 <= core.dma_busy_cycles <= 4 * 560
    assert core.stalls.event > 4 * 300  # asleep for most of it
    assert counters.regions[1].cores[0].dma_bytes_in == 0


def test_nested_regions(counters: Result) -> None:
    outer = counters.regions[5]
    assert outer.runs == 4
    late, early = outer.cores[1], outer.cores[2]
    assert late.instructions > early.instructions + 4 * 990
    assert early.stalls.barrier > 4 * 1000
    assert abs(early.cycles - late.cycles) <= 0.05 * late.cycles
    assert list(counters.regions[7].cores) == [1]
    assert abs(counters.regions[7].instructions - 4 * 1000) <= 60


def test_regions_of_the_host_core(counters: Result) -> None:
    assert counters.regions[0].runs == 1
    assert counters.regions[0].cores == {}
    assert counters.regions[0].host is not None
    last = counters.regions[1023]  # open at the end: counted up to there
    assert last.host is not None
    assert 0 < last.cycles < 1000
    assert counters.regions[0].cycles + last.cycles < counters.cycles
    assert sorted(counters.regions) == [*range(14), 1023]


def test_output_without_a_last_newline(counters: Result) -> None:
    assert counters.stdout == "one\ntwo"


def test_output_is_handed_over() -> None:
    parts: list[str] = []
    loaded(compiled("counters.c")).run(LIMIT, on_output=parts.append)
    assert "".join(parts) == "one\ntwo"


def test_a_transfer_arrives_when_it_completes() -> None:
    simulator = loaded(compiled("early_read.c"), {"noinit": 0x12345678})
    assert simulator.run(LIMIT).exit_code == 0
    image = simulator.image
    assert image is not None
    got = {n: simulator.read(image.address_of(n), 4) for n in ("garbage", "before", "after", "noinit")}
    assert got["garbage"] == b"\x57" * 4
    assert got["before"] == (1).to_bytes(4, "little")
    assert got["after"] == (2).to_bytes(4, "little")
    assert got["noinit"] == (0x12345678).to_bytes(4, "little")


@pytest.mark.parametrize("cores", [1, 4, 16])
def test_other_numbers_of_cores(cores: int) -> None:
    result = loaded(compiled("counters.c", cores=cores), cores=cores).run(LIMIT)
    assert result.exit_code == 0
    assert len(result.cores) == cores
    assert sorted(result.regions[1].cores) == list(range(cores))
    alone = result.regions[3].cores[0].stalls.bank_conflict
    assert alone == 0


def test_more_cores_than_the_cluster_has() -> None:
    fault = loaded(compiled("counters.c", cores=8), cores=4).run(LIMIT).fault
    assert fault is not None
    assert "the cluster has 4 cores" in fault.message


def test_several_at_once_do_not_disturb_each_other(counters: Result) -> None:
    """Two interleaved by hand, then four on threads: all as one alone."""
    first, second = (loaded(compiled("counters.c")) for _ in range(2))
    assert first.run(5000).fault is not None
    assert second.run(LIMIT) == counters
    assert first.run(LIMIT) == counters
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(loaded(compiled("counters.c")).run, LIMIT) for _ in range(4)]
        results = [f.result() for f in futures]
    assert results == [counters] * 4


def test_without_instruction_cache_timing() -> None:
    simulator = Simulator(icache=False)
    simulator.load(compiled("counters.c"))
    result = simulator.run(LIMIT)
    assert result.exit_code == 0
    assert all(core.stalls.icache == 0 for core in (*result.cores, result.host))


def test_library_is_built_once_and_by_ziglang_too(tmp_path: Path) -> None:
    """The shared object by ziglang alone, in a cache folder of its own, gives the same cycles to the last one."""
    code = f"""
from pathlib import Path
from deeploy_mlir.simulators.siracusa.simulator import Simulator
s = Simulator()
s.load(Path({str(PROGRAMS / "images" / "matmul.elf")!r}).read_bytes())
r = s.run()
print(r.exit_code, r.cycles, *r.instructions, *(c.stalls.bank_conflict for c in r.cores))
"""
    outputs: list[str] = []
    zig = f"{sys.executable} -m ziglang cc"
    for variables in ({}, {"DEEPLOY_CC": zig, "DEEPLOY_CACHE_DIR": str(tmp_path)}):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    assert len(list(tmp_path.iterdir())) == 1


def test_concurrent_builds(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        built = list(pool.map(library.build, [tmp_path, tmp_path]))
    assert built[0] == built[1]
    assert [p.name for p in tmp_path.iterdir()] == [built[0].name]


def test_unwritable_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="DEEPLOY_CACHE_DIR"):
        library.build(tmp_path / "file")
