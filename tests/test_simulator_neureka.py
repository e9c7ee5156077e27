"""N-EUREKA on the simulator: 150 jobs as they were recorded on the SoC's public simulator, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from deeploy_mlir.simulators.elf import parse_elf
from deeploy_mlir.simulators.siracusa.result import CORES, MCHAN, NEUREKA, Result
from deeploy_mlir.simulators.siracusa.simulator import Simulator

from .siracusa_images import PROGRAMS, compiled, loaded

LIMIT = 1 << 28
ISSUE = 275
"""Cycles of the recording program beside the job itself: acquiring, 24 registers, the wait, with a cold cache."""


@dataclass(frozen=True)
class Recorded:
    """A line of the table: the job, the checksum of its outputs and its cycles."""

    filter: int
    rows: int
    columns: int
    k_in: int
    k_out: int
    bits: int
    top: int
    bottom: int
    left: int
    right: int
    padding: int
    normalise: int
    scale32: int
    out8: int
    no_relu: int
    shift_each: int
    bias: int
    signed: int
    wmem: int
    shift: int
    scale_max: int
    seed: int
    checksum: int
    cycles: int


def recorded() -> list[Recorded]:
    lines = [line.split() for line in (PROGRAMS / "neureka_jobs.txt").read_text().splitlines() if line[0] != "#"]
    assert lines[0] == [f.name for f in fields(Recorded)]
    return [
        Recorded(*(int(v, 16 if name == "checksum" else 10) for name, v in zip(lines[0], x, strict=True)))
        for x in lines[1:]
    ]


JOBS = recorded()


def tiles(size: int, tile: int) -> tuple[int, int]:
    """How many, and the size of the last."""
    return -(-size // tile), size % tile or tile


def prepared(job: Recorded, changed: Mapping[int, int] | None = None) -> Simulator:
    """A simulator with the job's program loaded; `changed` replaces registers."""
    side, tile_in = (1, 32) if job.filter == 2 else (3, 28)
    tile_out = 28 if job.filter == 1 else 32
    height, width = job.rows + side - 1 - job.top - job.bottom, job.columns + side - 1 - job.left - job.right
    (num_in, last_in), (num_out, last_out) = tiles(job.k_in, tile_in), tiles(job.k_out, tile_out)
    (num_rows, last_rows), (num_columns, last_columns) = tiles(job.rows, 6), tiles(job.columns, 6)
    row, out = (32 if side == 1 else 32 * job.bits), (1 if job.out8 else 4)
    config = job.bits - 1 | job.normalise << 4 | job.filter << 5 | job.wmem << 9 | (2 if job.scale32 else 0) << 12
    config |= 1 << 15 | job.shift << 16 | (0 if job.out8 else 2) << 21 | job.no_relu << 23 | job.shift_each << 24
    config |= job.bias << 25 | job.signed << 26
    registers = [0, -(job.top * width + job.left) * job.k_in, 0, 0, 0, 0]
    registers += [job.k_in, job.k_in * width, 0, 32, job.k_out * out, job.k_out * out * job.columns]
    registers += [32, 0 if job.filter == 1 else row * num_in, 0]
    registers += [last_out << 16 | last_in, last_rows << 16 | last_columns]
    registers += [(last_rows + side - 1 - job.bottom) << 16 | last_columns + side - 1 - job.right]
    registers += [num_out << 16 | num_in, num_rows << 16 | num_columns]
    registers += [job.top << 28 | job.right << 24 | job.bottom << 20 | job.left << 16 | job.padding, -128, 0, config]
    for register, value in (changed or {}).items():
        registers[register] = value
    simulator = loaded(
        compiled("neureka_job.c"),
        {
            "seed": job.seed,
            "input_bytes": height * width * job.k_in + 64,
            "output_bytes": job.rows * job.columns * job.k_out * 4 + 256,
            "weight_bytes": num_out * 32 * num_in * row + 64,
            "channels": job.k_out,
            "scales_are_words": job.scale32,
            "scale_max": job.scale_max,
            "shift": job.shift,
        },
    )
    assert simulator.image is not None
    words = np.array(registers, dtype=np.int64).astype(np.uint32)
    simulator.write(simulator.image.address_of("registers"), words.tobytes())
    return simulator


def outcome(job: Recorded) -> tuple[int, Result]:
    """The checksum that a run gives, and its result."""
    simulator = prepared(job)
    result = simulator.run(LIMIT)
    assert result.exit_code == 0, f"{job}: {result.fault}"
    assert simulator.image is not None
    return int.from_bytes(simulator.read(simulator.image.address_of("checksum"), 4), "little"), result


def test_recorded_jobs() -> None:
    """All outputs are equal, and at least 135 of the 150 cycles within 5 %."""
    differ, off = list[Recorded](), list[str]()
    for job in JOBS:
        checksum, result = outcome(job)
        if checksum != job.checksum:
            differ.append(job)
        acting = result.regions[1].cores[0].acting
        cycles = acting.busy(NEUREKA) + ISSUE
        if abs(cycles - job.cycles) >= 0.05 * job.cycles:
            off.append(f"{cycles} of {job.cycles}: {job}")
        assert acting.overlap(NEUREKA, CORES) < 20  # the core sleeps
    assert len(JOBS) == 150
    assert not differ, differ
    assert len(off) <= 15, "\n".join(off)


PLAIN = Recorded(
    *(2, 7, 8, 40, 35, 8, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 8, 255, 7, 0, 0),
)
"""A 1x1 job that is in order, with tiles that are not full."""
PADDED = replace(PLAIN, filter=0, top=1, bottom=1, left=1, right=1)


def refusal(job: Recorded, changed: Mapping[int, int]) -> str:
    """Why a job is refused whose registers are changed."""
    fault = prepared(job, changed).run(LIMIT).fault
    assert fault is not None, f"{changed} is accepted"
    assert fault.kind == "neureka"
    return fault.message


def config_of(job: Recorded) -> int:
    """Its last register, as the test program has it."""
    simulator = prepared(job)
    assert simulator.image is not None
    return int.from_bytes(simulator.read(simulator.image.address_of("registers") + 4 * 23, 4), "little")


@pytest.mark.parametrize("bit", [3, 7, 8, 10, 11, 14, 27, 31])
def test_config_bits_of_unknown_effect(bit: int) -> None:
    assert "config bits of unknown effect" in refusal(PLAIN, {23: config_of(PLAIN) | 1 << bit})


@pytest.mark.parametrize(
    ("job", "changed", "message"),
    [
        (PLAIN, {22: 1}, "filter mask"),
        (PLAIN, {21: 1000}, "weight offset"),
        (PLAIN, {20: 0x10000000}, "padding of this width"),
        (PADDED, {20: 0x20000000}, "padding of this width"),
        (PLAIN, {15: 3 << 16 | 33}, "input channels"),
        (PLAIN, {15: 33 << 16 | 8}, "output channels"),
        (PLAIN, {16: 7 << 16 | 2}, "output size"),
        (PLAIN, {17: 1 << 16 | 3}, "the last tile's input"),  # a column more than it has
        (PADDED, {17: 3 << 16 | 3}, "the last tile's input"),  # with its padding: a row beyond the input
        (PLAIN, {17: 1 << 16 | 9}, "input size of the last tile"),
        (replace(PLAIN, filter=1), {}, "depthwise channels in and out"),
        (replace(PLAIN, bits=1), {}, "weights of this many bits"),
        (replace(PLAIN, normalise=0), {}, "8-bit outputs without normalisation"),
        (PLAIN, {0: 0x800000}, "outside the weight memory"),
        (replace(PLAIN, wmem=0), {0: 0x40000}, "weights, 32 bytes at 0x100"),
        (PLAIN, {1: 0x0C000000}, "input, 40 bytes at 0x1c0"),  # L2, which the engine does not reach
        (PLAIN, {2: 0x40000}, "output, 32 bytes at 0x100"),
        (PLAIN, {3: 0x40000}, "scales, 140 bytes at 0x100"),
        (PLAIN, {5: 0x40000}, "biases, 140 bytes at 0x100"),
        (replace(PLAIN, shift_each=1), {4: 0x40000}, "shifts, 35 bytes at 0x100"),
    ],
)
def test_jobs_that_are_refused(job: Recorded, changed: dict[int, int], message: str) -> None:
    assert message in refusal(job, changed)


@pytest.mark.parametrize("bias", [0, 1])
def test_normalisation_is_32_bits_wide(bias: int) -> None:
    """As far as the accumulator times the scale fits it is computed, beyond it is a fault that says so."""
    job = replace(PLAIN, bias=bias, scale_max=0x7FFFFFFF)
    assert "leaves 32 bits" in refusal(job, {})
    assert prepared(replace(job, scale_max=255)).run(LIMIT).exit_code == 0


def test_rows_of_words_have_a_stride() -> None:
    """32-bit outputs are stored in rows of 8 channels, whose stride is a register: here 64 bytes instead of 32."""
    job = replace(PLAIN, normalise=0, out8=0, rows=1, columns=1, k_out=32)
    images = list[bytes]()
    for stride in (32, 64):
        simulator = prepared(job, {9: stride})
        assert simulator.image is not None
        assert simulator.run(LIMIT).exit_code == 0
        images.append(simulator.read(simulator.image.address_of("registers") + 8, 4))
        at = int.from_bytes(images.pop(), "little")
        images.append(b"".join(simulator.read(at + i * stride, 32) for i in range(4)))
    assert images[0] == images[1]


def test_queue_of_two_jobs() -> None:
    """The second waits for the first; each gives its outputs and an event."""
    elf = compiled("engine_queue.c")
    simulator = loaded(elf)
    result = simulator.run(LIMIT)
    assert result.exit_code == 0, str(result.fault)
    one, two = (result.regions[i].cores[0].acting.busy(NEUREKA) for i in (1, 2))
    assert two == 2 * one
    acquired = np.frombuffer(simulator.read(parse_elf(elf).address_of("acquired"), 16), dtype=np.int32)
    assert acquired[0] >= 0
    assert acquired[1] < 0
    assert acquired[2] >= 0
    assert acquired[3] < 0


def test_busy_cycles_and_overlaps() -> None:
    """Of engine, cores and DMA: alone, and at the same time."""
    result = loaded(compiled("engine_queue.c")).run(LIMIT)
    alone, along, moved = (result.regions[i].cores[0].acting for i in (1, 3, 4))
    engine = alone.busy(NEUREKA)
    assert engine > 5000
    assert alone.overlap(NEUREKA, CORES) < 100
    assert along.busy(NEUREKA) == engine
    assert engine - 100 < along.overlap(NEUREKA, CORES) <= engine  # another core works longer than it
    assert along.busy(CORES) > engine + 1000
    assert 4096 // 8 <= moved.busy(MCHAN) < 4096 // 8 + 50
    assert moved.overlap(MCHAN, CORES) < 100
    assert along.overlap(MCHAN, CORES | NEUREKA) == along.busy(MCHAN) >= 4096 // 8
    assert result.acting.busy(NEUREKA) == 4 * engine
