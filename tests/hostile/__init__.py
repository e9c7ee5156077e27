"""Hostile files and command lines, made by kinds and parameters: `CASES` has them all by name."""

from __future__ import annotations

from . import command_lines, files, names, nesting, sizes
from .case import Case

CASES: dict[str, Case] = {
    case.name: case for kind in (names, sizes, nesting, files, command_lines) for case in kind.cases()
}
