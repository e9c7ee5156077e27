"""A Cortex-M on unicorn: load an image, run it, count instructions. It models no time.

Programs talk to it by semihosting (`bkpt 0xab`): SYS_WRITEC, SYS_WRITE0 and SYS_EXIT_EXTENDED (Arm, "Semihosting for
AArch32 and AArch64"). DWT's cycle counter reads as the number of instructions so far.
"""

from __future__ import annotations

import ctypes
import functools
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deeploy_mlir.machine import shared_object
from deeploy_mlir.simulators.elf import ElfImage, parse_elf
from deeploy_mlir.support.errors import DeeployError

SOURCES = Path(__file__).resolve().parent / "src"

SYSTEM = 0xE0000000
"""Where the core's own registers begin, a mebibyte."""
DWT = 0xE0001000
CYCCNT = 4
"""Offset in DWT of its cycle counter."""
GARBAGE = 0xA5
"""What every byte of RAM is until it is written."""

REGION_BEGIN, REGION_END = "dm_region_begin", "dm_region_end"

_BREAKPOINT = 7
_EXCEPTIONS = {
    1: "undefined instruction",
    2: "svc",
    3: "prefetch abort",
    4: "data abort",
    17: "no FPU",
    18: "ARM state",
}
"""Numbers of exceptions as unicorn has them, from QEMU's target/arm/cpu.h."""
_WRITEC, _WRITE0, _EXIT_EXTENDED = 0x03, 0x04, 0x20


class _Counter(ctypes.Structure):
    """`dm_counter` of counter.c."""

    _fields_ = [
        ("code", ctypes.c_void_p),
        ("begin", ctypes.c_uint32),
        ("end", ctypes.c_uint32),
        ("watch", ctypes.c_void_p),
        ("lengths", ctypes.c_void_p),
        ("sizes", ctypes.c_void_p),
        ("account", ctypes.c_uint32),
        ("accounts", ctypes.c_void_p),
        ("total", ctypes.c_uint64),
    ]


@dataclass(frozen=True)
class MemoryMap:
    """Memory of a board, each an address and bytes: `code` can be run and read, `ram` read and written."""

    code: tuple[int, int]
    ram: tuple[int, int]


@dataclass
class Result:
    """The end of a run. `exit_code` is None exactly if there is a `fault`.

    `instructions`: all that ran; `functions`: of them those from the beginning of each watched function to the next
    one's; `regions`: those between dm_region_begin(id) and the call of dm_region_end(id), summed over all times."""

    exit_code: int | None = None
    fault: str | None = None
    stdout: str = ""
    instructions: int = 0
    functions: dict[str, int] = field(default_factory=dict[str, int])
    regions: dict[int, int] = field(default_factory=dict[int, int])


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(str(shared_object.build("cortex-m", "the counter of instructions", SOURCES)))


def _ignore_write(uc: Any, offset: int, size: int, value: int, data: object) -> None:
    """The debug unit's registers hold nothing."""


class Emulator:
    """One core with its memories; `cpu` is unicorn's number of its model (`unicorn.arm_const`).

    Raises DeeployError where unicorn is not installed."""

    def __init__(self, cpu: int, memories: MemoryMap) -> None:
        if find_spec("unicorn") is None:
            raise DeeployError("it runs on unicorn: pip install 'deeploy-mlir[emulators]' brings it")
        import unicorn

        self._unicorn: Any = unicorn
        self._uc: Any = self._unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(cpu)
        self._memories = memories
        self._code = ctypes.create_string_buffer(memories.code[1])
        self._ram = ctypes.create_string_buffer(bytes([GARBAGE]) * memories.ram[1], memories.ram[1])
        readable, executable = unicorn.UC_PROT_READ, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
        self._uc.mem_map_ptr(*memories.code, executable, self._code)
        self._uc.mem_map_ptr(*memories.ram, readable | unicorn.UC_PROT_WRITE, self._ram)
        self._uc.mem_map(SYSTEM, DWT - SYSTEM)
        self._uc.mem_map(DWT + 0x1000, (1 << 20) - (DWT + 0x1000 - SYSTEM))
        self._uc.mmio_map(DWT, 0x1000, self._read_dwt, None, _ignore_write, None)
        self.image: ElfImage | None = None
        self.result = Result()
        self._counter = _Counter()
        self._opened: dict[int, int] = {}

    def load(self, elf: bytes) -> ElfImage:
        """Copies an image's segments to memory. Raises DeeployError if it is none or has bytes elsewhere."""
        self.image = parse_elf(elf)
        for segment in self.image.segments:
            self.write(segment.address, segment.data)
        return self.image

    def _place(self, address: int, size: int) -> tuple[Any, int]:
        for (base, length), buffer in ((self._memories.code, self._code), (self._memories.ram, self._ram)):
            if base <= address and address + size <= base + length:
                return buffer, address - base
        raise DeeployError(f"{size} bytes at 0x{address:08x} are not all in one memory of the board")

    def write(self, address: int, data: bytes) -> None:
        """Writes to a memory, code too. Raises DeeployError for other addresses."""
        buffer, offset = self._place(address, len(data))
        ctypes.memmove(ctypes.byref(buffer, offset), data, len(data))

    def read(self, address: int, size: int) -> bytes:
        """Reads from a memory. Raises DeeployError for other addresses."""
        buffer, offset = self._place(address, size)
        return ctypes.string_at(ctypes.byref(buffer, offset), size)

    def run(self, seconds: float, watched: Sequence[str] = ()) -> Result:
        """Runs the loaded image from its reset vector to its end, to a fault, or for at most `seconds`.

        `watched` are functions whose instructions are counted apart. Where a C compiler made a variant of one, such as
        `step.isra.0`, that is it."""
        if self.image is None:
            raise DeeployError("no image loaded")
        stack, start = struct.unpack("<II", self.read(self._memories.code[0], 8))
        self._uc.reg_write(self._arm.UC_ARM_REG_SP, stack)
        accounts = self._count(self.image, watched)
        self._uc.hook_add(self._unicorn.UC_HOOK_INTR, self._exception)
        self._watch_regions(self.image)
        self._run_for(start | 1, seconds)
        self.result.instructions = int(self._counter.total)
        self.result.functions = {name: accounts[n + 1] for n, name in enumerate(watched)}
        return self.result

    @property
    def _arm(self) -> Any:
        from unicorn import arm_const

        return arm_const

    def _run_for(self, start: int, seconds: float) -> None:
        """On a thread of its own, so that signals are seen meanwhile."""

        def work() -> None:
            try:
                self._uc.emu_start(start, 0xFFFFFFFE)
            except self._unicorn.UcError as error:
                self.result.fault = self.result.fault or f"{error} {self._where()}"
            except DeeployError as error:  # of a call from the program
                self.result.fault = f"{error} {self._where()}"

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            thread.join(seconds)
        finally:
            if thread.is_alive():
                self.result.fault = f"not at its end after {seconds:g} s {self._where()}"
                self._uc.emu_stop()
                thread.join()

    def _where(self) -> str:
        pc = int(self._uc.reg_read(self._arm.UC_ARM_REG_PC))
        symbol = self.image.describe(pc) if self.image is not None else None
        return f"[pc 0x{pc:08x}{f' ({symbol})' if symbol else ''}]"

    def _count(self, image: ElfImage, watched: Sequence[str]) -> Any:
        """Has blocks counted; the array of accounts: that of all else, then one a watched function."""
        base, size = self._memories.code
        halfwords = size // 2
        watch = (ctypes.c_uint16 * halfwords)()
        names = {name: number for number, name in enumerate(watched)}
        for symbol in image.symbols.values():
            number = names.get(symbol.name.split(".")[0])
            if number is not None and symbol.is_function:
                watch[(symbol.address - base) // 2] = number + 2
        if REGION_END in image.symbols:  # what follows the network is none of its functions
            watch[(image.address_of(REGION_END) - base) // 2] = 1
        lengths, sizes = (ctypes.c_uint16 * halfwords)(), (ctypes.c_uint16 * halfwords)()
        accounts = (ctypes.c_uint64 * (len(watched) + 1))()
        arrays = (self._code, watch, lengths, sizes, accounts)
        code, *rest = (ctypes.addressof(array) for array in arrays)
        self._counter = _Counter(code, base, base + size, *rest[:3], 0, rest[3], 0)
        self._kept = arrays
        # The binding takes Python functions only: a call for each block would take twenty times as long.
        from unicorn.unicorn_py3.unicorn import uclib

        handle = ctypes.c_size_t()
        status = uclib.uc_hook_add(
            self._uc._uch,
            ctypes.byref(handle),
            self._unicorn.UC_HOOK_BLOCK,
            ctypes.cast(_library().dm_count_block, ctypes.c_void_p),
            ctypes.cast(ctypes.byref(self._counter), ctypes.c_void_p),
            ctypes.c_uint64(1),
            ctypes.c_uint64(0),
        )
        if status != 0:
            raise DeeployError(f"unicorn cannot count instructions (error {status})")
        return accounts

    def _watch_regions(self, image: ElfImage) -> None:
        for name, handler in ((REGION_BEGIN, self._region_begins), (REGION_END, self._region_ends)):
            if name in image.symbols:
                address = image.address_of(name)
                self._uc.hook_add(self._unicorn.UC_HOOK_CODE, handler, begin=address, end=address)

    def _region_begins(self, uc: Any, address: int, size: int, data: object) -> None:
        self._opened[uc.reg_read(self._arm.UC_ARM_REG_R0)] = int(self._counter.total)

    def _region_ends(self, uc: Any, address: int, size: int, data: object) -> None:
        region = uc.reg_read(self._arm.UC_ARM_REG_R0)
        if region not in self._opened:
            self._stop(f"end of region {region}, which did not begin")
            return
        spent = int(self._counter.total) - self._opened.pop(region)
        self.result.regions[region] = self.result.regions.get(region, 0) + spent

    def _stop(self, fault: str) -> None:
        self.result.fault = f"{fault} {self._where()}"
        self._uc.emu_stop()

    def _read_dwt(self, uc: Any, offset: int, size: int, data: object) -> int:
        return int(self._counter.total) & 0xFFFFFFFF if offset == CYCCNT else 0

    def _exception(self, uc: Any, number: int, data: object) -> None:
        if number != _BREAKPOINT:
            self._stop(_EXCEPTIONS.get(number, f"exception {number}"))
            return
        operation, argument = (uc.reg_read(r) for r in (self._arm.UC_ARM_REG_R0, self._arm.UC_ARM_REG_R1))
        if operation == _WRITEC:
            self.result.stdout += chr(self.read(argument, 1)[0])
        elif operation == _WRITE0:
            while (byte := self.read(argument, 1)) != b"\0":
                self.result.stdout += chr(byte[0])
                argument += 1
        elif operation == _EXIT_EXTENDED:
            self.result.exit_code = struct.unpack("<II", self.read(argument, 8))[1]
            uc.emu_stop()
            return
        else:
            self._stop(f"semihosting operation 0x{operation:x}")
            return
        uc.reg_write(self._arm.UC_ARM_REG_PC, (uc.reg_read(self._arm.UC_ARM_REG_PC) + 2) | 1)
