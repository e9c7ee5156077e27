"""What object files hold that a function reaches: code, constants and data by their sections, and the deepest stack.

Objects are ELF, relocatable, little-endian, of 32 or 64 bits (System V ABI, chapter 4), compiled with a section for
each function and variable. Stack sizes come from clang's section `.stack_sizes` (an address and a ULEB128 for each
function) or from the file with the suffix .su that GCC writes beside the object.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deeploy_mlir.support.errors import DeeployError

SECTION_FLAGS = ("-ffunction-sections", "-fdata-sections")
"""Compiler flags by which sections can be told apart."""

_SYMBOLS, _RELA, _NOBITS, _REL = 2, 4, 8, 9
_WRITE, _ALLOCATE, _EXECUTABLE = 1, 2, 4
_LAST_KIND, _UNDEFINED = 2, 0
"""Symbols of no kind, objects and functions name something in a section; an undefined one is in section 0."""


@dataclass(frozen=True)
class SectionSizes:
    """Bytes that a function reaches: instructions, constants (with the initial values of data), data that is written;
    and of stack on the deepest chain of calls, None where the compiler told nothing. What no object defines (the
    C library, the platform) is not counted."""

    code: int
    constants: int
    written: int
    stack: int | None


@dataclass
class _Section:
    kind: int
    flags: int
    size: int
    references: list[int | str] = field(default_factory=list[int | str])
    """Sections of this object by number, and names that it does not define."""
    stack: int | None = None


@dataclass(frozen=True)
class _Object:
    sections: Mapping[int, _Section]
    defined: Mapping[str, int]
    """Section of each name, static ones too."""


@dataclass(frozen=True)
class _Header:
    """A section header of either width."""

    name: int
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int


def reached_sizes(paths: Sequence[Path], entry: str) -> SectionSizes:
    """What the function `entry` reaches in these objects. Raises DeeployError for files of another format, or where no
    object defines it."""
    objects = [_read(path) for path in paths]
    homes = {name: (number, section) for number, o in enumerate(objects) for name, section in o.defined.items()}
    if entry not in homes:
        raise DeeployError(f"no object defines {entry}")
    depths: dict[tuple[int, int], int] = {}

    def depth(node: tuple[int, int]) -> int:
        """Bytes of stack from here on."""
        if node not in depths:
            depths[node] = 0  # generated code does not recurse
            section = objects[node[0]].sections[node[1]]
            targets = [homes.get(r) if isinstance(r, str) else (node[0], r) for r in section.references]
            depths[node] = (section.stack or 0) + max((depth(t) for t in targets if t is not None), default=0)
        return depths[node]

    deepest = depth(homes[entry])
    reached = [objects[number].sections[section] for number, section in depths]
    known = any(section.stack is not None for section in reached)
    return SectionSizes(
        code=sum(s.size for s in reached if s.flags & _EXECUTABLE),
        constants=sum(s.size for s in reached if not s.flags & _EXECUTABLE and s.kind != _NOBITS),
        written=sum(s.size for s in reached if s.flags & _WRITE),
        stack=deepest if known else None,
    )


def _read(path: Path) -> _Object:
    data = path.read_bytes()
    if data[:4] != b"\x7fELF" or data[4:5] not in (b"\1", b"\2") or data[5:6] != b"\1":
        raise DeeployError(f"{path.name} is no little-endian ELF object")
    try:
        return _parse(data, data[4] == 2, path.with_suffix(".su"))
    except (struct.error, IndexError, KeyError, ValueError) as error:
        raise DeeployError(f"{path.name} cannot be read: {error}") from error


def _parse(data: bytes, wide: bool, stack_usage: Path) -> _Object:
    headers = list(_headers(data, wide))
    sections = {n: _Section(h.kind, h.flags, h.size) for n, h in enumerate(headers) if h.flags & _ALLOCATE}
    defined: dict[str, int] = {}
    names: list[str] = []
    homes: list[int] = []
    for header in (h for h in headers if h.kind == _SYMBOLS):
        text = headers[header.link]
        for name_at, info, home in _symbols(data, wide, header):
            start = text.offset + name_at
            names.append(data[start : data.index(b"\0", start)].decode())
            homes.append(home)
            if names[-1] and home in sections and info & 15 <= _LAST_KIND:
                defined[names[-1]] = home
    for header in (h for h in headers if h.kind in (_REL, _RELA) and h.info in sections):
        for symbol in _relocated(data, wide, header):
            home = homes[symbol]
            if home in sections:
                sections[header.info].references.append(home)
            elif home == _UNDEFINED and names[symbol]:
                sections[header.info].references.append(names[symbol])
    _stack_sizes(data, wide, headers, sections)
    if stack_usage.is_file():
        for line in stack_usage.read_text().splitlines():
            place, size, _ = line.split("\t")
            home = defined.get(place.rpartition(":")[2])
            if home is not None:
                sections[home].stack = max(sections[home].stack or 0, int(size))
    return _Object(sections, defined)


def _headers(data: bytes, wide: bool) -> Iterator[_Header]:
    (table,) = struct.unpack_from("<Q" if wide else "<I", data, 40 if wide else 32)
    entry, count = struct.unpack_from("<HH", data, 58 if wide else 46)
    if count == 0 and table:  # more than a half-word holds: the first header's size says how many
        count = struct.unpack_from("<IIQQQQ" if wide else "<6I", data, table)[5]
    for n in range(count):
        fields = struct.unpack_from("<IIQQQQII" if wide else "<8I", data, table + n * entry)
        yield _Header(fields[0], fields[1], fields[2], fields[4], fields[5], fields[6], fields[7])


def _symbols(data: bytes, wide: bool, header: _Header) -> Iterator[tuple[int, int, int]]:
    """Offset of the name, info and section of each symbol."""
    table = data[header.offset : header.offset + header.size]
    if wide:
        yield from ((name, info, home) for name, info, _, home, _, _ in struct.iter_unpack("<IBBHQQ", table))
    else:
        yield from ((name, info, home) for name, _, _, info, _, home in struct.iter_unpack("<IIIBBH", table))


def _relocated(data: bytes, wide: bool, header: _Header) -> Iterator[int]:
    """The number of each symbol that a section refers to."""
    table = data[header.offset : header.offset + header.size]
    addend = "" if header.kind == _REL else "q" if wide else "i"
    for _, info, *_ in struct.iter_unpack(("<QQ" if wide else "<II") + addend, table):
        yield info >> 32 if wide else info >> 8


def _stack_sizes(data: bytes, wide: bool, headers: Sequence[_Header], sections: Mapping[int, _Section]) -> None:
    """Reads clang's sections of stack sizes, each of which is linked to the section of its functions."""
    names = headers[struct.unpack_from("<H", data, 62 if wide else 50)[0]]
    for header in headers:
        start = names.offset + header.name
        if not data.startswith(b".stack_sizes\0", start) or header.link not in sections:
            continue
        at, end = header.offset, header.offset + header.size
        while at < end:
            at += 8 if wide else 4
            size = shift = 0
            while True:
                byte = data[at]
                at += 1
                size |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            sections[header.link].stack = max(sections[header.link].stack or 0, size)
