"""Cycles of the reference programs against those that GVSoC, the SoC's public simulator, gave for the same images.

GVSoC's figures were measured once with its Siracusa target and are stored here. The tolerance of a row is the
difference seen, rounded up: the model is deterministic, so a row that leaves it has changed. What is known to be off
is in the table too: code larger than the shared instruction cache, cold code run by 8 cores at once, DMA measured with
cold issuing code.
"""

from __future__ import annotations

import re

import pytest

from .siracusa_images import reference

COUNTED = r"(?:^|\n){} (\d+)\n"
"""A line of micro.c: the benchmark's number and its cycles."""

ROWS = [
    # image, what to read, GVSoC, tolerance in per cent
    ("hello", r"cycles=(\d+)", 808, 1),
    ("dot", r"C 30592 in (\d+)", 2831, 1),
    ("dot", r"sdotsp 30592 in (\d+)", 457, 1),
    ("dot", r"hwloop 30592 in (\d+)", 270, 1),
    ("matmul", r"core 0: .*\+barrier (\d+)", 100_519, 2),
    ("matmul", r"core 1: .*sdotsp mm (\d+)", 17_427, 1),
    ("matmul", r"dma in 4096B (\d+)", 730, 23),
    ("matmul", r"out 4096B (\d+)", 616, 3),
    ("matmul", r"2d 32x32B (\d+)", 227, 8),
    ("loads", r"own bank (\d+)", 768, 1),
    ("loads", r"same word (\d+)", 4_100, 1),
    ("loads", r"diff word (\d+)", 4_053, 1),
    ("micro_code", COUNTED.format(32), 219, 1),
    ("micro_code", COUNTED.format(35), 2_305, 2),
    ("micro_code", COUNTED.format(36), 6_841, 8),
    ("micro_parallel", COUNTED.format(68), 2_651, 4),
    ("micro_parallel", COUNTED.format(71), 4_429, 6),
    ("neureka_1x1_32", r"in TCDM (\d+)", 1_290, 3),
    ("neureka_1x1_32", r"in wmem (\d+)", 1_064, 1),
    ("neureka_1x1_32", r"to u8: (\d+)", 1_023, 1),
    ("neureka_1x1_64", r"in TCDM (\d+)", 2_977, 1),
    ("neureka_1x1_64", r"in wmem (\d+)", 2_736, 1),
    ("neureka_3x3_32", r"in TCDM (\d+)", 3_580, 1),
    ("neureka_3x3_32", r"in wmem (\d+)", 3_364, 1),
    ("neureka_3x3_32", r"to u8: (\d+)", 3_314, 1),
    ("neureka_depthwise_56", r"in TCDM (\d+)", 2_331, 2),
    ("neureka_depthwise_56", r"in wmem (\d+)", 3_835, 1),
    ("neureka_depthwise_56", r"to u8: (\d+)", 3_575, 1),
]

SLOW_ROWS = [
    ("simd", r"cycles (\d+)", 5_420_104, 0.1),
    ("neureka_3x3_64", r"in TCDM (\d+)", 9_677, 1),
    ("neureka_3x3_64", r"in wmem (\d+)", 9_438, 2),
]


def name_of(row: tuple[str, str, int, float]) -> str:
    return f"{row[0]}-{row[2]}"


def check(row: tuple[str, str, int, float]) -> None:
    image, pattern, gvsoc, tolerance = row
    result = reference(image)
    found = re.search(pattern, result.stdout)
    assert found, result.stdout
    cycles = int(found.group(1))
    assert abs(cycles - gvsoc) <= gvsoc * tolerance / 100, f"{cycles} cycles, GVSoC {gvsoc}"
    for core in (*result.cores, result.host):
        assert core.stalls.multicycle >= 0
        assert core.cycles == core.instructions + core.stalls.total()


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_cycles_against_gvsoc(row: tuple[str, str, int, float]) -> None:
    check(row)


@pytest.mark.slow
@pytest.mark.parametrize("row", SLOW_ROWS, ids=name_of)
def test_cycles_against_gvsoc_long_runs(row: tuple[str, str, int, float]) -> None:
    check(row)


@pytest.mark.parametrize("image", ["neureka_1x1_32", "neureka_3x3_32", "neureka_depthwise_56"])
def test_engine_results_are_those_of_the_cores(image: str) -> None:
    wrong = re.findall(r"wrong (\d+)", reference(image).stdout)
    assert wrong == ["0", "0", "0"]


def test_two_runs_are_equal() -> None:
    first = reference("matmul")
    reference.cache_clear()
    assert reference("matmul") == first
