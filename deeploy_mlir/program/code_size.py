"""How many bytes of instructions a linked program holds."""

from __future__ import annotations

import struct

_EXECUTABLE = 4
"""SHF_EXECINSTR of a section's flags."""


def code_bytes(program: bytes) -> int | None:
    """Bytes of the sections that hold instructions; None for what is no little-endian ELF file of 32 or 64 bits."""
    if program[:4] != b"\x7fELF" or program[4] not in (1, 2) or program[5] != 1:
        return None
    wide = program[4] == 2
    (table,) = struct.unpack_from("<Q" if wide else "<I", program, 40 if wide else 32)
    entry, count = struct.unpack_from("<HH", program, 58 if wide else 46)
    total = 0
    for i in range(count):
        fields = struct.unpack_from("<IIQQQQ" if wide else "<6I", program, table + i * entry)
        total += fields[5] if fields[2] & _EXECUTABLE else 0
    return total
