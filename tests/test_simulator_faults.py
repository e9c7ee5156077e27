"""What goes wrong in a program ends its run, with a report that says what, where and on which core."""

from __future__ import annotations

import re

import numpy as np
import pytest

from deeploy_mlir.simulators.elf import parse_elf
from deeploy_mlir.simulators.siracusa.result import Fault, Result
from deeploy_mlir.simulators.siracusa.simulator import Simulator
from deeploy_mlir.support.errors import DeeployError

from .siracusa_images import compiled, loaded

HOST = 8
OPCODES = [
    *(0x37, 0x17, 0x6F, 0x67, 0x63, 0x03, 0x0B, 0x07, 0x23, 0x2B, 0x27, 0x13),
    *(0x33, 0x43, 0x47, 0x4B, 0x4F, 0x53, 0x5B, 0x57, 0x7B, 0x0F, 0x73),
]
KINDS_OF_RANDOM_CODE = ["unmapped", "device", "misaligned", "illegal", "fetch", "breakpoint", "time-limit", "region"]

FAULTS = [
    # case of faults.c, core, kind, address, what the message says
    (1, 3, "unmapped", 0x20000000, "load of 4 bytes at unmapped address 0x20000000"),
    (1, HOST, "unmapped", 0x20000000, "load of 4 bytes"),
    (2, 5, "unmapped", 0, "null pointer"),
    (3, 0, "unmapped", 0x1C1FFFFE, "load of 4 bytes"),
    (4, 0, "illegal", 0, "illegal instruction 0x00000000"),
    (5, 7, "illegal", 0xFFFFFFFF, "illegal instruction 0xffffffff"),
    (6, 0, "fetch", 0x30000000, "instruction fetch outside memory at 0x30000000"),
    (7, 2, "breakpoint", None, "ebreak"),
    (8, 0, "misaligned", 0x00204000, "load of 2 bytes at device register 0x00204000"),
    (9, HOST, "device", 0x1020F000, "no such device register"),
    (10, 0, "misaligned", 0x00204012, "only aligned words"),
    (11, 0, "dma", 0x00204400, "all 16 DMA ids are in use"),
    (12, 0, "dma", 0x1003FFF0, "not all in L1"),
    (13, 0, "dma", 0x1C1FFFF0, "not all in L2"),
    (14, 0, "dma", 0x00204400, "without an id"),
    (15, 0, "dma", 0x00204404, "freed while its transfer is under way"),
    (16, 1, "region", 7, "region 7 ends on a core where it did not begin"),
    (17, HOST, "region", 1024, "region 1024"),
    (21, 0, "illegal", None, "illegal instruction"),
]


def run(which: int, core: int, max_cycles: int = 2_000_000_000) -> Result:
    return loaded(compiled("faults.c"), {"which": which, "on_core": core}).run(max_cycles)


def fault_of(result: Result) -> Fault:
    assert result.exit_code is None
    assert result.fault is not None
    return result.fault


@pytest.mark.parametrize(("which", "core", "kind", "address", "message"), FAULTS)
def test_fault(which: int, core: int, kind: str, address: int | None, message: str) -> None:
    fault = fault_of(run(which, core))
    assert fault.kind == kind
    assert message in fault.message
    assert fault.core == ("host core" if core == HOST else f"core {core}")
    if address is not None:
        assert fault.address == address
    if kind == "fetch":  # no function there
        assert fault.symbol is None
        return
    assert fault.symbol is not None
    assert re.match(r"(go_wrong|entry|load_nowhere|store_nowhere|start|copy_1d|dm_\w+)(\+|$)", fault.symbol)
    assert f"pc 0x{fault.pc:08x} ({fault.symbol})" in str(fault)


def test_no_fault() -> None:
    result = run(0, HOST)
    assert result.fault is None
    assert result.exit_code == 0


def test_exit_code() -> None:
    assert run(24, 6).exit_code == 77


@pytest.mark.parametrize("core", [0, HOST])
def test_a_store_to_code_is_seen(core: int) -> None:
    result = run(25, core)
    assert result.exit_code == 0
    assert result.stdout == "57\n"


def test_deadlock_names_who_waits_for_what() -> None:
    fault = fault_of(run(18, 3))
    assert fault.kind == "deadlock"
    assert "core 2: pc" in fault.message
    assert "(dm_barrier" in fault.message or "(dm_core_main" in fault.message
    assert "asleep at a barrier" in fault.message
    assert "stopped by wfi" in fault.message
    assert "barrier 0: arrived 0xf7 of 0xff" in fault.message


def test_all_asleep_is_a_deadlock() -> None:
    simulator = Simulator(1)
    simulator.write(0x1C000000, bytes.fromhex("73005010"))  # wfi
    fault = start_and_run(simulator, 0x1C000000)
    assert fault.kind == "deadlock"
    assert "host: pc 0x1c000004" in fault.message
    assert "stopped by wfi" in fault.message


def start_and_run(simulator: Simulator, entry: int, max_cycles: int = 1000) -> Fault:
    """Runs an image without segments, whose code has been written to memory before."""
    header = bytearray(52)
    header[:6] = b"\x7fELF\x01\x01"
    header[24:28] = entry.to_bytes(4, "little")
    simulator.load(bytes(header))
    return fault_of(simulator.run(max_cycles))


def test_running_over_the_end_of_memory() -> None:
    simulator = Simulator()
    simulator.write(0x1C1FFFFC, bytes.fromhex("13000000"))  # nop
    fault = start_and_run(simulator, 0x1C1FFFFC)
    assert fault.kind == "fetch"
    assert fault.address == 0x1C200000


def test_jump_out_of_memory() -> None:
    simulator = Simulator()
    simulator.write(0x1C000000, bytes.fromhex("6ff0dfff"))  # j -4
    fault = start_and_run(simulator, 0x1C000000)
    assert fault.kind == "fetch"
    assert fault.address == 0x1BFFFFFC


def test_time_limit() -> None:
    fault = fault_of(run(19, 2, max_cycles=100_000))
    assert fault.kind == "time-limit"
    assert "core 2: pc" in fault.message
    assert "(go_wrong+0x" in fault.message or "(entry+0x" in fault.message


def test_a_run_goes_on_after_its_time_limit() -> None:
    simulator = loaded(compiled("faults.c"), {"which": 0, "on_core": HOST})
    assert fault_of(simulator.run(max_cycles=50)).kind == "time-limit"
    assert simulator.run().exit_code == 0


def test_stack_overflow_is_reported_by_the_runtime() -> None:
    result = run(20, 1)
    assert result.exit_code == 121
    assert "stack overflow on cluster core 1" in result.stdout


def test_stack_overflow_of_core_0_leaves_l1() -> None:
    fault = fault_of(run(20, 0))
    assert fault.kind == "unmapped"
    assert fault.address is not None
    assert 0x0FFF0000 < fault.address < 0x10000000
    assert fault.symbol is not None
    assert fault.symbol.startswith("use_much_stack")


def test_neureka_checks_addresses_when_a_job_starts() -> None:
    fault = fault_of(run(26, 4))
    assert fault.kind == "neureka"
    assert fault.address == 0x10040000
    assert fault.core == "core 4"
    assert "input, 1 bytes at 0x10040000, outside L1" in fault.message


def test_neureka_accepts_no_third_job() -> None:
    fault = fault_of(run(23, 0))
    assert fault.kind == "neureka"
    assert "both contexts" in fault.message


@pytest.mark.slow
def test_endless_output() -> None:
    fault = fault_of(run(22, 4))
    assert fault.kind == "output"
    assert "printed more than" in fault.message


def test_memory_access_from_python() -> None:
    simulator = Simulator()
    assert simulator.read(0x10000000, 4) == b"\x57" * 4
    assert simulator.read(0x1C1FFFFF, 1) == b"\xa7"
    simulator.write(0x10400000, b"abc")
    assert simulator.read(0x103FFFFF + 1, 3) == b"abc"
    for address, n in [(0x1003FFFF, 2), (0, 1), (0x1C200000, 1), (0xFFFFFFFF, 4)]:
        with pytest.raises(DeeployError, match="not all in a memory"):
            simulator.read(address, n)
        with pytest.raises(DeeployError, match="not all in a memory"):
            simulator.write(address, bytes(n))


def test_one_image_a_simulator() -> None:
    simulator = Simulator()
    with pytest.raises(DeeployError, match="no image"):
        simulator.run()
    simulator.load(compiled("faults.c"))
    with pytest.raises(DeeployError, match="one image"):
        simulator.load(compiled("faults.c"))


@pytest.mark.parametrize("cores", [0, 17, -1])
def test_core_counts(cores: int) -> None:
    with pytest.raises(DeeployError, match="1 to 16"):
        Simulator(cores)


def test_corrupt_elf_files() -> None:
    elf = compiled("faults.c")
    assert parse_elf(elf).address_of("which") >= 0x1C010000
    with pytest.raises(DeeployError, match="no symbol 'nonesuch'"):
        parse_elf(elf).address_of("nonesuch")
    for bad in (b"", b"\x7fELF", b"\x7fELF\x02\x01" + elf[6:], elf[:60], elf[: len(elf) // 2]):
        with pytest.raises(DeeployError, match="ELF"):
            parse_elf(bad)


def test_alias_of_l1_at_zero() -> None:
    elf = compiled("faults.c")
    simulator = Simulator(l1_alias=True)
    image = simulator.load(elf)
    for name, value in {"which": 2, "on_core": 0}.items():
        simulator.write(image.address_of(name), value.to_bytes(4, "little"))
    assert simulator.run().exit_code == 121  # the canary of core 0's stack is at the start of L1


@pytest.mark.parametrize("seed", range(4))
def test_random_code_ends_in_a_fault_or_at_the_limit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(25):
        simulator = Simulator(2)
        code = rng.integers(0, 2**32, 512, dtype=np.uint32)
        code[::2] = (code[::2] & ~np.uint32(0x7F)) | rng.choice(OPCODES, 256).astype(np.uint32)
        simulator.write(0x1C000000, code.tobytes())
        fault = start_and_run(simulator, 0x1C000000, 20_000)
        assert fault.kind in KINDS_OF_RANDOM_CODE
