"""Other SoCs of Siracusa's family: an L3 with its DMA, and machines that lack what Siracusa has."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from deeploy_mlir.simulators.siracusa.result import Fault, Result
from deeploy_mlir.simulators.siracusa.simulator import SIRACUSA, Machine, Simulator
from deeploy_mlir.support.errors import DeeployError

from .siracusa_images import compiled, loaded

LIMIT = 10_000_000
WITH_L3 = Machine(l3_bytes=1 << 24)
SMALL = Machine(l1_bytes=1 << 16, l2_bytes=1 << 19, weight_memory_bytes=0, neureka=False)
L3 = 0x80000000
TO_L2, LINES = 1 << 24, 1 << 25
NEAR_BYTES = 65536

Command = tuple[int, int, int, int, int, int]
"""Group, first word, offset in L2, offset in L3, bytes of a line, stride."""


def with_commands(commands: list[Command], *, on_host: bool = False, machine: Machine = WITH_L3) -> Simulator:
    """A simulator with these commands in memory, and counted bytes in the near array."""
    simulator = loaded(
        compiled("l3_transfers.c"), {"job_count": len(commands), "on_host": int(on_host)}, machine=machine
    )
    image = simulator.image
    assert image is not None
    simulator.write(image.address_of("jobs"), np.array(commands, dtype=np.uint32).tobytes())
    simulator.write(image.address_of("near"), bytes(i % 251 for i in range(NEAR_BYTES)))
    return simulator


def symbol(simulator: Simulator, name: str, n: int) -> bytes:
    assert simulator.image is not None
    return simulator.read(simulator.image.address_of(name), n)


def fault_of(simulator: Simulator) -> Fault:
    fault = simulator.run(LIMIT).fault
    assert fault is not None
    return fault


@pytest.mark.parametrize("on_host", [False, True])
def test_l3_transfers(on_host: bool) -> None:
    """In and out, lines and blocks, several under one id; as a copy in numpy."""
    rng = np.random.default_rng(3)
    near = np.array([i % 251 for i in range(NEAR_BYTES)], dtype=np.uint8)
    far = rng.integers(0, 256, 1 << 18, dtype=np.uint8)
    commands, counted = list[Command](), [0, 0]
    simulator_far = far.copy()
    for group in range(10):
        for _ in range(int(rng.integers(1, 3))):
            lines, length = int(rng.integers(1, 9)), int(rng.integers(1, 200))
            stride = int(rng.integers(length, 400))
            at, outer = int(rng.integers(0, NEAR_BYTES - 2000)), int(rng.integers(0, len(far) - 4000))
            inwards, block = bool(rng.integers(2)), bool(rng.integers(2))
            lines = lines if block else 1
            flags = lines * length | (TO_L2 if inwards else 0) | (LINES if block else 0)
            commands.append((group, flags, at, outer, length, stride))
            for i in range(lines):
                a, b = at + i * length, outer + i * stride
                if inwards:
                    near[a : a + length] = far[b : b + length]
                else:
                    far[b : b + length] = near[a : a + length]
            counted[inwards] += lines * length
    simulator = with_commands(commands, on_host=on_host)
    simulator.write(L3, simulator_far.tobytes())
    result = simulator.run(LIMIT)
    assert result.exit_code == 0, str(result.fault)
    assert symbol(simulator, "near", NEAR_BYTES) == near.tobytes()
    assert simulator.read(L3, len(far)) == far.tobytes()
    assert [result.host.l3_dma_bytes_out, result.host.l3_dma_bytes_in] == counted


def test_l3_transfers_in_time() -> None:
    """200 cycles and one for each byte, one after the other; nothing arrives before the end."""
    commands: list[Command] = [
        (0, 1000 | TO_L2, 0, 0, 0, 0),
        (1, 1000 | TO_L2, 0, 0, 0, 0),
        (1, 500, 2000, 4096, 0, 0),
        (2, 1024 | TO_L2 | LINES, 0, 0, 8, 64),
    ]
    simulator = with_commands(commands)
    simulator.write(L3, b"\xee" * 65536)
    assert simulator.run(LIMIT).exit_code == 0
    early = np.frombuffer(symbol(simulator, "early", 12), dtype=np.uint32)
    cycles = np.frombuffer(symbol(simulator, "cycles", 12), dtype=np.uint32)
    assert early.tolist() == [0, 0xEE, 0xEE]
    for got, least in zip(cycles.tolist(), (1200, 1900, 1224), strict=True):
        assert least < got < least + 350  # with the issue, cold


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ((0, 0, 0, 0, 0, 0), "0 bytes"),
        ((0, 1 << 27 | 4, 0, 0, 0, 0), "bits 27 and up are 0"),
        ((0, 64, 0, (1 << 24) - 32, 0, 0), "64 bytes at 0x80ffffe0 are not all in L3"),
        ((0, 64 | LINES, 0, (1 << 24) - 100, 16, 32), "16 bytes at 0x80fffffc are not all in L3"),
        ((0, 64, 0x200000, 0, 0, 0), "are not all in L2"),
        ((0, 64 | TO_L2, 0xF0000000 - 0x1C010000, 0, 0, 0), "are not all in L2"),
    ],
)
def test_l3_commands_that_fault(command: Command, message: str) -> None:
    fault = fault_of(with_commands([command]))
    assert fault.kind == "dma"
    assert message in fault.message


def test_without_l3_its_dma_is_not_there() -> None:
    fault = fault_of(with_commands([(0, 4, 0, 0, 0, 0)], machine=SIRACUSA))
    assert (fault.kind, fault.address) == ("unmapped", 0x1A10D000)


def without_weights(elf: bytes) -> bytes:
    """An image whose segment in the weight memory is none."""
    offset, size, count = *struct.unpack_from("<I", elf, 28), *struct.unpack_from("<2H", elf, 42)
    changed = bytearray(elf)
    for at in range(offset, offset + size * count, size):
        if struct.unpack_from("<I", elf, at + 12)[0] == 0x10800000:
            changed[at : at + 4] = bytes(4)
    return bytes(changed)


def going_wrong(which: int, machine: Machine) -> Result:
    """Of the program `faults.c`, on the host core."""
    elf = without_weights(compiled("faults.c"))
    return loaded(elf, {"which": which, "on_core": 8}, machine=machine).run(LIMIT)


def faulting(which: int, machine: Machine) -> Fault:
    """As `going_wrong`, if it does."""
    fault = going_wrong(which, machine).fault
    assert fault is not None
    return fault


def test_cores_do_not_reach_l3() -> None:
    fault = faulting(27, WITH_L3)
    assert (fault.kind, fault.address) == ("unmapped", L3)
    assert "L3 is reached by its DMA alone" in fault.message


@pytest.mark.parametrize(
    ("which", "message"),
    [(28, "freed while its transfer is under way"), (29, "without an id"), (30, "all 8 L3 DMA ids are in use")],
)
def test_misuse_of_the_l3_dma(which: int, message: str) -> None:
    fault = faulting(which, WITH_L3)
    assert fault.kind == "dma"
    assert message in fault.message


@pytest.mark.parametrize(
    ("which", "kind", "address"),
    [
        (31, "unmapped", 0x10010000),  # beyond L1
        (32, "unmapped", 0x1C080000),  # beyond L2
        (33, "unmapped", 0x10400000),  # weight memory
        (34, "device", 0x00201004),  # N-EUREKA
    ],
)
def test_what_a_small_machine_lacks(which: int, kind: str, address: int) -> None:
    fault = faulting(which, SMALL)
    assert (fault.kind, fault.address) == (kind, address)
    assert going_wrong(which, SIRACUSA).exit_code == 0


def test_code_beyond_a_small_l2() -> None:
    fault = faulting(35, SMALL)
    assert (fault.kind, fault.address) == ("fetch", 0x1C080000)


@pytest.mark.parametrize(
    "machine", [Machine(l1_bytes=1 << 19), Machine(l2_bytes=1000), Machine(l1_bytes=0), Machine(l3_bytes=1 << 32)]
)
def test_machines_outside_the_family(machine: Machine) -> None:
    with pytest.raises(DeeployError, match="multiples of 256"):
        Simulator(machine=machine)
