"""What a simulator has to know of a 32-bit little-endian ELF image: segments, entry, symbols."""

from __future__ import annotations

import bisect
import struct
from dataclasses import dataclass, field

from deeploy_mlir.support.errors import DeeployError

_EM_ARM = 40
_PT_LOAD = 1
_SHT_SYMTAB = 2
_STT_OBJECT, _STT_FUNC = 1, 2


@dataclass(frozen=True)
class Symbol:
    """A named address; `size` is 0 where the compiler gave none (labels of assembly, linker symbols)."""

    name: str
    address: int
    size: int
    is_function: bool


@dataclass(frozen=True)
class Segment:
    """Bytes to be copied to a physical address before the program starts."""

    address: int
    data: bytes


@dataclass(frozen=True)
class ElfImage:
    """A parsed image. `symbols` maps names to symbols; of local symbols of one name the last wins."""

    entry: int
    segments: tuple[Segment, ...]
    symbols: dict[str, Symbol]
    _functions: tuple[Symbol, ...] = field(repr=False)

    def address_of(self, name: str) -> int:
        """The address of a symbol. Raises DeeployError if the image has none of that name."""
        if name not in self.symbols:
            raise DeeployError(f"the image has no symbol {name!r}")
        return self.symbols[name].address

    def loaded_bytes(self, address: int, size: int) -> int:
        """Bytes from `address` up to the end of what is loaded into the `size` bytes there; 0 for nothing."""
        ends = [s.address + len(s.data) for s in self.segments]
        return max((end - address for end in ends if address < end <= address + size), default=0)

    def describe(self, address: int) -> str | None:
        """`function+0x12` for an address in code that has a symbol, else None."""
        i = bisect.bisect_right(self._functions, address, key=lambda s: s.address) - 1
        if i < 0:
            return None
        symbol = self._functions[i]
        offset = address - symbol.address
        if offset >= max(symbol.size, 1) and (symbol.size or offset > 0x1000):
            return None
        return f"{symbol.name}+0x{offset:x}" if offset else symbol.name


def parse_elf(data: bytes) -> ElfImage:
    """Parses an ELF32 little-endian executable. Raises DeeployError if `data` is not one or is truncated."""
    if len(data) < 52 or data[:6] != b"\x7fELF\x01\x01":
        raise DeeployError("not a 32-bit little-endian ELF file")
    try:
        return _parse(data)
    except (struct.error, UnicodeDecodeError, IndexError) as e:
        raise DeeployError(f"truncated or corrupt ELF file: {e}") from e


def _slice(data: bytes, offset: int, size: int) -> bytes:
    if offset + size > len(data):
        raise struct.error(f"{size} bytes at offset {offset} of {len(data)}")
    return data[offset : offset + size]


def _parse(data: bytes) -> ElfImage:
    (machine,) = struct.unpack_from("<H", data, 18)
    (entry, program_offset, section_offset) = struct.unpack_from("<3I", data, 24)
    (program_size, program_count, section_size, section_count) = struct.unpack_from("<4H", data, 42)
    segments: list[Segment] = []
    for i in range(program_count):
        kind, offset, _, physical, size = struct.unpack_from("<5I", data, program_offset + i * program_size)
        if kind == _PT_LOAD and size:
            segments.append(Segment(physical, _slice(data, offset, size)))
    symbols: dict[str, Symbol] = {}
    functions: list[Symbol] = []
    sections = [struct.unpack_from("<10I", data, section_offset + i * section_size) for i in range(section_count)]
    for section in sections:
        if section[1] != _SHT_SYMTAB:
            continue
        names = _slice(data, sections[section[6]][4], sections[section[6]][5])
        table = _slice(data, section[4], section[5])
        for name_at, value, size, info, _, index in struct.iter_unpack("<3I2BH", table[: len(table) // 16 * 16]):
            name = names[name_at : names.index(b"\0", name_at)].decode() if name_at < len(names) else ""
            # mapping symbols ($x, $d), local labels and undefined or file symbols name nothing of interest
            if not name or name.startswith(("$", ".L")) or index == 0 or info & 15 > _STT_FUNC:
                continue
            is_function = info & 15 == _STT_FUNC
            if is_function and machine == _EM_ARM:
                value &= ~1  # says only that it is Thumb
            symbol = Symbol(name, value, size, is_function)
            symbols[name] = symbol
            if info & 15 != _STT_OBJECT and index < 0xFF00:
                functions.append(symbol)
    functions.sort(key=lambda s: (s.address, s.is_function, s.size))
    return ElfImage(entry, tuple(segments), symbols, tuple(functions))
