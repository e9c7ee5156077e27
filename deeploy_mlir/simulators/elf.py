"""The little of ELF that running an image needs: symbols, and how much of it is code."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_SYMBOL_TABLE = 2
_EXECUTABLE = 4


@dataclass(frozen=True)
class Symbol:
    """An address and the size in bytes of what lies there."""

    address: int
    size: int


@dataclass(frozen=True)
class _Section:
    type: int
    flags: int
    offset: int
    size: int
    link: int
    entry_size: int


@dataclass(frozen=True)
class ElfFile:
    """A little-endian ELF file of 32 or 64 bits. Raises ValueError for anything else."""

    data: bytes

    def __post_init__(self) -> None:
        if self.data[:4] != b"\x7fELF" or len(self.data) < 52 or self.data[5] != 1:
            raise ValueError("not a little-endian ELF file")

    @property
    def _wide(self) -> bool:
        return self.data[4] == 2

    def _sections(self) -> list[_Section]:
        table, size, count = (
            (*struct.unpack_from("<Q", self.data, 40), *struct.unpack_from("<HH", self.data, 58))
            if self._wide
            else (*struct.unpack_from("<I", self.data, 32), *struct.unpack_from("<HH", self.data, 46))
        )
        sections: list[_Section] = []
        for i in range(count):
            fields = struct.unpack_from("<IIQQQQIIQQ" if self._wide else "<10I", self.data, table + i * size)
            _, kind, flags, _, offset, length, link, _, _, entry = fields
            sections.append(_Section(kind, flags, offset, length, link, entry))
        return sections

    def code_bytes(self) -> int:
        """Bytes of the sections that hold instructions."""
        return sum(section.size for section in self._sections() if section.flags & _EXECUTABLE)

    def symbols(self) -> dict[str, Symbol]:
        """The symbols with a name and a section, by name; of several with one name (file-local ones), the last."""
        sections = self._sections()
        found: dict[str, Symbol] = {}
        for table in (section for section in sections if section.type == _SYMBOL_TABLE):
            names = sections[table.link]
            for position in range(table.offset, table.offset + table.size, table.entry_size):
                if self._wide:
                    name, _, _, section, address, size = struct.unpack_from("<IBBHQQ", self.data, position)
                else:
                    name, address, size, _, _, section = struct.unpack_from("<IIIBBH", self.data, position)
                if name and section:
                    start = names.offset + name
                    text = self.data[start : self.data.index(b"\0", start)].decode(errors="replace")
                    found[text] = Symbol(address, size)
        return found
